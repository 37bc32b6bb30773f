"""`look`: the network in hand drawn, told in words, as JSON and in a file."""

from pathlib import Path

import numpy as np
import pytest
from session_helpers import do, refusal, shown

from digitnet.repl.features.look import picture_of
from digitnet.repl.session import Session


def test_plain_text_tells_what_the_picture_shows(session: Session) -> None:
    do(session, "n mini")
    lines = shown(session, "look 5").splitlines()
    assert lines[:2] == ["case 5 of the mini test set", "3 inputs, 2 of them not zero"]
    assert lines[2].startswith("layer 1, 3: 3 not zero")
    assert lines[4].startswith("  weight times value: ")
    assert lines[-1].startswith("guess ")


def test_the_json_has_what_check_and_why_have(session: Session) -> None:
    do(session, "n diary; t 20")
    (looked,) = do(session, "look 7")
    (checked,) = do(session, "c 7")
    (explained,) = do(session, "why 7")
    assert [looked[k] for k in ("guess", "answer", "set")] == [
        checked[k] for k in ("guess", "answer", "set")
    ]
    assert looked["outputs"] == pytest.approx(checked["outputs"], abs=1e-6)
    for mine, theirs in zip(looked["layers"], explained["layers"], strict=True):
        units = mine["shown"]
        assert mine["values"] == [theirs["a"][unit] for unit in units]
        assert mine["signals"] == [theirs["delta"][unit] for unit in units]


@pytest.mark.parametrize(("recipe", "points"), [("xor", 3), ("spiral", 40)])
@pytest.mark.parametrize("width", [50, 80, 120])
def test_data_of_two_inputs_have_a_plane(
    session: Session, recipe: str, points: int, width: int
) -> None:
    do(session, f"n {recipe}; t 20")
    text = shown(session, "look 1", width=width, plain=False, can_redraw=True)
    assert text.count("●") >= points
    assert text.count("◎") == 1
    assert "of the plane" in shown(session, "look 1")


def test_a_plane_shows_what_the_network_answers_there(session: Session) -> None:
    do(session, "n xor; t 300")
    plane = picture_of(session.network().network, session.data(), 0).plane
    assert plane is not None
    corners = np.sign(plane.answers[[0, 0, -1, -1], [0, -1, 0, -1]])
    assert corners.tolist() == [1, -1, -1, 1]
    assert [values.shape for values in plane.maps] == [(48, 48, 2), (48, 48, 4), (48, 48, 1)]


def test_a_committee_has_no_error_signal(session: Session) -> None:
    do(session, "n 784-5-10; pas a; n 28x28-2c5-p2-10; pas b")
    looked = do(session, "vote a b; look 7")[-1]
    assert [layer["layer"] for layer in looked["layers"]] == ["2 members", ""]
    assert looked["layers"][1]["signals"] is None


def test_a_file_for_a_dark_or_a_white_background(session: Session, tmp_path: Path) -> None:
    do(session, f"n diary; look 5 {tmp_path}/dark.svg; look 5 light {tmp_path}/light.svg")
    dark, light = ((tmp_path / f"{name}.svg").read_text() for name in ("dark", "light"))
    assert ("#292929" in dark, "#ffffff" in light) == (True, True)
    assert "#292929" not in light
    do(session, f"look 5 light --png {tmp_path}/light.png; look 5 light --html {tmp_path}/x.html")
    assert "background: #ffffff" in (tmp_path / "x.html").read_text()


def test_what_cannot_be_looked_at(session: Session) -> None:
    assert "no network in hand" in refusal(session, "look")
    do(session, "n diary")
    assert "there is no case 1,000" in refusal(session, "look 1000")
    assert "look 5" in refusal(session, "look five")

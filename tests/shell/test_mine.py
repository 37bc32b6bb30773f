"""`mine`: what was drawn is kept, trained on and checked."""

from pathlib import Path

import pytest
from drawing_helpers import DIGITS, draw
from mouse_helpers import Hand
from PIL import Image
from session_helpers import do, refusal

from digitnet.digits.drawing import Drawing
from digitnet.digits.own import FILE
from digitnet.repl.session import Session


def drawn(session: Session, digit: int, line: str, answer: int | None = None) -> dict[str, object]:
    """Draws a digit, says its answer, and does a line; the last result."""
    session.asker = Hand(digit, answer)
    return do(session, f"d; {line}")[-1]


def test_drawings_become_a_data_set_that_is_trained_on_and_checked(session: Session) -> None:
    do(session, "n diary; set batch 4; set rate 0.5")
    for count, digit in enumerate(list(DIGITS) * 4, 1):
        added = drawn(session, digit, "mine", digit)
        assert (added["answer"], added["total"]) == (digit, count)
    assert added["of_it"] == 4
    chosen, trained, checked = do(session, "data mine; t 300; ch all")
    assert chosen["train"] + chosen["validation"] + chosen["test"] == 16
    assert trained["train_accuracy"] == 1
    assert checked["correct"] == checked["total"] == chosen["test"]
    assert checked["set"] == "mine test"
    again = Session(session.saves, session.shelf.folders, session.saves, seed=1)
    assert do(again, "data mine")[0]["train"] == chosen["train"]


def test_the_answer_is_said_on_the_board_or_afterwards_and_can_be_changed(
    session: Session,
) -> None:
    do(session, "n diary")
    session.asker = Hand(7)
    assert refusal(session, "d; mine") == "which digit is it? Example: mine 7"
    assert drawn(session, 7, "mine 7")["total"] == 1
    assert do(session, "mine 1")[0] == {"command": "mine", "answer": 1, "total": 1, "of_it": 1}
    assert drawn(session, 1, "mine 7", 1)["of_it"] == 1


def test_what_is_in_use_grows_at_once(session: Session) -> None:
    do(session, "n diary")
    for _ in range(2):
        for digit in DIGITS:
            drawn(session, digit, "mine", digit)
    before = do(session, "data mine")[0]["train"]
    for digit in DIGITS:
        drawn(session, digit, "mine", digit)
    assert do(session, "data")[0]["train"] > before


def test_what_cannot_be_added(session: Session, tmp_path: Path) -> None:
    assert (
        refusal(session, "mine 7")
        == "no digit was drawn yet: d draws one, img reads a picture of one"
    )
    assert "a digit, 0 to 9" in refusal(session, "mine 10")
    assert "d draws a digit, mine adds it" in refusal(session, "data mine")
    do(session, "n diary")
    drawn(session, 7, "mine 7")
    assert "too few" in refusal(session, "data mine")
    assert session.shelf.name == "sample"


@pytest.mark.parametrize("name", ["", FILE, "own.lock"])
def test_a_link_in_the_folder_leads_nowhere(session: Session, tmp_path: Path, name: str) -> None:
    do(session, "n diary")
    elsewhere = tmp_path / "elsewhere"
    if name:
        elsewhere.write_text("kept")
        session.shelf.own.mkdir(parents=True)
    else:
        elsewhere.mkdir()
        session.saves.mkdir(exist_ok=True)
    (session.shelf.own / name).symlink_to(elsewhere)
    session.asker = Hand(7)
    refusal(session, "d; mine 7")
    assert not list(elsewhere.iterdir()) if not name else elsewhere.read_text() == "kept"


def test_a_damaged_file_is_left_as_it_is(session: Session) -> None:
    do(session, "n diary")
    session.shelf.own.mkdir(parents=True)
    (session.shelf.own / FILE).write_bytes(b"no digits")
    session.asker = Hand(7)
    assert "too short to be an IDX file" in refusal(session, "d; mine 7")
    assert (session.shelf.own / FILE).read_bytes() == b"no digits"


def test_a_digit_in_a_picture_is_added_too(session: Session, tmp_path: Path) -> None:
    drawing = Drawing()
    draw(drawing, 7)
    Image.fromarray(255 - drawing.picture()).save(tmp_path / "seven.png")
    do(session, "n diary")
    assert do(session, f"img {tmp_path / 'seven.png'}; mine 7")[1]["total"] == 1

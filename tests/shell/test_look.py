"""`look`: the network in hand drawn, told in words, as JSON and in a file."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Start
from session_helpers import do, shown

from digitnet.engine.arrays import answers_of
from digitnet.repl.features import look
from digitnet.repl.features.look import Viewer
from digitnet.repl.film import Film, Moment
from digitnet.repl.pictures.grid import Grid, Line
from digitnet.repl.pictures.network import picture_of
from digitnet.repl.session import Session


def test_plain_text_tells_what_the_picture_shows(session: Session) -> None:
    do(session, "n mini")
    lines = shown(session, "look 5").splitlines()
    assert lines[:2] == ["case 5 of the mini test set", "3 inputs, 2 of them not zero"]
    assert lines[2].startswith("layer 1, 3: 3 not zero")
    assert lines[4].startswith("  weights times values: ")
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


@pytest.mark.parametrize(
    ("recipe", "points"), [("xor", 3), ("spiral", 40), ("data import own own.csv; n 2-5-3", 3)]
)
@pytest.mark.parametrize("width", [50, 80, 120])
def test_data_of_two_inputs_and_ones_own_have_a_plane(
    session: Session, recipe: str, points: int, width: int, tmp_path: Path
) -> None:
    rows = [f"{k % 7},{k % 5},{'abc'[k % 3]}" for k in range(60)]
    (tmp_path / "own.csv").write_text("\n".join(["x,y,kind", *rows]))
    line = f"n {recipe}" if ";" not in recipe else recipe.replace("own.csv", f"{tmp_path}/own.csv")
    do(session, f"{line}; look train 20")
    picture = picture_of(session.network().network, session.data(), 1)
    for shades, mark in ((True, "●"), (False, "[012]")):
        picture.draw(grid := Grid(width, 20, shades=shades))
        text = "\n".join("".join(text for _, text in line) for line in grid.lines())
        assert len(re.findall(mark, text)) >= points
        assert text.count("◎") == 1
    assert re.search(r"on \d+ % of the plane", shown(session, "look 1"))
    for columns, mark in ((39, ""), (80, "█ ")):  # in words, and drawn without colours
        assert f" %, {mark}1" in " ".join(
            shown(session, "look 1", width=columns, plain=False).split()
        )
    do(session, f"look 1 {tmp_path}/drawn.svg")
    texts = re.findall(r'fill="(#\w+)"[^>]*>0[^<]*\son\s', (tmp_path / "drawn.svg").read_text())
    assert texts == ["#e69f00"]  # the colour of 0 on the plane


def test_a_plane_shows_what_the_network_answers_there(session: Session) -> None:
    do(session, "n xor; t 300")
    plane = picture_of(session.network().network, session.data(), 0).plane
    assert plane is not None
    corners = plane.outputs.argmax(axis=2)[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.tolist() == [1, 0, 0, 1]
    assert [values.shape for values in plane.maps] == [(48, 48, 2), (48, 48, 4), (48, 48, 1)]


def test_a_committee_has_no_error_signal(session: Session) -> None:
    do(session, "n 784-5-10; pas a; n 28x28-2c5-p2-10; pas b")
    looked = do(session, "vote a b; look 7")[-1]
    assert [layer["layer"] for layer in looked["layers"]] == ["2 members", ""]
    assert looked["layers"][1]["signals"] is None
    assert looked["layers"][0]["shown"] == [1, 2]  # as `l` numbers them
    assert {each["from"] for each in looked["layers"][1]["strongest"]} == {1, 2}
    assert press(viewer(session, "i"), "c-m")[-1].strip().endswith("tab unit")


@pytest.mark.parametrize("ending", ["svg", "html", "png"])
def test_a_file_for_a_dark_or_a_white_background(
    session: Session, tmp_path: Path, ending: str
) -> None:
    said = [
        shown(session, f"{line} {tmp_path}/{number}.{ending}").count("for a light background")
        for number, line in enumerate(
            ["n diary; look 5", "look 5 light", "set theme light; look 5", "look 5 dark", "cm"]
        )
    ]
    assert said == [0, 1, 1, 0, 1]
    files = [(tmp_path / f"{number}.{ending}").read_bytes() for number in range(5)]
    assert (files[0] == files[3], files[1] == files[2], files[0] == files[1]) == (True, True, False)
    assert ending == "png" or (b"#292929" in files[0]) > (b"#292929" in files[1])


def test_a_light_background_is_recognised_or_set(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for background, is_light in (("0;15", True), ("15;0", False), ("", False)):
        monkeypatch.setenv("COLORFGBG", background)
        for theme, expected in (("auto", is_light), ("light", True), ("dark", False)):
            do(session, f"set theme {theme}")
            assert session.is_light() == expected


def viewer(session: Session, line: str, case: int = 5) -> Viewer:
    """The view that `look` opens at a prompt, drawn once."""
    do(session, line)
    view = Viewer(session, session.network(), session.data(), case)
    screen(view)
    return view


def lines_of(view: Viewer, width: int = 100, height: int = 30) -> list[Line]:
    view.draw(grid := Grid(width, height))
    return grid.lines()


def screen(view: Viewer) -> list[str]:
    return ["".join(text for _, text in line) for line in lines_of(view)]


def press(view: Viewer, *keys: str) -> list[str]:
    assert all(view.press(key) for key in keys)
    return screen(view)


def test_left_and_right_go_through_the_cases_and_round(session: Session) -> None:
    view = viewer(session, "n mini", 6)
    titles = [press(view, key)[0].split(":")[0] for key in ("right", "right", "left", "left")]
    assert titles == ["case 7", "case 0", "case 7", "case 6"]


def test_up_and_down_go_through_the_layers_and_tab_through_their_units(session: Session) -> None:
    view = viewer(session, "n 784-40-16-10")
    marked = [text for line in lines_of(view) for style, text in line if style == "reverse"]
    assert len(marked) == 1
    press(view, "up")
    first = view.column, view.unit
    press(view, "c-i")
    assert first[0] == view.column == 2
    assert view.unit > first[1]
    press(view, "s-tab")
    assert (view.column, view.unit) == first
    press(view, "up", "up", "up")
    assert view.column == 3
    press(view, "down", "down", "down", "down")
    assert view.column == 1


def test_space_runs_forward_and_back_and_stops_at_the_change(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = viewer(session, "n 784-5-10")
    now = [0.0]
    monkeypatch.setattr(look, "perf_counter", lambda: now[0])
    titles = [press(view, " ")[0]]
    for _ in range(8):
        assert not view.move()
        now[0] += 0.31
        view.move()
        titles.append(screen(view)[0])
    assert [("error signal" in t, "gradient descent" in t) for t in titles] == (
        [(False, False)] * 3 + [(True, False)] * 2 + [(False, True)] * 4
    )
    assert "gradient" not in press(view, " ")[0]


def test_enter_shows_the_cases_that_excite_a_unit_most(session: Session) -> None:
    view = viewer(session, "n 784-5-10", 3)
    lines = press(view, "c-m")
    x = session.data().test.inputs[:300] / 255
    layer = session.network().network.layers[0]
    most = np.argsort(-np.maximum(x @ layer.parameters[0].value, 0)[:, 0], kind="stable")[:4]
    assert lines[0].startswith("unit 0 of layer 1")
    found = [int(number) for number in re.findall(r"(\d+): \d", "\n".join(lines[1:-1]))]
    assert found[:4] == most.tolist()
    assert press(view, "q")[0].startswith("case 3")
    assert not view.press("q")
    layer.parameters[0].value[:] = 0
    assert press(view, "c-m")[1].endswith("0.000 for every case".ljust(69))
    layer.parameters[0].value[:] = -1
    view.draw(grid := Grid(100, 30, shades=False))
    assert "".join(text for _, text in grid.lines()[1]).startswith("█")


@pytest.mark.parametrize(
    ("recipe", "layers", "cases"),
    [("mini", [1, 2, 2], 8), ("truth", [1, 1, 1], 4), ("xor", [1, 2, 2], 4),
     ("28x28-4c5-b-p2-9-10", [1, 5, 6], 300)],
)  # fmt: skip
def test_a_unit_of_every_small_network_can_be_looked_into(
    session: Session, recipe: str, layers: list[int], cases: int
) -> None:
    view = viewer(session, f"n {recipe}", 1)
    for layer in layers:  # as why numbers them
        title = press(view, "c-m")[0]
        assert re.match(rf"unit \d of layer {layer}: .*, of {cases} test cases", title)
        lines_of(view, *view.least)
        press(view, "x", "up")
    told = re.findall(r"^layer (\d)", shown(session, "look 1"), re.MULTILINE)
    assert [int(number) for number in told] == sorted(set(layers))


@pytest.mark.parametrize(
    ("line", "number"),
    [("n mini; t 5", 1), ("n truth; t 5", 2), ("n xor; t 5", 0), ("n xor", 0)],
)
def test_a_weight_is_turned_outputs_follow_and_undo_puts_it_back(
    session: Session, line: str, number: int
) -> None:
    view = viewer(session, f"{line}; pas one", 3)
    weights = session.network().network.parameters[0].value
    before, outputs = weights.copy(), view.picture.scene.outputs
    assert not session.unsaved
    title = press(view, "w", *["right"] * number, "up", "up", "down", "up")[0]
    assert weights[number, 0] == pytest.approx(before[number, 0] + 0.2, rel=1e-6)
    assert f"{weights[number, 0]:.3f}" in title
    assert (weights != before).sum() == 1
    assert (view.picture.scene.outputs != outputs).any() == bool(
        view.picture.scene.columns[0].values[number]
    )
    assert session.unsaved
    press(view, "c-m")
    do(session, "undo")
    np.testing.assert_array_equal(weights, before)
    assert not session.unsaved
    do(session, "undo")
    assert weights[number, 0] == pytest.approx(before[number, 0] + 0.2, rel=1e-6)
    do(session, "p")
    assert not session.unsaved
    do(session, "undo one")
    assert session.unsaved
    do(session, "undo one")
    assert not session.unsaved


def test_weights_of_large_or_averaged_networks_are_not_turned(session: Session) -> None:
    view = viewer(session, "n quick; t 20")
    assert "turn a weight" not in press(view, "w")[-1]
    assert view.shows == ""


@pytest.mark.parametrize("recipe", ["784-16-10", "28x28-2c5-p2-b-10", "xor", "quick"])
def test_a_training_that_is_filmed_is_the_same_to_the_bit(
    session: Session, tmp_path: Path, recipe: str
) -> None:
    other = Session(tmp_path / "other", session.data_sets.folders, tmp_path, seed=1)
    do(other, f"n {recipe}; t 30")
    filmed = do(session, f"n {recipe}; look train 30")[-1]
    pairs = zip(
        session.network().network.parameters, other.network().network.parameters, strict=True
    )
    assert all((mine.value == theirs.value).all() for mine, theirs in pairs)
    moments = filmed["moments"]
    assert [moments[0]["batches"], moments[-1]["batches"], filmed["batches"]] == [0, 30, 30]
    assert all(sum(moment["shares"]) == pytest.approx(1) for moment in moments)
    do(session, "undo t")
    assert session.network().trainer.progress.batches == 0


def test_comma_and_period_go_through_a_training(session: Session) -> None:
    do(session, "n diary; look train 1e")
    model, data = session.network(), session.data()
    film = Film(model.trainer, data, 5)
    start = [p.value.copy() for p in model.network.parameters]
    for _ in range(2):
        do(session, "t 20")
        film.take()
    view = Viewer(session, model, data, 5, film=film)
    end = view.picture.scene.outputs
    titles = [press(view, key)[0] for key in (",", "home", ",", "end", ".")]
    first = film.moments[0].batches
    after = [int(re.findall(r"after ([\d,]+) mini", title)[0].replace(",", "")) for title in titles]
    assert after == [first + 20, first, first, first + 40, first + 40]
    np.testing.assert_array_equal(view.picture.scene.outputs, end)
    press(view, "home")
    for p, then in zip(view.network.parameters, start, strict=True):
        np.testing.assert_array_equal(p.value, then)
    np.testing.assert_array_equal(model.network.parameters[0].value, film.moments[2].values[0])
    assert not view.can_turn


def test_a_film_keeps_its_ends_and_a_bounded_number_of_moments(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(session, "n xor")
    monkeypatch.setattr("digitnet.repl.film.MAX_MOMENTS", 8)
    film = Film(session.network().trainer, session.data(), 0)
    for count in range(1, 60):
        session.network().trainer.progress.batches = count
        film.take()
        assert len(film.moments) <= 8
    assert (film.moments[0].batches, film.moments[-1].batches) == (0, 59)


def test_the_strip_shows_the_shares_of_the_guesses(session: Session) -> None:
    do(session, "n diary")
    film = Film(session.network().trainer, session.data(), 0)
    shares = [0.0] * 10
    shares[0], shares[9] = 0.3, 0.7
    about_equal = [0.14, 0.06] + [0.1] * 8
    film.moments[:] = [
        Moment(n, 0.1, s, []) for n, s in ((0, about_equal), (3, shares), (9, shares))
    ]
    film.draw(grid := Grid(60, 40), picture_of(session.network().network, session.data(), 0), 1)
    rows = ["".join(text for _, text in line) for line in grid.lines()][-11:]
    assert [row[0] + row[-1] for row in rows[:-1]] == [f"{n}{0 if n < 3 else 9}" for n in range(10)]
    assert rows[1][19:21] == "10"
    assert rows[-1].index("▲") == 20  # a third of the training is a third of the strip
    film.draw(grid := Grid(60, 20), picture_of(session.network().network, session.data(), 0), 1)
    assert "▲" not in str(list(grid.lines()))  # some answers would have no line
    film.moments[:] = [Moment(0, 0.1, [1 / 12] * 12, [])]
    film.draw(grid := Grid(60, 40), picture_of(session.network().network, session.data(), 0), 1)
    assert "▲" not in str(list(grid.lines()))  # or no digit of their own


def test_a_moment_of_a_set_in_order_is_of_all_its_answers(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digitnet.repl.film.MAX_CASES", 50)
    do(session, "n diary; t 2e")
    data = session.data()
    order = answers_of(data.validation.targets).argsort(kind="stable")
    inputs, targets = data.validation.inputs[order], data.validation.targets[order]
    ordered = replace(data, validation=replace(data.validation, inputs=inputs, targets=targets))
    assert max(Film(session.network().trainer, ordered, 0).moments[0].shares) < 0.4


def test_filming_tells_in_words_what_the_strip_shows(session: Session) -> None:
    text = shown(session, "n diary; look train 1e")
    assert re.search(r"^after 0 mini-batches, .* right, most often guessed \d", text, re.MULTILINE)
    assert "Trained 350 mini-batches" in text
    assert "●" not in text


@pytest.mark.parametrize(
    ("columns", "rows"), [(50, 20), (80, 24), pytest.param(120, 40, marks=pytest.mark.full)]
)
def test_at_a_terminal_keys_move_it_and_the_screen_comes_back(
    terminal: Start, columns: int, rows: int
) -> None:
    t = terminal(columns, rows).ready()
    t.do("n mini; look 5", r"^case 5: guess .*\n.*inputs")
    t.wait_for(r"enter what it likes\s+w turn a weight")
    for key, seen in [
        ("\x1b[C", "^case 6: "), ("\x1b[D", "^case 5: "), (" ", r"back:\sthe\serror\ssignal"),
        (" ", "^case 5: [^;]*$"), ("\t\r", "^unit 1 of layer 1: its weights"), ("x", "^case 5: "),
        ("w", "^weight from 0 to unit 1 of layer 1: "), ("\x1b[A", "guess [01]$"),
        ("w", "^case 5: "), ("q", "a line is the sum of"),
    ]:  # fmt: skip
        t.type(key)
        t.wait_for(seen)
    t.do("undo", "^The weights are as they were before")
    t.resize(30, 10)
    t.do("look train 16", "^The window must be")
    t.resize(columns, rows)
    t.wait_for(r"^case \d.*after\s16\smini-batches")
    for key, seen in [
        ("\x1b[H", r"after\s0\smini-batches"), (".", r"after\s[^0]"), (",", r"after\s0\s"),
        ("\x1b[F", r"after\s16\s"), ("q", "^Trained"),
    ]:  # fmt: skip
        t.type(key)
        t.wait_for(seen)
    t.do("look 3", r"^case 3: guess .*\n.*inputs")
    t.type("\x03")
    t.wait_for("interrupted; the network in hand is kept")
    t.wait_for(r"^mini\*?>$")
    assert not t.screen.cursor.hidden

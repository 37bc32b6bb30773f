"""The board without a terminal: what mouse and keys do, what it looks like at every size."""

import numpy as np
import pytest
from drawing_helpers import draw

from digitnet.digits.drawing import SIDE, Place
from digitnet.digits.prepare import Picture
from digitnet.repl.board import PAPERS, Board, Layout, Line, Means, Reading, layout_for, lines_of

SEEN = np.zeros((28, 28), np.uint8)


def read(picture: Picture) -> Reading:
    """A network that says 3, more surely the more ink there is."""
    return Reading(SEEN, [float(k == 3) * picture.mean() / 255 for k in range(10)], 3)


def board() -> Board:
    return Board(read)


def ink_at(board: Board, place: Place) -> float:
    x, y = place
    return float(board.drawing.scaled_to(SIDE, SIDE)[int(y), int(x)])


def stroke(board: Board, *places: Place, erases: bool = False) -> None:
    board.press(places[0], erases=erases)
    for place in places[1:]:
        board.drag(place, erases=erases)


def text_of(line: Line) -> str:
    return "".join(text for _, text in line)


def test_the_mouse_draws_while_its_button_is_down() -> None:
    b = board()
    stroke(b, (4, 14), (20, 14))
    b.hover()  # the release was outside the window, and nobody has seen it
    b.hover()
    assert ink_at(b, (12, 14)) > 0.9
    before = b.drawing.version
    b.hover()
    assert b.drawing.version == before


def test_a_stroke_may_leave_the_paper_and_come_back() -> None:
    b = board()
    stroke(b, (20, 20), (40, 20), (40, 4), (20, 4))
    assert ink_at(b, (24, 4)) > 0.9
    b.undo()
    assert b.drawing.is_blank  # it was one stroke


def test_a_button_that_goes_down_beside_the_paper_draws_once_it_comes_onto_it() -> None:
    b = board()
    stroke(b, (40, 14), (35, 14))
    assert b.drawing.is_blank
    b.drag((20, 14), erases=False)
    b.drag((10, 14), erases=False)
    assert ink_at(b, (15, 14)) > 0.9
    assert ink_at(b, (25, 14)) == 0


def test_the_right_button_and_the_tool_erase() -> None:
    b = board()
    draw(b.drawing, 1)
    stroke(b, (14, 2), (14, 26), erases=True)
    b.hover()
    assert b.drawing.is_blank
    b.undo()
    b.change_tool()
    stroke(b, (14, 2), (14, 26))
    b.hover()
    assert b.drawing.is_blank


def test_the_keys_draw_between_two_blanks_while_the_mouse_rests() -> None:
    b = board()
    b.step(-8, 0)
    b.toggle()
    for _ in range(16):
        b.step(1, 0)
        b.hover()  # somebody touches the mouse
    b.toggle()
    b.step(0, 8)
    assert ink_at(b, (14, 14)) > 0.9
    assert ink_at(b, (22, 20)) == 0
    b.undo()
    assert b.drawing.is_blank


def test_the_cursor_stays_on_the_paper() -> None:
    b = board()
    for _ in range(99):
        b.step(1, -1)
    assert b.cursor == (SIDE - 0.5, 0.5)


def test_the_answer_can_be_said_and_taken_back() -> None:
    b = board()
    for digit, answer in ((7, 7), (3, 3), (3, None)):
        b.say(digit)
        assert b.answer == answer


def test_a_reading_is_stale_once_the_drawing_has_changed() -> None:
    b = board()
    assert not b.is_stale
    assert b.reading is None
    draw(b.drawing, 0)
    assert b.is_stale
    b.refresh()
    assert not b.is_stale
    assert b.reading
    b.clear()
    assert b.reading is None  # at once, whenever it is read again
    assert b.is_stale


def test_blank_paper_is_not_read() -> None:
    def fail(picture: Picture) -> Reading:
        raise AssertionError

    b = Board(fail)
    stroke(b, (14, 14), erases=True)
    assert b.is_stale
    b.refresh()
    assert not b.is_stale


@pytest.mark.parametrize(
    ("width", "height", "paper"),
    [
        (39, 16, None),
        (40, 15, None),
        (40, 16, (28, 14)),
        (80, 20, (28, 14)),
        (80, 24, (42, 21)),
        (67, 40, (42, 21)),
        (68, 30, (56, 28)),
        (120, 40, (56, 28)),
        (200, 60, (84, 42)),
    ],
)
def test_the_paper_is_as_large_as_the_window_has_room_for(
    width: int, height: int, paper: tuple[int, int] | None
) -> None:
    layout = layout_for(width, height)
    assert (layout and (layout.columns, layout.rows)) == paper


@pytest.mark.parametrize(("columns", "rows"), PAPERS)
def test_characters_and_places_are_the_same_places(columns: int, rows: int) -> None:
    layout = Layout(columns, rows)
    for x in range(1, columns + 1):
        for y in range(1, rows + 1):
            assert layout.character(layout.place(x, y)) == (x, y)
    assert layout.place(0, 1)[0] < 0  # the frame is beside the paper
    assert layout.place(columns + 1, 1)[0] > SIDE


@pytest.mark.parametrize("means", [Means(), Means(shades=False), Means(False, False)])
@pytest.mark.parametrize("size", [(1, 1), (20, 5), (39, 15), (40, 16), (50, 24), (80, 24), (90, 31),
                                  (200, 60)])  # fmt: skip
def test_every_line_fills_the_window_and_not_more(size: tuple[int, int], means: Means) -> None:
    width, height = size
    for digit in (None, 7):
        b = board()
        if digit:
            draw(b.drawing, digit)
            b.say(7)
            b.toggle()
            b.refresh()
        lines = lines_of(b, width, height, means)
        assert len(lines) <= height
        assert {len(text_of(line)) for line in lines} == {width}
        if not means.blocks:
            assert all(text_of(line).isascii() for line in lines)


def test_a_window_that_is_too_small_says_so() -> None:
    (line,) = lines_of(board(), 60, 10, Means())
    assert text_of(line).strip() == "the board needs 40 x 16 characters; q leaves"


def test_what_is_shown_moves_with_the_drawing() -> None:
    b = board()
    stroke(b, (4, 14))

    def length_of_the_bar() -> int:
        b.refresh()
        line = text_of(lines_of(b, 80, 24, Means())[3])
        return sum(line.count(c) for c in "▏▎▍▌▋▊▉█")

    lengths = [length_of_the_bar()]
    for y in (4, 24, 4, 24):
        b.drag((y, y), erases=False)
        b.drag((24, y), erases=False)
        lengths.append(length_of_the_bar())
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_the_guess_the_answer_and_the_tool_are_said() -> None:
    b = board()
    draw(b.drawing, 7)
    b.say(7)
    b.change_tool()
    b.refresh()
    lines = lines_of(b, 40, 16, Means())
    beside = [text_of(line)[31:].strip() for line in lines]
    assert beside[11:14] == ["guess 3", "answer 7", "eraser"]
    assert ("class:wrong" in dict(lines[3])) and ("class:answer" in dict(lines[7]))
    b.say(3)
    assert "class:right" in dict(lines_of(b, 40, 16, Means())[3])

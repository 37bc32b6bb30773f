"""The board without a terminal: what mouse and keys do, what it looks like at every size."""

import numpy as np
import pytest
from board_helpers import draw

from digitnet.digits.drawing import SIDE
from digitnet.digits.prepare import Picture
from digitnet.repl.features.draw import PAPERS, Board, Layout, layout_for
from digitnet.repl.features.img import Reading
from digitnet.repl.pictures.grid import Grid, Line

SEEN = np.zeros((28, 28), np.uint8)
LAYOUT = PAPERS[-1]


def read(picture: Picture) -> list[Reading]:
    """A network that says 3, more surely the more ink there is."""
    return [Reading(SEEN, [float(k == 3) * picture.mean() / 255 for k in range(10)], 3)]


def board() -> Board:
    return Board(read)


def lines_of(board: Board, width: int, height: int, *, shades: bool = True) -> list[Line]:
    board.draw(grid := Grid(width, height, shades=shades))
    return grid.lines()


def text_of(line: Line) -> str:
    return "".join(text for _, text in line)


def test_the_cursor_stays_on_the_paper() -> None:
    b = board()
    for key in ["right", "up"] * 99:
        b.press(key)
    assert b.cursor == (SIDE - 0.5, 0.5)


def test_a_drawing_is_read_once_it_has_changed_and_blank_paper_never() -> None:
    read_pictures: list[Picture] = []

    def note(picture: Picture) -> list[Reading]:
        read_pictures.append(picture)
        return read(picture)

    b = Board(note)
    assert (b.move(), b.digits) == (False, ())
    draw(b.drawing, 0)
    assert (b.move(), b.move()) == (True, False)
    assert b.digits
    b.press("c")
    assert not b.digits  # at once, whenever it is read again
    assert (b.move(), len(read_pictures)) == (True, 1)


@pytest.mark.parametrize(
    ("width", "height", "paper"),
    [
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
    width: int, height: int, paper: tuple[int, int]
) -> None:
    assert layout_for(width, height) == Layout(*paper)


@pytest.mark.parametrize("layout", PAPERS)
def test_characters_and_places_are_the_same_places(layout: Layout) -> None:
    columns, rows = layout.columns, layout.rows
    for x in range(1, columns + 1):
        for y in range(1, rows + 1):
            assert layout.character(layout.place(x, y)) == (x, y)
    assert layout.place(0, 1)[0] < 0  # the frame is beside the paper
    assert layout.place(columns + 1, 1)[0] > SIDE


@pytest.mark.parametrize("shades", [True, False])
@pytest.mark.parametrize("size", [Board.least, (50, 24), (80, 24), (90, 31), (200, 60)])
def test_every_size_of_window_shows_the_board(size: tuple[int, int], shades: bool) -> None:
    for digit in (None, 7):
        b = board()
        if digit:
            draw(b.drawing, digit)
            for key in ("7", " "):
                b.press(key)
            b.move()
        lines = list(map(text_of, lines_of(b, *size, shades=shades)))
        assert "─ draw a digit ─" in lines[0]
        assert ("answer 7" in "\n".join(lines)) == bool(digit)
        keys = " ".join(lines[-3:])
        assert "enter done" in keys
        assert size == Board.least or "arrows, space draw" in keys


def test_what_is_shown_moves_with_the_drawing() -> None:
    b = board()
    b.drawing.press((4, 14))

    def length_of_the_bar() -> int:
        b.move()
        line = text_of(lines_of(b, 80, 24)[3])
        return sum(line.count(c) for c in "▏▎▍▌▋▊▉█")

    lengths = [length_of_the_bar()]
    for y in (4, 24, 4, 24):
        b.drawing.move((y, y))
        b.drawing.move((24, y))
        lengths.append(length_of_the_bar())
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_the_guess_the_answer_and_the_tool_are_said() -> None:
    b = Board(lambda picture: 2 * read(picture))
    b.press("e")
    assert text_of(lines_of(b, 40, 16)[13])[31:].strip() == "eraser"
    draw(b.drawing, 7)
    b.move()
    assert text_of(lines_of(b, 80, 24)[11])[45:].strip() == "guess 33; bars: 3"
    b = board()
    draw(b.drawing, 7)
    for key in ("7", "e"):
        b.press(key)
    b.move()
    lines = lines_of(b, 40, 16)
    beside = [text_of(line)[31:].strip() for line in lines]
    assert beside[11:14] == ["guess 3", "answer 7", "eraser"]
    assert ("bold red" in dict(lines[3])) and ("bold magenta" in dict(lines[7]))
    b.press("3")
    assert "bold green" in dict(lines_of(b, 40, 16)[3])

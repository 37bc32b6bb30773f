"""Somebody who draws: what a terminal sends of the mouse (xterm's SGR mode, 1006), and a hand."""

from collections.abc import Iterable

from board_helpers import DIGITS, draw
from session_helpers import Answers

from digitnet.digits.drawing import Place
from digitnet.repl.features.draw import Board, Layout
from digitnet.repl.pictures.grid import Window

LEFT, RIGHT, NONE, MOVED = 0, 2, 3, 32


def sgr(code: int, x: int, y: int, *, up: bool = False) -> str:
    """The escape sequence of a mouse event at column x and row y, counted from 1."""
    return f"\x1b[<{code};{x};{y}{'m' if up else 'M'}"


def stroke(layout: Layout, places: Iterable[Place], button: int = LEFT) -> str:
    """The mouse events of a stroke along these positions of the drawing."""
    (x, y), *rest = ((a + 1, b + 1) for a, b in map(layout.character, places))
    sent = sgr(button, x, y)
    for x, y in rest:
        sent += sgr(button + MOVED, x, y)
    return sent + sgr(button, x, y, up=True)


def strokes(layout: Layout, digit: int) -> str:
    return "".join(stroke(layout, places) for places in DIGITS[digit])


class Hand(Answers):
    """An asker that draws a digit and sets its answer."""

    def __init__(self, digit: int, answer: int | None = None, *, done: bool = True) -> None:
        super().__init__([])
        self.digit, self.answer, self.done = digit, answer, done

    def show(self, window: Window) -> bool:
        assert isinstance(window, Board)
        draw(window.drawing, self.digit)
        window.answer, window.is_done = self.answer, self.done
        return True

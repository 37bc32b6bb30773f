"""The state of the drawing board: how mouse and keys change the drawing, and its reading.

It needs no terminal: positions are in pixels of the drawing, however it is displayed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from digitnet.digits.drawing import ERASER, PEN, SIDE, Brush, Drawing, Place
from digitnet.digits.image import Picture


@dataclass(frozen=True)
class Reading:
    """A network's outputs for a picture. seen: the pixels that the network takes."""

    seen: Picture
    outputs: list[float]
    guess: int


Read: TypeAlias = Callable[[Picture], Reading | None]
"""Reads a picture, with values from 0 (paper) to 255 (full ink); None if it has no digit."""


@dataclass
class Board:
    """A drawing in progress.

    read: reads the drawing. answer: the digit it is meant to be, if given. erasing: whether the
    tool is the eraser. cursor: the position of the brush for the keys. keys_in_use: whether the
    keys have moved it. by_keys: whether the keys, not the mouse, hold the brush down.
    """

    read: Read
    drawing: Drawing = field(default_factory=Drawing)
    answer: int | None = None
    erasing: bool = False
    cursor: Place = (SIDE / 2, SIDE / 2)
    keys_in_use: bool = False
    by_keys: bool = False
    _reading: Reading | None = None
    _read_version: int = 0

    @property
    def is_stale(self) -> bool:
        """Whether the drawing has changed since it was read."""
        return self._read_version != self.drawing.version

    @property
    def reading(self) -> Reading | None:
        """The last reading; None if nothing is drawn, or no digit was found."""
        return None if self.drawing.is_blank else self._reading

    def refresh(self) -> None:
        """Reads the drawing. May be called from another thread while the user draws."""
        version = self.drawing.version
        self._reading = None if self.drawing.is_blank else self.read(self.drawing.picture())
        self._read_version = version

    # the mouse

    def press(self, place: Place, *, erases: bool) -> None:
        """A button was pressed: starts a stroke if the position is on the paper."""
        self.lift()
        self.keys_in_use = False
        if is_on_paper(place):
            self.drawing.press(place, ERASER if erases else self._tool)

    def drag(self, place: Place, *, erases: bool) -> None:
        """The mouse moved with a button down; a stroke starts where it enters the paper."""
        if self.drawing.is_down and not self.by_keys:
            self.drawing.move(place)
        else:
            self.press(place, erases=erases)

    def hover(self) -> None:
        """The mouse moved with no button down: ends its stroke if the release event was missed."""
        if not self.by_keys:
            self.lift()

    def lift(self) -> None:
        """Ends the current stroke, if any."""
        self.drawing.lift()
        self.by_keys = False

    # the keys

    def step(self, right: float, down: float) -> None:
        """Moves the cursor, in pixels; draws if the keys hold the brush down."""
        self.keys_in_use = True
        x, y = self.cursor
        self.cursor = (_within(x + right), _within(y + down))
        if self.by_keys:
            self.drawing.move(self.cursor)

    def toggle(self) -> None:
        """Puts the brush down at the cursor, or lifts it."""
        was_down = self.by_keys
        self.lift()
        self.keys_in_use = True
        if not was_down:
            self.drawing.press(self.cursor, self._tool)
            self.by_keys = True

    def change_tool(self) -> None:
        """Switches between pen and eraser."""
        self.lift()
        self.erasing = not self.erasing

    def clear(self) -> None:
        """Clears the paper and selects the pen; `undo` restores the drawing."""
        self.lift()
        self.drawing.clear()
        self.erasing, self.answer = False, None

    def undo(self) -> None:
        """Undoes the last stroke, or a clearing."""
        self.lift()
        self.drawing.undo()

    def say(self, digit: int | None) -> None:
        """Sets the answer; the same digit again unsets it."""
        self.answer = None if digit == self.answer else digit

    @property
    def _tool(self) -> Brush:
        return ERASER if self.erasing else PEN


def is_on_paper(place: Place) -> bool:
    """Whether a position is on the paper."""
    return all(0 <= at <= SIDE for at in place)


def _within(at: float) -> float:
    return min(max(at, 0.5), SIDE - 0.5)

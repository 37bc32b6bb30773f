"""A board somebody draws on: what a mouse and keys do to the drawing, and what a network reads.

No terminal is needed: places are in pixels of the drawing, wherever and however it is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from digitnet.digits.drawing import ERASER, PEN, SIDE, Brush, Drawing, Place
from digitnet.digits.image import Picture


@dataclass(frozen=True)
class Reading:
    """What a network makes of a picture. seen: the picture as it was prepared for the network."""

    seen: Picture
    outputs: list[float]
    guess: int


Read: TypeAlias = Callable[[Picture], Reading | None]
"""Reads a picture: 0 for paper to 255 for full ink. None where there is no digit in it."""


@dataclass
class Board:
    """A drawing under way.

    read: asked for what is drawn. answer: which digit it is, where that was said. erasing: the
    tool is the eraser, not the pen. cursor: where the keys draw; they are in use once one of them
    has moved it. by_keys: whether they, not the mouse, hold the brush down.
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
        """What was read last; None where nothing is drawn, or no digit."""
        return None if self.drawing.is_blank else self._reading

    def refresh(self) -> None:
        """Reads what is drawn. Another thread may do that while somebody draws on."""
        version = self.drawing.version
        self._reading = None if self.drawing.is_blank else self.read(self.drawing.picture())
        self._read_version = version

    # the mouse

    def press(self, place: Place, *, erases: bool) -> None:
        """A button went down: a stroke begins where that is on the paper."""
        self.lift()
        self.keys_in_use = False
        if is_on_paper(place):
            self.drawing.press(place, ERASER if erases else self._tool)

    def drag(self, place: Place, *, erases: bool) -> None:
        """The mouse moved with its button down; a stroke that comes onto the paper begins there."""
        if self.drawing.is_down and not self.by_keys:
            self.drawing.move(place)
        else:
            self.press(place, erases=erases)

    def hover(self) -> None:
        """The mouse moved with its buttons up: its stroke has ended, seen or unseen."""
        if not self.by_keys:
            self.lift()

    def lift(self) -> None:
        """The stroke under way ends, if there is one."""
        self.drawing.lift()
        self.by_keys = False

    # the keys

    def step(self, right: float, down: float) -> None:
        """The cursor moves by so many pixels, and draws while the keys hold the brush down."""
        self.keys_in_use = True
        x, y = self.cursor
        self.cursor = (_within(x + right), _within(y + down))
        if self.by_keys:
            self.drawing.move(self.cursor)

    def toggle(self) -> None:
        """The brush goes down at the cursor, or up again."""
        was_down = self.by_keys
        self.lift()
        self.keys_in_use = True
        if not was_down:
            self.drawing.press(self.cursor, self._tool)
            self.by_keys = True

    def change_tool(self) -> None:
        """Pen or eraser: the other one."""
        self.lift()
        self.erasing = not self.erasing

    def clear(self) -> None:
        """Blank paper and the pen; undo brings the drawing back."""
        self.lift()
        self.drawing.clear()
        self.erasing, self.answer = False, None

    def undo(self) -> None:
        """Takes back the last stroke, or the clearing."""
        self.lift()
        self.drawing.undo()

    def say(self, digit: int | None) -> None:
        """Says which digit it is; saying it a second time takes that back."""
        self.answer = None if digit == self.answer else digit

    @property
    def _tool(self) -> Brush:
        return ERASER if self.erasing else PEN


def is_on_paper(place: Place) -> bool:
    """Whether a place is on the paper, not beside it."""
    return all(0 <= at <= SIDE for at in place)


def _within(at: float) -> float:
    return min(max(at, 0.5), SIDE - 0.5)

"""The drawing board: how mouse and keys change the drawing, and how it looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from textwrap import wrap
from typing import TypeAlias

import numpy as np

from digitnet.digits.drawing import ERASER, PEN, SIDE, Brush, Drawing, Ink, Place
from digitnet.digits.prepare import Picture
from digitnet.repl.pictures.digit import bar, halved, in_characters, in_halves, label_for


@dataclass(frozen=True)
class Reading:
    """A network's outputs for a digit. seen: the pixels that the network takes of `picture`.
    is_digit: whether it is probably one. others: the digits to its left.
    """

    seen: Picture
    outputs: list[float]
    guess: int
    picture: Picture | None = None
    is_digit: bool = True
    others: Sequence["Reading"] = ()

    @property
    def digits(self) -> list["Reading"]:
        """All digits, from left to right."""
        return [*self.others, self]

    @property
    def number(self) -> str:
        """The guesses of all digits."""
        return "".join(str(digit.guess) for digit in self.digits)

    @property
    def said(self) -> str:
        """`guess 314`, or what it would be if it were a digit."""
        if self.is_digit or self.others:
            return f"guess {self.number}"
        return f"no digit (a {self.guess} if it were one)"


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
        if all(0 <= at <= SIDE for at in place):  # on the paper
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
        x, y = (
            min(max(at + by, 0.5), SIDE - 0.5)
            for at, by in zip(self.cursor, (right, down), strict=True)
        )
        self.cursor = (x, y)
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


Line: TypeAlias = list[tuple[str, str]]
"""Pairs of style and text."""

PAPERS = ((84, 42), (56, 28), (42, 21), (28, 14))
"""The sizes of the paper in columns and rows, largest first: three columns per pixel, two, one and
a half, one. Each row shows two squares, one above the other."""

PANEL = 10
"""Minimum width of the outputs beside the paper."""

WITH_VALUES = 20
"""Minimum width for numbers beside the bars, and for full sentences."""

LONGEST_BAR = 24

DARKEST, LIGHTEST = 2, 23
"""The levels of paper and full ink among the 24 greys of terminals with 256 colours. Paper is not
black, so that it is visible on a black screen."""

KEYS = (
    "enter done",
    "q leave",
    "u undo",
    "c clear",
    "e eraser",
    "0-9 its answer",
    "arrows, space draw",
    "right button erases",
)
"""The keys, most important first."""


@dataclass(frozen=True)
class Means:
    """What the screen supports. shades: greys. blocks: block characters."""

    shades: bool = True
    blocks: bool = True


@dataclass(frozen=True)
class Layout:
    """The paper's columns and rows in a window, inside a frame one character wide."""

    columns: int
    rows: int

    def place(self, x: int, y: int) -> Place:
        """The position on the drawing of the middle of a character on the screen."""
        return (x - 0.5) * SIDE / self.columns, (y - 0.5) * SIDE / self.rows

    def character(self, place: Place) -> tuple[int, int]:
        """The column and row of the screen that show a position on the drawing."""
        x, y = place
        return 1 + int(x * self.columns / SIDE), 1 + int(y * self.rows / SIDE)


def layout_for(width: int, height: int) -> Layout | None:
    """The largest paper that fits a window, with its frame and the outputs; None if none does."""
    for columns, rows in PAPERS:
        if width >= columns + 2 + PANEL and height >= rows + 2:
            return Layout(columns, rows)
    return None


def lines_of(board: Board, width: int, height: int, means: Means) -> list[Line]:
    """The lines of a window, padded to its width."""
    layout = layout_for(width, height)
    if layout is None:
        needed = f"the board needs {PAPERS[-1][0] + 2 + PANEL} x {PAPERS[-1][1] + 2} characters"
        lines = [[("", line)] for line in wrap(f"{needed}; q leaves", width)]
        return [_padded(line, width) for line in lines[:height]]
    frame = _framed(_paper(board.drawing.scaled_to(2 * layout.rows, layout.columns), means), means)
    beside = _panel(board, width - layout.columns - 3, height - 1, means)
    below = [("", " " * (layout.columns + 2))]
    frame = (frame + [below] * height)[: height - 1]
    lines = [[*left, ("", " "), *right] for left, right in zip(frame, beside, strict=True)]
    return [_padded(line, width) for line in [*lines, _keys(width)]]


def _padded(line: Line, width: int) -> Line:
    """The line, padded or cut to a width."""
    padded, room = Line(), width
    for style, text in [*line, ("", " " * width)]:
        padded.append((style, text[:room]))
        room -= len(text[:room])
    return padded


def _framed(paper: list[Line], means: Means) -> list[Line]:
    """The paper in a frame, with a title."""
    across, left, right, down = "─┌┐│" if means.blocks else "-++|"
    lower = "└┘" if means.blocks else "++"
    columns = sum(len(text) for _, text in paper[0])
    side = ("class:frame", down)
    return [
        [("class:frame", left + " draw a digit ".center(columns, across) + right)],
        *([side, *line, side] for line in paper),
        [("class:frame", lower[0] + across * columns + lower[1])],
    ]


def _paper(ink: Ink, means: Means) -> list[Line]:
    """The ink, two rows of squares per line: shades of grey if possible, else black and white."""
    if means.shades and means.blocks:
        levels = DARKEST + np.round(ink * (LIGHTEST - DARKEST)).astype(int)
        pairs = zip(levels[::2].tolist(), levels[1::2].tolist(), strict=True)
        return [_in_greys(upper, lower) for upper, lower in pairs]
    bytes_ = np.round(255 * ink).astype(np.uint8)
    in_text = in_halves if means.blocks else in_characters
    return [[("", line)] for line in in_text(bytes_[::2], bytes_[1::2])]


def _in_greys(upper: Sequence[int], lower: Sequence[int]) -> Line:
    """One line of ▀: the upper square is the foreground colour, the lower one the background."""
    runs = ((key, len(list(run))) for key, run in groupby(zip(upper, lower, strict=True)))
    greys = [
        f"#{8 + 10 * level:02x}{8 + 10 * level:02x}{8 + 10 * level:02x}" for level in range(24)
    ]
    return [(f"fg:{greys[above]} bg:{greys[below]}", "▀" * n) for (above, below), n in runs]


def _panel(board: Board, width: int, height: int, means: Means) -> list[Line]:
    """The outputs, the guess, and the picture as the network sees it, as far as they fit."""
    lines = [*_outputs(board, width, means), Line(), *_said(board, width)]
    reading = board.reading
    if reading is not None:
        room = height - len(lines) - 2
        for seen in (reading.seen, halved(reading.seen)):
            if len(seen) <= 2 * room and seen.shape[1] <= width:
                lines += [Line(), [("class:dim", "as the network sees it"[:width])]]
                even = np.pad(seen, ((0, len(seen) % 2), (0, 0)))
                ink: Ink = np.divide(even, 255, dtype=np.float32)
                lines += _paper(ink, means)
                break
    return (lines + [Line()] * height)[:height]


def _outputs(board: Board, width: int, means: Means) -> list[Line]:
    """A line for each output: its index, a bar, and its value if it fits."""
    reading = board.reading
    values = reading.outputs if reading else [0.0] * 10
    has_values = width >= WITH_VALUES
    longest = min(LONGEST_BAR, width - 2 - (7 if has_values else 0))
    lines = []
    for index, value in enumerate(values):
        style = label_for(index, reading.guess, board.answer) if reading else "dim"
        if style == "guess" and board.answer is not None:
            style = "wrong"
        text = f"{index} {bar(value, longest, blocks=means.blocks)}"
        text += f" {value:6.3f}" if has_values and reading else ""
        lines.append([(f"class:{style}" if style else "", text)])
    return lines


def _said(board: Board, width: int) -> list[Line]:
    """The guess, the answer, and the tool in use."""
    said = [
        board.reading.said if board.reading else "no digit yet",
        "" if board.answer is None else f"answer {board.answer}",
        "pen down" if board.by_keys else "",
        "eraser" if board.erasing else "",
    ]
    if board.drawing.is_blank:
        whole = "draw a digit with the mouse, or with arrows and space"
        said[0] = whole if width >= WITH_VALUES else "draw"
    return [[("bold", line)] for text in said for line in wrap(text, width)]


def _keys(width: int) -> Line:
    """As many keys as fit in a line."""
    shown = ""
    for key in KEYS:
        if len(longer := f"{shown}{'  ' if shown else ' '}{key}") <= width:
            shown = longer
    return [("class:dim", shown)]

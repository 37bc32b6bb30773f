"""Characters and colours on a rectangle of the screen, and what takes the whole screen."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from digitnet.engine.arrays import Array
from digitnet.repl.pictures import ON_LIGHT

Colour = tuple[int, int, int]

POSITIVE, NEGATIVE = (255, 72, 72), (96, 112, 255)
"""Red and blue that stay red and blue, darker or lighter, in the 256 colours of a terminal."""

ANSWERS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178),
    (213, 94, 0), (204, 121, 167), (153, 153, 153), (120, 80, 200), (110, 70, 40),
)  # fmt: skip
"""Of the answers: those of Okabe and Ito (2008), made for the colour-blind, and two more."""

HALVES = np.array(list(" ▄▀█"))  # characters for the upper and the lower pixel of two
BRAILLE, DOTS = 0x2800, np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The empty braille character, and the bits of its four by two dots."""

Line = list[tuple[str, str]]  # pairs of style and text
LEVELS, PAPER = 12, 41  # shades of a colour, and the darkest: it is visible on black

CELL = np.dtype([("text", "U1"), ("dots", int), ("style", "U32")])


class Grid:
    """Characters with colours. light: whether they are for a white background. shades: whether
    there are colours. cursor: its column and row, if it is to be seen.
    """

    def __init__(
        self, width: int, height: int, *, light: bool = False, shades: bool = True
    ) -> None:
        self.light, self.shades = light, shades
        self.ink = (0, 0, 0) if light else (255, 255, 255)
        self.cursor: tuple[int, int] | None = None
        self._cells = np.zeros((height, width), CELL)
        self._cells["text"] = " "

    @property
    def width(self) -> int:
        return self._cells.shape[1]

    @property
    def height(self) -> int:
        return self._cells.shape[0]

    def part(self, x: int, y: int, width: int, height: int) -> "Grid":
        """A rectangle of it: what is drawn there is drawn here."""
        part = copy(self)
        part._cells = self._cells[y : y + height, x : x + width]
        return part

    def shade(self, colour: Colour, part: float, paper: int = PAPER) -> str:
        """A colour at a brightness from 0, the paper, to 1."""
        return mixed(colour, round(min(part, 1.0) * LEVELS), 255 if self.light else paper)

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        """Writes text from a position on, as far as there are columns."""
        characters = list(text[: max(0, self.width - x)])
        cells = self._cells[y, x : x + len(characters)]
        style = ON_LIGHT.get(style, style) if self.light else style
        cells["text"], cells["style"] = characters, style

    def image(self, x: int, y: int, values: Array, positive: Colour | None = None) -> None:
        """Draws numbers from -1 to 1 as pixels; without shades, as ink where they are large."""
        even = np.pad(values, ((0, len(values) % 2), (0, 0)))
        shown = np.nan_to_num(even).clip(-1, 1)
        if self.shades:
            inks = [NEGATIVE] * LEVELS + [positive or self.ink] * (LEVELS + 1)
            colours = [self.shade(c, abs(n) / LEVELS, 0) for n, c in enumerate(inks, -LEVELS)]
            self.pixels(x, y, np.array(colours)[np.rint(LEVELS * shown).astype(int) + LEVELS])
        else:
            self.pixels(x, y, np.abs(shown) >= 0.5)

    def pixels(self, x: int, y: int, pixels: NDArray[Any]) -> None:
        """Draws an even number of rows of colours, or of True for ink, two in a line."""
        cells = self._cells[y : y + len(pixels) // 2, x : x + pixels.shape[1]]
        upper, lower = (pixels[n : 2 * len(cells) : 2, : cells.shape[1]] for n in (0, 1))
        if pixels.dtype == np.bool_:
            cells["text"] = HALVES[2 * upper + lower]
        else:
            cells["text"] = "▀"
            cells["style"] = np.char.add(np.char.add(upper, " on "), lower)

    def draw_lines(self, ends: Array, styles: Sequence[str]) -> None:
        """Draws lines of dots where nothing is written, the later ones on top. ends: (lines, 4), x
        and y of both ends of each.
        """
        start, along = 2 * ends[:, :2] * (1, 2), 2 * (ends[:, 2:] - ends[:, :2]) * (1, 2)
        steps = np.abs(along).max(axis=1).astype(int) + 1
        line = np.repeat(np.arange(len(ends)), steps)
        step = np.arange(len(line)) - (steps.cumsum() - steps)[line]
        part = step / np.maximum(steps - 1, 1)[line]
        across, down = (start[line] + part[:, np.newaxis] * along[line]).astype(int).T
        places, dots = (down // 4, across // 2), DOTS[down % 4, across % 2]
        last = np.full(self._cells.shape, -1)
        np.maximum.at(last, places, line)
        is_seen, is_drawn = line == last[places], last >= 0
        self._cells["dots"][is_drawn] = 0
        np.bitwise_or.at(self._cells["dots"], places, dots * is_seen)
        self._cells["style"][is_drawn] = np.array(styles)[last[is_drawn]]

    def lines(self) -> list[Line]:
        """Of each line, its pieces of one style."""
        text, dots, lines = self._cells["text"], self._cells["dots"], []
        braille = np.where(dots, BRAILLE + dots, ord(" ")).astype("u4").view("U1")
        characters = np.where(text == " ", braille, text).tolist()
        for styles, row in zip(self._cells["style"], map("".join, characters), strict=True):
            changes = np.flatnonzero(styles[1:] != styles[:-1]) + 1
            pieces = pairwise([0, *changes.tolist(), self.width])
            lines.append([(str(styles[start]), row[start:end]) for start, end in pieces])
        return lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines():
            yield from (Segment(text, _parsed(style)) for style, text in line)
            yield Segment.line()


_parsed = cache(Style.parse)


@cache
def mixed(colour: Colour, level: int, paper: int) -> str:
    strongest = 0.8 if paper == 255 else 1.0
    part = level / LEVELS
    return "#" + "".join(f"{round(part * c * strongest + (1 - part) * paper):02x}" for c in colour)


class Window(ABC):
    """What takes the whole screen and answers keys.

    least: the columns and lines that it needs. has_mouse: whether it answers the mouse. has_words:
    whether what it shows is written out where it cannot be shown.
    """

    least: ClassVar[tuple[int, int]]
    has_mouse: ClassVar[bool] = False
    has_words: bool = False

    def needs(self, width: int, height: int, encoding: str) -> str:
        """What it needs that a screen does not have, in words; empty for nothing."""
        if not encoding.lower().startswith("utf"):
            return "This needs a terminal that shows Unicode"
        columns, rows = self.least
        least = f"The window must be at least {columns} columns by {rows} rows"
        fits = width >= columns and height >= rows
        return "" if fits else f"{least} (it is {width} x {height})"

    @abstractmethod
    def draw(self, grid: Grid) -> None:
        """Draws it on the whole screen."""

    @abstractmethod
    def press(self, key: str) -> bool:
        """Answers a key, by prompt_toolkit's name; returns whether to stay."""

    @abstractmethod
    def move(self) -> bool:
        """Moves what moves by itself; returns whether anything changed. Called all the time."""

    def mouse(self, x: int, y: int, event: str, button: str) -> None:  # noqa: B027
        """Answers the mouse over a character of the screen, by prompt_toolkit's names."""

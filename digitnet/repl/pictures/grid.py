"""Characters and colours on a rectangle of the screen, and what takes the whole screen."""

from abc import ABC, abstractmethod
from copy import copy
from functools import cache
from itertools import groupby
from typing import ClassVar

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from digitnet.engine.arrays import Array
from digitnet.repl.pictures.digit import BRAILLE, DOTS, NEGATIVE, in_halves

Colour = tuple[int, int, int]

Line = list[tuple[str, str]]
"""Pairs of style and text."""

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

    def shade(self, colour: Colour, part: float) -> str:
        """A colour at a brightness from 0, the background, to 1."""
        return _mixed(colour, round(min(part, 1.0) * LEVELS), self.light)

    def signed(self, value: float, positive: Colour | None = None) -> str:
        """The colour of a number from -1 to 1; positive: if not ink."""
        return self.shade(NEGATIVE if value < 0 else positive or self.ink, abs(value))

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        """Writes text from a position on, as far as there are columns."""
        for at, character in enumerate(text[: max(0, self.width - x)], x):
            self._cells["text"][y, at], self._cells["style"][y, at] = character, style

    def image(self, x: int, y: int, values: Array, positive: Colour | None = None) -> None:
        """Draws numbers from -1 to 1 as pixels, two rows in a line."""
        even = np.pad(values, ((0, len(values) % 2), (0, 0)))
        if not self.shades:
            lines = in_halves(*(np.rint(255 * np.abs(even[k::2])) for k in (0, 1)))
            for line, text in enumerate(lines, y):
                self.write(x, line, text)
            return
        colours = [self.signed(level / LEVELS, positive) for level in range(-LEVELS, LEVELS + 1)]
        cells = self._cells[y : y + len(even) // 2, x : x + even.shape[1]]
        shown = even[: 2 * len(cells), : cells.shape[1]].clip(-1, 1)
        pixels = np.array(colours)[np.rint(LEVELS * shown).astype(int) + LEVELS]
        cells["text"] = "▀"
        cells["style"] = np.char.add(np.char.add(pixels[::2], " on "), pixels[1::2])

    def line(self, x: float, y: float, to_x: float, to_y: float, style: str) -> None:
        """Draws a line of dots, where nothing is written, on top of those before."""
        steps = int(max(2 * abs(to_x - x), 4 * abs(to_y - y))) + 1
        across = np.linspace(2 * x, 2 * to_x, steps).astype(int)
        down = np.linspace(4 * y, 4 * to_y, steps).astype(int)
        places, dots = (down // 4, across // 2), self._cells["dots"]
        dots[places] = 0
        np.bitwise_or.at(dots, places, DOTS[down % 4, across % 2])
        self._cells["style"][places] = style

    def lines(self) -> list[Line]:
        """Of each line, its pieces of one style."""
        text, dots = self._cells["text"], self._cells["dots"]
        braille = np.where(dots, BRAILLE + dots, ord(" ")).astype("u4").view("U1")
        characters = np.where(text == " ", braille, text).tolist()
        return [
            [
                (style, "".join(text for _, text in run))
                for style, run in groupby(zip(styles, texts, strict=True), lambda cell: cell[0])
            ]
            for styles, texts in zip(self._cells["style"].tolist(), characters, strict=True)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines():
            yield from (Segment(text, _parsed(style)) for style, text in line)
            yield Segment.line()


_parsed = cache(Style.parse)


@cache
def _mixed(colour: Colour, level: int, light: bool) -> str:
    ground, strongest = (255, 0.8) if light else (PAPER, 1.0)
    part = level / LEVELS
    return "#" + "".join(f"{round(part * c * strongest + (1 - part) * ground):02x}" for c in colour)


class Window(ABC):
    """What takes the whole screen and answers keys.

    least: the columns and lines that it needs. has_mouse: whether it answers the mouse.
    """

    least: ClassVar[tuple[int, int]]
    has_mouse: ClassVar[bool] = False

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

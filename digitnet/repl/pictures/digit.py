"""Digits and signed numbers as text, two rows of pixels a line, alone or in a gallery."""

from collections.abc import Sequence
from functools import cache
from itertools import groupby, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from digitnet.engine.arrays import Array
from digitnet.repl.pictures.screen import draws_blocks, draws_shades

Picture = NDArray[np.uint8]
"""Pixels (rows, columns), from 0 (paper) to 255 (full ink)."""

RAMP = " .:-=+*#%@"

HALVES = " ▄▀█"

GREYS = 23
"""The lightest level of grey; terminals with 256 colours have as many."""


def digit(picture: Picture, console: Console, options: ConsoleOptions, *, ink: bool = True) -> Text:
    """The picture in the best form the terminal supports, at half size if it is too wide.

    Half-blocks in shades of grey; without colours, half-blocks in black and white; without block
    characters, or without colours if the picture is not ink (`ink`), characters from light to dark.
    """
    if picture.shape[1] > options.max_width:
        picture = halved(picture)
    if len(picture) % 2:
        picture = np.vstack([picture, np.zeros_like(picture[:1])])
    upper, lower = picture[::2], picture[1::2]
    if not draws_blocks(console, options) or not (ink or draws_shades(console)):
        return _lines(in_characters(upper, lower))
    if not draws_shades(console):
        return _lines(in_halves(upper, lower))
    return Text("\n").join(_in_greys(a, b) for a, b in zip(upper, lower, strict=True))


def halved(values: NDArray[Any]) -> NDArray[Any]:
    """The array (rows, columns) at half size: each number is the mean of four.

    An odd last row or column is cut off.
    """
    rows, columns = (n // 2 for n in values.shape)
    blocks = values[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
    means: NDArray[Any] = blocks.mean(axis=(1, 3)).astype(values.dtype)
    return means


def _lines(rows: list[str]) -> Text:
    return Text("\n".join(rows), no_wrap=True)


def in_characters(upper: Picture, lower: Picture) -> list[str]:
    """Each pair of pixels as a character as dark as their mean."""
    means = (upper.astype(int) + lower) // 2
    return ["".join(RAMP[ink * len(RAMP) // 256] for ink in row) for row in means]


def in_halves(upper: Picture, lower: Picture) -> list[str]:
    """Each pair of pixels as a full block, a half block or a space."""
    codes = 2 * (upper >= 128) + (lower >= 128)
    return ["".join(HALVES[code] for code in row) for row in codes]


def _in_greys(upper: Picture, lower: Picture) -> Text:
    """One line of ▀: the upper pixel is the foreground colour, the lower one the background."""
    line = Text(no_wrap=True)
    levels = ((round(ink / 255 * GREYS) for ink in row.tolist()) for row in (upper, lower))
    for pair, run in groupby(zip(*levels, strict=True)):
        line.append("▀" * len(list(run)), _style(*pair))
    return line


@cache
def _style(above: int, below: int) -> Style:
    """The style of ▀ for two levels of grey."""
    upper, lower = (Color.from_rgb(*[level * 255 // GREYS] * 3) for level in (above, below))
    return Style(color=upper, bgcolor=lower)


SMALL = 16
"""Maximum width in pixels of a picture shown at full size."""

GAP = 2
"""Spaces between pictures in a row; rows are separated by an empty line."""

AROUND = 10
"""Lines of the screen reserved for the text above a gallery and the prompt below."""

Framed = tuple[Text, Text]
"""A picture and its label."""


def gallery(framed: Sequence[Framed], options: ConsoleOptions) -> RenderableType:
    """The pictures in rows of about the same length; all cells are as wide as the widest."""
    width = max((size_of(each)[0] for each in framed), default=1)
    lines = -(-len(framed) // capacity(width, 1, 1, options)) or 1
    columns = -(-len(framed) // lines) or 1
    grid = Table.grid(padding=(0, GAP, 1, 0))
    for start in range(0, len(framed), columns):
        line = framed[start : start + columns]
        grid.add_row(*(Group(picture, label) for picture, label in line))
    return grid


def size_of(framed: Framed) -> tuple[int, int]:
    """The columns and lines of a picture with its label."""
    lines = [line for part in framed for line in part.plain.split("\n")]
    return max(map(len, lines)), len(lines)


def capacity(width: int, height: int, lines: int, options: ConsoleOptions) -> int:
    """The number of cells of this size that fit in `lines`; at least one row."""
    columns = max(1, (options.max_width + GAP) // (width + GAP))
    return columns * max(1, lines // (height + 1))


def lines_of(console: Console) -> int:
    """The lines of the screen available for a gallery."""
    return console.height - AROUND


def small_case(case: NDArray[Any], console: Console, options: ConsoleOptions) -> Text:
    """A case for a gallery: its picture, at half size unless it is small, or its row of a table."""
    if case.ndim == 2:
        picture = case if case.shape[1] <= SMALL else halved(case)
        return digit(picture, console, options)
    return Text(" ".join(f"{value:g}" for value in case))


POSITIVE, NEGATIVE = (255, 86, 64), (64, 148, 255)

SHADES = 15
"""Shades of each colour."""

SIGNS = "=- +#"
"""Characters without colours, from far below zero to far above."""

LOW, HIGH = 0.2, 0.6
"""Fractions of the largest number from which the characters change."""


def signed(values: Array, largest: float, console: Console, options: ConsoleOptions) -> Text:
    """The numbers (rows, columns), two rows per line, at half size if they are too wide.

    largest: the absolute value shown in full colour.
    """
    if values.shape[1] > options.max_width:
        values = halved(values)
    parts = np.clip(values / (largest or 1.0), -1, 1)
    if draws_blocks(console, options) and draws_shades(console):
        levels: list[list[int]] = np.rint(parts * SHADES).astype(int).tolist()
        pairs = zip_longest(levels[::2], levels[1::2])
        return Text("\n").join(_in_colours(upper, lower) for upper, lower in pairs)
    if len(parts) % 2:
        parts = np.vstack([parts, parts[-1:]])
    return Text("\n").join(_in_signs(line) for line in (parts[::2] + parts[1::2]) / 2)


def unsigned(values: Array, largest: float, console: Console, options: ConsoleOptions) -> Text:
    """Numbers of at least 0 in shades of grey, like digits. largest: the value shown in white."""
    shades = np.clip(values / (largest or 1.0), 0, 1) * 255
    return digit(shades.astype(np.uint8), console, options, ink=False)


def legend(console: Console, options: ConsoleOptions) -> Text:
    """The meaning of the colours or characters."""
    if draws_blocks(console, options) and draws_shades(console):
        red, blue = (Color.from_rgb(*colour) for colour in (POSITIVE, NEGATIVE))
        return Text.assemble(
            ("red", Style(color=red)), " above zero, ", ("blue", Style(color=blue)), " below"
        )
    return Text("# and + above zero, = and - below")


def _in_colours(upper: list[int], lower: list[int] | None) -> Text:
    """One line of ▀: the upper number is the foreground colour, the lower one the background."""
    line = Text(no_wrap=True)
    below: list[int | None] = [*lower] if lower else [None] * len(upper)
    for pair, run in groupby(zip(upper, below, strict=True)):
        line.append("▀" * len(list(run)), _signed_style(*pair))
    return line


@cache
def _signed_style(above: int, below: int | None) -> Style:
    """The style of ▀ for two levels; `below` is None after the last row."""
    return Style(color=_colour(above), bgcolor=None if below is None else _colour(below))


def _colour(level: int) -> Color:
    full = POSITIVE if level > 0 else NEGATIVE
    return Color.from_rgb(*(abs(level) * c // SHADES for c in full))


def _in_signs(line: Array) -> Text:
    """One line: a character for each number."""
    text = Text(no_wrap=True)
    for part in line.tolist():
        size = (abs(part) >= LOW) + (abs(part) >= HIGH)
        text.append(SIGNS[2 + size if part > 0 else 2 - size], "red" if part > 0 else "blue")
    return text

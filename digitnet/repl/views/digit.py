"""Renders a digit as text, with two rows of pixels per line."""

from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions
from rich.style import Style
from rich.text import Text

from digitnet.repl.views.screen import draws_blocks, draws_shades

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

"""Signed numbers as a picture: red above zero, blue below, black for nothing."""

from functools import cache
from itertools import groupby, zip_longest

import numpy as np
from rich.color import Color
from rich.console import Console, ConsoleOptions
from rich.style import Style
from rich.text import Text

from digitnet.engine.types import Array
from digitnet.repl.views.digit import digit
from digitnet.repl.views.screen import draws_blocks, draws_shades

POSITIVE, NEGATIVE = (255, 86, 64), (64, 148, 255)
STEPS = 15
"""Shades of each colour."""
SIGNS = "=- +#"
"""Without colours: far below zero to far above it."""
LITTLE, MUCH = 0.2, 0.6
"""Parts of the largest number from which signs say so."""


def signed(values: Array, largest: float, console: Console, options: ConsoleOptions) -> Text:
    """The numbers (rows, columns), two rows in each line, at half the size where they are too wide.

    largest: what has the full colour.
    """
    if values.shape[1] > options.max_width:
        values = halved(values)
    parts = np.clip(values / (largest or 1.0), -1, 1)
    if draws_blocks(console, options) and draws_shades(console):
        levels: list[list[int]] = np.rint(parts * STEPS).astype(int).tolist()
        pairs = zip_longest(levels[::2], levels[1::2])
        return Text("\n").join(_in_colours(upper, lower) for upper, lower in pairs)
    if len(parts) % 2:
        parts = np.vstack([parts, parts[-1:]])
    return Text("\n").join(_in_signs(line) for line in (parts[::2] + parts[1::2]) / 2)


def unsigned(values: Array, largest: float, console: Console, options: ConsoleOptions) -> Text:
    """Numbers from zero up as shades of grey, as digits are drawn; largest: what is white."""
    shades = np.clip(values / (largest or 1.0), 0, 1) * 255
    return digit(shades.astype(np.uint8), console, options, ink=False)


def legend(console: Console, options: ConsoleOptions) -> Text:
    """What the colours, or the signs, mean."""
    if draws_blocks(console, options) and draws_shades(console):
        red, blue = (Color.from_rgb(*colour) for colour in (POSITIVE, NEGATIVE))
        return Text.assemble(
            ("red", Style(color=red)), " above zero, ", ("blue", Style(color=blue)), " below"
        )
    return Text("# and + above zero, = and - below")


def halved(values: Array) -> Array:
    """The numbers at half the size: each the mean of four."""
    rows, columns = (n // 2 for n in values.shape)
    means: Array = values[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    return means


def _in_colours(upper: list[int], lower: list[int] | None) -> Text:
    """One line: the upper number is the colour of the sign ▀, the lower one that behind it."""
    line = Text(no_wrap=True)
    below: list[int | None] = [*lower] if lower else [None] * len(upper)
    for pair, run in groupby(zip(upper, below, strict=True)):
        line.append("▀" * len(list(run)), _style(*pair))
    return line


@cache
def _style(above: int, below: int | None) -> Style:
    """Of two numbers above each other; there may be none below."""
    return Style(color=_colour(above), bgcolor=None if below is None else _colour(below))


def _colour(level: int) -> Color:
    full = POSITIVE if level > 0 else NEGATIVE
    return Color.from_rgb(*(abs(level) * c // STEPS for c in full))


def _in_signs(line: Array) -> Text:
    """One line: a sign for each number."""
    text = Text(no_wrap=True)
    for part in line.tolist():
        size = (abs(part) >= LITTLE) + (abs(part) >= MUCH)
        text.append(SIGNS[2 + size if part > 0 else 2 - size], "red" if part > 0 else "blue")
    return text

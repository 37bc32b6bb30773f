"""Renders signed numbers as a picture: red above zero, blue below, black at zero."""

from functools import cache
from itertools import groupby, zip_longest

import numpy as np
from rich.color import Color
from rich.console import Console, ConsoleOptions
from rich.style import Style
from rich.text import Text

from digitnet.engine.types import Array
from digitnet.repl.views.digit import digit, halved
from digitnet.repl.views.screen import draws_blocks, draws_shades

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
        line.append("▀" * len(list(run)), _style(*pair))
    return line


@cache
def _style(above: int, below: int | None) -> Style:
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

"""Pictures beside each other, as many as fit a line, each over its label."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.views.digit import digit, shrunk

SMALL = 16
"""Pixels across of a picture that is shown at its full size."""
GAP = 2
"""Blanks between two pictures; between two lines of them there is an empty one."""
AROUND = 10
"""Lines of a screen that a gallery leaves to what stands above it and to the prompt below."""

Framed = tuple[Text, Text]
"""A picture and its label."""


def gallery(framed: Sequence[Framed], options: ConsoleOptions) -> RenderableType:
    """The pictures in lines of about the same length; all cells are as wide as the widest one."""
    width = max((size_of(each)[0] for each in framed), default=1)
    lines = -(-len(framed) // room(width, 1, 1, options)) or 1
    columns = -(-len(framed) // lines) or 1
    grid = Table.grid(padding=(0, GAP, 1, 0))
    for start in range(0, len(framed), columns):
        line = framed[start : start + columns]
        grid.add_row(*(Group(picture, label) for picture, label in line))
    return grid


def size_of(framed: Framed) -> tuple[int, int]:
    """Columns and lines of a picture with its label."""
    lines = [line for part in framed for line in part.plain.split("\n")]
    return max(map(len, lines)), len(lines)


def room(width: int, height: int, lines: int, options: ConsoleOptions) -> int:
    """How many cells of this size so many lines have room for; a line of them at least."""
    columns = max(1, (options.max_width + GAP) // (width + GAP))
    return columns * max(1, lines // (height + 1))


def lines_of(console: Console) -> int:
    """The lines of a screen that a gallery may take."""
    return console.height - AROUND


def small_case(case: NDArray[Any], console: Console, options: ConsoleOptions) -> Text:
    """A case for a gallery: its picture at half size, unless it is small already, or its row of a
    table.
    """
    if case.ndim == 2:
        picture = case if case.shape[1] <= SMALL else shrunk(case)
        return digit(picture, console, options)
    return Text(" ".join(f"{value:g}" for value in case))

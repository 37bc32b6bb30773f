"""Arranges labelled pictures in rows, as many as fit."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.views.digit import digit, halved

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

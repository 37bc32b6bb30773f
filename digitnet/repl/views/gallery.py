"""Several cases beside each other, as many as fit a line."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.views.digit import digit, shrunk

SMALL = 16
"""Pixels across of a picture that is shown at its full size."""


def gallery(
    indices: Sequence[int],
    answers: Sequence[int],
    inputs: Sequence[NDArray[Any]],
    console: Console,
    options: ConsoleOptions,
) -> RenderableType:
    """Each case over its number and answer: pictures at half size, unless they are small already,
    and rows of tables as they are.
    """
    cells: list[RenderableType] = []
    width = 12
    for index, answer, case in zip(indices, answers, inputs, strict=True):
        label = Text(f"{index}: {answer}", "bold")
        if case.ndim == 2:
            small = case if case.shape[1] <= SMALL else shrunk(case)
            width = max(small.shape[1], len(label))
            cells.append(Group(digit(small, console, options), label))
        else:
            cells.append(Group(Text(" ".join(f"{value:g}" for value in case)), label))
    columns = max(1, (options.max_width + 2) // (width + 2))
    grid = Table.grid(padding=(0, 2, 1, 0))
    for start in range(0, len(cells), columns):
        grid.add_row(*cells[start : start + columns])
    return grid

"""Tables: rows under headings, and names beside values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

GAP = 2
"""Columns between two columns of a table."""


def rows(
    headings: Sequence[str], lines: Iterable[Sequence[str]], right: str = "", whole: str = ""
) -> Table:
    """A table without borders.

    right: the headings of numeric columns. whole: other headings whose columns are not wrapped.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for heading in headings:
        numbers = heading in right.split()
        table.add_column(
            heading,
            justify="right" if numbers else "left",
            no_wrap=numbers or heading in whole.split(),
            overflow="fold",
        )
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    return table


@dataclass(frozen=True)
class PlainRows:
    """A table as wide as its cells, without wrapping: fast for thousands of rows."""

    headings: Sequence[str]
    lines: Sequence[Sequence[str]]
    right: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders the rows, one per line."""
        lines = [self.headings, *self.lines]
        widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
        numbers = [heading in self.right.split() for heading in self.headings]
        for number, line in enumerate(lines):
            cells = zip(line, widths, numbers, strict=True)
            padded = (_padded(cell, width - cell_len(cell), right) for cell, width, right in cells)
            text = (" " * GAP).join(padded).rstrip()
            yield Segment(text, Style(bold=True) if number == 0 else None)
            yield Segment.line()


def _padded(cell: str, blanks: int, right: bool) -> str:
    return " " * blanks + cell if right else cell + " " * blanks


def pairs(values: Mapping[str, str], title: str = "") -> RenderableType:
    """Names in one column, values in the other."""
    table = Table(
        box=None,
        pad_edge=False,
        show_header=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(Text(name), Text(value))
    return Group(Text(title, "bold"), table) if title else table

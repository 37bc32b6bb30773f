"""Tables: rows under headings, and names beside values."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

GAP = 2
"""Columns between two columns of a table."""


def rows(
    headings: Sequence[str], lines: Iterable[Sequence[str]], right: str = "", whole: str = ""
) -> Table:
    """A table without rules.

    `right` names the headings whose columns are numbers, `whole` others that are not folded.
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

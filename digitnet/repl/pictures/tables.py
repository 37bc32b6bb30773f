"""Tables, and numbers and times as text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

SEEN_IN_TRAINING = "Warning: these cases were in its training set, so this is too good."
"""The warning for an accuracy on cases that the network was trained on."""


def counted(count: int, noun: str) -> str:
    """`1 mini-batch`, `1,234 mini-batches`, `30 epochs`."""
    ending = "" if count == 1 else "es" if noun.endswith("batch") else "s"
    return f"{count:,} {noun}{ending}"


def named(answer: int, names: Sequence[str]) -> str:
    """`7`, or `7 sneaker` if the data set's answers have names."""
    return f"{answer} {names[answer]}" if names else f"{answer}"


def legend(names: Sequence[str]) -> str:
    """`0 T-shirt, 1 trouser`."""
    return ", ".join(named(answer, names) for answer in range(len(names)))


def percent(fraction: float) -> str:
    """`97.87 %`."""
    return f"{fraction:.2%}".replace("%", " %")


def written(number: float) -> str:
    """A number in full, for an axis: `1,095`, `0.01`, `1e-5`."""
    return f"{number:,.12g}".replace("e-0", "e-").replace("e+0", "e")


def rounded(number: float) -> str:
    """A number to three significant digits, or to an integer: `0.0917`, `9,940`, `2e7`."""
    text = f"{number:,.0f}" if 1000 <= abs(number) < 1e6 else f"{number:.3g}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def size(count: int) -> str:
    """A number of bytes: `812 B`, `3.2 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def duration(seconds: float) -> str:
    """A time: `0.4 s`, `75 s`, `12 min`, `3 h 20 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def clock(seconds: float) -> str:
    """A time in a line of numbers: like `duration`, but `1:52` from 100 seconds to an hour."""
    if not 99.5 <= seconds < 3599.5:
        return duration(seconds)
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def when(iso: str) -> str:
    """A time in ISO 8601, to the minute: `2026-01-31 12:00`."""
    return iso[:16].replace("T", " ")


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

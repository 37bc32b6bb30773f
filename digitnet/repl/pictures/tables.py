"""Tables, and numbers and times as text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

SEEN_IN_TRAINING = {
    True: ["Warning: it was trained on some or all of these cases, so this is optimistic."],
    None: ["It was trained on cases that are not here, and these may be among them."],
    False: [],
}
SEEN = {True: " (cases seen in training)", None: " (cases perhaps seen in training)", False: ""}
"""What is said, below it and beside it, of an accuracy on cases that may have been trained on."""


def counted(count: int, noun: str) -> str:
    """`1 mini-batch`, `1,234 mini-batches`, `30 epochs`."""
    ending = "" if count == 1 else "es" if noun.endswith("batch") else "s"
    return f"{count:,} {noun}{ending}"


def with_article(digit: int | str) -> str:
    """`a 7`, `an 8`, `an 18`."""
    text = f"{digit}"
    return f"an {text}" if re.match(r"8|1[18]\b", text) else f"a {text}"


def percent(fraction: float, decimals: int = 2) -> str:
    """`97.87 %`, or `-` for NaN; `100.00 %` for nothing less."""
    if fraction < 1:
        fraction = min(fraction, 1 - 0.1 ** (decimals + 2))
    return "-" if isnan(fraction) else f"{fraction:.{decimals}%}".replace("%", " %")


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


GAP, INDENT = 2, 2  # columns between two columns of a table, and before the cells of a stacked row
MIN_PROSE = 16  # minimum width of a column of sentences


@dataclass(frozen=True)
class Rows:
    """A table without borders. However narrow the screen, no cell is cut.

    Where the columns do not fit, `prose` is wrapped between words; else what is the same in every
    row is said once, above; else `optional` columns are left out, the first first, and named below;
    else each row is stacked on several lines.

    numbers: the headings of columns aligned right. key: of the columns that tell the rows apart; a
    stacked row then begins with them, and otherwise with its first cell. Without any heading, the
    first column is bold.
    """

    headings: Sequence[str]
    lines: Sequence[Sequence[str]]
    numbers: Sequence[str] = ()
    prose: Sequence[str] = ()
    optional: Sequence[str] = ()
    key: Sequence[str] = ()

    @cached_property
    def widths(self) -> list[int]:
        columns = zip(self.headings, *self.lines, strict=True)
        return [max(map(cell_len, column)) for column in columns]

    def fits(self, width: int) -> bool:
        return sum(self.widths) + GAP * (len(self.widths) - 1) <= width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        every = range(len(self.headings))
        values = [{line[c] for line in self.lines} for c in every]
        same = [c for c in every if len(values[c]) == 1 < len(self.lines) and (c or self.key)]
        optional = [c for name in self.optional for c in every if self.headings[c] == name]
        left_out_of = [optional[:count] for count in range(len(optional) + 1)]
        for above, left_out in [([], []), *((same, left_out) for left_out in left_out_of)]:
            columns = [c for c in every if c not in above and c not in left_out]
            widths = self._fitted(columns, options.max_width)
            if widths:
                break
        else:
            columns = [c for c in every if c not in same]
        if above and (said := self._said(self.lines[0], above)):
            yield Text(f"The same for all: {said}.")
        if not widths:
            yield from self._stacked(columns)
            return
        yield self._table(columns, widths)
        if names := [self.headings[c] for c in left_out if c not in above]:
            yield Text(f"Not shown for lack of space: {', '.join(names)}.", "dim")

    def _fitted(self, columns: Sequence[int], width: int) -> list[int]:
        """The widths of these columns side by side; empty if they do not fit."""
        prose = [c for c in columns if self.headings[c] in self.prose]
        fixed = sum(self.widths[c] for c in columns if c not in prose)
        words = {c: [word for line in self.lines for word in line[c].split()] for c in prose}
        longest = {c: max(map(cell_len, words[c]), default=0) for c in prose}
        least = {c: max(longest[c], min(self.widths[c], MIN_PROSE)) for c in prose}
        spare = width - GAP * (len(columns) - 1) - fixed - sum(least.values())
        if spare < 0:
            return []
        fitted = dict(enumerate(self.widths)) | least
        for c in prose:  # all but the last take at most half of the screen
            limit = spare if c == prose[-1] else min(spare, max(0, width // 2 - GAP - least[c]))
            extra = min(self.widths[c] - least[c], limit)
            fitted[c], spare = least[c] + extra, spare - extra
        return [fitted[c] for c in columns]

    def _said(self, line: Sequence[str], columns: Sequence[int]) -> str:
        """`l2 6e-06, batch 32`."""
        names = ["" if name in self.prose else name for name in self.headings]
        return ", ".join(f"{names[c]} {line[c]}".strip() for c in columns if line[c])

    def _table(self, columns: Sequence[int], widths: Sequence[int]) -> Table:
        table = Table.grid(padding=(0, GAP, 0, 0))
        for c, width in zip(columns, widths, strict=True):
            justify: JustifyMethod = "right" if self.headings[c] in self.numbers else "left"
            table.add_column(width=width, justify=justify, overflow="fold")
        if any(self.headings):
            table.add_row(*(self.headings[c] for c in columns), style="bold")
        else:
            table.columns[0].style = "bold"
        for line in self.lines:
            table.add_row(*(line[c] for c in columns))
        return table

    def _stacked(self, columns: Sequence[int]) -> Iterator[RenderableType]:
        key = [c for c in columns if self.headings[c] in self.key]
        for line in self.lines:
            yield Text(self._said(line, key) if key else line[columns[0]], "bold")
            rest = [c for c in columns if c not in (key or columns[:1])]
            yield Padding(Text(self._said(line, rest)), (0, 0, 0, INDENT))


def pairs(values: Mapping[str, str], title: str = "") -> RenderableType:
    """Names in one column, what they are in the other."""
    table = Rows(("", ""), list(values.items()), prose=("",))
    return Group(Text(title, "bold"), table) if title else table

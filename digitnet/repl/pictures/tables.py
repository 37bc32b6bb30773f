"""Tables, and numbers and times as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
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
            yield Text(f"In every row: {said}.")
        if not widths:
            yield from self._stacked(columns)
            return
        yield from self._table(columns, widths, console)
        if names := [self.headings[c] for c in left_out if c not in above]:
            yield Text(f"Not shown on a narrow screen: {', '.join(names)}.", "dim")

    def _fitted(self, columns: Sequence[int], width: int) -> list[int]:
        """The widths of these columns side by side; empty if they do not fit."""
        prose = [c for c in columns if self.headings[c] in self.prose]
        fixed = sum(self.widths[c] for c in columns if c not in prose)
        least = {c: max(self._longest_word(c), min(self.widths[c], MIN_PROSE)) for c in prose}
        spare = width - GAP * (len(columns) - 1) - fixed - sum(least.values())
        if spare < 0:
            return []
        fitted = dict(enumerate(self.widths)) | least
        for c in prose:  # all but the last take at most half of the screen
            limit = spare if c == prose[-1] else min(spare, max(0, width // 2 - GAP - least[c]))
            extra = min(self.widths[c] - least[c], limit)
            fitted[c], spare = least[c] + extra, spare - extra
        return [fitted[c] for c in columns]

    def _longest_word(self, column: int) -> int:
        return max(
            (cell_len(word) for line in self.lines for word in line[column].split()), default=0
        )

    def _said(self, line: Sequence[str], columns: Sequence[int]) -> str:
        """`l2 6e-06, batch 32`."""
        names = ["" if name in self.prose else name for name in self.headings]
        return ", ".join(f"{names[c]} {line[c]}".strip() for c in columns if line[c])

    def _table(
        self, columns: Sequence[int], widths: Sequence[int], console: Console
    ) -> Iterator[Segment]:
        has_headings = any(self.headings)
        numbers = [self.headings[c] in self.numbers for c in columns]
        for row, line in enumerate([self.headings, *self.lines] if has_headings else self.lines):
            cells = [_wrapped(line[c], w, console) for c, w in zip(columns, widths, strict=True)]
            for parts in zip_longest(*cells, fillvalue=""):
                padded = list(map(_padded, parts, widths, numbers))
                text = (" " * GAP).join(padded).rstrip()
                bold = len(padded[0]) if not has_headings else len(text) if row == 0 else 0
                yield Segment(text[:bold], Style(bold=True))
                yield Segment(text[bold:])
                yield Segment.line()

    def _stacked(self, columns: Sequence[int]) -> Iterator[RenderableType]:
        key = [c for c in columns if self.headings[c] in self.key]
        for line in self.lines:
            yield Text(self._said(line, key) if key else line[columns[0]], "bold")
            rest = [c for c in columns if c not in (key or columns[:1])]
            yield Padding(Text(self._said(line, rest)), (0, 0, 0, INDENT))


def _wrapped(cell: str, width: int, console: Console) -> list[str]:
    if cell_len(cell) <= width:
        return [cell]
    return [line.plain for line in Text(cell).wrap(console, width)]


def _padded(cell: str, width: int, right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if right else cell + blanks


def pairs(values: Mapping[str, str], title: str = "") -> RenderableType:
    """Names in one column, what they are in the other."""
    table = Rows(("", ""), list(values.items()), prose=("",))
    return Group(Text(title, "bold"), table) if title else table

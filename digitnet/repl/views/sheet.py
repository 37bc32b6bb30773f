"""Layout of calculations: aligned numbers in columns, formulae above them, blocks side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import floor, isfinite, log10

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

IN_ASCII = str.maketrans(
    {
        "−": "-", "·": "*", "′": "'", "²": "^2", "½": "1/2", "√": "sqrt", "Σ": "sum", "→": "->",
        "←": "<-", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta", "λ": "lambda",
        "μ": "mu", "σ": "sigma", "ᵗ": "^t",
    }
)  # fmt: skip
"""Replacements in formulae if only ASCII is available."""
GAP = 4
"""Spaces between blocks side by side."""


def aligned(values: Iterable[float]) -> list[str]:
    """The values with the same number of decimals: four, or more if the largest needs them.

    Integers have no decimals, and zero is 0. Values that would be rounded to zero are written with
    a power of ten: `0.1250`, `-0.0034`, `2e-09`.
    """
    values = [float(value) for value in values]
    largest = max((abs(value) for value in values if isfinite(value)), default=0.0)
    if largest < 1e6 and all(value == int(value) for value in values if isfinite(value)):
        return [f"{value + 0.0:.0f}" for value in values]
    power = floor(log10(largest))
    if not -4 <= power < 6:
        return [f"{value:.2e}" if value else "0" for value in values]
    decimals = 2 if power >= 2 else 4 if power >= -2 else 3 - power
    return [_rounded(value, decimals) for value in values]


def _rounded(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    if float(text):
        return text
    return f"{value:.0e}" if value else "0"


@dataclass(frozen=True)
class Row:
    """A row of a table: its labels on the left, its numbers, and its style."""

    labels: Sequence[str]
    cells: Sequence[str]
    style: str = ""


@dataclass(frozen=True)
class Sheet:
    """A page of a width in columns. blocks: whether it may use more than ASCII."""

    width: int
    blocks: bool

    def text(self, words: str, style: str = "") -> Text:
        """Text in the available characters."""
        return Text(words if self.blocks else words.translate(IN_ASCII), style)

    def heading(self, words: str) -> Text:
        """A heading across the whole width."""
        line = "─" if self.blocks else "-"
        text = f"{line * 2} {words} ".ljust(self.width, line)
        return Text(text, "bold magenta", no_wrap=True, overflow="crop")

    def title(self, words: str) -> Text:
        """The title of a block."""
        return self.text(words, "bold")

    def formulae(self, *formulae: str) -> Text:
        """Formulae, one per line."""
        return self.text("\n".join(formulae), "cyan")

    def table(
        self, headings: Sequence[str], rows: Sequence[Row], label_headings: Sequence[str] = ()
    ) -> Text:
        """Rows of numbers under headings, in columns of equal width.

        label_headings: of the labels. A table that is too wide is split into bands, one below the
        other, each with the labels.
        """
        rows = [
            Row(self._in_charset(row.labels), self._in_charset(row.cells), row.style)
            for row in rows
        ]
        headings, label_headings = self._in_charset(headings), self._in_charset(label_headings)
        labels = [label_headings, *(row.labels for row in rows)]
        wide = [max(map(cell_len, column)) for column in zip_longest(*labels, fillvalue="")]
        margin = sum(wide) + 2 * (len(wide) - 1)
        each = max(map(cell_len, [*headings, *(cell for row in rows for cell in row.cells)])) + 2
        fitting = max(1, (self.width - margin) // each)
        lines: list[Text] = []
        for start in range(0, len(headings), fitting):
            band = slice(start, start + fitting)
            if any(headings):
                lines.append(_line(label_headings, wide, headings[band], each, "bold"))
            lines += [_line(r.labels, wide, r.cells[band], each, r.style) for r in rows]
        text = Text("\n").join(lines)
        text.no_wrap, text.overflow = True, "crop"
        return text

    def _in_charset(self, words: Iterable[str]) -> list[str]:
        """The words in the available characters."""
        return [self.text(word).plain for word in words]

    def pictures(self, named: Sequence[tuple[str, Text]]) -> list[Text]:
        """Squares of numbers under their names, side by side if they fit."""
        wide = [max(_width(square), cell_len(self.text(name).plain)) for name, square in named]
        if sum(wide) + GAP * (len(wide) - 1) > self.width:
            return [part for name, square in named for part in (self.text(name, "dim"), square)]
        names = (" " * GAP).join(
            self.text(name).plain.rjust(w) for (name, _), w in zip(named, wide, strict=True)
        )
        lines = zip(*(square.plain.splitlines() for _, square in named), strict=True)
        joined = [
            (" " * GAP).join(part.rjust(w) for part, w in zip(line, wide, strict=True))
            for line in lines
        ]
        return [Text(names, "dim"), Text("\n".join(joined), no_wrap=True, overflow="crop")]

    def side_by_side(self, blocks: Sequence[Sequence[Text]]) -> RenderableType:
        """Blocks side by side, as many in a row as fit; an empty line follows each row."""
        parts: list[RenderableType] = []
        line: list[Group] = []
        room = self.width
        for block in blocks:
            wide = max(_width(text) for text in block)
            if line and room < wide + GAP:
                parts += [_in_a_row(line), ""]
                line, room = [], self.width
            line.append(Group(*block))
            room -= wide + (GAP if len(line) > 1 else 0)
        if line:
            parts += [_in_a_row(line), ""]
        return Group(*parts)


def _in_a_row(blocks: Sequence[Group]) -> RenderableType:
    if len(blocks) == 1:
        return blocks[0]
    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_row(*blocks)
    return table


def _width(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.splitlines()), default=0)


def _line(
    labels: Sequence[str], wide: Sequence[int], cells: Sequence[str], each: int, style: str
) -> Text:
    """A line of a table: its labels, dimmed, then its numbers."""
    words = [*labels, *[""] * (len(wide) - len(labels))]
    left = "  ".join(_right(word, n) for word, n in zip(words, wide, strict=True))
    line = Text().append(left, "dim")
    return line.append("".join(_right(cell, each) for cell in cells), style)


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text

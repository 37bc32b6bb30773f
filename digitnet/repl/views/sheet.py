"""A sheet of calculation: aligned numbers in columns, formulae above them, blocks side by side."""

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
"""What formulae are written with where there is only ASCII."""
BETWEEN = 4
"""Columns between blocks that stand side by side."""


def aligned(values: Iterable[float]) -> list[str]:
    """The values with four decimals, or as many more as the largest needs, the same for all.

    Whole numbers stay whole, and zero is 0; what would look like zero, and is not, has its power of
    ten: `0.1250`, `-0.0034`, `2e-09`.
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
    """A line of a table: what stands at its left, its numbers, and how it looks."""

    labels: Sequence[str]
    cells: Sequence[str]
    style: str = ""


@dataclass(frozen=True)
class Sheet:
    """A screen to write on, so many columns wide; blocks: whether it has more than ASCII."""

    width: int
    blocks: bool

    def text(self, words: str, style: str = "") -> Text:
        """Words in signs that the screen has, folded to its width."""
        return Text(words if self.blocks else words.translate(IN_ASCII), style)

    def heading(self, words: str) -> Text:
        """The name of a part of the sheet, over its whole width."""
        line = "─" if self.blocks else "-"
        text = f"{line * 2} {words} ".ljust(self.width, line)
        return Text(text, "bold magenta", no_wrap=True, overflow="crop")

    def title(self, words: str) -> Text:
        """The name of a block."""
        return self.text(words, "bold")

    def formulae(self, *formulae: str) -> Text:
        """Formulae, one below the other."""
        return self.text("\n".join(formulae), "cyan")

    def table(
        self, headings: Sequence[str], rows: Sequence[Row], at_left: Sequence[str] = ()
    ) -> Text:
        """Rows of numbers under headings, each column as wide as the others; `at_left`: headings of
        the labels.

        What is too wide is cut into bands, one below the other, each with the labels at its left.
        """
        rows = [Row(self._signs(row.labels), self._signs(row.cells), row.style) for row in rows]
        headings, at_left = self._signs(headings), self._signs(at_left)
        labels = [at_left, *(row.labels for row in rows)]
        wide = [max(map(cell_len, column)) for column in zip_longest(*labels, fillvalue="")]
        margin = sum(wide) + 2 * (len(wide) - 1)
        each = max(map(cell_len, [*headings, *(cell for row in rows for cell in row.cells)])) + 2
        fitting = max(1, (self.width - margin) // each)
        lines: list[Text] = []
        for start in range(0, len(headings), fitting):
            band = slice(start, start + fitting)
            if any(headings):
                lines.append(_line(at_left, wide, headings[band], each, "bold"))
            lines += [_line(r.labels, wide, r.cells[band], each, r.style) for r in rows]
        text = Text("\n").join(lines)
        text.no_wrap, text.overflow = True, "crop"
        return text

    def _signs(self, words: Iterable[str]) -> list[str]:
        """Words in signs that the screen has."""
        return [self.text(word).plain for word in words]

    def pictures(self, named: Sequence[tuple[str, Text]]) -> list[Text]:
        """Squares of numbers, each below its name, beside one another where there is room."""
        wide = [max(_width(square), cell_len(self.text(name).plain)) for name, square in named]
        if sum(wide) + BETWEEN * (len(wide) - 1) > self.width:
            return [part for name, square in named for part in (self.text(name, "dim"), square)]
        names = (" " * BETWEEN).join(
            self.text(name).plain.rjust(w) for (name, _), w in zip(named, wide, strict=True)
        )
        lines = zip(*(square.plain.splitlines() for _, square in named), strict=True)
        joined = [
            (" " * BETWEEN).join(part.rjust(w) for part, w in zip(line, wide, strict=True))
            for line in lines
        ]
        return [Text(names, "dim"), Text("\n".join(joined), no_wrap=True, overflow="crop")]

    def side_by_side(self, blocks: Sequence[Sequence[Text]]) -> RenderableType:
        """Blocks next to each other, as many in a row as fit, with an empty line below each row."""
        parts: list[RenderableType] = []
        line: list[Group] = []
        room = self.width
        for block in blocks:
            wide = max(_width(text) for text in block)
            if line and room < wide + BETWEEN:
                parts += [_in_a_row(line), ""]
                line, room = [], self.width
            line.append(Group(*block))
            room -= wide + (BETWEEN if len(line) > 1 else 0)
        if line:
            parts += [_in_a_row(line), ""]
        return Group(*parts)


def _in_a_row(blocks: Sequence[Group]) -> RenderableType:
    if len(blocks) == 1:
        return blocks[0]
    table = Table.grid(padding=(0, BETWEEN, 0, 0))
    table.add_row(*blocks)
    return table


def _width(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.splitlines()), default=0)


def _line(
    labels: Sequence[str], wide: Sequence[int], cells: Sequence[str], each: int, style: str
) -> Text:
    """A line of a table: its labels, dim, then its numbers."""
    words = [*labels, *[""] * (len(wide) - len(labels))]
    left = "  ".join(_right(word, n) for word, n in zip(words, wide, strict=True))
    line = Text().append(left, "dim")
    return line.append("".join(_right(cell, each) for cell in cells), style)


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text

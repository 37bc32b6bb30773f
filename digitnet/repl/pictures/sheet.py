"""Layout of calculations: aligned numbers, formulae, names of units and weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import floor, isfinite, log10
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from digitnet.engine.arrays import Array
from digitnet.engine.layers import ACTIVATIONS, Dense, Layer
from digitnet.engine.pictures import Convolution
from digitnet.insight.why import Pass

IN_ASCII = str.maketrans(
    {
        "−": "-", "·": "*", "′": "'", "²": "^2", "½": "1/2", "√": "sqrt", "Σ": "sum", "→": "->",
        "←": "<-", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta", "λ": "lambda",
        "μ": "mu", "σ": "sigma", "ᵗ": "^t",
    }
)  # fmt: skip
"""Replacements in formulae if only ASCII is available."""

GAP = 4  # spaces between blocks side by side
HEADING = Style(bold=True, meta={"heading": True})  # of the names of columns


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
    return text if float(text) else f"{value:.0e}" if value else "0"


@dataclass(frozen=True)
class Row:
    """A row of a table: its labels on the left, its numbers, and its style."""

    labels: Sequence[str]
    cells: Sequence[str]
    style: str = ""


def lines(values: Mapping[str, Array], bold: str = "") -> list[Row]:
    return [
        Row((name,), aligned(np.atleast_1d(numbers)), "bold" if name == bold else "")
        for name, numbers in values.items()
    ]


def columns(
    labels: Sequence[Sequence[str]], values: Iterable[Iterable[float]], bold: int = -1
) -> list[Row]:
    """A column for each array, its numbers one below the other; labels: of the rows."""
    cells = zip(*(aligned(column) for column in values), strict=True)
    return [
        Row(names, line, "bold" if k == bold else "")
        for k, (names, line) in enumerate(zip(labels, cells, strict=True))
    ]


MAX_JSON_NUMBERS = 1000  # arrays with more numbers are null in the JSON


def as_list(values: Array) -> list[Any] | None:
    """The array as nested lists, for the JSON; None if it is too large."""
    return list(values.tolist()) if values.size <= MAX_JSON_NUMBERS else None


@dataclass(frozen=True)
class Sheet:
    """A page of a width in columns. blocks: whether it may use more than ASCII."""

    width: int
    blocks: bool

    def text(self, words: str, style: str = "") -> Text:
        return Text(words if self.blocks else words.translate(IN_ASCII), style)

    def _in_charset(self, words: Iterable[str]) -> list[str]:
        return [self.text(word).plain for word in words]

    def heading(self, words: str) -> Text:
        """A heading across the whole width."""
        line = "─" if self.blocks else "-"
        text = f"{line * 2} {words} ".ljust(self.width, line)
        return Text(text, "bold magenta", no_wrap=True, overflow="crop")

    def layer_title(self, layer: Layer, number: int) -> Text:
        """`layer 2: dense 256 to 10, softmax`."""
        shapes = {"kind": layer.kind, "inputs": layer.input_shape, "outputs": layer.shape}
        return self.text(f"layer {number}: {layer_line(shapes | layer.described())}", "bold")

    def formulae(self, *formulae: str) -> Text:
        return self.text("\n".join(formulae), "cyan")

    def table(
        self, headings: Sequence[str], rows: Sequence[Row], label_headings: Sequence[str] = ()
    ) -> Text:
        """Rows of numbers under headings, in columns of equal width.

        label_headings: of the labels. A table that is too wide is split into bands, one below the
        other, each with the labels.
        """
        in_charset = self._in_charset
        rows = [Row(in_charset(row.labels), in_charset(row.cells), row.style) for row in rows]
        headings, label_headings = in_charset(headings), in_charset(label_headings)
        labels = [label_headings, *(row.labels for row in rows)]
        wide = [max(map(cell_len, column)) for column in zip_longest(*labels, fillvalue="")]
        margin = sum(wide) + 2 * (len(wide) - 1)
        each = max(map(cell_len, [*headings, *(cell for row in rows for cell in row.cells)])) + 2
        fitting = max(1, (self.width - margin) // each)
        lines: list[Text] = []
        for start in range(0, len(headings), fitting):
            band = slice(start, start + fitting)
            if any(headings):
                lines.append(_line(label_headings, wide, headings[band], each, HEADING))
            lines += [_line(r.labels, wide, r.cells[band], each, r.style) for r in rows]
        return Text("\n").join(lines)

    def pictures(self, named: Sequence[tuple[str, Text]]) -> list[Text]:
        blocks = [self._in_charset([name, *square.plain.splitlines()]) for name, square in named]
        wide = [max(map(cell_len, block)) for block in blocks]
        if sum(wide) + GAP * (len(wide) - 1) > self.width:
            return [part for name, square in named for part in (self.text(name, "dim"), square)]
        rows = (map(padded, line, wide) for line in zip(*blocks, strict=True))
        names, *lines = map((" " * GAP).join, rows)
        return [Text(names, "dim"), Text("\n".join(lines), no_wrap=True, overflow="crop")]

    def side_by_side(self, blocks: Sequence[Sequence[Text]]) -> RenderableType:
        """Blocks side by side, as many in a row as fit; an empty line follows each row."""
        return Group(*(part for row in self.in_rows(blocks) for part in (row, "")))

    def in_rows(self, blocks: Sequence[Sequence[Text]]) -> list[RenderableType]:
        rows: list[list[Group]] = []
        free = 0
        for block in blocks:
            lines = [line for text in block for line in text.plain.splitlines()]
            free -= max(map(cell_len, lines), default=0) + GAP
            if free < 0 or not rows:
                rows.append([])
                free = self.width - max(map(cell_len, lines), default=0)
            rows[-1].append(Group(*block))
        return [_in_a_row(row) for row in rows]


def _in_a_row(blocks: Sequence[Group]) -> RenderableType:
    if len(blocks) == 1:  # which may be wider than the screen
        return blocks[0]
    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_row(*blocks)
    return table


def _line(
    labels: Sequence[str], wide: Sequence[int], cells: Sequence[str], each: int, style: str | Style
) -> Text:
    words = [*labels, *[""] * (len(wide) - len(labels))]
    line = Text().append("  ".join(map(padded, words, wide)), "dim")
    return line.append("".join(padded(cell, each) for cell in cells), style)


def padded(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


def layer_line(layer: dict[str, Any]) -> str:
    """A layer in one line: its kind, input and output shape, and parameters."""
    below, above = ("x".join(str(n) for n in layer[side]) for side in ("inputs", "outputs"))
    words = [f"{layer['kind'].replace('_', ' ')} {below} to {above}"]
    match layer:
        case {"kernel": k}:
            words.append(f"{k}x{k} kernels")
        case {"size": size}:
            words.append(f"{size}x{size} windows")
        case {"probability": p}:
            words.append(f"probability {p:g}")
        case {"members": members}:
            words.append(", ".join(members))
    if "activation" in layer:
        words.append(layer["activation"])
    if layer.get("bias") is False:
        words.append("no biases")
    return ", ".join(words)


WHOLE = 10  # a layer with at most this many inputs and units is written out whole
SIGNS = {"gamma": "γ", "beta": "β"}  # parameter → its symbol


def weight_name(layer: Layer, name: str, number: int) -> str:
    """One number of a parameter: `w3 → 0`, `b → 0`, `0,1 of kernel 4 → 7`, `γ of channel 3`."""
    if name == "biases":
        return f"b → {number}"
    if isinstance(layer, Dense):
        row, unit = divmod(number, layer.shape[0])
        return f"w{row} → {unit}"
    if isinstance(layer, Convolution):
        k, depth, channels = layer.kernel, layer.input_shape[2], layer.channels
        place = np.unravel_index(number, (k, k, depth, channels))
        return "{},{} of kernel {} → {}".format(*place)
    return f"{SIGNS.get(name, name)} of channel {number}"


def forwards(p: Pass) -> tuple[str, ...]:
    """The formulae of z and a of a layer."""
    sums = p.layer.notation.formulae
    if getattr(p.layer, "biases", "") is None:
        sums = tuple(formula.removesuffix(" + b") for formula in sums)
    has_activation = "activation" in p.layer.options
    return (*sums, ACTIVATIONS[p.activation].formula) if has_activation else sums


def backwards(p: Pass, above: str, of_cost: str) -> tuple[str, ...]:
    """The formulae of δ of a layer.

    above: the kind of the next layer, empty for the last. of_cost: the derivative of the cost.
    """
    if p.da is None:
        return (f"δ = dC/dz = {of_cost}",)
    first = "dC/da = dC/dx of the layer above" if above else f"dC/da = {of_cost}"
    first = "dC/da = Σ w δ of the layer above" if above == "dense" else first
    derivative = ACTIVATIONS[p.activation].derivative
    if not derivative:
        return (first, "δ = dC/dz = a (dC/da − Σ a dC/da)")
    if p.activation == "linear":
        return (first, "δ = dC/dz = dC/da")
    return (first, derivative, "δ = dC/dz = dC/da · f′")


def gradients(p: Pass) -> tuple[str, ...]:
    """The formulae of the gradients of a layer's parameters; without parameters, of dC/dx."""
    formulae = p.layer.notation.gradients
    return formulae[:1] if getattr(p.layer, "biases", "") is None else formulae

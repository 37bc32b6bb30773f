"""Renders the forward pass of a case: how each layer computes its outputs, and the cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from digitnet.engine.layers import BatchNorm, Convolution, Dropout, Flatten, MaxPool
from digitnet.insight.backprop import Pass
from digitnet.insight.trail import Place, Terms, terms_of
from digitnet.repl.views import formulae
from digitnet.repl.views.explaining_names import (
    block_title,
    input_name,
    is_output,
    is_whole,
    unit_headings,
    unit_name,
)
from digitnet.repl.views.sheet import Row, Sheet, aligned

if TYPE_CHECKING:
    from digitnet.repl.commands.explaining import WhyResult

LARGEST = 5
"""Terms shown of a sum."""
DRAWN = 8
"""Kernels up to this size are shown as squares of numbers."""

Part = tuple[str, str, str, float]
"""A row of a sum: its name, x, w, and x w."""


def layer(result: "WhyResult", sheet: Sheet, number: int) -> list[Text]:
    """How a layer computes z and a."""
    p = result.page.passes[number]
    block = [block_title(result, sheet, number), sheet.formulae(*formulae.forwards(p))]
    if isinstance(p.layer, Flatten | Dropout):
        return block
    if is_whole(p):
        headings = unit_headings(result, number)
        if isinstance(p.layer, BatchNorm):
            return [*block, _normalized(p, p.layer, slice(None), headings, sheet)]
        return [*block, _dense(p, headings, sheet)]
    if is_output(result, number):
        block += [_outputs(result, sheet), Text()]
    return [*block, sheet.text(_reason(result, number), "bold"), *_number(result, sheet, number)]


def _number(result: "WhyResult", sheet: Sheet, number: int) -> list[Text]:
    """How a layer computes its number on the trail."""
    p, place = result.page.passes[number], result.trail[number]
    if isinstance(p.layer, BatchNorm):
        return [_normalized(p, p.layer, place, [""], sheet)]
    terms = terms_of(p, place)
    if isinstance(p.layer, Convolution) and p.layer.kernel <= DRAWN:
        return [*_patch_and_kernel(terms, sheet), _sum(p, place, sheet, _channels(terms))]
    return [_sum(p, place, sheet, _largest(result, number, terms))]


def _dense(p: Pass, headings: Sequence[str], sheet: Sheet) -> Text:
    """The weights, z and a, a column for each unit; the inputs are the row labels."""
    weights, *biases = (parameter.value for parameter in p.layer.parameters)
    cells = np.reshape(aligned(weights.ravel()), weights.shape)
    rows = [
        Row((x, f"w{j}"), list(line))
        for j, (x, line) in enumerate(zip(aligned(p.x), cells, strict=True))
    ]
    rows += [Row(("", "b"), aligned(values)) for values in biases]
    rows += [Row(("", "z"), aligned(p.z)), Row(("", "a"), aligned(p.a), "bold")]
    return sheet.table(headings, rows, ("x", ""))


def _normalized(
    p: Pass, norm: BatchNorm, place: "slice | Place", headings: Sequence[str], sheet: Sheet
) -> Text:
    """The inputs of batch normalisation, its statistics and parameters, z and a."""
    channel = place[-1] if isinstance(place, tuple) else place
    values = {
        "x": p.x[place],
        "μ": norm.mean[channel],
        "σ²": norm.variance[channel],
        "γ": norm.gamma[channel],
        "β": norm.beta[channel],
        "z": p.z[place],
        "a": p.a[place],
    }
    rows = [
        Row((name,), aligned(np.atleast_1d(line)), "bold" if name == "a" else "")
        for name, line in values.items()
    ]
    return sheet.table(headings, rows)


def _outputs(result: "WhyResult", sheet: Sheet) -> Text:
    """z and a of each output, one below the other; the guess stands out."""
    p = result.page.passes[-1]
    lines = zip(aligned(p.z), aligned(p.a), strict=True)
    rows = [
        Row((f"output {k}",), line, "bold" if k == result.output else "")
        for k, line in enumerate(lines)
    ]
    return sheet.table(("z", "a"), rows)


def _reason(result: "WhyResult", number: int) -> str:
    """The name of the number on the trail, and why it was chosen."""
    name = unit_name(result, number, result.trail[number])
    if is_output(result, number):
        return f"{name}, the guess"
    above = unit_name(result, number + 1, result.trail[number + 1])
    if is_output(result, number + 1):
        return f"{name}, which did most for {above}"
    return f"{name}, which did most for {above} of layer {number + 2}"


def _patch_and_kernel(terms: Terms, sheet: Sheet) -> list[Text]:
    """The patch and the kernel, in the input channel that contributes most."""
    channel = int(np.abs(terms.products.sum(axis=(0, 1))).argmax())
    of = f" of channel {channel} below" if terms.x.shape[2] > 1 else ""
    squares = []
    for name, numbers in (("patch", terms.x), ("kernel", terms.w)):
        rows = [Row(("",), [f"{value:.2f}" for value in line]) for line in numbers[..., channel]]
        squares.append((name + of, sheet.table([""] * terms.x.shape[1], rows)))
    return sheet.pictures(squares)


def _channels(terms: Terms) -> list[Part]:
    """The contribution of the largest input channel to z, and of the others."""
    sums = terms.products.sum(axis=(0, 1))
    largest = int(np.abs(sums).argmax())
    parts = [("Σ patch · kernel", "", "", float(sums[largest]))]
    if len(sums) > 1:
        others = float(sums.sum() - sums[largest])
        parts.append((f"the other {len(sums) - 1:,} below", "", "", others))
    return parts


def _largest(result: "WhyResult", number: int, terms: Terms) -> list[Part]:
    """The inputs that contribute most to z, and the contribution of the others."""
    if isinstance(result.page.passes[number].layer, MaxPool):
        name = input_name(result, number, terms.place_of(0))
        return [(f"{name}, the largest", "", "", float(terms.x.max()))]
    x, w, products = (values.ravel() for values in (terms.x, terms.w, terms.products))
    largest = terms.largest(LARGEST)
    parts = [
        (input_name(result, number, terms.place_of(n)), of_x, of_w, float(products[n]))
        for n, of_x, of_w in zip(largest, aligned(x[largest]), aligned(w[largest]), strict=True)
    ]
    others = len(products) - len(largest)
    if others:
        rest = float(products.sum() - products[largest].sum())
        parts.append((f"the other {others:,}", "", "", rest))
    return parts


def _sum(p: Pass, place: Place, sheet: Sheet, parts: list[Part]) -> Text:
    """The terms of z in rows, then the bias, z and a."""
    terms = terms_of(p, place)
    lines = list(parts)
    if getattr(p.layer, "biases", None) is not None:
        lines.append(("b", "", "", terms.bias))
    lines += [("z", "", "", float(p.z[place])), ("a", "", "", float(p.a[place]))]
    numbers = aligned([value for *_, value in lines])
    rows = [
        Row((name,), (x, w, value) if any(x for _, x, _, _ in parts) else (value,))
        for (name, x, w, _), value in zip(lines, numbers, strict=True)
    ]
    rows[-1] = Row(rows[-1].labels, rows[-1].cells, "bold")
    headings = ("x", "w", "x w") if len(rows[0].cells) == 3 else ("",)
    return sheet.table(headings, rows)


def cost(result: "WhyResult", sheet: Sheet) -> list[Text]:
    """The outputs beside their targets, and the cost."""
    last, y = result.page.passes[-1], result.page.y
    name = result.cost_name
    formula = formulae.COSTS.get((name, last.activation), formulae.SQUARED)
    block = [sheet.title(name if name != "squared" else "squared error"), sheet.formulae(formula)]
    if is_whole(last):
        rows = [Row(("a",), aligned(last.a)), Row(("y",), aligned(y))]
        block.append(sheet.table(unit_headings(result, len(result.page.passes) - 1), rows))
    return [*block, sheet.text(f"C = {result.page.cost:.4g}", "bold")]

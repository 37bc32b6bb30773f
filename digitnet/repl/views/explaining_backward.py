"""Renders the backward pass of a case: the derivative of the cost at each layer, last first."""

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from digitnet.engine.layers import Dense
from digitnet.engine.types import Array
from digitnet.insight.backprop import Pass
from digitnet.repl.views import formulae
from digitnet.repl.views.explaining_names import (
    SIGNS,
    block_title,
    input_name,
    is_output,
    is_whole,
    unit_headings,
    unit_name,
    weight_name,
)
from digitnet.repl.views.sheet import Row, Sheet, aligned

if TYPE_CHECKING:
    from digitnet.repl.commands.explaining import WhyResult

LARGEST = 5
"""Numbers shown of a layer that is not written out whole."""


def layer(result: "WhyResult", sheet: Sheet, number: int) -> list[list[Text]]:
    """Two blocks: δ of a layer, and its gradients; only the first if it has no parameters."""
    p, passes = result.page.passes[number], result.page.passes
    title = block_title(result, sheet, number)
    if not p.layer.parameters:
        return [[title, sheet.formulae(*formulae.gradients(p))]]
    above = "" if is_output(result, number) else passes[number + 1].layer.kind
    of_delta = sheet.formulae(*formulae.backwards(p, above))
    of_weights = sheet.formulae(*formulae.gradients(p))
    gradient = sheet.title(f"layer {number + 1}: gradient")
    if is_whole(p):
        headings = unit_headings(result, number)
        rows = _weights(p) if isinstance(p.layer, Dense) else _by_unit(p)
        return [
            [title, of_delta, sheet.table(headings, _rows(result, number))],
            [gradient, of_weights, sheet.table(headings, rows, ("x", ""))],
        ]
    return [
        [title, of_delta, *_largest_deltas(result, sheet, number)],
        [gradient, of_weights, *_largest_gradients(result, sheet, number)],
    ]


def _quantities(result: "WhyResult", number: int) -> dict[str, Array]:
    """The quantities that give δ of a layer, and δ, by name."""
    p = result.page.passes[number]
    values: dict[str, Array] = {}
    if is_output(result, number):
        values |= {"a": p.a, "y": result.page.y}
    if p.da is not None and p.activation != "linear":
        values["dC/da"] = p.da
        if p.slope is not None and p.activation != "softmax":
            values["f′"] = p.slope
    return values | {"δ": p.delta}


def _rows(result: "WhyResult", number: int) -> list[Row]:
    """A row for each quantity, a column for each unit."""
    return [
        Row((name,), aligned(values), "bold" if name == "δ" else "")
        for name, values in _quantities(result, number).items()
    ]


def _weights(p: Pass) -> list[Row]:
    """dC/dw of every weight, a column for each unit; the inputs are the row labels."""
    gradient = p.gradients["weights"]
    cells = np.reshape(aligned(gradient.ravel()), gradient.shape)
    rows = [
        Row((x, f"dC/dw{j}"), list(line))
        for j, (x, line) in enumerate(zip(aligned(p.x), cells, strict=True))
    ]
    if "biases" in p.gradients:
        rows.append(Row(("", "dC/db"), aligned(p.gradients["biases"])))
    return rows


def _by_unit(p: Pass) -> list[Row]:
    """The gradients of batch normalisation, a column for each unit."""
    return [Row(("", f"dC/d{SIGNS[name]}"), aligned(g)) for name, g in p.gradients.items()]


def _largest_deltas(result: "WhyResult", sheet: Sheet, number: int) -> list[Text]:
    """The largest δ, each with the quantities that give it, and the norm of all."""
    p = result.page.passes[number]
    quantities = _quantities(result, number)
    chosen = _largest(p.delta)
    if is_output(result, number) and p.delta.size <= 10:
        chosen = list(range(p.delta.size))
    columns = [aligned(values.ravel()[chosen]) for values in quantities.values()]
    rows = [
        Row((unit_name(result, number, _place(n, p.delta)),), line)
        for n, line in zip(chosen, zip(*columns, strict=True), strict=True)
    ]
    none = int((p.delta == 0).sum())
    zeros = f", {none:,} of them zero" if none else ""
    norm = sheet.text(f"norm of all {p.delta.size:,}: {_norm(p.delta):.3g}{zeros}", "dim")
    return [sheet.table(list(quantities), rows), norm] if rows else [norm]


def _largest_gradients(result: "WhyResult", sheet: Sheet, number: int) -> list[Text]:
    """The largest numbers of the gradient, and the norm of all."""
    p = result.page.passes[number]
    name, *_ = p.gradients
    gradient = p.gradients[name]
    chosen = _largest(gradient)
    values = aligned(gradient.ravel()[chosen])
    count = sum(g.size for g in p.gradients.values())
    norm = sqrt(sum(_norm(g) ** 2 for g in p.gradients.values()))
    total = [sheet.text(f"norm of all {count:,}: {norm:.3g}", "dim")]
    if not chosen:
        return total
    if isinstance(p.layer, Dense):
        places = [_place(n, gradient) for n in chosen]
        x, delta = aligned(p.x[[i for i, _ in places]]), aligned(p.delta[[k for _, k in places]])
        rows = [
            Row((input_name(result, number, (i,)), f"→ {k}"), line)
            for (i, k), line in zip(places, zip(x, delta, values, strict=True), strict=True)
        ]
        return [sheet.table(("x", "δ", "dC/dw"), rows), *total]
    rows = [
        Row((weight_name(p.layer, name, n),), (v,)) for n, v in zip(chosen, values, strict=True)
    ]
    return [sheet.table((formulae.gradients(p)[0].partition(" =")[0],), rows), *total]


def _largest(values: Array) -> list[int]:
    """The indices of the largest nonzero values, largest first."""
    sizes = np.abs(values).ravel()
    return [int(n) for n in np.argsort(-sizes, kind="stable")[:LARGEST] if sizes[n] > 0]


def _place(number: int, values: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(number, values.shape))


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))

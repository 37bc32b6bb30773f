"""`why` writes out the back-propagation of one case."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from digitnet.engine.arrays import Array, answers_of
from digitnet.engine.layers import BatchNorm, Dense, Dropout, Flatten
from digitnet.engine.pictures import Convolution, MaxPool
from digitnet.insight.why import Backpropagation, Pass, Place, Terms, backpropagate, terms_of, trail
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import case_number, check_outputs
from digitnet.repl.pictures.bars import verdict
from digitnet.repl.pictures.digit import digit
from digitnet.repl.pictures.screen import draws_blocks
from digitnet.repl.pictures.sheet import (
    COSTS,
    SIGNS,
    SQUARED,
    WHOLE,
    Row,
    Sheet,
    aligned,
    backwards,
    forwards,
    gradients,
    layer_title,
    weight_name,
)
from digitnet.repl.session import Session

MAX_JSON_NUMBERS = 1000
"""Arrays with more numbers are null in the JSON."""


@dataclass(frozen=True)
class WhyResult:
    """The back-propagation of one case, and the trail of its guess: a position in each layer.

    output: the index of the guessed output. inputs: the case as a picture, or a row of a table.
    penalized: whether training adds penalties to the gradient.
    """

    index: int
    set: str
    answer: int
    guess: int
    output: int
    inputs: "NDArray[Any]"
    cost_name: str
    penalized: bool
    page: "Backpropagation"
    trail: "list[Place]"

    def as_json(self) -> dict[str, Any]:
        """z, a, δ and the gradients of each layer, and the largest terms of its trail's number."""
        passes = self.page.passes
        return {
            "index": self.index,
            "set": self.set,
            "answer": self.answer,
            "guess": self.guess,
            "outputs": self.page.outputs.tolist(),
            "cost": self.page.cost,
            "layers": [_as_json(p, place) for p, place in zip(passes, self.trail, strict=True)],
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from page(self, console, options)


def _as_json(p: "Pass", place: "Place") -> dict[str, Any]:
    """The JSON of a layer."""
    terms = terms_of(p, place)
    x, w, products = (values.ravel() for values in (terms.x, terms.w, terms.products))
    return {
        "kind": p.layer.kind,
        "shape": list(p.layer.shape),
        "z": _as_list(p.z),
        "a": _as_list(p.a),
        "delta": _as_list(p.delta),
        "gradient": {name: _as_list(values) for name, values in p.gradients.items()},
        "strongest": {
            "place": list(place),
            "z": float(p.z[place]),
            "bias": terms.bias,
            "terms": [
                {"from": list(terms.place_of(n)), "x": float(x[n]), "w": float(w[n]),
                 "product": float(products[n])}
                for n in terms.largest(5)
            ],
        },
    }  # fmt: skip


def _as_list(values: "np.ndarray[Any, Any]") -> list[Any] | None:
    """The array as nested lists; None if it is too large."""
    result: list[Any] | None = values.tolist() if values.size <= MAX_JSON_NUMBERS else None
    return result


@command(
    "why",
    group="Asking",
    examples={"why": "a random case", "why 17": "test case 17"},
)
def why(session: Session, index: Annotated[int | None, kinds.INDEX] = None) -> WhyResult:
    """Write out one test case: forward through the network, then back to each weight's gradient.

    Forward: each layer's weighted sums z and activations a, then the cost. Backward: how the cost
    changes with each of them, down to the gradient of each weight. All is computed in float64. A
    layer with up to 10 inputs and units is written out whole. For a larger one, the number that
    contributed most to the guess is shown with the largest terms of its sum, and the largest
    gradients. Everything is counted from 0; pixel 3,8 is in row 3 and column 8.

    With --json, arrays of more than 1,000 numbers are null.
    """
    model = session.network()
    if model.network.is_committee:
        raise CommandError(
            "a committee only averages its members' outputs: l loads one of them, and "
            "why explains that"
        )
    data = session.data_for(model)
    index = case_number(session, data, index)
    x = data.test.inputs[index].astype(np.float64) * data.test.scale
    y = data.test.targets[index].astype(np.float64)
    with np.errstate(all="ignore"):  # huge weights may overflow
        explained = backpropagate(model.trainer.with_answering_weights(), x, y)
    check_outputs(explained.outputs)
    output = int(explained.outputs.argmax())
    penalties = model.trainer.penalties
    return WhyResult(
        index=index,
        set=f"{data.name} test",
        answer=int(answers_of(y[np.newaxis])[0]),
        guess=int(answers_of(explained.outputs[np.newaxis])[0]),
        output=output,
        inputs=data.picture_of(data.test, index),
        cost_name=model.network.cost_name,
        penalized=bool(penalties.l2 or penalties.l1),
        page=explained,
        trail=trail(explained.passes, output),
    )


def is_whole(p: Pass) -> bool:
    """Whether every number of a layer is written out."""
    return isinstance(p.layer, Dense | BatchNorm) and p.x.size <= WHOLE and p.a.size <= WHOLE


def is_output(result: "WhyResult", number: int) -> bool:
    """Whether a layer is the last."""
    return number == len(result.page.passes) - 1


def block_title(result: "WhyResult", sheet: Sheet, number: int) -> Text:
    """The title of a layer's block."""
    return layer_title(result.page.passes[number].layer, number + 1, sheet)


def unit_headings(result: "WhyResult", number: int) -> list[str]:
    """The headings of columns that are a layer's units."""
    units = range(result.page.passes[number].a.size)
    return [unit_name(result, number, (k,)) for k in units]


def unit_name(result: "WhyResult", number: int, place: Place) -> str:
    """A layer's output: `unit 112`, `pixel 3,8 of channel 12`, `output 7`."""
    if is_output(result, number):
        return f"output {place[0]}"
    layer = result.page.passes[number].layer
    if isinstance(layer, Flatten):
        place = tuple(int(i) for i in np.unravel_index(place[0], layer.input_shape))
    return _place_name(place)


def input_name(result: "WhyResult", number: int, place: Place) -> str:
    """A layer's input: a unit of the layer below, a pixel, or a number of a table."""
    if number:
        return unit_name(result, number - 1, place)
    if result.inputs.ndim == 2:
        row, column = divmod(place[0], result.inputs.shape[1]) if len(place) == 1 else place[:2]
        return f"pixel {row},{column}"
    return f"input {place[0]}"


def _place_name(place: Place) -> str:
    if len(place) == 3:
        row, column, channel = place
        return f"pixel {row},{column} of channel {channel}"
    return f"unit {place[0]}"


def page(
    result: "WhyResult", console: Console, options: ConsoleOptions
) -> "Iterator[RenderableType]":
    """Renders the result of `why`."""
    sheet = Sheet(options.max_width, draws_blocks(console, options))
    numbers = range(len(result.page.passes))
    yield Text(f"case {result.index:,} of the {result.set} set")
    if result.inputs.ndim == 2:
        yield digit(result.inputs, console, options)
    else:
        yield Text("inputs " + " ".join(f"{value:g}" for value in result.inputs))
    yield verdict(result.guess, result.answer)
    yield ""
    yield sheet.heading("forwards")
    yield sheet.side_by_side([layer_forward(result, sheet, n) for n in numbers])
    yield sheet.heading("the cost")
    yield sheet.side_by_side([cost(result, sheet)])
    yield sheet.heading("backwards")
    for n in reversed(numbers):
        yield sheet.side_by_side(layer_backward(result, sheet, n))
    if result.penalized:
        yield sheet.text(
            "In training, the penalties add to these gradients (set l2, set l1).", "dim"
        )


LARGEST = 5
"""Terms shown of a sum."""

DRAWN = 8
"""Kernels up to this size are shown as squares of numbers."""

Part = tuple[str, str, str, float]
"""A row of a sum: its name, x, w, and x w."""


def layer_forward(result: "WhyResult", sheet: Sheet, number: int) -> list[Text]:
    """How a layer computes z and a."""
    p = result.page.passes[number]
    block = [block_title(result, sheet, number), sheet.formulae(*forwards(p))]
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
    formula = COSTS.get((name, last.activation), SQUARED)
    block = [sheet.title(name if name != "squared" else "squared error"), sheet.formulae(formula)]
    if is_whole(last):
        rows = [Row(("a",), aligned(last.a)), Row(("y",), aligned(y))]
        block.append(sheet.table(unit_headings(result, len(result.page.passes) - 1), rows))
    return [*block, sheet.text(f"C = {result.page.cost:.4g}", "bold")]


LARGEST_GRADIENTS = 5
"""Numbers shown of a layer that is not written out whole."""


def layer_backward(result: "WhyResult", sheet: Sheet, number: int) -> list[list[Text]]:
    """Two blocks: δ of a layer, and its gradients; only the first if it has no parameters."""
    p, passes = result.page.passes[number], result.page.passes
    title = block_title(result, sheet, number)
    if not p.layer.parameters:
        return [[title, sheet.formulae(*gradients(p))]]
    above = "" if is_output(result, number) else passes[number + 1].layer.kind
    of_delta = sheet.formulae(*backwards(p, above))
    of_weights = sheet.formulae(*gradients(p))
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
    chosen = _largest_first(p.delta)
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
    chosen = _largest_first(gradient)
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
    return [sheet.table((gradients(p)[0].partition(" =")[0],), rows), *total]


def _largest_first(values: Array) -> list[int]:
    """The indices of the largest nonzero values, largest first."""
    sizes = np.abs(values).ravel()
    return [int(n) for n in np.argsort(-sizes, kind="stable")[:LARGEST_GRADIENTS] if sizes[n] > 0]


def _place(number: int, values: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(number, values.shape))


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))

"""`why` writes out the back-propagation of one case."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType, RenderResult
from rich.segment import Segment, Segments
from rich.text import Text

from digitnet.engine.arrays import Array, answers_of
from digitnet.engine.layers import ACTIVATIONS, BatchNorm, Dense, Dropout
from digitnet.engine.network import cost_for
from digitnet.engine.pictures import Convolution, Flatten, MaxPool
from digitnet.insight.why import (
    Backpropagation,
    Pass,
    Place,
    Terms,
    backpropagate,
    from_inputs,
    largest,
    terms_of,
    trail,
)
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import Case, check_outputs, single
from digitnet.repl.pictures import Drawn, Screen, View
from digitnet.repl.pictures.digit import large_case, legend, pixels, verdict
from digitnet.repl.pictures.grid import Grid, Window
from digitnet.repl.pictures.sheet import (
    SIGNS,
    WHOLE,
    Row,
    Sheet,
    aligned,
    as_list,
    backwards,
    columns,
    forwards,
    gradients,
    lines,
    weight_name,
)
from digitnet.repl.session import Session

LARGEST = 5  # terms shown of a sum, and numbers of a layer that is not written out whole
DRAWN = 8  # kernels up to this size are shown as squares of numbers


@dataclass(frozen=True)
class WhyResult(Drawn):
    """The back-propagation of one case, and the trail of its guess: a position in each layer.

    output: the index of the output that gives the guess, which differs if there is only one.
    penalized: whether training adds penalties to the gradient. is_mean: whether the weights are the
    running mean, which answers. batch: cases of a mini-batch. part: the scenes that are shown, of a
    layer (from 1) or `cost`; 0 for all. left: what the film showed when it was left.
    """

    case: Case
    guess: int
    output: int
    cost_name: str
    penalized: bool
    page: Backpropagation
    trail: list[Place]
    is_mean: bool = False
    batch: int = 1
    part: int | str = 0
    left: RenderableType = ""

    def as_json(self) -> dict[str, Any]:
        """z, a, δ and the gradients of each layer, and the largest terms of its trail's number."""
        return self.case.as_json() | {
            "guess": self.guess,
            "outputs": self.page.outputs.tolist(),
            "cost": self.page.cost,
            "weights": "running mean" if self.is_mean else "in training",
            "layers": list(map(_as_json, self.page.passes, self.trail)),
        }

    def drawn(self, view: View) -> RenderResult:
        sheet, blocks = Sheet(view.width, view.blocks), self._blocks(view)
        yield Text(str(self.case))
        if self.left:
            yield self.left
            return
        if self.part:
            scenes, part = list(self.scenes(view)), self.part
            for at in (len(blocks) + 2,) if isinstance(part, str) else (part, -part):
                title, parts = scenes[at]
                yield from (sheet.heading(title), *parts)
            return
        yield from self._asked(view)
        yield sheet.heading("forwards")
        yield sheet.side_by_side([list(chain(*block.forward())) for block in blocks])
        yield sheet.heading("the cost")
        yield sheet.side_by_side([blocks[-1].of_cost()])
        yield sheet.heading("backwards")
        for block in reversed(blocks):
            yield sheet.side_by_side(block.backward())
        if self.penalized:
            yield sheet.text(PENALIZED, "dim")

    def scenes(self, view: View) -> Iterator[tuple[str, Sequence[RenderableType]]]:
        """Each step on the way through the network: its name, and what is one below the other."""
        blocks = self._blocks(view)
        yield str(self.case), self._asked(view)
        for number, block in enumerate(blocks, 1):
            yield f"forwards, layer {number} of {len(blocks)}", block.with_map(view)
        yield "the cost", blocks[-1].of_cost()
        yield "from the cost to δ = dC/dz", list(blocks[-1].derivation(self.batch))
        for number, block in reversed(list(enumerate(blocks, 1))):
            rows = block.sheet.in_rows(block.backward())
            if self.penalized:
                rows[-1] = Group(rows[-1], block.sheet.text(PENALIZED, "dim"))
            yield f"backwards, layer {number} of {len(blocks)}", rows

    def _blocks(self, view: View) -> "list[_Block]":
        sheet = Sheet(view.width, view.blocks)
        return [_Block(self, sheet, number) for number in range(len(self.page.passes))]

    def _asked(self, view: View) -> list[Text]:
        said = verdict(self.guess, self.case.answer, self.case.names, self.page.answered)
        asked = [large_case(self.case.inputs, view), said]
        return [*asked, Text(f"{MEAN}\n" * self.is_mean, "dim")]


class Film(Window):
    """The scenes of `why`, one after the other. page: what is shown, in lines."""

    least, has_words = (40, 16), True

    def __init__(self, result: WhyResult) -> None:
        self.result, self._at = result, 0
        self.page: list[list[Segment]] = []

    def draw(self, grid: Grid) -> None:
        pages = self._pages(grid)
        self._at = max(0, min(self._at, len(pages) - 1))
        self.page = pages[self._at]
        for y, line in enumerate(self.page):
            x = 0
            for text, style, _ in line:
                grid.write(x, y, text, str(style or "").replace("none", ""))
                x += len(text)
        keys = f"{self._at + 1} of {len(pages)}  q leave  space → next  ← back"
        grid.write(0, grid.height - 1, keys)

    def _pages(self, grid: Grid) -> list[list[list[Segment]]]:
        """The scenes as lines, in pages of the grid's size. What is too long for one is continued
        under the names of its columns, or else under its first line.
        """
        colours, room = "truecolor" if grid.shades else None, grid.height - 3
        screen = Screen(StringIO(), width=grid.width, force_terminal=True, color_system=colours)
        view, pages = View.of(screen, screen.options), []
        for title, parts in self.result.scenes(view):
            (head,) = screen.render_lines(Sheet(view.width, view.blocks).heading(title), pad=False)
            page: list[list[Segment]] = []
            for part in parts:
                lines = screen.render_lines(part, pad=False)
                if 0 < len(page) > room - len(lines):
                    pages.append([head, *page])
                    page = []
                while len(lines) > room:
                    at = room - _names_columns(lines[room - 1])
                    pages.append([head, *lines[:at]])
                    names = next(filter(_names_columns, lines[at::-1]), lines[0])
                    lines = [names, *lines[at + (names is lines[at]) :]]
                page += lines
            pages.append([head, *page])
        return pages

    def press(self, key: str) -> bool:
        self._at += (key in (" ", "right", "down", "pagedown")) - (key in ("left", "up", "pageup"))
        self._at = {"home": 0, "end": 1_000_000}.get(key, self._at)
        return key not in ("q", "escape", "c-d")

    def move(self) -> bool:
        return False


def _names_columns(line: list[Segment]) -> bool:
    """Whether it is the heading of a table, with no row of another table beside it."""
    others = [text for text, style, _ in line if not (style and style.meta)]
    return len(others) < len(line) and not any(map(str.isdigit, "".join(others)))


MEAN = "These are the averaged weights, with which it answers (? average)."
PENALIZED = "In training, the penalties add to these gradients (set l2, set l1)."


def _as_json(p: Pass, place: Place) -> dict[str, Any]:
    terms = terms_of(p, place)
    x, w, products = (values.ravel() for values in (terms.x, terms.w, terms.products))
    return {
        "kind": p.layer.kind,
        "shape": list(p.layer.shape),
        "z": as_list(p.z),
        "a": as_list(p.a),
        "delta": as_list(p.delta),
        "gradient": {name: as_list(values) for name, values in p.gradients.items()},
        "strongest": {
            "place": list(place),
            "z": float(p.z[place]),
            "bias": terms.bias,
            "terms": [
                {"from": list(terms.place_of(n)), "x": float(x[n]), "w": float(w[n]),
                 "product": float(products[n])}
                for n in largest(products, LARGEST)
            ],
        },
    }  # fmt: skip


@command("why", group="Asking")
def why(session: Session, index: kinds.INDEX = None, part: kinds.PART = 0) -> WhyResult:
    """Write out one test case: forward through the network, then back to each weight's gradient.

    Forward: each layer's weighted sums z and activations a, then the cost. Backward: how the cost
    changes with each of them, down to the gradient of each weight. All is computed in float64. A
    layer with up to 10 inputs and units is written out whole. For a larger one, the number that
    contributed most to the guess is shown with the largest terms of its sum, and the largest
    gradients. Everything but layers is counted from 0; pixel 3,8 is in row 3 and column 8.

    At a prompt it is a film: Space and the arrow keys go through it layer by layer, with a map of
    what each pixel adds to z, and q leaves; the scene shown then stays on the screen. With the
    number of a layer, only that layer is written out. With `cost`, how the derivatives of the cost
    and of the last activation make the error signal of the outputs.

    Of a committee, the first member is explained. With --json, arrays of more than 1,000 numbers
    are null.

    why: a random case
    why 17 2: only layer 2, forwards and backwards
    why 17 cost: where a − y comes from
    why 17: test case 17
    """
    model, member = single(session)
    data = session.data_for(model)
    case = Case.of(session, data, index, member)
    x = data.test.inputs[case.index].astype(np.float64) * data.test.scale
    y = data.test.targets[case.index].astype(np.float64)
    explained = backpropagate(model.trainer.with_answering_weights(), x, y)
    check_outputs(explained.answered)
    output, penalties = int(explained.answered.argmax()), model.trainer.penalties
    if isinstance(part, int) and part > len(explained.passes):
        raise CommandError(f"there is no layer {part}: the network has {len(explained.passes)}")
    result = WhyResult(
        case,
        guess=int(answers_of(explained.answered[np.newaxis])[0]),
        output=output,
        cost_name=model.network.cost_name,
        penalized=bool(penalties.l2 or penalties.l1),
        page=explained,
        trail=trail(explained.passes, output),
        is_mean=model.trainer.with_answering_weights() is not model.network,
        batch=min(model.trainer.settings.batch or len(data.train), len(data.train)),
        part=part,
    )
    film = Film(result)
    if not part and session.interactive and not session.to_file and session.asker.show(film):
        page = film.page[str(case) in "".join(segment.text for segment in film.page[0]) :]
        lines = [segment for line in page for segment in (*line, Segment.line())]
        return replace(result, left=Segments(lines))
    return result


class _Block:
    """What is written of a layer. number: of the layer, from 0."""

    def __init__(self, result: WhyResult, sheet: Sheet, number: int) -> None:
        self.result, self.sheet, self.number = result, sheet, number
        self.p, self.place = result.page.passes[number], result.trail[number]
        self.is_output = number == len(result.page.passes) - 1
        self.cost = cost_for(result.cost_name, result.page.passes[-1].activation)
        is_small = max(self.p.x.size, self.p.a.size) <= WHOLE
        self.is_whole = is_small and isinstance(self.p.layer, Dense | BatchNorm)
        self.names = [self.unit((k,)) for k in range(self.p.a.size)] if is_small else []
        self.title = sheet.layer_title(self.p.layer, number + 1)

    def unit(self, place: Place) -> str:
        """One of its outputs: `unit 112`, `pixel 3,8 of channel 12`, `output 7`."""
        if self.is_output:
            return f"output {place[0]}"
        if isinstance(self.p.layer, Flatten):
            place = _place(place[0], self.p.x)
        return "pixel {},{} of channel {}".format(*place) if place[1:] else f"unit {place[0]}"

    def input(self, place: Place) -> str:
        """One of its inputs: a unit of the layer below, a pixel, or a number of a table."""
        if self.number:
            return _Block(self.result, self.sheet, self.number - 1).unit(place)
        if self.result.case.inputs.ndim == 2:
            place = place if place[1:] else _place(place[0], self.result.case.inputs)
            return f"pixel {place[0]},{place[1]}"
        return f"input {place[0]}"

    def forward(self) -> list[list[Text]]:
        """How the layer computes z and a; of a large one, also how its number on the trail."""
        p, sheet = self.p, self.sheet
        block = [self.title, sheet.formulae(*forwards(p))]
        if isinstance(p.layer, Flatten | Dropout):
            return [block]
        if self.is_whole and isinstance(p.layer, BatchNorm):
            return [[*block, self._normalized(p.layer, slice(None), self.names)]]
        if self.is_whole:
            rows = self._matrix(p.layer.parameters[0].value, "w")
            rows += [Row(("", "b"), aligned(q.value)) for q in p.layer.parameters[1:]]
            rows += [Row(("", "z"), aligned(p.z)), Row(("", "a"), aligned(p.a), "bold")]
            return [[*block, sheet.table(self.names, rows, ("x", ""))]]
        if self.is_output:
            names = [(self.unit((k,)),) for k in range(p.a.size)]
            rows = columns(names, (p.z, p.a), bold=self.result.output)
            block += [sheet.table(("z", "a"), rows), Text()]
        return [block, [sheet.text(self._reason(), "bold"), *self._number()]]

    def with_map(self, view: View) -> list[RenderableType]:
        """The same; of a number of a dense layer, with a map of what each pixel adds to it."""
        block, *number = self.forward()
        inputs = self.result.case.inputs
        if number and inputs.ndim == 2 and isinstance(self.p.layer, Dense):
            added = from_inputs(self.result.page.passes[: self.number + 1], self.place)
            drawn = pixels(added.reshape(inputs.shape), view, signed=True)
            below = "x w" if not self.number else "x dz/dx"
            ((reason, *told),) = number
            of_pixels = [self.sheet.text(f"{below} of each pixel"), drawn]
            first, *rows = self.sheet.in_rows([told, of_pixels])
            return [Group(*block), Group(reason, first), *rows, legend(view)]
        return [Group(*part) for part in (block, *number)]

    def _matrix(self, values: Array, name: str) -> list[Row]:
        """A number for each weight, a column for each unit; the inputs are the labels."""
        cells = np.reshape(aligned(values.ravel()), values.shape)
        return [
            Row((x, f"{name}{j}"), list(line))
            for j, (x, line) in enumerate(zip(aligned(self.p.x), cells, strict=True))
        ]

    def _normalized(self, norm: BatchNorm, place: slice | Place, headings: list[str]) -> Text:
        """The inputs of batch normalization, its statistics and parameters, z and a."""
        channel = place[-1] if isinstance(place, tuple) else place
        of_channel = {"μ": norm.mean, "σ²": norm.variance, "γ": norm.gamma, "β": norm.beta}
        values = {"x": self.p.x[place]} | {sign: v[channel] for sign, v in of_channel.items()}
        values |= {"z": self.p.z[place], "a": self.p.a[place]}
        return self.sheet.table(headings, lines(values, bold="a"))

    def _reason(self) -> str:
        name = self.unit(self.place)
        if self.is_output:
            return f"{name}, the guess"
        above = _Block(self.result, self.sheet, self.number + 1)
        of_layer = "" if above.is_output else f" of layer {self.number + 2}"
        is_all_0 = not terms_of(above.p, above.place).products.any()
        did = "as good as any" if is_all_0 else "which did most"
        return f"{name}, {did} for {above.unit(above.place)}{of_layer}"

    def _number(self) -> list[Text]:
        """How the layer computes its number on the trail."""
        layer = self.p.layer
        if isinstance(layer, BatchNorm):
            return [self._normalized(layer, self.place, [""])]
        terms = terms_of(self.p, self.place)
        if isinstance(layer, MaxPool):
            window = tuple(slice(n * layer.size, (n + 1) * layer.size) for n in self.place[:2])
            equal = int((self.p.x[window][..., self.place[2]] == terms.x.max()).sum())
            tied = f", the first of {equal} equal ones" if equal > 1 else ""
            name = f"{self.input(terms.first)}, the largest{tied}"
            return [self._sum(terms, [((name,), float(terms.x.max()))])]
        if isinstance(layer, Convolution) and layer.kernel <= DRAWN:
            return [*self._squares(terms), self._sum(terms, _channels(terms))]
        return [self._sum(terms, self._inputs(terms))]

    def _squares(self, terms: Terms) -> list[Text]:
        """The patch and the kernel, in the input channel that contributes most."""
        channel = int(np.abs(terms.products.sum(axis=(0, 1))).argmax())
        of = f" of channel {channel} below" if terms.x.shape[2] > 1 else ""
        squares = []
        for name, numbers in (("patch", terms.x), ("kernel", terms.w)):
            rows = [Row(("",), [f"{v:.2f}" for v in line]) for line in numbers[..., channel]]
            squares.append((name + of, self.sheet.table([""] * terms.x.shape[1], rows)))
        return self.sheet.pictures(squares)

    def _inputs(self, terms: Terms) -> "list[_Term]":
        """The inputs that contribute most to z, with x and w, and the rest."""
        x, w, products = (values.ravel() for values in (terms.x, terms.w, terms.products))
        chosen = largest(products, LARGEST)
        names = [self.input(terms.place_of(n)) for n in chosen]
        labels = zip(names, aligned(x[chosen]), aligned(w[chosen]), strict=True)
        told = list(zip(labels, products[chosen].tolist(), strict=True))
        return told + _rest(len(products) - len(chosen), products.sum() - products[chosen].sum())

    def _sum(self, terms: Terms, told: "list[_Term]") -> Text:
        """The terms of z in rows, then the bias, z and a."""
        if any(q.name == "biases" for q in self.p.layer.parameters):
            told = [*told, (("b",), terms.bias)]
        z, a = float(self.p.z[self.place]), float(self.p.a[self.place])
        told = [*told, (("z",), z), (("a",), a)]
        headings = ("x", "w", "x w") if len(told[0][0]) == 3 else ("",)
        rows = []
        for (labels, _), value in zip(told, aligned([number for _, number in told]), strict=True):
            cells = (*labels[1:], *[""] * (len(headings) - len(labels)), value)
            rows.append(Row(labels[:1], cells, "bold" if labels == ("a",) else ""))
        return self.sheet.table(headings, rows)

    def of_cost(self) -> list[Text]:
        """The outputs beside their targets, and the cost; of the last layer."""
        sheet, name, page = self.sheet, self.result.cost_name, self.result.page
        title = sheet.text(name if name != "squared" else "squared error", "bold")
        block = [title, sheet.formulae(self.cost.formula)]
        if self.is_whole:
            block.append(sheet.table(self.names, lines({"a": self.p.a, "y": page.y})))
        return [*block, sheet.text(f"C = {page.cost:.4g}", "bold")]

    def derivation(self, batch: int) -> Iterator[Text]:
        """How the derivatives of the cost and of the last activation make δ, step by step."""
        sheet, p, y = self.sheet, self.p, self.result.page.y
        a, form, least = p.a, ACTIVATIONS[p.activation], np.finfo(float).tiny
        yield sheet.formulae(self.cost.formula, form.formula)
        if self.result.cost_name == "squared":
            da, first = a - y, "½ (a − y)² is a − y, and not 2 (a − y), thanks to the ½."
        elif form.sums_to_one:
            da, first = -y / np.maximum(a, least), "−y ln a is −y / a: zero but for the answer."
        else:
            da = (a - y) / np.maximum(a * (1 - a), least)
            first = "−y ln a − (1 − y) ln(1 − a) is (a − y) / (a (1 − a))."
        if form.sums_to_one:
            second: tuple[str, ...] = (
                "2. Each output depends on every z. The Jacobian of softmax is",
                "   da_i/dz_j = a_i (1 − a_i) where i = j, else −a_i a_j",
                "3. The chain rule adds over the outputs i:",
                "   δ_j = Σ dC/da_i da_i/dz_j = a_j (dC/da_j − Σ a_i dC/da_i)",
            )
            end = "With −y / a in it, a cancels, and as the y add up to 1:"
            formula = "   δ_j = −y_j + a_j Σ y_i = a_j − y_j"
        else:
            chain = "2. The chain rule multiplies by the derivative of the activation:"
            second = chain, f"   {form.derivative}", "   δ = dC/da · f′"
            end, formula = "Here f′ is what dC/da was divided by:", "   δ = a − y"
        last = (end, formula) if self.cost.canonical else ()
        for line in (f"\n1. The derivative of {first}", *second, *last):
            yield (sheet.formulae if line.startswith("   ") else sheet.text)(line)
        told = {"a": a, "y": y, "dC/da": da, "δ": p.delta}
        names = [(self.unit((k,)),) for k in range(a.size)]
        yield sheet.table(list(told), columns(names, told.values(), bold=self.result.output))
        yield sheet.text(
            "This is one case. C is the mean of a mini-batch, so in training each δ is divided by "
            f"{batch:,} (set batch).",
            "dim",
        )

    def backward(self) -> list[list[Text]]:
        """Two blocks: δ of the layer, and its gradients; only one if it has no parameters."""
        p, sheet = self.p, self.sheet
        formulae = sheet.formulae(*gradients(p))
        if not p.layer.parameters:
            return [[self.title, formulae]]
        title = sheet.text(f"layer {self.number + 1}: gradient", "bold")
        above = "" if self.is_output else self.result.page.passes[self.number + 1].layer.kind
        of_delta = backwards(p, above, self.cost.derivative_formula)
        return [
            [self.title, sheet.formulae(*of_delta), *self._deltas()],
            [title, formulae, *self._gradients()],
        ]

    def _deltas(self) -> list[Text]:
        """δ of every unit; or the largest, each with what gives it, and the norm of all."""
        p = self.p
        quantities = {"a": p.a, "y": self.result.page.y} if self.is_output else {}
        if p.da is not None and p.activation != "linear":
            quantities["dC/da"] = p.da
            if p.slope is not None:
                quantities["f′"] = p.slope
        quantities["δ"] = delta = p.delta
        if self.is_whole:
            return [self.sheet.table(self.names, lines(quantities, bold="δ"))]
        chosen = largest(delta, LARGEST)
        if self.is_output and delta.size <= WHOLE:
            chosen = list(range(delta.size))
        names = [(self.unit(_place(n, delta)),) for n in chosen]
        rows = columns(names, [values.ravel()[chosen] for values in quantities.values()])
        none = int((delta == 0).sum())
        zeros = f", {none:,} of them zero" if none else ""
        norm = f"norm of all {delta.size:,}: {np.linalg.norm(delta):.3g}{zeros}"
        table = [self.sheet.table(list(quantities), rows)] if rows else []
        return [*table, self.sheet.text(norm, "dim")]

    def _gradients(self) -> list[Text]:
        """Every number of the gradients; or the largest of one of them, and the norm of all."""
        p, sheet = self.p, self.sheet
        if self.is_whole:
            each = dict(p.gradients)
            rows = self._matrix(each.pop("weights"), "dC/dw") if "weights" in each else []
            signs = SIGNS | {"biases": "b"}
            rows += [Row(("", f"dC/d{signs[name]}"), aligned(g)) for name, g in each.items()]
            return [sheet.table(self.names, rows, ("x", ""))]
        name, gradient = next(iter(p.gradients.items()))
        chosen = largest(gradient, LARGEST)
        values = gradient.ravel()[chosen]
        every = np.concatenate([g.ravel() for g in p.gradients.values()])
        total = sheet.text(f"norm of all {every.size:,}: {np.linalg.norm(every):.3g}", "dim")
        if not chosen:
            return [total]
        if isinstance(p.layer, Dense):
            i, k = np.unravel_index(chosen, gradient.shape)
            labels = [(self.input((int(j),)), f"→ {unit}") for j, unit in zip(i, k, strict=True)]
            rows = columns(labels, (p.x[i], p.delta[k], values))
            return [sheet.table(("x", "δ", "dC/dw"), rows), total]
        rows = columns([(weight_name(p.layer, name, n),) for n in chosen], (values,))
        return [sheet.table((gradients(p)[0].partition(" =")[0],), rows), total]


_Term = tuple[tuple[str, ...], float]
"""A row of a sum: its name, possibly x and w, and its contribution."""


def _channels(terms: Terms) -> list[_Term]:
    sums = terms.products.sum(axis=(0, 1))
    most = float(sums[np.abs(sums).argmax()])
    others = _rest(len(sums) - 1, sums.sum() - most, " below")
    return [(("Σ patch · kernel",), most), *others]


def _rest(count: int, total: float, where: str = "") -> list[_Term]:
    """The row of the terms that are not shown, if there are any."""
    return [((f"the other {count:,}{where}",), float(total))] if count else []


def _place(number: int, values: NDArray[Any]) -> Place:
    return tuple(int(i) for i in np.unravel_index(number, values.shape))

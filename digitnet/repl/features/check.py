"""`c` checks one test case, `ch` many."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType, RenderResult
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Feeder, answers_of
from digitnet.engine.evaluate import Evaluation, evaluate
from digitnet.insight.inside import layer_outputs
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.data import accuracy_on
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import (
    beside_outputs,
    by_size,
    framed_units,
    gallery,
    in_words,
    legend,
    signed,
    unsigned,
    verdict,
)
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, counted, percent
from digitnet.repl.result import Record, ScreenOnly
from digitnet.repl.session import Session

MAX_AS_NUMBERS = 16
"""Up to this many units are shown as numbers."""

MAX_ACROSS = 64
"""Maximum number of units in a row."""

MIN_LINES = 8
"""Minimum number of lines for the feature maps of a layer."""


@dataclass(frozen=True)
class CheckResult(Drawn):
    """The network's outputs for one case.

    inputs: the case as a picture, or a row of a table. layers: for each hidden layer, its text in
    the shape and its outputs; None if not requested. names: of the answers.
    """

    index: int
    set: str
    answer: int
    guess: int
    outputs: list[float]
    cost: float
    inputs: NDArray[Any]
    layers: list[tuple[str, Array]] | None = None
    names: tuple[str, ...] = ()

    @property
    def correct(self) -> bool:
        return self.guess == self.answer

    def as_json(self) -> dict[str, Any]:
        """All fields except the picture and the names."""
        names = ("index", "set", "answer", "guess", "correct", "outputs", "cost")
        values = {name: getattr(self, name) for name in names}
        if self.layers is not None:
            values["layers"] = [
                {"layer": text, "activations": a.tolist()} for text, a in self.layers
            ]
        return values

    def drawn(self, view: View) -> RenderResult:
        yield f"case {self.index:,} of the {self.set} set"
        yield beside_outputs(self.inputs, self.outputs, self.guess, self.answer, view)
        if not view.blocks and self.inputs.ndim == 2:
            yield in_words(self.inputs)
        yield verdict(self.guess, self.answer, self.names)
        if self.layers is not None:
            yield from _shown_layers(self.layers, view)


def _shown_layers(layers: Sequence[tuple[str, Array]], view: View) -> Iterator[RenderableType]:
    """Each layer under its text: feature maps as a gallery, units in rows."""
    if not layers:
        yield "There are no hidden layers."
    if any((values < 0).any() for _, values in layers):
        yield legend(view)
    for text, values in layers:
        zeros = (values == 0).mean()
        zero = f", {100 * zeros:.0f} % zero" if zeros else ""
        yield ""
        if values.ndim == 1:
            title = counted(len(values), "unit")
            shown: RenderableType = _shown_units(values, view)
        else:
            rows, columns, count = values.shape
            title = f"{text}: {counted(count, 'feature map')} of {rows} x {columns}"
            lines = max(MIN_LINES, view.height // len(layers))
            order = by_size(values.sum(axis=(0, 1)))
            maps = values.transpose(2, 0, 1)[order]
            framed = framed_units(order, maps, view, lines=lines, common=True)
            shown = gallery(framed, view)
        yield Text(f"{title}{zero}, largest {values.max():.3g}", "bold")
        yield shown


def _shown_units(values: Array, view: View) -> Text:
    """The units of a dense layer: a few as numbers, many as shades in rows."""
    if len(values) <= MAX_AS_NUMBERS:
        return Text("  ".join(f"{value:.3g}" for value in values))
    across = min(MAX_ACROSS, view.width)
    picture = np.zeros((-(-len(values) // across), across), values.dtype)
    picture.flat[: len(values)] = values
    draw = signed if (values < 0).any() else unsigned
    return draw(picture, float(np.abs(values).max()), view)


@command(
    "c",
    "check",
    group="First steps",
    rank=2,
    examples={
        "c": "a random case",
        "c 17 layers": "with the outputs of each hidden layer",
        "c 17": "test case 17",
    },
)
def check(
    session: Session,
    index: Annotated[int | str | None, kinds.CASE] = None,
    layers: Annotated[str, kinds.LAYERS] = "",
) -> CheckResult:
    """Check one test case: the picture, the outputs, the guess, the answer.

    A random case, or the one with that number. With `layers`, also shows the outputs of the hidden
    layers: feature maps as pictures, the units of dense layers in rows.
    """
    model = session.network()
    data = session.data_for(model)
    wants_layers = bool(layers) or isinstance(index, str)
    if wants_layers and model.network.is_committee:
        raise CommandError("a committee has no layers of its own: load one of its members")
    index = case_number(session, data, None if isinstance(index, str) else index)
    network = model.trainer.answering()
    x, y = Feeder(data.test, 1, network.dtype).batch(np.array([index]))
    *hidden, (_, a) = layer_outputs(network, x)
    check_outputs(a)
    a = a.reshape(1, -1)
    return CheckResult(
        index=index,
        set=f"{data.name} test",
        answer=int(answers_of(y)[0]),
        guess=int(answers_of(a)[0]),
        outputs=[float(value) for value in a[0]],
        cost=model.network.cost.value(a, y),
        inputs=data.picture_of(data.test, index),
        layers=hidden if wants_layers else None,
        names=data.answers,
    )


def case_number(session: Session, data: DataSet, index: int | None) -> int:
    """The index, or a random one if it is None. Raises CommandError if there is no such case."""
    if index is None:
        return int(session.rng.integers(len(data.test)))
    if index >= len(data.test):
        raise CommandError(
            f"there is no case {index:,}: the test cases of {data.name} are numbered 0 to "
            f"{len(data.test) - 1:,}"
        )
    return index


def check_outputs(a: NDArray[Any]) -> None:
    """Raises CommandError for outputs that are not finite."""
    if not np.isfinite(a).all():
        raise CommandError(
            "the network's outputs are not numbers: its weights are too large to compute with. "
            "undo brings an earlier version back, n makes another"
        )


@dataclass(frozen=True)
class CheckManyResult(Record):
    """The accuracy on some or all test cases.

    recorded: the accuracy that the network keeps, if this one is on cases seen in training.
    """

    correct: int
    total: int
    accuracy: float
    cost: float
    set: str
    seen_in_training: bool
    recorded: ScreenOnly[str]

    def drawn(self, view: View) -> RenderResult:
        text = Text(f"{self.correct:,} of {self.total:,} right: ")
        text.append(percent(self.accuracy), "bold")
        text.append(f" of the {self.set} set, cost {self.cost:.3g}")
        if self.seen_in_training:
            text.append(f"\n{SEEN_IN_TRAINING}")
        if self.recorded:
            text.append(f" Its accuracy remains {self.recorded}.")
        yield text
        if self.correct < self.total:
            yield "wrong shows the misread ones."


@command(
    "ch",
    "check_multiple",
    group="First steps",
    rank=3,
    examples={
        "ch": "100 random test cases",
        "ch 500": "500 random test cases",
        "ch all": "the whole test set",
    },
)
def check_multiple(
    session: Session, count: Annotated[int | None, kinds.COUNT_OR_ALL] = 100
) -> CheckManyResult:
    """Measure the accuracy on N random test cases, or on all.

    Without a number, on 100 cases (or on all if there are fewer).
    """
    model = session.network()
    data = session.data_for(model)
    total = len(data.test)
    seen, recorded = not data.tests_are_in.isdisjoint(model.trained_on), ""
    if count is not None and count < total:
        rows = session.rng.choice(total, count, replace=False)
        result = evaluate(model.trainer.answering(), data.test, rows)
    elif count is not None and count > max(total, 100):
        raise CommandError(f"the test set of {data.name} has {total:,} cases: ch all checks them")
    else:
        result = check_all(model, data)
        if seen and model.accuracy and not model.accuracy.is_seen:
            recorded = f"{percent(model.accuracy.value)} of the {model.accuracy.on} set"
    values = asdict(result) | {"accuracy": result.accuracy}
    return CheckManyResult(
        **values, set=f"{data.name} test", seen_in_training=seen, recorded=recorded
    )


def check_all(model: Model, data: DataSet) -> Evaluation:
    """Evaluates a network on the whole test set, and records its accuracy.

    One on cases seen in training does not replace one on others.
    """
    result = evaluate(model.trainer.answering(), data.test)
    measured = accuracy_on("test", result.accuracy, data, model)
    if not (measured.is_seen and model.accuracy and not model.accuracy.is_seen):
        model.accuracy = measured
    return result


def take_and_check(session: Session, model: Model) -> Evaluation:
    """Makes an unsaved network the one in hand, and checks it on the whole test set."""
    session.take(model, is_saved=False)
    return check_all(model, session.data_for(model))

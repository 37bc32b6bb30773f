"""`c` checks one test case, `ch` many; `show` shows some."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType, RenderResult
from rich.text import Text

from digitnet.charts import rounded
from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Feeder, Integers, answers_of
from digitnet.engine.augment import Augment, Deformer
from digitnet.engine.evaluate import evaluate
from digitnet.insight.inside import responses
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import as_typed, command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import (
    all_named,
    beside_outputs,
    by_size,
    framed_units,
    gallery,
    in_words,
    legend,
    named,
    pixels,
    small_case,
    verdict,
)
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, counted, percent
from digitnet.repl.result import Record, Said, ScreenOnly
from digitnet.repl.session import Session

MAX_AS_NUMBERS = 16  # up to this many units are shown as numbers
MAX_ACROSS = 64  # maximum number of units in a row

MIN_LINES = 8  # minimum number of lines for the feature maps of a layer


@dataclass(frozen=True)
class Case(Record):
    """A test case. inputs: its picture, or its row of a table. names: of the answers.

    member: the one of a committee that is asked, in words; empty for the whole network.
    """

    index: int
    set: str
    answer: int
    inputs: ScreenOnly[NDArray[Any]]
    names: ScreenOnly[tuple[str, ...]] = ()
    member: str = ""

    @classmethod
    def of(cls, session: Session, data: DataSet, index: int | None, member: str = "") -> "Case":
        """The test case with this number, or a random one."""
        index = case_number(session, data, index)
        answer = int(answers_of(data.test.targets[index : index + 1])[0])
        picture = data.picture_of(data.test, index)
        return cls(index, f"{data.name} test", answer, picture, data.answers, member)

    def __str__(self) -> str:
        by = f", {self.member}" if self.member else ""
        return f"case {self.index:,} of the {self.set} set{by}"

    def as_json(self) -> dict[str, Any]:
        values = super().as_json()
        return values if self.member else {k: v for k, v in values.items() if k != "member"}


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


def single(session: Session) -> tuple[Model, str]:
    """The network in hand, or the first member of a committee, and then which that is, in words."""
    model = session.network()
    if not (members := model.network.members):
        return model, ""
    another = f"; l {as_typed(model.name)} 2 loads another" if model.name and members[1:] else ""
    return model.member(1), f"member 1 of {len(members)}{another}"


@dataclass(frozen=True)
class CheckResult(Drawn):
    """The network's outputs for one case.

    layers: for each hidden layer, its text in the shape and its outputs; None if not requested.
    votes: the guess of each member of a committee.
    """

    case: Case
    guess: int
    outputs: list[float]
    cost: float
    layers: list[tuple[str, Array]] | None = None
    votes: Sequence[int] = ()

    def as_json(self) -> dict[str, Any]:
        correct = self.guess == self.case.answer
        values = {"guess": self.guess, "correct": correct, "outputs": self.outputs}
        values = self.case.as_json() | values | {"cost": self.cost}
        if self.layers is not None:
            layers = [{"layer": text, "activations": a.tolist()} for text, a in self.layers]
            values["layers"] = layers
        return values | ({"votes": list(self.votes)} if self.votes else {})

    def drawn(self, view: View) -> RenderResult:
        case = self.case
        yield str(case)
        yield beside_outputs(case.inputs, self.outputs, self.guess, case.answer, view)
        if not view.blocks and case.inputs.ndim == 2:
            yield in_words(case.inputs)
        yield verdict(self.guess, case.answer, case.names, self.outputs)
        if self.votes:
            guesses = Counter(self.votes).most_common()
            says = [f"{n} {'says' if n == 1 else 'say'} {guess}" for guess, n in guesses]
            yield f"its {counted(len(self.votes), 'member')}: {', '.join(says)}"
        if self.layers is not None:
            yield from _shown_layers(self.layers, view)


def _shown_layers(layers: Sequence[tuple[str, Array]], view: View) -> Iterator[RenderableType]:
    """Each layer under its text: feature maps as a gallery, units in rows."""
    if not layers:
        yield "There are no hidden layers."
    if any((values < 0).any() for _, values in layers):
        yield legend(view)
    for text, values in layers:
        title, shown = counted(len(values), "unit"), _shown_units(values, view)
        if values.ndim == 3:
            rows, columns, count = values.shape
            title = f"{text}: {counted(count, 'feature map')} of {rows} x {columns}"
            lines = max(MIN_LINES, view.height // len(layers))
            order = by_size(values.sum(axis=(0, 1)))
            maps = values.transpose(2, 0, 1)[order]
            shown = gallery(framed_units(order, maps, view, lines=lines, common=True), view)
        zeros = (values == 0).mean()
        zero = f", {percent(zeros, 0)} zero" if zeros else ""
        yield Text(f"\n{title}{zero}, largest {values.max():.3g}", "bold")
        yield shown


def _shown_units(values: Array, view: View) -> RenderableType:
    if len(values) <= MAX_AS_NUMBERS:
        return "  ".join(f"{value:.3g}" for value in values.flat)
    across = min(MAX_ACROSS, view.width)
    picture = np.zeros((-(-len(values) // across), across), values.dtype)
    picture.flat[: len(values)] = values
    return pixels(picture, view, signed=bool((values < 0).any()))


@command("c", "check", group="First steps", rank=2)
def check(session: Session, index: kinds.CASE = None, layers: kinds.LAYERS = "") -> CheckResult:
    """Check one test case: the picture, the outputs, the guess, the answer.

    A random case, or the one with that number. With `layers`, also shows the outputs of the hidden
    layers: feature maps as pictures, the units of dense layers in rows. Of a committee, the guesses
    of its members are shown, or the layers of the first one.

    c: a random case
    c 17 layers: with the outputs of each hidden layer
    c 17: test case 17
    """
    wants_layers = bool(layers) or isinstance(index, str)
    model, member = single(session) if wants_layers else (session.network(), "")
    data = session.data_for(model)
    case = Case.of(session, data, None if isinstance(index, str) else index, member)
    return checked(model, data, case, with_layers=wants_layers)


def checked(model: Model, data: DataSet, case: Case, *, with_layers: bool = False) -> CheckResult:
    """What a network makes of a test case. Raises CommandError if that is not finite."""
    network = model.trainer.answering()
    x, y = Feeder(data.test, network.dtype).batch(np.array([case.index]))
    hidden = responses(model.trainer.with_answering_weights(), x)[:-1] if with_layers else []
    a = network.forward(x)
    check_outputs(a)
    return CheckResult(
        case,
        guess=int(answers_of(a)[0]),
        outputs=[float(value) for value in a[0]],
        cost=model.network.cost.value(a, y),
        layers=[(name, values[0]) for name, values in hidden if name] if with_layers else None,
        votes=[
            int(answers_of(each.forward((x * scale).astype(each.dtype)))[0])
            for each, scale in network.members
        ],
    )


def check_outputs(a: NDArray[Any]) -> None:
    if not np.isfinite(a).all():
        raise CommandError(
            "the network's outputs are not numbers: its weights are too large to compute with. "
            "undo brings an earlier version back, n makes another"
        )


@command("ch", "check_multiple", group="First steps", rank=3)
def check_multiple(session: Session, count: kinds.COUNT_OR_ALL = 100) -> Said:
    """Measure the accuracy on N random test cases, or on all.

    Without a number, on 100 cases (or on all if there are fewer).

    ch: 100 random test cases
    ch 500: 500 random test cases
    ch all: the whole test set
    """
    model = session.network()
    data = session.data_for(model)
    total = len(data.test)
    seen, recorded = session.data_sets.is_seen(data, model), ""
    wanted = total if isinstance(count, str) else count
    if wanted > total and wanted != 100:
        raise CommandError(f"the test set of {data.name} has {total:,} cases: ch all checks them")
    rows = session.rng.choice(total, wanted, replace=False) if wanted < total else None
    result = evaluate(model.trainer.answering(), data.test, rows)
    check_outputs(np.array(result.cost))
    if rows is None and seen and model.accuracy and not model.accuracy.is_seen:
        better = f"{percent(model.accuracy.value)} of the {model.accuracy.on} set"
        recorded = f" Its accuracy remains {better}."
    elif rows is None:
        model.accuracy = session.accuracy_on("test", result.accuracy, data, model)
    text = Text(f"{result.correct:,} of {result.total:,} right: ")
    text.append(percent(result.accuracy), "bold")
    text.append(f" of the {data.name} test set, cost {rounded(result.cost)}")
    if penalty := model.trainer.penalty():  # which t and plot add to the cost
        text.append(f" + {rounded(penalty)} penalty")
    text.append("\n".join(["", *SEEN_IN_TRAINING[seen]]) + recorded)
    if data.answers != session.data().answers:  # which it was trained to call otherwise
        text.append(f"\n{all_named(data.answers)}")
    if result.correct < result.total:
        of_all = f" of all {total:,}" if result.total < total else ""
        text.append(f"\nwrong shows the misread ones{of_all}.")
    measured = {"correct": result.correct, "total": result.total, "accuracy": result.accuracy}
    about = {"set": f"{data.name} test", "seen_in_training": seen}
    return Said(text, measured | {"cost": result.cost} | about)


def take_and_check(session: Session, model: Model) -> Said:
    """Makes an unsaved network the one in hand, and checks it on the whole test set."""
    with session.unless_it_fails():
        session.take(model, is_saved=False)
        checked: Said = check_multiple(session, "all")
    return checked


def cases_shown(
    title: str, cases: Iterable[NDArray[Any]], labels: Iterable[str], fields: dict[str, Any]
) -> Said:
    """A title above a gallery of cases, each with its label."""

    def shown(view: View) -> list[RenderableType]:
        pictures = [small_case(case, view) for case in cases]
        bold = [Text(label, "bold") for label in labels]
        return [title, gallery(list(zip(pictures, bold, strict=True)), view)]

    return Said(shown, fields)


MAX_SHOWN = 100  # maximum number of cases of one `show`


@command("show", group="Digits", rank=6)
def show(session: Session, count: kinds.SHOWN = 6) -> Said:
    """Show random test cases with their answers, or augmented training cases.

    show: six random test cases
    show augment: training cases as the network sees them with `set augment`
    show 12: twelve random test cases; at most 100 are shown
    """
    data = session.data()
    deforms = isinstance(count, str)
    number = 18 if isinstance(count, str) else count
    if number > MAX_SHOWN:
        raise CommandError(f"show shows at most {MAX_SHOWN} cases at a time. Example: show 12")
    name, cases = ("training", data.train) if deforms else ("test", data.test)
    rows = session.rng.choice(len(cases), min(number, len(cases)), replace=False)
    pictures = [data.picture_of(cases, row) for row in rows]
    if deforms:
        pictures = _deformed(session, data, rows)
    pairs = list(zip(rows.tolist(), answers_of(cases.targets[rows]).tolist(), strict=True))
    return cases_shown(
        f"cases of the {data.name} {name} set{', augmented' * deforms}",
        pictures,
        [f"{named(answer, data.answers)}\ncase {index:,}" for index, answer in pairs],
        {
            "set": f"{data.name} {name}",
            "cases": [{"index": index, "answer": answer} for index, answer in pairs],
        },
    )


def _deformed(session: Session, data: DataSet, rows: Integers) -> list[NDArray[Any]]:
    """These training cases, as the network in hand may see them."""
    augment = Augment.parse(session.learner().trainer.settings.augment)
    data.check("augment", "light")
    if augment == Augment() or data.picture is None:
        raise CommandError("the training cases are not augmented. Example: set augment light")
    height, width = data.picture
    pictures = data.train.inputs[rows].reshape(-1, height, width) * np.float32(data.train.scale)
    deformed = np.empty_like(pictures)
    seed = int(session.rng.integers(2**31))
    Deformer(height, width, seed, augment)(pictures, np.arange(len(rows)), deformed)
    return list((255 * np.clip(deformed, 0, 1)).astype(np.uint8))

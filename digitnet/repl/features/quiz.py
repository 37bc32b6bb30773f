"""`quiz` hides a number of a calculation, and takes the answer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from rich.console import RenderResult

from digitnet.engine.arrays import Array, Cases
from digitnet.engine.layers import ACTIVATIONS, Dense
from digitnet.insight.rehearsal import probe_of, rehearse, training_copy, untrained_copy
from digitnet.insight.why import Backpropagation, backpropagate
from digitnet.recipes import RECIPES, default_rate
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import check_outputs
from digitnet.repl.pictures import View
from digitnet.repl.pictures.sheet import Row, Sheet, aligned
from digitnet.repl.pictures.tables import counted
from digitnet.repl.result import Note, Said
from digitnet.repl.session import Session

MOST = 16  # maximum number of terms of a sum that is asked for
TOLERANCE = 0.01  # how far an answer may be off: this fraction
ZERO = 5e-5  # what is answered for an answer of zero may be up to this
SHOWN = 12  # points of a curve
TRIES = 3  # an answer is shown after this many wrong ones


@dataclass
class Question:
    """What is asked: the hidden number, the numbers it follows from, and how.

    givens: names → numbers; all of the same count stand in one table. formula: of the answer; hint:
    what else to think of.
    """

    text: str
    givens: Mapping[str, Any]
    formula: str
    answer: float
    hint: str = ""
    tries: int = field(default=0, compare=False)

    @classmethod
    def of(
        cls, text: str, givens: Mapping[str, Any], formula: str, compute: Callable[..., Any]
    ) -> "Question":
        """compute: the answer from the givens as they are shown, rounded, so that they suffice."""
        shown = {
            name: np.array(aligned(np.ravel(values)), float).reshape(np.shape(values))
            for name, values in givens.items()
        }
        return cls(text, shown, formula, float(compute(*shown.values())))


@command("quiz", group="Asking")
def quiz(session: Session, answer: kinds.ANSWERED = None) -> Said:
    """Work out a number that why or step shows: an output, a delta, a weight's change, a rate.

    The question is about a random case of the network in hand, or of mini if there is none. An
    answer may be off by 1 %. After three wrong ones the right one is shown.

    quiz: a question about the network in hand
    quiz skip: show the answer
    quiz 0.62: the answer
    """
    question = session.question
    if answer is None or question is None:
        if answer is not None:
            raise CommandError("nothing is asked: quiz asks a question")
        if question is None:
            session.question = question = _ask(session)
            session.quiz_asked += 1
        return _result(session, question)
    tolerated = TOLERANCE * abs(question.answer) or ZERO
    hint = question.hint or f"Think of {question.formula}."
    solved = f"{question.formula} = {aligned([question.answer])[0]}"
    if not isinstance(answer, str) and abs(answer - question.answer) <= tolerated:
        session.quiz_right += 1
        said, is_over = f"Right: {solved}.", True
    elif answer == "skip" or question.tries + 1 == TRIES:
        said, is_over = f"{question.hint} The answer is {solved}.".lstrip(), True
    else:
        question.tries += 1
        said, is_over = f"Not {answer:.10g}. {hint} quiz NUMBER tries again.", False
    if is_over:
        session.question = None
        said += f" {session.quiz_right} of {session.quiz_asked} right so far; quiz asks again."
    return _result(session, question, said, is_over=is_over)


def _result(session: Session, question: Question, said: str = "", *, is_over: bool = False) -> Said:
    """The question, or what is said of an answer."""

    def shown(view: View) -> RenderResult:
        sheet = Sheet(view.width, view.blocks)
        if said:
            yield sheet.text(said)
            return
        yield sheet.text(question.text, "bold")
        columns = [aligned(np.atleast_1d(values)) for values in question.givens.values()]
        lines = list(zip_longest(*columns, fillvalue=""))
        numbers = [(str(n),) if len(lines) > 1 else () for n in range(len(lines))]
        rows = [Row(number, cells) for number, cells in zip(numbers, lines, strict=True)]
        yield sheet.table(list(question.givens), rows, ("",) * (len(lines) > 1))
        yield "quiz NUMBER answers; quiz skip shows it."

    givens = {name: np.asarray(values).tolist() for name, values in question.givens.items()}
    asked = {"question": question.text, "givens": givens, "said": said}
    counts = {"right": session.quiz_right, "asked": session.quiz_asked}
    return Said(shown, asked | {"answer": question.answer if is_over else None} | counts)


def _ask(session: Session) -> Question:
    if session.hand is None:
        session.take(session.make(RECIPES["mini"]))
        session.report(Note("Made a network, 3-3-2 (recipe mini)."))
    model = session.network()
    if model.network.is_committee:
        raise CommandError("a committee only averages: l loads one of its members")
    data, rng = session.data_for(model), session.rng
    index = int(rng.integers(len(data.test)))
    x = data.test.inputs[index].astype(np.float64) * data.test.scale
    network, y = model.trainer.with_answering_weights(), data.test.targets[index]
    page = backpropagate(network, x, y.astype(np.float64))
    check_outputs(page.outputs)
    number = int(rng.choice([n for n, p in enumerate(page.passes) if isinstance(p.layer, Dense)]))
    every = list(_questions(page, number, rng, model))
    chosen = int(rng.integers(len(every) + (len(page.passes) > 1)))  # a unit learns at any rate
    of_rate = _of_rate(model, data.train, rng) if chosen == len(every) else None
    return of_rate or every[chosen % len(every)]


def _of_rate(model: Model, cases: Cases, rng: np.random.Generator) -> Question | None:
    """Which rate a curve was made with, of three; None if the usual one does not halve the cost."""
    usual = default_rate(model.recipe, model.trainer.settings.optimizer)
    rates = [float(f"{usual * factor:.3g}") for factor in (0.01, 1, 100)]
    rate, copy = rates[int(rng.integers(3))], untrained_copy(model.trainer)
    probe = probe_of(copy.network, cases)
    usually, tried = (rehearse(training_copy(copy, rate=r), cases, probe) for r in (usual, rate))
    if usually.after > usually.before / 2:
        return None
    blocks = np.array_split(tried.costs, min(SHOWN, len(tried.costs)))
    text = f"An untrained copy was trained. Was its rate {rates[0]:g}, {usual:g} or {rates[2]:g}?"
    ends, means = np.cumsum([*map(len, blocks)]), [*map(np.mean, blocks)]
    givens = {"up to mini-batch": ends, "mean cost": means}
    hint = "A cost that hardly falls: rate too low. One that jumps or sticks: too high."
    return Question(text, givens, "rate", rate, hint)


def _questions(
    page: Backpropagation, number: int, rng: np.random.Generator, model: Model
) -> Iterator[Question]:
    """What can be asked about a random unit of a layer, a random weight of it, and the cost."""
    p, cost, rate = page.passes[number], model.network.cost, model.trainer.settings.rate
    unit = int(rng.integers(p.z.size))
    units = counted(p.z.size, f"{p.activation} unit")
    where = f"unit {unit} of layer {number + 1} ({units})"
    f = ACTIVATIONS[p.activation]
    weights, *biases = (q.value for q in p.layer.parameters)

    if p.x.size <= MOST:
        givens = {"x": p.x, "w": weights[:, unit]} | ({"b": biases[0][unit]} if biases else {})
        text, sum_ = f"What is the weighted sum z of {where}?", "Σ x w + b" if biases else "Σ x w"
        yield Question.of(text, givens, sum_, lambda x, w, b=0.0: x @ w + b)

    chosen, givens = (unit, {"z of all": p.z}) if f.sums_to_one else (0, {"z": p.z[unit]})
    text = f"What is the output a of {where}?"
    yield Question.of(text, givens, f.formula, lambda z: _changed(f.forward, z)[chosen])

    text, of_cost = f"What is δ = dC/dz of {where}?", cost.derivative_formula
    if p.da is None:
        givens = {"a": p.a[unit], "y": page.y[unit]}
        yield Question.of(text, givens, f"δ = dC/dz = {of_cost}", cost.derivative)
    elif p.slope is not None:  # softmax without its cost has none
        is_output = p is page.passes[-1]
        above = {"y": page.y} if is_output else {"dC/da = dC/dx of the layer above": p.da}
        givens = {"a": p.a[unit]} | {name: values[unit] for name, values in above.items()}
        formula = f"{f'({of_cost})' if is_output else 'dC/da'} · f′, where {f.derivative}"

        def delta(a: Array, above: Array) -> Any:
            return _changed(f.backward, a, cost.derivative(a, above) if is_output else above)[0]

        yield Question.of(text, givens, formula, delta)

    if len(lit := np.flatnonzero(p.x)):
        j = int(rng.choice(lit))
        text = f"What is dC/dw of the weight from input {j} to {where}?"
        yield Question.of(text, {"x": p.x[j], "δ": p.delta[unit]}, "x δ", np.multiply)

    gradient = p.gradients["weights"][:, unit]
    if len(moved := np.flatnonzero(gradient)):
        j = int(rng.choice(moved))
        givens = {"g = dC/dw": gradient[j], "η": rate}
        text = "By how much does a step of gradient descent (sgd) on this case change a weight?"
        yield Question.of(text, givens, "−η g", lambda g, rate: -rate * g)

    text, givens = "What is the cost C of this case?", {"a": page.outputs, "y": page.y}
    yield Question.of(text, givens, cost.formula, lambda a, y: cost.value(a[None], y[None]))


def _changed(change: Callable[..., None], *values: Array) -> Array:
    """A copy of the last of these arrays, after a function that changes it in place."""
    copies = [np.array(each, ndmin=1) for each in values]
    change(*copies)
    return copies[-1]

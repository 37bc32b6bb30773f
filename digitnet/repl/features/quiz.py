"""`quiz` hides a number of a calculation, and takes the answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Annotated, Any

import numpy as np
from rich.console import RenderResult

from digitnet.engine.arrays import Cases
from digitnet.engine.layers import ACTIVATIONS, Dense
from digitnet.insight.rehearsal import probe_of, rehearse, training_copy, untrained_copy
from digitnet.insight.why import Backpropagation, backpropagate
from digitnet.recipes import RECIPES, default_rate
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.sheet import Row, Sheet, aligned
from digitnet.repl.result import Note
from digitnet.repl.session import Session

MOST = 16  # maximum number of terms of a sum that is asked for
TOLERANCE, SMALLEST = 0.01, 0.005  # how far an answer may be off: this fraction, or this much
SHOWN = 12  # mini-batches of a curve
TRIES = 3  # an answer is shown after this many wrong ones


@dataclass
class Question:
    """What is asked: the hidden number, the numbers it follows from, and how.

    givens: names → numbers; all of the same count stand in one table. smallest: how far an answer
    may be off at least.
    """

    text: str
    givens: Mapping[str, Any]
    formula: str
    answer: float
    smallest: float = SMALLEST
    tries: int = field(default=0, compare=False)


@dataclass(frozen=True)
class QuizResult(Drawn):
    """A question, or what became of an answer. right, asked: counted in this session."""

    question: Question
    said: str
    right: int
    asked: int
    is_over: bool = False

    def as_json(self) -> dict[str, Any]:
        q = self.question
        givens = {name: np.asarray(values).tolist() for name, values in q.givens.items()}
        answer = q.answer if self.is_over else None
        counts = {"right": self.right, "asked": self.asked}
        return {"question": q.text, "givens": givens, "said": self.said, "answer": answer} | counts

    def drawn(self, view: View) -> RenderResult:
        if self.said:
            yield self.said
            return
        q, sheet = self.question, Sheet(view.width, view.blocks)
        yield sheet.text(q.text, "bold")
        columns = [aligned(np.atleast_1d(values)) for values in q.givens.values()]
        lines = list(zip_longest(*columns, fillvalue=""))
        numbers = [(str(n),) if len(lines) > 1 else () for n in range(len(lines))]
        rows = [Row(number, cells) for number, cells in zip(numbers, lines, strict=True)]
        yield sheet.table(list(q.givens), rows, ("",) * (len(lines) > 1))
        yield "quiz NUMBER answers; quiz skip shows it."


@command(
    "quiz",
    group="Asking",
    examples={
        "quiz": "a question about the network in hand",
        "quiz skip": "show the answer",
        "quiz 0.62": "the answer",
    },
)
def quiz(
    session: Session, answer: Annotated[float | str | None, kinds.ANSWERED] = None
) -> QuizResult:
    """Compute a number of why or step yourself: an output, a delta, a new weight, a curve's rate.

    The question is about a random case of the network in hand, or of mini if there is none. An
    answer may be off by 1 % or 0.005, a rate by 1 %. After three wrong ones the right one is shown.
    """
    question = session.question
    if answer is None or question is None:
        if answer is not None:
            raise CommandError("nothing is asked: quiz asks a question")
        session.question = question = _ask(session)
        session.quiz_asked += 1
        return QuizResult(question, "", session.quiz_right, session.quiz_asked)
    tolerated = max(question.smallest, TOLERANCE * abs(question.answer))
    if not isinstance(answer, str) and abs(answer - question.answer) <= tolerated:
        session.quiz_right += 1
        said, is_over = f"Right: {_solved(question)}.", True
    else:
        question.tries += 1
        is_over = answer == "skip" or question.tries >= TRIES
        said = f"Not {answer}. Think of {question.formula}. quiz NUMBER tries again."
        if is_over:
            said = f"It is {_solved(question)}."
    if is_over:
        session.question = None
        said += f" {session.quiz_right} of {session.quiz_asked} right so far; quiz asks again."
    return QuizResult(question, said, session.quiz_right, session.quiz_asked, is_over)


def _solved(question: Question) -> str:
    return f"{question.formula} = {aligned([question.answer])[0]}"


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
    page = backpropagate(model.network, x, data.test.targets[index].astype(np.float64))
    if not np.isfinite(page.outputs).all():
        raise CommandError("the network's outputs are not numbers: there is nothing to compute")
    number = int(rng.choice([n for n, p in enumerate(page.passes) if isinstance(p.layer, Dense)]))
    every = list(_questions(page, number, rng, model))
    chosen = int(rng.integers(len(every) + (len(page.passes) > 1)))  # a unit learns at any rate
    return every[chosen] if chosen < len(every) else _of_rate(model, data.train, rng)


def _of_rate(model: Model, cases: Cases, rng: np.random.Generator) -> Question:
    """Which rate a curve was made with: the usual one, or one that is far too low or too high."""
    usual = default_rate(model.recipe, model.trainer.settings.optimizer)
    rates = [float(f"{usual * factor:.3g}") for factor in (0.01, 1, 100)]
    rate = rates[int(rng.integers(3))]
    copy = training_copy(untrained_copy(model.trainer), rate=rate)
    costs = np.array(rehearse(copy, cases, probe_of(copy.network, cases)).costs)
    at = np.unique(np.linspace(0, len(costs) - 1, SHOWN).astype(int))
    text = f"An untrained copy was trained. Was its rate {rates[0]:g}, {usual:g} or {rates[2]:g}?"
    givens = {"mini-batch": at + 1, "cost": costs[at]}
    hint = "hardly falling: too low; jumping or stuck: too high; rate"
    return Question(text, givens, hint, rate, smallest=0)


def _questions(
    page: Backpropagation, number: int, rng: np.random.Generator, model: Model
) -> Iterator[Question]:
    """What can be asked about a random unit of a layer, a random weight of it, and the cost."""
    p, cost, rate = page.passes[number], model.network.cost, model.trainer.settings.rate
    unit = int(rng.integers(p.z.size))
    where = f"unit {unit} of layer {number + 1} ({p.layer.text}, {p.activation})"
    formula, slope = ACTIVATIONS[p.activation].formula, ACTIVATIONS[p.activation].derivative
    weights, *biases = (q.value for q in p.layer.parameters)

    if p.x.size <= MOST:
        givens = {"x": p.x, "w": weights[:, unit]} | ({"b": biases[0][unit]} if biases else {})
        text, sum_ = f"What is the weighted sum z of {where}?", "Σ x w + b" if biases else "Σ x w"
        yield Question(text, givens, sum_, p.z[unit])

    givens = {"z of all": p.z} if p.activation == "softmax" else {"z": p.z[unit]}
    yield Question(f"What is the output a of {where}?", givens, formula, p.a[unit])

    text, is_output = f"What is δ = dC/dz of {where}?", p is page.passes[-1]
    if p.da is None:
        delta = f"δ = dC/dz = {cost.derivative_formula}"
        yield Question(text, {"a": p.a[unit], "y": page.y[unit]}, delta, p.delta[unit])
    elif p.slope is not None:  # softmax without its cost has none
        above = {"y": page.y} if is_output else {"dC/da = Σ w δ of the layer above": p.da}
        givens = {"a": p.a[unit]} | {name: values[unit] for name, values in above.items()}
        times = f"{cost.derivative_formula} times" if is_output else "dC/da ·"
        yield Question(text, givens, f"{times} f′, {slope}", p.delta[unit])

    if len(lit := np.flatnonzero(p.x)):
        j = int(rng.choice(lit))
        text = f"What is dC/dw of the weight from input {j} to {where}?"
        givens = {"x": p.x[j], "δ": p.delta[unit]}
        yield Question(text, givens, "x δ", p.x[j] * p.delta[unit])

    j = int(rng.integers(p.x.size))
    w, g = float(weights[j, unit]), float(p.gradients["weights"][j, unit])
    text = "What is this weight after a step of plain gradient descent (sgd) on this case?"
    yield Question(text, {"w": w, "g = dC/dw": g, "η": rate}, "w − η g", w - rate * g)

    text, givens = "What is the cost C of this case?", {"a": page.outputs, "y": page.y}
    yield Question(text, givens, cost.formula, page.cost)

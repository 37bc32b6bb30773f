"""`quiz` hides a number of a calculation, and takes the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from rich.console import RenderResult

from digitnet.engine.layers import ACTIVATIONS, Dense
from digitnet.insight.why import Backpropagation, Pass, backpropagate
from digitnet.recipes import RECIPES
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.sheet import Row, Sheet, aligned, backwards
from digitnet.repl.session import Session

MOST = 16
"""Maximum number of terms of a sum that is asked for."""

TOLERANCE, SMALLEST = 0.01, 0.005
"""How far an answer may be off: this fraction, or this much."""

TRIES = 3
"""An answer is shown after this many wrong ones."""


@dataclass
class Question:
    """What is asked: the hidden number, the numbers it follows from, and how.

    givens: names → numbers; all of the same count stand in one table.
    """

    text: str
    givens: Mapping[str, Any]
    formula: str
    answer: float
    tries: int = field(default=0, compare=False)

    def is_right(self, number: float) -> bool:
        return abs(number - self.answer) <= max(SMALLEST, TOLERANCE * abs(self.answer))


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
        lists = {name: np.atleast_1d(values) for name, values in q.givens.items()}
        if max(map(len, lists.values())) == 1:
            yield sheet.table(list(lists), [Row((), [aligned(v)[0] for v in lists.values()])])
        else:
            longest = max(map(len, lists.values()))
            columns = [aligned(v) + [""] * (longest - len(v)) for v in lists.values()]
            rows = [Row((str(n),), cells) for n, cells in enumerate(zip(*columns, strict=True))]
            yield sheet.table(list(lists), rows, ("",))
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
    """Compute a number of why or step yourself: a weighted sum, an output, a delta, a new weight.

    The question is about a random case of the network in hand, or of mini if there is none. An
    answer may be off by 1 % or 0.005. After three wrong ones the right one is shown.
    """
    question = session.question
    if answer is None or question is None:
        if answer is not None:
            raise CommandError("nothing is asked: quiz asks a question")
        session.question = question = _ask(session)
        session.quiz_asked += 1
        return QuizResult(question, "", session.quiz_right, session.quiz_asked)
    if not isinstance(answer, str) and question.is_right(answer):
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
    """A random question about a random case."""
    if session.hand is None:
        session.take(session.make(RECIPES["mini"]))
    model = session.network()
    if model.network.is_committee:
        raise CommandError("a committee only averages: l loads one of its members")
    data, rng = session.data_for(model), session.rng
    index = int(rng.integers(len(data.test)))
    x = data.test.inputs[index].astype(np.float64) * data.test.scale
    page = backpropagate(model.network, x, data.test.targets[index].astype(np.float64))
    if not np.isfinite(page.outputs).all():
        raise CommandError("the network's outputs are not numbers: there is nothing to compute")
    dense = [n for n, p in enumerate(page.passes) if isinstance(p.layer, Dense)]
    rate = model.trainer.settings.rate
    questions: list[Callable[[], Question | None]] = [
        lambda: _of_sum(page, int(rng.choice(dense)), rng),
        lambda: _of_activation(page, int(rng.choice(dense)), rng),
        lambda: _of_delta(page, int(rng.choice(dense)), rng, model.network.cost),
        lambda: _of_gradient(page, int(rng.choice(dense)), rng),
        lambda: _of_weight(page, int(rng.choice(dense)), rng, rate),
        lambda: _of_cost(page, model.network.cost),
    ]
    while True:
        asked = questions[int(rng.integers(len(questions)))]()
        if asked is not None:
            return asked


def _where(number: int, unit: int, p: Pass) -> str:
    return f"unit {unit} of layer {number + 1} ({p.layer.text}, {p.activation})"


def _of_sum(page: Backpropagation, number: int, rng: np.random.Generator) -> Question | None:
    p = page.passes[number]
    if p.x.size > MOST:
        return None
    unit = int(rng.integers(p.z.size))
    weights, *biases = (q.value for q in p.layer.parameters)
    givens = {"x": p.x, "w": weights[:, unit]} | ({"b": biases[0][unit]} if biases else {})
    text = f"What is the weighted sum z of {_where(number, unit, p)}?"
    return Question(text, givens, "Σ x w + b" if biases else "Σ x w", float(p.z[unit]))


def _of_activation(page: Backpropagation, number: int, rng: np.random.Generator) -> Question | None:
    p = page.passes[number]
    unit = int(rng.integers(p.z.size))
    givens = {"z of all": p.z} if p.activation == "softmax" else {"z": p.z[unit]}
    text = f"What is the output a of {_where(number, unit, p)}?"
    return Question(text, givens, ACTIVATIONS[p.activation].formula, float(p.a[unit]))


def _of_delta(
    page: Backpropagation, number: int, rng: np.random.Generator, cost: Any
) -> Question | None:
    p = page.passes[number]
    unit = int(rng.integers(p.z.size))
    if p.da is not None and p.slope is None:  # softmax without its cost
        return None
    is_output = p is page.passes[-1]
    text = f"What is δ = dC/dz of {_where(number, unit, p)}?"
    givens: dict[str, Any] = {"a": p.a[unit]}
    if is_output:
        givens["y"] = page.y[unit]
    elif p.da is not None:
        givens["dC/da = Σ w δ of the layer above"] = p.da[unit]
    formula = backwards(p, "" if is_output else "dense", cost.derivative_formula)[-1]
    if is_output and p.da is not None:
        formula = f"{cost.derivative_formula} times f′, {ACTIVATIONS[p.activation].derivative}"
    elif p.da is not None:
        formula = f"dC/da · f′, {ACTIVATIONS[p.activation].derivative}"
    return Question(text, givens, formula, float(p.delta[unit]))


def _of_gradient(page: Backpropagation, number: int, rng: np.random.Generator) -> Question | None:
    p = page.passes[number]
    unit, lit = int(rng.integers(p.z.size)), np.flatnonzero(p.x)
    if not len(lit):
        return None
    j = int(rng.choice(lit))
    givens = {"x": p.x[j], "δ": p.delta[unit]}
    text = f"What is dC/dw of the weight from input {j} to {_where(number, unit, p)}?"
    return Question(text, givens, "x δ", float(p.x[j] * p.delta[unit]))


def _of_weight(
    page: Backpropagation, number: int, rng: np.random.Generator, rate: float
) -> Question | None:
    p = page.passes[number]
    unit, j = int(rng.integers(p.z.size)), int(rng.integers(p.x.size))
    w, g = float(p.layer.parameters[0].value[j, unit]), float(p.gradients["weights"][j, unit])
    text = "What is this weight after a step of plain gradient descent (sgd) on this case?"
    return Question(text, {"w": w, "g = dC/dw": g, "η": rate}, "w − η g", w - rate * g)


def _of_cost(page: Backpropagation, cost: Any) -> Question | None:
    text = "What is the cost C of this case?"
    return Question(text, {"a": page.outputs, "y": page.y}, cost.formula, float(page.cost))

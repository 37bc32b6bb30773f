"""`like` shows the training cases most like a test case, `fool` the change that misleads most."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import RenderResult
from rich.text import Text

from digitnet.charts import rounded
from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Feeder, answers_of
from digitnet.engine.network import Network
from digitnet.insight.around import ChangedCase, distances, smallest_change
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import Case, check_outputs, single
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import Framed, gallery, halved, named, pixels, small_case
from digitnet.repl.pictures.tables import with_article
from digitnet.repl.result import Said
from digitnet.repl.session import Session

MOST_ALIKE = 6


@command("like", group="Asking", rank=7, is_picture=True)
def like(session: Session, index: kinds.INDEX = None) -> Said:
    """Show the training cases most like a test case, and how far they are from it.

    Twice: by the inputs, and by the outputs of the last hidden layer for them. What the layer has
    learned is seen where the second are alike and the first are not.

    like 11: the training cases most like test case 11
    """
    model, member = single(session)
    data, network = session.data_for(model), model.trainer.answering()
    case = Case.of(session, data, index, member)
    x, _ = Feeder(data.test, 1, network.dtype).batch(np.array([case.index]))
    columns = []
    for chunk in distances(network, x, data.train):
        session.report()
        check_outputs(chunk[1])
        columns.append(chunk)
    inputs, hidden = (np.concatenate(column) for column in zip(*columns, strict=True))
    has_hidden = len(network.layers) > 1
    nearest = {
        "inputs": _nearest(inputs, data),
        "hidden": _nearest(hidden, data) if has_hidden else [],
    }

    def shown(view: View) -> RenderResult:
        yield f"{case}, {with_article(named(case.answer, case.names))}"
        yield small_case(case.inputs, view)
        for what, alike in nearest.items():
            if alike:
                where = "its inputs" if what == "inputs" else "the last hidden layer"
                yield f"\nThe nearest training cases by {where}, with answer and distance:"
                yield gallery([_framed(each, data, view) for each in alike], view)

    return Said(shown, case.as_json() | nearest)


def _nearest(distances: Array, data: DataSet) -> list[dict[str, Any]]:
    rows = np.argsort(distances, kind="stable")[:MOST_ALIKE]
    answers = answers_of(data.train.targets[rows])
    return [
        {"index": int(row), "answer": int(answer), "distance": float(distances[row])}
        for row, answer in zip(rows, answers, strict=True)
    ]


def _framed(alike: dict[str, Any], data: DataSet, view: View) -> Framed:
    label = f"{named(alike['answer'], data.answers)}  {alike['distance']:.3g}"
    return small_case(data.picture_of(data.train, alike["index"]), view), Text(label)


RANDOM_CHANGES = 100


@dataclass(frozen=True)
class FoolResult(Drawn):
    """A small change of a test case that changes the answer.

    before, guess: the answer without and with it. confidence: the output for `guess`. x, changed:
    the inputs without and with it, on the network's scale. saliency: see `ChangedCase`. random:
    how many of RANDOM_CHANGES random changes of this size do it too.
    """

    case: Case
    before: int
    guess: int
    confidence: float
    x: Array
    changed: Array
    saliency: Array
    scale: float
    random: int

    @property
    def change(self) -> Array:
        return self.changed - self.x

    def as_json(self) -> dict[str, Any]:
        values = {"before": self.before, "guess": self.guess, "confidence": self.confidence}
        size, largest = np.linalg.norm(self.change), np.abs(self.change).max()
        sizes = {"size": float(size), "largest": float(largest), "random": self.random}
        return self.case.as_json() | values | sizes | {"changed": self.changed.ravel().tolist()}

    def drawn(self, view: View) -> RenderResult:
        yield str(self.case)
        before, after = (named(guess, self.case.names) for guess in (self.before, self.guess))
        wrongly = "" if self.before == self.case.answer else ", wrongly"
        if self.x.ndim == 2:
            fits = view.width >= 4 * self.x.shape[1] + 6
            x, changed, change, saliency = (
                values if fits else halved(values)
                for values in (self.x, self.changed, self.change, np.abs(self.saliency))
            )
            drawn = (
                pixels(x, view, 255 * self.scale),
                pixels(change, view, signed=True),
                pixels(changed, view, 255 * self.scale),
                pixels(saliency, view),
            )
            labels = (f"read as {before}", "the change", f"read as {after}", "what counts")
            texts = [Text(label, "bold") for label in labels]
            yield gallery(list(zip(drawn, texts, strict=True)), view)
        else:
            yield "inputs " + " ".join(f"{value:.4g}" for value in self.changed)
        yield (
            f"Read as {before}{wrongly}, and as {after} "
            f"({self.confidence:.2f}) after a change of length {_norm(self.change)} (the inputs: "
            f"{_norm(self.x)}). No input changes by more than {rounded(np.abs(self.change).max())}."
        )
        yield (
            f"Of {RANDOM_CHANGES} random changes of this length, {self.random or 'none'} "
            f"{'changes' if self.random == 1 else 'change'} the answer."
        )


@command("fool", group="Asking", rank=7, is_picture=True)
def fool(session: Session, index: kinds.INDEX = None, answer: kinds.GUESS = None) -> FoolResult:
    """Find a small change of a test case that changes the network's answer.

    Small steps along the gradient lead to the nearest other answer (DeepFool, Moosavi-Dezfooli et
    al. 2016), or to the one given. Also shown: what counts, the gradient at the unchanged case.

    fool 11: a small change of test case 11 that changes the answer
    fool 11 3: a small one that makes the network read a 3
    """
    model, member = single(session)
    data, network = session.data_for(model), model.trainer.answering()
    if answer is not None and answer >= max(2, network.outputs):
        raise CommandError(
            f"the answers are 0 to {max(2, network.outputs) - 1}. Example: fool 11 3"
        )
    case = Case.of(session, data, index, member)
    x = Feeder(data.test, 1, network.dtype).batch(np.array([case.index]))[0][0]
    before, _ = _read(network, x)
    if answer == before:
        raise CommandError(f"the network already reads {answer}: give another answer")
    low, high = (0.0, 255 * data.test.scale) if data.picture else (-np.inf, np.inf)
    found: ChangedCase | None = None
    for found in smallest_change(network, x, wanted=answer, low=low, high=high):  # noqa: B007
        session.report()
    if found is None:
        does, hint = "changes the answer", ""
        if answer is not None:
            does = f"gets the answer {answer}"
            hint = f". fool {case.index} looks for any other answer"
        raise CommandError(f"no change of case {case.index} that {does} was found{hint}")
    read = _read(network, found.x)
    noise = session.rng.standard_normal((RANDOM_CHANGES, len(x)))
    noise *= np.linalg.norm(found.x - x) / np.linalg.norm(noise, axis=1, keepdims=True)
    changes = sum(_read(network, x + each)[0] != before for each in noise)
    shape = data.picture or (len(x),)
    x, changed, saliency = (a.reshape(shape) for a in (x, found.x, found.saliency))
    return FoolResult(case, before, *read, x, changed, saliency, data.test.scale, changes)


def _norm(values: Array) -> str:
    return rounded(float(np.linalg.norm(values)))


def _read(network: Network, x: Array) -> tuple[int, float]:
    """The guess for one case, (inputs,), and its output."""
    a = network.forward(x[np.newaxis].astype(network.dtype))
    check_outputs(a)
    guess = int(answers_of(a)[0])
    return guess, float(a[0, guess] if a.shape[1] > 1 else max(a[0, 0], 1 - a[0, 0]))

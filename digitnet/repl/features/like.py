"""`like` shows the training cases most like a test case, `fool` the change that misleads most."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from digitnet.charts import rounded
from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Feeder, answers_of
from digitnet.engine.layers import Weighted
from digitnet.engine.network import Network
from digitnet.insight.around import ChangedCase, distances, smallest_change
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import Case, check_outputs, single
from digitnet.repl.pictures import View
from digitnet.repl.pictures.digit import gallery, halved, legend, named, pixels, small_case
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
    x, _ = Feeder(data.test, network.dtype).batch(np.array([case.index]))
    columns = []
    for chunk in distances(network, x, data.train):
        session.report()
        check_outputs(chunk[1])
        columns.append(chunk)
    inputs, hidden = (np.concatenate(column) for column in zip(*columns, strict=True))
    has_hidden = any(isinstance(layer, Weighted) for layer in network.layers[:-1])
    nearest = {"inputs": _nearest(inputs, data)}
    nearest["hidden"] = _nearest(hidden, data) if has_hidden else []

    def shown(view: View) -> Iterator[RenderableType]:
        yield f"{case}, {with_article(named(case.answer, case.names))}"
        yield small_case(case.inputs, view)
        for where, by in (("its inputs", "inputs"), ("the last hidden layer", "hidden")):
            if nearest[by]:
                yield f"\nThe nearest training cases by {where}, with answer and distance:"
                yield gallery([
                    (small_case(data.picture_of(data.train, each["index"]), view),
                     Text(f"{named(each['answer'], case.names)}  {each['distance']:.3g}"))
                    for each in nearest[by]
                ], view)  # fmt: skip

    return Said(shown, case.as_json() | nearest)


def _nearest(distances: Array, data: DataSet) -> list[dict[str, Any]]:
    """The training cases at the smallest distances: their index, answer and distance."""
    rows = np.argsort(distances, kind="stable")[:MOST_ALIKE]
    answers = answers_of(data.train.targets[rows]).tolist()
    columns = zip(rows.tolist(), answers, distances[rows].tolist(), strict=True)
    return [dict(zip(("index", "answer", "distance"), each, strict=True)) for each in columns]


RANDOM_CHANGES = 100


@command("fool", group="Asking", rank=7, is_picture=True)
def fool(session: Session, index: kinds.INDEX = None, answer: kinds.GUESS = None) -> Said:
    """Find a small change of a test case that changes the network's answer.

    Steps along the gradient (DeepFool, Moosavi-Dezfooli et al. 2016), and towards training cases,
    lead to a near other answer, or to the one given. Also shown: what counts, the gradient at the
    unchanged case.

    fool 11: a small change of test case 11 that changes the answer
    fool 11 3: a small one that makes the network read a 3
    """
    model, member = single(session)
    data, network = session.data_for(model), model.trainer.answering()
    if answer is not None and answer >= max(2, network.outputs):
        raise CommandError(f"the answers are 0 to {max(2, network.outputs) - 1}. Example: fool 0 1")
    case = Case.of(session, data, index, member)
    x = Feeder(data.test, network.dtype).batch(np.array([case.index]))[0][0]
    before, _ = _read(network, x)
    if answer == before:
        raise CommandError(f"the network already reads {answer}: give another answer")
    limits = (0.0, 255 * data.test.scale) if data.picture else (-np.inf, np.inf)
    found = smallest_change(network, x, data.train, answer, limits, session.report)
    if found is None:
        does, hint = "changes the answer", ""
        if answer is not None:
            does = f"gets the answer {answer}"
            hint = f". fool {case.index} looks for any other answer"
        raise CommandError(f"no change of case {case.index} that {does} was found{hint}")
    noise = session.rng.standard_normal((RANDOM_CHANGES, len(x)))
    noise *= np.linalg.norm(found.x - x) / np.linalg.norm(noise, axis=1, keepdims=True)
    random = sum(_read(network, x + each)[0] != before for each in noise)
    return _fooled(case, data, x, found, network, random)


def _fooled(
    case: Case, data: DataSet, x: Array, found: ChangedCase, network: Network, random: int
) -> Said:
    """A small change of a case x that changes the answer. random: how many of RANDOM_CHANGES random
    changes of this size do it too.
    """
    (before, _), (guess, confidence) = _read(network, x), _read(network, found.x)
    change = found.x - x
    size, inputs = (float(np.linalg.norm(each)) for each in (change, x))
    largest = float(np.abs(change).max())
    names = [named(each, case.names) for each in (before, guess)]

    def shown(view: View) -> Iterator[RenderableType]:
        yield str(case)
        if data.picture:
            fits, high = view.width >= 4 * data.picture[1] + 6, 255 * data.test.scale
            was, moved, now, counts = (
                a.reshape(data.picture) if fits else halved(a.reshape(data.picture))
                for a in (x, change, found.x, np.abs(found.saliency))
            )
            drawn = (
                (pixels(was, view, high), f"read as {names[0]}"),
                (pixels(moved, view, signed=True), "the change"),
                (pixels(now, view, high), f"read as {names[1]}"),
                (pixels(counts, view), "what counts"),
            )
            yield gallery([(picture, Text(label, "bold")) for picture, label in drawn], view)
            yield Text.assemble("the change: ", legend(view))
        else:
            for name, values in {"inputs": x, "changed": found.x}.items():
                yield f"{name} {' '.join(f'{value:.4g}' for value in values)}"
        yield (
            f"Read as {names[0]}{', wrongly' * (before != case.answer)}, and as {names[1]} "
            f"({confidence:.2f}) after a change of length {rounded(size)} (the inputs: "
            f"{rounded(inputs)}). No input changes by more than {rounded(largest)}."
        )
        yield (
            f"Of {RANDOM_CHANGES} random changes of this length, {random or 'none'} "
            f"{'changes' if random == 1 else 'change'} the answer."
        )

    fields = {"before": before, "guess": guess, "confidence": confidence, "size": size}
    fields |= {"largest": largest, "random": random, "changed": found.x.tolist()}
    return Said(shown, case.as_json() | fields)


def _read(network: Network, x: Array) -> tuple[int, float]:
    """The guess for one case, (inputs,), and its output."""
    a = network.forward(x[np.newaxis].astype(network.dtype))
    check_outputs(a)
    guess = int(answers_of(a)[0])
    return guess, float(a[0, guess] if a.shape[1] > 1 else max(a[0, 0], 1 - a[0, 0]))

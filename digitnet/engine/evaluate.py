"""Evaluation of a network: accuracy and cost, its guesses, and the memory it takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from digitnet.engine.arrays import Array, Cases, Feeder, Integers, answers_of
from digitnet.engine.network import Network
from digitnet.engine.report import Unfit

MAX_BYTES = 3 << 28  # maximum memory of a mini-batch in a forward and backward pass
MAX_WORK = 1 << 33  # maximum multiplications of a chunk, forward: a second's on a slow machine
COPIES = 3  # of what layers make of the cases: outputs, their error signal, a workspace


def bytes_per_case(network: Network) -> int:
    """Of what all layers, and those of a committee's members, make of a case."""
    numbers = network.inputs + sum(prod(layer.shape) for layer in network.layers)
    own = COPIES * network.dtype.itemsize * numbers
    return own + sum(bytes_per_case(member) for member, _ in network.members)


def multiplications(network: Network) -> int:
    """Those that a forward pass of a case takes in the layers with weights."""
    layers = [layer for layer in network.layers if layer.parameters]
    own = sum(layer.parameters[0].value.size * prod(layer.shape[:-1]) for layer in layers)
    return own + sum(multiplications(member) for member, _ in network.members)


def max_cases(network: Network) -> int:
    """The maximum number of cases in a forward and backward pass that nobody has asked for."""
    most = MAX_BYTES // 2 // bytes_per_case(network)
    return max(1, min(most, MAX_WORK // multiplications(network)))


def check_memory(network: Network, cases: int) -> None:
    """Raises Unfit if a mini-batch of `cases` cases would take more than MAX_BYTES."""
    need = bytes_per_case(network)
    if cases > (most := max(1, MAX_BYTES // need)):
        raise Unfit(
            f"a mini-batch of {cases:,} cases takes {cases * need / (1 << 30):,.1f} GiB with this "
            f"network, more than the {MAX_BYTES / (1 << 30):g} GiB limit. "
            f"Example: set batch {min(most, 100)}"
        )


CHUNK = 500  # cases in a forward pass, at most: enough for full speed, few enough for the cache


@dataclass(frozen=True)
class Evaluation:
    """The number of correct answers, and the mean cost."""

    correct: int
    total: int
    cost: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.total


Batches = Iterator[tuple[Array, Array]]


def chunks(
    network: Network, cases: Cases, rows: Integers | None = None, most: int = CHUNK
) -> Batches:
    """Yields inputs and targets of the cases (those in `rows`, or all), at most so many at a time,
    valid until the next.
    """
    order = np.arange(len(cases)) if rows is None else rows
    chunk = max(1, min(most, len(order), max_cases(network)))
    feeder = Feeder(cases, network.dtype)
    for start in range(0, len(order), chunk):
        yield feeder.batch(order[start : start + chunk])


def outputs_in_chunks(network: Network, cases: Cases, rows: Integers | None = None) -> Batches:
    """Yields outputs and targets, as `chunks` does."""
    return ((network.forward(x), y) for x, y in chunks(network, cases, rows))


@np.errstate(all="ignore")  # costs may overflow
def evaluate(network: Network, cases: Cases, rows: Integers | None = None) -> Evaluation:
    correct, total, cost = 0, 0, 0.0
    for a, y in outputs_in_chunks(network, cases, rows):
        correct += int((answers_of(a) == answers_of(y)).sum())
        total += len(a)
        cost += network.cost.value(a, y) * len(a)
    return Evaluation(correct, total, cost / total)


def outputs_for(network: Network, cases: Cases, rows: Integers) -> Array:
    """The outputs for the cases in `rows`, (rows, outputs), in a new array."""
    return np.concatenate([a.copy() for a, _ in outputs_in_chunks(network, cases, rows)])


@dataclass(frozen=True)
class Guesses:
    """The answer, the guess and the confidence for each case, all (cases,)."""

    answers: Integers
    guesses: Integers
    confidences: Array  # the output of the guess; of a single one, a for 1 and 1 − a for 0
    classes: int  # the number of possible answers

    def wrong(self) -> Integers:
        """The indices of the misread cases, the most confident guesses first."""
        wrong: Integers = np.flatnonzero(self.answers != self.guesses)
        order = np.argsort(-self.confidences[wrong], kind="stable")
        return wrong[order]

    def matrix(self) -> Integers:
        """The confusion matrix, (classes, classes): cases by answer (rows) and guess (columns)."""
        pairs = self.classes * self.answers + self.guesses
        return np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, -1)


def guesses_of(outputs_and_targets: Iterable[tuple[Array, Array]]) -> Guesses:
    """The guesses of chunks of outputs and targets, as of `outputs_in_chunks`."""
    chunks = [(answers_of(y), answers_of(a), a.copy()) for a, y in outputs_and_targets]
    answers, guesses, outputs = (np.concatenate(column) for column in zip(*chunks, strict=True))
    if outputs.shape[1] == 1:
        outputs = np.hstack([1 - outputs, outputs])
    confidences = outputs[np.arange(len(guesses)), guesses]
    return Guesses(answers, guesses, confidences, outputs.shape[1])


@np.errstate(invalid="ignore")
def recall(matrix: Integers) -> Array:
    """For each answer, the fraction of its cases guessed correctly; NaN if it has no cases."""
    fractions: Array = np.diagonal(matrix) / matrix.sum(axis=1)
    return fractions


def precision(matrix: Integers) -> Array:
    """For each class, the fraction of its guesses that are correct; NaN if it is never guessed."""
    return recall(matrix.T)

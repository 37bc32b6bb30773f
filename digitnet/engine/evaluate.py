"""Evaluation of a network on a set of cases."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from digitnet.engine.cases import Cases, Feeder, answers_of
from digitnet.engine.network import Network
from digitnet.engine.types import Array, Integers

CHUNK = 500
"""Maximum number of cases in a forward pass: enough for full speed, few enough for the cache."""
MAX_OUTPUTS = 10_000_000
"""Maximum number of outputs of a layer in a forward pass."""


@dataclass(frozen=True)
class Evaluation:
    """The number of correct answers, and the mean cost."""

    correct: int
    total: int
    cost: float

    @property
    def accuracy(self) -> float:
        """The fraction of correct answers, 0 to 1."""
        return self.correct / self.total


def outputs_in_chunks(
    network: Network, cases: Cases, rows: Integers | None = None
) -> Iterator[tuple[Array, Array]]:
    """Yields the outputs and targets of the cases (those in `rows`, or all), chunk by chunk.

    Both are valid until the next chunk.
    """
    order = np.arange(len(cases)) if rows is None else rows
    outputs = max(prod(layer.shape) for layer in network.layers)
    chunk = max(1, min(CHUNK, len(order), MAX_OUTPUTS // outputs))
    feeder = Feeder(cases, chunk, network.dtype)
    for start in range(0, len(order), chunk):
        x, y = feeder.batch(order[start : start + chunk])
        with np.errstate(all="ignore"):  # huge weights overflow
            a = network.forward(x)
        yield a, y


def evaluate(network: Network, cases: Cases, rows: Integers | None = None) -> Evaluation:
    """Evaluates the network on the cases (those in `rows`, or all)."""
    correct, total, cost = 0, 0, 0.0
    for a, y in outputs_in_chunks(network, cases, rows):
        with np.errstate(all="ignore"):  # costs may overflow
            correct += int((answers_of(a) == answers_of(y)).sum())
            cost += network.cost.value(a, y) * len(a)
        total += len(a)
    return Evaluation(correct, total, cost / total)


def outputs_for(network: Network, cases: Cases, rows: Integers) -> Array:
    """The outputs for the cases in `rows`, (rows, outputs), in a new array."""
    x, _ = Feeder(cases, len(rows), network.dtype).batch(rows)
    with np.errstate(all="ignore"):  # huge weights overflow
        return network.forward(x).copy()

"""How well a network does on a set of cases."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from digitnet.engine.cases import Cases, Feeder, answers_of
from digitnet.engine.network import Network
from digitnet.engine.types import Array, Integers

CHUNK = 500
"""Cases sent forward at a time, at most: enough for full speed, few enough to stay in the cache."""
WIDEST = 10_000_000
"""Numbers that a layer makes of the cases sent forward at a time, at most."""


@dataclass(frozen=True)
class Evaluation:
    """Right answers among all, and the mean cost."""

    correct: int
    total: int
    cost: float

    @property
    def accuracy(self) -> float:
        """The share of answers right, 0 to 1."""
        return self.correct / self.total


def outputs_in_chunks(
    network: Network, cases: Cases, rows: Integers | None = None
) -> Iterator[tuple[Array, Array]]:
    """Sends the cases (those in `rows`, or all) forward, some at a time: their outputs and targets.

    Both are valid until the next chunk.
    """
    order = np.arange(len(cases)) if rows is None else rows
    widest = max(prod(layer.shape) for layer in network.layers)
    chunk = max(1, min(CHUNK, len(order), WIDEST // widest))
    feeder = Feeder(cases, chunk, network.dtype)
    for start in range(0, len(order), chunk):
        x, y = feeder.batch(order[start : start + chunk])
        with np.errstate(all="ignore"):  # of huge weights they are not finite
            a = network.forward(x)
        yield a, y


def evaluate(network: Network, cases: Cases, rows: Integers | None = None) -> Evaluation:
    """Sends the cases (those in `rows`, or all) forward and compares with their targets."""
    correct, total, cost = 0, 0, 0.0
    for a, y in outputs_in_chunks(network, cases, rows):
        with np.errstate(all="ignore"):  # a network that is far off gives infinite costs
            correct += int((answers_of(a) == answers_of(y)).sum())
            cost += network.cost.value(a, y) * len(a)
        total += len(a)
    return Evaluation(correct, total, cost / total)


def outputs_for(network: Network, cases: Cases, rows: Integers) -> Array:
    """The outputs for the cases in `rows`, (rows, outputs), as an array of their own."""
    x, _ = Feeder(cases, len(rows), network.dtype).batch(rows)
    with np.errstate(all="ignore"):  # of huge weights they are not finite
        return network.forward(x).copy()

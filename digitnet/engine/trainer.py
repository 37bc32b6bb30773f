"""A trainer: a network with all that training changes, to be saved between any two mini-batches.

It continues to the bit: all that is random in a mini-batch is a function of the seed and of numbers
that say how far the training has come, so there is no state but these, what the optimiser
remembers, and the running mean of the weights if there is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from digitnet.engine.cases import Cases, Feeder
from digitnet.engine.evaluate import Evaluation, evaluate
from digitnet.engine.folding import folded
from digitnet.engine.layers.base import Step
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS, State, limit_norms
from digitnet.engine.penalties import Penalties
from digitnet.engine.progress import MAX_COUNT, Measurement, Progress
from digitnet.engine.settings import Settings
from digitnet.engine.types import Array

MEASURE_CASES = 5_000
"""Cases on which accuracy and cost are measured during training, at most."""
STATISTICS_BATCHES, STATISTICS_CASES = 8, 250
"""Mini-batches of training cases, and cases in each, from which batch normalisation has its
statistics."""


class Trainer:
    """A network with everything that training it needs and changes."""

    def __init__(self, network: Network, settings: Settings, seed: int) -> None:
        """`seed` orders the cases; fresh weights are the network's own affair."""
        self.network, self._settings, self.seed = network, settings, seed
        self.optimizer = OPTIMIZERS[settings.optimizer](network.parameters)
        self.averages: list[Array] | None = None
        self.progress = Progress()
        self.history: list[Measurement] = []
        network.set_dropout(settings.dropout)

    @property
    def settings(self) -> Settings:
        """How it is trained; optimiser, running mean and dropout follow when that changes."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        if type(self.optimizer) is not OPTIMIZERS[settings.optimizer]:
            self.optimizer = OPTIMIZERS[settings.optimizer](self.network.parameters)
        if not settings.average:
            self.averages, self.progress.averaged = None, 0
        self.network.set_dropout(settings.dropout)

    @property
    def penalties(self) -> Penalties:
        """What the settings add to the cost for large weights."""
        return Penalties(self.settings.l2, self.settings.l1)

    # training

    def step(self, x: Array, y: Array, rate: float) -> float:
        """Forward, cost, backward, a step of the optimiser; returns the cost of the mini-batch."""
        settings, network = self.settings, self.network
        if settings.average and self.averages is None:
            self.averages = [p.value.copy() for p in network.parameters]
        with np.errstate(all="ignore"):  # what is not finite is found where reports are made
            a = network.forward(x, Step(self.seed, self.progress.batches))
            cost = network.cost.value(a, y)
            network.backward(a, y)
            self.optimizer.step(
                rate,
                len(x),
                momentum=settings.momentum,
                penalties=self.penalties,
                clip=settings.clip,
            )
            if settings.max_norm:
                limit_norms(network.parameters, settings.max_norm)
            if self.averages is not None:
                self._average(self.averages)
        return cost

    def _average(self, averages: list[Array]) -> None:
        """w̄ ← d w̄ + (1 − d) w, with d small at first, so that the start is soon forgotten.

        With `average` 1 it goes on growing, d = (t + 1) / (t + 10): the mean is then over the last
        part of all training, however long that is (Shamir and Zhang 2013, ICML, section 4).
        """
        count = self.progress.averaged
        decay = min(self.settings.average, (1 + count) / (10 + count))
        for mean, p in zip(averages, self.network.parameters, strict=True):
            mean *= decay
            mean += (1 - decay) * p.value
        self.progress.averaged += 1

    def forget(self) -> None:
        """Resets the optimiser and the running mean, after weights came from elsewhere."""
        self.optimizer = OPTIMIZERS[self.settings.optimizer](self.network.parameters)
        self.averages, self.progress.averaged = None, 0

    # answering

    def answering(self) -> Network:
        """The network as it answers: with the weights that answer, where these are others than
        those in training, and batch normalisation folded in; the network itself where neither is.
        """
        return folded(self.with_answering_weights())

    def with_answering_weights(self) -> Network:
        """The network, or a copy with the weights that answer where these are others."""
        weights = self.averages or self.optimizer.answering()
        if weights is None:
            return self.network
        network = self.network.copy(self.network.dtype)
        for value, p in zip(weights, network.parameters, strict=True):
            p.value[...] = value
        return network

    def measure_statistics(self, train: Cases) -> None:
        """Brings the statistics of batch normalisation up to the weights that answer."""
        if not self.network.batch_norms:
            return
        network = self.with_answering_weights()
        network.measure_statistics(_batches(train, network))
        for mine, measured in zip(self.network.batch_norms, network.batch_norms, strict=True):
            mine.mean[:], mine.variance[:] = measured.mean, measured.variance

    def measure(self, cases: Cases) -> Evaluation:
        """Accuracy and cost (penalties included) of the first MEASURE_CASES of `cases`."""
        rows = np.arange(min(len(cases), MEASURE_CASES))
        plain = evaluate(self.answering(), cases, rows)
        return Evaluation(plain.correct, plain.total, plain.cost + self.penalty())

    def penalty(self) -> float:
        """What the settings add to the cost for large weights."""
        return self.penalties.value(self.network.parameters)

    @property
    def is_full(self) -> bool:
        """Whether it has been trained for as long as can be counted."""
        return self.progress.is_full or self.optimizer.steps >= MAX_COUNT

    def is_finite(self) -> bool:
        """Whether all that training has changed is still numbers, and so can be saved."""
        state = [array for kept in self.optimizer.state.values() for array in kept]
        numbers = [self.penalty(), self.progress.cost_sum]
        if self.history:
            numbers += vars(self.history[-1]).values()
        return (
            self.network.is_finite()
            and bool(np.isfinite(numbers).all())
            and all(bool(np.isfinite(array).all()) for array in (*state, *(self.averages or ())))
        )

    # back to where it was

    def snapshot(self) -> "Snapshot":
        """A copy of everything that training changes."""
        return Snapshot(
            [p.value.copy() for p in self.network.parameters],
            [s.copy() for layer in self.network.layers for s in layer.statistics.values()],
            None if self.averages is None else [a.copy() for a in self.averages],
            {name: [v.copy() for v in arrays] for name, arrays in self.optimizer.state.items()},
            self.optimizer.steps,
            replace(self.progress),
            len(self.history),
        )

    def restore(self, snapshot: "Snapshot") -> None:
        """Goes back to a snapshot of this training."""
        for p, value in zip(self.network.parameters, snapshot.values, strict=True):
            p.value[...] = value
        statistics = [s for layer in self.network.layers for s in layer.statistics.values()]
        for array, value in zip(statistics, snapshot.statistics, strict=True):
            array[...] = value
        self.averages = snapshot.averages
        self.optimizer.state = snapshot.state
        self.optimizer.steps = snapshot.steps
        vars(self.progress).update(vars(snapshot.progress))
        del self.history[snapshot.history :]


@dataclass(frozen=True)
class Snapshot:
    """Everything that training changes, at one moment; `history` counts measurements."""

    values: list[Array]
    statistics: list[Array]
    averages: list[Array] | None
    state: State
    steps: int
    progress: Progress
    history: int


def _batches(train: Cases, network: Network) -> Iterator[Array]:
    """Training cases for the statistics: from the beginning, undeformed."""
    feeder = Feeder(train, min(STATISTICS_CASES, len(train)), network.dtype)
    most = min(STATISTICS_BATCHES * STATISTICS_CASES, len(train))
    for start in range(0, most, STATISTICS_CASES):
        yield feeder.batch(np.arange(start, min(start + STATISTICS_CASES, most)))[0]

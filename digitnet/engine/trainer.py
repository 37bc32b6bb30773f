"""A trainer: a network with its training state, which can be saved between any two mini-batches;
and the sequence of these.

Resuming is exact, bit for bit: everything random in a mini-batch is a function of the seed and the
progress, so the state consists of these, the optimizer's state, and the running mean of the
weights, if there is one.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import cycle
from math import isqrt

import numpy as np

from digitnet.engine.arrays import Array, Cases, Feeder, Integers, assign
from digitnet.engine.augment import Augment, Deformer
from digitnet.engine.evaluate import Evaluation, check_memory, chunks, evaluate, max_cases
from digitnet.engine.layers import Step
from digitnet.engine.network import Network, folded
from digitnet.engine.optimizers import OPTIMIZERS, Optimizer, Penalties, RunningMean, State
from digitnet.engine.report import Unfit
from digitnet.engine.settings import Settings


@dataclass(frozen=True)
class Measurement:
    """A point of the history. cost: mean over the mini-batches since the point before."""

    batches: int
    cost: float
    validation_cost: float
    validation_accuracy: float


Place = tuple[int, int, int]  # of a mini-batch: epoch, position there, and all cases seen before


@dataclass
class Progress:
    """The total amount of training, and the exact position of the next mini-batch."""

    batches: int = 0
    samples: int = 0
    seconds: float = 0.0
    epoch: int = 0
    position: int = 0  # cases of this epoch already seen
    cases: int = 0  # in an epoch
    cost_sum: float = 0.0  # of mini-batches since the last measurement
    cost_count: int = 0
    averaged: int = 0  # mini-batches in the running mean of the weights

    def advance(self, count: int) -> None:
        self.batches += 1
        self.samples += count
        self.position += count
        if self.position >= self.cases:
            self.next_epoch()

    def next_epoch(self) -> None:
        self.epoch += 1
        self.position = 0

    @property
    def place(self) -> Place:
        return self.epoch, self.position, self.samples


MEASURE_CASES = 5_000  # training cases whose accuracy and cost are measured, at most

STATISTICS_BATCHES, STATISTICS_CASES = 8, 250  # mini-batches and cases in each, at most
MEAN_EVERY, MEAN_ALWAYS = 4, 100  # the running mean: at every 4th mini-batch, and the first 100


class Trainer:
    def __init__(self, network: Network, settings: Settings, seed: int) -> None:
        """seed: for the order of the cases, dropout and deformations; does not draw weights."""
        self.network, self.settings, self.seed = network, settings, seed
        self.progress = Progress()
        self.history: list[Measurement] = []
        self.averages: list[Array] | None
        self.optimizer: Optimizer
        self.forget()
        network.set_dropout(settings.dropout)

    def change(self, settings: Settings, train: Cases | None = None) -> None:
        """Changes the settings, and with them the optimizer, the running mean and dropout.

        train: to measure statistics for the weights that answer where the mean is dropped.
        """
        self.settings = settings
        if type(self.optimizer) is not OPTIMIZERS[settings.optimizer]:
            if means := self.optimizer.answering():
                assign((p.value for p in self.network.parameters), means)
            self._new_optimizer()
        self.optimizer.change_momentum(settings.momentum)
        if not settings.average and self.averages:
            self.averages, self.progress.averaged = None, 0
            if train is not None:
                self.measure_statistics(train)
        self.network.set_dropout(settings.dropout)

    @property
    def penalties(self) -> Penalties:
        return self.optimizer.penalties(self.settings.l2, self.settings.l1)

    @np.errstate(all="ignore")  # what is not finite is detected at the next report
    def step(self, x: Array, y: Array, rate: float) -> float:
        """Forward, cost, backward, a step of the optimizer; returns the cost of the mini-batch."""
        settings, network = self.settings, self.network
        a = network.forward(x, Step(self.seed, self.progress.batches))
        cost = network.cost.value(a, y)
        network.backward(a, y)
        self.optimizer.step(
            rate,
            len(x),
            penalties=self.penalties,
            clip=settings.clip,
            max_norm=settings.max_norm,
            mean=self._running_mean(),
        )
        return cost

    def _running_mean(self) -> RunningMean | None:
        """The running mean of the weights, if it is updated at this mini-batch.

        Its decay d = (t + 1) / (t + 10) grows, up to `average`; with 1, the mean is over the last
        part of the training, at any length (Shamir and Zhang 2013, ICML, section 4).
        """
        if not self.settings.average:
            return None
        if self.averages is None:
            self.averages = [p.value.copy("K") for p in self.network.parameters]
        count = self.progress.averaged
        self.progress.averaged += 1
        decay = min(self.settings.average, (1 + count) / (10 + count))
        if count < MEAN_ALWAYS:
            return RunningMean(self.averages, decay)
        return None if count % MEAN_EVERY else RunningMean(self.averages, decay**MEAN_EVERY)

    def forget(self) -> None:
        """Resets the optimizer and the running mean, after the weights were set from outside."""
        self._new_optimizer()
        self.averages, self.progress.averaged = None, 0

    def _new_optimizer(self) -> None:
        optimizer, momentum = OPTIMIZERS[self.settings.optimizer], self.settings.momentum
        self.optimizer = optimizer(self.network.parameters, momentum)

    @np.errstate(all="ignore")
    def answering(self) -> Network:
        """The network for inference: weights averaged, batch normalization folded, if any."""
        return folded(self.with_answering_weights())

    def with_answering_weights(self) -> Network:
        """A copy with the averaged weights; the network itself if there are none."""
        weights = self.averages or self.optimizer.answering()
        if weights is None:
            return self.network
        network = self.network.copy(self.network.dtype)
        assign((p.value for p in network.parameters), weights)
        return network

    @np.errstate(all="ignore")
    def measure_statistics(self, train: Cases) -> None:
        """Updates those of batch normalization, for the weights used in evaluation."""
        if not self.network.batch_norms:
            return
        network = self.with_answering_weights()
        size = min(STATISTICS_CASES, max_cases(network))
        rows = np.random.default_rng(0).permutation(len(train))[: STATISTICS_BATCHES * size]
        network.measure_statistics(x for x, _ in chunks(network, train, rows, size))
        for mine, measured in zip(self.network.batch_norms, network.batch_norms, strict=True):
            mine.mean[:], mine.variance[:] = measured.mean, measured.variance

    def measure(self, cases: Cases) -> Evaluation:
        """Accuracy and cost, penalties included."""
        measured = evaluate(self.answering(), cases)
        return replace(measured, cost=measured.cost + self.penalty())

    def measure_plain(self, cases: Cases) -> Evaluation:
        """Those of at most MEASURE_CASES, without penalties, beside which the cost may vanish."""
        rows = np.linspace(0, len(cases) - 1, min(len(cases), MEASURE_CASES)).astype(int)
        return evaluate(self.answering(), cases, rows)

    def penalty(self, network: Network | None = None) -> float:
        """The penalties on a network's weights; by default on those that answer."""
        return self.penalties.value((network or self.with_answering_weights()).parameters)

    def is_finite(self) -> bool:
        """Whether all training state is finite, and so can be saved."""
        state = [array for arrays in self.optimizer.state.values() for array in arrays]
        numbers = [self.penalty(self.network), self.progress.cost_sum]
        for measured in self.history[-1:]:
            numbers += vars(measured).values()
        return self.network.is_finite() and all(
            np.isfinite(array).all() for array in (numbers, *state, *(self.averages or ()))
        )

    def snapshot(self) -> "Snapshot":
        """A copy of everything that training changes."""
        optimizer, count = self.optimizer, len(self.history)
        state = self.network.values, self.averages, optimizer.state, optimizer.steps, self.progress
        return Snapshot(*deepcopy(state), count)

    def restore(self, snapshot: "Snapshot") -> None:
        assign(self.network.values, snapshot.values)
        self.averages = snapshot.averages
        self.optimizer.state, self.optimizer.steps = snapshot.state, snapshot.steps
        vars(self.progress).update(vars(snapshot.progress))
        del self.history[snapshot.history :]


@dataclass(frozen=True)
class Snapshot:
    """A copy of the training state. history: the number of measurements."""

    values: list[Array]
    averages: list[Array] | None
    state: State
    steps: int
    progress: Progress
    history: int


Batch = tuple[Array, Array]  # inputs (batch, inputs) and targets (batch, outputs)


class MiniBatches:
    """The endless sequence of mini-batches of a training, from its current position on.

    The order of an epoch is a permutation drawn from the seed and the epoch's number; the
    deformation of a case is a function of the seed and the number of cases seen before it. So the
    only state is the progress, which `done` advances. Deformed mini-batches are prefetched in a
    background thread. size: cases per mini-batch; the last of an epoch may be smaller.
    """

    def __init__(self, trainer: Trainer, cases: Cases, progress: Progress | None = None) -> None:
        """progress: to start from and to advance; by default the trainer's. Raises ValueError."""
        settings, dtype = trainer.settings, trainer.network.dtype
        self.cases, self.seed, self.smoothing = cases, trainer.seed, settings.smoothing
        self.size = min(settings.batch or len(cases), len(cases))
        check_memory(trainer.network, self.size)
        self.progress = progress = progress or trainer.progress
        self.per_epoch = -(-len(cases) // self.size)
        if progress.cases != len(cases):
            progress.cases = len(cases)
            if progress.position:
                progress.next_epoch()
        self._order: tuple[int, Integers] = -1, np.arange(0)
        self._deformer: Deformer | None = None
        if deforms := settings.augment != "none":
            side = isqrt(inputs := cases.inputs.shape[1])
            if side * side != inputs or side < 2:
                raise Unfit(
                    f"augmentation needs square pictures, and a case has {inputs:,} numbers here. "
                    "Example: set augment none"
                )
            self._deformer = Deformer(side, side, self.seed, Augment.parse(settings.augment))
        # one set of buffers for the current mini-batch, one for the prefetched
        self._feeders = cycle([Feeder(cases, dtype) for _ in range(1 + deforms)])
        self._prefetched: tuple[Place, Future[Batch]] | None = None
        self._worker = ThreadPoolExecutor(1, "mini-batches") if deforms else None

    def next(self) -> Batch:
        """The next mini-batch, valid until the next call."""
        progress = self.progress
        if self._worker is None:
            return self._make(progress.place)
        if self._prefetched is None or self._prefetched[0] != progress.place:
            self._prefetched = progress.place, self._worker.submit(self._make, progress.place)
        batch = self._prefetched[1].result()
        after = replace(progress)
        after.advance(min(self.size, len(self.cases) - after.position))
        self._prefetched = after.place, self._worker.submit(self._make, after.place)
        return batch

    def done(self, count: int, cost: float) -> None:
        self.progress.cost_sum += cost
        self.progress.cost_count += 1
        self.progress.advance(count)

    def _make(self, place: Place) -> Batch:
        """Makes the mini-batch at a place."""
        epoch, position, samples = place
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, 1, epoch])
            self._order = epoch, rng.permutation(len(self.cases))
        rows = self._order[1][position : position + self.size]
        x, y = next(self._feeders).batch(rows)
        if self.smoothing and y.shape[1] > 1:  # Szegedy et al. 2016, arXiv 1512.00567, section 7
            y *= 1 - self.smoothing
            y += self.smoothing / y.shape[1]
        if self._deformer is not None:
            self._deformer(x, samples + np.arange(len(rows)), x)
        return x, y

"""Training: mini-batches of random cases, one optimiser step each, until an amount is done.

A trainer can be saved between any two mini-batches and continues to the bit: the order of epoch
number k is a function of the seed and k alone, so the only state is how far it has come.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.cases import Cases, Feeder
from digitnet.engine.evaluate import Evaluation, evaluate
from digitnet.engine.network import Network
from digitnet.engine.optimizers import SGD, Optimizer
from digitnet.engine.settings import WHOLE_SET, Settings
from digitnet.engine.types import Integers

REPORT_SECONDS = 0.1
"""A report comes at least this often, if mini-batches are quicker."""
MARKS = 5
"""Reports that divide a training into equal parts, each with a fresh accuracy. Where the end is an
accuracy, a mark is a better one than ever before."""
MEASURE_BATCHES = 100
"""Accuracy is measured at the end of an epoch, but not more often than this many mini-batches."""
MEASURE_CASES = 5_000
"""Training cases on which accuracy and cost are measured, at most."""
PATIENCE = 30
"""A target accuracy is given up after this many measurements without a better one."""

Stopped = Literal["done", "target", "interrupted", "diverged"]


@dataclass(frozen=True)
class Report:
    """How a training is coming along.

    batches, samples, seconds: since this training began. part: the share done, None when the end
    is an accuracy. cost: mean of the mini-batches since the last report. accuracy: on the
    validation set, as last measured. mark: whether this report ends one of MARKS equal parts.
    """

    batches: int
    samples: int
    seconds: float
    part: float | None
    cost: float
    accuracy: float
    mark: bool

    @property
    def remaining(self) -> float | None:
        """Seconds left at this speed, None when that cannot be known."""
        return self.seconds * (1 / self.part - 1) if self.part else None


@dataclass(frozen=True)
class Outcome:
    """What a training did; cost and train_accuracy of at most MEASURE_CASES training cases."""

    batches: int
    samples: int
    seconds: float
    cost: float
    train_accuracy: float
    validation_accuracy: float
    stopped: Stopped


@dataclass(frozen=True)
class Measurement:
    """One point of the history: the cost of the mini-batches before it, and the validation set."""

    batches: int
    cost: float
    validation_cost: float
    validation_accuracy: float


@dataclass
class Progress:
    """How far a network has been trained in all; the exact position for the next mini-batch."""

    batches: int = 0
    samples: int = 0
    seconds: float = 0.0
    epoch: int = 0
    position: int = 0  # cases of this epoch already seen
    cost_sum: float = 0.0  # of the mini-batches since the last measurement
    cost_count: int = 0


class Trainer:
    """A network with everything that training it needs and changes."""

    def __init__(self, network: Network, settings: Settings, seed: int) -> None:
        """`seed` orders the cases; fresh weights are the network's own affair."""
        self.network, self.settings, self.seed = network, settings, seed
        self.optimizer: Optimizer = SGD(network.parameters)
        self.progress = Progress()
        self.history: list[Measurement] = []

    def run(
        self,
        train: Cases,
        validation: Cases,
        amount: Amount,
        stop: Callable[[], bool] = lambda: False,
    ) -> Generator[Report, None, Outcome]:
        """Trains until `amount` is done, `stop()` says so, or the cost is no longer a number.

        `stop` is asked before each mini-batch. After a divergence the last good weights are back.
        """
        run = _Run(self, train, validation, amount)
        while (stopped := run.stopped(stop)) is None:
            run.step()
            if run.report_is_due():
                if not run.is_sound():
                    run.restore()
                    stopped = "diverged"
                    break
                yield run.report()
        return run.outcome(stopped)

    def measure(self, cases: Cases) -> Evaluation:
        """Accuracy and cost (penalty included) of the first MEASURE_CASES of `cases`."""
        rows = np.arange(min(len(cases), MEASURE_CASES))
        plain = evaluate(self.network, cases, rows)
        penalty = self.network.penalty(self.settings.l2)
        return Evaluation(plain.correct, plain.total, plain.cost + penalty)

    def order(self, cases: int) -> Integers:
        """The order of the epoch under way: a permutation drawn from the seed and its number."""
        return np.random.default_rng([self.seed, 1, self.progress.epoch]).permutation(cases)


class _Run:
    """One training under way: what `Trainer.run` needs between its first and last mini-batch."""

    def __init__(self, trainer: Trainer, train: Cases, validation: Cases, amount: Amount) -> None:
        self.trainer, self.train, self.validation, self.amount = trainer, train, validation, amount
        self.network, self.progress = trainer.network, trainer.progress
        size = trainer.settings.batch
        self.size = len(train) if size == WHOLE_SET else min(size, len(train))
        epoch_batches = -(-len(train) // self.size)
        self.measure_epochs = -(-MEASURE_BATCHES // epoch_batches)
        self.feeder = Feeder(train, self.size, self.network.dtype)
        if self.progress.position >= len(train):
            self.next_epoch()
        self.order = trainer.order(len(train))
        self.first_batch, self.first_sample = self.progress.batches, self.progress.samples
        self.begun = self.last_report = perf_counter()
        self.costs: list[float] = []  # of the mini-batches since the last report
        self.marks = self.improvements = 0
        self.best_cost = np.inf
        self.accuracy = trainer.measure(validation).accuracy
        self.best_accuracy, self.measurements_without_better = self.accuracy, 0
        self.keep()

    @property
    def batches(self) -> int:
        return self.progress.batches - self.first_batch

    @property
    def samples(self) -> int:
        return self.progress.samples - self.first_sample

    @property
    def seconds(self) -> float:
        return perf_counter() - self.begun

    def part(self) -> float | None:
        """The share of the amount that is done."""
        match self.amount.unit:
            case "batches":
                return self.batches / self.amount.value
            case "epochs":
                return self.samples / (self.amount.value * len(self.train))
            case "seconds":
                return min(self.seconds / self.amount.value, 1.0)
            case _:
                return None

    def stopped(self, stop: Callable[[], bool]) -> Stopped | None:
        """Why to stop now, if so."""
        part = self.part()
        if part is None:
            if self.accuracy >= self.amount.value:
                return "target"
            if self.measurements_without_better >= PATIENCE:
                return "done"
        elif part >= 1:
            return "done"
        return "interrupted" if stop() else None

    def step(self) -> None:
        """One mini-batch: forward, cost, backward, a step of the optimiser."""
        progress = self.progress
        rows = self.order[progress.position : progress.position + self.size]
        x, y = self.feeder.batch(rows)
        a = self.network.forward(x)
        cost = self.network.cost.value(a, y)
        self.network.backward(a, y)
        self.trainer.optimizer.step(self.trainer.settings, len(rows))
        self.costs.append(cost)
        progress.cost_sum += cost
        progress.cost_count += 1
        progress.batches += 1
        progress.samples += len(rows)
        progress.position += len(rows)
        if progress.position >= len(self.order):
            self.next_epoch()
            self.order = self.trainer.order(len(self.train))
            if progress.epoch % self.measure_epochs == 0:
                self.record()

    def next_epoch(self) -> None:
        self.progress.epoch += 1
        self.progress.position = 0

    def record(self) -> None:
        """Adds a point to the history."""
        measured = self.measure_validation()
        progress = self.progress
        cost = progress.cost_sum / progress.cost_count
        cost += self.network.penalty(self.trainer.settings.l2)
        self.trainer.history.append(
            Measurement(progress.batches, cost, measured.cost, measured.accuracy)
        )
        progress.cost_sum, progress.cost_count = 0.0, 0
        self.measurements_without_better += 1
        if measured.accuracy > self.best_accuracy:
            self.best_accuracy, self.measurements_without_better = measured.accuracy, 0
            self.improvements += 1

    def measure_validation(self) -> Evaluation:
        measured = self.trainer.measure(self.validation)
        self.accuracy = measured.accuracy
        return measured

    def report_is_due(self) -> bool:
        """Whether it is time for a report: another mark, or REPORT_SECONDS since the last."""
        part = self.part()
        marks = int(part * MARKS) if part is not None else self.improvements
        self.mark = marks > self.marks
        self.marks = max(marks, self.marks)
        return self.mark or perf_counter() - self.last_report >= REPORT_SECONDS

    def report(self) -> Report:
        if self.mark:
            self.measure_validation()
        cost = sum(self.costs) / len(self.costs)
        if cost < 2 * self.best_cost:
            self.best_cost = min(cost, self.best_cost)
            self.keep()
        self.costs.clear()
        self.last_report = perf_counter()
        return Report(
            self.batches,
            self.samples,
            self.seconds,
            self.part(),
            cost,
            self.accuracy,
            self.mark,
        )

    def is_sound(self) -> bool:
        """Whether costs and parameters are still numbers."""
        return bool(np.isfinite(self.costs).all()) and self.network.is_finite()

    def keep(self) -> None:
        """Remembers the present state as the last good one."""
        self.kept: dict[str, Any] = {
            "values": [p.value.copy() for p in self.network.parameters],
            "state": {k: [v.copy() for v in vs] for k, vs in self.trainer.optimizer.state.items()},
            "progress": dict(vars(self.progress)),
            "history": len(self.trainer.history),
        }

    def restore(self) -> None:
        """Goes back to the last good state."""
        for p, value in zip(self.network.parameters, self.kept["values"], strict=True):
            p.value[:] = value
        self.trainer.optimizer.state = self.kept["state"]
        vars(self.progress).update(self.kept["progress"])
        del self.trainer.history[self.kept["history"] :]

    def outcome(self, stopped: Stopped) -> Outcome:
        """Measures the result and adds the time to the network's own."""
        on_train = self.trainer.measure(self.train)
        on_validation = self.trainer.measure(self.validation)
        seconds = self.seconds
        self.progress.seconds += seconds
        return Outcome(
            self.batches,
            self.samples,
            seconds,
            on_train.cost,
            on_train.accuracy,
            on_validation.accuracy,
            stopped,
        )

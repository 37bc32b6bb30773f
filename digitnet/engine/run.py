"""One training under way: mini-batches of random cases, an optimiser step each, and reports."""

from collections.abc import Callable, Generator
from dataclasses import replace
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.cases import Cases, Feeder
from digitnet.engine.dropout import Dropout
from digitnet.engine.evaluate import Evaluation
from digitnet.engine.progress import Measurement
from digitnet.engine.report import Outcome, Report, Stopped
from digitnet.engine.schedules import Schedule

if TYPE_CHECKING:
    from digitnet.engine.trainer import Trainer

REPORT_SECONDS = 0.1
"""A report comes at least this often, if mini-batches are quicker."""
MARKS = 5
"""Reports that divide a training into equal parts, each with a fresh accuracy. Where the end is an
accuracy, a mark is a better one than ever before."""
MEASURE_BATCHES = 100
"""Accuracy is measured at the end of an epoch, but not more often than this many mini-batches."""
PATIENCE = 30
"""A target accuracy is given up after this many measurements without a better one."""


class Run:
    """What a training needs between its first and its last mini-batch."""

    def __init__(self, trainer: "Trainer", train: Cases, validation: Cases, amount: Amount) -> None:
        """Allocates everything that mini-batches need."""
        settings = trainer.settings
        self.trainer, self.train, self.validation, self.amount = trainer, train, validation, amount
        self.network, self.progress = trainer.network, trainer.progress
        self.size = min(settings.batch or len(train), len(train))
        self.feeder = Feeder(train, self.size, self.network.dtype)
        self.schedule = Schedule.parse(settings.schedule)
        self.dropout = Dropout(settings.dropout, trainer.seed) if settings.dropout else None
        epoch_batches = -(-len(train) // self.size)
        self.measure_epochs = -(-MEASURE_BATCHES // epoch_batches)
        if self.progress.cases != len(train):
            self.progress.cases = len(train)
            if self.progress.position:
                self.progress.next_epoch()
        self.order = trainer.order(len(train))
        self.first_batch, self.first_sample = self.progress.batches, self.progress.samples
        self.measuring = 0.0  # seconds
        self.costs: list[float] = []  # of the mini-batches since the last report
        self.costs_to_mark: list[tuple[float, int]] = []  # sums and counts of those before
        self.mark = False
        self.marks = self.improvements = self.disappointments = 0
        measured = trainer.measure(validation)
        self.usual_cost, self.ignorant_cost = measured.cost, self._ignorant_cost()
        self.accuracy = self.best_accuracy = measured.accuracy
        self.good = self.best = self.latest = trainer.snapshot()
        self.seconds_before = self.progress.seconds
        self.begun = self.last_report = perf_counter()

    def reports(self, stop: Callable[[], bool]) -> Generator[Report, None, Outcome]:
        """Trains to the end, with a report now and then."""
        while (stopped := self._stopped(stop)) is None:
            try:
                self._step()
            except BaseException:  # in the middle of a step: back to where all was well
                self.trainer.restore(self.good)
                raise
            if self._report_is_due():
                if not self._is_sound():
                    break
                yield self._report()
        speed, early = self._speed(), stopped == "done" and (self._part() or 1) < 1
        outcome = self._outcome(stopped or "diverged")
        if not (self._is_sound() and isfinite(outcome.cost)):
            self.trainer.restore(self.good)
            outcome = self._outcome("diverged")
        elif self._is_to_go_back(stopped, outcome):
            self.trainer.restore(self.best)
            outcome, early = self._outcome("done"), True
        self.progress.seconds = self.seconds_before + outcome.seconds
        return replace(outcome, samples_per_second=speed, early=early)

    # how far

    @property
    def batches(self) -> int:
        """Mini-batches of this training so far."""
        return self.progress.batches - self.first_batch

    @property
    def samples(self) -> int:
        """Cases of this training so far, counted each time they are seen."""
        return self.progress.samples - self.first_sample

    @property
    def seconds(self) -> float:
        """Time since this training began."""
        return perf_counter() - self.begun

    def _speed(self) -> float:
        """Cases a second, without the time that measuring took."""
        return self.samples / max(self.seconds - self.measuring, 1e-9)

    def _part(self) -> float | None:
        """The share of the amount that is done."""
        match self.amount.unit:
            case "batches":
                part = self.batches / self.amount.value
            case "epochs":
                part = self.samples / max(1, round(self.amount.value * len(self.train)))
            case "seconds":
                part = self.seconds / self.amount.value
            case _:
                return None
        return min(part, 1.0)

    def _stopped(self, stop: Callable[[], bool]) -> Stopped | None:
        """Why to stop now, if so."""
        part, patience = self._part(), self.trainer.settings.patience
        if part is None:
            if self.accuracy >= self.amount.value:
                return "target"
            patience = patience or PATIENCE
        elif part >= 1:
            return "done"
        if patience and self.disappointments >= patience:
            return "done"
        return "interrupted" if stop() else None

    def _rate(self) -> float:
        """The learning rate of the next mini-batch."""
        horizon = self.schedule.horizon
        if horizon is None:
            share = self._part() or 0.0
        elif horizon.unit == "batches":
            share = self.progress.batches / horizon.value
        else:
            share = self.progress.samples / (horizon.value * len(self.train))
        return self.trainer.settings.rate * self.schedule.factor(share)

    # one mini-batch

    def _step(self) -> None:
        """Forward, cost, backward, a step of the optimiser."""
        progress, dropout = self.progress, self.dropout
        rows = self.order[progress.position : progress.position + self.size]
        x, y = self.feeder.batch(rows)
        if dropout:
            dropout.begin(progress.batches)
        with np.errstate(all="ignore"):  # what is no number is found by `_is_sound`
            a = self.network.forward(x, dropout, sparse=True)
            cost = self.network.cost.value(a, y)
            self.network.backward(a, y, dropout)
            self.trainer.update(self._rate(), len(rows))
        self.costs.append(cost)
        progress.cost_sum += cost
        progress.cost_count += 1
        progress.batches += 1
        progress.samples += len(rows)
        progress.position += len(rows)
        if progress.position >= len(self.order):
            progress.next_epoch()
            self.order = self.trainer.order(len(self.train))
            if progress.epoch % self.measure_epochs == 0:
                self._record()

    def _record(self) -> None:
        """Adds a point to the history; remembers the best."""
        measured = self._measure()
        progress = self.progress
        cost = progress.cost_sum / progress.cost_count + self.trainer.penalty()
        self.trainer.history.append(
            Measurement(progress.batches, cost, measured.cost, measured.accuracy)
        )
        progress.cost_sum, progress.cost_count = 0.0, 0
        if measured.accuracy > self.best_accuracy:
            self.best_accuracy, self.disappointments = measured.accuracy, 0
            self.improvements += 1
            if self.trainer.settings.patience:
                self.best = self.trainer.snapshot()
        else:
            self.disappointments += 1

    def _measure(self) -> Evaluation:
        begun = perf_counter()
        measured = self.trainer.measure(self.validation)
        self.accuracy = measured.accuracy
        self.measuring += perf_counter() - begun
        return measured

    # reports

    def _report_is_due(self) -> bool:
        """Whether it is time for a report: another mark, or REPORT_SECONDS since the last."""
        part = self._part()
        marks = int(part * MARKS) if part is not None else self.improvements
        self.mark = marks > self.marks
        self.marks = max(marks, self.marks)
        return self.mark or perf_counter() - self.last_report >= REPORT_SECONDS

    def _report(self) -> Report:
        if self.mark:
            self._measure()
        cost = float(np.mean(self.costs))
        self._find_good(cost)
        self.costs_to_mark.append((sum(self.costs), len(self.costs)))
        self.costs = []
        if self.mark:
            total, count = np.sum(self.costs_to_mark, axis=0)
            cost, self.costs_to_mark = float(total / count), []
        self.progress.seconds = self.seconds_before + self.seconds
        self.last_report = perf_counter()
        return Report(
            self.batches,
            self.samples,
            self.seconds,
            self._speed(),
            self._part(),
            cost + self.trainer.penalty(),
            self.accuracy,
            self.mark,
        )

    def _is_to_go_back(self, stopped: Stopped | None, outcome: Outcome) -> bool:
        """Whether patience puts better weights back."""
        patient = self.trainer.settings.patience and stopped == "done"
        return bool(patient) and outcome.validation_accuracy < self.best_accuracy

    def _ignorant_cost(self) -> float:
        """What it costs to give the same answer, the mean of all, to every case."""
        targets = self.train.targets
        mean = np.broadcast_to(targets.mean(axis=0), targets.shape)
        return self.network.cost.value(mean, targets)

    def _find_good(self, cost: float) -> None:
        """Moves the last good weights on to those of the last report, if the mini-batches since,
        whose mean cost this is, show that these are not on the way to infinity.
        """
        if cost < max(self.ignorant_cost, 3 * self.usual_cost):
            self.good = self.latest
            self.usual_cost = (self.usual_cost + cost) / 2
        self.latest = self.trainer.snapshot()

    def _is_sound(self) -> bool:
        """Whether costs and parameters are still numbers."""
        return bool(np.isfinite(self.costs).all()) and self.network.is_finite()

    def _outcome(self, stopped: Stopped) -> Outcome:
        """Measures the result."""
        on_train = self.trainer.measure(self.train)
        on_validation = self.trainer.measure(self.validation)
        return Outcome(
            self.batches,
            self.samples,
            self.seconds,
            self._speed(),
            on_train.cost,
            on_train.accuracy,
            on_validation.accuracy,
            stopped,
            early=False,
        )

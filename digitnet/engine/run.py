"""The training loop: runs mini-batches until an amount is done, and reports its progress."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter
from typing import Literal

import numpy as np

from digitnet.engine.arrays import Cases
from digitnet.engine.augment import Augment
from digitnet.engine.batches import MiniBatches
from digitnet.engine.evaluate import Evaluation, check_room
from digitnet.engine.report import Stopped, ignore
from digitnet.engine.schedules import Amount, Schedule
from digitnet.engine.trainer import Measurement, Progress, Trainer

Ending = Literal["done", "target", "patience", "interrupted", "diverged"]


@dataclass(frozen=True)
class Report:
    """The progress of a training.

    batches, samples, seconds: since this training began. part: the fraction done, 0 to 1; None if
    the amount is an accuracy. remaining: estimated seconds left; None if unknown. cost: mean over
    the mini-batches since the last report, penalties included; in a measured report, since the last
    measurement. accuracy, validation_cost: as last measured. measured: whether that was just now.
    epoch: the number of the network's epoch that has just ended; 0 if none has.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
    part: float | None
    remaining: float | None
    cost: float
    accuracy: float
    validation_cost: float
    measured: bool
    epoch: int


@dataclass(frozen=True)
class Outcome:
    """The result of a training.

    samples_per_second: excluding the time of measurements. cost (penalties included) and
    train_accuracy: on at most MEASURE_CASES training cases. stopped: the reason; `patience` if it
    no longer improved. accuracy_before: on the validation set, before the first mini-batch. best:
    whether earlier weights, with a better validation accuracy, were restored. epochs_since_best:
    since the best measurement. is_guessing: whether giving every case the same answer would cost no
    more.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
    cost: float
    train_accuracy: float
    validation_accuracy: float
    stopped: Ending
    accuracy_before: float
    best: bool
    epochs_since_best: float
    is_guessing: bool


class Stretch:
    """The training from the creation of this object until now."""

    def __init__(self, amount: Amount, progress: Progress, cases: int, schedule: Schedule) -> None:
        """amount: to be trained. cases: the number of training cases."""
        self.amount, self.progress, self.cases, self.schedule = amount, progress, cases, schedule
        self.measuring = 0.0  # seconds
        self._begun = perf_counter()
        self._at_first = replace(progress)
        self._counted_from = Progress() if amount.total else self._at_first
        self._first_part = self.part() or 0.0

    @property
    def batches(self) -> int:
        """Mini-batches so far."""
        return self.progress.batches - self._at_first.batches

    @property
    def samples(self) -> int:
        """Cases so far, counted each time they are seen."""
        return self.progress.samples - self._at_first.samples

    @property
    def epochs(self) -> float:
        """Epochs so far."""
        return self.samples / self.cases

    @property
    def seconds(self) -> float:
        """Time so far."""
        return perf_counter() - self._begun

    @property
    def speed(self) -> float:
        """Cases per second, excluding the time of measurements."""
        return self.samples / max(self.seconds - self.measuring, 1e-9)

    def keep_time(self) -> None:
        """Adds the time so far to the training time in `progress`."""
        self.progress.seconds = self._at_first.seconds + self.seconds

    def part(self) -> float | None:
        """The fraction of the amount that is done, 0 to 1; None if it is an accuracy."""
        value, before = self.amount.value, self._counted_from
        match self.amount.unit:
            case "batches":
                part = (self.progress.batches - before.batches) / value
            case "epochs":
                done = self.progress.samples - before.samples
                part = done / max(1, round(value * self.cases))
            case "seconds":
                part = (self._at_first.seconds - before.seconds + self.seconds) / value
            case _:
                return None
        return min(part, 1.0)

    @property
    def remaining(self) -> float | None:
        """Estimated seconds left; None if unknown."""
        part = self.part()
        if part is None or part <= self._first_part:
            return None
        return self.seconds * (1 - part) / (part - self._first_part)

    # the rate

    def factor(self) -> float:
        """The schedule's factor for the rate of the next mini-batch."""
        part = self._part_of_horizon()
        if part is None:
            part = self.part()
        if part is None:
            part = self._cycle()[1]
        return self.schedule.factor(part, self.progress.batches)

    def may_still_fall(self) -> bool:
        """Whether the schedule's horizon is still ahead: the falling rate often brings the best
        weights.
        """
        part = self._part_of_horizon()
        return part is not None and part < 1

    def cycle(self) -> float:
        """The epochs in the current cycle of the schedule if the amount is an accuracy; 0 if the
        schedule has a horizon or no end.
        """
        if self.schedule.horizon or self.schedule.curve.is_endless:
            return 0.0
        return self._cycle()[0]

    def _part_of_horizon(self) -> float | None:
        """The fraction of the schedule's horizon that is done; None if it has none."""
        progress, horizon = self.progress, self.schedule.horizon
        if horizon is None:
            return None
        done = progress.batches if horizon.unit == "batches" else progress.samples / self.cases
        return done / horizon.value

    def _cycle(self) -> tuple[float, float]:
        """The length of the current cycle in epochs, and the fraction of it that is done.

        If the amount is an accuracy, schedules run over 1 epoch, then 2, 4, 8 and so on.
        """
        length, left = 1.0, self.epochs
        while left >= length:
            length, left = 2 * length, left - length
        return length, left / length


PATIENCE = 30
"""Training to a target accuracy stops after this many epochs without a better measurement, or as
many as the best one took if these are more,"""

FEWEST_MEASUREMENTS = 10
"""and not before this many measurements, which matters if epochs are short."""

BARELY_BETTER = 0.98
"""A cost above this fraction of the baseline is no better than guessing."""


class LastGood:
    """The latest weights known to be good.

    Diverging weights are finite for a while, so the weights at one report count as good only if the
    cost of the mini-batches up to the next report is not too high.
    """

    def __init__(self, trainer: Trainer, cases: Cases, cost: float) -> None:
        """cost: of the present weights."""
        self.trainer = trainer
        self.usual_cost = cost
        self.baseline_cost = _baseline_cost(trainer, cases)
        self.good = self.latest = trainer.snapshot()

    def see(self, cost: float) -> None:
        """Takes note of the mean cost of the mini-batches since the last time."""
        if cost < max(self.baseline_cost, 3 * self.usual_cost):
            self.good = self.latest
            self.usual_cost = (self.usual_cost + cost) / 2
        self.latest = self.trainer.snapshot()

    def is_guessing(self, cost: float) -> bool:
        """Whether a network of this cost does no better than one that always answers the same."""
        return cost - self.trainer.penalty() >= BARELY_BETTER * self.baseline_cost

    def restore(self) -> None:
        """Goes back to them."""
        self.trainer.restore(self.good)


def _baseline_cost(trainer: Trainer, cases: Cases) -> float:
    """The cost of the same answer, the mean target, for every case."""
    mean = np.broadcast_to(cases.targets.mean(axis=0), cases.targets.shape)
    return trainer.network.cost.value(mean, cases.targets)


class Best:
    """The weights with the best validation accuracy; kept only with patience, or if the amount is
    an accuracy.
    """

    def __init__(self, trainer: Trainer, accuracy: float, stretch: Stretch) -> None:
        """The weights as they are, whose accuracy this is."""
        self.trainer, self.accuracy, self.stretch = trainer, accuracy, stretch
        self.has_target = stretch.amount.unit == "accuracy"
        self.is_wanted = self.has_target or trainer.settings.patience > 0
        self.measurements_since = 0
        self.epochs = 0.0  # after which they were found
        self.snapshot = trainer.snapshot() if self.is_wanted else None

    def see(self, accuracy: float) -> None:
        """Records a measurement of the current weights."""
        if accuracy > self.accuracy:
            self.accuracy, self.measurements_since = accuracy, 0
            self.epochs = self.stretch.epochs
            if self.is_wanted:
                self.snapshot = self.trainer.snapshot()
        else:
            self.measurements_since += 1

    @property
    def epochs_since(self) -> float:
        """Epochs since the best measurement."""
        return self.stretch.epochs - self.epochs

    def given_up(self) -> bool:
        """Whether training should stop because it has not improved for too long.

        If the amount is an accuracy, training goes on as long as the rate is going to fall, unless
        it is 0.
        """
        given = self.trainer.settings.patience
        if given:
            return self.measurements_since > 0 and self.epochs_since >= given
        if not self.has_target or self.stretch.may_still_fall():
            return False
        if self.stretch.factor() == 0:
            return True
        patience = max(PATIENCE, self.epochs, self.stretch.cycle())
        return self.measurements_since >= FEWEST_MEASUREMENTS and self.epochs_since >= patience

    def is_better(self, accuracy: float) -> bool:
        """Whether weights better than this accuracy are kept."""
        return self.snapshot is not None and self.accuracy > accuracy

    def restore(self) -> None:
        """Goes back to them."""
        if self.snapshot is not None:
            self.trainer.restore(self.snapshot)


REPORT_SECONDS, REPORT_PART = 0.1, 0.05
"""Maximum seconds, and maximum fraction of the amount, between two reports."""

MEASURE_BATCHES = 50
"""Accuracy is measured at ends of epochs, but at most once in this many mini-batches."""

MEASURE_PARTS = [5, 2, 2, 2, 2]
"""The first epochs are divided into these numbers of parts, and measured after each."""


def run(
    trainer: Trainer,
    cases: Cases,
    validation: Cases,
    amount: Amount,
    report: Callable[[Report], None] = ignore,
) -> Outcome:
    """Trains until `amount` is done, `report` raises Stopped, or the cost is no longer finite.

    `report` is called at least every REPORT_SECONDS, but not within a mini-batch. After divergence
    the last good weights are restored; with patience, or an accuracy as the amount, those with the
    best validation accuracy.
    """
    training = _Run(trainer, cases, validation, amount)
    try:
        while (ending := training.reached()) is None:
            training.step()
            if training.report_is_due():
                if not training.is_sound():
                    ending = "diverged"
                    break
                report(training.report())
    except Stopped:
        ending = "interrupted"
    return training.outcome(ending)


def mini_batches(trainer: Trainer, cases: Cases, progress: Progress) -> MiniBatches:
    """The mini-batches of a training from `progress` on, which they advance.

    Raises ValueError for deformations of cases that are not square pictures, and for mini-batches
    that would take too much memory.
    """
    settings = trainer.settings
    check_room(trainer.network, min(settings.batch or len(cases), len(cases)))
    return MiniBatches(
        cases,
        settings.batch,
        trainer.network.dtype,
        seed=trainer.seed,
        progress=progress,
        smoothing=settings.smoothing,
        augment=Augment.parse(settings.augment),
    )


class _Run:
    """The state of a running training."""

    def __init__(self, trainer: Trainer, cases: Cases, validation: Cases, amount: Amount) -> None:
        settings = trainer.settings
        self.trainer, self.cases, self.validation = trainer, cases, validation
        self.batches = mini_batches(trainer, cases, trainer.progress)
        schedule = Schedule.parse(settings.schedule)
        self.stretch = Stretch(amount, trainer.progress, len(cases), schedule)
        self.costs: list[float] = []  # of the mini-batches since the last report
        self.measured = False  # since the last report
        self.first = self.on_validation = trainer.measure(validation)
        self.last_good = LastGood(trainer, cases, self.first.cost)
        self.best = Best(trainer, self.first.accuracy, self.stretch)
        self.last_report, self.last_part = perf_counter(), self.stretch.part() or 0.0

    def step(self) -> None:
        """Trains one mini-batch, and measures if a measurement is due.

        If it raises, the last good weights are restored: the present ones may be half updated.
        """
        try:
            x, y = self.batches.next()
            rate = self.trainer.settings.rate * self.stretch.factor()
            cost = self.trainer.step(x, y, rate)
            self.costs.append(cost)
            position = self.trainer.progress.position
            self.batches.done(len(x), cost)
            if self._is_measured_after(position):
                self.measure()
        except BaseException:
            self.last_good.restore()
            raise

    def _is_measured_after(self, position: int) -> bool:
        """Whether a measurement is due after the mini-batch that began at this position.

        This depends only on the progress of the training, not on how it was divided into runs.
        """
        progress, per_epoch = self.trainer.progress, self.batches.per_epoch
        if progress.position == 0:
            return progress.epoch % -(-MEASURE_BATCHES // per_epoch) == 0
        epochs = progress.samples // len(self.cases)
        if per_epoch < MEASURE_BATCHES or epochs >= len(MEASURE_PARTS):
            return False
        length = len(self.cases) / MEASURE_PARTS[epochs]
        return progress.position // length > position // length

    def measure(self) -> None:
        """Measures the current network, for the history."""
        begun = perf_counter()
        if self.is_sound():
            self.trainer.measure_statistics(self.cases)
        self._see(self.trainer.measure(self.validation))
        progress = self.trainer.progress
        progress.cost_sum, progress.cost_count = 0.0, 0
        self.measured = True
        self.stretch.measuring += perf_counter() - begun

    def _see(self, found: Evaluation) -> None:
        """Records a measurement on the validation set; adds it to the history if it is finite."""
        trainer, progress = self.trainer, self.trainer.progress
        self.on_validation = found
        self.best.see(found.accuracy)
        last = trainer.history[-1].batches if trainer.history else 0
        if progress.cost_count and progress.batches != last:
            self.cost = progress.cost_sum / progress.cost_count + trainer.penalty()
            if isfinite(self.cost) and isfinite(found.cost):
                point = Measurement(progress.batches, self.cost, found.cost, found.accuracy)
                trainer.history.append(point)

    def reached(self) -> Ending | None:
        """The reason to stop now, if there is one."""
        part = self.stretch.part()
        if part is None and self.on_validation.accuracy >= self.stretch.amount.value:
            return "target"
        if part is not None and part >= 1:
            return "done"
        return "patience" if self.best.given_up() else None

    # reports

    def report_is_due(self) -> bool:
        """Whether something was measured, the end is reached, or enough time has passed."""
        if self.measured or self.reached():
            return True
        if (self.stretch.part() or 0.0) - self.last_part >= REPORT_PART:
            return True
        return perf_counter() - self.last_report >= REPORT_SECONDS

    def is_sound(self) -> bool:
        """Whether the costs, and everything that training changes, are finite."""
        return bool(np.isfinite(self.costs).all()) and self.trainer.is_finite()

    def report(self) -> Report:
        """Makes a report, and starts the next interval."""
        cost = float(np.mean(self.costs))
        self.last_good.see(cost)
        self.costs = []
        total = cost + self.trainer.penalty()
        if self.measured:
            total = self.cost
        measured, self.measured = self.measured, False
        stretch, progress = self.stretch, self.trainer.progress
        stretch.keep_time()
        self.last_report, self.last_part = perf_counter(), stretch.part() or 0.0
        ended = measured and progress.position == 0
        return Report(
            stretch.batches,
            stretch.samples,
            stretch.seconds,
            stretch.speed,
            stretch.part(),
            stretch.remaining,
            total,
            self.on_validation.accuracy,
            self.on_validation.cost,
            measured,
            round(progress.samples / len(self.cases)) if ended else 0,
        )

    # the end

    def outcome(self, stopped: Ending) -> Outcome:
        """Measures the result, after restoring better weights if necessary."""
        speed, epochs_since_best = self.stretch.speed, self.best.epochs_since
        if not self.is_sound():
            stopped = "diverged"
        best = False
        if stopped == "diverged":
            self.last_good.restore()
        elif stopped != "interrupted" and self.best.is_better(self._final_accuracy()):
            self.best.restore()
            best = True
        self.trainer.measure_statistics(self.cases)
        on_train = self.trainer.measure(self.cases)
        if not isfinite(on_train.cost) and stopped != "diverged":
            stopped, best = "diverged", False
            self.last_good.restore()
            on_train = self.trainer.measure(self.cases)
        self._see(self.trainer.measure(self.validation))
        self.stretch.keep_time()
        return Outcome(
            self.stretch.batches,
            self.stretch.samples,
            self.stretch.seconds,
            speed,
            on_train.cost,
            on_train.accuracy,
            self.on_validation.accuracy,
            stopped,
            self.first.accuracy,
            best,
            epochs_since_best,
            self.last_good.is_guessing(on_train.cost),
        )

    def _final_accuracy(self) -> float:
        self.trainer.measure_statistics(self.cases)
        return self.trainer.measure(self.validation).accuracy

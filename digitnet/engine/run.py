"""The training loop: mini-batches until an amount is done, measured and reported on the way."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter
from typing import Literal

import numpy as np

from digitnet.engine.arrays import Cases
from digitnet.engine.evaluate import Evaluation
from digitnet.engine.report import Stopped, ignore
from digitnet.engine.schedules import Amount, Schedule
from digitnet.engine.trainer import Measurement, MiniBatches, Progress, Trainer


class Clock:
    """Counts seconds, without those in which the program was suspended (Ctrl-Z), which are added
    to `suspended`.
    """

    suspended = 0.0

    def __call__(self) -> float:
        return perf_counter() - self.suspended


work_clock = Clock()

Ending = Literal["done", "target", "patience", "interrupted", "diverged", "stuck", "converged"]


@dataclass(frozen=True)
class Status:
    """The progress of a training."""

    batches: int
    samples: int
    seconds: float
    samples_per_second: float  # without the time of measurements
    part: float | None  # done, 0 to 1; None if the amount is an accuracy
    remaining: float | None  # estimated seconds; None if unknown
    cost: float  # mean since the last report or, if measured, measurement; penalties included
    accuracy: float  # on the validation set, as last measured, as is its cost
    validation_cost: float
    measured: bool  # whether that was just now
    epoch: int  # the network's epoch that has just ended; 0 if none has
    rate: float | None  # of the next mini-batch; None if there is none
    recent_cost: float  # mean since the last report but one


@dataclass(frozen=True)
class Outcome:
    """The result of a training."""

    batches: int
    samples: int
    seconds: float
    samples_per_second: float  # without the time of measurements
    cost: float  # of at most MEASURE_CASES training cases, as train_accuracy; penalties included
    train_accuracy: float
    validation_accuracy: float
    stopped: Ending
    accuracy_before: float  # on the validation set
    restored_best: bool = False  # earlier weights, with a better validation accuracy
    epochs_since_best: float = 0.0
    is_guessing: bool = False  # whether giving every case the same answer would cost no more


def run(
    trainer: Trainer,
    cases: Cases,
    validation: Cases,
    amount: Amount,
    report: Callable[[Status], None] = ignore,
) -> Outcome:
    """Trains until `amount` is done, `report` raises Stopped, or the cost is no longer finite.

    `report` is called at least every REPORT_SECONDS, but not within a mini-batch. After divergence,
    or anything else that is raised, the last good weights are restored; with patience, or an
    accuracy as the amount, those with the best validation accuracy.
    """
    training = _Training(trainer, cases, validation, amount)
    try:
        with suppress(Stopped):
            while (ending := training.ending()) is None:
                x, y = training.batches.next()
                cost = trainer.step(x, y, training.meter.rate())
                training.count(len(x), cost)
                if training.report_is_due():
                    if not training.is_sound(work_clock() < training.last_good.due):
                        ending = "diverged"
                        break
                    report(training.report())
        return training.outcome(ending or "interrupted")
    except BaseException:
        training.cut_off()
        raise


class Meter:
    """Measures a training from the creation of this object on: what is done, and the rate."""

    def __init__(self, amount: Amount, trainer: Trainer, cases: int) -> None:
        """cases: the number of training cases."""
        self.amount, self.trainer, self.cases = amount, trainer, cases
        self.progress = trainer.progress
        self.schedule = Schedule.parse(trainer.settings.schedule)
        self.measuring = 0.0  # seconds
        self._begun, self._start = work_clock(), replace(self.progress)
        self._first_part = self.part() or 0.0

    def done(self) -> tuple[int, int, float, float]:
        """Mini-batches, cases, seconds, and cases per second without the time of measurements."""
        seconds = work_clock() - self._begun
        self.progress.seconds = self._start.seconds + seconds
        samples = self.progress.samples - self._start.samples
        speed = samples / max(seconds - self.measuring, 1e-9)
        return self.progress.batches - self._start.batches, samples, seconds, speed

    @property
    def epochs(self) -> float:
        return (self.progress.samples - self._start.samples) / self.cases

    def part(self) -> float | None:
        """The fraction of the amount that is done, 0 to 1; None if it is an accuracy."""
        value, now = self.amount.value, self.progress
        before = Progress() if self.amount.total else self._start
        match self.amount.unit:
            case "batches":
                part = (now.batches - before.batches) / value
            case "epochs":
                part = (now.samples - before.samples) / max(1, round(value * self.cases))
            case "seconds":
                earlier = self._start.seconds - before.seconds
                part = (earlier + work_clock() - self._begun) / value
            case _:
                return None
        return min(part, 1.0)

    def remaining(self) -> float | None:
        part = self.part()
        if part is None or part <= self._first_part:
            return None
        return (work_clock() - self._begun) * (1 - part) / (part - self._first_part)

    def rate(self) -> float:
        parts = self.part_of_horizon(), self.part(), self.cycle()[1]
        part = next(part for part in parts if part is not None)
        return self.trainer.settings.rate * self.schedule.factor(part, self.progress.batches)

    def part_of_horizon(self) -> float | None:
        """The fraction of the schedule's horizon that is done; None if it has none."""
        progress, horizon = self.progress, self.schedule.horizon
        if horizon is None:
            return None
        done = progress.batches if horizon.unit == "batches" else progress.samples / self.cases
        return done / horizon.value

    def cycle(self) -> tuple[float, float]:
        """The length of the current cycle in epochs, and the fraction of it that is done. If the
        amount is an accuracy, schedules run over 1 epoch, then 2, 4, 8 and so on.
        """
        length, left = 1.0, self.epochs
        while left >= length:
            length, left = 2 * length, left - length
        return length, left / length


BARELY_BETTER = 0.98  # a cost above this fraction of the baseline is no better than guessing


class LastGood:
    """The latest weights known to be good.

    Diverging weights are finite for a while, so those at one report count as good only if the cost
    of the mini-batches up to the next one, penalties included, is not too high. The baseline is the
    cost of the same answer, the mean target, for every case.
    """

    def __init__(self, trainer: Trainer, cases: Cases, cost: float) -> None:
        """cost: of the present weights, as of `see`."""
        self.trainer, self.usual_cost = trainer, cost
        mean = np.broadcast_to(cases.targets.mean(axis=0), cases.targets.shape)
        self.baseline_cost = trainer.network.cost.value(mean, cases.targets)
        self.weights = self.latest = trainer.snapshot()
        self.due = 0.0  # when the next snapshot is: they take a twentieth of the time, at most

    def see(self, cost: float) -> None:
        if (begun := work_clock()) < self.due:
            return
        usual, baseline = self.usual_cost, self.baseline_cost
        # cross-entropy is clamped: where the usual cost is high, it cannot reach three times that
        if cost < max(baseline, min(3 * usual, usual + baseline)):
            self.weights = self.latest
            self.usual_cost = (self.usual_cost + cost) / 2
        self.latest = self.trainer.snapshot()
        self.due = work_clock() + 20 * (work_clock() - begun)


# Training to a target accuracy stops after so many epochs without a better measurement, or as many
# as the best one took if these are more; and not before so many measurements.
PATIENCE, FEWEST_MEASUREMENTS = 30, 10
SPENT = 1e-3  # of the setting `rate`: a schedule has lowered the rate to nothing


class Best:
    """The best validation accuracy, when it was measured and, if wanted, its weights."""

    def __init__(self, trainer: Trainer, meter: Meter, accuracy: float) -> None:
        self.trainer, self.meter, self.accuracy = trainer, meter, accuracy
        self.has_target = meter.amount.unit == "accuracy"
        self.measurements_since, self.epochs = 0, 0.0
        is_wanted = self.has_target or trainer.settings.patience > 0
        self.weights = trainer.snapshot() if is_wanted else None

    def see(self, accuracy: float) -> None:
        self.measurements_since += 1
        if accuracy > self.accuracy:
            self.accuracy, self.measurements_since, self.epochs = accuracy, 0, self.meter.epochs
            if self.weights:
                self.weights = self.trainer.snapshot()

    def epochs_since(self) -> float:
        return self.meter.epochs - self.epochs

    def given_up(self) -> bool:
        """Whether training should stop because it has not improved for too long.

        If the amount is an accuracy, it goes on as long as the rate is going to fall, which often
        brings the best weights, unless it has fallen to nothing.
        """
        meter, patience = self.meter, self.trainer.settings.patience
        if patience:
            return self.measurements_since > 0 and self.epochs_since() >= patience
        horizon = meter.part_of_horizon()
        if not self.has_target or (horizon is not None and horizon < 1):
            return False
        if horizon is not None and meter.rate() <= SPENT * self.trainer.settings.rate:
            return True
        has_cycles = horizon is None and not meter.schedule.curve.is_endless
        long = max(PATIENCE, self.epochs, meter.cycle()[0] if has_cycles else 0)
        return self.measurements_since >= FEWEST_MEASUREMENTS and self.epochs_since() >= long


REPORT_SECONDS, REPORT_PART = 0.1, 0.05  # seconds or fraction of the amount between two reports
MEASURE_BATCHES = 50  # accuracy is measured at ends of epochs, but at most once in so many batches
MEASURE_PARTS = [5, 2, 2, 2, 2]  # the first epochs are measured after each of so many parts


class _Training:
    def __init__(self, trainer: Trainer, cases: Cases, validation: Cases, amount: Amount) -> None:
        self.trainer, self.cases, self.validation = trainer, cases, validation
        self.batches = MiniBatches(trainer, cases)
        self.costs: list[float] = []  # of the mini-batches since the last report
        self.earlier: list[float] = []  # since the one before, up to that
        self.measured = False  # since the last report
        self.has_ended = False
        self.first = self.on_validation = trainer.measure(validation)
        self.last_good = LastGood(trainer, cases, self.first.cost)
        self.meter = Meter(amount, trainer, len(cases))  # from now on
        self.best = Best(trainer, self.meter, self.first.accuracy)
        self.last_report, self.last_part = work_clock(), self.meter.part() or 0.0

    def ending(self) -> Ending | None:
        part = self.meter.part()
        if part is None and self.on_validation.accuracy >= self.meter.amount.value:
            return "target"
        if part is not None and part >= 1:
            return "done"
        return "patience" if self.best.given_up() else None

    def count(self, cases: int, cost: float) -> None:
        position = self.trainer.progress.position
        self.costs.append(cost)
        self.batches.done(cases, cost)
        if self._is_measured_after(position):
            begun = work_clock()
            if self.is_sound():
                self.trainer.measure_statistics(self.cases)
            self._record(self.trainer.measure(self.validation))
            self.measured = True
            self.meter.measuring += work_clock() - begun

    def _is_measured_after(self, position: int) -> bool:
        """It depends on the progress alone, not on how that was divided into runs."""
        progress, per_epoch = self.trainer.progress, self.batches.per_epoch
        if progress.position == 0:
            return progress.epoch % -(-MEASURE_BATCHES // per_epoch) == 0
        epochs = progress.samples // len(self.cases)
        if per_epoch < MEASURE_BATCHES or epochs >= len(MEASURE_PARTS):
            return False
        length = len(self.cases) / MEASURE_PARTS[epochs]
        return progress.position // length > position // length

    def _record(self, result: Evaluation) -> None:
        trainer, progress = self.trainer, self.trainer.progress
        self.on_validation = result
        self.best.see(result.accuracy)
        last = trainer.history[-1].batches if trainer.history else 0
        if progress.cost_count and progress.batches != last:
            self.cost = progress.cost_sum / progress.cost_count + trainer.penalty(trainer.network)
            progress.cost_sum, progress.cost_count = 0.0, 0
            if isfinite(self.cost) and isfinite(result.cost):
                point = Measurement(progress.batches, self.cost, result.cost, result.accuracy)
                trainer.history.append(point)

    def is_sound(self, by_costs: bool = False) -> bool:
        return bool(np.isfinite(self.costs).all()) and (by_costs or self.trainer.is_finite())

    def report_is_due(self) -> bool:
        return bool(
            self.measured
            or self.ending()
            or (self.meter.part() or 0.0) - self.last_part >= REPORT_PART
            or work_clock() - self.last_report >= REPORT_SECONDS
        )

    def report(self) -> Status:
        """Makes a report, and starts the next interval."""
        cost, recent = (float(np.mean(costs)) for costs in (self.costs, self.earlier + self.costs))
        measured, progress = self.measured, self.trainer.progress
        penalty = self.trainer.penalty(self.trainer.network)
        self.last_good.see(cost + penalty)
        self.earlier, self.costs, self.measured = self.costs, [], False
        self.last_report, self.last_part = work_clock(), self.meter.part() or 0.0
        ended = measured and progress.position == 0
        return Status(
            *self.meter.done(),
            self.meter.part(),
            self.meter.remaining(),
            self.cost if measured else cost + penalty,
            self.on_validation.accuracy,
            self.on_validation.cost,
            measured,
            round(progress.samples / len(self.cases)) if ended else 0,
            self.meter.rate(),
            recent + penalty,
        )

    def cut_off(self) -> None:
        """Leaves whole weights, which may be half updated, and statistics measured with them."""
        if not self.has_ended:
            self.trainer.restore(self.last_good.latest)
        self.trainer.measure_statistics(self.cases)

    def outcome(self, stopped: Ending) -> Outcome:
        """Measures the result, after restoring better weights if necessary."""
        trainer, best, restored = self.trainer, self.best, False
        is_early = trainer.progress.batches < MEASURE_BATCHES
        speed, epochs_since_best = self.meter.done()[-1], best.epochs_since()
        if not self.is_sound():
            stopped = "diverged"
        if stopped == "diverged":
            trainer.restore(self.last_good.weights)
        elif stopped != "interrupted" and best.weights:
            trainer.measure_statistics(self.cases)
            if best.accuracy > trainer.measure(self.validation).accuracy:
                trainer.restore(best.weights)
                restored = True
        self.has_ended = True
        trainer.measure_statistics(self.cases)
        on_train = trainer.measure_plain(self.cases)
        if not isfinite(on_train.cost + trainer.penalty()) and stopped != "diverged":
            stopped, restored = "diverged", False
            trainer.restore(self.last_good.weights)
            trainer.measure_statistics(self.cases)
            on_train = trainer.measure_plain(self.cases)
        self._record(trainer.measure(self.validation))
        cost = on_train.cost + trainer.penalty()
        is_guessing = on_train.cost >= BARELY_BETTER * self.last_good.baseline_cost
        if is_early:  # it may not do better yet
            is_guessing &= cost >= 2 * self.first.cost
        return Outcome(
            *self.meter.done()[:3],
            speed,
            cost,
            on_train.accuracy,
            self.on_validation.accuracy,
            stopped,
            self.first.accuracy,
            restored,
            epochs_since_best,
            is_guessing,
        )

"""The training loop: runs mini-batches, and reports its progress."""

from collections.abc import Callable, Generator
from math import isfinite
from time import perf_counter

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.augment import Augment
from digitnet.engine.batches import MiniBatches
from digitnet.engine.cases import Cases
from digitnet.engine.evaluate import Evaluation
from digitnet.engine.progress import Measurement, Progress
from digitnet.engine.report import Outcome, Report, Stopped
from digitnet.engine.room import check_room
from digitnet.engine.safeguards import Best, LastGood
from digitnet.engine.schedules import Schedule
from digitnet.engine.stretch import Stretch
from digitnet.engine.trainer import Trainer

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
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Report, None, Outcome]:
    """Trains until `amount` is done, `stop()` returns true, or the cost is no longer finite.

    `stop` is called before each mini-batch. After divergence the last good weights are restored;
    with patience, or an accuracy as the amount, those with the best validation accuracy.
    """
    training = _Run(trainer, cases, validation, amount)
    while (stopped := training.reached() or ("interrupted" if stop() else None)) is None:
        try:
            training.step()
        except BaseException:  # the weights may be half updated
            training.last_good.restore()
            raise
        if training.report_is_due():
            if not training.is_sound():
                stopped = "diverged"
                break
            yield training.report()
    return training.outcome(stopped)


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
        """Trains one mini-batch, and measures if a measurement is due."""
        x, y = self.batches.next()
        rate = self.trainer.settings.rate * self.stretch.factor()
        cost = self.trainer.step(x, y, rate)
        self.costs.append(cost)
        position = self.trainer.progress.position
        self.batches.done(len(x), cost)
        if self._is_measured_after(position):
            self.measure()

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

    def reached(self) -> Stopped | None:
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

    def outcome(self, stopped: Stopped) -> Outcome:
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

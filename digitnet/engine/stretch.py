"""A stretch of training: the fraction of an amount that is done, and the rate there."""

from dataclasses import replace
from time import perf_counter

from digitnet.engine.amount import Amount
from digitnet.engine.progress import Progress
from digitnet.engine.schedules import Schedule


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
        if self.schedule.horizon or self.schedule.is_endless:
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

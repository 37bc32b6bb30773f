"""A stretch of training: how much of an amount is done, and the rate at that point."""

from dataclasses import replace
from time import perf_counter

from digitnet.engine.amount import Amount
from digitnet.engine.progress import Progress
from digitnet.engine.schedules import Schedule


class Stretch:
    """From where the training was when this was made, to where it is now."""

    def __init__(self, amount: Amount, progress: Progress, cases: int, schedule: Schedule) -> None:
        """`amount` on a training set of so many cases, with rates by a schedule."""
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
        """Cases a second, without the time that measuring took."""
        return self.samples / max(self.seconds - self.measuring, 1e-9)

    def keep_time(self) -> None:
        """Adds the time so far to the training's."""
        self.progress.seconds = self._at_first.seconds + self.seconds

    def part(self) -> float | None:
        """How much of the amount is done, 0 to 1; None where it is an accuracy."""
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
        """Seconds left at this speed; None where that cannot be known."""
        part = self.part()
        if part is None or part <= self._first_part:
            return None
        return self.seconds * (1 - part) / (part - self._first_part)

    # the rate

    def factor(self) -> float:
        """The factor on the rate of the next mini-batch."""
        part = self._part_of_horizon()
        if part is None:
            part = self.part()
        if part is None:
            part = self._cycle()[1]
        return self.schedule.factor(part, self.progress.batches)

    def may_still_fall(self) -> bool:
        """Whether the rate will be lower before long, which often brings the best weights: before
        the horizon of the schedule.
        """
        part = self._part_of_horizon()
        return part is not None and part < 1

    def cycle(self) -> float:
        """Epochs that the schedule spans where the end is an accuracy; 0 where it spans none."""
        if self.schedule.horizon or self.schedule.is_endless:
            return 0.0
        return self._cycle()[0]

    def _part_of_horizon(self) -> float | None:
        """How much of the schedule's horizon is done, if it has one."""
        progress, horizon = self.progress, self.schedule.horizon
        if horizon is None:
            return None
        done = progress.batches if horizon.unit == "batches" else progress.samples / self.cases
        return done / horizon.value

    def _cycle(self) -> tuple[float, float]:
        """Where the end is an accuracy, schedules run over 1 epoch, then 2, 4, 8 and so on: the
        length of this cycle, and the part of it that is done.
        """
        length, left = 1.0, self.epochs
        while left >= length:
            length, left = 2 * length, left - length
        return length, left / length

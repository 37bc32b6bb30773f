"""A stretch of training: how much of an amount is done, and the rate at that point."""

from time import perf_counter

from digitnet.engine.amount import Amount
from digitnet.engine.progress import Progress
from digitnet.engine.schedules import Schedule


class Stretch:
    """From where the training was when this was made, to where it is now."""

    def __init__(self, amount: Amount, progress: Progress, cases: int) -> None:
        """`amount` on a training set of so many cases."""
        self.amount, self.progress, self.cases = amount, progress, cases
        self.measuring = 0.0  # seconds
        self._batches, self._samples = progress.batches, progress.samples
        self._seconds, self._begun = progress.seconds, perf_counter()

    @property
    def batches(self) -> int:
        """Mini-batches so far."""
        return self.progress.batches - self._batches

    @property
    def samples(self) -> int:
        """Cases so far, counted each time they are seen."""
        return self.progress.samples - self._samples

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
        self.progress.seconds = self._seconds + self.seconds

    def part(self) -> float | None:
        """How much of the amount is done, 0 to 1; None where it is an accuracy."""
        match self.amount.unit:
            case "batches":
                part = self.batches / self.amount.value
            case "epochs":
                part = self.samples / max(1, round(self.amount.value * self.cases))
            case "seconds":
                part = self.seconds / self.amount.value
            case _:
                return None
        return min(part, 1.0)

    def factor(self, schedule: Schedule) -> float:
        """The factor on the rate of the next mini-batch."""
        progress, horizon = self.progress, schedule.horizon
        if horizon is not None:
            done = progress.batches if horizon.unit == "batches" else progress.samples / self.cases
            return schedule.factor(done / horizon.value, progress.batches)
        part = self.part()
        part = self._part_of_cycle() if part is None else part
        return schedule.factor(part, progress.batches)

    def _part_of_cycle(self) -> float:
        """Where the end is an accuracy, schedules run over 1 epoch, then 2, 4, 8 and so on."""
        length, left = 1.0, self.epochs
        while left >= length:
            length, left = 2 * length, left - length
        return left / length

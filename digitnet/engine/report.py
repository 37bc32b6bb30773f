"""What a training tells: reports while it runs, and its outcome."""

from dataclasses import dataclass
from typing import Literal

Stopped = Literal["done", "target", "patience", "interrupted", "diverged"]


@dataclass(frozen=True)
class Report:
    """How a training is coming along.

    batches, samples, seconds: since this training began. part: the part done, 0 to 1; None where
    the end is an accuracy. cost: penalties included, mean of the mini-batches since the last
    report, or, in a measured one, since the last measurement. accuracy: on the validation set, as
    last measured. measured: whether that was just now.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
    part: float | None
    cost: float
    accuracy: float
    measured: bool

    @property
    def remaining(self) -> float | None:
        """Seconds left at this speed, None when that cannot be known."""
        return self.seconds * (1 / self.part - 1) if self.part else None


@dataclass(frozen=True)
class Outcome:
    """What a training did.

    samples_per_second: while training, without the time that measuring took. cost (penalties
    included) and train_accuracy: of at most MEASURE_CASES training cases. best: whether the weights
    are an earlier moment's, which did better on the validation set. stopped: `patience` where it
    no longer improved.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
    cost: float
    train_accuracy: float
    validation_accuracy: float
    stopped: Stopped
    best: bool

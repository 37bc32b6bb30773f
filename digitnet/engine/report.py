"""What a training tells: reports while it runs, and its outcome."""

from dataclasses import dataclass
from typing import Literal

Stopped = Literal["done", "target", "interrupted", "diverged"]


@dataclass(frozen=True)
class Report:
    """How a training is coming along.

    batches, samples, seconds: since this training began. part: the share done, None when the end
    is an accuracy. cost: penalty included, mean of the mini-batches since the last report, or, of
    a mark, since the last mark. accuracy: on the validation set, as last measured. mark: whether
    this report ends one of MARKS equal parts.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
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
    """What a training did.

    samples_per_second: while training, without the time that measuring took. cost (penalty
    included) and train_accuracy: of at most MEASURE_CASES training cases. early: whether patience
    ended it, or put weights back that had done better.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
    cost: float
    train_accuracy: float
    validation_accuracy: float
    stopped: Stopped
    early: bool

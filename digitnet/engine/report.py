"""What a training tells: reports while it runs, and its outcome."""

from dataclasses import dataclass
from typing import Literal

Stopped = Literal["done", "target", "patience", "interrupted", "diverged"]


@dataclass(frozen=True)
class Report:
    """How a training is coming along.

    batches, samples, seconds: since this training began. part: the part done, 0 to 1; None where
    the end is an accuracy. remaining: seconds left at this speed, None where that cannot be known.
    cost: penalties included, mean of the mini-batches since the last report, or, in a measured one,
    since the last measurement. accuracy, validation_cost: as last measured. measured: whether that
    was just now. epoch: the number of the epoch, of all the network's, that has just ended; 0 where
    none has.
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
    """What a training did.

    samples_per_second: while training, without the time that measuring took. cost (penalties
    included) and train_accuracy: of at most MEASURE_CASES training cases. stopped: `patience` where
    it no longer improved. accuracy_before: on the validation set, before the first mini-batch.
    best: whether the weights are an earlier moment's, which did better on the validation set.
    epochs_since_best: without a better one. is_guessing: whether the same answer to every case
    would cost no more.
    """

    batches: int
    samples: int
    seconds: float
    samples_per_second: float
    cost: float
    train_accuracy: float
    validation_accuracy: float
    stopped: Stopped
    accuracy_before: float
    best: bool
    epochs_since_best: float
    is_guessing: bool

"""The reports of a running training, and its outcome."""

from dataclasses import dataclass
from typing import Literal

Stopped = Literal["done", "target", "patience", "interrupted", "diverged"]


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
    stopped: Stopped
    accuracy_before: float
    best: bool
    epochs_since_best: float
    is_guessing: bool

"""The progress of a training, and the measurements made during it."""

from dataclasses import dataclass

MAX_COUNT = 1 << 53
"""Training stops for good when a count reaches this: larger integers are not exact in float64.
Saves can hold any count that is reachable."""


@dataclass(frozen=True)
class Measurement:
    """A point of the history.

    cost: the mean cost of the mini-batches since the point before.
    validation_cost, validation_accuracy: on the validation set.
    """

    batches: int
    cost: float
    validation_cost: float
    validation_accuracy: float


@dataclass
class Progress:
    """The total amount of training, and the exact position of the next mini-batch.

    position: cases of the current epoch already seen, out of `cases`.
    cost_sum, cost_count: sum and number of the costs of mini-batches since the last measurement.
    averaged: mini-batches in the running mean of the weights.
    """

    batches: int = 0
    samples: int = 0
    seconds: float = 0.0
    epoch: int = 0
    position: int = 0
    cases: int = 0
    cost_sum: float = 0.0
    cost_count: int = 0
    averaged: int = 0

    @property
    def is_full(self) -> bool:
        """Whether any count has reached MAX_COUNT."""
        return bool(max(vars(self).values()) >= MAX_COUNT)

    def next_epoch(self) -> None:
        """Begins the next epoch, at its first case."""
        self.epoch += 1
        self.position = 0

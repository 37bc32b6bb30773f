"""How far a training has come, and what was measured on the way."""

from dataclasses import dataclass

MOST_COUNTED = 1 << 53
"""What has been trained as long as this is trained no further: up to here whole numbers are also
float64 numbers, and saves hold larger ones than can be reached from here."""


@dataclass(frozen=True)
class Measurement:
    """One point of the history: the cost of the mini-batches before it, and the validation set."""

    batches: int
    cost: float
    validation_cost: float
    validation_accuracy: float


@dataclass
class Progress:
    """How far a network has been trained in all; the exact position for the next mini-batch.

    position: cases of this epoch already seen, of `cases` in all. cost_sum, cost_count: of the
    mini-batches since the last measurement. averaged: mini-batches in the running mean of the
    weights.
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
        """Whether a count has come to MOST_COUNTED."""
        return bool(max(vars(self).values()) >= MOST_COUNTED)

    def next_epoch(self) -> None:
        """Begins an epoch, at its first case, with nothing measured."""
        self.epoch += 1
        self.position = 0

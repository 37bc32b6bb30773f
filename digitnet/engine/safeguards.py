"""Safeguards: weights to go back to when training goes wrong, or no longer improves."""

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.cases import Cases
from digitnet.engine.trainer import Trainer

PATIENCE = 30
"""A target accuracy is given up after this many measurements without a better one."""


class LastGood:
    """The latest weights that later mini-batches have shown to be good.

    Weights on their way to infinity are finite for a while, so those of one report count as good
    only when the mini-batches up to the next one do not cost too much.
    """

    def __init__(self, trainer: Trainer, cases: Cases, cost: float) -> None:
        """The weights as they are, whose cost this is."""
        self.trainer = trainer
        self.usual_cost = cost
        self.baseline_cost = _baseline_cost(trainer, cases)
        self.good = self.latest = trainer.snapshot()

    def see(self, cost: float) -> None:
        """Takes note of the mean cost of the mini-batches since the last time."""
        if cost < max(self.baseline_cost, 3 * self.usual_cost):
            self.good = self.latest
            self.usual_cost = (self.usual_cost + cost) / 2
        self.latest = self.trainer.snapshot()

    def restore(self) -> None:
        """Goes back to them."""
        self.trainer.restore(self.good)


def _baseline_cost(trainer: Trainer, cases: Cases) -> float:
    """What it costs to give the same answer, the mean of all, to every case."""
    mean = np.broadcast_to(cases.targets.mean(axis=0), cases.targets.shape)
    return trainer.network.cost.value(mean, cases.targets)


class Best:
    """The weights that did best on the validation set, where they are wanted: with patience, or
    where the end is an accuracy.
    """

    def __init__(self, trainer: Trainer, accuracy: float, patience: int, amount: Amount) -> None:
        """The weights as they are, whose accuracy this is."""
        self.trainer, self.accuracy = trainer, accuracy
        self.patience = patience or (PATIENCE if amount.unit == "accuracy" else 0)
        self.measurements_since = 0
        self.snapshot = trainer.snapshot() if self.patience else None

    def see(self, accuracy: float) -> None:
        """Takes note of a measurement of the weights as they are."""
        if accuracy > self.accuracy:
            self.accuracy, self.measurements_since = accuracy, 0
            if self.patience:
                self.snapshot = self.trainer.snapshot()
        else:
            self.measurements_since += 1

    def given_up(self) -> bool:
        """Whether it has not improved for as long as patience lasts."""
        return bool(self.patience) and self.measurements_since >= self.patience

    def is_better(self, accuracy: float) -> bool:
        """Whether they are known to be better than weights of this accuracy."""
        return self.snapshot is not None and self.accuracy > accuracy

    def restore(self) -> None:
        """Goes back to them."""
        if self.snapshot is not None:
            self.trainer.restore(self.snapshot)

"""Safeguards: weights to restore when training diverges or no longer improves."""

import numpy as np

from digitnet.engine.cases import Cases
from digitnet.engine.stretch import Stretch
from digitnet.engine.trainer import Trainer

PATIENCE = 30
"""Training to a target accuracy stops after this many epochs without a better measurement, or as
many as the best one took if these are more,"""
FEWEST_MEASUREMENTS = 10
"""and not before this many measurements, which matters if epochs are short."""
BARELY_BETTER = 0.98
"""A cost above this fraction of the baseline is no better than guessing."""


class LastGood:
    """The latest weights known to be good.

    Diverging weights are finite for a while, so the weights at one report count as good only if the
    cost of the mini-batches up to the next report is not too high.
    """

    def __init__(self, trainer: Trainer, cases: Cases, cost: float) -> None:
        """cost: of the present weights."""
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

    def is_guessing(self, cost: float) -> bool:
        """Whether a network of this cost does no better than one that always answers the same."""
        return cost - self.trainer.penalty() >= BARELY_BETTER * self.baseline_cost

    def restore(self) -> None:
        """Goes back to them."""
        self.trainer.restore(self.good)


def _baseline_cost(trainer: Trainer, cases: Cases) -> float:
    """The cost of the same answer, the mean target, for every case."""
    mean = np.broadcast_to(cases.targets.mean(axis=0), cases.targets.shape)
    return trainer.network.cost.value(mean, cases.targets)


class Best:
    """The weights with the best validation accuracy; kept only with patience, or if the amount is
    an accuracy.
    """

    def __init__(self, trainer: Trainer, accuracy: float, stretch: Stretch) -> None:
        """The weights as they are, whose accuracy this is."""
        self.trainer, self.accuracy, self.stretch = trainer, accuracy, stretch
        self.has_target = stretch.amount.unit == "accuracy"
        self.is_wanted = self.has_target or trainer.settings.patience > 0
        self.measurements_since = 0
        self.epochs = 0.0  # after which they were found
        self.snapshot = trainer.snapshot() if self.is_wanted else None

    def see(self, accuracy: float) -> None:
        """Records a measurement of the current weights."""
        if accuracy > self.accuracy:
            self.accuracy, self.measurements_since = accuracy, 0
            self.epochs = self.stretch.epochs
            if self.is_wanted:
                self.snapshot = self.trainer.snapshot()
        else:
            self.measurements_since += 1

    @property
    def epochs_since(self) -> float:
        """Epochs since the best measurement."""
        return self.stretch.epochs - self.epochs

    def given_up(self) -> bool:
        """Whether training should stop because it has not improved for too long.

        If the amount is an accuracy, training goes on as long as the rate is going to fall, unless
        it is 0.
        """
        given = self.trainer.settings.patience
        if given:
            return self.measurements_since > 0 and self.epochs_since >= given
        if not self.has_target or self.stretch.may_still_fall():
            return False
        if self.stretch.factor() == 0:
            return True
        patience = max(PATIENCE, self.epochs, self.stretch.cycle())
        return self.measurements_since >= FEWEST_MEASUREMENTS and self.epochs_since >= patience

    def is_better(self, accuracy: float) -> bool:
        """Whether weights better than this accuracy are kept."""
        return self.snapshot is not None and self.accuracy > accuracy

    def restore(self) -> None:
        """Goes back to them."""
        if self.snapshot is not None:
            self.trainer.restore(self.snapshot)

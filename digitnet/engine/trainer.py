"""A trainer: a network with all that training changes, to be saved between any two mini-batches.

It continues to the bit: the order of an epoch and the units left out of a mini-batch are functions
of the seed and their numbers alone, so there is no state but how far the training has come, what
the optimiser remembers, and the running mean of the weights if there is one.
"""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.cases import Cases
from digitnet.engine.evaluate import Evaluation, evaluate
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS, limit_norms
from digitnet.engine.progress import Measurement, Progress
from digitnet.engine.report import Outcome, Report
from digitnet.engine.run import Run
from digitnet.engine.settings import Settings
from digitnet.engine.types import Array, Integers

MEASURE_CASES = 5_000
"""Cases on which accuracy and cost are measured during training, at most."""


class Trainer:
    """A network with everything that training it needs and changes."""

    def __init__(self, network: Network, settings: Settings, seed: int) -> None:
        """`seed` orders the cases; fresh weights are the network's own affair."""
        self.network, self._settings, self.seed = network, settings, seed
        self.optimizer = OPTIMIZERS[settings.optimizer](network.parameters)
        self.averages: list[Array] | None = None
        self.progress = Progress()
        self.history: list[Measurement] = []

    @property
    def settings(self) -> Settings:
        """How it is trained; the optimiser and the running mean follow when that changes."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        if type(self.optimizer) is not OPTIMIZERS[settings.optimizer]:
            self.optimizer = OPTIMIZERS[settings.optimizer](self.network.parameters)
        if not settings.average:
            self.averages, self.progress.averaged = None, 0

    def run(
        self,
        train: Cases,
        validation: Cases,
        amount: Amount,
        stop: Callable[[], bool] = lambda: False,
    ) -> Generator[Report, None, Outcome]:
        """Trains until `amount` is done, `stop()` says so, or the cost is no longer a number.

        `stop` is asked before each mini-batch. After a divergence the last good weights are back;
        with `patience`, where the amount is done or patience is at its end, those that did best on
        the validation set.
        """
        if self.settings.average and self.averages is None:
            self.averages = [p.value.copy() for p in self.network.parameters]
        return Run(self, train, validation, amount).reports(stop)

    def forget(self) -> None:
        """Lets the optimiser and the running mean begin anew, after weights came from elsewhere."""
        self.optimizer = OPTIMIZERS[self.settings.optimizer](self.network.parameters)
        self.averages, self.progress.averaged = None, 0

    def update(self, rate: float, cases: int) -> None:
        """Changes the weights after a backward pass over so many cases."""
        self.optimizer.step(self.settings, rate, cases)
        if self.settings.max_norm:
            limit_norms(self.network.parameters, self.settings.max_norm)
        if self.averages is not None:
            self._average()

    def _average(self) -> None:
        """w̄ ← d w̄ + (1 − d) w, with d small at first, so that the start is soon forgotten."""
        count = self.progress.averaged
        share = min(self.settings.average, (1 + count) / (10 + count))
        for mean, p in zip(self.averages or [], self.network.parameters, strict=True):
            mean *= share
            mean += (1 - share) * p.value
        self.progress.averaged += 1

    def answering(self) -> Network:
        """The network as it answers: a copy with the running mean of its weights, if there is one,
        the network itself otherwise.
        """
        if self.averages is None:
            return self.network
        network = self.network.copy(self.network.dtype)
        for mean, p in zip(self.averages, network.parameters, strict=True):
            p.value[...] = mean
        return network

    def measure(self, cases: Cases) -> Evaluation:
        """Accuracy and cost (penalty included) of the first MEASURE_CASES of `cases`."""
        rows = np.arange(min(len(cases), MEASURE_CASES))
        plain = evaluate(self.answering(), cases, rows)
        return Evaluation(plain.correct, plain.total, plain.cost + self.penalty())

    def penalty(self) -> float:
        """What the settings add to the cost for large weights."""
        return self.network.penalty(self.settings.l2, self.settings.l1)

    def order(self, cases: int) -> Integers:
        """The order of the epoch under way: a permutation drawn from the seed and its number."""
        return np.random.default_rng([self.seed, 1, self.progress.epoch]).permutation(cases)

    def snapshot(self) -> dict[str, Any]:
        """A copy of everything that training changes."""
        return {
            "values": [p.value.copy() for p in self.network.parameters],
            "averages": None if self.averages is None else [a.copy() for a in self.averages],
            "state": {k: [v.copy() for v in vs] for k, vs in self.optimizer.state.items()},
            "steps": self.optimizer.steps,
            "progress": dict(vars(self.progress)),
            "history": len(self.history),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Goes back to a snapshot of this training."""
        for p, value in zip(self.network.parameters, snapshot["values"], strict=True):
            p.value[...] = value
        self.averages = snapshot["averages"]
        self.optimizer.state = snapshot["state"]
        self.optimizer.steps = snapshot["steps"]
        vars(self.progress).update(snapshot["progress"])
        del self.history[snapshot["history"] :]

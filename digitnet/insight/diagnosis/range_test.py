"""The learning-rate range test: how the cost of a copy falls, and rises, as its rate grows."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from digitnet.engine.cases import Cases
from digitnet.engine.optimizers import WARM_UP
from digitnet.engine.schedules import Schedule, inverse_sqrt
from digitnet.engine.trainer import Trainer
from digitnet.insight.diagnosis.data_facts import chosen
from digitnet.insight.diagnosis.rehearsal import (
    Interrupted,
    Stop,
    cost_in_training,
    mini_batches,
    twin,
)

LOWEST, HIGHEST = 1e-5, 1e2
"""Rates between which the test goes."""
A_DECADE = 8
"""Rates that are tried in a factor of ten."""
STEPS = 4
"""Mini-batches at each rate."""
PROBE = 300
"""Cases on which the cost is measured after each rate, at most."""
TOO_FAR = 4
"""The test ends where the cost is so many times the lowest (fastai's `LRFinder`, `stop_div`)."""


LEAST_FALL = 0.95
"""The cost has fallen where it is below this part of the first."""
MARGINS = {
    "sgd": 2.0,
    "momentum": 2.0,
    "nesterov": 2.0,
    "rmsprop": 3.0,
    "adam": 3.0,
    "adamw": 3.0,
    "schedule-free": 4.0,
    "schedule-free-adamw": 4.0,
}
"""optimiser → the rate of the lowest cost by the rate to use. fastai's `minimum` divides by ten for
all; measured here over some epochs, plain steps bear more, those divided by the gradient's own size
less, and schedule-free ones, whose mean hides how far they overshoot, least."""


@dataclass(frozen=True)
class Point:
    """A rate, and the cost after a few mini-batches at it."""

    rate: float
    cost: float


def range_test(trainer: Trainer, cases: Cases, stop: Stop) -> Generator[Point, None, None]:
    """Trains a copy at ever higher rates, a few mini-batches at each, until the cost blows up.

    (Smith 2017, arXiv 1506.01186, section 3.3.) The cost is that of the same cases each time, with
    the weights in training, so that it needs no smoothing. Rates are told as they would be set.

    Raises Interrupted when `stop` says so, and ValueError where cases are to be deformed that are
    no square pictures.
    """
    copy = twin(trainer)
    batches = mini_batches(copy, cases)
    probe = chosen(np.random.default_rng(0), len(cases), PROBE)
    lowest = cost_in_training(copy, cases, probe)
    count = round(A_DECADE * np.log10(HIGHEST / LOWEST)) + 1
    for rate in np.geomspace(LOWEST, HIGHEST, count):
        for _ in range(STEPS):
            if stop():
                raise Interrupted
            x, y = batches.next()
            cost = copy.step(x, y, float(rate) * in_force(copy))
            batches.done(len(x), cost)
        cost = cost_in_training(copy, cases, probe)
        yield Point(float(rate), cost)
        lowest = min(lowest, cost)
        if not cost <= TOO_FAR * lowest:
            return


def fresh_copy(trainer: Trainer) -> Trainer:
    """The same network before any training, with the weights that its seed draws.

    The range test tells something of a network that has much to learn: the cost of a trained one
    hardly falls at any rate, and mostly where a step is too small to matter.
    """
    network = trainer.network.copy(trainer.network.dtype)
    network.initialize(trainer.seed)
    return Trainer(network, trainer.settings, trainer.seed)


def suggestion(points: Sequence[Point], optimizer: str) -> float | None:
    """A rate to train with: well below the one at which the cost is lowest.

    None where the cost hardly falls.
    """
    lowest = min(points, key=lambda point: point.cost)
    if lowest.cost > LEAST_FALL * points[0].cost:
        return None
    return float(f"{lowest.rate / MARGINS[optimizer]:.1g}")


def in_force(copy: Trainer) -> float:
    """What the setting `rate` is multiplied by in the next mini-batch of a long training."""
    factor = 1.0
    if Schedule.parse(copy.settings.schedule).name == "inverse-sqrt":
        factor = inverse_sqrt(copy.progress.batches)
    if copy.settings.optimizer.startswith("schedule-free"):  # its warm-up is not what is tested
        factor *= max(1.0, WARM_UP / (copy.optimizer.steps + 1))
    return factor

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from digitnet.engine.arrays import Cases
from digitnet.engine.optimizers import WARM_UP
from digitnet.engine.schedules import Schedule, inverse_sqrt
from digitnet.engine.trainer import Trainer
from digitnet.insight.facts import sample_indices
from digitnet.insight.rehearsal import (
    Interrupted,
    Stop,
    cost_in_training,
    mini_batches,
    training_copy,
)

MIN_RATE, MAX_RATE = 1e-5, 1e2
"""The range of rates."""

RATES_PER_DECADE = 8
"""Rates per factor of ten."""

BATCHES_PER_RATE = 4
"""Mini-batches at each rate."""

PROBE = 300
"""Maximum number of cases on which the cost is measured after each rate."""

STOP_RATIO = 4
"""The test ends when the cost is this many times the lowest (fastai's `LRFinder`, `stop_div`)."""

MAX_COST_RATIO = 0.95
"""The cost has fallen if it is below this fraction of the first."""

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
"""Optimiser → the rate of the lowest cost, divided by the rate to suggest. fastai's `minimum`
divides by 10 for all. Measured here over some epochs: plain steps tolerate higher rates; those
divided by the gradient's magnitude lower ones; schedule-free ones, whose mean hides how far they
overshoot, the lowest."""


@dataclass(frozen=True)
class Point:
    """A rate, and the cost after a few mini-batches at it."""

    rate: float
    cost: float


def range_test(trainer: Trainer, cases: Cases, stop: Stop) -> Generator[Point, None, None]:
    """Trains a copy at increasing rates, a few mini-batches at each, until the cost explodes.

    (Smith 2017, arXiv 1506.01186, section 3.3.) The cost is measured on the same cases each time,
    with the weights in training, so it needs no smoothing. Yields rates as `set rate` takes them.

    Raises Interrupted if `stop` returns True, and ValueError if deformations are set and the inputs
    are not square pictures.
    """
    copy = training_copy(trainer)
    batches = mini_batches(copy, cases)
    probe = sample_indices(np.random.default_rng(0), len(cases), PROBE)
    lowest = cost_in_training(copy, cases, probe)
    count = round(RATES_PER_DECADE * np.log10(MAX_RATE / MIN_RATE)) + 1
    for rate in np.geomspace(MIN_RATE, MAX_RATE, count):
        for _ in range(BATCHES_PER_RATE):
            if stop():
                raise Interrupted
            x, y = batches.next()
            cost = copy.step(x, y, float(rate) * rate_factor(copy))
            batches.done(len(x), cost)
        cost = cost_in_training(copy, cases, probe)
        yield Point(float(rate), cost)
        lowest = min(lowest, cost)
        if not cost <= STOP_RATIO * lowest:
            return


def untrained_copy(trainer: Trainer) -> Trainer:
    """The same network before training, with the weights that its seed gives.

    The range test needs a network that has much to learn: a trained one's cost hardly falls at any
    rate, and mostly at rates too low to matter.
    """
    network = trainer.network.copy(trainer.network.dtype)
    network.initialize(trainer.seed)
    return Trainer(network, trainer.settings, trainer.seed)


def suggested_rate(points: Sequence[Point], optimizer: str) -> float | None:
    """A rate to train with: the one of the lowest cost, divided by the optimiser's margin.

    None if the cost hardly falls.
    """
    lowest = min(points, key=lambda point: point.cost)
    if lowest.cost > MAX_COST_RATIO * points[0].cost:
        return None
    return float(f"{lowest.rate / MARGINS[optimizer]:.1g}")


def rate_factor(copy: Trainer) -> float:
    """The factor for the setting `rate` at the next mini-batch of a long training."""
    factor = 1.0
    if Schedule.parse(copy.settings.schedule).name == "inverse-sqrt":
        factor = inverse_sqrt(copy.progress.batches)
    if copy.settings.optimizer.startswith("schedule-free"):  # cancels its warm-up
        factor *= max(1.0, WARM_UP / (copy.optimizer.steps + 1))
    return factor

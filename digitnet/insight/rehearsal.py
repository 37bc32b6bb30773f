"""Rehearsals: a copy is trained briefly, with its settings or at higher and higher rates."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Any

import numpy as np

from digitnet.engine.arrays import Cases, Integers
from digitnet.engine.evaluate import Evaluation, evaluate, max_cases, multiplications
from digitnet.engine.layers import Dropout
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS, WARM_UP
from digitnet.engine.report import Report, ignore
from digitnet.engine.run import Meter
from digitnet.engine.schedules import Amount, Schedule
from digitnet.engine.trainer import MiniBatches, Trainer
from digitnet.insight.data import sample_indices

MAX_BATCH, LEAST_BATCH = 128, 16  # most cases in a mini-batch, and most for a large network
BATCH_WORK, WORK = 6e7, 6e9  # multiplications forward, of a mini-batch and of a rehearsal
PROBE_WORK, MAX_PROBE = 4e9, 1_000  # multiplications and cases, at most, for cost and accuracy


def training_copy(trainer: Trainer, **changes: Any) -> Trainer:
    """A copy with some settings changed and no running mean, which would hide the effect."""
    copy = Trainer(trainer.network.copy(trainer.network.dtype), trainer.settings, trainer.seed)
    copy.restore(trainer.snapshot())
    copy.change(replace(trainer.settings, **({"average": 0.0} | changes)))
    return copy


def untrained_copy(trainer: Trainer) -> Trainer:
    network = trainer.network.copy(trainer.network.dtype)
    network.initialize(trainer.seed)
    return Trainer(network, trainer.settings, trainer.seed)


def limit_dropout(network: Network, most: float = 0.0) -> Network:
    """A copy of the network whose dropout has at most this probability."""
    layers = [layer.copy(network.dtype) for layer in network.layers]
    for layer in layers:
        if isinstance(layer, Dropout):
            layer.probability = min(layer.probability, most)
    return Network(layers, network.cost_name)


def largest_dropout(network: Network) -> float:
    return max((la.probability for la in network.layers if isinstance(la, Dropout)), default=0.0)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal, told by the probe's costs without penalties; one that is not finite is ∞."""

    batches: int
    before: float
    after: float
    accuracy: float  # after it
    costs: list[float] = field(default_factory=list)  # of the mini-batches


def rehearse(
    copy: Trainer, cases: Cases, probe: Integers, report: Report = ignore, what: str = ""
) -> Rehearsal:
    """Trains a copy for some mini-batches with its settings; reports `what` before each.

    probe: indices of the cases on which cost and accuracy are measured, with the weights in
    training, and statistics of batch normalization measured anew for those that answer. Raises
    ValueError if deformations are set and the inputs are not square pictures.
    """
    before, costs = _measured(copy, cases, probe), list[float]()
    batches = _mini_batches(copy, cases)
    steps = min(max(WORK / (multiplications(copy.network) * batches.size), 60), 300)
    steps = int(steps * min(max(LEAST_BATCH / batches.size, 1), 5))  # more if they are small
    meter = Meter(Amount(steps, "batches"), copy, len(cases))
    while len(costs) < steps and isfinite(sum(costs[-1:])):
        report(what)
        costs.append(_train_one(copy, batches, meter.rate()))
    after = _measured(copy, cases, probe)
    return Rehearsal(steps, before.cost, after.cost, after.accuracy, costs)


def probe_of(network: Network, cases: Cases) -> Integers:
    """The cases on which costs and accuracies of a network are measured: fewer for a large one."""
    most = max(MAX_PROBE // 5, PROBE_WORK // multiplications(network))
    return sample_indices(len(cases), int(min(MAX_PROBE, most)))


def _mini_batches(copy: Trainer, cases: Cases) -> MiniBatches:
    """The copy's next mini-batches, which are not large."""
    most = min(MAX_BATCH, max(LEAST_BATCH, int(BATCH_WORK / multiplications(copy.network))))
    most = min(most, max(1, max_cases(copy.network) // 4))  # beside the network, and other arrays
    copy.change(replace(copy.settings, batch=min(copy.settings.batch or most, most)))
    return MiniBatches(copy, cases)


def _train_one(copy: Trainer, batches: MiniBatches, rate: float) -> float:
    x, y = batches.next()
    cost = copy.step(x, y, rate)
    batches.done(len(x), cost)
    return cost


def _measured(copy: Trainer, cases: Cases, probe: Integers) -> Evaluation:
    if not copy.network.is_finite():
        return Evaluation(0, len(probe), inf)
    few = slice(min(len(cases), len(probe)))
    copy.measure_statistics(replace(cases, inputs=cases.inputs[few], targets=cases.targets[few]))
    result = evaluate(copy.network, cases, probe)
    return result if isfinite(result.cost) else replace(result, cost=inf)


@dataclass(frozen=True)
class Point:
    """A rate, and the cost after a few mini-batches at it."""

    rate: float
    cost: float


def range_test(trainer: Trainer, cases: Cases, report: Report = ignore) -> list[Point]:
    """Trains a copy at rates from 1e-5 to 100, four mini-batches at each, until the cost is four
    times the lowest (Smith 2017, arXiv 1506.01186, section 3.3; fastai's `LRFinder`), or has fallen
    so low that higher rates have nothing left to show.

    The cost is measured on the same cases each time, so it needs no smoothing. Reports each point,
    with rates as `set rate` takes them. Raises ValueError as `rehearse` does.
    """
    copy = training_copy(trainer)
    batches = _mini_batches(copy, cases)
    probe = sample_indices(len(cases), 300)
    start = lowest = _measured(copy, cases, probe).cost
    points: list[Point] = []
    for rate in np.geomspace(1e-5, 1e2, 57).tolist():  # eight to a power of ten
        for _ in range(4):
            report(None)
            _train_one(copy, batches, rate * _rate_factor(copy))
        points.append(Point(rate, _measured(copy, cases, probe).cost))
        report(points[-1])
        lowest = min(lowest, points[-1].cost)
        if not 0.05 * start <= points[-1].cost <= 4 * lowest:
            break
    return points


def suggested_rate(points: Sequence[Point], optimizer: str) -> float | None:
    """The rate of the lowest cost, over the optimizer's margin; None if it hardly falls."""
    lowest = min(points, key=lambda point: point.cost)
    if lowest.cost > 0.98 * points[0].cost:
        return None
    return float(f"{lowest.rate / OPTIMIZERS[optimizer].rate_margin:.1g}")


def _rate_factor(copy: Trainer) -> float:
    """The factor for the setting `rate` at the next mini-batch of a long training."""
    curve = Schedule.parse(copy.settings.schedule).curve
    factor = curve.factor(copy.progress.batches) if curve.counts_batches else 1.0
    if copy.optimizer.warms_up:  # cancels its warm-up
        factor *= max(1.0, WARM_UP / (copy.optimizer.steps + 1))
    return factor

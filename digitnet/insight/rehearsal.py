from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from digitnet.engine.arrays import Cases, Integers
from digitnet.engine.augment import Augment
from digitnet.engine.batches import MiniBatches
from digitnet.engine.evaluate import evaluate
from digitnet.engine.layers import Dropout
from digitnet.engine.network import Network
from digitnet.engine.run import Stretch
from digitnet.engine.schedules import Amount, Schedule
from digitnet.engine.trainer import Trainer

MIN_STEPS, MAX_STEPS = 100, 300
"""Bounds on the number of mini-batches of a rehearsal."""

MULTIPLICATIONS = 3e9
"""Multiplications in the forward passes of a rehearsal, within these bounds."""

MAX_BATCH = 128
"""Maximum number of cases in a mini-batch of a rehearsal: full-batch training takes too long."""

Stop = Callable[[], bool]


class Interrupted(Exception):
    """Raised when `stop` returns True (Ctrl-C)."""


def training_copy(trainer: Trainer, **changes: Any) -> Trainer:
    """A copy of the trainer, with some settings changed.

    It has no running mean of the weights, so that the effect of a rehearsal shows in the weights
    themselves; a long mean would hide it.
    """
    copy = Trainer(trainer.network.copy(trainer.network.dtype), trainer.settings, trainer.seed)
    copy.restore(trainer.snapshot())
    copy.settings = replace(trainer.settings, **({"average": 0.0} | changes))
    return copy


def without_dropout(network: Network) -> Network:
    """A copy of the network without its dropout layers."""
    kept = [layer for layer in network.layers if not isinstance(layer, Dropout)]
    return Network([layer.copy(network.dtype) for layer in kept], network.cost_name)


@dataclass(frozen=True)
class Rehearsal:
    """The effect of a rehearsal: its rate, and the cost on the probe before and after."""

    rate: float
    before: float
    after: float

    @property
    def gain(self) -> float:
        """How much the cost fell; −∞ if it is not finite."""
        return self.before - self.after if np.isfinite(self.after) else -np.inf


def rehearse(
    copy: Trainer, cases: Cases, probe: Integers, stop: Stop
) -> Generator[None, None, Rehearsal]:
    """Trains a copy for some mini-batches with its settings; yields after each.

    probe: indices of the cases on which the cost is measured, with the weights in training, and
    newly measured statistics of batch normalisation. Raises Interrupted if `stop` returns True, and
    ValueError if deformations are set and the inputs are not square pictures.
    """
    before = cost_in_training(copy, cases, probe)
    batches = mini_batches(copy, cases)
    steps = step_count(copy.network, batches.size)
    schedule = Schedule.parse(copy.settings.schedule)
    stretch = Stretch(Amount(steps, "batches"), copy.progress, len(cases), schedule)
    for _ in range(steps):
        if stop():
            raise Interrupted
        x, y = batches.next()
        cost = copy.step(x, y, copy.settings.rate * stretch.factor())
        batches.done(len(x), cost)
        yield
        if not np.isfinite(cost):
            break
    return Rehearsal(copy.settings.rate, before, cost_in_training(copy, cases, probe))


def step_count(network: Network, batch: int) -> int:
    """The number of mini-batches of a rehearsal: fewer for larger networks and batches."""
    work = sum(
        layer.parameters[0].value.size * prod(layer.shape[:-1])
        for layer in network.layers
        if layer.parameters
    )
    return int(min(max(MULTIPLICATIONS / (work * batch), MIN_STEPS), MAX_STEPS))


def report_progress(
    rehearsal: Generator[None, None, Rehearsal], what: str
) -> Generator[str, None, Rehearsal]:
    """Runs a rehearsal, and yields `what` after each mini-batch."""
    while True:
        try:
            next(rehearsal)
        except StopIteration as end:
            result: Rehearsal = end.value
            return result
        yield what


def mini_batches(copy: Trainer, cases: Cases) -> MiniBatches:
    """The copy's next mini-batches, of at most MAX_BATCH cases."""
    settings = copy.settings
    return MiniBatches(
        cases,
        min(settings.batch or len(cases), MAX_BATCH),
        copy.network.dtype,
        seed=copy.seed,
        progress=copy.progress,
        smoothing=settings.smoothing,
        augment=Augment.parse(settings.augment),
    )


def cost_in_training(copy: Trainer, cases: Cases, probe: Integers) -> float:
    """The cost on these cases, without penalties, with the weights in training; ∞ if not finite."""
    if not copy.network.is_finite():
        return np.inf
    if copy.network.batch_norms:
        copy.measure_statistics(cases)
    cost = evaluate(copy.network, cases, probe).cost
    return cost if np.isfinite(cost) else np.inf

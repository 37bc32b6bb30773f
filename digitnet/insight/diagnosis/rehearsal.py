"""Rehearsals: short trainings of a copy, to see what the settings would do to the network."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.augment import Augment
from digitnet.engine.batches import MiniBatches
from digitnet.engine.cases import Cases
from digitnet.engine.evaluate import evaluate
from digitnet.engine.layers import Dropout
from digitnet.engine.network import Network
from digitnet.engine.schedules import Schedule
from digitnet.engine.stretch import Stretch
from digitnet.engine.trainer import Trainer
from digitnet.engine.types import Integers

FEWEST, MOST = 100, 300
"""Mini-batches of a rehearsal,"""
WORK = 3e9
"""or as many between these as make for so many multiplications forward."""
LARGEST_BATCH = 128
"""Cases in a mini-batch of a rehearsal, at most: full batches of a large set would take minutes."""

Stop = Callable[[], bool]


class Interrupted(Exception):
    """Somebody wants to stop (Ctrl-C)."""


def twin(trainer: Trainer, **changes: Any) -> Trainer:
    """A copy of all that training changes, with some settings changed; the original is only read.

    Without the running mean of the weights: what a rehearsal does is seen in the weights in
    training, while a long mean hides it.
    """
    copy = Trainer(trainer.network.copy(trainer.network.dtype), trainer.settings, trainer.seed)
    copy.restore(trainer.snapshot())
    copy.settings = replace(trainer.settings, **({"average": 0.0} | changes))
    return copy


def without_dropout(network: Network) -> Network:
    """A copy of the network that leaves nothing out in training either."""
    kept = [layer for layer in network.layers if not isinstance(layer, Dropout)]
    return Network([layer.copy(network.dtype) for layer in kept], network.cost_name)


@dataclass(frozen=True)
class Rehearsal:
    """What so many mini-batches did to a copy: its cost on the probe, before and after."""

    rate: float
    before: float
    after: float

    @property
    def gain(self) -> float:
        """How much the cost fell; −∞ where it is no number any more."""
        return self.before - self.after if np.isfinite(self.after) else -np.inf


def rehearse(
    copy: Trainer, cases: Cases, probe: Integers, stop: Stop
) -> Generator[None, None, Rehearsal]:
    """Trains a copy for some mini-batches, as its settings have it; yields after each.

    probe: rows of the cases on which the cost is measured, with the weights in training and, for
    batch normalisation, statistics of these weights. Raises Interrupted when `stop` says so, and
    ValueError where cases are to be deformed that are no square pictures.
    """
    before = cost_in_training(copy, cases, probe)
    batches = mini_batches(copy, cases)
    steps = length_of(copy.network, batches.size)
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


def length_of(network: Network, batch: int) -> int:
    """Mini-batches of a rehearsal: more where they cost less."""
    work = sum(
        layer.parameters[0].value.size * prod(layer.shape[:-1])
        for layer in network.layers
        if layer.parameters
    )
    return int(min(max(WORK / (work * batch), FEWEST), MOST))


def told(working: Generator[None, None, Rehearsal], what: str) -> Generator[str, None, Rehearsal]:
    """Tells what is going on while a rehearsal does its steps."""
    while True:
        try:
            next(working)
        except StopIteration as end:
            rehearsal: Rehearsal = end.value
            return rehearsal
        yield what


def mini_batches(copy: Trainer, cases: Cases) -> MiniBatches:
    """The mini-batches that the copy would be trained on next, small enough for a rehearsal."""
    settings = copy.settings
    return MiniBatches(
        cases,
        min(settings.batch or len(cases), LARGEST_BATCH),
        copy.network.dtype,
        seed=copy.seed,
        progress=copy.progress,
        smoothing=settings.smoothing,
        augment=Augment.parse(settings.augment),
    )


def cost_in_training(copy: Trainer, cases: Cases, probe: Integers) -> float:
    """The cost, without penalties, that the weights in training have on these cases."""
    if not copy.network.is_finite():
        return np.inf
    if copy.network.batch_norms:
        copy.measure_statistics(cases)
    cost = evaluate(copy.network, cases, probe).cost
    return cost if np.isfinite(cost) else np.inf

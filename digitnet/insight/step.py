"""`step`: one mini-batch of training, observed."""

from dataclasses import dataclass, replace

import numpy as np

from digitnet.engine.arrays import Array, Cases, assign
from digitnet.engine.layers import Layer, Step
from digitnet.engine.network import Network
from digitnet.engine.report import Report, ignore
from digitnet.engine.run import Meter, Outcome, run
from digitnet.engine.schedules import Amount
from digitnet.engine.trainer import MiniBatches, Trainer

ONE_BATCH = Amount(1, "batches")


@dataclass(frozen=True)
class ParameterChange:
    """A parameter before and after a mini-batch."""

    number: int  # of its layer, the first being 1
    layer: Layer
    name: str
    before: Array
    gradient: Array  # of the mean cost, penalties included
    after: Array
    answers: Array | None = None  # its running mean, if that answers

    @property
    def change(self) -> Array:
        difference: Array = self.after - self.before
        return difference


@dataclass(frozen=True)
class ObservedStep:
    """One mini-batch of training, as in training; costs include penalties, as those of `run` do."""

    number: int  # of mini-batches the network has been trained on, with this one
    rate: float
    inputs: Array
    targets: Array
    outputs_before: Array
    outputs_after: Array
    cost_before: float
    cost_after: float
    changes: list[ParameterChange]
    outcome: Outcome  # of `run`; no mini-batches if training diverged


@np.errstate(all="ignore")  # huge weights and penalties may overflow
def observe_step(
    trainer: Trainer, cases: Cases, validation: Cases, report: Report = ignore
) -> ObservedStep:
    """Trains one mini-batch exactly as `run` does without patience, and returns its details.

    They are computed on a copy of the network, so that the training is bit for bit the same as
    without observation. If `report` raises Stopped, the outcome is "interrupted".
    """
    x, y = MiniBatches(trainer, cases, replace(trainer.progress)).next()
    copy = trainer.network.copy(trainer.network.dtype)
    step = Step(trainer.seed, trainer.progress.batches)
    rate = Meter(ONE_BATCH, trainer, len(cases)).rate()
    outputs, cost = _forward(copy, trainer, x, y, step)
    copy.backward(outputs, y)
    gradients = [trainer.penalties.add_to(p.whole_gradient, p) for p in copy.parameters]
    before = [(p.value.copy(), g.copy()) for p, g in zip(copy.parameters, gradients, strict=True)]

    settings = trainer.settings
    trainer.change(replace(settings, patience=0))  # it could take the mini-batch back
    try:
        outcome = run(trainer, cases, validation, ONE_BATCH, lambda _: report(None))
    finally:
        trainer.change(settings)
    assign(copy.values, trainer.network.values)
    outputs_after, cost_after = _forward(copy, trainer, x, y, step)
    means: list[Array | None] = [None] * len(before)
    if (answering := trainer.with_answering_weights()) is not trainer.network:
        means = [p.value.copy() for p in answering.parameters]
    owners = [(n, layer, p) for n, layer in enumerate(copy.layers, 1) for p in layer.parameters]
    changes = [
        ParameterChange(number, layer, p.name, value, gradient, p.value, mean)
        for (number, layer, p), (value, gradient), mean in zip(owners, before, means, strict=True)
    ]
    shown = x.copy(), y.copy(), outputs, outputs_after, cost, cost_after
    return ObservedStep(trainer.progress.batches, rate, *shown, changes, outcome)


def _forward(of: Network, trainer: Trainer, x: Array, y: Array, step: Step) -> tuple[Array, float]:
    a = of.forward(x, step).copy()
    return a, of.cost.value(a, y) + trainer.penalties.value(of.parameters)

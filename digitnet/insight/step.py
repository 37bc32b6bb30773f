from dataclasses import dataclass, replace

import numpy as np

from digitnet.engine.arrays import Array, Cases
from digitnet.engine.layers import Layer, Parameter, Step
from digitnet.engine.network import Network
from digitnet.engine.optimizers import Penalties
from digitnet.engine.report import Report, ignore
from digitnet.engine.run import Outcome, Stretch, mini_batches, run
from digitnet.engine.schedules import Amount, Schedule
from digitnet.engine.trainer import Trainer

ONE_BATCH = Amount(1, "batches")


@dataclass(frozen=True)
class Change:
    """A parameter before and after a mini-batch. gradient: of the mean cost, penalties included.

    number, layer: of the layer it belongs to, the first being 1.
    """

    number: int
    layer: Layer
    name: str
    before: Array
    gradient: Array
    after: Array

    @property
    def change(self) -> Array:
        """after − before."""
        difference: Array = self.after - self.before
        return difference


@dataclass(frozen=True)
class ObservedStep:
    """One mini-batch of training: its cases, the parameters before and after it, and the outcome.

    number: of mini-batches the network has been trained on, including this one. rate: the learning
    rate at this mini-batch. inputs, targets, outputs_before, outputs_after, cost_before,
    cost_after: of its cases, as in training; the costs include penalties.
    outcome: the outcome of `run`, with no mini-batches if training diverged.
    """

    number: int
    rate: float
    inputs: Array
    targets: Array
    outputs_before: Array
    outputs_after: Array
    cost_before: float
    cost_after: float
    changes: list[Change]
    outcome: Outcome


def observe_step(
    trainer: Trainer, cases: Cases, validation: Cases, report: Report = ignore
) -> ObservedStep:
    """Trains one mini-batch exactly as `run` does, and returns its details.

    Calls report(None) when it is done; if that raises Stopped, the outcome is "interrupted".

    They are computed on copies of the network and its progress, so that the training is bit for bit
    the same as without observation.
    """
    x, y = mini_batches(trainer, cases, replace(trainer.progress)).next()
    copy = trainer.network.copy(trainer.network.dtype)
    step = Step(trainer.seed, trainer.progress.batches)
    schedule = Schedule.parse(trainer.settings.schedule)
    rate = (
        trainer.settings.rate * Stretch(ONE_BATCH, trainer.progress, len(cases), schedule).factor()
    )
    before = _ForwardPass.of(copy, trainer, x, y, step)
    values = [p.value.copy() for p in copy.parameters]
    gradients = [_gradient(p, trainer) for p in copy.parameters]

    outcome = run(trainer, cases, validation, ONE_BATCH, lambda _: report(None))
    for p, trained in zip(copy.parameters, trainer.network.parameters, strict=True):
        p.value[...] = trained.value
    after = _ForwardPass.of(copy, trainer, x, y, step)
    return ObservedStep(
        trainer.progress.batches,
        rate,
        x.copy(),
        y.copy(),
        before.outputs,
        after.outputs,
        before.cost,
        after.cost,
        _changes(copy, values, gradients),
        outcome,
    )


@dataclass(frozen=True)
class _ForwardPass:
    """The outputs and cost of a network for a mini-batch in training."""

    outputs: Array
    cost: float

    @classmethod
    def of(
        cls, network: Network, trainer: Trainer, x: Array, y: Array, step: Step
    ) -> "_ForwardPass":
        """Runs the forward pass, and the backward pass to compute the parameters' gradients."""
        with np.errstate(all="ignore"):
            a = network.forward(x, step)
            cost = network.cost.value(a, y) + trainer.penalties.value(network.parameters)
            seen = cls(a.copy(), cost)
            network.backward(a, y)
        return seen


def _gradient(p: Parameter, trainer: Trainer) -> Array:
    """The gradient that the optimiser is given."""
    penalties = trainer.penalties
    if trainer.optimizer.decoupled:
        penalties = Penalties(0.0, penalties.l1)
    with np.errstate(all="ignore"):  # huge weights and penalties may overflow
        g = p.whole_gradient().copy()
        penalties.add_gradient(p, g)
    return g


def _changes(network: Network, values: list[Array], gradients: list[Array]) -> list[Change]:
    """The change of every parameter, first layer first."""
    owners = [
        (number, layer, p)
        for number, layer in enumerate(network.layers, 1)
        for p in layer.parameters
    ]
    return [
        Change(number, layer, p.name, value, gradient, p.value.copy())
        for (number, layer, p), value, gradient in zip(owners, values, gradients, strict=True)
    ]

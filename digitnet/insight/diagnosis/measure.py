"""Takes the measurements that the checks need."""

from collections.abc import Generator

import numpy as np

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.cases import Cases, Feeder, answers_of
from digitnet.engine.evaluate import evaluate, outputs_for
from digitnet.engine.layers import Dense, Dropout
from digitnet.engine.layers.base import Step
from digitnet.engine.network import Network
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Trainer
from digitnet.engine.types import Array, Integers
from digitnet.insight.diagnosis.data_facts import data_facts, frequencies_of, sample_indices
from digitnet.insight.diagnosis.layer_facts import layer_facts
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import (
    Interrupted,
    Stop,
    rehearse,
    report_progress,
    training_copy,
    without_dropout,
)

PROBE = 1_000
"""Maximum number of cases on which costs and accuracies are measured."""
BATCH = 256
"""Maximum number of cases in the batch for the facts about the layers."""
SMALL_BATCH = 16
"""Cases that every network should be able to memorise (TheDeepChecker, single_batch_size)."""
FITTING_STEPS = 300
FITTING_RATES = (0.003, 0.03)
"""Adam's rates with which that is tried, one after the other."""
SEED = 0
"""Seed of the choice of cases, so that it is the same each time."""


def measure(
    trainer: Trainer, train: Cases, validation: Cases, stop: Stop
) -> Generator[str, None, Measurements]:
    """Measures a network with finite weights, without changing it; yields what it is doing.

    Raises Interrupted if `stop` returns True, and ValueError if deformations are set and the inputs
    are not square pictures.
    """
    rng = np.random.default_rng(SEED)
    yield "the data"
    data = data_facts(train, validation, rng)
    probe = probe_of(train)
    validation_probe = sample_indices(rng, len(validation), PROBE)
    yield "the answers"
    answering = trainer.answering()
    x, y = Feeder(train, len(probe), trainer.network.dtype).batch(probe)
    outputs = outputs_for(answering, train, probe)
    yield "the layers"
    facts = layer_facts(without_dropout(trainer.network), x[:BATCH], y[:BATCH])
    yield "a batch of 16"
    fitted = yield from _fitted(trainer, x, y, stop)
    yield "a rehearsal"
    current = yield from report_progress(
        rehearse(training_copy(trainer), train, probe, stop), "a rehearsal"
    )
    return Measurements(
        batches=trainer.progress.batches,
        settings=trainer.settings,
        history=list(trainer.history),
        data=data,
        chance=_cost_of_chance(trainer.network, x, y),
        baseline=trainer.network.cost.value(np.broadcast_to(y.mean(axis=0), y.shape), y),
        cost=current.before,
        train=evaluate(answering, train, probe),
        validation=evaluate(answering, validation, validation_probe),
        guesses=frequencies_of(answers_of(outputs), outputs.shape[1]),
        response=_response(answering, x),
        layers=facts,
        fitted=fitted,
        batch_norm_costs=_batch_norm_costs(trainer, train, probe),
        current=current,
        dropout=largest_dropout(trainer.network),
    )


def probe_of(train: Cases) -> Integers:
    """Indices of the training cases on which costs are measured, the same each time."""
    return sample_indices(np.random.default_rng(SEED), len(train), PROBE)


def _cost_of_chance(network: Network, x: Array, y: Array) -> float:
    """The cost of a copy whose weights and biases are all zero.

    For softmax and cross-entropy that is ln(answers) (Karpathy 2019, "A Recipe for Training Neural
    Networks": verify loss @ init).
    """
    copy = network.copy(network.dtype)
    for p in copy.parameters:
        p.value[...] = 0
    return copy.cost.value(copy.forward(x), y)


def _response(network: Network, x: Array) -> float:
    """The largest standard deviation, over the cases, of an output's weighted sum."""
    copy = network.copy(network.dtype)
    last = copy.layers[-1]
    assert isinstance(last, Dense)
    last.activation = ACTIVATIONS["linear"]
    with np.errstate(all="ignore"):
        return float(copy.forward(x).std(axis=0).max())


def _batch_norm_costs(
    trainer: Trainer, train: Cases, probe: Integers
) -> tuple[float, float] | None:
    """The cost with the present statistics of batch normalisation, and with newly measured ones."""
    if not trainer.network.batch_norms or not trainer.progress.batches:
        return None
    copy = training_copy(trainer, average=trainer.settings.average)
    old = evaluate(copy.answering(), train, probe).cost
    copy.measure_statistics(train)
    return old, evaluate(copy.answering(), train, probe).cost


def _fitted(trainer: Trainer, x: Array, y: Array, stop: Stop) -> Generator[str, None, float]:
    """The largest fraction of SMALL_BATCH cases that a copy gets right while it is trained on them.

    It is trained with Adam and without dropout or penalties, to test the network alone.
    """
    x, y = x[:SMALL_BATCH], y[:SMALL_BATCH]
    best = 0.0
    for rate in FITTING_RATES:
        network = without_dropout(trainer.network)
        copy = Trainer(network, Settings(optimizer="adam", rate=rate), trainer.seed)
        for _ in range(FITTING_STEPS):
            if stop():
                raise Interrupted
            copy.step(x, y, rate)
            if not network.is_finite():
                break
            right = answers_of(network.forward(x, Step())) == answers_of(y)
            best = max(best, float(right.mean()))
            if best == 1:
                return best
            yield "a batch of 16"
    return best


def largest_dropout(network: Network) -> float:
    """The largest probability of a network's dropout layers; 0 without any."""
    return max((la.probability for la in network.layers if isinstance(la, Dropout)), default=0.0)

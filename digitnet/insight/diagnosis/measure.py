"""Measuring: everything the checks look at, from a network in training and its data."""

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
from digitnet.insight.diagnosis.data_facts import chosen, data_facts, shares_of
from digitnet.insight.diagnosis.layer_facts import layer_facts
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import (
    Interrupted,
    Stop,
    rehearse,
    told,
    twin,
    without_dropout,
)

PROBE = 1_000
"""Cases on which costs and answers are measured, at most."""
BATCH = 256
"""Cases sent forward and back to look into the layers, at most."""
SMALL_BATCH = 16
"""Cases that every network should be able to learn by heart (TheDeepChecker, single_batch_size)."""
FITTING_STEPS = 300
FITTING_RATES = (0.003, 0.03)
"""Adam's rates at which that is tried, one after the other."""
SEED = 0
"""Draws the cases that are looked at: the same ones each time."""


def measure(
    trainer: Trainer, train: Cases, validation: Cases, stop: Stop
) -> Generator[str, None, Measurements]:
    """Measures a network that is finite, and does not change it; tells what it is at.

    Raises Interrupted when `stop` says so, and ValueError where cases are to be deformed that are
    no square pictures.
    """
    rng = np.random.default_rng(SEED)
    yield "the data"
    data = data_facts(train, validation, rng)
    probe = probe_of(train)
    asked = chosen(rng, len(validation), PROBE)
    yield "the answers"
    answering = trainer.answering()
    x, y = Feeder(train, len(probe), trainer.network.dtype).batch(probe)
    outputs = outputs_for(answering, train, probe)
    yield "the layers"
    facts = layer_facts(without_dropout(trainer.network), x[:BATCH], y[:BATCH])
    yield "a batch of 16"
    fitted = yield from _fitted(trainer, x, y, stop)
    yield "a rehearsal"
    as_set = yield from told(rehearse(twin(trainer), train, probe, stop), "a rehearsal")
    return Measurements(
        batches=trainer.progress.batches,
        settings=trainer.settings,
        history=list(trainer.history),
        data=data,
        chance=_cost_of_chance(trainer.network, x, y),
        baseline=trainer.network.cost.value(np.broadcast_to(y.mean(axis=0), y.shape), y),
        cost=as_set.before,
        train=evaluate(answering, train, probe),
        validation=evaluate(answering, validation, asked),
        guesses=shares_of(answers_of(outputs), outputs.shape[1]),
        response=_response(answering, x),
        layers=facts,
        fitted=fitted,
        stale=_stale(trainer, train, probe),
        as_set=as_set,
        dropout=largest_dropout(trainer.network),
    )


def probe_of(train: Cases) -> Integers:
    """The rows of the training cases on which costs are measured, the same each time."""
    return chosen(np.random.default_rng(SEED), len(train), PROBE)


def _cost_of_chance(network: Network, x: Array, y: Array) -> float:
    """What it costs to know nothing: of a copy whose weights and biases are all zero.

    For softmax and cross-entropy that is ln(answers) (Karpathy 2019, "A Recipe for Training Neural
    Networks": verify loss @ init).
    """
    copy = network.copy(network.dtype)
    for p in copy.parameters:
        p.value[...] = 0
    return copy.cost.value(copy.forward(x), y)


def _response(network: Network, x: Array) -> float:
    """How far the weighted sums of the outputs move from case to case: a standard deviation."""
    copy = network.copy(network.dtype)
    last = copy.layers[-1]
    assert isinstance(last, Dense)
    last.activation = ACTIVATIONS["linear"]
    with np.errstate(all="ignore"):
        return float(copy.forward(x).std(axis=0).max())


def _stale(trainer: Trainer, train: Cases, probe: Integers) -> tuple[float, float] | None:
    """The cost with the statistics of batch normalisation as they are, and with new ones."""
    if not trainer.network.batch_norms or not trainer.progress.batches:
        return None
    copy = twin(trainer, average=trainer.settings.average)
    old = evaluate(copy.answering(), train, probe).cost
    copy.measure_statistics(train)
    return old, evaluate(copy.answering(), train, probe).cost


def _fitted(trainer: Trainer, x: Array, y: Array, stop: Stop) -> Generator[str, None, float]:
    """The share of SMALL_BATCH cases that a copy gets right at its best while it learns them.

    With Adam and nothing that holds it back, so that only the network itself is looked at.
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
    """The largest probability of dropout in a network."""
    return max((la.probability for la in network.layers if isinstance(la, Dropout)), default=0.0)

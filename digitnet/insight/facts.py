"""The measurements of a network and its data that the doctor judges: plain numbers."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt

import numpy as np

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.arrays import Array, Cases, Feeder, Integers, answers_of
from digitnet.engine.evaluate import Evaluation, evaluate, outputs_for
from digitnet.engine.layers import Dense, Dropout, Layer, Step
from digitnet.engine.network import Network
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Measurement, Trainer
from digitnet.insight.rehearsal import (
    Interrupted,
    Rehearsal,
    Stop,
    rehearse,
    report_progress,
    training_copy,
    without_dropout,
)


@dataclass(frozen=True)
class DataFacts:
    """Facts about the training cases, as the network sees them.

    frequencies: the fraction of cases with each answer. low, high: the smallest and largest input.
    spread: the standard deviation of each input over the cases, averaged over the inputs. is_table:
    whether the validation cases are the training cases. agreement: the fraction of cases whose
    answer is the commonest among their five nearest neighbours; None if there are too few cases.
    validation_agreement: the same for validation cases and their neighbours in the training set.
    """

    cases: int
    frequencies: Sequence[float]
    low: float
    high: float
    spread: float
    is_table: bool
    agreement: float | None
    validation_agreement: float | None


@dataclass(frozen=True)
class LayerFacts:
    """Facts about a layer with parameters, for a batch; dead, saturated, duplicates: fractions of
    its units.

    number: counted from 1. units: numbers (dense) or channels (convolution). dead: ReLUs never
    above zero. saturated: at the ends of a sigmoid or tanh. duplicates: with the same weights as
    another unit. gradient: the norm of dC/dW. signal: the norm of dC/da, where a are the outputs.
    """

    number: int
    text: str
    activation: str
    units: int
    dead: float = 0.0
    saturated: float = 0.0
    duplicates: float = 0.0
    gradient: float | None = None
    signal: float = 0.0


@dataclass(frozen=True)
class Measurements:
    """The input of the checks.

    batches, settings, history: of the network. chance: the cost with all weights zero. baseline:
    the cost of answering every case with the mean of all targets. cost: on the probe, before the
    rehearsal. train, validation: the network's accuracy and cost when it answers. guesses: the
    fraction of its guesses for each answer. response: the largest standard deviation over the cases
    of an output's weighted sum. fitted: the fraction of SMALL_BATCH cases that a copy can learn.
    batch_norm_costs: the cost with the present statistics of batch normalisation and with newly
    measured ones; None without it. current: the rehearsal with the present settings. dropout: the
    largest dropout probability. alternatives: rehearsals with one setting changed, by name.
    """

    batches: int
    settings: Settings
    history: Sequence[Measurement]
    data: DataFacts
    chance: float
    baseline: float
    cost: float
    train: Evaluation
    validation: Evaluation
    guesses: Sequence[float]
    response: float
    layers: Sequence[LayerFacts]
    fitted: float
    batch_norm_costs: tuple[float, float] | None
    current: Rehearsal
    dropout: float = 0.0
    alternatives: Mapping[str, Rehearsal] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether it reads its training cases about as well as their nearest neighbours would.

        What looks odd inside such a network does no harm.
        """
        reference = 1.0 if self.data.agreement is None else self.data.agreement
        return self.batches > 0 and self.train.accuracy >= 0.85 * reference

    @property
    def is_learning(self) -> bool:
        """Whether it has learned, or its rehearsal halved the cost or half the baseline."""
        start = min(self.current.before, self.baseline)
        return self.learned or self.current.after <= 0.5 * start


NEIGHBOURS = 5

MAX_REFERENCE = 1_500
"""Maximum number of training cases to search for neighbours."""

MAX_QUERIES = 500
"""Maximum number of validation cases whose neighbours are searched for."""

MIN_REFERENCE = 100
"""Minimum number of training cases for a meaningful agreement."""


def data_facts(train: Cases, validation: Cases, rng: np.random.Generator) -> DataFacts:
    """Measures the training cases, and how far neighbours among them have the same answer."""
    rows = sample_indices(rng, len(train), MAX_REFERENCE)
    x, _ = Feeder(train, len(rows), np.float32).batch(rows)
    answers = answers_of(train.targets[rows])
    is_table = bool(np.may_share_memory(train.inputs, validation.inputs))
    agreement = on_validation = None
    if len(rows) >= MIN_REFERENCE and not is_table:
        agreement = float((_neighbours_answer(x, answers, x, own=True) == answers).mean())
        queries = sample_indices(rng, len(validation), MAX_QUERIES)
        inputs, _ = Feeder(validation, len(queries), np.float32).batch(queries)
        right = answers_of(validation.targets[queries])
        on_validation = float((_neighbours_answer(x, answers, inputs, own=False) == right).mean())
    return DataFacts(
        cases=len(train),
        frequencies=frequencies_of(answers_of(train.targets), train.targets.shape[1]),
        low=float(x.min()),
        high=float(x.max()),
        spread=float(x.std(axis=0).mean()),
        is_table=is_table,
        agreement=agreement,
        validation_agreement=on_validation,
    )


def sample_indices(rng: np.random.Generator, count: int, most: int) -> Integers:
    """Sorted indices of at most `most` random cases out of `count`."""
    if count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False))


def frequencies_of(answers: Integers, outputs: int) -> list[float]:
    """The fraction of cases with each answer; for a single output, of 0 and of 1."""
    counts = np.bincount(answers, minlength=max(2, outputs))
    return [float(share) for share in counts / len(answers)]


def _neighbours_answer(x: Array, answers: Integers, queries: Array, *, own: bool) -> Integers:
    """The commonest answer among each query's nearest neighbours in x (Cover and Hart 1967).

    Uses |q − x|² = |q|² − 2 q · x + |x|², without |q|². own: whether the queries are x itself, in
    which case no query is its own neighbour.
    """
    squares = np.einsum("ij,ij->i", x, x)
    distances = squares - 2 * (queries @ x.T)
    if own:
        np.fill_diagonal(distances, np.inf)
    near = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.zeros((len(queries), int(answers.max()) + 1), dtype=np.intp)
    for column in near.T:
        votes[np.arange(len(queries)), answers[column]] += 1
    winners: Integers = votes.argmax(axis=1)
    return winners


SATURATED = 0.85
"""Minimum mean distance from the middle of the activation's range, as a fraction of the largest
possible distance, for a unit to count as saturated: ro_max_thresh in TheDeepChecker's settings, for
the measure of Rakitianskaia and Engelbrecht (2015, IEEE SSCI)."""

MIDDLE = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}
"""Activation → the middle of its range, and half its width."""


def layer_facts(network: Network, x: Array, y: Array) -> list[LayerFacts]:
    """Sends a batch forward and back through a network, and overwrites its arrays.

    x: (batch, inputs), y: (batch, outputs). The network must have no dropout; batch normalisation
    uses the moments of the batch.
    """
    step = Step()
    outputs: list[Array] = []
    signal = x.reshape(len(x), *network.input_shape)
    with np.errstate(all="ignore"):
        for layer in network.layers:
            signal = layer.forward(signal, step)
            outputs.append(signal.copy() if getattr(layer, "activation", None) else signal)
        signals = _signal_norms(network, signal.copy(), y)
        return [
            _facts(number, layer, outputs[number - 1], signals[number - 1])
            for number, layer in enumerate(network.layers, 1)
            if layer.parameters
        ]


def _signal_norms(network: Network, a: Array, y: Array) -> list[float]:
    """Back-propagates; returns the norm of dC/da for each layer, and of dC/dz for the last."""
    grad: Array | None = network.cost.gradient(a, y, len(a))
    norms: list[float] = []
    for layer in reversed(network.layers):
        norms.append(0.0 if grad is None else _norm(grad))
        grad = None if grad is None else layer.backward(grad)
    return norms[::-1]


def _norm(array: Array) -> float:
    """√ Σ x², in float64 so that the squares do not overflow."""
    squares = np.square(array, dtype=np.float64)
    return sqrt(float(squares.sum()))


def _facts(number: int, layer: Layer, a: Array, signal: float) -> LayerFacts:
    """The facts about one layer. a: its outputs. signal: the norm of dC/da."""
    activation = getattr(layer, "activation", None)
    name = activation.name if activation else ""
    flat = a.reshape(-1, a.shape[-1])
    dead = saturated = duplicates = 0.0
    if name == "relu":
        dead = float((flat.max(axis=0) <= 0).mean())
    if name in MIDDLE:
        middle, reach = MIDDLE[name]
        saturated = float((np.abs(flat - middle).mean(axis=0) / reach >= SATURATED).mean())
    gradient = None
    for p in layer.parameters:
        if p.name == "weights":
            gradient = _norm(p.whole_gradient())
            duplicates = _duplicates(p.value)
    return LayerFacts(
        number,
        layer.text,
        name,
        prod(layer.shape[-1:]),
        dead,
        saturated,
        duplicates,
        gradient,
        signal,
    )


def _duplicates(weights: Array) -> float:
    """The fraction of units that duplicate another unit's weights; 1 if all are the same."""
    units = weights.shape[1]
    if units < 2:
        return 0.0
    different = len(np.unique(weights.T, axis=0))
    return float(1 - (different - 1) / (units - 1))


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

"""What can be measured of a network and its data: the facts that the doctor judges."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod, sqrt
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array, Cases, Feeder, Integers, answers_of
from digitnet.engine.evaluate import Evaluation, evaluate, outputs_for
from digitnet.engine.layers import ACTIVATIONS, Dense, Layer, Step
from digitnet.engine.network import Network
from digitnet.engine.report import Report, ignore
from digitnet.engine.settings import WHOLE_SET, Settings
from digitnet.engine.trainer import Trainer
from digitnet.insight.rehearsal import (
    Rehearsal,
    limit_dropout,
    rehearse,
    sample_indices,
    training_copy,
    untrained_copy,
)
from digitnet.lazy import lazy

optimize = lazy("scipy.optimize")

MAX_PROBE = 1_000
"""Maximum number of cases on which costs and accuracies are measured."""

Anew = Callable[[Network, Settings], str]
"""The line to type for a new network like this one, with these settings."""


@dataclass(frozen=True)
class Remedy:
    """A line to type. attempt: rehearses a copy to which the same was done; None if that cannot be
    done in a moment.
    """

    line: str
    attempt: Callable[[], Rehearsal] | None = None

    @cached_property
    def trial(self) -> Rehearsal:
        """What the attempt comes to."""
        assert self.attempt is not None
        return self.attempt()


class Facts:
    """The facts about a network, each measured when it is first asked for. Changes nothing.

    sets: the data sets other than the training cases, by name, `validation` first. What measures
    for long reports what it looks at, and lets Stopped pass; ValueError is raised if deformations
    are set and the inputs are not square pictures.
    """

    def __init__(
        self,
        trainer: Trainer,
        train: Cases,
        sets: Mapping[str, Cases],
        anew: Anew,
        *,
        more_cases: str = "",
        report: Report = ignore,
    ) -> None:
        """more_cases: the line that brings more training cases, if there is one.

        report: called with what is being looked at, in words.
        """
        self.trainer, self.network, self.settings = trainer, trainer.network, trainer.settings
        self.train, self.sets, self.report = train, sets, report
        self.anew = anew
        self.more_cases = [Remedy(more_cases)] if more_cases else []
        self.is_copy = False  # of an untrained network: its remedies make it anew
        self.batches, self.history = trainer.progress.batches, list(trainer.history)
        self._remedies: dict[str, Remedy] = {}

    @cached_property
    def is_finite(self) -> bool:
        """Whether all weights are finite."""
        return self.network.is_finite()

    # the data

    @cached_property
    def is_table(self) -> bool:
        """Whether the validation cases are the training cases, as in toy tables."""
        return bool(np.may_share_memory(self.train.inputs, self.sets["validation"].inputs))

    @cached_property
    def frequencies(self) -> list[float]:
        """The fraction of training cases with each answer."""
        return frequencies_of(answers_of(self.train.targets), self.train.targets.shape[1])

    @property
    def occurring(self) -> int:
        """The number of answers that occur."""
        return sum(frequency > 0 for frequency in self.frequencies)

    @cached_property
    def different(self) -> set[bytes]:
        """The inputs of all training cases, each once."""
        return {row.tobytes() for row in self.train.inputs}

    @cached_property
    def reference(self) -> tuple[Array, Integers]:
        """The inputs of some training cases, as the network sees them, and their answers."""
        return _inputs_and_answers(self.train, 1_500)

    @cached_property
    def agreement(self) -> float | None:
        """The fraction of these whose answer is the commonest among their nearest neighbours.

        The error of this rule is, in the limit, at most twice that of the best classifier (Cover
        and Hart 1967, IEEE Trans. Inf. Theory 13(1)), and it needs no training. None if there are
        too few cases.
        """
        self.report("the data")
        x, answers = self.reference
        if len(x) < 100 or self.is_table:
            return None
        return float((_neighbours_answers(x, answers, x, own=True) == answers).mean())

    @cached_property
    def agreements(self) -> dict[str, dict[str, float]]:
        """For each other set, how far its answers are those of the nearest training cases.

        "": as the set is. If that is low, also "transposed", "inverted", "shifted" pictures, and
        "renamed" answers, each 1:1 to another one.
        """
        result: dict[str, dict[str, float]] = {}
        for name, cases in self.sets.items() if self.agreement is not None else ():
            self.report("the data")
            queries, right = _inputs_and_answers(cases, 500)
            guesses = self._neighbours_of(queries)
            result[name] = {"": float((guesses == right).mean())}
            if result[name][""] < 0.5 * (self.agreement or 0):
                result[name] |= self._agreements_if_changed(queries, right, guesses)
        return result

    def _neighbours_of(self, queries: Array) -> Integers:
        return _neighbours_answers(*self.reference, queries, own=False)

    def _agreements_if_changed(
        self, queries: Array, right: Integers, guesses: Integers
    ) -> dict[str, float]:
        """The agreements of pictures that are turned back, and of answers that are renamed."""
        counts = np.zeros((self.train.targets.shape[1] + 1,) * 2)
        np.add.at(counts, (right, guesses), 1)
        pairs = optimize.linear_sum_assignment(counts, maximize=True)
        changed = {"renamed": float(counts[pairs].sum() / len(right))}
        x, side = self.reference[0], round(sqrt(queries.shape[1]))
        if side * side == queries.shape[1]:
            pictures = queries.reshape(-1, side, side)
            offsets = _centre(x.reshape(-1, side, side)) - _centre(pictures)
            shift = tuple(int(n) for n in np.rint(offsets))
            for name, turned in {
                "transposed": pictures.transpose(0, 2, 1),
                "inverted": x.min() + x.max() - pictures,
                "shifted": np.roll(pictures, shift, (1, 2)),
            }.items():
                back = self._neighbours_of(np.ascontiguousarray(turned.reshape(queries.shape)))
                changed[name] = float((back == right).mean())
        return changed

    # the answers

    @cached_property
    def probe(self) -> Integers:
        """Indices of the training cases on which costs and accuracies are measured."""
        return sample_indices(len(self.train), MAX_PROBE)

    @cached_property
    def probed(self) -> tuple[Array, Array]:
        """The inputs and targets of the probe."""
        return Feeder(self.train, len(self.probe), self.network.dtype).batch(self.probe)

    @cached_property
    def answering(self) -> Network:
        """The network as it answers."""
        self.report("the answers")
        return self.trainer.answering()

    @cached_property
    def on_train(self) -> Evaluation:
        """Accuracy and cost on the probe."""
        return evaluate(self.answering, self.train, self.probe)

    @cached_property
    def on_validation(self) -> Evaluation:
        """Accuracy and cost on validation cases."""
        cases = self.sets["validation"]
        return evaluate(self.answering, cases, sample_indices(len(cases), MAX_PROBE))

    @cached_property
    def guesses(self) -> list[float]:
        """The fraction of guesses for each answer, on the probe."""
        outputs = outputs_for(self.answering, self.train, self.probe)
        return frequencies_of(answers_of(outputs), outputs.shape[1])

    @cached_property
    def chance(self) -> float:
        """The cost with all weights zero.

        For softmax and cross-entropy that is ln(answers) (Karpathy 2019, "A Recipe for Training
        Neural Networks": verify loss @ init).
        """
        copy, (x, y) = self.network.copy(self.network.dtype), self.probed
        for p in copy.parameters:
            p.value[...] = 0
        return copy.cost.value(copy.forward(x), y)

    @cached_property
    def baseline(self) -> float:
        """The cost of answering every case with the mean of all targets."""
        y = self.probed[1]
        return self.network.cost.value(np.broadcast_to(y.mean(axis=0), y.shape), y)

    @cached_property
    def response(self) -> float:
        """The largest standard deviation, over the cases, of an output's weighted sum."""
        copy = self.answering.copy(self.network.dtype)
        if not self.batches:  # batch normalisation has not been measured yet
            untrained = training_copy(self.trainer)
            untrained.measure_statistics(self.train)
            copy = untrained.answering().copy(self.network.dtype)
        last = copy.layers[-1]
        assert isinstance(last, Dense)
        last.activation = ACTIVATIONS["linear"]
        return float(copy.forward(self.probed[0]).std(axis=0).max())

    @cached_property
    def statistics_costs(self) -> tuple[float, float] | None:
        """The cost with the statistics of batch normalisation as they are, and measured anew."""
        if not self.network.batch_norms or not self.batches:
            return None
        copy = training_copy(self.trainer, average=self.settings.average)
        old = evaluate(copy.answering(), self.train, self.probe).cost
        copy.measure_statistics(self.train)
        return old, evaluate(copy.answering(), self.train, self.probe).cost

    @cached_property
    def has_learned(self) -> bool:
        """Whether it reads its training cases about as well as their nearest neighbours would.

        What looks odd inside such a network does no harm.
        """
        reference = 1.0 if self.agreement is None else self.agreement
        return self.batches > 0 and self.on_train.accuracy >= 0.85 * reference

    # the layers

    @cached_property
    def layers(self) -> "list[LayerFacts]":
        """The facts about each layer with parameters, for 256 cases of the probe."""
        self.report("the layers")
        x, y = self.probed
        return layer_facts(limit_dropout(self.network), x[:256], y[:256])

    @cached_property
    def fitted(self) -> float:
        """The largest fraction of 16 cases that a copy gets right while it is trained on them.

        It is trained with Adam, at two rates, and without dropout or penalties, to test the network
        alone. Every network should memorise as many (TheDeepChecker, single_batch_size).
        """
        x, y = (array[:16] for array in self.probed)
        best = 0.0
        for rate in (0.003, 0.03):
            network = limit_dropout(self.network)
            copy = Trainer(network, Settings(optimizer="adam", rate=rate), self.trainer.seed)
            for _ in range(300):
                self.report("a batch of 16")
                copy.step(x, y, rate)
                if not network.is_finite():
                    break
                right = answers_of(network.forward(x, Step())) == answers_of(y)
                best = max(best, float(right.mean()))
                if best == 1:
                    return best
        return best

    # rehearsals

    @cached_property
    def rehearsal(self) -> Rehearsal:
        """The rehearsal with the present settings."""
        copy = training_copy(self.trainer)
        return rehearse(copy, self.train, self.probe, self.report, "a rehearsal")

    def gain(self, trial: Rehearsal) -> float:
        """How far a rehearsal lowers the cost, in units of the baseline.

        What brings it down to that of a constant answer is no gain.
        """
        return (min(self.rehearsal.before, self.baseline) - trial.after) / self.baseline

    @property
    def is_learning(self) -> bool:
        """Whether it has learned, or its rehearsal halves the cost or half the baseline."""
        start = min(self.rehearsal.before, self.baseline)
        return self.has_learned or self.rehearsal.after <= 0.5 * start

    @cached_property
    def untrained(self) -> "Facts":
        """The facts about the network as it was before training; its remedies make it anew."""
        copy = untrained_copy(self.trainer)
        facts = Facts(copy, self.train, self.sets, self.anew, report=self.report)
        facts.is_copy = True
        return facts

    def change(self, **settings: Any) -> Remedy:
        """The remedy of changing settings; dropout also in the layers."""
        network = limit_dropout(self.network, settings.get("dropout", 1.0))
        if network.shape != self.network.shape:
            return self.renew(network, **{k: v for k, v in settings.items() if k != "dropout"})
        if self.is_copy:
            return self.renew(**settings)
        line = "; ".join(f"set {written({name: value})}" for name, value in settings.items())
        return self._tried(line, lambda: training_copy(self.trainer, **settings))

    def renew(self, network: Network | None = None, **settings: Any) -> Remedy:
        """The remedy of a new network, of the same kind or the given one, with some settings."""
        changed = replace(self.settings, **settings)

        def new() -> Trainer:
            made = untrained_copy(Trainer(network or self.network, changed, self.trainer.seed))
            return training_copy(made)

        return self._tried(self.anew(network or self.network, changed), new)

    def scaled(self) -> Remedy:
        """The remedy of pixels from 0 to 1, for which weights for raw ones are useless."""
        line = "set pixels unit"
        if self.batches:
            line = self.anew(self.network, replace(self.settings, pixels="unit"))
        return self._tried(line, lambda: untrained_copy(self.trainer), 1 / 255)

    def _tried(self, line: str, copy: Callable[[], Trainer], scale: float = 0.0) -> Remedy:
        """The remedy of this line, which makes this copy."""
        cases = replace(self.train, scale=scale) if scale else self.train

        def attempt() -> Rehearsal:
            return rehearse(copy(), cases, self.probe, self.report, f"a rehearsal: {line}")

        return self._remedies.setdefault(line, Remedy(line, attempt))


def written(settings: Mapping[str, Any]) -> str:
    """Settings and their values, as `set` takes them."""
    words = {k: f"{v:g}" if isinstance(v, float) else str(v) for k, v in settings.items()}
    for name in ("batch", "cases"):
        if settings.get(name) == WHOLE_SET:
            words[name] = "all"
    return ", ".join(f"{name} {word}" for name, word in words.items())


def frequencies_of(answers: Integers, outputs: int) -> list[float]:
    """The fraction of cases with each answer; for a single output, of 0 and of 1."""
    counts = np.bincount(answers, minlength=max(2, outputs))
    return [float(count) for count in counts / len(answers)]


def _inputs_and_answers(cases: Cases, most: int) -> tuple[Array, Integers]:
    """The inputs, scaled, and the answers of some cases."""
    indices = sample_indices(len(cases), most)
    x, _ = Feeder(cases, len(indices), np.float32).batch(indices)
    return x, answers_of(cases.targets[indices])


def _centre(pictures: Array) -> Array:
    """The row and column of the centre of mass of the mean picture."""
    mean = pictures.mean(axis=0) - pictures.min()
    along = np.arange(len(mean))
    centre: Array = np.array([mean.sum(axis=1) @ along, mean.sum(axis=0) @ along])
    return centre / max(float(mean.sum()), 1e-9)


def _neighbours_answers(x: Array, answers: Integers, queries: Array, *, own: bool) -> Integers:
    """The commonest answer among each query's five nearest neighbours in x.

    Uses |q − x|² = |q|² − 2 q · x + |x|², without |q|². own: whether the queries are x itself, in
    which case no query is its own neighbour.
    """
    distances = np.einsum("ij,ij->i", x, x) - 2 * (queries @ x.T)
    if own:
        np.fill_diagonal(distances, np.inf)
    near = np.argpartition(distances, 5, axis=1)[:, :5]
    votes = np.zeros((len(queries), int(answers.max()) + 1), dtype=np.intp)
    for column in near.T:
        votes[np.arange(len(queries)), answers[column]] += 1
    winners: Integers = votes.argmax(axis=1)
    return winners


MIDDLE = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}
"""Activation → the middle of its range, and half its width."""


@dataclass(frozen=True)
class LayerFacts:
    """Facts about a layer with parameters, for a batch.

    number: counted from 1. units: numbers (dense) or channels (convolution). dead, saturated,
    duplicates: the fraction of its units that are never above zero (ReLU), at the ends of a sigmoid
    or tanh, with the same weights as another. gradient: the norm of dC/dW; None without weights.
    signal: the norm of dC/da, where a are the outputs.

    A unit is saturated if its distance from the middle of the activation's range is on average 0.85
    of the largest possible: ro_max_thresh in TheDeepChecker's settings, for the measure of
    Rakitianskaia and Engelbrecht (2015, IEEE SSCI).
    """

    number: int
    text: str
    activation: str
    units: int
    dead: float
    saturated: float
    duplicates: float
    gradient: float | None
    signal: float


def layer_facts(network: Network, x: Array, y: Array) -> list[LayerFacts]:
    """Sends a batch forward and back through a network, and overwrites its arrays.

    x: (batch, inputs), y: (batch, outputs). The network must have no dropout; batch normalisation
    uses the moments of the batch.
    """
    facts = []
    outputs, a = [], x.reshape(len(x), *network.input_shape)
    for layer in network.layers:
        a = layer.forward(a, Step())
        outputs.append(a.copy())
    signal: Array | None = network.cost.gradient(a.copy(), y, len(a))
    for number, layer in reversed(list(enumerate(network.layers, 1))):
        norm = 0.0 if signal is None else _norm(signal)
        signal = None if signal is None else layer.backward(signal)
        if layer.parameters:
            facts.append(_facts(number, layer, outputs[number - 1], norm))
    return facts[::-1]


def _facts(number: int, layer: Layer, a: Array, signal: float) -> LayerFacts:
    """The facts about one layer. a: its outputs. signal: the norm of dC/da."""
    activation: str = layer.config()["activation"]
    flat = a.reshape(-1, a.shape[-1])
    saturated = 0.0
    if activation in MIDDLE:
        middle, reach = MIDDLE[activation]
        saturated = float((np.abs(flat - middle).mean(axis=0) / reach >= 0.85).mean())
    weights = next((p for p in layer.parameters if p.name == "weights"), None)
    return LayerFacts(
        number,
        layer.text,
        activation,
        prod(layer.shape[-1:]),
        dead=float((flat.max(axis=0) <= 0).mean()) if activation == "relu" else 0.0,
        saturated=saturated,
        duplicates=_duplicates(weights.value) if weights else 0.0,
        gradient=_norm(weights.whole_gradient()) if weights else None,
        signal=signal,
    )


def _norm(array: Array) -> float:
    """√ Σ x², in float64 so that the squares do not overflow."""
    return sqrt(float(np.square(array, dtype=np.float64).sum()))


def _duplicates(weights: Array) -> float:
    """The fraction of units that duplicate another unit's weights; 1 if all are the same."""
    units = weights.shape[1]
    if units < 2:
        return 0.0
    different = len(np.unique(weights.T, axis=0))
    return float(1 - (different - 1) / (units - 1))

"""What can be measured of a network: the facts that the doctor judges, and remedies to try."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array, Cases, Feeder, Integers, answers_of
from digitnet.engine.evaluate import Evaluation, evaluate, max_cases
from digitnet.engine.layers import Layer, Step
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.report import Report, ignore
from digitnet.engine.settings import Settings, spelled
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.engine.trainer import Trainer
from digitnet.insight.data import DataFacts
from digitnet.insight.rehearsal import (
    LEAST_BATCH,
    MAX_BATCH,
    Rehearsal,
    limit_dropout,
    probe_of,
    rehearse,
    training_copy,
    untrained_copy,
)

Anew = Callable[[Network, Settings], str]  # the line that makes a network like this, so set

MIDDLE = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}  # the middle of a range, and half its width


@dataclass(frozen=True)
class LayerFacts:
    """Facts about a layer with parameters, for a batch. A unit is saturated if its distance from
    the middle of the activation's range is on average 0.85 of the largest possible:
    TheDeepChecker's ro_max_thresh, for the measure of Rakitianskaia and Engelbrecht (2015, IEEE
    SSCI).
    """

    number: int  # counted from 1
    text: str
    activation: str
    units: int  # numbers (dense) or channels (convolution)
    dead: float  # the fraction of units that are never above zero (ReLU),
    saturated: float  # at the ends of a sigmoid or tanh,
    duplicates: float  # with the same weights as another
    gradient: float | None  # the norm of dC/dW; None without weights
    signal: float  # the norm of dC/da, where a are the outputs


def layer_facts(network: Network, x: Array, y: Array) -> list[LayerFacts]:
    """Sends a batch x (batch, inputs), y (batch, outputs) forward and back through a network
    without dropout, and overwrites its arrays.
    """
    facts, outputs = [], [a.copy() for a in network.activations(x, Step(), network.layers)]
    signal: Array | None = network.cost.gradient(outputs[-1].copy(), y, len(x))
    for number, layer in reversed(list(enumerate(network.layers, 1))):
        norm = 0.0 if signal is None else _norm(signal)
        signal = None if signal is None else layer.backward(signal)
        if layer.parameters:
            facts.append(_facts_of(number, layer, outputs[number - 1], norm))
    return facts[::-1]


def _facts_of(number: int, layer: Layer, a: Array, signal: float) -> LayerFacts:
    """The facts about one layer. a: its outputs. signal: the norm of dC/da."""
    activation: str = layer.config()["activation"]
    flat = a.reshape(-1, a.shape[-1])
    dead = saturated = duplicates = 0.0
    gradient: float | None = None
    if activation == "relu":
        dead = float((flat.max(axis=0) <= 0).mean())
    elif activation in MIDDLE:
        middle, reach = MIDDLE[activation]
        saturated = float((np.abs(flat - middle).mean(axis=0) / reach >= 0.85).mean())
    for p in layer.parameters:
        if p.name == "weights":
            units, gradient = p.value.shape[1], _norm(p.whole_gradient)
            different = len({unit.tobytes() for unit in p.value.T + 0.0})  # -0 is 0
            duplicates = 1 - (different - 1) / (units - 1) if units > 1 else 0.0
    size = layer.shape[-1]
    return LayerFacts(
        number, layer.text, activation, size, dead, saturated, duplicates, gradient, signal
    )


def _norm(array: Array) -> float:
    """√ Σ x², in float64 so that the squares do not overflow."""
    return sqrt(float(np.square(array, dtype=np.float64).sum()))


@dataclass(frozen=True)
class Remedy:
    """A line to type. attempt: rehearses a copy to which it was done; None if that takes long."""

    line: str
    attempt: Callable[[], Rehearsal] | None = None

    @cached_property
    def trial(self) -> Rehearsal:
        assert self.attempt is not None
        return self.attempt()


class Facts:
    """The facts about a network, each measured when it is first asked for. Changes nothing.

    What measures for long reports what it looks at, and lets Stopped pass; ValueError is raised if
    deformations are set and the inputs are not square pictures.
    """

    def __init__(
        self,
        trainer: Trainer,
        train: Cases,
        sets: Mapping[str, Cases],
        anew: Anew,
        *,
        usual_rate: float = 0.0,
        usual_batch: int = LEAST_BATCH,
        more_cases: str = "",
        is_member: bool = False,
        are_pictures: bool = True,
        named: Callable[[int], str] = str,
        report: Report = ignore,
    ) -> None:
        """sets: the data sets other than the training cases, by name, `validation` first.

        usual_rate, usual_batch: of this network; if 0, the optimizer's rate. more_cases: the line
        that brings more training cases, if any. is_member: of a committee, trained nobody knows
        how. are_pictures: square ones, or rows of a table. named: what an answer is called. report:
        called with what is being looked at, in words.
        """
        self.trainer, self.network, self.settings = trainer, trainer.network, trainer.settings
        self.data = DataFacts(train, sets, are_pictures)
        self.report, self.anew, self.named = report, anew, named
        self.usual_rate = usual_rate or OPTIMIZERS[self.settings.optimizer].usual_rate
        self.is_slow = self.settings.rate < 0.1 * self.usual_rate
        self.usual_batch = usual_batch
        self.more_cases = [Remedy(more_cases)] if more_cases else []
        self.is_member = is_member
        self.is_copy = False  # of an untrained network: its remedies make it anew
        self.batches, self.history = trainer.progress.batches, list(trainer.history)
        self.remedies: dict[str, Remedy] = {}

    @cached_property
    def is_finite(self) -> bool:
        return self.network.is_finite()

    # the answers

    @cached_property
    def probe(self) -> Integers:
        """Indices of the training cases on which costs and accuracies are measured."""
        return probe_of(self.network, self.data.train)

    @cached_property
    def probed(self) -> tuple[Array, Array]:
        return Feeder(self.data.train, self.network.dtype).batch(self.probe)

    @cached_property
    def answering(self) -> Network:
        self.report("the answers")
        return self.trainer.answering()

    @cached_property
    def on_train(self) -> Evaluation:
        return evaluate(self.answering, self.data.train, self.probe)

    @cached_property
    def on_validation(self) -> Evaluation:
        cases = self.data.sets["validation"]
        return evaluate(self.answering, cases, probe_of(self.network, cases))

    @cached_property
    def baseline(self) -> float:
        y = self.probed[1]
        return self.network.cost.value(np.broadcast_to(y.mean(axis=0), y.shape), y)

    @cached_property
    def has_learned(self) -> bool:
        """Whether it reads its training cases about as well as their nearest neighbors would, and
        better than who always gives the commonest answer.
        """
        agreement = self.data.agreement
        reference = self.data.most_right if agreement is None else agreement
        least = max(0.85 * reference, 0.1 + 0.9 * max(self.data.frequencies))
        return self.batches > 0 and self.on_train.accuracy >= least

    # the layers

    @cached_property
    def layers(self) -> list[LayerFacts]:
        self.report("the layers")
        x, y = (array[: min(256, max_cases(self.network))] for array in self.probed)
        return layer_facts(limit_dropout(self.network), x, y)

    @cached_property
    def fitted(self) -> tuple[float, int]:
        """The largest fraction of 16 different cases, or fewer, that a copy gets right while it is
        trained on them, with Adam at two rates, without dropout or penalties (TheDeepChecker,
        single_batch_size); and how many cases these are.
        """
        _, first = np.unique(self.probed[0][:200], axis=0, return_index=True)
        few = np.sort(first)[: min(16, max_cases(self.network))]
        x, y = (array[few] for array in self.probed)
        best = 0.0
        for rate in (0.003, 0.03):
            network = limit_dropout(self.network)
            copy = Trainer(network, Settings(optimizer="adam", rate=rate), self.trainer.seed)
            for _ in range(300):
                self.report("a few cases")
                copy.step(x, y, rate)
                if not network.is_finite():
                    break
                right = answers_of(network.forward(x, Step())) == answers_of(y)
                best = max(best, float(right.mean()))
                if best == 1:
                    return best, len(few)
        return best, len(few)

    # rehearsals

    @cached_property
    def rehearsal(self) -> Rehearsal:
        copy = training_copy(self.trainer)
        return rehearse(copy, self.data.train, self.probe, self.report, "a short training")

    def gain(self, trial: Rehearsal) -> float:
        """How far a rehearsal lowers the cost below that of a constant answer, in units of it."""
        return (min(self.rehearsal.before, self.baseline) - trial.after) / max(self.baseline, 1e-9)

    @property
    def is_learning(self) -> bool:
        """Whether it has learned, or its rehearsal halves the cost or half the baseline."""
        start = min(self.rehearsal.before, self.baseline)
        return self.has_learned or self.rehearsal.after <= 0.5 * start

    @cached_property
    def untrained(self) -> "Facts":
        """The facts about the network as it was before training; its remedies make it anew."""
        if self.is_copy:
            return self
        copy, rate = untrained_copy(self.trainer), self.usual_rate
        sets, report = self.data.sets, self.report
        facts = Facts(copy, self.data.train, sets, self.anew, usual_rate=rate, report=report)
        facts.data, facts.is_copy, facts.remedies = self.data, True, self.remedies
        return facts

    def change(self, **settings: Any) -> Remedy:
        """The remedy of changing settings; dropout also in the layers."""
        network = limit_dropout(self.network, settings.get("dropout", 1.0))
        if network.shape != self.network.shape:
            return self.renew(network, **{k: v for k, v in settings.items() if k != "dropout"})
        if self.is_copy:
            return self.renew(**settings)
        line = "; ".join(f"set {name} {spelled(name, value)}" for name, value in settings.items())
        return self._tried(line, lambda: training_copy(self.trainer, **settings))

    def renew(self, network: Network | None = None, **settings: Any) -> Remedy:
        """The remedy of a new network, of the same kind or the given one, with some settings and,
        where every mini-batch is all cases, smaller ones.
        """
        size = self.settings.batch or len(self.data.train)
        smaller = {"batch": LEAST_BATCH} if size > MAX_BATCH and not self.data.is_toy else {}
        changed, like = replace(self.settings, **smaller | settings), network or self.network

        def new() -> Trainer:  # with initial weights as the line draws them
            made = network_of(spelled_out(like), cost=like.cost_name, dtype=like.dtype)
            return training_copy(untrained_copy(Trainer(made, changed, self.trainer.seed)))

        return self._tried(self.anew(like, changed), new, changed.pixels)

    def _tried(self, line: str, copy: Callable[[], Trainer], pixels: str = "") -> Remedy:
        """The remedy of this line, which makes this copy, for pixels scaled like this."""
        cases = self.data.train
        if pixels == "unit" != self.settings.pixels:
            cases = replace(cases, scale=1 / 255)

        def attempt() -> Rehearsal:
            return rehearse(copy(), cases, self.probe, self.report, line)

        return self.remedies.setdefault(line, Remedy(line, attempt))

"""Full-batch training with scipy's minimisers."""

from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from scipy import optimize

from digitnet.engine.arrays import Array, Cases, Feeder
from digitnet.engine.evaluate import Evaluation, evaluate, max_cases
from digitnet.engine.layers import EXACT
from digitnet.engine.network import Network
from digitnet.engine.report import Report, Stopped, ignore
from digitnet.engine.speed import threads
from digitnet.engine.trainer import MEASURE_CASES, Measurement, Trainer

METHODS = {"l-bfgs": "L-BFGS-B", "cg": "CG"}
"""Method → its name in scipy: limited-memory BFGS (Liu and Nocedal 1989, Math. Prog. 45) and
nonlinear conjugate gradients (Nocedal and Wright 2006, section 5.2)."""

SUMMARIES = {
    "l-bfgs": "limited-memory BFGS, which estimates the curvature from the last steps",
    "cg": "nonlinear conjugate gradients",
}
"""Method → what it is, in words."""

CHUNK = 2500
"""Maximum number of cases per forward and backward pass."""


@dataclass(frozen=True)
class Iteration:
    """A finished iteration: its number, the maximum number, and the cost.

    validation_cost, validation_accuracy: on the validation set.
    """

    number: int
    of: int
    cost: float
    validation_cost: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Minimum:
    """The result of a minimiser. Accuracies are measured on at most MEASURE_CASES cases."""

    iterations: int
    cost: float
    train_accuracy: float
    validation_accuracy: float
    seconds: float
    method: str
    interrupted: bool


def minimize(
    trainer: Trainer,
    train: Cases,
    validation: Cases,
    iterations: int,
    method: str,
    report: Report = ignore,
) -> Minimum:
    """Minimises C(w) = mean cost of all cases + penalties, for at most `iterations` iterations.

    Reports each Iteration, and None between passes over the cases. The minimiser works on a copy of
    the network; the trainer's network is given the new weights before each iteration is reported,
    and at the end, however it ends. Each iteration counts as a mini-batch of all cases, and is a
    point in the history.
    """
    trainer.measure_statistics(train)
    threads.limit_blas()  # scipy loads a BLAS of its own
    objective = _Objective(trainer, train, report)
    begun, first = perf_counter(), trainer.progress.batches
    interrupted = False

    def iteration_done(intermediate_result: Any) -> None:
        cost, w = float(intermediate_result.fun), intermediate_result.x
        if not (isfinite(cost) and np.isfinite(w).all()):
            return
        objective.accept(w.copy())
        result, count = objective.measure(validation), objective.iterations
        objective.hand_over(trainer, perf_counter() - begun)
        if isfinite(result.cost):
            point = Measurement(first + count, cost, result.cost, result.accuracy)
            trainer.history.append(point)
        seconds = perf_counter() - begun
        report(Iteration(count, iterations, cost, result.cost, result.accuracy, seconds))

    options = {"maxiter": iterations}
    if method == "l-bfgs":
        options["maxfun"] = 10 * iterations
    try:
        with np.errstate(all="ignore"):  # costs may overflow
            optimize.minimize(
                objective,
                objective.best,
                jac=True,
                method=METHODS[method],
                callback=iteration_done,
                options=options,
            )
    except Stopped:
        interrupted = True
    finally:
        seconds = perf_counter() - begun
        objective.hand_over(trainer, seconds)
    on_train, on_validation = trainer.measure(train), trainer.measure(validation)
    return Minimum(
        objective.iterations,
        on_train.cost,
        on_train.accuracy,
        on_validation.accuracy,
        seconds,
        method,
        interrupted,
    )


def _set_parameters(w: Array, network: Network) -> None:
    """Sets all parameters of a network from one vector."""
    offset = 0
    for p in network.parameters:
        p.value[...] = w[offset : offset + p.value.size].reshape(p.value.shape)
        offset += p.value.size


class _Objective:
    """C(w) and its gradient, as scipy needs them: all parameters in one float64 vector."""

    def __init__(self, trainer: Trainer, cases: Cases, report: Report) -> None:
        self.network = trainer.network.copy(trainer.network.dtype)
        self.penalties, self.cases, self.report = trainer.penalties, cases, report
        self.parameters = self.network.parameters
        self.chunk = min(CHUNK, len(cases), max_cases(self.network))
        self.feeder = Feeder(cases, self.chunk, self.network.dtype)
        self.gradients = [np.empty_like(p.value) for p in self.parameters]
        self.best: Array = np.concatenate([p.value.ravel() for p in self.parameters]).astype(
            np.float64
        )
        self.iterations = 0
        self._start = self._last_handed_over = self.best
        self._counted, self._seconds = 0, 0.0

    def accept(self, w: Array) -> None:
        """Records the weights of a finished iteration."""
        self.best = w
        self.iterations += 1

    def measure(self, cases: Cases) -> Evaluation:
        """Evaluates the best weights on the first MEASURE_CASES; the cost includes penalties."""
        _set_parameters(self.best, self.network)
        found = evaluate(self.network, cases, np.arange(min(len(cases), MEASURE_CASES)))
        penalty = self.penalties.value(self.parameters)
        return Evaluation(found.correct, found.total, found.cost + penalty)

    def hand_over(self, trainer: Trainer, seconds: float) -> None:
        """Gives the trainer the best weights so far, and counts the iterations since the last call.

        seconds: since the start. Each iteration counts as one mini-batch of all cases, however many
        passes over them it took.
        """
        progress, iterations, best = trainer.progress, self.iterations, self.best
        progress.batches += iterations - self._counted
        progress.samples += (iterations - self._counted) * len(self.cases)
        progress.seconds += seconds - self._seconds
        self._counted, self._seconds = iterations, seconds
        if best is not self._start and self._last_handed_over is self._start:
            trainer.forget()
        if best is not self._last_handed_over:
            _set_parameters(best, trainer.network)
        self._last_handed_over = best

    def __call__(self, w: Array) -> tuple[float, Array]:
        """The cost at w, and its gradient."""
        _set_parameters(w, self.network)
        cost, count = 0.0, len(self.cases)
        for g in self.gradients:
            g[...] = 0
        rows = np.arange(count)
        for start in range(0, count, self.chunk):
            self.report(None)
            x, y = self.feeder.batch(rows[start : start + self.chunk])
            a = self.network.forward(x, EXACT)
            cost += self.network.cost.value(a, y) * len(a) / count
            self.network.backward(a, y, mean_over=count)
            for p, g in zip(self.parameters, self.gradients, strict=True):
                g += p.whole_gradient()
        for p, g in zip(self.parameters, self.gradients, strict=True):
            self.penalties.add_gradient(p, g)
        gradient = np.concatenate([g.ravel() for g in self.gradients]).astype(np.float64)
        return cost + self.penalties.value(self.parameters), gradient

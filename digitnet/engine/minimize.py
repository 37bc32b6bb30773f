"""Full-batch training with scipy's minimisers."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from scipy import optimize

from digitnet.engine.arrays import Array, Cases, Feeder
from digitnet.engine.background import run_in_thread
from digitnet.engine.evaluate import Evaluation, evaluate, max_cases
from digitnet.engine.layers import EXACT
from digitnet.engine.network import Network
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


class _Interrupted(Exception):
    """Raised by the cost function to end the minimiser."""


def minimize(
    trainer: Trainer,
    train: Cases,
    validation: Cases,
    iterations: int,
    method: str,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Iteration, None, Minimum]:
    """Minimises C(w) = mean cost of all cases + penalties, for at most `iterations` iterations.

    The minimiser runs in a background thread, on a copy of the network. The trainer's network is
    given the new weights before each iteration is yielded, and at the end, however it ends. Each
    iteration counts as a mini-batch of all cases, and is a point in the history.
    """
    trainer.measure_statistics(train)
    objective = _Objective(trainer, train, stop)
    begun = perf_counter()
    first, count = trainer.progress.batches, 0
    interrupted = False
    try:
        for cost, found in run_in_thread(
            partial(_optimize, objective, validation, iterations, method)
        ):
            count += 1
            objective.hand_over(trainer, perf_counter() - begun)
            if isfinite(found.cost):
                point = Measurement(first + count, cost, found.cost, found.accuracy)
                trainer.history.append(point)
            seconds = perf_counter() - begun
            yield Iteration(count, iterations, cost, found.cost, found.accuracy, seconds)
    except _Interrupted:
        interrupted = True
    finally:  # also when the generator is closed
        objective.abandoned = True
        seconds = perf_counter() - begun
        objective.hand_over(trainer, seconds)
    on_train, on_validation = trainer.measure(train), trainer.measure(validation)
    return Minimum(
        count,
        on_train.cost,
        on_train.accuracy,
        on_validation.accuracy,
        seconds,
        method,
        interrupted,
    )


def _optimize(
    objective: "_Objective",
    validation: Cases,
    iterations: int,
    method: str,
    tell: Callable[[tuple[float, Evaluation]], None],
) -> None:
    """Runs scipy's minimiser; tell() is called with the cost and evaluation of each iteration."""
    threads.limit_blas()  # scipy loads a BLAS of its own

    def step_done(intermediate_result: Any) -> None:
        cost, w = float(intermediate_result.fun), intermediate_result.x
        if isfinite(cost) and np.isfinite(w).all():
            objective.accept(w.copy())
            tell((cost, objective.measure(w, validation)))

    options = {"maxiter": iterations}
    if method == "l-bfgs":
        options["maxfun"] = 10 * iterations
    with np.errstate(all="ignore"):  # costs may overflow
        optimize.minimize(
            objective,
            objective.best,
            jac=True,
            method=METHODS[method],
            callback=step_done,
            options=options,
        )


def _set_parameters(w: Array, network: Network) -> None:
    """Sets all parameters of a network from one vector."""
    offset = 0
    for p in network.parameters:
        p.value[...] = w[offset : offset + p.value.size].reshape(p.value.shape)
        offset += p.value.size


class _Objective:
    """C(w) and its gradient, as scipy needs them: all parameters in one float64 vector."""

    def __init__(self, trainer: Trainer, cases: Cases, stop: Callable[[], bool]) -> None:
        self.network = trainer.network.copy(trainer.network.dtype)
        self.penalties, self.cases, self.stop = trainer.penalties, cases, stop
        self.parameters = self.network.parameters
        self.chunk = min(CHUNK, len(cases), max_cases(self.network))
        self.feeder = Feeder(cases, self.chunk, self.network.dtype)
        self.gradients = [np.empty_like(p.value) for p in self.parameters]
        self.best: Array = np.concatenate([p.value.ravel() for p in self.parameters]).astype(
            np.float64
        )
        self.iterations = 0
        self.abandoned = False
        self._start = self._last_handed_over = self.best
        self._counted, self._seconds = 0, 0.0

    def accept(self, w: Array) -> None:
        """Records the weights of a finished iteration."""
        self.best = w
        self.iterations += 1

    def measure(self, w: Array, cases: Cases) -> Evaluation:
        """Evaluates w on the first MEASURE_CASES of `cases`; the cost includes the penalties."""
        _set_parameters(w, self.network)
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
            if self.abandoned or self.stop():
                raise _Interrupted
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

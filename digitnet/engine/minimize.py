"""Training with scipy's minimisers: the cost of all cases at once, a function of all weights."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np

from digitnet.engine import threads
from digitnet.engine.background import watched
from digitnet.engine.cases import Cases, Feeder
from digitnet.engine.evaluate import Evaluation, evaluate
from digitnet.engine.layers.base import EXACT
from digitnet.engine.network import Network
from digitnet.engine.progress import Measurement
from digitnet.engine.room import most_cases
from digitnet.engine.trainer import MEASURE_CASES, Trainer
from digitnet.engine.types import Array

METHODS = {"l-bfgs": "L-BFGS-B", "cg": "CG"}
"""What a method is called here and in scipy: limited-memory BFGS (Liu and Nocedal 1989, Math. Prog.
45) and nonlinear conjugate gradients (Nocedal and Wright 2006, section 5.2)."""
CHUNK = 2500
"""Cases sent through the network at a time, at most."""


@dataclass(frozen=True)
class Iteration:
    """A step of a minimiser that is done: its number, of how many, the cost there, and what was
    measured on the validation set.
    """

    number: int
    of: int
    cost: float
    validation_cost: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Minimum:
    """What a minimiser came to; accuracies of at most MEASURE_CASES cases."""

    iterations: int
    cost: float
    train_accuracy: float
    validation_accuracy: float
    seconds: float
    method: str
    interrupted: bool


class _Interrupted(Exception):
    """Ends a minimiser from within the cost function."""


def minimize(
    trainer: Trainer,
    train: Cases,
    validation: Cases,
    iterations: int,
    method: str,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Iteration, None, Minimum]:
    """Lowers C(w) = mean cost of all cases + penalties for at most so many iterations.

    The network has the weights of the last iteration whenever one is told of and afterwards,
    however it ended. The minimiser works in a thread and on a network of its own. Each iteration
    counts as a mini-batch of all cases, and is a point in the history.
    """
    from scipy import optimize  # slow to import

    threads.limit_blas()  # scipy brings one of its own
    trainer.measure_statistics(train)
    objective = _Objective(trainer, train, stop)
    begun = perf_counter()
    first, count = trainer.progress.batches, 0

    def work(tell: Callable[[tuple[float, Evaluation]], None]) -> None:
        def step_done(intermediate_result: Any) -> None:
            cost, w = float(intermediate_result.fun), intermediate_result.x
            if isfinite(cost) and np.isfinite(w).all():
                objective.accept(w.copy())
                tell((cost, objective.measure(w, validation)))

        options = {"maxiter": iterations}
        if method == "l-bfgs":
            options["maxfun"] = 10 * iterations
        with np.errstate(all="ignore"):  # far off, costs are infinite
            optimize.minimize(
                objective,
                objective.best,
                jac=True,
                method=METHODS[method],
                callback=step_done,
                options=options,
            )

    interrupted = False
    try:
        for cost, found in watched(work):
            count += 1
            objective.hand_over(trainer, perf_counter() - begun)
            if isfinite(found.cost):
                point = Measurement(first + count, cost, found.cost, found.accuracy)
                trainer.history.append(point)
            seconds = perf_counter() - begun
            yield Iteration(count, iterations, cost, found.cost, found.accuracy, seconds)
    except _Interrupted:
        interrupted = True
    finally:  # also where nobody watches any more
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


def _put(w: Array, network: Network) -> None:
    """Gives a network the weights and biases in one vector."""
    place = 0
    for p in network.parameters:
        p.value[...] = w[place : place + p.value.size].reshape(p.value.shape)
        place += p.value.size


class _Objective:
    """C(w) and its gradient for all parameters in one vector, in float64 as scipy has them."""

    def __init__(self, trainer: Trainer, cases: Cases, stop: Callable[[], bool]) -> None:
        self.network = trainer.network.copy(trainer.network.dtype)
        self.penalties, self.cases, self.stop = trainer.penalties, cases, stop
        self.parameters = self.network.parameters
        self.chunk = min(CHUNK, len(cases), most_cases(self.network))
        self.feeder = Feeder(cases, self.chunk, self.network.dtype)
        self.gradients = [np.empty_like(p.value) for p in self.parameters]
        self.best: Array = np.concatenate([p.value.ravel() for p in self.parameters]).astype(
            np.float64
        )
        self.iterations = 0
        self.abandoned = False
        self._start = self._handed_over = self.best
        self._counted, self._seconds = 0, 0.0

    def accept(self, w: Array) -> None:
        """Takes note of the weights of another iteration."""
        self.best = w
        self.iterations += 1

    def measure(self, w: Array, cases: Cases) -> Evaluation:
        """Accuracy and cost of the first MEASURE_CASES of `cases` at w."""
        _put(w, self.network)
        found = evaluate(self.network, cases, np.arange(min(len(cases), MEASURE_CASES)))
        penalty = self.penalties.value(self.parameters)
        return Evaluation(found.correct, found.total, found.cost + penalty)

    def hand_over(self, trainer: Trainer, seconds: float) -> None:
        """Gives the trainer what was done so far, in so many seconds since the beginning.

        These are the best weights; each iteration counts as one mini-batch of all cases, however
        often it looked at them.
        """
        progress, iterations, best = trainer.progress, self.iterations, self.best
        progress.batches += iterations - self._counted
        progress.samples += (iterations - self._counted) * len(self.cases)
        progress.seconds += seconds - self._seconds
        self._counted, self._seconds = iterations, seconds
        if best is not self._start and self._handed_over is self._start:
            trainer.forget()
        if best is not self._handed_over:
            _put(best, trainer.network)
        self._handed_over = best

    def __call__(self, w: Array) -> tuple[float, Array]:
        """The cost at w, and its gradient."""
        _put(w, self.network)
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

"""Full-batch training with scipy's minimizers."""

from collections.abc import Iterable
from math import isfinite
from typing import Any

import numpy as np
import scipy

from digitnet.engine.arrays import Array, Cases
from digitnet.engine.evaluate import chunks, max_cases
from digitnet.engine.layers import EXACT
from digitnet.engine.network import Network
from digitnet.engine.report import Report, Stopped, ignore
from digitnet.engine.run import Ending, Meter, Outcome, Status
from digitnet.engine.schedules import Amount
from digitnet.engine.speed import threads
from digitnet.engine.trainer import Measurement, Trainer

METHODS = {  # Liu and Nocedal 1989, Math. Prog. 45; Nocedal and Wright 2006, section 5.2
    "l-bfgs": "limited-memory BFGS, which estimates the curvature from the last steps",
    "cg": "nonlinear conjugate gradients",
}

CHUNK = 2500  # maximum number of cases per forward and backward pass


@np.errstate(all="ignore")  # costs may overflow
def minimize(
    trainer: Trainer,
    train: Cases,
    validation: Cases,
    amount: Amount,
    report: Report = ignore,
    method: str = "l-bfgs",
) -> Outcome:
    """Minimizes C(w) = mean cost of all cases + penalties, for at most `amount` iterations.

    Reports the status after each iteration, and None between passes over the cases. The minimizer
    works on a copy, from the weights that answer; the trainer's network is given the new ones
    before each iteration is reported, and at the end, however it ends. Each iteration counts as a
    mini-batch of all cases, however many passes over them it took, and is a point in the history.
    """
    trainer.measure_statistics(train)
    threads.limit_blas()  # scipy loads a BLAS of its own
    objective = _Objective(trainer, train, report)
    iterations = round(amount.value)
    progress, before = trainer.progress, trainer.measure(validation).accuracy
    meter = Meter(amount, trainer, len(train))

    def iteration_done(intermediate_result: Any) -> None:
        cost, w = float(intermediate_result.fun), intermediate_result.x
        if not (isfinite(cost) and np.isfinite(w).all()):
            return
        if meter.part() == 0:
            trainer.forget()
        _set_parameters(w, trainer.network)
        result = trainer.measure(validation)
        progress.batches += 1
        progress.samples += len(train)
        if isfinite(result.cost):
            point = Measurement(progress.batches, cost, result.cost, result.accuracy)
            trainer.history.append(point)
        report(Status(
            *meter.done(), meter.part(), meter.remaining(), cost, result.accuracy, result.cost,
            measured=True, epoch=0, rate=None, recent_cost=cost,
        ))  # fmt: skip

    options = {"maxiter": iterations}
    if method == "l-bfgs":  # which keeps fewer of the last steps of a large network
        kept = max(3, min(10, (1 << 23) // objective.start.size))
        options |= {"maxfun": 10 * iterations, "maxcor": kept}
    try:
        ended = scipy.optimize.minimize(
            objective,
            objective.start,
            jac=True,
            method="L-BFGS-B" if method == "l-bfgs" else method,
            callback=iteration_done,
            options=options,
        )
        endings: dict[int, Ending] = {0: "converged", 1: "done"}  # 1: the maximum of iterations
        ending = endings.get(ended.status, "stuck")
    except Stopped:
        ending = "interrupted"
    finally:
        counts = meter.done()
    on_train, accuracy = trainer.measure_plain(train), trainer.measure(validation).accuracy
    cost = on_train.cost + trainer.penalty()
    return Outcome(*counts, cost, on_train.accuracy, accuracy, ending, before)


def _set_parameters(w: Array, network: Network) -> None:
    ends = np.cumsum([p.value.size for p in network.parameters])
    for p, part in zip(network.parameters, np.split(w, ends[:-1]), strict=True):
        p.value[...] = part.reshape(p.value.shape)


def _one_vector(arrays: Iterable[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays], dtype=np.float64)


class _Objective:
    """C(w) and its gradient, as scipy needs them: all parameters in one float64 vector."""

    def __init__(self, trainer: Trainer, cases: Cases, report: Report) -> None:
        self.network = trainer.with_answering_weights().copy(trainer.network.dtype)
        self.penalties = trainer.penalties
        self.cases, self.report = cases, report
        self.parameters = self.network.parameters
        self.most = min(CHUNK, max_cases(self.network) // 2)  # beside scipy's vectors
        self.start = _one_vector(p.value for p in self.parameters)

    def __call__(self, w: Array) -> tuple[float, Array]:
        _set_parameters(w, self.network)
        cost, count = 0.0, len(self.cases)
        gradients = [np.zeros_like(p.value) for p in self.parameters]
        for x, y in chunks(self.network, self.cases, most=self.most):
            self.report(None)
            a = self.network.forward(x, EXACT)
            cost += self.network.cost.value(a, y) * len(a) / count
            self.network.backward(a, y, mean_over=count)
            for p, g in zip(self.parameters, gradients, strict=True):
                g += p.whole_gradient
        pairs = zip(gradients, self.parameters, strict=True)
        whole = _one_vector(self.penalties.add_to(g, p) for g, p in pairs)
        return cost + self.penalties.value(self.parameters), whole

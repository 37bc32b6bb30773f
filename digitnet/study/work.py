"""One training of a study, in whatever process or on whatever machine it is done."""

from collections.abc import Callable
from time import perf_counter

from digitnet.digits.datasets import DataSet
from digitnet.engine import threads
from digitnet.engine.run import run
from digitnet.recipes import build
from digitnet.registry.model import Model
from digitnet.registry.study_record import Result
from digitnet.study.plan import Job


class Stopped(Exception):
    """Raised where a training is given up before its end."""


def train(job: Job, data: DataSet, stop: Callable[[], bool] = lambda: False) -> Result:
    """Trains a fresh network as the job has it; the same anywhere, to the bit.

    It is done in one thread. Raises Stopped where `stop()` says so.
    """
    begun = perf_counter()
    threads.set_count(1)
    _, (accuracy, cost) = trained(job, data, stop)
    return Result(job.number, accuracy, cost, perf_counter() - begun)


def trained(
    job: Job, data: DataSet, stop: Callable[[], bool] = lambda: False
) -> tuple[Model, tuple[float, float]]:
    """The trained network, its accuracy on the validation set, and its cost on training cases.

    Penalties are no part of that cost, so that networks with different ones can be compared.
    """
    model = build(job.recipe, job.seed)
    settings = model.trainer.settings
    seen = data.as_seen(settings.cases, settings.pixels)
    if not job.amount.value:  # a fresh network
        model.trainer.measure_statistics(seen.train)
        on_train, on_validation = map(model.trainer.measure, (seen.train, seen.validation))
        return model, (on_validation.accuracy, on_train.cost - model.trainer.penalty())
    reports = run(model.trainer, seen.train, seen.validation, job.amount, stop)
    while True:
        try:
            next(reports)
        except StopIteration as end:
            outcome = end.value
            break
    if outcome.stopped == "interrupted":
        raise Stopped
    return model, (outcome.validation_accuracy, outcome.cost - model.trainer.penalty())

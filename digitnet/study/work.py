"""One training of a study, on any process or machine."""

from collections.abc import Callable
from time import perf_counter

from digitnet.digits.datasets import DataSet
from digitnet.engine.run import run
from digitnet.engine.speed import threads
from digitnet.recipes import build
from digitnet.registry.model import Model
from digitnet.registry.study_record import Result
from digitnet.study.plan import Job


class Stopped(Exception):
    """The training was stopped before its end."""


def train(job: Job, data: DataSet, stop: Callable[[], bool] = lambda: False) -> Result:
    """Trains a new network as the job specifies, in one thread; the same anywhere, bit for bit.

    Raises Stopped if `stop()` returns true.
    """
    begun = perf_counter()
    threads.set_count(1)
    _, (accuracy, cost) = trained(job, data, stop)
    return Result(job.number, accuracy, cost, perf_counter() - begun)


def trained(
    job: Job, data: DataSet, stop: Callable[[], bool] = lambda: False
) -> tuple[Model, tuple[float, float]]:
    """Returns the trained model, its validation accuracy, and its cost on training cases.

    The cost is without penalties, so that networks with different penalties can be compared.
    """
    model = build(job.recipe, job.seed)
    settings = model.trainer.settings
    seen = data.as_seen(settings.cases, settings.pixels)
    if not job.amount.value:  # not trained
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

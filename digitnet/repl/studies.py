"""Sets up studies: parses the question, and chooses the network, data and worker pool."""

from itertools import count
from typing import TYPE_CHECKING

from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from digitnet.digits.datasets import DataSet
    from digitnet.registry.study_record import Blueprint, StudyRecord
    from digitnet.study.executors import PoolFactory
    from digitnet.study.plan import Plan


def new_study(session: Session, words: list[str], name: str) -> "StudyRecord":
    """Makes a study, and saves it without results. name: may be empty for a free name.

    Raises CommandError if the question or the name is not valid.
    """
    from digitnet.registry.study_record import StudyRecord
    from digitnet.study.question import parse, varies

    registry = session.registry
    name = name or _free_name(session)
    if varies(name):
        raise CommandError(f"{quoted(name)} is reserved: a study needs another name")
    if registry.exists(name):
        raise CommandError(f"there is a save named {name!r} already: --name gives another")
    blueprint, data = _blueprint(session), session.shelf.name
    record = StudyRecord(name, words, blueprint, data, session.new_seed())
    try:
        question = parse(words)
        if question.seconds:
            record.candidates = _candidates(session, record, question.seconds)
        plan = plan_of(record)
        plan.check()
    except ValueError as error:
        raise CommandError(printable(str(error), 400)) from None
    _check_data(session, plan)
    registry.save_study(record)
    return record


def _free_name(session: Session) -> str:
    """The first unused name of study-1, study-2, ..."""
    return next(name for k in count(1) if not session.registry.exists(name := f"study-{k}"))


def _blueprint(session: Session) -> "Blueprint":
    """The recipe and settings of the network in hand; if there is none, of the default recipe."""
    from digitnet.engine.settings import Settings
    from digitnet.recipes import DEFAULT, RECIPES, recipe_of
    from digitnet.registry.study_record import Blueprint

    if session.hand is None:
        recipe = RECIPES[DEFAULT]
        settings = Settings(**recipe.settings)
    else:
        model = session.learner()
        recipe = RECIPES.get(model.recipe) or recipe_of(model.network)
        settings = model.trainer.settings
    return Blueprint(
        recipe.shape,
        recipe.hidden,
        recipe.output,
        recipe.cost,
        recipe.bias,
        recipe.initializer,
        recipe.precision,
        settings,
    )


def plan_of(record: "StudyRecord") -> "Plan":
    """The plan of a study's trainings. Raises CommandError if its question cannot be parsed."""
    from digitnet.study.plan import Plan
    from digitnet.study.question import parse

    try:
        return Plan(parse(record.words), record.blueprint, record.seed, record.candidates)
    except ValueError as error:  # written by another version
        raise CommandError(
            f"{record.name!r} has a question that cannot be parsed: {error}"
        ) from None


def _check_data(session: Session, plan: "Plan") -> None:
    """Raises CommandError if a network of the study does not fit the current data set."""
    from digitnet.recipes import build

    data = session.data()
    for job in plan.rounds({})[0]:
        network = build(job.recipe, job.seed).network
        if not network.fits(data.train):
            raise CommandError(
                f"{network.shape} does not fit the data set {data.name}, which has "
                f"{data.inputs} numbers in and {data.outputs} out"
            )


def _candidates(session: Session, record: "StudyRecord", seconds: float) -> int:
    """The number of settings that a search of this duration can start with, from a trial epoch."""
    from time import perf_counter

    from digitnet.engine.amount import Amount
    from digitnet.engine.speed import threads
    from digitnet.study.plan import Job, candidates_for, recipe_with
    from digitnet.study.work import train

    trial = Job(0, (), recipe_with(record.blueprint, {}), record.seed, Amount(1, "epochs"))
    begun = perf_counter()
    with threads.limited_to(1):
        train(trial, session.data())
    return candidates_for(seconds, perf_counter() - begun, threads.count())


def pool_for(session: Session, data: "DataSet", address: str) -> "PoolFactory":
    """The factory of the worker pool: the cluster at `address`, or local processes if empty."""
    from functools import partial

    from digitnet.engine.speed import threads
    from digitnet.study.executors import cluster, processes

    return partial(cluster, data, address) if address else partial(processes, data, threads.count())

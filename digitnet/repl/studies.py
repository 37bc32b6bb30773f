"""Setting up a study: the question, the network it is about, and who does the trainings."""

from itertools import count
from typing import TYPE_CHECKING

from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from digitnet.digits.datasets import DataSet
    from digitnet.registry.study_record import Blueprint, StudyRecord
    from digitnet.study.executors import PoolFactory
    from digitnet.study.plan import Plan


def begun(session: Session, words: list[str], name: str) -> "StudyRecord":
    """A new study, saved with no result yet; it finds a name where there is none.

    Raises CommandError for a question that is none.
    """
    from digitnet.registry.study_record import StudyRecord
    from digitnet.study.question import parse, varies

    registry = session.registry
    name = name or _free_name(session)
    if varies(name):
        raise CommandError(f"{quoted(name)} can be varied, so no study is called that")
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
    """study-1, study-2, ...: the first that is free."""
    return next(name for k in count(1) if not session.registry.exists(name := f"study-{k}"))


def _blueprint(session: Session) -> "Blueprint":
    """How the network in hand was made and is trained; the default recipe where there is none."""
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
    """The trainings of a study."""
    from digitnet.study.plan import Plan
    from digitnet.study.question import parse

    try:
        return Plan(parse(record.words), record.blueprint, record.seed, record.candidates)
    except ValueError as error:  # its file was written by another digitnet
        raise CommandError(f"{record.name!r} asks what is not understood: {error}") from None


def _check_data(session: Session, plan: "Plan") -> None:
    """Raises CommandError where a network of the study does not fit the data in use."""
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
    """How many settings a search of so many seconds can begin with, after a trial of an epoch."""
    from time import perf_counter

    from digitnet.engine import threads
    from digitnet.engine.amount import Amount
    from digitnet.study.plan import Job, candidates_for, recipe_with
    from digitnet.study.work import train

    trial = Job(0, (), recipe_with(record.blueprint, {}), record.seed, Amount(1, "epochs"))
    begun = perf_counter()
    with threads.limited_to(1):
        train(trial, session.data())
    return candidates_for(seconds, perf_counter() - begun, threads.count())


def pool_for(session: Session, data: "DataSet", address: str) -> "PoolFactory":
    """Returns the factory of the workers: those of the cluster at `address`, or local processes."""
    from functools import partial

    from digitnet.engine import threads
    from digitnet.study.executors import cluster, processes

    return partial(cluster, data, address) if address else partial(processes, data, threads.count())

"""`study`: trains a network many times with different settings, and compares the results."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import Note, Record, ScreenOnly, Working, command
from digitnet.repl.commands.saving import clean
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session
from digitnet.repl.shelf import accuracy_on
from digitnet.repl.studies import new_study, plan_of, pool_for
from digitnet.repl.views.words import counted, percent

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.registry.study_record import StudyRecord
    from digitnet.study.answer import Group, Lead
    from digitnet.study.plan import Plan

MAX_MILESTONES = 10
"""Approximate number of milestones."""
NAME, ON = "--name", "--on"
BEST = "best"


@dataclass(frozen=True)
class StudyReport:
    """The progress of a study. best: the best group so far. remaining: estimated seconds left."""

    done: int
    total: int
    best: "Group"
    remaining: float
    lasting: bool = False

    @property
    def milestone(self) -> "StudyReport | None":
        """The same line, about MAX_MILESTONES times in a study."""
        return self if self.done % max(1, self.total // MAX_MILESTONES) == 0 else None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.study import progress

        yield progress(self, console, options)


@dataclass(frozen=True)
class StudyResult(Record):
    """The results of a study so far.

    best: the settings with the highest accuracy, and lead: its lead over the second; None without
    results. shape, amount: of each training, unless the study varies them. data: the data set.
    """

    name: str
    data: str
    shape: str
    amount: str
    runs: list[dict[str, Any]]
    best: dict[str, str] | None
    total: int
    groups: ScreenOnly["list[Group]"]
    lead: ScreenOnly["Lead | None"]
    is_search: ScreenOnly[bool]

    def as_json(self) -> dict[str, Any]:
        """The fields, with the means of each group and the lead of the best."""
        means = [
            {
                "settings": group.settings,
                "accuracy": group.accuracy,
                "spread": group.spread,
                "cost": group.cost,
                "seconds": group.seconds,
                "seeds": len(group.results),
            }
            for group in self.groups
        ]
        lead = self.lead and {
            "over": self.lead.over.settings,
            "difference": self.lead.difference,
            "interval": self.lead.interval and list(self.lead.interval),
        }
        return super().as_json() | {"means": means, "lead": lead}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.study import study

        yield study(self, console, options)


@command(
    "study",
    group="Asking",
    examples={
        "study rate 0.01 0.1 1": "the same network with three learning rates",
        "study shape 784-20-10 784-100-10 --repeat 5": "two shapes, each with five seeds",
        "study cases 500 1000 rate 0.05 0.1 --for 3e": "every combination, three epochs each",
        "study auto 10m": "a search for good settings that takes about ten minutes",
        "study study-1": "continue a study, or show it again",
        "study study-1 best": "train its best network again, load it and check it",
    },
)
def study(session: Session, *words: Annotated[str, kinds.STUDY]) -> Working:
    """Train many networks with different settings, and compare them on the validation set.

    A setting, shape or epochs is followed by the values to compare; with several, every combination
    is trained. --repeat N trains each with N seeds, --for AMOUNT sets how long (default 5e), --name
    NAME names the study, and --on tcp://HOST:8786 trains on a dask cluster. Everything else is
    taken from the network in hand. Each result is saved as it arrives; Ctrl-C keeps the results so
    far, and study NAME continues.
    """
    from digitnet.study.question import varies

    rest, name, address = _flags(words)
    if rest and not varies(rest[0]):
        record = session.registry.load_study(clean(rest[0]))
        if rest[1:] == [BEST]:
            return (yield from _best(session, record))
        if rest[1:]:
            raise CommandError(
                f"a study is shown by its name, and {BEST} after it: study NAME best"
            )
    else:
        record = new_study(session, rest, clean(name) if name else "")
        yield Note(f"Study {record.name!r}: {counted(plan_of(record).count(), 'training')}.")
    return (yield from _run_trainings(session, record, address))


def _flags(words: Sequence[str]) -> tuple[list[str], str, str]:
    """Splits off the values of --name and --on; returns the other words and both values."""
    rest, values = list(words), {NAME: "", ON: ""}
    for flag in values:
        if flag in rest:
            index = rest.index(flag)
            if not rest[index + 1 :]:
                raise CommandError(
                    f"{flag} is followed by a value. Example: study l2 0 0.001 {flag} x"
                )
            values[flag] = rest[index + 1]
            del rest[index : index + 2]
    return rest, values[NAME], values[ON]


def _run_trainings(
    session: Session, record: "StudyRecord", address: str
) -> Generator[StudyReport, None, StudyResult]:
    """Runs the remaining trainings of a study."""
    from time import perf_counter

    from digitnet.study.answer import best_of, groups
    from digitnet.study.conduct import Broken, conduct
    from digitnet.study.executors import NoCluster

    plan, registry = plan_of(record), session.registry
    begun, before, total = perf_counter(), len(record.results), plan.count()
    if plan.round(record.results):
        new_pool = pool_for(session, session.data(record.data), address)
        steps = conduct(
            plan, record.results, new_pool, lambda _: registry.save_study(record), session.stop
        )
        try:
            for _ in steps:
                done = len(record.results)
                per_run = (perf_counter() - begun) / (done - before)
                best = best_of(groups(plan, record.results))
                yield StudyReport(done, total, best, per_run * (total - done))
        except (Broken, NoCluster) as error:
            raise CommandError(
                f"{error}; {counted(len(record.results), 'result')} kept: "
                f"study {record.name} goes on"
            ) from None
    return _result(record, plan)


def _result(record: "StudyRecord", plan: "Plan") -> StudyResult:
    """The results so far."""
    from digitnet.study.answer import best_of, groups, lead_of

    found = groups(plan, record.results)
    done = [
        (job, record.results[job.number])
        for jobs in plan.rounds(record.results)
        for job in jobs
        if job.number in record.results
    ]
    runs = [
        {
            "settings": dict(job.settings),
            "seed": job.seed,
            "amount": str(job.amount),
            "validation_accuracy": result.accuracy,
            "cost": result.cost,
            "seconds": round(result.seconds, 3),
        }
        for job, result in done
    ]
    best = best_of(found) if found else None
    return StudyResult(
        record.name,
        record.data,
        "-".join(part.partition(":")[0] for part in record.blueprint.shape.split("-")),
        str(plan.question.amount),
        runs,
        best.settings if best else None,
        plan.count(),
        found,
        lead_of(best, found) if best and not plan.candidates else None,
        bool(plan.candidates),
    )


@dataclass(frozen=True)
class BestResult(Record):
    """The best network of a study, now in hand, and its accuracy on the test set."""

    name: str
    settings: dict[str, str]
    seed: int
    validation_accuracy: float
    correct: int
    total: int
    accuracy: float

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        settings = " ".join(f"{name} {value}" for name, value in self.settings.items())
        yield (
            f"Loaded the best network of {self.name!r}{settings and f', {settings}'}, "
            f"seed {self.seed}: "
            f"{percent(self.validation_accuracy)} of the validation set, "
            f"{self.correct:,} of {self.total:,} right on the test set, {percent(self.accuracy)}. "
            "pas NAME saves it."
        )


def _best(session: Session, record: "StudyRecord") -> Working:
    """Trains the best network of a study again, bit for bit, and checks it on the test set."""
    from digitnet.engine.evaluate import evaluate
    from digitnet.engine.speed import threads
    from digitnet.study.answer import best_of, groups
    from digitnet.study.work import Stopped, trained

    found = groups(plan_of(record), record.results)
    if not found:
        raise CommandError(f"{record.name!r} has no result yet: study {record.name} goes on")
    if not session.may_discard():
        raise CommandError("nothing was trained; the network in hand is unchanged")
    best = best_of(found).best
    yield Note("Training the best one again.", lasting=False)
    data = session.data(record.data)
    try:
        with threads.limited_to(1):
            model, (on_validation, _) = trained(best, data, session.stop)
    except Stopped:
        raise CommandError("interrupted; the network in hand is unchanged") from None
    model.data, model.trained_on = data.name, [data.name]
    session.take(model)
    session.mark_unsaved()
    session.use_data_of(model)
    seen = session.data_for(model)
    checked = evaluate(model.trainer.answering(), seen.test)
    model.accuracy = accuracy_on("test", checked.accuracy, seen, seen.tests_are_in, model)
    return BestResult(
        record.name,
        dict(best.settings),
        best.seed,
        on_validation,
        checked.correct,
        checked.total,
        checked.accuracy,
    )

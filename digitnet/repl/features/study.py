"""`study` trains a network many times with different settings, and compares the results."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from time import perf_counter
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.evaluate import evaluate
from digitnet.engine.report import Stopped
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.speed import threads
from digitnet.recipes import DEFAULT, RECIPES, build, recipe_of
from digitnet.registry.model import Blueprint, StudyRecord
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.data import accuracy_on
from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.features.saves import clean
from digitnet.repl.pictures.bars import bar
from digitnet.repl.pictures.curves import MIN_ROWS, Chart, Curve, picture
from digitnet.repl.pictures.screen import draws_blocks
from digitnet.repl.pictures.tables import Rows, counted, duration, percent
from digitnet.repl.result import Note, Record, ScreenOnly
from digitnet.repl.session import Session
from digitnet.study.conduct import (
    NoWorkers,
    PoolFactory,
    cluster,
    conduct,
    processes,
    train,
    trained,
)
from digitnet.study.plan import (
    EPOCHS,
    SHAPE,
    Job,
    Lead,
    Plan,
    Trials,
    best_of,
    candidates_for,
    groups,
    lead_of,
    parse,
    recipe_with,
    varies,
)  # fmt: skip


def new_study(session: Session, words: list[str], name: str) -> "StudyRecord":
    """Makes a study, and saves it without results. name: may be empty for a free name.

    Raises CommandError if the question or the name is not valid.
    """
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
    try:
        return Plan(parse(record.words), record.blueprint, record.seed, record.candidates)
    except ValueError as error:  # written by another version
        raise CommandError(
            f"{record.name!r} has a question that cannot be parsed: {error}"
        ) from None


def _check_data(session: Session, plan: "Plan") -> None:
    """Raises CommandError if a network of the study does not fit the current data set."""
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
    trial = Job(0, (), recipe_with(record.blueprint, {}), record.seed, Amount(1, "epochs"))
    begun = perf_counter()
    with threads.limited_to(1):
        train(trial, session.data())
    return candidates_for(seconds, perf_counter() - begun, threads.count())


def pool_for(session: Session, data: "DataSet", address: str) -> "PoolFactory":
    """The factory of the worker pool: the cluster at `address`, or local processes if empty."""
    return partial(cluster, data, address) if address else partial(processes, data, threads.count())


BAR = 24

INTERVAL = 20
"""Width of the drawings of means and spreads."""

NO_FURTHER = 1.1
"""A cost has stopped falling when it is at most this many times the lowest."""

MAX_SEARCH_ROWS = 10
"""Maximum number of rows for a search."""


def progress(report: "StudyReport", console: Console, options: ConsoleOptions) -> Text:
    """One line: the fraction done, the best group so far, the time left."""
    filled = bar(report.done / report.total, BAR, blocks=draws_blocks(console, options))
    left = [f"{duration(report.remaining)} left"] if report.done < report.total else []
    parts = [
        f"{report.done:,} of {report.total:,}",
        *([f"[{filled}]"] if options.max_width >= 70 else []),
        f"best {percent(report.best.accuracy)}",
        *left,
        _named(report.best, [report.best]),
    ]
    return Text("  ".join(parts), no_wrap=True, overflow="crop")


def study_view(result: "StudyResult", console: Console, options: ConsoleOptions) -> RenderableType:
    """A table of the settings, a curve if only one is varied, and the conclusion."""
    if not result.groups:
        return Text(f"Study {result.name!r}: nothing is done yet; study {result.name} goes on.")
    best = best_of(result.groups)
    parts: list[RenderableType] = [Text(_about(result)), _table(result, best, console, options)]
    if (curve := _curve(result.groups, console, options)) is not None:
        parts.append(curve)
    parts.append(Text(_answer(result, best)))
    parts += [Text(said) for said in _when_cost_stops(result.groups)]
    done = len(result.runs)
    if done < result.total:
        parts.append(Text(f"{done:,} of {result.total:,} done: study {result.name} goes on."))
    else:
        parts.append(Text(f"study {result.name} best loads the best network.", "dim"))
    return Group(*parts)


def _about(result: "StudyResult") -> str:
    """The shape, amount and data of the trainings, unless the study varies them."""
    varied = _varied(result.groups)
    parts = [] if SHAPE in varied else [f"of {result.shape}"]
    if EPOCHS not in varied:
        epochs = result.groups[0].settings.get(EPOCHS)
        amount = f"{epochs} epochs" if epochs else result.amount
        parts.append(f"for {'1 epoch' if amount == '1 epochs' else amount}")
    return " ".join(["Trainings", *parts, f"on {result.data}:"])


def _table(
    result: "StudyResult", best: "Trials", console: Console, options: ConsoleOptions
) -> RenderableType:
    """A row for each group, in the order of the question; for a search, best first."""
    shown: Sequence[Trials] = result.groups
    if result.is_search:
        shown = sorted(shown, key=lambda group: -group.accuracy)[:MAX_SEARCH_ROWS]
    names = _varied(shown)
    intervals = _intervals(shown, blocks=draws_blocks(console, options))
    lines = []
    for group, interval in zip(shown, intervals, strict=True):
        cells = {name: printable(group.settings.get(name, ""), 30) for name in names}
        cells["accuracy"] = percent(group.accuracy)
        if not result.is_search:
            cells["spread"] = "" if group.spread is None else f"{100 * group.spread:.2f}"
        cells |= {"cost": f"{group.cost:.3g}", "time": duration(group.seconds)}
        if not result.is_search:
            cells["seeds"] = str(len(group.results))
            cells[""] = f"{interval} best" if group is best and len(shown) > 1 else interval
        lines.append(cells)
    table = _rows(lines, names)
    if table.fits(options.max_width):
        return table
    for cells in lines:
        cells[""] = "best" if cells.get("", "").endswith("best") else ""
    return _rows(lines, names)


def _rows(lines: Sequence[dict[str, str]], names: Sequence[str]) -> Rows:
    numbers = ("accuracy", "spread", "cost", "time", "seeds")
    optional = ("time", "seeds", "cost", "spread")
    return Rows(
        tuple(lines[0]), [tuple(c.values()) for c in lines], numbers, optional=optional, key=names
    )


def _varied(groups: "Sequence[Trials]") -> list[str]:
    """The settings that differ among the groups."""
    names = dict.fromkeys(name for group in groups for name in group.settings)
    return [name for name in names if len({g.settings.get(name) for g in groups}) > 1]


def _intervals(groups: "Sequence[Trials]", *, blocks: bool) -> list[str]:
    """The mean and spread of each group on a common scale, such as `  ├─●─┤`."""
    spans = [
        (g.accuracy - (g.spread or 0), g.accuracy, g.accuracy + (g.spread or 0)) for g in groups
    ]
    low, high = min(s[0] for s in spans), max(s[2] for s in spans)
    if high == low:
        return [""] * len(spans)
    left, line, dot, right = "├─●┤" if blocks else "|-o|"
    drawn = []
    for span in spans:
        start, middle, end = (round((x - low) / (high - low) * (INTERVAL - 1)) for x in span)
        cells = [" "] * INTERVAL
        cells[start : end + 1] = line * (end + 1 - start)
        cells[start], cells[end] = left, right
        cells[middle] = dot
        drawn.append("".join(cells))
    return drawn


def _curve(
    groups: "Sequence[Trials]", console: Console, options: ConsoleOptions
) -> RenderableType | None:
    """The accuracy over the only setting that differs, if its values are numbers."""
    if len(groups) < 3 or len(_varied(groups)) != 1:
        return None
    (name,) = _varied(groups)
    try:
        points = sorted((float(group.settings[name]), 100 * group.accuracy) for group in groups)
    except ValueError:
        return None
    chart = Chart(f"validation accuracy, % over {name}", [Curve("", points)])
    width, blocks = min(options.max_width, 60), draws_blocks(console, options)
    return picture(chart, width, MIN_ROWS, blocks=blocks)


def _answer(result: "StudyResult", best: "Trials") -> str:
    """The conclusion in a sentence or two."""
    accuracies = [r.accuracy for r in best.results]
    seeds = counted(len(accuracies), "seed")
    spread = "" if best.spread is None else f" ± {100 * best.spread:.2f}"
    reached = f"{percent(best.accuracy)[:-2]}{spread} % of the validation set ({seeds})"
    if len(result.groups) == 1:
        between = f", from {percent(min(accuracies))} to {percent(max(accuracies))}"
        return f"The network reads {reached}{between if len(accuracies) > 1 else ''}."
    said = f"Best: {_named(best, result.groups)}, {reached}."
    lead = result.lead
    if lead is None:
        return said
    points, other = f"{100 * lead.difference:.2f}", _named(lead.over, result.groups)
    if lead.interval is None:
        return f"{said} It leads {other} by {points} points; --repeat 5 tells luck apart."
    low, high = (100 * end for end in lead.interval)
    said += f" It leads {other} by {points} points (95 % interval {low:.2f} to {high:.2f})"
    return f"{said}: more than luck." if lead.is_clear else f"{said}: no clear winner."


def _named(group: "Trials", groups: "Sequence[Trials]") -> str:
    """`rate 0.1, batch 32`: the settings of a group that differ among the groups."""
    names = _varied(groups) or group.settings
    settings = ", ".join(
        f"{name} {group.settings[name]}" for name in names if name in group.settings
    )
    return printable(settings or "the settings as they are", 120)


def _when_cost_stops(groups: "Sequence[Trials]") -> list[str]:
    """If only epochs are varied: the number of epochs from which the cost falls no further."""
    if len(groups) < 3 or _varied(groups) != [EPOCHS]:
        return []
    costs = sorted((float(group.settings[EPOCHS]), group.cost) for group in groups)
    least = min(cost for _, cost in costs)
    stops = next(epochs for epochs, cost in costs if cost <= NO_FURTHER * least)
    if stops == costs[-1][0]:
        return [f"The training cost still falls at {stops:g} epochs."]
    return [f"From {stops:g} epochs on the training cost falls no further."]


MAX_MILESTONES = 10
"""Approximate number of milestones."""

NAME, ON = "--name", "--on"

BEST = "best"


@dataclass(frozen=True)
class StudyReport:
    """The progress of a study. best: the best group so far. remaining: estimated seconds left."""

    done: int
    total: int
    best: "Trials"
    remaining: float
    lasting: bool = False

    @property
    def milestone(self) -> "StudyReport | None":
        """The same line, about MAX_MILESTONES times in a study."""
        return self if self.done % max(1, self.total // MAX_MILESTONES) == 0 else None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
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
    groups: ScreenOnly["list[Trials]"]
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
        yield study_view(self, console, options)


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
def study(session: Session, *words: Annotated[str, kinds.STUDY]) -> Any:
    """Train many networks with different settings, and compare them on the validation set.

    A setting, shape or epochs is followed by the values to compare; with several, every combination
    is trained. --repeat N trains each with N seeds, --for AMOUNT sets how long (default 5e), --name
    NAME names the study, and --on tcp://HOST:8786 trains on a dask cluster. Everything else is
    taken from the network in hand. Each result is saved as it arrives; Ctrl-C keeps the results so
    far, and study NAME continues.
    """
    rest, name, address = _flags(words)
    if rest and not varies(rest[0]):
        record = session.registry.load_study(clean(rest[0]))
        if rest[1:] == [BEST]:
            return _best(session, record)
        if rest[1:]:
            raise CommandError(
                f"a study is shown by its name, and {BEST} after it: study NAME best"
            )
    else:
        record = new_study(session, rest, clean(name) if name else "")
        session.report(
            Note(f"Study {record.name!r}: {counted(plan_of(record).count(), 'training')}.")
        )
    return _run_trainings(session, record, address)


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


def _run_trainings(session: Session, record: "StudyRecord", address: str) -> StudyResult:
    """Runs the remaining trainings of a study, until Ctrl-C."""
    plan, registry = plan_of(record), session.registry
    begun, before, total = perf_counter(), len(record.results), plan.count()

    def report(result: object) -> None:
        if result is None:
            session.report()
            return
        done = len(record.results)
        per_run = (perf_counter() - begun) / (done - before)
        best = best_of(groups(plan, record.results))
        session.report(StudyReport(done, total, best, per_run * (total - done)))

    if plan.round(record.results):
        new_pool = pool_for(session, session.data(record.data), address)
        try:
            conduct(plan, record.results, new_pool, lambda _: registry.save_study(record), report)
        except Stopped:
            pass
        except NoWorkers as error:
            raise CommandError(
                f"{error}; {counted(len(record.results), 'result')} kept: "
                f"study {record.name} goes on"
            ) from None
    return _result(record, plan)


def _result(record: "StudyRecord", plan: "Plan") -> StudyResult:
    """The results so far."""
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


def _best(session: Session, record: "StudyRecord") -> Any:
    """Trains the best network of a study again, bit for bit, and checks it on the test set."""
    found = groups(plan_of(record), record.results)
    if not found:
        raise CommandError(f"{record.name!r} has no result yet: study {record.name} goes on")
    if not session.may_discard():
        raise CommandError("nothing was trained; the network in hand is unchanged")
    best = best_of(found).best
    session.report(Note("Training the best one again.", lasting=False))
    data = session.data(record.data)
    try:
        with threads.limited_to(1):
            model, (on_validation, _) = trained(best, data, lambda _: session.report())
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

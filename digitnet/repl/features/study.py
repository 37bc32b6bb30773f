"""`study` trains a network many times with different settings, and compares the results."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, partial
from itertools import count
from typing import Any

from rich.console import Group, RenderResult
from rich.text import Text

from digitnet.charts import Chart
from digitnet.digits.datasets import DataSet, NotHere
from digitnet.digits.files import BadFile
from digitnet.engine.report import Stopped
from digitnet.engine.run import work_clock
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import NAMED_VALUES, spelled
from digitnet.engine.speed import threads
from digitnet.recipes import DEFAULT, RECIPES, blueprint_of, build
from digitnet.registry.files import DamagedSave, RegistryError
from digitnet.registry.model import Blueprint, Result, StudyRecord
from digitnet.registry.saves import Registry
from digitnet.registry.schema import MAX_FIGURE
from digitnet.repl import kinds
from digitnet.repl.command import as_typed, command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.check import take_and_check
from digitnet.repl.features.set import unusual
from digitnet.repl.features.train import fitting
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.curves import Curves
from digitnet.repl.pictures.digit import bar
from digitnet.repl.pictures.tables import Rows, counted, duration, percent
from digitnet.repl.result import Milestones, Note, Said
from digitnet.repl.session import Session, clean
from digitnet.study.conduct import NoWorkers, cluster, conduct, processes, train, trained
from digitnet.study.plan import (
    EPOCHS,
    SHAPE,
    STARTS,
    Job,
    Lead,
    Plan,
    Trials,
    best_of,
    candidates_for,
    groups,
    lead_of,
    parse,
    plan_of,
)

MAX_MILESTONES = 10  # maximum number of milestones
INTERVAL = 20  # width of the drawings of means and spreads
MEANS = ("settings", "accuracy", "spread", "cost", "seconds", "seeds")  # of a group, in the JSON
NO_FURTHER = 1.1  # a cost has stopped falling when it is at most this many times the lowest
MAX_SEARCH_ROWS = 10  # maximum number of rows for a search


@dataclass(frozen=True)
class StudyResult(Drawn):
    """The results of a study so far. is_seen: whether the validation cases are trained on; None if
    the data set is not here, or has other cases now.
    """

    record: StudyRecord
    plan: Plan
    is_seen: bool | None = False

    @cached_property
    def groups(self) -> list[Trials]:
        return groups(self.plan, self.record.results)

    @cached_property
    def best(self) -> Trials | None:
        """The best settings; None if no training is done, or all of them blew up."""
        sound = [group for group in self.groups if group.blown < group.seeds]
        return best_of(sound) if sound else None

    @cached_property
    def lead(self) -> Lead | None:
        """The lead of the best settings over the second; None for a search."""
        return lead_of(self.best, self.groups) if self.best and not self.plan.candidates else None

    @cached_property
    def unvaried(self) -> dict[str, str]:
        """The settings of a training that varies none, as `set` takes them, and its shape."""
        blueprint = self.record.blueprint
        values = {name: spelled(name, v) for name, v in asdict(blueprint.settings).items()}
        shape = "-".join(part.partition(":")[0] for part in blueprint.shape.split("-"))
        return values | {SHAPE: shape}

    def as_json(self) -> dict[str, Any]:
        """The trainings done (`runs`), the means of each group, and the settings with the highest
        accuracy (`best`), with their lead. shape, amount: of trainings that vary none.
        """
        record, results, lead = self.record, self.record.results, self.lead
        asked = self.plan.question
        return {
            "name": record.name,
            "data": record.data,
            "shape": self.unvaried[SHAPE],
            "amount": None if asked.seconds or EPOCHS in dict(asked.axes) else str(asked.amount),
            "runs": [
                {
                    "settings": dict(job.settings),
                    "seed": job.seed,
                    "amount": str(job.amount),
                    "validation_accuracy": result.accuracy,
                    "cost": result.cost if result.cost < MAX_FIGURE else None,
                    "seconds": round(result.seconds, 3),
                }
                for jobs in self.plan.rounds(results)
                for job in jobs
                if (result := results.get(job.number))
            ],
            "best": self.best and self.best.settings,
            "total": self.plan.count(),
            "seen_in_training": self.is_seen,
            "means": [{name: getattr(g, name) for name in MEANS} for g in self.groups],
            "lead": lead and vars(lead) | {"over": lead.over.settings},
        }

    def drawn(self, view: View) -> RenderResult:
        name, total, done = as_typed(self.record.name), self.plan.count(), len(self.record.results)
        if not self.groups:
            yield f"Study {self.record.name!r}: nothing is done yet; study {name} goes on."
            return
        varied, blocks = self._varied(self.groups), view.blocks
        shape = "" if SHAPE in varied else f"of {self.unvaried[SHAPE]} "
        up_to = "up to " * any(g.jobs[0].blueprint.settings.patience for g in self.groups)
        length = "" if EPOCHS in varied else f"for {up_to}{self.groups[0].jobs[0].amount} "
        yield f"Trainings {shape}{length}on {self.record.data}:"
        yield self._table(view.width, blocks=blocks)
        if blown := sum(group.blown for group in self.groups):
            cause = "the cost became NaN or infinite"
            yield f"{counted(blown, 'training')} blew up ({cause}), which counts as 0 % right."
        has_curve = self.best and len(self.groups) > 2 and len(varied) == 1
        if has_curve:
            yield from self._curve(*varied)
        if self.best:
            yield self._conclusion(self.best, "±" if blocks else "+-")
        if has_curve and varied == [EPOCHS]:
            yield self._when_cost_stops()
        if done < total:
            yield f"{done:,} of {total:,} done: study {name} goes on."
        elif self.best and self.is_seen is not None:
            yield Text(f"study {name} best loads the best network.", "dim")

    def _varied(self, trials: Sequence[Trials]) -> list[str]:
        if not self.plan.candidates:  # also while only one value was tried
            return [name for name, values in self.plan.question.axes if len(values) > 1]
        names = dict.fromkeys(name for group in trials for name in group.settings)
        return [name for name in names if len({self._value(g, name) for g in trials}) > 1]

    def _value(self, group: Trials, name: str) -> str:
        return group.settings.get(name) or self.unvaried[name]

    def _table(self, width: int, *, blocks: bool) -> Rows:
        """A row for each group, in the order of the question; for a search, the best ones first."""
        shown: Sequence[Trials] = self.groups
        if self.plan.candidates:
            shown = sorted(shown, key=lambda group: -group.accuracy)[:MAX_SEARCH_ROWS]
        varied = self._varied(shown)
        best = self.best if len(shown) > 1 and not self.plan.candidates else None
        lines = []
        for group in shown:
            line = {name: self._value(group, name) for name in varied}
            blew_up = group.blown == group.seeds
            line["accuracy"] = "blew up" if blew_up else percent(group.accuracy)
            if any(g.spread is not None for g in shown):
                line["spread"] = "" if group.spread is None else f"{100 * group.spread:.2f}"
            line |= {"cost": f"{group.cost:.3g}", "time": duration(group.seconds)}
            if not self.plan.candidates:
                line |= {"seeds": str(group.seeds), "": "best" * (group is best)}
            lines.append(line)

        def rows() -> Rows:
            return Rows(
                tuple(lines[0]),
                [tuple(line.values()) for line in lines],
                numbers=("accuracy", "spread", "cost", "time", "seeds"),
                optional=("time", "seeds", "cost", "spread"),
                key=varied,
            )

        if not self.plan.candidates and rows().fits(width - INTERVAL):
            for line, interval in zip(lines, _intervals(shown, blocks=blocks), strict=True):
                line[""] = f"{interval} {line['']}".rstrip()
        return rows()

    def _curve(self, name: str) -> Iterator[Curves]:
        """The accuracy over the only setting that differs, if its values are numbers."""
        with suppress(ValueError):
            points = sorted((float(self._value(g, name)), 100 * g.accuracy) for g in self.groups)
            yield Curves([Chart(f"validation accuracy, % over {name}", {"": points})], live=True)

    def _conclusion(self, best: Trials, plus_minus: str) -> str:
        spread = "" if best.spread is None else f" {plus_minus} {100 * best.spread:.2f}"
        reached = (
            f"{percent(best.accuracy).replace(' %', spread)} % of the validation set "
            f"({counted(best.seeds, 'seed')}{', cases seen in training' * bool(self.is_seen)})"
        )
        if len(self.groups) == 1:
            is_one_of_several = self._varied(self.groups)  # the others are not tried yet
            accuracies = [result.accuracy for result in best.results]
            network = f"With {self._named(best)}, it" if is_one_of_several else "The network"
            between = f", from {percent(min(accuracies))} to {percent(max(accuracies))}"
            return f"{network} reads {reached}{between if best.seeds > 1 else ''}."
        said = f"Best: {self._named(best)}, {reached}."
        if self.lead is None:
            return said
        if not self.lead.difference:
            return f"{said} {self._named(self.lead.over)} is as good."
        ahead = f"It leads {self._named(self.lead.over)} by {100 * self.lead.difference:.2f} points"
        if self.lead.interval is None:
            is_done = len(self.record.results) == self.plan.count()
            may_be_luck = is_done and self.plan.question.repeat < 5
            return f"{said} {ahead}{'; --repeat 5 shows whether it is luck' * may_be_luck}."
        low, high = (100 * end for end in self.lead.interval)
        verdict = "significant" if low > 0 else "no clear winner"
        return f"{said} {ahead} (95 % interval {low:.2f} to {high:.2f}): {verdict}."

    def _named(self, group: Trials) -> str:
        return _listed({name: self._value(group, name) for name in self._varied(self.groups)})

    def _when_cost_stops(self) -> str:
        """The number of epochs from which the cost falls no further."""
        costs = sorted((float(group.settings[EPOCHS]), group.cost) for group in self.groups)
        least = min(cost for _, cost in costs)
        stops = next(epochs for epochs, cost in costs if cost <= NO_FURTHER * least)
        if stops == costs[-1][0]:
            return f"The training cost still falls at {stops:g} epochs."
        return f"From {stops:g} epochs on the training cost falls no further."


def _listed(settings: dict[str, str]) -> str:
    """`rate 0.1, batch 32`."""
    pairs = [f"{name} {value}" for name, value in settings.items()]
    return printable(", ".join(pairs) or "the settings as they are", 2000)


def _intervals(trials: Sequence[Trials], *, blocks: bool) -> list[str]:
    """The mean and spread of each group on a common scale, such as `  ├─●─┤`."""
    spans = [[g.accuracy + k * (g.spread or 0) for k in (-1, 0, 1)] for g in trials]
    low, high = min(s[0] for s in spans), max(s[2] for s in spans)
    left, line, dot, right = "├─●┤" if blocks else "|-o|"
    drawings = []
    for span in spans if high > low else []:
        start, middle, end = (round((x - low) / (high - low) * (INTERVAL - 1)) for x in span)
        cells = [" "] * start + [left, *line * (end - start - 1), right][: end - start + 1]
        cells[middle] = dot
        drawings.append("".join(cells).ljust(INTERVAL))
    return drawings or [""] * len(spans)


def _progress(plan: Plan, results: dict[int, Result], seconds: float, view: View) -> RenderResult:
    """How much is done, and the best settings so far. seconds: that are left, as estimated."""
    done, total, best = len(results), plan.count(), best_of(groups(plan, results))
    parts = [
        f"{done:,} of {total:,}",
        f"best {percent(best.accuracy)}",
        *[f"{duration(seconds)} left"] * (done < total),
        _listed(best.settings),
        f"[{bar(plan.part(results), 24, blocks=view.blocks)}]",
    ]
    yield Text("  ".join(fitting(parts, view)))


@command("study", group="Asking", rank=6)
def study(session: Session, *words: kinds.STUDY) -> StudyResult | Said:
    """Train many networks with different settings, and compare them on the validation set.

    A setting, shape or epochs is followed by the values to compare; with several, every combination
    is trained. --repeat N trains each with N seeds, --for AMOUNT sets how long (default 5e), --name
    NAME names the study, and --on tcp://HOST:8786 trains on a dask cluster. Everything else is
    taken from the network in hand. Each result is saved as it arrives; Ctrl-C keeps the results so
    far, and study NAME continues.

    study shape 784-20-10 784-100-10 --repeat 5: two shapes, each with five seeds
    study cases 500 1000 rate 0.05 0.1 --for 3e: every combination, three epochs each
    study auto 10m: a search for good settings that takes about ten minutes
    study study-1: continue a study, or show it again
    study study-1 show: show it as it is, without continuing it
    study study-1 best: train its best network again, load it and check it
    study rate 0.01 0.1: the same network with two learning rates
    """
    rest = list(words)
    name, address = _taken(rest, "--name", "rates"), _taken(rest, "--on", "tcp://HOST:8786")
    if not rest or rest[0] in STARTS:
        record, then = _new_study(session, rest, name), []
    elif session.registry.exists(saved := clean(rest[0])):
        record, then = session.registry.load_study(saved), rest[1:]
        if flag := "--name" if name else "--on" if address and then else "":
            raise CommandError(f"{flag} has no effect here: leave it out")
    else:
        known = (*STARTS, *(as_typed(entry.name) for entry in session.registry.offered()))
        hint = kinds.hint(rest[0], known) or "Examples: study rate 0.01 0.1, study NAME best"
        raise CommandError(f"{quoted(rest[0])} is neither a setting nor a study. {hint}")
    with _told(f"{record.name!r} is damaged: ", ". It was left as it is"):
        plan = plan_of(record)
    if then == ["best"]:
        return _best(session, record, plan)
    if then not in ([], ["show"]):
        hint = nearest(then[0], ("show", "best")) or f"Example: study {as_typed(record.name)} show"
        raise CommandError(f"after the name of a study stands nothing, show or best. {hint}")
    if not then and plan.round(record.results):
        _run_trainings(session, record, plan, address)
    is_seen = None
    with suppress(BadFile, NotHere):
        data = session.data(record.data)
        if record.digest in ("", data.digest):
            is_seen = data.name in data.validations_are_in
    return StudyResult(record, plan, is_seen)


def _taken(words: list[str], flag: str, example: str) -> str:
    """Takes a flag and its value out of the words; returns the value, empty without the flag."""
    if flag not in words:
        return ""
    at = words.index(flag)
    if not words[at + 1 :]:
        line = f"study l2 0 0.001 {flag} {example}"
        raise CommandError(f"{flag} is followed by a value. Example: {line}")
    del words[at]
    return words.pop(at)


def _new_study(session: Session, words: list[str], name: str) -> StudyRecord:
    """A study without results, not saved yet. name: if empty, it is the first free one.

    Raises CommandError if the question or the name is not valid.
    """
    registry = session.registry
    name = clean(name) if name else _free_name(registry)
    if name in STARTS:
        raise CommandError(f"{quoted(name)} is reserved: a study needs another name")
    if registry.exists(name):
        raise CommandError(f"there is a save named {name!r} already: --name gives another")
    data = session.data()
    record = StudyRecord(name, words, _blueprint(session), data.name, session.new_seed())
    record.digest = data.digest
    with _told(words=words):
        question = parse(words)
        plan = Plan(question, record.blueprint, record.seed)
        _check(session, plan, data)
        if question.seconds:
            job = Job(0, (), record.blueprint, record.seed, Amount(1, "epochs"))
            with threads.limited_to(1):
                trial = train(job, data)
            record.candidates = candidates_for(question.seconds, trial.seconds, threads.count())
    return record


def _check(session: Session, plan: Plan, data: DataSet) -> None:
    """As `Plan.check`; tells of values that do not mean what they say, as `set` does."""
    recipe = session.hand.recipe if session.hand else DEFAULT
    networks, told = plan.check(data), defaultdict[str, set[str]](set)
    for job in plan.round({}):
        network, settings = networks[job.blueprint.shape], job.blueprint.settings
        for name, value in job.settings:
            of = _listed({n: v for n, v in job.settings if n in (SHAPE, name)})
            told[of].add(unusual(name, value, settings, network, recipe, data))
    for of, sentences in told.items():
        if "" not in sentences:  # whatever else is varied
            session.report(Note(f"{of}: {min(sentences)}"))


def _free_name(registry: Registry) -> str:
    return next(name for k in count(1) if not registry.exists(name := f"study-{k}"))


def _merged(record: StudyRecord, registry: Registry) -> bool:
    """Whether this study is what is saved under its name; then it gets the results there too."""
    with suppress(RegistryError):
        there = registry.load_study(record.name)
        if replace(there, results=record.results, saved_at=record.saved_at) == record:
            record.results.update(there.results)
            return True
    return False


def _blueprint(session: Session) -> Blueprint:
    """That of the network in hand, with its settings; if there is none, of the default recipe."""
    model = session.learner() if session.hand else build(RECIPES[DEFAULT], 0)
    settings = model.trainer.settings
    recipe = RECIPES.get(model.recipe) or blueprint_of(model.network, settings)
    same = {field.name: getattr(recipe, field.name) for field in fields(Blueprint)}
    return Blueprint(**same | {"settings": settings})


@contextmanager
def _told(start: str = "", end: str = "", words: Sequence[str] = ()) -> Iterator[None]:
    """Tells in a line what is wrong with a study, or with the words of a question."""
    try:
        yield
    except (DamagedSave, ValueError) as error:
        named = (value for names in NAMED_VALUES.values() for value in names())
        known = (*STARTS, "--name", "--on", *named)
        hints = (kinds.hint(word, known) for word in words if word not in known)
        said = f"{start}{printable(str(error), 400)}{end}. {next(filter(None, hints), '')}"
        raise CommandError(said.removesuffix(". ")) from None


def _data(session: Session, record: StudyRecord, plan: Plan) -> DataSet:
    """The data set of a study. Raises CommandError if it was changed or the networks do not fit."""
    data = session.data(record.data)
    with _told(f"{record.name!r} cannot be trained: "):
        if record.digest not in ("", data.digest):
            line = f"study {as_typed(record.name)} show shows its results"
            raise ValueError(f"the data set {data.name} has other cases now. {line}")
        plan.check(data)
    return data


def _run_trainings(session: Session, record: StudyRecord, plan: Plan, address: str) -> None:
    """Runs the remaining trainings of a study, until Ctrl-C. address: of a cluster, or empty.

    One that is renamed or deleted in another terminal meanwhile is saved under its new name, or
    again.
    """
    results, registry = record.results, session.registry
    there = registry.find(record.name) if record.saved_at else None
    file = there.file if there else ""  # a new one is in none until its first result is
    begun, before, total = work_clock(), plan.part(results), plan.count()
    data = _data(session, record, plan)
    pool = partial(cluster, data, address) if address else partial(processes, data, threads.count())
    told = [f"Study {record.name!r}: {counted(total, 'training')}."] * (not file)
    milestones, none_made = Milestones(MAX_MILESTONES), "no study was made"

    def report(arrived: list[Result]) -> None:
        while told:  # when the workers are there
            session.report(Note(told.pop(0)))
        note, part = None, plan.part(results)
        if arrived:
            seconds = (work_clock() - begun) / (part - before) * (1 - part)
            fields = {"done": len(results), "total": plan.count()}
            line = Said(partial(_progress, plan, results, seconds), fields)
            note = Note(line, False, line if milestones.is_due(part) else None)
        session.report(note)

    def save(_: Result) -> None:
        nonlocal file
        failure = "the last result was not saved; those before it are"
        with registry.locked(failure if file else none_made):
            names = {entry.file: entry.name for entry in registry.entries()}
            if file and file not in names:
                told.append(f"{record.name!r} was deleted meanwhile; it is saved again.")
            taken = record.name = names.get(file, record.name)  # it may have been renamed
            if registry.exists(taken) and not _merged(record, registry):
                record.name = _free_name(registry)
                told.append(
                    f"Saved as {record.name!r}: another save was named {taken!r} meanwhile."
                )
            change = registry.save(record, record.name, failure, keep=False)  # of its own results
            session.changed(change)
            file = change.entry.file

    try:
        conduct(plan, results, pool, save, report)
    except Stopped:
        if not file:
            raise CommandError(f"interrupted before a training was done; {none_made}") from None
    except (NoWorkers, ValueError) as error:  # ValueError: a mini-batch that takes too much memory
        done = f"{counted(len(results), 'result')} kept: study {as_typed(record.name)} goes on"
        said = f"{printable(str(error), 400)}; {done if file else none_made}"
        raise CommandError(said) from None


def _best(session: Session, record: StudyRecord, plan: Plan) -> Said:
    """Trains the best network of a study again, bit for bit, and checks it on the test set."""
    trials = StudyResult(record, plan).best
    if not trials:
        line = f"study {as_typed(record.name)}"
        raise CommandError(f"{record.name!r} has no network to load: {line} goes on, or shows it")
    session.discard("nothing was trained")
    best = trials.best
    session.report(Note("Training the best one again.", lasting=False))
    data = _data(session, record, plan)
    try:
        with threads.limited_to(1):
            model, (accuracy, _) = trained(best, data, lambda _: session.report())
    except Stopped:
        raise CommandError("interrupted; the network in hand is unchanged") from None
    model.data = data.name
    session.data_sets.record(model, data.name)
    checked = take_and_check(session, model)
    said = " ".join(f"{name} {value}" for name, value in best.settings)
    was = record.results[best.number].accuracy  # other versions may have measured otherwise
    told = (
        f"Loaded the best network of {record.name!r}{said and f', {said}'}, seed {best.seed}: "
        f"{percent(accuracy)} of the validation set{f' (then {percent(was)})' * (was != accuracy)}"
        "; pas NAME saves it."
    )
    fields = {"name": record.name, "settings": dict(best.settings), "seed": best.seed}
    fields |= {"validation_accuracy": accuracy} | checked.as_json()
    return Said(Group(told, checked), fields)

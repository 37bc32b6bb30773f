"""`t` trains the network in hand; `watch` follows a training that runs in another terminal."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import log1p, nan
from time import sleep
from typing import Any

import numpy as np
from rich.console import Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from digitnet.charts import rounded
from digitnet.digits.datasets import DataSet
from digitnet.engine.evaluate import guesses_of, outputs_in_chunks
from digitnet.engine.report import Stopped
from digitnet.engine.run import SPENT, Meter, Outcome, Status, run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Trainer
from digitnet.insight.inside import first_layer
from digitnet.recipes import DEFAULT, RECIPES, default_rate, recipe_for
from digitnet.registry.files import DamagedSave
from digitnet.registry.model import Model
from digitnet.registry.recovery import (
    SILENT_SECONDS,
    Followed,
    ProgressFile,
    followed,
    read_progress,
)
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.features.wrong import Misread
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.curves import GrowingCurves, rows_of
from digitnet.repl.pictures.digit import Framed, bar, framed_units, gallery, size_of
from digitnet.repl.pictures.tables import SEEN, clock, counted, duration, percent
from digitnet.repl.result import Milestones, Note, Said
from digitnet.repl.session import Session, clean, training

BAR = 24

MAX_MILESTONES = 40  # maximum number of milestones of a training
UNTRAINED = "untrained network"
MUCH_WORSE = 0.005  # a loss of accuracy that is reported
LEARNT = 0.99  # a training accuracy above which more training has little effect

ENDINGS = {
    "done": "",
    "target": "The accuracy asked for is reached.",
    "patience": "Stopped: no further improvement.",
    "interrupted": "Interrupted: the training so far is kept.",
    "converged": "It has converged.",
    "stuck": "It ended early: it found no step that lowers the cost. doctor may say why.",
    "diverged": (
        "Training blew up (the cost became NaN or infinite); the last good weights are restored. "
        "Type doctor to see why, and what to set."
    ),
}


def progress_line(report: Status, view: View) -> Text:
    """The line that is redrawn: the fraction done, accuracy and cost, the time left."""
    is_done = report.part is not None and report.part >= 1  # only the last measurement is left
    bar_of = [] if report.part is None else [f"[{bar(report.part, BAR, blocks=view.blocks)}]"]
    left = [] if report.remaining is None else [f"{clock(report.remaining)} left"]
    parts = [
        counted(report.batches, "mini-batch") if report.part is None else f"{report.part:4.0%}",
        *[f"accuracy {percent(report.accuracy)}"] * (report.measured or not is_done),
        f"cost {rounded(report.recent_cost)}",
        *(["measuring ..."] if is_done else left),
        *bar_of,
        f"{report.samples_per_second:,.0f} cases/s",
    ]
    return Text("  ".join(fitting(parts, view)), no_wrap=True, overflow="crop")


@dataclass(frozen=True)
class Milestone(Drawn):
    """A line that stays: as much as fits of mini-batches, cost, validation accuracy and time."""

    report: Status

    def drawn(self, view: View) -> RenderResult:
        r = self.report
        noun = "iteration" if r.rate is None else "mini-batch"  # min has no rate
        batches = f"{r.batches:>9,} {counted(r.batches, noun).split()[1]:<12}"
        accuracy, cost = f"accuracy {percent(r.accuracy):>8}", f"cost {rounded(r.cost):<8}"
        shown = fitting([f"{clock(r.seconds):>6}", accuracy, cost, batches], view)
        yield Text("  ".join(reversed(shown)), no_wrap=True, overflow="crop")


def fitting(parts: list[str], view: View) -> list[str]:
    """As many of the first parts as fit in a line."""
    count = len(parts)
    while len("  ".join(parts[:count])) > view.width:
        count -= 1
    return parts[:count]


MAX_CASES = 300  # maximum number of validation cases to search for misread ones
MAX_UNITS = 24  # maximum number of units whose weights are shown
CELL, LINES = 16, 8  # columns of a small digit with its gap, and lines of one with its label

AROUND = 2  # lines of the screen for the progress line and the cursor
CURVES = 60  # minimum columns of the curves beside the pictures


def watched(
    what: str, trainer: Trainer, data: DataSet, curves: RenderableType, view: View
) -> RenderableType:
    """The curves with a look at the network: side by side if they fit, else what fits below.

    what: `misread`, `weights` or `both`. It costs what drawing may cost, and nothing without a
    screen.
    """
    if view.width < CURVES + 2 * CELL:
        below = replace(view, height=view.height - AROUND - rows_of(view))
        return Group(curves, *_seen(what, trainer, data, below))
    width = (view.width - CURVES) // CELL * CELL
    both = Table.grid(padding=(0, 2, 0, 0))
    both.add_column(width=view.width - width)
    both.add_column(width=width - 2)
    place = replace(view, width=width - 2, height=view.height - AROUND)
    both.add_row(curves, Group(*_seen(what, trainer, data, place)))
    return both


def _seen(what: str, trainer: Trainer, data: DataSet, view: View) -> Iterator[RenderableType]:
    height = view.height
    for look in {"misread": [_misread], "weights": [_weights]}.get(what, [_misread, _weights]):
        title, framed = look(trainer, data, view)
        needed = 2 + max((size_of(each)[1] for each in framed), default=-1)
        if needed <= height:
            height -= needed
            yield Text(title, "dim")
            yield gallery(framed, view)


def _misread(trainer: Trainer, data: DataSet, view: View) -> tuple[str, list[Framed]]:
    cases, across = data.validation, max(1, (view.width + 2) // CELL)
    rows = np.arange(min(MAX_CASES, len(cases)))
    guesses = guesses_of(outputs_in_chunks(trainer.answering(), cases, rows))
    wrong = Misread.of(guesses.wrong()[:across], guesses, data, cases)
    title = (
        f"{'misread' if wrong else 'none is misread'}, of the first {len(rows)} validation cases"
    )
    return title, [case.framed(view) for case in wrong]


def _weights(trainer: Trainer, data: DataSet, view: View) -> tuple[str, list[Framed]]:
    weights = first_layer(trainer.network).weights[:MAX_UNITS]
    if weights.ndim == 2:
        lines = Text("\n".join(" ".join(f"{w:8.3g}" for w in row) for row in weights))
        return "weights of the first layer", [(lines, Text())]
    units = range(len(weights))
    framed = framed_units(units, weights, view, lines=LINES, common=False)
    return "weights of the first layer", framed


Beside = Callable[[RenderableType, View], RenderableType]
"""What is shown of a training: its curves, and what is drawn with them or instead of them."""


@dataclass(frozen=True)
class TrainingReport(Drawn):
    report: Status
    curves: GrowingCurves
    beside: Beside | None = None

    def as_json(self) -> dict[str, Any]:
        values: dict[str, Any] = asdict(self.report)
        return values | {"validation_accuracy": values.pop("accuracy")}

    def drawn(self, view: View) -> RenderResult:
        yield progress_line(self.report, view)
        yield self.beside(self.curves, view) if self.beside else self.curves


@dataclass(frozen=True)
class TrainingResult(Drawn):
    """The result of a training; its curves stay on the screen if they were shown live.

    settings: at its start. recent_cost: since the last measurement. usual_rate: of the network.
    can_augment: whether the cases could be augmented, and are not. is_seen: whether the validation
    cases are among those it was trained on, if known. is_last: whether a signal ends the session.
    is_past: whether the schedule's horizon was passed.
    """

    outcome: Outcome
    amount: Amount
    curves: GrowingCurves
    settings: Settings
    recent_cost: float
    usual_rate: float
    can_augment: bool
    is_seen: bool | None = False
    is_last: bool = False
    is_past: bool = False

    def as_json(self) -> dict[str, Any]:
        names = ("batches", "samples", "seconds", "samples_per_second", "cost", "train_accuracy",
                 "validation_accuracy", "stopped", "restored_best")  # fmt: skip
        return {name: getattr(self.outcome, name) for name in names}

    def drawn(self, view: View) -> RenderResult:
        if view.redraws:
            yield self.curves
        outcome = self.outcome
        said = f"Trained {counted(outcome.batches, 'mini-batch')} in {duration(outcome.seconds)}."
        if outcome.restored_best:
            said = f"Trained for {duration(outcome.seconds)}."
        elif self.amount.total and not outcome.batches and outcome.stopped == "done":
            done = "on as many cases as in" if self.amount.unit == "epochs" else "for"
            said = f"Nothing to do: it was trained {done} {self.amount}, or more."
        accuracy = (percent(outcome.validation_accuracy), "bold")
        rest = f"{SEEN[self.is_seen]}, {self._cost()}."
        yield Text.assemble(f"{said} Validation accuracy ", accuracy, rest)
        if advice := self.advice():
            yield Text(advice, "magenta" if outcome.stopped == "diverged" else "")

    def _cost(self) -> str:
        """The cost on training cases and, which was reported, that on the last mini-batches."""
        outcome = self.outcome
        said = f"cost {rounded(outcome.cost)} on training cases"
        if not outcome.batches or outcome.restored_best or outcome.stopped == "diverged":
            return said
        made = ", augmented" * (self.settings.augment != "none")
        made += ", with smoothed targets" * (self.settings.smoothing > 0)
        return f"{said} ({rounded(self.recent_cost)} on the last mini-batches{made})"

    def advice(self) -> str:
        """Why it ended, what was kept, and what to do next; nothing after a normal training."""
        outcome, stopped, rate = self.outcome, self.outcome.stopped, self.settings.rate
        if stopped == "interrupted" and not outcome.batches:  # only min can be
            return "Interrupted before it changed anything."
        sentences = [ENDINGS[stopped]]
        last = self.curves.rate[-1][1] if self.curves.rate else rate
        ended = stopped == "patience" or (stopped == "done" and outcome.batches)
        if self.is_past and ended and last <= SPENT * rate:
            told = f"The schedule is over, so the rate is {last:.1g}: set schedule constant."
            sentences = [told]
        elif stopped == "patience":
            epochs = counted(round(outcome.epochs_since_best), "epoch")
            sentences = [f"Stopped: no improvement for {epochs}."]
        if outcome.restored_best:
            batches = counted(self.curves.since + outcome.batches, "mini-batch")
            sentences += [f"The weights after {batches} are kept."]
        if stopped == "patience" and self.can_augment and outcome.train_accuracy > LEARNT:
            sentences += ["The training cases are learned: set augment light makes more of them."]
        is_much_worse = outcome.accuracy_before - outcome.validation_accuracy >= MUCH_WORSE
        is_guessing = outcome.is_guessing and stopped != "diverged"
        if is_guessing and rate > self.usual_rate:
            sentences += [
                "The same answer for every case would cost about as much or less: a rate of "
                f"{rate:g} is too high. Type undo t, then doctor, which finds a better one."
            ]
        elif (stopped == "interrupted" or is_much_worse) and not self.is_last:
            before = f"network before, with {percent(outcome.accuracy_before)}"
            sentences += [f"undo t goes back to the {before if self.curves.since else UNTRAINED}."]
        return " ".join(sentence for sentence in sentences if sentence)


@command("t", "train", group="First steps", rank=1)
def train(session: Session, amount: kinds.AMOUNT = None) -> TrainingResult:
    """Train the network on mini-batches of random cases.

    Without an amount, one epoch. If there is no network in hand, makes one for the data set first.
    Ctrl-C stops after the current mini-batch and keeps the training so far; undo t undoes it. If
    the amount is an accuracy, trains until the validation accuracy reaches it, or no longer
    improves, and keeps the best weights.

    t: one epoch: every training case once
    t 500: 500 mini-batches
    t 90s: 90 seconds
    t 90%: until 90 % of the validation cases are right
    t 60e total: until it has been trained for 60 epochs in total
    t 3e: three epochs
    """
    model, data = ready(session)
    look = None if session.watch == "off" else partial(watched, session.watch, model.trainer, data)
    return trained(session, amount or Amount(1, "epochs"), look)


def ready(session: Session) -> tuple[Model, DataSet]:
    """The network in hand, and the data to train it on. If there is none, makes the default one,
    or one with 100 hidden units where that does not fit the data set in use.
    """
    if session.hand is None:
        recipe, data = RECIPES[DEFAULT], session.data()
        if (data.inputs, data.outputs) != (784, 10):
            recipe = recipe_for(f"{data.inputs}-100-{data.outputs}")
        model = session.make(recipe)
        session.take(model)
        of = f"{recipe.name and f'recipe {recipe.name}, '}seed {model.trainer.seed}"
        session.report(Note(f"Made a network, {model.network.shape} ({of}, data {model.data})."))
    model = session.learner()
    return model, session.data_for(model)


def trained(
    session: Session,
    amount: Amount,
    beside: Beside | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    run: Callable[..., Outcome] = run,
) -> TrainingResult:
    """Trains the network in hand. meanwhile: called between mini-batches. run: how it trains."""
    model, data = ready(session)
    trainer = model.trainer
    settings, since = trainer.settings, trainer.progress.batches
    meter = Meter(amount, trainer, len(data.train))
    model.rates[:] = [point for point in model.rates if point[0] <= since]
    with training(model, data, session):
        curves = GrowingCurves.of(trainer.history, model.rates, since)
        progress = ProgressFile(session.saves, model.name, model.network.shape)
        report = _reporter(curves, beside, data, progress, session, meanwhile)
        ended = "interrupted"
        try:
            outcome = run(trainer, data.train, data.validation, amount, report)
            ended = outcome.stopped
        finally:
            progress.end(ended)
    curves.end(trainer.history)
    measured = session.accuracy_on("validation", outcome.validation_accuracy, data, model)
    if outcome.batches:
        model.accuracy = measured
    can_augment = settings.augment == "none" and data.picture is not None
    usual, recent = default_rate(model.recipe, settings.optimizer), trainer.history[-1:]
    told = settings, recent[0].cost if recent else nan, usual, can_augment
    is_last = bool(session.interrupts.ended_by)
    part = meter.part_of_horizon()  # of the best weights, if these were put back
    is_past = part is not None and (part > 1 or outcome.stopped == "patience")
    return TrainingResult(outcome, amount, curves, *told, measured.is_seen, is_last, is_past)


def _reporter(
    curves: GrowingCurves,
    beside: Beside | None,
    data: DataSet,
    progress: ProgressFile,
    session: Session,
    meanwhile: Callable[[], None],
) -> Callable[[Status | None], None]:
    milestones, total = Milestones(MAX_MILESTONES), len(data.validation)

    def show(report: Status | None) -> None:
        if report is None:
            session.report()
            return
        meanwhile()
        batches = curves.since + report.batches
        curves.add(batches, report.recent_cost, report.rate)
        if report.measured:
            curves.add_measured(batches, report.validation_cost, report.accuracy)
        if report.epoch and session.epoch_lines:
            right = round(report.accuracy * total)
            session.report(Note(f"Epoch {report.epoch}: {right} / {total}"))
        milestone = None
        if report.measured and not session.epoch_lines and milestones.is_due(_part(report)):
            milestone = Milestone(report)
        progress.write(report, curves)
        session.report(Note(TrainingReport(report, curves, beside), False, milestone))

    return show


def _part(report: Status) -> float:
    """The fraction done; without one, it grows by 1 / MAX_MILESTONES each time as the training
    becomes longer by that fraction.
    """
    if report.part is not None:
        return report.part
    return log1p(report.batches) / log1p(1 / MAX_MILESTONES) / MAX_MILESTONES


LOOK_SECONDS = 0.25  # interval at which the file of another training is looked at


@command("watch", group="Learning", rank=2)
def watch(session: Session, name: kinds.OWN_NAME = "") -> Said:
    """Follow a training that runs in another terminal with the same saves.

    It only looks, and changes nothing. Ctrl-C ends the watching, not the training. A training by t,
    min or look appears when it has run for two seconds, those of a study do not.

    watch first: the training of the network first, in another terminal
    watch: the only one that runs
    """
    seen = _chosen(followed(session.saves), clean(name) if name else "")
    milestones, before, ended = Milestones(MAX_MILESTONES), 0.0, ""
    try:
        while not ended:
            if seen.report.seconds != before:
                before = seen.report.seconds
                is_due = milestones.is_due(_part(seen.report))
                milestone = Milestone(seen.report) if is_due else None
                session.report(Note(TrainingReport(seen.report, _curves(seen)), False, milestone))
            ended = seen.ended or "silent" * (seen.silent > SILENT_SECONDS)
            if not ended:
                sleep(LOOK_SECONDS)
                session.report()
                seen = read_progress(seen.path)
    except DamagedSave:
        ended = "silent"
    except Stopped:
        pass
    return _last_seen(seen, ended)


def _last_seen(seen: Followed, ended: str) -> Said:
    """What was last seen of a training. ended: why; empty if it still runs."""
    state = {
        "": "It goes on.",
        "silent": f"It has not reported for {SILENT_SECONDS:.0f} seconds.",
    }.get(ended) or "It has ended. " + ENDINGS.get(ended, "")
    batches, accuracy = seen.since + seen.report.batches, seen.report.accuracy
    sentence = (
        f"{_named(seen.name, seen.shape)}: {counted(batches, 'mini-batch')} so far, "
        f"validation accuracy {percent(accuracy)}. {state}".rstrip()
    )
    fields = {"name": seen.name, "shape": seen.shape, "batches": batches, "cost": seen.report.cost}
    fields |= {"validation_accuracy": accuracy, "ended": ended}
    return Said(lambda view: [*[_curves(seen)] * view.redraws, sentence], fields)


def _chosen(running: list[Followed], name: str) -> Followed:
    """The training of that name, or the only one. Raises CommandError if that is not one."""
    chosen = [one for one in running if not name or one.name == name]
    if len(chosen) == 1:
        return chosen[0]
    what = f"no network named {quoted(name)} is" if name else "nothing is"
    names = ", ".join(_named(one.name, one.shape) for one in running)
    raise CommandError(
        f"{'several are' if chosen else what} in training in another terminal with these saves"
        f"{names and f': {names}. Example: watch first'}"
    )


def _named(name: str, shape: str) -> str:
    return quoted(name) if name else f"an unnamed {printable(shape, 80)}"


def _curves(seen: Followed) -> GrowingCurves:
    return GrowingCurves(**seen.curves, since=seen.since)

"""`t` trains the network in hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import log, log1p
from time import perf_counter
from typing import Annotated, Any, Protocol

import numpy as np
from rich.console import Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from digitnet.charts import rounded
from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array
from digitnet.engine.evaluate import Guesses, guesses_of, outputs_in_chunks
from digitnet.engine.run import Outcome, Report, run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import MEASURE_CASES, Trainer
from digitnet.insight.inside import first_layer
from digitnet.recipes import DEFAULT, RECIPES, default_rate
from digitnet.registry.progress import ProgressFile
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.data import accuracy_on, trained_on
from digitnet.repl.errors import CommandError
from digitnet.repl.features.wrong import Misread
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.curves import GrowingCurves, rows_of
from digitnet.repl.pictures.digit import Framed, bar, framed_units, gallery, size_of
from digitnet.repl.pictures.tables import clock, counted, duration, percent
from digitnet.repl.result import Milestones, Note
from digitnet.repl.session import Session, undoable

BAR = 24

MAX_MILESTONES = 40  # maximum number of milestones of a training
MUCH_WORSE = 0.005  # a loss of accuracy that is reported
LEARNT = 0.99  # a training accuracy above which more training has little effect

ENDINGS = {
    "done": "",
    "target": "The accuracy asked for is reached.",
    "patience": "Stopped: no further improvement.",
    "interrupted": "Interrupted: the training so far is kept.",
    "diverged": (
        "Training blew up (the cost became NaN or infinite); the last good weights are restored. "
        "Try set rate {rate:g}"
    ),
}


def progress_line(report: Report, view: View) -> Text:
    """The line that is redrawn: the fraction done, cost and accuracy, the time left."""
    is_done = report.part is not None and report.part >= 1  # only the last measurement is left
    cost, accuracy = f"cost {rounded(report.cost)}", f"accuracy {percent(report.accuracy)}"
    speed = f"{report.samples_per_second:,.0f} cases/s"
    done = [counted(report.batches, "mini-batch")]
    if report.part is not None:
        done = [f"{report.part:4.0%}", f"[{bar(report.part, BAR, blocks=view.blocks)}]"]
    left = [] if report.remaining is None else [f"{clock(report.remaining)} left"]
    if is_done:
        left = ["measuring ..."]
        accuracy = accuracy if report.measured else ""
    by_priority = [done[0], accuracy, cost, *left, *done[1:], speed]
    return _fitting([*done, cost, accuracy, *left, speed], by_priority, view)


@dataclass(frozen=True)
class Milestone(Drawn):
    """A line that stays: as much as fits of mini-batches, cost, validation accuracy and time."""

    report: Report

    def drawn(self, view: View) -> RenderResult:
        r = self.report
        batches = f"{r.batches:>9,} {counted(r.batches, 'mini-batch').split()[1]:<12}"
        cost, accuracy = f"cost {rounded(r.cost):<8}", f"accuracy {percent(r.accuracy):>8}"
        time = f"{clock(r.seconds):>6}"
        yield _fitting([batches, cost, accuracy, time], [accuracy, cost, batches, time], view)


def _fitting(parts: list[str], by_priority: list[str], view: View) -> Text:
    """The parts that fit in a line, in order; chosen by priority, highest first."""
    shown: list[str] = []
    for part in by_priority:
        if part and len("  ".join([*shown, part])) <= view.width:
            shown.append(part)
    return Text("  ".join(part for part in parts if part in shown), no_wrap=True, overflow="crop")


MAX_CASES = 300  # maximum number of validation cases to search for misread ones
MAX_UNITS = 24  # maximum number of units whose weights are shown
LOOK_RATIO = 120  # the next look comes after this many times the time that the last one took
CELL, LINES = 16, 8  # columns of a small digit with its gap, and lines of one with its label

AROUND = 2
"""Lines of the screen for the progress line and the cursor."""

CURVES = 60  # minimum columns of the curves beside the pictures


class Watched(Protocol):
    """What is shown beside the curves of a training."""

    def look(self) -> None:
        """Takes a look if it is time; called between mini-batches."""

    def beside(self, curves: RenderableType, view: View) -> RenderableType:
        """The curves and what was seen last."""


@dataclass
class Watch(Drawn):
    """Takes a look at the network in training now and then, and shows the last one.

    what: `misread`, `weights` or `both`. The first look is taken when it is first drawn, so it
    costs nothing without a screen.
    """

    what: str
    trainer: Trainer
    data: DataSet
    _guesses: Guesses | None = None
    _weights: Array | None = None
    _not_before: float | None = None

    def look(self) -> None:
        """Takes another look if it is drawn and it is time; call this between mini-batches."""
        if self._not_before is None or (begun := perf_counter()) < self._not_before:
            return
        self._look()
        done = perf_counter()
        self._not_before = done + LOOK_RATIO * (done - begun)

    def _look(self) -> None:
        if self.what != "weights":
            network, cases = self.trainer.answering(), self.data.validation
            rows = np.arange(min(MAX_CASES, len(cases)))
            self._guesses = guesses_of(outputs_in_chunks(network, cases, rows))
        if self.what != "misread":
            self._weights = first_layer(self.trainer.network).weights[:MAX_UNITS].copy()

    def beside(self, curves: RenderableType, view: View) -> RenderableType:
        """The curves and the pictures: side by side if they fit, else what fits below."""
        if view.width < CURVES + 2 * CELL:
            below = replace(view, height=view.height - AROUND - rows_of(view))
            return Group(curves, *self.drawn(below))
        watched = (view.width - CURVES) // CELL * CELL
        both = Table.grid(padding=(0, 2, 0, 0))
        both.add_column(width=view.width - watched)
        both.add_column(width=watched - 2)
        place = replace(view, width=watched - 2, height=view.height - AROUND)
        both.add_row(curves, Group(*self.drawn(place)))
        return both

    def drawn(self, view: View) -> Iterator[RenderableType]:
        if self._not_before is None:
            self._look()
            self._not_before = 0.0
        height = view.height
        for title, framed in self._framed(view):
            needed = 2 + max((size_of(each)[1] for each in framed), default=-1)
            if needed <= height:
                height -= needed
                yield Text(title, "dim")
                yield gallery(framed, view)

    def _framed(self, view: View) -> Iterator[tuple[str, list[Framed]]]:
        if self._guesses is not None:
            count, across = len(self._guesses.answers), max(1, (view.width + 2) // CELL)
            wrong = self._guesses.wrong()[:across]
            cases = Misread.of(wrong, self._guesses, self.data, self.data.validation)
            title = "misread" if cases else "none is misread"
            yield f"{title}, of the first {count} validation cases", [c.framed(view) for c in cases]
        if self._weights is not None and self._weights.ndim == 2:
            lines = Text("\n".join(" ".join(f"{w:8.3g}" for w in row) for row in self._weights))
            yield "weights of the first layer", [(lines, Text())]
        elif self._weights is not None:
            units = range(len(self._weights))
            framed = framed_units(units, self._weights, view, lines=LINES, common=False)
            yield "weights of the first layer", framed


JSON_FIELDS = ("batches", "samples", "seconds", "samples_per_second", "cost", "train_accuracy",
              "validation_accuracy", "stopped")  # fmt: skip
"""The fields of an outcome that are in the JSON."""


@dataclass(frozen=True)
class TrainingReport(Drawn):
    report: Report
    curves: GrowingCurves
    watch: Watched | None = None

    def drawn(self, view: View) -> RenderResult:
        yield progress_line(self.report, view)
        yield self.watch.beside(self.curves, view) if self.watch else self.curves


@dataclass(frozen=True)
class TrainingResult(Drawn):
    """The result of a training; its curves stay on the screen if they were shown live.

    settings: at its start. default_rate: of the recipe and optimiser. can_augment: whether the
    cases could be deformed, and are not. is_seen: whether the validation cases are among those it
    was trained on.
    """

    outcome: Outcome
    amount: Amount
    curves: GrowingCurves
    settings: Settings
    default_rate: Callable[[], float]
    can_augment: bool
    is_seen: bool = False

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self.outcome, name) for name in JSON_FIELDS}

    def drawn(self, view: View) -> RenderResult:
        if view.redraws:
            yield self.curves
        outcome = self.outcome
        said = f"Trained {counted(outcome.batches, 'mini-batch')} in {duration(outcome.seconds)}."
        if outcome.best:
            said = f"Trained for {duration(outcome.seconds)}."
        elif self.amount.total and not outcome.batches:
            said = f"Nothing to do: it was trained for {self.amount}."
        accuracy = (percent(outcome.validation_accuracy), "bold")
        seen = " (cases seen in training)" * self.is_seen
        yield Text.assemble(f"{said} Validation accuracy ", accuracy, f"{seen}, {self._cost()}.")
        if advice := self.advice():
            yield Text(advice, "yellow" if outcome.stopped == "diverged" else "")

    def _cost(self) -> str:
        """The cost on training cases and, as it ends the curve, that on the last mini-batches."""
        said = f"cost {rounded(self.outcome.cost)} on training cases"
        if not self.outcome.batches or self.outcome.best or self.outcome.stopped == "diverged":
            return said
        deformed = "" if self.settings.augment == "none" else ", deformed"
        return f"{said} ({rounded(self.curves.cost[-1][1])} on the last mini-batches{deformed})"

    def advice(self) -> str:
        """Why it ended, what was kept, and what to do next; nothing after a normal training."""
        outcome, stopped, rate = self.outcome, self.outcome.stopped, self.settings.rate
        sentences = [ENDINGS[stopped]]
        if stopped == "diverged":
            sentences = [ENDINGS[stopped].format(rate=min(rate / 10, self.default_rate()))]
        if stopped == "patience":
            epochs = counted(round(outcome.epochs_since_best), "epoch")
            best = percent(outcome.validation_accuracy)
            sentences = [f"Stopped: no improvement for {epochs}; best {best}."]
        if outcome.best:
            sentences += [f"The weights after {counted(outcome.batches, 'mini-batch')} are kept."]
        if stopped == "patience" and self.can_augment and outcome.train_accuracy > LEARNT:
            sentences += ["The training cases are learnt: set augment light makes more of them."]
        is_much_worse = outcome.accuracy_before - outcome.validation_accuracy >= MUCH_WORSE
        is_guessing = outcome.is_guessing and stopped != "diverged"
        if is_guessing and rate > (usual := self.default_rate()):
            sentences += [
                f"That is no better than guessing: a rate of {rate:g} is too high. "
                f"Type undo t, then set rate {usual:g}"
            ]
        elif stopped == "interrupted" or is_much_worse:
            before = f"network before, with {percent(outcome.accuracy_before)}"
            before = before if self.curves.since else "untrained network"
            sentences += [f"undo t goes back to the {before}."]
        return " ".join(sentence for sentence in sentences if sentence)


@command(
    "t",
    "train",
    group="First steps",
    rank=1,
    examples={
        "t": "one epoch: every training case once",
        "t 500": "500 mini-batches",
        "t 90s": "90 seconds",
        "t 90%": "until 90 % of the validation cases are right",
        "t 60e total": "until it has been trained for 60 epochs in total",
        "t 3e": "three epochs",
    },
)
def train(
    session: Session,
    amount: Annotated[Amount, kinds.AMOUNT] = Amount(1, "epochs"),  # noqa: B008 - it is frozen
) -> TrainingResult:
    """Train the network on mini-batches of random cases.

    Without an amount, one epoch. If there is no network in hand, makes the default one first.
    Ctrl-C stops after the current mini-batch and keeps the training so far; undo t undoes it. If
    the amount is an accuracy, trains until the validation accuracy reaches it, or has not improved
    for 30 epochs, and keeps the best weights.
    """
    watch = None if session.watch == "off" else partial(Watch, session.watch)
    return trained(session, amount, watch)


def trained(
    session: Session, amount: Amount, watch: Callable[[Trainer, DataSet], Watched] | None
) -> TrainingResult:
    """Trains the network in hand. watch: makes what is shown beside the curves."""
    if session.hand is None:
        model = session.make(RECIPES[DEFAULT])
        session.take(model)
        made = f"{model.network.shape} (recipe {DEFAULT}, seed {model.trainer.seed})"
        session.report(Note(f"Made a network, {made}."))
    model = session.learner()
    data, trainer = session.data_for(model), model.trainer
    settings, since = trainer.settings, trainer.progress.batches
    model.rates[:] = [point for point in model.rates if point[0] <= since]
    with undoable(model, session), trained_on(data, model):
        curves = GrowingCurves.of(trainer.history, model.rates, since)
        progress = ProgressFile(session.saves, model.name, model.network.shape)
        watched = watch(trainer, data) if watch else None
        report = _reporter(curves, watched, data, progress, session)
        try:
            outcome = run(trainer, data.train, data.validation, amount, report)
        except ValueError as error:  # the cases are not pictures, or too many for the memory
            raise CommandError(str(error)) from None
    curves.end(trainer.history)
    progress.end(outcome.stopped)
    model.accuracy = accuracy_on("validation", outcome.validation_accuracy, data, model)
    can_augment = settings.augment == "none" and data.picture is not None
    usual_rate = partial(default_rate, model.recipe, settings.optimizer)
    is_seen = model.accuracy.is_seen
    return TrainingResult(outcome, amount, curves, settings, usual_rate, can_augment, is_seen)


def _reporter(
    curves: GrowingCurves,
    watch: Watched | None,
    data: DataSet,
    progress: ProgressFile,
    session: Session,
) -> Callable[[Report], None]:
    milestones, total = Milestones(MAX_MILESTONES), min(len(data.validation), MEASURE_CASES)

    def show(report: Report) -> None:
        batches = curves.since + report.batches
        curves.add(batches, report.cost, report.rate)
        if report.measured:
            curves.add_measured(batches, report.validation_cost, report.accuracy)
        if report.epoch and session.epoch_lines:
            right = round(report.accuracy * total)
            session.report(Note(f"Epoch {report.epoch}: {right} / {total}"))
        if watch:
            watch.look()
        milestone = None
        if report.measured and not session.epoch_lines and milestones.is_due(_part(report)):
            milestone = Milestone(report)
        progress.write(report, curves)
        session.report(Note(TrainingReport(report, curves, watch), False, milestone))

    return show


def _part(report: Report) -> float:
    """The fraction done; without one, it grows by 1 / MAX_MILESTONES each time as the training
    becomes longer by that fraction.
    """
    if report.part is not None:
        return report.part
    return log(report.batches) / log1p(1 / MAX_MILESTONES) / MAX_MILESTONES

"""`t` trains the network in hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import floor
from time import perf_counter
from typing import Annotated, Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array
from digitnet.engine.evaluate import Guesses, guesses_of, outputs_in_chunks
from digitnet.engine.run import Outcome, Report, run
from digitnet.engine.schedules import Amount
from digitnet.engine.trainer import MEASURE_CASES, Trainer
from digitnet.insight.inside import first_layer
from digitnet.recipes import DEFAULT, RECIPES, default_rate
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.data import accuracy_on, trained_on
from digitnet.repl.errors import CommandError
from digitnet.repl.features.wrong import Misread
from digitnet.repl.pictures import draws_blocks
from digitnet.repl.pictures.curves import GrowingCurves, rows_of
from digitnet.repl.pictures.digit import bar, framed_units, gallery, weights_table
from digitnet.repl.pictures.tables import clock, counted, duration, percent, rounded
from digitnet.repl.result import Note
from digitnet.repl.session import Session, undoable

BAR = 24

MAX_MILESTONES = 40
"""Maximum number of milestones of a training."""

MUCH_WORSE = 0.005
"""A loss of accuracy that is reported."""

LEARNT = 0.99
"""A training accuracy above which more training has little effect."""

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


def progress_line(report: Report, console: Console, options: ConsoleOptions) -> Text:
    """The line that is redrawn: the fraction done, cost and accuracy, the time left."""
    is_done = report.part is not None and report.part >= 1  # only the last measurement is left
    cost, accuracy = f"cost {rounded(report.cost)}", f"accuracy {percent(report.accuracy)}"
    speed = f"{report.samples_per_second:,.0f} cases/s"
    if report.part is None:
        done = [counted(report.batches, "mini-batch")]
    else:
        filled = bar(report.part, BAR, blocks=draws_blocks(console, options))
        done = [f"{report.part:4.0%}", f"[{filled}]"]
    left = [] if report.remaining is None else [f"{clock(report.remaining)} left"]
    if is_done:
        left = ["measuring ..."]
        accuracy = accuracy if report.measured else ""
    parts, by_priority = [cost, accuracy, *left, speed], [accuracy, cost, *left, *done[1:], speed]
    return _fitting([*done, *parts], [done[0], *by_priority], options.max_width)


@dataclass
class Milestones:
    """Chooses the measurements to print: at most MAX_MILESTONES, evenly spaced.

    If the amount is an accuracy, those after which the training is longer by 1 / MAX_MILESTONES.
    """

    _next_part: float = 0.0
    _next_batches: float = 0.0

    def is_next(self, report: Report) -> bool:
        part, batches = report.part or 0.0, report.batches
        due = batches >= self._next_batches if report.part is None else part >= self._next_part
        if not report.measured or not due:
            return False
        self._next_part = (floor(part * MAX_MILESTONES) + 1) / MAX_MILESTONES
        self._next_batches = batches * (1 + 1 / MAX_MILESTONES)
        return True


@dataclass(frozen=True)
class Milestone:
    """A line that stays: as much as fits of mini-batches, cost, validation accuracy and time."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        r = self.report
        batches = f"{r.batches:>9,} {counted(r.batches, 'mini-batch').split()[1]:<12}"
        cost, accuracy = f"cost {rounded(r.cost):<8}", f"accuracy {percent(r.accuracy):>8}"
        time = f"{clock(r.seconds):>6}"
        by_priority = [accuracy, cost, batches, time]
        yield _fitting([batches, cost, accuracy, time], by_priority, options.max_width)


def _fitting(parts: list[str], by_priority: list[str], width: int) -> Text:
    """The parts that fit in a line, in order; chosen by priority, highest first."""
    shown: list[str] = []
    for part in by_priority:
        if part and len("  ".join([*shown, part])) <= width:
            shown.append(part)
    return Text("  ".join(part for part in parts if part in shown), no_wrap=True, overflow="crop")


MAX_CASES = 300
"""Maximum number of validation cases to search for misread ones."""

MAX_UNITS = 24
"""Maximum number of units whose weights are shown."""

LOOK_RATIO = 120
"""The next look comes after this many times the time that the last one took."""

CELL, LINES = 16, 8
"""Columns of a small digit with its gap, and lines of one with its label."""

AROUND = 2
"""Lines of the screen for the progress line and the cursor."""

CURVES = 60
"""Minimum columns of the curves beside the pictures."""


@dataclass
class Watch:
    """Takes a look at the network in training now and then, and shows the last one.

    what: `misread`, `weights` or `both`. The first look is taken when it is first drawn, so it
    costs nothing without a screen.
    """

    what: str
    trainer: Trainer
    data: DataSet
    _guesses: Guesses | None = None
    _weights: Array | None = None
    _is_drawn: bool = False
    _lines: list[list[Segment]] = field(default_factory=list)
    _room: int = 0
    _size: tuple[int, int] = (0, 0)
    _not_before: float = 0.0

    def look(self) -> None:
        """Takes another look if it is drawn and it is time; call this between mini-batches."""
        if not self._is_drawn or (begun := perf_counter()) < self._not_before:
            return
        self._look()
        self._size = (0, 0)
        done = perf_counter()
        self._not_before = done + LOOK_RATIO * (done - begun)

    def _look(self) -> None:
        if self.what != "weights":
            network, cases = self.trainer.answering(), self.data.validation
            rows = np.arange(min(MAX_CASES, len(cases)))
            self._guesses = guesses_of(outputs_in_chunks(network, cases, rows))
        if self.what != "misread":
            self._weights = first_layer(self.trainer.network).weights[:MAX_UNITS].copy()

    def beside(
        self, curves: RenderableType, console: Console, options: ConsoleOptions
    ) -> RenderableType:
        """The curves and the pictures: side by side if they fit."""
        width, self._room = options.max_width, console.height - AROUND
        if width < CURVES + 2 * CELL:
            self._room -= rows_of(console)
            return Group(curves, self)
        watched = (width - CURVES) // CELL * CELL
        both = Table.grid(padding=(0, 2, 0, 0))
        both.add_column(width=width - watched)
        both.add_column(width=watched - 2)
        both.add_row(curves, self)
        return both

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders a row of pictures of each kind that fits; redrawn after each look."""
        size = (options.max_width, console.height)
        if size != self._size:
            if not self._is_drawn:
                self._look()
            self._is_drawn, self._lines, self._size = True, [], size
            for part in self._shown(console, options):
                lines = console.render_lines(part, options, pad=False)
                if len(self._lines) + len(lines) <= self._room:
                    self._lines += lines
        for line in self._lines:
            yield from line
            yield Segment.line()

    def _shown(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        across = max(1, (options.max_width + 2) // CELL)
        if self._guesses is not None:
            wrong, count = self._guesses.wrong(), len(self._guesses.answers)
            title = Text(f"{len(wrong)} of {count} validation cases misread", "dim")
            cases = Misread.of(wrong[:across], self._guesses, self.data, self.data.validation)
            yield Group(title, gallery([c.framed(console, options) for c in cases], options))
        if self._weights is not None and self._weights.ndim == 2:
            yield weights_table(self._weights, None)
        elif self._weights is not None:
            units = range(len(self._weights))
            shown = framed_units(units, self._weights, console, options, lines=LINES, common=False)
            yield Group(Text("weights of the first layer", "dim"), gallery(shown, options))


JSON_FIELDS = ("batches", "samples", "seconds", "samples_per_second", "cost", "train_accuracy",
              "validation_accuracy", "stopped")  # fmt: skip
"""The fields of an outcome that are in the JSON."""


@dataclass(frozen=True)
class TrainingReport:
    """The progress of a training, with its curves so far. watch: what is shown beside them."""

    report: Report
    curves: GrowingCurves
    watch: Watch | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        watch = self.watch
        yield progress_line(self.report, console, options)
        yield watch.beside(self.curves, console, options) if watch else self.curves


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training; its curves stay on the screen if they were shown live.

    rate: at its start. default_rate: of the recipe and optimiser. can_augment: whether the cases
    could be deformed, and are not. was_trained: whether the network had been trained before.
    """

    outcome: Outcome
    amount: Amount
    curves: GrowingCurves
    rate: float
    default_rate: float
    can_augment: bool
    was_trained: bool

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self.outcome, name) for name in JSON_FIELDS}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if getattr(console, "can_redraw", False):
            yield self.curves.whole
        outcome = self.outcome
        said = f"Trained {counted(outcome.batches, 'mini-batch')} in {duration(outcome.seconds)}."
        if outcome.best:
            said = f"Trained for {duration(outcome.seconds)}."
        elif self.amount.total and not outcome.batches:
            said = f"Nothing to do: it was trained for {self.amount}."
        accuracy = (percent(outcome.validation_accuracy), "bold")
        yield Text.assemble(f"{said} Cost {outcome.cost:.3g}, validation accuracy ", accuracy, ".")
        if advice := self.advice():
            yield Text(advice, "yellow" if outcome.stopped == "diverged" else "")

    def advice(self) -> str:
        """Why it ended, what was kept, and what to do next; nothing after a normal training."""
        outcome, stopped = self.outcome, self.outcome.stopped
        sentences = [ENDINGS[stopped].format(rate=min(self.rate / 10, self.default_rate))]
        if stopped == "patience":
            epochs = counted(round(outcome.epochs_since_best), "epoch")
            best = percent(outcome.validation_accuracy)
            sentences = [f"Stopped: no improvement for {epochs}; best {best}."]
        if outcome.best:
            sentences += [f"The weights after {counted(outcome.batches, 'mini-batch')} are kept."]
        if stopped == "patience" and self.can_augment and outcome.train_accuracy > LEARNT:
            sentences += ["The training cases are learnt: set augment light makes more of them."]
        is_much_worse = outcome.accuracy_before - outcome.validation_accuracy >= MUCH_WORSE
        if outcome.is_guessing and stopped != "diverged" and self.rate > self.default_rate:
            sentences += [
                f"That is no better than guessing: a rate of {self.rate:g} is too high. "
                f"Type undo t, then set rate {self.default_rate:g}"
            ]
        elif stopped == "interrupted" or is_much_worse:
            before = f"network before, with {percent(outcome.accuracy_before)}"
            before = before if self.was_trained else "untrained network"
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
    if session.hand is None:
        model = session.make(RECIPES[DEFAULT])
        session.take(model)
        made = f"{model.network.shape} (recipe {DEFAULT}, seed {model.trainer.seed})"
        session.report(Note(f"Made a network, {made}."))
    model = session.learner()
    data, settings = session.data_for(model), model.trainer.settings
    was_trained, history = model.trainer.progress.batches > 0, model.trainer.history
    curves = GrowingCurves()
    if history and model.trained_on[-1:] == [data.name]:  # they go on from the last measurement
        curves.add_measured(0, history[-1].validation_cost, history[-1].validation_accuracy)
    with undoable(model, session), trained_on(data, model):
        report = _reporter(curves, data, session)
        try:
            outcome = run(model.trainer, data.train, data.validation, amount, report)
        except ValueError as error:  # the cases are not pictures, or too many for the memory
            raise CommandError(str(error)) from None
    model.accuracy = accuracy_on("validation", outcome.validation_accuracy, data, model)
    can_augment = settings.augment == "none" and data.picture is not None
    usual_rate = default_rate(model.recipe, settings.optimizer)
    return TrainingResult(
        outcome, amount, curves, settings.rate, usual_rate, can_augment, was_trained
    )


def _reporter(curves: GrowingCurves, data: DataSet, session: Session) -> Callable[[Report], None]:
    """Shows the engine's reports, with epoch lines if the session wants them."""
    milestones, total = Milestones(), min(len(data.validation), MEASURE_CASES)
    trainer = session.learner().trainer
    watch = None if session.watch == "off" else Watch(session.watch, trainer, data)

    def show(report: Report) -> None:
        curves.add(report.batches, report.cost)
        if report.measured:
            curves.add_measured(report.batches, report.validation_cost, report.accuracy)
        if report.epoch and session.epoch_lines:
            right = round(report.accuracy * total)
            session.report(Note(f"Epoch {report.epoch}: {right} / {total}"))
        if watch:
            watch.look()
        is_milestone = milestones.is_next(report) and not session.epoch_lines
        milestone = Milestone(report) if is_milestone else None
        session.report(Note(TrainingReport(report, curves, watch), False, milestone))

    return show

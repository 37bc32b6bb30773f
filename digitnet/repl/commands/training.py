"""Training: `t`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.engine.amount import Amount
from digitnet.recipes import DEFAULT, RECIPES, default_rate
from digitnet.repl import kinds
from digitnet.repl.before import undoable
from digitnet.repl.command import Note, Working, command
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session
from digitnet.repl.shelf import accuracy_on, trained_on

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from digitnet.digits.datasets import DataSet
    from digitnet.engine.report import Outcome, Report
    from digitnet.registry.model import Model
    from digitnet.repl.views.curves import GrowingCurves
    from digitnet.repl.views.watch import Watch

JSON_FIELDS = ("batches", "samples", "seconds", "samples_per_second", "cost", "train_accuracy",
              "validation_accuracy", "stopped")  # fmt: skip
"""The fields of an outcome that are in the JSON."""


@dataclass(frozen=True)
class TrainingReport:
    """The progress of a training, with its curves so far.

    watch: what is shown beside the curves. is_milestone: whether to print a line that stays.
    """

    report: "Report"
    curves: "GrowingCurves"
    watch: "Watch | None" = None
    is_milestone: bool = False
    lasting: bool = False

    @property
    def milestone(self) -> "RenderableType | None":
        """The line of numbers, if this is a milestone."""
        from digitnet.repl.views.training import Milestone

        return Milestone(self.report) if self.is_milestone else None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import progress_line

        yield progress_line(self.report, console, options)
        if self.watch:
            yield self.watch.beside(self.curves, console, options)
        else:
            yield self.curves


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training; its curves stay on the screen if they were shown live.

    rate: at its start. default_rate: of the recipe and optimiser. can_augment: whether the cases
    could be deformed, and are not. was_trained: whether the network had been trained before.
    """

    outcome: "Outcome"
    amount: Amount
    curves: "GrowingCurves"
    rate: float
    default_rate: float
    can_augment: bool
    was_trained: bool

    def as_json(self) -> dict[str, Any]:
        """The fields of the outcome in JSON_FIELDS."""
        return {name: getattr(self.outcome, name) for name in JSON_FIELDS}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import advice, summary

        if getattr(console, "can_redraw", False):
            yield self.curves.whole
        yield summary(self.outcome, self.amount)
        yield from advice(
            self.outcome,
            self.rate,
            self.default_rate,
            can_augment=self.can_augment,
            was_trained=self.was_trained,
        )


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
) -> Working:
    """Train the network on mini-batches of random cases.

    Without an amount, one epoch. If there is no network in hand, makes the default one first.
    Ctrl-C stops after the current mini-batch and keeps the training so far; undo t undoes it. If
    the amount is an accuracy, trains until the validation accuracy reaches it, or has not improved
    for 30 epochs, and keeps the best weights.
    """
    from digitnet.engine.run import run

    if session.hand is None:
        model = session.new(RECIPES[DEFAULT])
        yield Note(
            f"Made a network, {model.network.shape} (recipe {DEFAULT}, seed {model.trainer.seed})."
        )
    model = session.learner()
    data, settings = session.data_for(model), model.trainer.settings
    was_trained, curves = model.trainer.progress.batches > 0, _curves_from(model, data)
    with undoable(model, session), trained_on(data, model):
        reports = run(model.trainer, data.train, data.validation, amount, session.stop)
        try:
            outcome = yield from _reported(reports, curves, data, session)
        except ValueError as error:  # the cases are not pictures, or too many for the memory
            raise CommandError(str(error)) from None
    model.accuracy = accuracy_on(
        "validation", outcome.validation_accuracy, data, data.validations_are_in, model
    )
    return TrainingResult(
        outcome,
        amount,
        curves,
        settings.rate,
        default_rate(model.recipe, settings.optimizer),
        settings.augment == "none" and data.picture is not None,
        was_trained,
    )


def _curves_from(model: "Model", data: "DataSet") -> "GrowingCurves":
    """New curves; they start with the last measurement if it was on the same data set."""
    from digitnet.repl.views.curves import GrowingCurves

    curves, history = GrowingCurves(), model.trainer.history
    if history and model.trained_on[-1:] == [data.name]:
        curves.add_measured(0, history[-1].validation_cost, history[-1].validation_accuracy)
    return curves


def _reported(
    reports: "Generator[Report, None, Outcome]",
    curves: "GrowingCurves",
    data: "DataSet",
    session: Session,
) -> "Generator[TrainingReport | Note, None, Outcome]":
    """Turns the engine's reports into the prompt's, with epoch lines if the session wants them."""
    from digitnet.engine.trainer import MEASURE_CASES
    from digitnet.repl.views.training import Milestones

    milestones, total = Milestones(), min(len(data.validation), MEASURE_CASES)
    watch = _watch(data, session)
    while True:
        try:
            report = next(reports)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        curves.add(report.batches, report.cost)
        if report.measured:
            curves.add_measured(report.batches, report.validation_cost, report.accuracy)
        if report.epoch and session.epoch_lines:
            yield Note(f"Epoch {report.epoch}: {round(report.accuracy * total)} / {total}")
        if watch:
            watch.look()
        is_milestone = milestones.is_next(report) and not session.epoch_lines
        yield TrainingReport(report, curves, watch, is_milestone=is_milestone)


def _watch(data: "DataSet", session: Session) -> "Watch | None":
    """What is shown beside the curves, according to the setting `watch`; None if it is off."""
    if session.watch == "off" or session.hand is None:
        return None
    from digitnet.repl.views.watch import Watch

    return Watch(session.watch, session.hand.trainer, data)

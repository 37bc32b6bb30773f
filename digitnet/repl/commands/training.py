"""Training: `t`, and the settings it follows, `set`."""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.engine.amount import Amount
from digitnet.engine.settings import NAMED_VALUES, SETTINGS, WHOLE_SET
from digitnet.recipes import DEFAULT, RECIPES, default_rate
from digitnet.repl import kinds
from digitnet.repl.before import undoable
from digitnet.repl.command import Note, Working, command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.session import SESSION_SETTINGS, WATCHED, Session
from digitnet.repl.shelf import accuracy_on, trained_on

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from digitnet.digits.datasets import DataSet
    from digitnet.engine.report import Outcome, Report
    from digitnet.registry.model import Model
    from digitnet.repl.views.curves import GrowingCurves
    from digitnet.repl.views.watch import Watch

ENDS_SHOWN = ("batches", "samples", "seconds", "samples_per_second", "cost", "train_accuracy",
              "validation_accuracy", "stopped")  # fmt: skip
"""The fields of an outcome that are data for scripts."""


@dataclass(frozen=True)
class TrainingReport:
    """How the training is coming along, with its curves so far.

    watch: what else is shown. is_milestone: whether it is worth a line that stays.
    """

    report: "Report"
    curves: "GrowingCurves"
    watch: "Watch | None" = None
    is_milestone: bool = False
    lasting: bool = False

    @property
    def milestone(self) -> "RenderableType | None":
        """A line with the numbers."""
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
    """What a training did, and its curves, which stay on a screen that showed them.

    rate: that it began with. usual_rate: of the recipe. can_augment: whether cases could be
    deformed, and are not. was_trained: whether the network was trained before.
    """

    outcome: "Outcome"
    amount: Amount
    curves: "GrowingCurves"
    rate: float
    default_rate: float
    can_augment: bool
    was_trained: bool

    def as_json(self) -> dict[str, Any]:
        """The fields of the outcome that are data."""
        return {name: getattr(self.outcome, name) for name in ENDS_SHOWN}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import advice, summary

        if getattr(console, "renews", False):
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
        "t 90s": "a minute and a half",
        "t 90%": "until 90 % of the validation cases are right",
        "t 60e total": "until it has been trained for 60 epochs in all",
        "t 3e": "three epochs",
    },
)
def train(
    session: Session,
    amount: Annotated[Amount, kinds.AMOUNT] = Amount(1, "epochs"),  # noqa: B008 - it is frozen
) -> Working:
    """Train the network on mini-batches of random cases.

    Without an amount, one epoch. With no network in hand, makes the usual one first. Ctrl-C stops
    after the mini-batch under way and keeps the training so far; undo t takes it back. With an
    accuracy, trains until the validation set is read so well, or until 30 epochs brought nothing
    better, and keeps the best weights.
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
        except ValueError as error:  # the cases cannot be deformed, or are too many at once
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
    """Curves that begin with what was last measured, where it was on the same data."""
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
    """The engine's reports as the prompt's, with a line after each epoch if these are wanted."""
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
    """What is shown with the curves, if anything is."""
    if session.watch == "off" or session.hand is None:
        return None
    from digitnet.repl.views.watch import Watch

    return Watch(session.watch, session.hand.trainer, data)


@dataclass(frozen=True)
class SettingsResult:
    """Settings and their values."""

    values: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Name and value of each; a `batch` of 0 is the whole set."""
        return dict(self.values)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.tables import rows

        meanings = SETTINGS | SESSION_SETTINGS
        yield rows(
            ("setting", "value", "what it is"),
            [(name, _shown(name, value), meanings[name]) for name, value in self.values.items()],
        )


def _shown(name: str, value: Any) -> str:
    """A value as it would be typed."""
    if name in ("batch", "cases") and value == WHOLE_SET:
        return "all"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "random" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@command(
    "set",
    group="Learning",
    rank=1,
    examples={
        "set": "all settings",
        "set batch all": "the whole training set in each step",
        "set schedule cosine 20e": "a rate that falls over 20 epochs",
        "set rate 0.05": "a smaller learning rate",
    },
)
def set_(
    session: Session,
    name: Annotated[str, kinds.SETTING] = "",
    value: Annotated[str, kinds.VALUE] = "",
    horizon: Annotated[str, kinds.HORIZON] = "",
) -> SettingsResult:
    """Show or change settings.

    Those of training belong to the network in hand and are saved with it; seed, threads, vi and
    epoch_lines belong to this session.
    """
    from digitnet.engine import threads

    value = f"{value} {horizon}".strip()
    if value and name in SETTINGS:
        trainer = session.learner().trainer
        try:
            trainer.settings = trainer.settings.changed(name, value)
        except ValueError as error:
            hint = nearest(value, NAMED_VALUES[name]())
            raise CommandError(printable(f"{error}. {hint}".removesuffix(". "))) from None
    elif value:
        _set_session(session, name, value)
    values: dict[str, Any] = {}
    if session.hand:
        values |= asdict(session.hand.trainer.settings)
    elif name in SETTINGS:
        session.network()
    values |= {"seed": session.seed, "threads": threads.count()}
    values |= {"vi": session.vi, "epoch_lines": session.epoch_lines}
    values |= {"watch": session.watch}
    return SettingsResult({name: values[name]} if name else values)


def _set_session(session: Session, name: str, value: str) -> None:
    """Sets the seed, the threads, or what is on or off."""
    from digitnet.engine import threads

    if name in ("vi", "epoch_lines"):
        if value not in ("on", "off"):
            raise CommandError(f"{name} is on or off, not {quoted(value)}. Example: set {name} on")
        setattr(session, name, value == "on")
        return
    if name == "watch":
        if value not in WATCHED:
            known = ", ".join(WATCHED)
            raise CommandError(
                f"watch is one of {known}, not {quoted(value)}. Example: set watch both"
            )
        session.watch = value
        return
    low = 1 if name == "threads" else 0
    try:
        number = kinds.whole(value, low)
    except ValueError:
        raise CommandError(
            f"{name} is a whole number from {low}, not {quoted(value)}. Example: set {name} {low}"
        ) from None
    if name == "seed":
        session.reseed(number)
        return
    try:
        threads.set_count(number)
    except ValueError as error:
        raise CommandError(f"{error}. Example: set threads 1") from None

"""Training: `t`, and the settings it follows, `set`."""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.engine.amount import Amount
from digitnet.engine.settings import NAMED_VALUES, SETTINGS, WHOLE_SET
from digitnet.recipes import DEFAULT, RECIPES
from digitnet.repl import kinds
from digitnet.repl.command import Note, Working, command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.session import SESSION_SETTINGS, Session
from digitnet.repl.shelf import accuracy_on, trained_on

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from digitnet.engine.report import Outcome, Report
    from digitnet.repl.views.curves import Curves


@dataclass(frozen=True)
class TrainingReport:
    """How the training is coming along, with its curves so far; each fifth of it is a milestone."""

    report: "Report"
    curves: "Curves"
    lasting: bool = False

    @property
    def milestone(self) -> "RenderableType | None":
        """A line with the numbers, five times in a training."""
        from digitnet.repl.views.training import Milestone

        return Milestone(self.report) if self.report.measured else None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import progress_line

        yield progress_line(self.report, console, options)
        yield self.curves


@dataclass(frozen=True)
class TrainingResult:
    """What a training did."""

    outcome: "Outcome"
    amount: Amount
    rate: float

    def as_json(self) -> dict[str, Any]:
        """The fields of the outcome."""
        fields = asdict(self.outcome)
        del fields["best"]
        return fields

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import summary

        yield summary(self.outcome, self.amount, self.rate)


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
        "t 3e": "three epochs",
    },
)
def train(
    session: Session,
    amount: Annotated[Amount, kinds.AMOUNT] = Amount(1, "epochs"),  # noqa: B008 - it is frozen
) -> Working:
    """Train the network on mini-batches of random cases.

    Without an amount, one epoch. With no network in hand, makes the usual one first. Ctrl-C stops
    after the mini-batch under way and keeps the training so far.
    """
    from digitnet.engine.run import run

    if session.hand is None:
        named = session.new(RECIPES[DEFAULT])
        yield Note(
            f"Made a network, {named.network.shape} (recipe {DEFAULT}, seed {named.trainer.seed})."
        )
    named = session.learner()
    data = session.data_for(named)
    with trained_on(data, named):
        reports = run(named.trainer, data.train, data.validation, amount, session.stop)
        try:
            outcome = yield from _reported(reports)
        except ValueError as error:  # the cases cannot be deformed, or are too many at once
            raise CommandError(str(error)) from None
    named.accuracy = accuracy_on(
        "validation", outcome.validation_accuracy, data, data.validations_are_in, named
    )
    return TrainingResult(outcome, amount, named.trainer.settings.rate)


def _reported(
    reports: "Generator[Report, None, Outcome]",
) -> "Generator[TrainingReport, None, Outcome]":
    """The engine's reports as the prompt's."""
    from digitnet.repl.views.curves import Curves

    curves = Curves()
    while True:
        try:
            report = next(reports)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        curves.add(report.batches, report.cost, report.accuracy)
        yield TrainingReport(report, curves)


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

    Those of training belong to the network in hand and are saved with it; seed, threads and vi
    belong to this session.
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
    values |= {"seed": session.seed, "threads": threads.count(), "vi": session.vi}
    return SettingsResult({name: values[name]} if name else values)


def _set_session(session: Session, name: str, value: str) -> None:
    """Sets the seed, the threads, or whether the prompt takes vi's keys."""
    from digitnet.engine import threads

    if name == "vi":
        if value not in ("on", "off"):
            raise CommandError(f"vi is on or off, not {quoted(value)}. Example: set vi on")
        session.vi = value == "on"
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

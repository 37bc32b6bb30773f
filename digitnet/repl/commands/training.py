"""Training: `t`, and the settings it follows, `set`."""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.engine.amount import Amount
from digitnet.engine.settings import SETTINGS, WHOLE_SET
from digitnet.recipes import DEFAULT, RECIPES
from digitnet.repl import kinds
from digitnet.repl.command import Working, command
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.engine import trainer


@dataclass(frozen=True)
class Note:
    """A sentence said on the way."""

    text: str
    lasting: bool = True

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.text


@dataclass(frozen=True)
class TrainingReport:
    """How the training is coming along; a line that stays at each fifth of it."""

    report: "trainer.Report"

    @property
    def lasting(self) -> bool:
        """Whether this line stays on the screen."""
        return self.report.mark

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import lasting_line, progress_line

        if self.lasting:
            yield lasting_line(self.report, options)
        else:
            yield progress_line(self.report, console, options)


@dataclass(frozen=True)
class TrainingResult:
    """What a training did."""

    outcome: "trainer.Outcome"
    amount: Amount
    rate: float

    def as_json(self) -> dict[str, Any]:
        """The fields of the outcome, and the speed."""
        outcome = self.outcome
        speed = outcome.samples / outcome.seconds if outcome.seconds else 0.0
        return asdict(outcome) | {"samples_per_second": round(speed, 1)}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.training import summary

        yield summary(self.outcome, self.amount, self.rate)


@command(
    "t",
    "train",
    group="Learning",
    examples={
        "t": "one epoch: every training case once",
        "t 500": "500 mini-batches",
        "t 90s": "a minute and a half",
        "t 98%": "until 98 % of the validation cases are right",
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
    if session.hand is None:
        named = session.new(RECIPES[DEFAULT])
        yield Note(
            f"Made a network, {named.network.shape} (recipe {DEFAULT}, seed {named.trainer.seed})."
        )
    named = session.network()
    data = session.data_for(named)
    if data.name not in named.trained_on:
        named.trained_on.append(data.name)
    named.data = data.name
    run = named.trainer.run(data.train, data.validation, amount, session.stop)
    outcome = yield from _reported(run)
    from digitnet.registry.document import Accuracy

    named.accuracy = Accuracy(outcome.validation_accuracy, f"{data.name} validation")
    return TrainingResult(outcome, amount, named.trainer.settings.rate)


def _reported(
    run: "Generator[trainer.Report, None, trainer.Outcome]",
) -> "Generator[TrainingReport, None, trainer.Outcome]":
    """The engine's reports as the prompt's."""
    while True:
        try:
            report = next(run)
        except StopIteration as end:
            outcome: trainer.Outcome = end.value
            return outcome
        yield TrainingReport(report)


@dataclass(frozen=True)
class SettingsResult:
    """Settings and their values."""

    values: dict[str, float | int | None]

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


SESSION_SETTINGS = {
    "seed": "draws the weights and orders the cases of new networks",
    "threads": "threads that a matrix product may use",
}


def _shown(name: str, value: float | int | None) -> str:
    """A value as it would be typed."""
    if name == "batch" and value == WHOLE_SET:
        return "all"
    return "random" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@command(
    "set",
    group="Learning",
    examples={
        "set": "all settings",
        "set batch all": "the whole training set in each step",
        "set rate 0.05": "a smaller learning rate",
    },
)
def set_(
    session: Session,
    name: Annotated[str, kinds.SETTING] = "",
    value: Annotated[str, kinds.VALUE] = "",
) -> SettingsResult:
    """Show or change settings.

    rate, batch, momentum and l2 belong to the network in hand and are saved with it; seed and
    threads belong to this session.
    """
    from digitnet.engine import blas

    if name and name not in SETTINGS | SESSION_SETTINGS:
        known = ", ".join(SETTINGS | SESSION_SETTINGS)
        raise CommandError(f"{printable(name, 40)!r} is not a setting. There are: {known}")
    if value and name in SETTINGS:
        trainer = session.network().trainer
        try:
            trainer.settings = trainer.settings.changed(name, value)
        except ValueError as error:
            raise CommandError(printable(str(error))) from None
    elif value:
        _set_session(session, name, value)
    values: dict[str, float | int | None] = {}
    if session.hand:
        values |= asdict(session.hand.trainer.settings)
    elif name in SETTINGS:
        session.network()
    values |= {"seed": session.seed, "threads": blas.threads()}
    return SettingsResult({name: values[name]} if name else values)


def _set_session(session: Session, name: str, value: str) -> None:
    """Sets the seed or the threads."""
    from digitnet.engine import blas

    try:
        number = kinds.whole(value, 1 if name == "threads" else 0)
    except ValueError:
        low = "1" if name == "threads" else "0"
        raise CommandError(
            f"{name} is a whole number from {low}, not {printable(value, 40)!r}. "
            f"Example: set {name} {low}"
        ) from None
    if name == "threads":
        blas.set_threads(number)
    else:
        session.seed = number

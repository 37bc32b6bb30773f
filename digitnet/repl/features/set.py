"""`set` shows and changes settings."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from rich.console import RenderResult

from digitnet.engine.settings import NAMED_VALUES, SETTINGS, WHOLE_SET
from digitnet.engine.speed import threads
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.tables import Rows
from digitnet.repl.session import SESSION_SETTINGS, Session


@dataclass(frozen=True)
class SettingsResult(Drawn):
    """Settings and their values."""

    values: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Name and value of each; a `batch` of 0 is the whole set."""
        return self.values

    def drawn(self, view: View) -> RenderResult:
        meanings = SETTINGS | SESSION_SETTINGS
        lines = [(name, spelled(name, v), meanings[name]) for name, v in self.values.items()]
        yield Rows(("setting", "value", "what it is"), lines, prose=("what it is",))


def spelled(name: str, value: Any) -> str:
    """The value of a setting as `set` takes it."""
    if name in ("batch", "cases") and value == WHOLE_SET:
        return "all"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "random" if value is None else str(value).removesuffix(".0")


@command(
    "set",
    group="Learning",
    rank=1,
    examples={
        "set": "all settings",
        "set batch all": "use the whole training set in each step",
        "set schedule cosine 20e": "a rate that falls over 20 epochs",
        "set rate 0.01": "a smaller learning rate",
    },
)
def set_(
    session: Session,
    name: Annotated[str, kinds.SETTING] = "",
    value: Annotated[str, kinds.VALUE] = "",
    horizon: Annotated[str, kinds.HORIZON] = "",
) -> SettingsResult:
    """Show or change settings.

    Settings of training belong to the network in hand and are saved with it; seed, threads, vi,
    epoch_lines and watch belong to this session.
    """
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
    values |= {"epoch_lines": session.epoch_lines, "watch": session.watch}
    return SettingsResult({name: values[name]} if name else values)


def _set_session(session: Session, name: str, value: str) -> None:
    if choices := kinds.SESSION_VALUES.get(name):
        if value not in choices:
            *others, last = choices
            raise CommandError(
                f"{name} is {', '.join(others)} or {last}, not {quoted(value)}. "
                f"Example: set {name} {last}"
            )
        setattr(session, name, value == "on" if "on" in choices else value)
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

"""Help, the tour and leaving: `?`, `tour` and `s`."""

from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, Command, all_commands, command, find
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.saves import SaveResult, save
from digitnet.repl.glossary import Meaning, meanings, words
from digitnet.repl.pictures.tables import pairs
from digitnet.repl.result import Record, ScreenOnly
from digitnet.repl.session import Session


@dataclass(frozen=True)
class HelpResult:
    """Help on all commands, on one in full, or on the meaning of a word. own: user's aliases."""

    commands: list[Command]
    in_full: bool
    own: dict[str, str] = field(default_factory=dict)
    meanings: list[Meaning] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The commands, the user's aliases, and the meanings of a word."""
        return {
            "commands": [
                {
                    "name": c.name,
                    "aliases": list(c.aliases),
                    "usage": c.usage,
                    "help": c.text if self.in_full else c.summary,
                    "examples": dict(c.examples),
                }
                for c in self.commands
            ],
            "own": self.own,
            "meanings": [asdict(meaning) for meaning in self.meanings],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for meaning in self.meanings:
            yield Text(meaning.word, "bold").append(f", {meaning.kind}", "not bold dim")
            yield Text(meaning.text)
            yield f"Type: {meaning.example}"
        if self.in_full:
            yield from _in_full(self.commands[0])
            return
        for group, members in groupby(self.commands, lambda command: command.group):
            yield pairs({_title(c): c.summary for c in members}, group)
        if self.own:
            yield pairs({name: printable(line) for name, line in self.own.items()}, "Your own")
        if self.commands:
            example = "Several commands on a line: n relu; t 2e; ch all. More on one: ? t"
            yield Text(example, "dim")


def _title(command: Command) -> str:
    """`t, train [AMOUNT]`."""
    usages = command.usage.removeprefix(command.name)
    return ", ".join([command.name, *command.aliases[:1]]) + usages


def _in_full(command: Command) -> RenderResult:
    """Usage, text, arguments and examples of one command."""
    yield Text(command.usage, "bold")
    if command.aliases:
        yield Text(f"also: {', '.join(command.aliases)}", "dim")
    yield Text(command.text)
    if command.arguments:
        yield pairs({a.kind.metavar: a.kind.expects for a in command.arguments}, "Arguments")
    for argument in command.arguments:
        if choices := argument.kind.choices():
            yield pairs(choices, argument.kind.metavar)
    yield pairs(command.examples, "Examples")


@command(
    "?",
    "help",
    "man",
    group="This program",
    examples={
        "?": "all commands",
        "? epoch": "what a word means: a term, a setting, a recipe, a data set, ...",
        "? t": "all about t, with examples",
    },
)
def help_(session: Session, name: Annotated[str, kinds.WORD] = "") -> HelpResult:
    """List the commands, explain one in full, or say what a word means."""
    if not name:
        return HelpResult(all_commands(), False, session.aliases)
    if name in session.aliases:
        return HelpResult([], False, {name: session.aliases[name]})
    if name in COMMANDS:
        return HelpResult([find(name)], True)
    if explained := meanings(name):
        return HelpResult([], False, meanings=explained)
    hint = nearest(name, [*COMMANDS, *words()]) or "? lists the commands"
    raise CommandError(f"{quoted(name)} is not a command, nor a word explained here. {hint}")


@dataclass(frozen=True)
class LeaveResult:
    """The end of the session. unsaved: what is lost, in words. saved: the save made on leaving."""

    unsaved: str
    saved: SaveResult | None = None

    def as_json(self) -> dict[str, Any]:
        """What is lost, or null; the name of the save made on leaving, or null."""
        return {"unsaved": self.unsaved or None, "saved": self.saved and self.saved.name}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.saved:
            yield self.saved
        if self.unsaved:
            yield f"Leaving. Not saved: {self.unsaved}."


@command("s", "stop", "q", "quit", "exit", group="This program", examples={"s": "leave"})
def stop(session: Session) -> LeaveResult:
    """Leave; asks first if there is unsaved training. Ctrl-D does the same."""
    saved: SaveResult | None = None
    if not session.interactive:
        session.may_discard()
    elif session.unsaved:
        question = f"Leave without saving {session.unsaved}?"
        answer = session.asker.choose(question, "y/N/s=save")
        if answer == "s":
            saved = save(session)
        elif answer != "y":
            raise CommandError("not leaving; the network is still in hand. p saves it")
    session.leaving = True
    return LeaveResult(session.unsaved, saved)


@dataclass(frozen=True)
class Step:
    """A step of the tour. says: the explanation. type: the line to type.

    skips: how many steps before it are completed too by doing it early.
    """

    says: str
    type: str
    skips: int = 0


STEPS = (
    Step(
        "A network turns the 784 pixels of a digit into ten outputs, one for each answer. Training "
        "adjusts its weights, a few cases at a time, so that the cost of its mistakes falls. Train "
        "one on every training case three times, which is three epochs. Ctrl-C stops it and keeps "
        "what it has learnt.",
        "t 3e",
    ),
    Step("Ask it about a digit that it has never seen.", "c 7"),
    Step("It is not always right. See which digits it misreads.", "wrong"),
    Step(
        "Draw one of your own, with the mouse or the keys; Enter is done. (Where the terminal "
        "cannot draw, go on with why.)",
        "d",
    ),
    Step(
        "Why does it answer what it answers? See one case computed, step by step.", "why", skips=1
    ),
    Step("That is worth keeping. Save it under a name.", "pas first", skips=9),
    Step("It is on the disk now. Come back to it, today or next year.", "l first"),
)
"""The tour: guides a newcomer from nothing to a trained and saved network in two minutes."""

END = (
    "That was the tour. n relu makes a larger network, set shows what can be changed, data "
    "mnist gets all 70,000 digits, mine keeps what you draw, ? t explains t, and s leaves."
)


def tour_after(session: Session, command: str) -> str:
    """What the tour says after a command, whose name is empty if it failed.

    Commands that are not part of the tour may be used in between.
    """
    current = session.tour or 0
    for number, step in enumerate(STEPS[current:], current):
        if command == step.type.split()[0] and number - current <= step.skips:
            session.tour = number + 1 if step is not STEPS[-1] else None
            return _instruction(number + 1)
    return f"{_reminder(current)}  (tour off ends the tour)"


def _instruction(number: int) -> str:
    """The text of a step, or of the end."""
    return f"{STEPS[number].says}\n{_reminder(number)}" if number < len(STEPS) else END


def _reminder(number: int) -> str:
    return f"Tour, {number + 1} of {len(STEPS)}: type {STEPS[number].type}"


@dataclass(frozen=True)
class TourResult(Record):
    """The steps of the tour. said: the first; in a script, all of them."""

    steps: list[dict[str, Any]]
    said: ScreenOnly[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.said


@command(
    "tour",
    group="This program",
    examples={"tour off": "end the tour", "tour": "start the tour"},
)
def tour(session: Session, off: Annotated[str, kinds.OFF] = "") -> TourResult:
    """Take a two-minute tour: train a network, ask it, draw for it, save it."""
    if off:
        said = "The tour is over; tour begins it anew."
    elif session.interactive:
        said = _instruction(0)
    else:
        said = "\n".join(f"{n}. {step.says}\n   {step.type}" for n, step in enumerate(STEPS, 1))
        said += f"\n{END}"
    session.tour = 0 if session.interactive and not off else None
    return TourResult([{"says": step.says, "type": step.type} for step in STEPS], said)

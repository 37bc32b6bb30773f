"""Help, the tour and leaving: `?`, `tour` and `s`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, Command, all_commands, command, find
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.saves import SaveResult, save
from digitnet.repl.glossary import Meaning, meanings, words
from digitnet.repl.pictures.tables import pairs
from digitnet.repl.session import Session
from digitnet.repl.tour import END, STEPS, Tour


def all_help(commands: "Sequence[Command]", own: Mapping[str, str]) -> RenderableType:
    """Every command with its usage and summary, in groups; then the user's aliases (`own`)."""
    parts: list[RenderableType] = []
    for group, members in groupby(commands, lambda command: command.group):
        parts.append(pairs({_title(c): c.summary for c in members}, group))
    if own:
        parts.append(pairs({name: printable(line) for name, line in own.items()}, "Your own"))
    if not commands:
        return Group(*parts)
    parts.append(Text("Several commands on a line: n relu; t 2e; ch all. More on one: ? t", "dim"))
    return Group(*parts)


def _title(command: "Command") -> str:
    """`t, train [AMOUNT]`."""
    usages = command.usage.removeprefix(command.name)
    return ", ".join([command.name, *command.aliases[:1]]) + usages


def meant(meanings: "Sequence[Meaning]") -> RenderableType:
    """The meanings of a word, each with a line to type."""
    parts: list[RenderableType] = []
    for meaning in meanings:
        title = Text(meaning.word, "bold")
        title.append(f", {meaning.kind}", "not bold dim")
        parts += [title, Text(meaning.text), Text(f"Type: {meaning.example}")]
    return Group(*parts)


def full_help(command: "Command") -> RenderableType:
    """Usage, text, arguments and examples of one command."""
    parts: list[RenderableType] = [Text(command.usage, "bold")]
    if command.aliases:
        parts.append(Text(f"also: {', '.join(command.aliases)}", "dim"))
    parts.append(Text(command.text))
    arguments = {a.kind.metavar: a.kind.expects for a in command.arguments}
    if arguments:
        parts.append(pairs(arguments, "Arguments"))
    for argument in command.arguments:
        if choices := argument.kind.choices():
            parts.append(pairs(choices, argument.kind.metavar))
    parts.append(pairs(dict(command.examples), "Examples"))
    return Group(*parts)


@dataclass(frozen=True)
class HelpResult:
    """Help on all commands, on one in full, or on the meaning of a word. own: user's aliases."""

    commands: list[Command]
    in_full: bool
    own: dict[str, str] = field(default_factory=dict)
    meanings: "list[Meaning]" = field(default_factory=list)

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

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        if self.meanings:
            yield meant(self.meanings)
        elif self.in_full:
            yield full_help(self.commands[0])
        else:
            yield all_help(self.commands, self.own)


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
    if found := meanings(name):
        return HelpResult([], False, meanings=found)
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

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
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
class TourResult:
    """The first step of the tour; in a script, all of them."""

    said: str

    def as_json(self) -> dict[str, Any]:
        """The text of each step, and what to type."""
        return {"steps": [{"says": step.text, "type": step.type} for step in STEPS]}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.said


@command(
    "tour",
    group="This program",
    examples={"tour off": "end the tour", "tour": "start the tour"},
)
def tour(session: Session, off: Annotated[str, kinds.OFF] = "") -> TourResult:
    """Take a two-minute tour: train, check and save a network."""
    if off:
        session.tour = None
        return TourResult("The tour is over; tour begins it anew.")
    if not session.interactive:
        steps = [f"{number}. {step.text}\n   {step.type}" for number, step in enumerate(STEPS, 1)]
        return TourResult("\n".join([*steps, END]))
    session.tour = Tour()
    return TourResult(session.tour.instruction())

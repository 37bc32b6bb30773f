"""Help and leaving: `?` and `s`."""

from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from rich.console import RenderResult
from rich.text import Text

from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, Command, all_commands, command, find
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.saves import SaveResult, save
from digitnet.repl.glossary import Meaning, meanings, words
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.tables import pairs
from digitnet.repl.result import Said
from digitnet.repl.session import Session


@dataclass(frozen=True)
class HelpResult(Drawn):
    """Help on all commands, on one in full, or on the meaning of a word. own: user's aliases."""

    commands: list[Command]
    in_full: bool
    own: dict[str, str] = field(default_factory=dict)
    meanings: list[Meaning] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
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

    def drawn(self, view: View) -> RenderResult:
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
            yield Text("Several commands on a line: n relu; t 2e; ch all. More on one: ? t", "dim")


def _title(command: Command) -> str:
    """`t, train [AMOUNT]`."""
    usages = command.usage.removeprefix(command.name)
    return ", ".join([command.name, *command.aliases[:1]]) + usages


def _in_full(command: Command) -> RenderResult:
    yield Text(command.usage, "bold")
    if command.aliases:
        yield Text(f"also: {', '.join(command.aliases)}", "dim")
    yield Text(command.text)
    arguments, choices = {}, {}
    for kind in (argument.kind for argument in command.arguments):
        words = dict(kind.choices())
        arguments[kind.metavar] = kind.expects if len(words) != 1 else words.popitem()[1]
        if words:
            choices[kind.metavar] = words
    if arguments:
        yield pairs(arguments, "Arguments")
    for metavar, words in choices.items():
        yield pairs(words, metavar)
    *others, plainest = command.examples.items()
    yield pairs(dict([plainest, *others]), "Examples")


@command("?", "help", "man", group="This program")
def help_(session: Session, name: kinds.WORD = "") -> HelpResult:
    """List the commands, explain one in full, or say what a word means.

    ?: all commands
    ? epoch: what a word means: a term, a setting, a recipe, a data set, ...
    ? t: all about t, with examples
    """
    if not name:
        return HelpResult(all_commands(), False, session.aliases)
    if name in session.aliases:
        return HelpResult([], False, {name: session.aliases[name]})
    if name in COMMANDS:
        return HelpResult([find(name)], True)
    if explained := meanings(name):
        output = session.hand.network.layers[-1].config() if session.hand else {}
        kind = f"a cost of {output.get('activation')} outputs"  # the form in use
        in_use = [meaning for meaning in explained if meaning.kind == kind]
        return HelpResult([], False, meanings=in_use or explained)
    hint = nearest(name, [*COMMANDS, *words()]) or "? lists the commands"
    raise CommandError(f"{quoted(name)} is not a command, nor a word explained here. {hint}")


@command("s", "stop", "q", "quit", "exit", group="This program")
def stop(session: Session) -> Said:
    """Leave; asks first if there is unsaved training. Ctrl-D does the same.

    s: leave
    """
    saved: SaveResult | None = None
    said: list[str] = []
    if not session.interactive:
        session.discard("not leaving")
    elif session.unsaved:
        question = f"Leave without saving {session.unsaved}?"
        answer = session.asker.choose(question, "y/N/s=save")
        if answer == "s":
            saved = save(session)
            said.append(saved.said)
        elif answer != "y":
            raise CommandError("not leaving; the network is still in hand. p saves it")
    session.leaving = True
    if session.unsaved:
        said.append(f"Leaving. Not saved: {session.unsaved}.")
    return Said(
        "\n".join(said), {"unsaved": session.unsaved or None, "saved": saved and saved.name}
    )

"""Help and leaving: `?` and `s`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, Command, all_commands, command, find
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.saves import save
from digitnet.repl.glossary import Meaning, meanings, words
from digitnet.repl.pictures.tables import pairs
from digitnet.repl.result import Said
from digitnet.repl.session import Session


def _summaries(own: Mapping[str, str]) -> Iterator[RenderableType]:
    for group, members in groupby(all_commands(), lambda command: command.group):
        yield pairs({_title(c): c.summary for c in members}, group)
    if own:
        yield _own(own)
    yield Text("Several commands on a line: n relu; t 2e; ch all. More on one: ? t", "dim")


def _own(aliases: Mapping[str, str]) -> RenderableType:
    return pairs({name: printable(line) for name, line in aliases.items()}, "Your own")


def _explained(meaning: Meaning) -> Iterator[RenderableType]:
    yield Text(meaning.word, "bold").append(f", {meaning.kind}", "not bold dim")
    yield Text(meaning.text)
    yield f"Type: {meaning.example}"


def _data(command: Command, text: str) -> dict[str, Any]:
    about = {"name": command.name, "aliases": list(command.aliases), "usage": command.usage}
    return about | {"help": text, "examples": dict(command.examples)}


def _title(command: Command) -> str:
    """`t, train [AMOUNT]`."""
    usages = command.usage.removeprefix(command.name)
    return ", ".join([command.name, *command.aliases[:1]]) + usages


def _in_full(command: Command) -> Iterator[RenderableType]:
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
def help_(session: Session, name: kinds.WORD = "") -> Said:
    """List the commands, explain one in full, or say what a word means.

    ?: all commands
    ? epoch: what a word means: a term, a setting, a recipe, a data set, ...
    ? t: all about t, with examples
    """
    fields: dict[str, Any] = {"commands": [], "own": {}, "meanings": []}
    if not name:
        listed = [_data(each, each.summary) for each in all_commands()]
        fields |= {"commands": listed, "own": session.aliases}
        return Said(Group(*_summaries(session.aliases)), fields)
    if name in session.aliases:
        own = {name: session.aliases[name]}
        return Said(_own(own), fields | {"own": own})
    found, explained = [find(name)] if name in COMMANDS else [], meanings(name)
    if found or explained:
        output = session.hand.network.layers[-1].config() if session.hand else {}
        kind = f"a cost of {output.get('activation')} outputs"  # the form in use
        in_use = [meaning for meaning in explained if meaning.kind == kind] or explained
        shown = [line for each in found for line in _in_full(each)]
        shown += [line for meaning in in_use for line in _explained(meaning)]
        fields["commands"] = [_data(each, each.text) for each in found]
        return Said(Group(*shown), fields | {"meanings": [asdict(each) for each in in_use]})
    hint = nearest(name, [*COMMANDS, *words()]) or "? lists the commands"
    raise CommandError(f"{quoted(name)} is not a command, nor a word explained here. {hint}")


@command("s", "stop", "q", "quit", "exit", group="This program")
def stop(session: Session) -> Said:
    """Leave; asks first if there is unsaved training. Ctrl-D does the same.

    s: leave
    """
    saved: Said | None = None
    shown: list[RenderableType] = []
    if not session.interactive:
        session.discard("not leaving")
    elif session.unsaved:
        question = f"Leave without saving {session.unsaved}?"
        answer = session.asker.choose(question, "y/N/s=save")
        if answer == "s":
            saved = save(session)
            shown.append(saved)
        elif answer != "y":
            raise CommandError("not leaving; the network is still in hand. p saves it")
    session.leaving = True
    if session.unsaved:
        shown.append(f"Leaving. Not saved: {session.unsaved}.")
    fields = {"unsaved": session.unsaved or None, "saved": saved and saved.fields["name"]}
    return Said(Group(*shown), fields)

"""Renders help: on all commands, on one, and on the meaning of a word."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from digitnet.repl.errors import printable
from digitnet.repl.views.tables import pairs

if TYPE_CHECKING:
    from digitnet.repl.command import Command
    from digitnet.repl.glossary import Meaning


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

"""What the prompt shows of the program: completions, hints on arguments, and the toolbar."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.utils import get_cwidth

from digitnet.repl.command import (
    COMMANDS,
    PREFIX,
    SUBSEQUENCE,
    Argument,
    Typing,
    as_typed,
    distance,
    expanded,
    typing,
)
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.pictures.file import FLAGS
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.session import Session

MAX_DESCRIPTION = 60  # maximum number of characters of a description


@dataclass(frozen=True)
class Offers(Completer):
    """Completes commands and aliases, then the command's arguments."""

    session: Session

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        typed = typing(document.text_before_cursor)
        if not typed.words:
            commands = {  # with their aliases too, once something is typed
                word: command.summary
                for word, command in COMMANDS.items()
                if typed.word or word == command.name
            }
            yield from _matching(self.session.aliases | commands, typed)
            return
        if typed.words[-1] in FLAGS:
            yield from _paths(typed, event)
            return
        words = _meant(typed.words, self.session.aliases)
        argument = argument_at(words)
        if argument is None or argument.kind.is_path:
            yield from _paths(typed, event) if argument else ()
            return
        try:
            offered = argument.kind.offered(self.session, words[1:])
        except Exception:  # e.g. the saves cannot be read: the command will report it
            return
        given = words[1:] if argument.repeated else ()
        left = {name: says for name, says in offered.items() if name not in given}
        yield from _matching(left, typed, fuzzy=argument.kind.fuzzy)


def _meant(words: list[str], aliases: Mapping[str, str]) -> list[str]:
    """The words, with an alias replaced by its last command."""
    try:
        return (expanded(words, aliases) or [[]])[-1]
    except CommandError:  # an invalid alias: reported when it is used
        return []


def argument_at(words: list[str]) -> Argument | None:
    command = COMMANDS.get(words[0]) if words else None
    if command is None or not command.arguments:
        return None
    given, rest = command.matched(words[1:])
    last = command.arguments[-1]
    if rest or len(given) >= len(command.arguments):
        return last if last.repeated else None
    return command.arguments[len(given)]


def _matching(
    offered: Mapping[str, str], typed: Typing, *, fuzzy: bool = False
) -> Iterator[Completion]:
    """Yields those that match the typed word, the nearest first, quoted if necessary."""
    distances = {text: distance(typed.word, text) for text in offered}
    for text in sorted(offered, key=lambda text: distances[text]):
        if distances[text] <= (SUBSEQUENCE if fuzzy else PREFIX):
            says = printable(offered[text], MAX_DESCRIPTION)
            yield Completion(as_typed(text, typed.quote), -typed.length, printable(text), says)


def _paths(typed: Typing, event: CompleteEvent) -> Iterator[Completion]:
    """Files and folders that start with the typed word; hidden ones only if it has a dot."""
    show_hidden = typed.word.rpartition("/")[2].startswith(".")

    def is_meant(path: str) -> bool:
        return show_hidden or not path.rpartition("/")[2].startswith(".")

    paths = PathCompleter(expanduser=True, file_filter=is_meant)
    for found in paths.get_completions(Document(typed.word, len(typed.word)), event):
        path = typed.word + found.text
        if path.isprintable() and not ("'" in path and '"' in path):
            yield Completion(as_typed(path, typed.quote), -typed.length, found.display)


@dataclass(frozen=True)
class Hint(Processor):
    """Shows the usage of the remaining arguments after the cursor: `t [AMOUNT]`."""

    aliases: Mapping[str, str]

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        document, fragments = transformation_input.document, transformation_input.fragments
        suggestion = transformation_input.buffer_control.buffer.suggestion
        if document.is_cursor_at_the_end and not (suggestion and suggestion.text):
            hint = usage_to_come(document.text, self.aliases)
            if hint:
                return Transformation([*fragments, ("class:auto-suggestion", hint)])
        return Transformation(fragments)


def usage_to_come(text: str, aliases: Mapping[str, str]) -> str:
    """The usage of the arguments that may follow: ` [AMOUNT]` after `t`; empty if none may."""
    typed = typing(text)
    if typed.quote or (typed.words and typed.word):
        return ""
    words = _meant([*typed.words, typed.word] if typed.word else typed.words, aliases)
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        return ""
    given, rest = command.matched(words[1:])
    to_come = () if rest else command.arguments[len(given) :]
    hint = " ".join(argument.usage for argument in to_come)
    return f" {hint}" if typed.word and hint else hint


def toolbar(session: Session, width: int) -> str:
    """The toolbar's text, as much as fits, the most important first. Does no slow work."""
    model, data = session.hand, session.data_sets.name
    parts = ["no network yet: n makes one"]
    if model:
        parts = [f"{model.title}{' (not saved)' if session.unsaved else ''}"]
        if model.accuracy:
            on = model.accuracy.on.removeprefix(f"{data} ")
            seen = " (seen in training)" if model.accuracy.is_seen else ""
            parts.append(f"{on}{seen} {percent(model.accuracy.value)}")
        if model.title != model.network.shape:
            parts.append(model.network.shape)
        batches = model.trainer.progress.batches
        if batches or not (model.trained_on or model.network.is_committee):  # else it is not known
            parts.append(counted(batches, "mini-batch"))
    shown = ""
    for part in [*parts, f"data {data}"]:
        longer = f"{shown} | {part}" if shown else f" {part}"
        if get_cwidth(longer) < width:
            shown = longer
    return shown

"""Results as files too: any command may end in `--svg FILE`, `--html FILE` or `--png FILE`.

The words are taken off the line before the command sees its arguments, a file that is there is
asked about before the command works, and what is drawn is the very result that the screen shows.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitnet.repl.command import Command, Result
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.files import path_to_write
from digitnet.repl.line import as_typed
from digitnet.repl.views.words import size

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.repl.questions import Asker

FORMATS = ("svg", "html", "png")
"""The files there can be, by their suffixes."""
FLAGS = tuple(f"--{form}" for form in FORMATS)
WIDTH, HEIGHT = 40, 34
"""A picture has at least so many columns, and room for so many rows."""


@dataclass(frozen=True)
class Drawn:
    """A result, and the file that it was drawn in."""

    result: Result
    file: str
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """The result's fields, and the picture's."""
        return self.result.as_json() | {"picture": {"file": self.file, "bytes": self.bytes}}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.result
        yield f"Drawn in {printable(self.file)} ({size(self.bytes)})."


@dataclass(frozen=True)
class Picture:
    """A file that a result is to be drawn in, under the line that was typed."""

    path: Path
    form: str
    title: str

    def of(self, result: Result) -> Drawn:
        """Draws it, as wide as the screen is. Raises CommandError where it cannot be written."""
        from digitnet.registry.outside import NotWritten, write_outside
        from digitnet.repl.views import drawn

        columns, rows = shutil.get_terminal_size()
        data = drawn.FORMATS[self.form](result, self.title, max(columns, WIDTH), max(rows, HEIGHT))
        try:
            write_outside(self.path, data)
        except NotWritten as error:
            raise CommandError(f"the picture was not written: {error.why}") from None
        return Drawn(result, str(self.path), len(data))


def picture_asked_for(
    command: Command, words: Sequence[str], asker: "Asker"
) -> tuple[list[str], Picture | None]:
    """The arguments of a command, and the file that the result is to be drawn in, if any.

    Raises CommandError where that cannot be a file, or may not be written over.
    """
    arguments, form, file = _split(command, words)
    if not form:
        return arguments, None
    title = printable(" ".join(as_typed(word) for word in [command.name, *arguments]), 80)
    example = f"{command.name} --{form} picture.{form}"
    return arguments, Picture(path_to_write(file, example, asker), form, title)


def _split(command: Command, words: Sequence[str]) -> tuple[list[str], str, str]:
    """The arguments, the format and the file; the last two are empty where none is asked for."""
    for place, word in enumerate(words):
        if word in FLAGS:
            if len(words) != place + 2:
                raise CommandError(
                    f"{word} and one file end the line. "
                    f"Example: {command.name} {word} picture.{word[2:]}"
                )
            return list(words[:place]), word[2:], words[-1]
    form = words[-1].rpartition(".")[2].lower() if words and "." in words[-1] else ""
    if command.is_picture and form in FORMATS:
        return list(words[:-1]), form, words[-1]
    return list(words), "", ""

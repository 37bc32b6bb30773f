"""Results drawn in files: any command may end in `--svg FILE`, `--html FILE` or `--png FILE`.

The flag is removed before the command parses its arguments, and the user is asked before the
command runs if the file exists. The picture shows the same result as the screen.
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
"""The formats, by suffix."""
FLAGS = tuple(f"--{form}" for form in FORMATS)
WIDTH, HEIGHT = 40, 34
"""Minimum columns and rows of the terminal in a picture."""


@dataclass(frozen=True)
class DrawnResult:
    """A result, and the file it was drawn in."""

    result: Result
    file: str
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """The result's fields, and the file of the picture."""
        return self.result.as_json() | {"picture": {"file": self.file, "bytes": self.bytes}}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.result
        yield f"Drawn in {printable(self.file)} ({size(self.bytes)})."


@dataclass(frozen=True)
class PictureFile:
    """The file to draw a result in. title: the line that was typed."""

    path: Path
    form: str
    title: str

    def draw(self, result: Result) -> DrawnResult:
        """Draws the result, as wide as the screen. Raises CommandError if writing fails."""
        from digitnet.registry.outside import NotWritten, write_outside
        from digitnet.repl.views import drawn

        columns, rows = shutil.get_terminal_size()
        data = drawn.FORMATS[self.form](result, self.title, max(columns, WIDTH), max(rows, HEIGHT))
        try:
            write_outside(self.path, data)
        except NotWritten as error:
            raise CommandError(f"the picture was not written: {error.why}") from None
        return DrawnResult(result, str(self.path), len(data))


def requested_picture(
    command: Command, words: Sequence[str], asker: "Asker"
) -> tuple[list[str], PictureFile | None]:
    """The arguments of a command without the flag, and the file to draw the result in, if any.

    Raises CommandError if the file is not valid, or may not be overwritten.
    """
    arguments, form, file = _split(command, words)
    if not form:
        return arguments, None
    title = printable(" ".join(as_typed(word) for word in [command.name, *arguments]), 80)
    example = f"{command.name} --{form} picture.{form}"
    return arguments, PictureFile(path_to_write(file, example, asker), form, title)


def _split(command: Command, words: Sequence[str]) -> tuple[list[str], str, str]:
    """The arguments, the format and the file; the last two are empty if no picture is requested."""
    for index, word in enumerate(words):
        if word in FLAGS:
            if len(words) != index + 2:
                raise CommandError(
                    f"{word} takes one file, at the end of the line. "
                    f"Example: {command.name} {word} picture.{word[2:]}"
                )
            return list(words[:index]), word[2:], words[-1]
    form = words[-1].rpartition(".")[2].lower() if words and "." in words[-1] else ""
    if command.is_picture and form in FORMATS:
        return list(words[:-1]), form, words[-1]
    return list(words), "", ""

"""Paths typed by the user: parsing, and asking before a file is overwritten."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from digitnet.repl.errors import CommandError, printable, quoted

if TYPE_CHECKING:
    from digitnet.repl.questions import Asker


def path_of(text: str, example: str) -> Path:
    """The path for a typed text; `~` is expanded. Raises CommandError if it is not a valid path."""
    try:
        if os.fsencode(text) and "\0" not in text:
            return Path(os.path.expanduser(text))  # noqa: PTH111 - keeps `~` of an unknown user
    except ValueError:
        pass
    raise CommandError(f"{quoted(text)} cannot be a file. Example: {example}")


def path_to_write(text: str, example: str, asker: "Asker") -> Path:
    """The path for a typed text; asks before an existing file is overwritten.

    Raises CommandError if the answer is no, or the path is not a regular file.
    """
    path = path_of(text, example)
    there = os.path.lexists(path)
    if there and not (os.path.isfile(path) or os.path.islink(path)):  # noqa: PTH113, PTH114
        raise CommandError(f"{quoted(text)} exists and is not a file; nothing was written")
    if there and not asker.confirm(f"{printable(text)} already exists. Overwrite it?"):
        raise CommandError("nothing was written")
    return path

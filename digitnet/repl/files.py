"""Files that a person names: which path is meant, and whether it may be written over."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from digitnet.repl.errors import CommandError, printable, quoted

if TYPE_CHECKING:
    from digitnet.repl.questions import Asker


def path_of(text: str, example: str) -> Path:
    """The path that a person means. Raises CommandError, with the example, where there is none."""
    try:
        if os.fsencode(text) and "\0" not in text:
            return Path(os.path.expanduser(text))  # noqa: PTH111 - leaves the home of nobody as it is
    except ValueError:
        pass
    raise CommandError(f"{quoted(text)} cannot be a file. Example: {example}")


def path_to_write(text: str, example: str, asker: "Asker") -> Path:
    """The path that a person means, once they said yes where a file is there already.

    Raises CommandError where nothing can or may be written.
    """
    path = path_of(text, example)
    there = os.path.lexists(path)
    if there and not (os.path.isfile(path) or os.path.islink(path)):  # noqa: PTH113, PTH114
        raise CommandError(f"{quoted(text)} is there and is not a file; nothing was written")
    if there and not asker.confirm(f"{printable(text)} is there already. Write over it?"):
        raise CommandError("nothing was written")
    return path

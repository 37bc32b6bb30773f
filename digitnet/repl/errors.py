"""Errors shown to the user, and helpers for their messages."""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from digitnet.engine.report import Refused


class CommandError(Refused):
    """A command is not valid or failed."""


class Incomplete(CommandError):
    """A command could not do all that was asked. done: its result, which is shown all the same."""

    def __init__(self, message: str, done: Any) -> None:
        super().__init__(message)
        self.done = done


class Unknown(ValueError):
    """A name is unknown; the message suggests similar ones."""


class OutputError(Exception):
    """The output cannot be written: it is closed, or the disk is full."""


def quoted(word: str) -> str:
    """The word in quotes, shortened, with control characters escaped."""
    return f"'{printable(word, 40)}'"


def nearest(word: str, names: Iterable[str]) -> str:
    """`Did you mean rate?` for the most similar names; empty if none is similar."""
    by_lower = {name.lower(): name for name in names}
    cutoff = 0.66 if len(word) == 3 else 0.7  # of three letters one may be wrong
    near = difflib.get_close_matches(word[:40].lower(), by_lower, n=2, cutoff=cutoff)
    named = " or ".join(printable(by_lower[name], 40) for name in near)
    return f"Did you mean {named}?" if near else ""


def printable(text: str, longest: int = 200) -> str:
    """The text on one line, cut to `longest` characters, with control characters escaped."""
    shown = text if len(text) <= longest else text[:longest] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def say_error(message: str) -> None:
    """Prints one line on standard error, which a terminal shows broken between words, with control
    characters escaped; none if it is closed.
    """
    line = f"digitnet: {printable(message, 600)}"
    if sys.stderr is not None:
        with suppress(OSError):
            if sys.stderr.isatty():
                line = textwrap.fill(line, max(20, shutil.get_terminal_size().columns - 1))
            print(line, file=sys.stderr, flush=True)

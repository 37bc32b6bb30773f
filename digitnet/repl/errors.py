"""What a person is told when a command cannot be done."""

from collections.abc import Iterable


class CommandError(Exception):
    """A command that was not understood or could not be done; the message is one clear line."""


class Unknown(ValueError):
    """A word that is none of the names there are; the message says which come near."""


class OutputError(Exception):
    """The output cannot be written: it was closed, or its disk is full."""


def quoted(word: str) -> str:
    """A word that was typed, in quotes, shortened and without anything that steers a terminal."""
    return f"'{printable(word, 40)}'"


def nearest(word: str, names: Iterable[str]) -> str:
    """`Did you mean rate?`; empty where no name comes near."""
    import difflib

    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word[:40].lower(), by_lower, n=2, cutoff=0.6)
    named = " or ".join(printable(by_lower[name], 40) for name in near)
    return f"Did you mean {named}?" if near else ""


def printable(text: str, longest: int = 200) -> str:
    """`text` on one line with nothing in it that could steer a terminal, shortened if need be."""
    shown = text if len(text) <= longest else text[:longest] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)

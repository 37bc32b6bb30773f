"""What a person is told when a command cannot be done."""


class CommandError(Exception):
    """A command that was not understood or could not be done; the message is one clear line."""


class OutputError(Exception):
    """The output cannot be written: it was closed, or its disk is full."""


def quoted(word: str) -> str:
    """A word that was typed, in quotes, shortened and without anything that steers a terminal."""
    return f"'{printable(word, 40)}'"


def printable(text: str, longest: int = 200) -> str:
    """`text` on one line with nothing in it that could steer a terminal, shortened if need be."""
    shown = text if len(text) <= longest else text[:longest] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)

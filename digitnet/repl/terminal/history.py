"""The history of the prompt: lines typed before, also in other sessions."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from pathlib import Path

from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory

MAX_BYTES = 200_000
"""Only this many bytes at the end of the file are read: about 5,000 lines, fast to search."""

TYPED, FAILED = "+", "-"
"""How a line of the file begins: a line that was typed, or again one that was refused."""

MAX_LENGTH = 5_000  # maximum number of characters of a line that is kept, unlike a pasted file
MAX_SUGGESTION = 200  # maximum number of characters of a suggestion


class KeptHistory(FileHistory):
    """prompt_toolkit's history file, safe for several processes at once.

    The file is made, with its folder, when the first line is stored. If it cannot be read or
    written, the history is kept in memory only. `failed` are lines that were refused: they are
    found again, to be corrected, but not suggested.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path, self.failed = path, set[str]()

    def load_history_strings(self) -> Iterable[str]:
        stored: list[str] = []
        for sign, lines in groupby(self._lines(), lambda line: line[:1]):
            entry = "\n".join(line[1:] for line in lines)
            if sign == FAILED:
                self.failed.add(entry)
            elif sign == TYPED and entry.replace("\n", "").isprintable():
                self.failed.discard(entry)
                stored.append(entry)
        return reversed(stored)

    def _lines(self) -> list[str]:
        """The last lines of the file; none if it cannot be read."""
        with suppress(OSError), open(self._path, "rb", opener=_open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                file.seek(max(0, status.st_size - MAX_BYTES))
                return file.read().decode("utf-8", "replace").splitlines()
        return []

    def store_string(self, string: str, sign: str = TYPED) -> None:
        """Appends a line in a single write, so that lines of two processes never mix."""
        if len(string) > MAX_LENGTH:
            return
        (self.failed.add if sign == FAILED else self.failed.discard)(string)
        lines = "".join(f"{sign}{line}\n" for line in string.split("\n"))
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "ab", buffering=0, opener=_open_nonblocking) as file:
                file.write(f"\n# {datetime.now()}\n{lines}".encode("utf-8", "replace"))


def _open_nonblocking(path: str | Path, flags: int) -> int:
    """Opens a file, creating it with mode 600; does not block on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)


class Suggestions(AutoSuggest):
    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """The rest of the line; none that would fill the screen."""
        typed, history = document.text, buffer.history
        refused = history.failed if isinstance(history, KeptHistory) else ()
        for line in reversed(history.get_strings() if typed.strip() else []):
            rest = line.removeprefix(typed)
            is_short = len(rest) <= MAX_SUGGESTION and "\n" not in rest
            if line.startswith(typed) and is_short and line not in refused:
                return Suggestion(rest)
        return None

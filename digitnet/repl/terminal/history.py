"""The history of the prompt, in a text file."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prompt_toolkit.history import FileHistory

MAX_BYTES = 200_000
"""Only this many bytes at the end of the file are read: about 5,000 lines, fast to search."""


class KeptHistory(FileHistory):
    """prompt_toolkit's history file, safe for several processes at once.

    If the file cannot be read or written, the history is kept in memory only.
    """

    def __init__(self, path: Path) -> None:
        """path: created, with its folder, when the first line is stored."""
        super().__init__(str(path))
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """The stored lines, the latest first."""
        lines: list[str] = []
        entries: list[str] = []
        for line in [*self._lines(), ""]:
            if line.startswith("+"):
                lines.append(line[1:])
            elif lines:
                entries.append("\n".join(lines))
                lines = []
        return reversed(entries)

    def _lines(self) -> list[str]:
        """The last lines of the file; none if it cannot be read."""
        with suppress(OSError), open(self._path, "rb", opener=_open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                file.seek(max(0, status.st_size - MAX_BYTES))
                return file.read().decode("utf-8", "replace").splitlines()
        return []

    def store_string(self, string: str) -> None:
        """Appends a line in a single write, so that lines of two processes never mix."""
        entry = f"\n# {datetime.now()}\n" + "".join(f"+{line}\n" for line in string.split("\n"))
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _open_nonblocking(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(descriptor, entry.encode("utf-8", "replace"))
            finally:
                os.close(descriptor)


def _open_nonblocking(path: str | Path, flags: int) -> int:
    """Opens a file, creating it with mode 600; does not block on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)

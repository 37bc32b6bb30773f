"""What was typed at the prompt, kept in a text file for the next time."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prompt_toolkit.history import FileHistory

MAX_BYTES = 200_000
"""Bytes of the file that are read, the latest ones: some 5,000 lines, quickly searched."""


class KeptHistory(FileHistory):
    """prompt_toolkit's history file, which several programs may write at once.

    Where the file cannot be read or written, the history lasts as long as the program.
    """

    def __init__(self, path: Path) -> None:
        """The file and its folder are made with the first line."""
        super().__init__(str(path))
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """The lines of before, the latest first; none from what is not a text file."""
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
        """The lines of the file, nothing where there is no file to read."""
        with suppress(OSError), open(self._path, "rb", opener=_open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                file.seek(max(0, status.st_size - MAX_BYTES))
                return file.read().decode("utf-8", "replace").splitlines()
        return []

    def store_string(self, string: str) -> None:
        """Adds a line, in one piece, so that those of two programs never mix."""
        entry = f"\n# {datetime.now()}\n" + "".join(f"+{line}\n" for line in string.split("\n"))
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _open_nonblocking(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(descriptor, entry.encode("utf-8", "replace"))
            finally:
                os.close(descriptor)


def _open_nonblocking(path: str | Path, flags: int) -> int:
    """Opens a file that only its owner may read; never waits, as a named pipe would have it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)

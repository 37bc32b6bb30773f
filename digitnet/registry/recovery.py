"""Unsaved training, autosaved every minute: what a kill or a power cut would otherwise lose.

Each program that trains has a file of its own in `.recovery/` among the saves, and holds a lock
beside it for as long as it lives. A file whose lock can be had was left behind, and can be taken.
They are written and read as saves are, under a name of their own where the network has none yet.
"""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from threading import Thread

from filelock import FileLock, Timeout

from digitnet.registry.codec import decode, encode
from digitnet.registry.document import from_document, to_document
from digitnet.registry.errors import DamagedSave, RegistryError
from digitnet.registry.files import (
    TEMPORARY,
    make_folder,
    read_bounded,
    refuse_link,
    write_durably,
)
from digitnet.registry.model import Model
from digitnet.registry.seal import seal, unseal

FOLDER = ".recovery"
_NAME = re.compile(r"[0-9]{1,10}-[0-9a-f]{8}\.pickle")
"""What a recovery file is called: the number of its process, and chance."""
UNNAMED = "unsaved training"
"""What a network without a name is called meanwhile."""


class Recovery:
    """The recovery file of this program, and those that others left behind."""

    def __init__(self, saves: Path) -> None:
        """Nothing is written yet. has_taken: whether this program's file was another's before."""
        self.folder = saves / FOLDER
        self.has_taken = False
        self._path: Path | None = None
        self._lock: FileLock | None = None
        self._writer: Thread | None = None
        self._written = False

    def keep(self, named: Model, *, wait: bool = False) -> bool:
        """Puts the network aside as it is now; the disk is waited for in the background.

        Does nothing while the last one is still being written, unless it is to `wait` till the end.
        What cannot be written is not: this is a net below the saves. Returns whether it is on
        the disk already.
        """
        if self._writer is not None and self._writer.is_alive() and not wait:
            return False
        self._join()
        self._written = False
        with suppress(OSError, Timeout):
            if self._path is None:
                refuse_link(self.folder)
                make_folder(self.folder)
                path = self.folder / f"{os.getpid()}-{secrets.token_hex(4)}.pickle"
                self._lock = _lock_beside(path)
                self._path = path
            data = seal(encode(to_document(named, named.name or UNNAMED)))
            self._writer = Thread(target=self._write, args=(self._path, data), daemon=True)
            self._writer.start()
        if wait:
            self._join()
        return self._written

    def leave(self) -> None:
        """Leaves this program's file to others, as if this program were no more."""
        self._join()
        if self._lock is not None:
            self._lock.release()
        self._path = self._lock = None
        self.has_taken = False

    def forget(self) -> None:
        """Removes this program's file: what was in it is saved, or given up. Raises OSError."""
        self._join()
        if self._path is not None and self._lock is not None:
            for path in (self._path, *self.folder.glob(f"{TEMPORARY}*-{self._path.name}")):
                path.unlink(missing_ok=True)
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._path = self._lock = None
        self.has_taken = False

    def _write(self, path: Path, data: bytes) -> None:
        with suppress(OSError):
            write_durably(path, data)
            self._written = True

    def _join(self) -> None:
        if self._writer is not None:
            self._writer.join()

    def take(self) -> tuple[Model, int]:
        """The latest network that was left behind, and how many more there are.

        Its file is this program's from now on. Raises RegistryError where there is none that can be
        read.
        """
        damaged = ""
        left = self.left()
        for count, path in enumerate(left, 1):
            try:
                lock = _lock_beside(path)
            except (Timeout, OSError):
                continue  # another process was quicker
            try:
                named = from_document(decode(unseal(read_bounded(path))))
            except (DamagedSave, OSError) as error:
                lock.release()
                damaged = f"; {path} cannot be read: {error}"
                continue
            with suppress(OSError):
                self.forget()
            self._path, self._lock, self.has_taken = path, lock, True
            if named.name == UNNAMED:
                named.name = ""
            return named, len(left) - count
        raise RegistryError(f"there is no unfinished training{damaged}")

    def left(self) -> list[Path]:
        """Files that no living program holds, the latest first."""
        found: list[tuple[float, Path]] = []
        if self.folder.is_symlink():
            return []
        for path in {*self.folder.glob("*.pickle")} - {self._path}:
            if not _NAME.fullmatch(path.name) or path.is_symlink():
                continue
            with suppress(Timeout, OSError):
                _lock_beside(path).release()
                found.append((path.stat().st_mtime, path))
        return [path for _, path in sorted(found, reverse=True)]


def _lock_beside(path: Path) -> FileLock:
    """The lock that a living process holds beside its `path`. Raises Timeout, OSError."""
    beside = path.with_suffix(".lock")
    if beside.is_symlink():  # would lock a file elsewhere
        raise OSError("a symbolic link is no lock")
    lock = FileLock(beside, timeout=0)
    lock.acquire()
    return lock

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

from digitnet.registry.codec import Document
from digitnet.registry.contents import contents, sealed
from digitnet.registry.document import to_document
from digitnet.registry.errors import DamagedSave, RegistryError
from digitnet.registry.files import (
    TEMPORARY,
    make_folder,
    read_bounded,
    refuse_link,
    write_durably,
)
from digitnet.registry.model import Model

FOLDER = ".recovery"
_NAME = re.compile(r"[0-9]{1,10}-[0-9a-f]{8}\.pickle")
"""What a recovery file is called: the number of its process, and chance."""
UNNAMED = "unsaved training"
"""What a network without a name is called meanwhile."""


class Recovery:
    """The recovery file of this program, and those that others left behind."""

    def __init__(self, saves: Path) -> None:
        """Nothing is written yet. has_taken: whether this program's file was another's before.
        problem: why the latest autosave was not written, empty where it was.
        """
        self.folder = saves / FOLDER
        self.has_taken = False
        self.problem = ""
        self._path: Path | None = None
        self._lock: FileLock | None = None
        self._writer: Thread | None = None
        self._written = False

    def keep(self, named: Model, *, wait: bool = False) -> bool:
        """Puts the network aside as it is now; the disk is waited for in the background.

        Does nothing while the last one is still being written, unless it is to `wait` till the end.
        What cannot be written, or not be read back, is not, and stops nobody: `problem` says why,
        and what was written before stays. Returns whether it is on the disk already.
        """
        if self._writer is not None and self._writer.is_alive() and not wait:
            return False
        self._join()
        self._written, self.problem = False, ""
        try:
            path = self._place()
        except (OSError, Timeout) as error:
            self.problem = getattr(error, "strerror", "") or str(error)
            return False
        document = to_document(named, named.name or UNNAMED)
        self._writer = Thread(target=self._write, args=(path, document), daemon=True)
        self._writer.start()
        if wait:
            self._join()
            if not path.exists():  # a lock beside nothing would be left
                with suppress(OSError):
                    self.forget()
        return self._written

    def _place(self) -> Path:
        """Where this program's file is, or is to be, with the lock beside it held."""
        if self._path is None:
            refuse_link(self.folder)
            make_folder(self.folder)
            path = self.folder / f"{os.getpid()}-{secrets.token_hex(4)}.pickle"
            self._lock = _lock_beside(path)
            self._path = path
        return self._path

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

    def _write(self, path: Path, document: Document) -> None:
        try:
            write_durably(path, sealed(document))
            self._written = True
        except OSError as error:
            self.problem = error.strerror or str(error)
        except (RegistryError, MemoryError) as error:
            self.problem = str(error) or "there is not enough memory"

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
                named = contents(read_bounded(path))
                if not isinstance(named, Model):
                    raise DamagedSave("it holds no network")
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

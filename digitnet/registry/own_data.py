"""The user's own data sets on disk: changes are atomic and durable, and can be undone.

A data set is a folder NAME.NUMBER with its files. A change writes a new folder under a temporary
name and renames it to the next number. The highest number is the current version; an empty folder
means that the set was deleted. `undo` gives the version before it the next number.
"""

import errno
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from filelock import FileLock, Timeout

from digitnet.digits.own import MINE, OwnCases, read_own
from digitnet.registry.files import (
    TEMPORARY,
    NotConfirmed,
    RegistryError,
    make_folder,
    move_durably,
    refuse_link,
    remove_leftovers,
    write_durably,
)

KEPT = 5
"""Maximum number of versions kept of each set, including the current one; what was deleted is kept
besides."""

NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

_VERSION = re.compile(rf"({NAME.pattern})\.([0-9]{{1,9}})")

ROWS = "mine-cases-idx2-ubyte"
"""The file of `mine` in its first format: version 0."""

LOCK, LOCK_SECONDS = "own.lock", 5


class OwnData:
    """The user's own data sets in a folder."""

    def __init__(self, folder: Path) -> None:
        """Does not make the folder yet."""
        self.folder = folder

    def names(self) -> list[str]:
        """The names of all sets."""
        return sorted(name for name, found in self._versions().items() if _is_there(found[-1]))

    def is_known(self, name: str) -> bool:
        """Whether there is a set of that name, possibly deleted."""
        return name in self._versions()

    def place(self, name: str) -> Path | None:
        """Where a set's files are; None if there is no such set."""
        found = self._versions().get(name)
        return found[-1] if found and _is_there(found[-1]) else None

    def read(self, name: str) -> OwnCases:
        """The cases of a set; none if there is no such set. Raises BadData if it is damaged."""
        place = self.place(name)
        return read_own(place) if place else OwnCases.none()

    def keep(self, name: str, cases: OwnCases, over: Path | None) -> None:
        """Writes a new version of a set, durably; one without cases deletes the set.

        over: the place of the version that the change is based on. Raises RegistryError if the
        write fails or another process has changed the set meanwhile; nothing is then changed.
        """
        with self._changing(name):
            if self.place(name) != over:
                raise RegistryError(
                    f"the data set {name} was changed by another program: try again"
                )
            self._write(name, cases)

    def change(self, name: str, change: Callable[[OwnCases], OwnCases]) -> OwnCases:
        """Replaces the cases of a set by what `change` makes of them, durably; returns those.

        Raises RegistryError if the write fails and BadData if the set is damaged; nothing is then
        changed.
        """
        with self._changing(name):
            cases = change(self.read(name))
            self._write(name, cases)
        return cases

    def undo(self, name: str, number: int = 1) -> None:
        """Makes the version before the current one, or `number` before it, current again.

        The replaced version is kept as the one before it. Raises RegistryError if there is none.
        """
        with self._changing(name):
            found = self._versions().get(name, [])
            if [_number(path) for path in found] == [number] == [1]:  # the change made the set
                self._write(name, OwnCases.none())
            elif number >= len(found):
                raise RegistryError(f"there is no change of the data set {name} to take back")
            elif (before := found[-1 - number]).is_dir():
                move_durably(before, self._next(name, found))
            else:
                self._write(name, read_own(before))

    def last_change(self) -> tuple[float, str]:
        """The time of the last change and the set changed; (0, "") if there was none."""
        latest = (0.0, "")
        for name, found in self._versions().items():
            if found[-1].name == ROWS:
                continue  # nothing that can be taken back
            with suppress(OSError):
                latest = max(latest, (found[-1].stat().st_ctime, name))
        return latest

    @contextmanager
    def _changing(self, name: str) -> Iterator[None]:
        """Holds the lock, removes what killed writers left; turns errors into RegistryError."""
        try:
            refuse_link(self.folder)
            make_folder(self.folder)
            lock = self.folder / LOCK
            if lock.is_symlink():  # would make, or lock, a file elsewhere
                raise OSError(errno.ELOOP, f"{LOCK} is a symbolic link, remove it")
            with FileLock(lock, timeout=LOCK_SECONDS):
                remove_leftovers(self.folder)
                for left in self.folder.glob(f"{TEMPORARY}*"):
                    shutil.rmtree(left, ignore_errors=True)
                yield
        except Timeout:
            raise RegistryError(
                f"another digitnet has been writing in {self.folder} for {LOCK_SECONDS} seconds; "
                f"the data set {name} was not changed. Try again"
            ) from None
        except NotConfirmed as error:
            raise RegistryError(
                f"the data set {name} is changed, but the disk reports: {error.strerror}; the "
                "change may not outlast a power cut"
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise RegistryError(f"the data set {name} was not changed: {reason}") from None

    def _write(self, name: str, cases: OwnCases) -> None:
        """Writes the next version, and removes those that are not kept."""
        found = self._versions().get(name, [])
        fresh = self.folder / f"{TEMPORARY}{secrets.token_hex(8)}"
        fresh.mkdir()
        try:
            self._fill(fresh, cases.files())
            move_durably(fresh, self._next(name, found))
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        found = self._versions()[name]
        for old, after in list(pairwise(found))[: 1 - KEPT]:
            if old.is_dir() and _is_there(old) and _is_there(after):
                with suppress(OSError):  # renamed first, so that it is removed as a whole
                    old.replace(fresh)
                shutil.rmtree(fresh, ignore_errors=True)

    def _fill(self, fresh: Path, files: Mapping[str, bytes]) -> None:
        """Writes files into a new folder, durably. Raises OSError."""
        try:
            for name, data in files.items():
                write_durably(fresh / name, data)
        except NotConfirmed as error:  # the change only takes effect when the folder is renamed
            raise OSError(error.errno, error.strerror) from None

    def _next(self, name: str, found: list[Path]) -> Path:
        """The place of the version after those."""
        return self.folder / f"{name}.{_number(found[-1]) + 1 if found else 1}"

    def _versions(self) -> dict[str, list[Path]]:
        """name → the places of its versions, in order of their numbers."""
        found: dict[str, list[Path]] = {}
        if self.folder.is_dir() and not self.folder.is_symlink():
            for path in self.folder.iterdir():
                match = _VERSION.fullmatch(path.name)
                if match and path.is_dir() and not path.is_symlink():
                    found.setdefault(match[1], []).append(path)
            if (self.folder / ROWS).is_file() and not (self.folder / ROWS).is_symlink():
                found.setdefault(MINE, []).append(self.folder / ROWS)
        return {name: sorted(paths, key=_number) for name, paths in found.items()}


def _number(path: Path) -> int:
    """The number of a version."""
    return 0 if path.name == ROWS else int(path.name.rpartition(".")[2])


def _is_there(path: Path) -> bool:
    """Whether a version has files, and so is not a deletion."""
    return path.is_file() or any(path.iterdir())

"""The registry: named networks in a folder, each in its own file, which contains its name.

A list spares reading every file; entries that are missing or stale are read from the files.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from digitnet.registry.codec import Document, decode
from digitnet.registry.contents import sealed
from digitnet.registry.document import to_document
from digitnet.registry.errors import DamagedSave, RegistryError
from digitnet.registry.files import (
    NotConfirmed,
    keep_durably,
    make_folder,
    move_durably,
    read_bounded,
    remove_leftovers,
    rewrite_durably,
    write_durably,
)
from digitnet.registry.folder import Folder
from digitnet.registry.listing import Entry, write_list
from digitnet.registry.model import Model
from digitnet.registry.names import file_name
from digitnet.registry.reading import is_whole, read_entry
from digitnet.registry.seal import unseal
from digitnet.registry.study_document import study_to_document
from digitnet.registry.study_record import StudyRecord
from digitnet.registry.trash import Trashed

LOCK = ".lock"
LOCK_SECONDS, POLLING_SECONDS = 30, 0.01
"""Timeout and polling interval of the lock: waiters are not queued, so poll often."""


@dataclass(frozen=True)
class Undone:
    """What `undo` restored. kind: `deleted`, a network, or `replaced`, an overwritten version.

    swapped: whether it replaced another version. older: the number of older versions kept.
    entry: of the save that is back.
    """

    name: str
    kind: str
    swapped: bool
    older: int
    entry: Entry | None = field(default=None, compare=False)


class Saved(NamedTuple):
    """The entry of a save, and whether a previous version was kept."""

    entry: Entry
    kept: bool


class Registry(Folder):
    """The named saves in `folder`, which is made by the first one: read, written, renamed, deleted
    and restored.
    """

    def save(self, model: Model, name: str) -> Saved:
        """Saves a model under `name`, durably; keeps the previous version if it differs.

        If RegistryError is raised, the previous version is unchanged.
        """
        data = sealed(to_document(model, name))
        path = self._path(name)
        with self._locked("nothing was saved; the network is still in hand"):
            kept = path.exists() and not self._has_same_content(path, data)
            old = self.trash.place("replaced", path.name) if kept else None
            write_durably(path, data, keep_old_as=old)
            self.trash.prune_versions(path.name)
            return Saved(self._update_list(path), kept)

    def save_study(self, study: StudyRecord) -> None:
        """Saves a study under its name, durably. The previous version, which has fewer results, is
        not kept.

        If RegistryError is raised, the previous version is unchanged.
        """
        data = sealed(study_to_document(study))
        path = self._path(study.name)
        with self._locked("the last result was not saved; those before it are"):
            write_durably(path, data)
            self._update_list(path)

    def rename(self, old: str, new: str) -> Entry:
        """Renames the save called `old`, durably; its content is otherwise unchanged.

        The file contains the name, so a new file is written before the old one is removed: after an
        interruption both may exist, but never neither. Raises RegistryError if `old` does not exist
        or is damaged, or if `new` exists.
        """
        path, other = self._path(old), self._path(new)
        if self.includes(old):
            raise RegistryError(f"{old!r} is included with digitnet and cannot be renamed")
        with self._locked("nothing was renamed"):
            self._load(old)  # raises if it is missing or damaged
            if new == old:
                raise RegistryError(f"{old!r} is called that already; nothing was renamed")
            if other.exists():
                raise RegistryError(
                    f"there is a network named {new!r} already; nothing was renamed. "
                    "Choose another name, or delete that one first (del)"
                )
            data = sealed(decode(unseal(read_bounded(path))) | {"name": new})
            rewrite_durably(path, other, data)
            return self._update_list(other)

    def delete(self, name: str) -> None:
        """Moves the save called `name` to the trash. Raises RegistryError if there is none."""
        path = self._path(name)
        if self.includes(name):
            raise RegistryError(f"{name!r} is included with digitnet and cannot be deleted")
        with self._locked("nothing was deleted"):
            if not path.exists():
                raise RegistryError(f"there is no network named {name!r}")
            move_durably(path, self.trash.place("deleted", path.name))
            self._update_list()

    def undo(self, name: str = "", number: int = 1) -> Undone:
        """Restores what was last deleted or overwritten; a version it replaces is kept.

        name: restore a version of this network only. number: which one, 1 being the latest. A
        damaged version never replaces an undamaged one; it is skipped. Raises RegistryError if
        there is nothing to restore.
        """
        with self._locked("nothing was changed"):
            versions = self.trash.restorable(self.folder, name and file_name(name))
            found = [*islice((kept for kept in versions if not self._is_damaged(kept)), number)]
            if not found:
                of = f"of {name!r}" if name else "to undo"
                if not versions:
                    raise RegistryError(f"there is no delete or overwrite {of}")
                raise RegistryError(
                    f"there is nothing whole {of}: what is kept in {self.trash.folder.name} is "
                    "damaged, and what is saved now is not. Nothing was changed"
                )
            if number > len(found):
                raise RegistryError(f"of {name!r} only {len(found)} can be brought back")
            kept = found[-1]
            path = self.folder / kept.file
            name = read_entry(self.trash.folder / kept.name, called=kept.file).name
            swapped = path.exists()
            if swapped:  # keep the current version: the next `undo` restores it
                keep_durably(path, self.trash.place("replaced", kept.file))
            self.trash.restore(kept, path)
            entry = self._update_list(path)
            older = sum(other.file == kept.file for other in versions if other < kept)
            return Undone(name, kept.kind, swapped, older, entry)

    def _update_list(self, changed: Path | None = None) -> Entry:
        """Updates the list; returns the entry of the file `changed`."""
        entries = self._entries(changed)
        write_list(self.folder, entries)
        return next((e for e in entries if changed and e.file == changed.name), Entry("", ""))

    # files

    def _has_same_content(self, path: Path, data: bytes) -> bool:
        """Whether a file equals `data`, apart from the time of saving and the last accuracy."""
        other: Document = {"saved_at": "", "accuracy": None}
        with suppress(DamagedSave, OSError):
            there, new = (decode(unseal(d)) | other for d in (read_bounded(path), data))
            return there == new
        return False

    def _is_damaged(self, kept: Trashed) -> bool:
        """Whether what is kept is damaged and what it would replace is whole, or that is a link."""
        path = self.folder / kept.file
        if path.is_symlink():
            return True
        if is_whole(self.trash.folder / kept.name, called=kept.file):
            return False
        return path.exists() and is_whole(path)

    @contextmanager
    def _locked(self, kept: str) -> Iterator[None]:
        """Holds the lock on the folder. kept: the end of the message of a failure."""
        try:
            make_folder(self.folder)
            lock = self.folder / LOCK
            if lock.is_symlink():  # would make, or lock, a file elsewhere
                raise OSError(errno.ELOOP, f"{LOCK} is a symbolic link, remove it")
            lock.touch()  # fails at once if the folder is not writable
            with FileLock(lock, timeout=LOCK_SECONDS).acquire(poll_interval=POLLING_SECONDS):
                remove_leftovers(self.folder, self.trash.folder)
                yield
        except Timeout:
            raise RegistryError(
                f"another digitnet has been writing in {self.folder} for {LOCK_SECONDS} seconds; "
                f"{kept}. Try again"
            ) from None
        except NotConfirmed as error:
            raise RegistryError(
                f"the change is made, but the disk reports: {error.strerror}; it may not outlast a "
                f"power cut. The folder is {self.folder}"
            ) from None
        except OSError as error:
            raise RegistryError(
                f"cannot write in {self.folder}: {error.strerror or error}; {kept}. "
                "--saves DIR chooses another folder"
            ) from None

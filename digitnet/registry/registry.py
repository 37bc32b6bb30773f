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

from digitnet.registry.codec import decode
from digitnet.registry.contents import sealed
from digitnet.registry.document import to_document
from digitnet.registry.errors import RegistryError
from digitnet.registry.files import (
    NotConfirmed,
    keep_durably,
    made_if_gone,
    make_folder,
    move_durably,
    read_bounded,
    remove_durably,
    remove_leftovers,
    rewrite_durably,
    sync_folder,
    write_durably,
)
from digitnet.registry.folder import Folder
from digitnet.registry.listing import Entry, write_list
from digitnet.registry.model import Model
from digitnet.registry.names import file_name
from digitnet.registry.reading import is_renamed, is_same, is_whole, read_entry
from digitnet.registry.renaming import Renaming
from digitnet.registry.seal import unseal
from digitnet.registry.study_document import study_to_document
from digitnet.registry.study_record import StudyRecord
from digitnet.registry.trash import Trashed

LOCK = ".lock"
LOCK_SECONDS, POLLING_SECONDS = 30, 0.01
"""Timeout and polling interval of the lock: waiters are not queued, so poll often."""


@dataclass(frozen=True)
class Undone:
    """What `undo` restored. kind: `deleted`, a network; `replaced`, an overwritten version; or
    `renamed`, the old name of a network.

    swapped: whether it replaced another version. older: the number of older versions kept.
    was: the name until now of what was renamed. renamed_to: the name that the network was given
    after this version. entry: of the save that is back.
    """

    name: str
    kind: str
    swapped: bool
    older: int
    was: str = ""
    renamed_to: str = ""
    entry: Entry | None = field(default=None, compare=False)


class Saved(NamedTuple):
    """The entry of a save, and whether a previous version was kept."""

    entry: Entry
    kept: bool


class Registry(Folder):
    """The named saves in `folder`, which is made by the first one: read, written, renamed, deleted
    and restored.
    """

    def __init__(self, folder: Path, included: Path | None = None) -> None:
        """Completes a rename that was cut short; reads nothing else yet."""
        super().__init__(folder, included)
        if self.trash.has_note():
            with suppress(RegistryError), self._locked("", seconds=0):
                pass

    def save(self, model: Model, name: str) -> Saved:
        """Saves a model under `name`, durably; keeps the previous version if it differs.

        If RegistryError is raised, the previous version is unchanged.
        """
        data = sealed(to_document(model, name))
        path = self._path(name)
        with self._locked("nothing was saved; the network is still in hand"):
            kept = path.exists() and not is_same(path, data, "saved_at", "accuracy")
            old = self.trash.place("replaced", path.name) if kept else None
            write_durably(path, data, keep_old_as=old)
            self.trash.prune("replaced", path.name)
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

        Raises RegistryError if `old` does not exist or is damaged, or if `new` exists.
        """
        self._path(old)  # raises if it is a symbolic link
        other = self._path(new)
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
            return self._rename(Renaming(old, new))

    def _rename(self, renaming: Renaming) -> Entry:
        """Renames a save; keeps the version that it replaces, if any.

        The file contains the name, so a new file is written before the old one is removed. Between
        the two, a note tells what to complete: after an interruption one of them remains.
        """
        path, other = (self.folder / file for file in renaming.files)
        data = sealed(decode(unseal(read_bounded(path))) | {"name": renaming.new})
        replaced = self.trash.place("replaced", other.name) if other.exists() else None
        with made_if_gone(path):
            try:
                self.trash.begin(renaming)
                rewrite_durably(path, other, data, keep_old_as=replaced)
            finally:
                self._complete_rename()
        return self._update_list(other)

    def _complete_rename(self) -> None:
        """Completes the rename in the note, if the new file has been written, or cancels it."""
        if not self.trash.has_note():
            return
        try:
            made = self.trash.under_way()
            if made is not None:
                old, new = (self.folder / file for file in made.files)
                if old.exists() and is_renamed(old, new):
                    sync_folder(self.folder)  # `new` must be durable first
                    remove_durably(old)
                if old.exists() or not new.exists():
                    made = None
            self.trash.end(made)
        except NotConfirmed as error:  # it is the caller who knows what was made
            raise OSError(error.errno, error.strerror) from None

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
        """Undoes the last delete, overwrite or rename; a version that is replaced is kept.

        name: consider this network only. number: if above 1, which version of it to restore, 1
        being the latest. A damaged version never replaces an undamaged one; it is skipped. Raises
        RegistryError if there is nothing to undo.
        """
        with self._locked("nothing was changed"):
            versions = self.trash.restorable(name and file_name(name))
            if number > 1:
                versions = [kept for kept in versions if kept.kind != "renamed"]
            found = [*islice((kept for kept in versions if not self._is_damaged(kept)), number)]
            if not found:
                of = f"of {name!r} to undo" if name else "to undo"
                if not versions:
                    since = self.trash.renamed_to(name)
                    hint = f": it was renamed to {since!r}, try undo {since!r}" if since else ""
                    raise RegistryError(f"there is no delete, overwrite or rename {of}{hint}")
                raise RegistryError(
                    f"there is nothing whole {of}: what is kept in {self.trash.folder.name} is "
                    "damaged, and what is saved now is not. Nothing was changed"
                )
            if number > len(found):
                raise RegistryError(f"of {name!r} only {len(found)} can be brought back")
            kept = found[-1]
            if renaming := self.trash.renaming(kept):
                return self._undo_rename(renaming, kept.number)
            path = self.folder / kept.file
            name = read_entry(self.trash.folder / kept.name, called=kept.file).name
            swapped = path.exists()
            if swapped:  # keep the current version: the next `undo` restores it
                keep_durably(path, self.trash.place("replaced", kept.file))
            self.trash.restore(kept, path)
            entry = self._update_list(path)
            before = [k for k in versions if k < kept and k.kind != "renamed"]
            older = sum(k.file == kept.file for k in before)
            since = self.trash.renamed_to(name, kept.number)
            return Undone(name, kept.kind, swapped, older, renamed_to=since, entry=entry)

    def _undo_rename(self, renaming: Renaming, number: int) -> Undone:
        """Gives a save its old name back. number: that of the note in the trash."""
        swapped = self._path(renaming.old).exists()
        entry = self._rename(Renaming(renaming.new, renaming.old, undoes=number))
        return Undone(renaming.old, "renamed", swapped, 0, renaming.new, entry=entry)

    def _update_list(self, changed: Path | None = None) -> Entry:
        """Updates the list; returns the entry of the file `changed`."""
        entries = self._entries(changed)
        write_list(self.folder, entries)
        return next((e for e in entries if changed and e.file == changed.name), Entry("", ""))

    # files

    def _is_damaged(self, kept: Trashed) -> bool:
        """Whether what is kept is damaged and what it would replace is whole, or that is a link; of
        a rename, whether the network with the new name is damaged.
        """
        if renaming := self.trash.renaming(kept):
            with suppress(RegistryError):
                self._path(renaming.old)
                self._load(renaming.new)
                return False
            return True
        path = self.folder / kept.file
        if path.is_symlink():
            return True
        if is_whole(self.trash.folder / kept.name, called=kept.file):
            return False
        return path.exists() and is_whole(path)

    @contextmanager
    def _locked(self, kept: str, seconds: float | None = None) -> Iterator[None]:
        """Holds the lock on the folder, and completes a rename that was cut short.

        kept: the end of the message of a failure. seconds: how long to wait for the lock,
        LOCK_SECONDS by default.
        """
        seconds = LOCK_SECONDS if seconds is None else seconds
        try:
            make_folder(self.folder)
            lock = self.folder / LOCK
            if lock.is_symlink():  # would make, or lock, a file elsewhere
                raise OSError(errno.ELOOP, f"{LOCK} is a symbolic link, remove it")
            lock.touch()  # fails at once if the folder is not writable
            with FileLock(lock, timeout=seconds).acquire(poll_interval=POLLING_SECONDS):
                remove_leftovers(self.folder, self.trash.folder)
                self._complete_rename()
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

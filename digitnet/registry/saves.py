"""The registry: named networks in a folder, each in its own file, which contains its name."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from filelock import FileLock, Timeout

from digitnet.registry.codec import MAX_VALUES, decode, encode, seal, unseal
from digitnet.registry.fields import MAX_INTEGER, Fields
from digitnet.registry.files import (
    DamagedSave,
    NewerFormat,
    NotConfirmed,
    RegistryError,
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
from digitnet.registry.model import IS_SAVE, Model, StudyRecord, clean_name, file_name
from digitnet.registry.schema import contents, saved_at, sealed, study_to_document, to_document
from digitnet.registry.store import Renaming, Trash, Trashed

LIST = "registry.pickle"

KINDS = ("network", "study")
"""The kinds of save."""


@dataclass(frozen=True)
class Entry:
    """An entry of the list.

    damaged: what is wrong with the file; empty if nothing is.
    kind: one of KINDS. For a study, only name, file, shape and times are set.
    included: it comes with digitnet; not stored in the list on disk.
    """

    name: str
    file: str
    shape: str = ""
    parameters: int = 0
    trained_batches: int = 0
    accuracy: float | None = None
    measured_on: str = ""
    saved_at: str = ""
    bytes: int = 0
    changed_ns: int = 0
    inode: int = 0
    damaged: str = ""
    kind: str = "network"
    included: bool = False

    def is_of(self, path: Path) -> bool:
        """Whether the file is unchanged since the entry was made."""
        return state(path) == (self.bytes, self.changed_ns, self.inode)


def state(path: Path) -> tuple[int, int, int]:
    """Size, modification time and inode of a file, which change when it is replaced."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino % MAX_INTEGER


def read_list(folder: Path, saves: int) -> dict[str, Entry]:
    """Reads the list: file → entry. Empty if it is missing or invalid.

    saves: the number of saves, which limits the size of the list.
    """
    try:
        data = read_bounded(folder / LIST)
        fields = Fields(decode(unseal(data), _max_values(saves)), "list")
        entries = [_entry(inner) for inner in fields.inners("networks")]
        fields.end()
    except (DamagedSave, OSError):
        return {}
    return {entry.file: entry for entry in entries}


def _max_values(saves: int) -> int:
    """The maximum number of values in a list of `saves` saves; the file cannot raise it."""
    return max(MAX_VALUES, 32 * saves)


def write_list(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes the list, without damaged saves.

    A failure is ignored: the list is only a cache.
    """
    whole = [asdict(entry) for entry in entries if not entry.damaged]
    for fields in whole:
        del fields["included"]
    with suppress(OSError, ValueError):
        write_durably(folder / LIST, seal(encode({"networks": whole}, _max_values(len(whole)))))


def _entry(fields: Fields) -> Entry:
    """Reads an entry. Raises DamagedSave if it is invalid."""
    accuracy = fields.fraction("accuracy") if fields.maybe("accuracy") else None
    entry = Entry(
        name=fields.text("name"),
        file=fields.text("file"),
        shape=fields.text("shape"),
        parameters=fields.whole("parameters"),
        trained_batches=fields.whole("trained_batches"),
        accuracy=accuracy,
        measured_on=fields.text("measured_on"),
        saved_at=saved_at(fields),
        bytes=fields.whole("bytes"),
        changed_ns=fields.whole("changed_ns"),
        inode=fields.whole("inode"),
        damaged=fields.text("damaged", ("",)),
        kind=fields.text("kind", KINDS),
    )
    fields.end()
    try:
        sound = clean_name(entry.name) == entry.name and file_name(entry.name) == entry.file
    except ValueError:
        sound = False
    if not sound:
        raise DamagedSave("an entry of the list has a name and a file that do not belong together")
    return entry


def saves_in(folder: Path) -> list[Path]:
    """The files whose names are those of saves. Raises RegistryError if `folder` is unreadable."""
    try:
        with os.scandir(folder) as found:
            names = [item.name for item in found if IS_SAVE.fullmatch(item.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RegistryError(f"cannot read {folder}: {error.strerror}") from None
    return [folder / name for name in sorted(names)]


def read_save(path: Path, called: str = "") -> Model | StudyRecord:
    """Reads a save. Its file name (`called`, if given) must match the name in the file.

    Raises DamagedSave, and OSError if the file cannot be read.
    """
    found = contents(read_bounded(path))
    if file_name(found.name) != (called or path.name):
        kind = "study" if isinstance(found, StudyRecord) else "network"
        raise DamagedSave(
            f"it holds the {kind} {found.name!r} and should be called {file_name(found.name)}"
        )
    return found


def read_entry(path: Path, called: str = "") -> Entry:
    """Makes the list entry of a file by reading it. Raises FileNotFoundError if it is missing."""
    called = called or path.name
    entry = Entry(called, path.name)
    try:
        if path.is_symlink():
            raise DamagedSave("it is a symbolic link, which is not followed")
        size, changed_ns, inode = state(path)
        entry = replace(entry, bytes=size, changed_ns=changed_ns, inode=inode)
        found = read_save(path, called)
    except DamagedSave as error:
        return replace(entry, damaged=str(error))
    except FileNotFoundError:
        raise
    except OSError as error:
        return replace(entry, damaged=f"it cannot be read: {error.strerror}")
    if isinstance(found, StudyRecord):
        return replace(
            entry,
            name=found.name,
            kind="study",
            shape=f"study, {len(found.results):,} done",
            saved_at=found.saved_at,
        )
    return replace(
        entry,
        name=found.name,
        shape=found.network.shape,
        parameters=found.network.size,
        trained_batches=found.trainer.progress.batches,
        accuracy=found.accuracy.value if found.accuracy else None,
        measured_on=found.accuracy.on if found.accuracy else "",
        saved_at=found.saved_at,
    )


def is_whole(path: Path, called: str = "") -> bool:
    """Whether a file is an undamaged save, in a known or a newer format."""
    try:
        read_save(path, called)
    except NewerFormat:
        return True
    except (DamagedSave, OSError):
        return False
    return True


def is_same(path: Path, data: bytes, *but: str) -> bool:
    """Whether a file equals `data`, apart from the fields `but`."""
    with suppress(DamagedSave, OSError):
        one, two = (decode(unseal(d)) | dict.fromkeys(but) for d in (read_bounded(path), data))
        return one == two
    return False


def is_renamed(old: Path, new: Path) -> bool:
    """Whether two files, neither of them a symbolic link, are equal but for the name in them."""
    with suppress(DamagedSave, OSError):
        is_link = old.is_symlink() or new.is_symlink()
        return not is_link and is_same(old, read_bounded(new), "name")
    return False


@lru_cache
def included_in(folder: Path) -> tuple[Entry, ...]:
    """The entries of the networks that come with digitnet; cached, as they do not change."""
    return tuple(replace(read_entry(path), included=True) for path in saves_in(folder))


OFFER_SECONDS = 0.1
"""Seconds to read saves that are not in the list, for completion while the user types."""


@lru_cache(4)
def _known(folder: Path) -> dict[str, Entry]:
    """A cache of the entries of a folder's files: from the list at first, then as they are read."""
    return read_list(folder, len(saves_in(folder)))


class Folder:
    """The saves in `folder`, and the networks that come with digitnet.

    included: the folder of these, read-only. A network of the same name in `folder` hides the
    included one.
    """

    def __init__(self, folder: Path, included: Path | None = None) -> None:
        """Reads nothing yet."""
        self.folder, self.included = folder, included
        self.trash = Trash(folder)

    def entries(self) -> list[Entry]:
        """All saves, sorted by name, then the included networks. A damaged save has the reason, and
        its file name in place of its name.
        """
        own = self._entries()
        files = {entry.file for entry in own}
        included = included_in(self.included) if self.included else ()
        return [*own, *(entry for entry in included if entry.file not in files)]

    def _entries(self, changed: Path | None = None) -> list[Entry]:
        """The entries of all saves; those in the list are used if their files are unchanged.

        changed: a file that was just written, whose size and time may be the same as before.
        """
        paths, entries = saves_in(self.folder), []
        listed = read_list(self.folder, len(paths))
        if changed is not None:
            listed.pop(changed.name, None)
        for path in paths:
            with suppress(FileNotFoundError):  # just deleted by another process
                entry = listed.get(path.name)
                if entry is None or not entry.is_of(path):
                    entry = read_entry(path)
                entries.append(entry)
        return sorted(entries, key=lambda entry: (entry.name.casefold(), entry.name))

    def offered(self) -> list[Entry]:
        """The saves that are quickly available, for completion while the user types.

        Files that are not in the list are read for OFFER_SECONDS, and the rest the next time.
        """
        paths, offered = saves_in(self.folder), []
        known = _known(self.folder)
        until = monotonic() + OFFER_SECONDS
        for path in paths:
            with suppress(FileNotFoundError):
                entry = known.get(path.name)
                if entry is None or not entry.is_of(path):
                    if monotonic() > until:
                        continue
                    entry = known[path.name] = read_entry(path)
                offered.append(entry)
        files = {path.name for path in paths}
        included = included_in(self.included) if self.included else ()
        return [*offered, *(entry for entry in included if entry.file not in files)]

    def names(self) -> list[str]:
        """The names of all undamaged networks."""
        return [e.name for e in self.entries() if e.kind == "network" and not e.damaged]

    def exists(self, name: str) -> bool:
        """Whether there is a save or an included network of that name, damaged or not."""
        return self.owns(name) or self.includes(name)

    def owns(self, name: str) -> bool:
        """Whether there is a save of that name in the folder, damaged or not."""
        return self._path(name).exists()

    def includes(self, name: str) -> bool:
        """Whether a network of that name is included and not hidden by a save."""
        there = self.included and (self.included / file_name(name)).exists()
        return bool(there) and not self.owns(name)

    def load(self, name: str) -> Model:
        """Loads the network saved under `name`.

        Raises RegistryError if there is none or its file is damaged.
        """
        found = self._load(name)
        if isinstance(found, StudyRecord):
            raise RegistryError(f"{name!r} is a study: study {name!r} shows it")
        return found

    def load_study(self, name: str) -> StudyRecord:
        """Loads the study saved under `name`. Raises RegistryError as `load` does."""
        found = self._load(name)
        if isinstance(found, Model):
            raise RegistryError(f"{name!r} is a network, not a study: l {name!r} loads it")
        return found

    def _load(self, name: str) -> Model | StudyRecord:
        path = self._path(name)
        if self.included and self.includes(name):
            path = self.included / path.name
        try:
            return read_save(path)
        except FileNotFoundError:
            raise RegistryError(f"there is no network named {name!r}") from None
        except DamagedSave as error:
            raise RegistryError(
                f"{name!r} cannot be loaded: {error}. Its file was left as it is: {path.name}"
                f"{self._undo_hint(path)}"
            ) from None
        except OSError as error:
            raise RegistryError(f"{name!r} cannot be read: {error.strerror}") from None

    def _path(self, name: str) -> Path:
        """The path of the file of the save called `name`.

        Raises RegistryError if it is a symbolic link: digitnet does not read, keep or overwrite its
        target.
        """
        path = self.folder / file_name(name)
        if path.is_symlink():
            raise RegistryError(
                f"{path.name}, the file of {name!r}, is a symbolic link, which is not followed: "
                "put the file itself there, or remove it"
            )
        return path

    def _undo_hint(self, path: Path) -> str:
        """The end of a message that says how to restore the version before a damaged file, if an
        undamaged one was kept.
        """
        with suppress(DamagedSave, OSError, StopIteration):
            kept = self.trash.restorable(path.name)
            latest = next(k for k in kept if (k.kind, k.file) != ("renamed", path.name))
            name = read_save(self.trash.folder / latest.name, latest.file).name
            return f"; undo {name!r} brings back the version before"
        return ""


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

"""The versioned store: named things in a folder, one file each, and what can be brought back.

A file's name on disk is random and never changes; the name that people know stands inside, so a
rename replaces one file, like every other change. What a change replaces is kept in `.trash`, and
`undo` puts the latest of it back.
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from itertools import islice
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from digitnet.registry.codec import MAX_VALUES, Document, decode, encode, seal, unseal
from digitnet.registry.files import (
    TEMPORARY,
    DamagedSave,
    NewerFormat,
    NotConfirmed,
    RegistryError,
    keep_durably,
    make_folder,
    move_durably,
    read_file,
    refuse_link,
    refuse_linked_lock,
    write_durably,
)
from digitnet.registry.model import OwnSet, StudyRecord
from digitnet.registry.schema import (
    MAX_INTEGER,
    Content,
    Fields,
    clean_name,
    contents,
    read_name,
    saved_at,
    sealed,
)

IS_FILE = re.compile(r"(?:[a-z0-9-]{1,24}-)?[0-9a-f]{16}\.pickle")
"""The pattern of the files' names. Earlier versions put letters of the network's name first."""

KINDS = ("network", "study", "data")
"""The kinds of thing. Networks and studies share their names, data sets have names of their own."""


@dataclass(frozen=True)
class Entry:
    """An entry of the list.

    damaged: what is wrong with the file; empty if nothing is. Then `name` is what it was last
    called or, if that is unknown, that of the file. kind: one of KINDS. For a study, only name,
    file, shape and times are set; for a data set, `parameters` counts its cases. hidden: the file
    of a newer thing with the same name; included: it comes with digitnet; both are not stored.
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
    hidden: str = ""

    def is_of(self, path: Path) -> bool:
        """Whether the file is unchanged since the entry was made."""
        return state(path).items() <= vars(self).items()

    @property
    def answers_to(self) -> tuple[bool, str]:
        """Whether it is a data set, and its name."""
        return self.kind == "data", self.name

    @property
    def age(self) -> tuple[str, int, str]:
        """What tells which of two things with one name is newer."""
        return self.saved_at, self.changed_ns, self.file


def state(path: Path) -> dict[str, Any]:
    """Size, modification time and inode of a file, which change when it is replaced."""
    status = path.lstat()
    inode = status.st_ino % MAX_INTEGER
    return {"bytes": status.st_size, "changed_ns": status.st_mtime_ns, "inode": inode}


# the list: a cache of the entries


LIST = "registry.pickle"


def read_list(folder: Path, files: int) -> dict[str, Entry]:
    """Reads the list: file → entry. Empty if it is missing or invalid.

    files: the number of files, which limits the size of the list.
    """
    try:
        fields = Fields(decode(unseal(read_file(folder / LIST)), _max_values(files)), "list")
        entries = [_listed(inner) for inner in fields.inners("networks")]
        fields.end()
    except (DamagedSave, OSError):
        return {}
    return {entry.file: entry for entry in entries}


def _max_values(files: int) -> int:
    """The maximum number of values in a list of `files` files; the list itself cannot raise it."""
    return max(MAX_VALUES, 32 * files)


def write_list(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes the list, without what is damaged. A failure is ignored: it is only a cache."""
    whole = [asdict(entry) for entry in entries if not entry.damaged]
    for fields in whole:
        del fields["included"], fields["hidden"]
    with suppress(OSError, ValueError):
        write_durably(folder / LIST, seal(encode({"networks": whole}, _max_values(len(whole)))))


def _listed(fields: Fields) -> Entry:
    """Reads an entry. Raises DamagedSave if it is invalid."""
    entry = Entry(
        **fields.record(
            Entry,
            name=lambda fields, _: read_name(fields),
            saved_at=lambda fields, _: saved_at(fields),
            accuracy=lambda fields, name: fields.maybe(name, Fields.fraction),
            damaged=lambda fields, name: fields.text(name, ("",)),
            kind=lambda fields, name: fields.text(name, KINDS),
            included=lambda *_: False,
            hidden=lambda *_: "",
        )
    )
    if not IS_FILE.fullmatch(entry.file):
        raise DamagedSave("an entry of the list has a file that is none of ours")
    return entry


@lru_cache(8)
def _known(folder: Path) -> dict[str, Entry]:
    """A folder's known entries: those of the list at first, then others as they are read."""
    listed = read_list(folder, len(files_in(folder)))
    return {file: entry for file, entry in listed.items() if _is_claimed(folder / file, entry)}


def _is_claimed(path: Path, entry: Entry) -> bool:
    """Whether a file that is unchanged claims to be what the list says."""
    try:
        name, kind = claim(path)
        return not entry.is_of(path) or entry.answers_to == (kind == "data", name)
    except OSError:
        return False


# the files


def files_in(folder: Path) -> list[Path]:
    """The files in a folder that may hold a thing. Raises RegistryError if it is unreadable."""
    try:
        with os.scandir(folder) as items:
            names = sorted(item.name for item in items if IS_FILE.fullmatch(item.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RegistryError(f"cannot read {folder}: {error.strerror}") from None
    return [folder / name for name in names]


def read_entry(path: Path, known: Entry | None = None) -> Entry:
    """Makes the entry of a file by reading it. Raises FileNotFoundError if it is missing.

    known: the entry of what the file was before; a damaged file keeps its name and kind.
    """
    entry = Entry(path.name, path.name)
    try:
        entry = replace(entry, **state(path))
        return describe(contents(read_file(path)), entry)
    except FileNotFoundError:
        raise
    except DamagedSave as error:
        why = str(error)
    except OSError as error:
        why = f"it cannot be read: {error.strerror}"
        entry = replace(entry, changed_ns=0)  # so that it is tried again
    name, kind = claim(path)
    if known and not path.is_symlink():
        name, kind = known.name, known.kind
    return replace(entry, damaged=why, name=name or path.name, kind=kind)


def describe(content: Content, entry: Entry) -> Entry:
    """The entry of a file, with what it says of its content."""
    entry = replace(entry, name=content.name, saved_at=content.saved_at)
    if isinstance(content, StudyRecord):
        return replace(entry, kind="study", shape=f"study, {len(content.results):,} done")
    if isinstance(content, OwnSet):
        count = len(content.cases)
        return replace(entry, kind="data", shape=f"data set, {count:,} cases", parameters=count)
    network, accuracy = content.trainer.network, content.accuracy
    return replace(
        entry,
        shape=network.shape,
        parameters=network.size,
        trained_batches=content.trainer.progress.batches,
        accuracy=accuracy.value if accuracy else None,
        measured_on=accuracy.on if accuracy else "",
    )


_CLAIM = re.compile(rb"\x80\x03\}\(X\x04\0\0\0nameX([\x01-\xff])\0\0\0", re.DOTALL)


def claim(path: Path) -> tuple[str, str]:
    """The name and the kind of thing that the beginning of a file claims; proves nothing.

    The name is empty if there is none, or the file is a link.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        try:
            head = os.read(descriptor, 1024)
        finally:
            os.close(descriptor)
        match = _CLAIM.match(head)
        name = head[match.end() : match.end() + match[1][0]].decode() if match else ""
        kind = "data" if b"X\x05\0\0\0casesX" in head or b"X\x05\0\0\0cases}" in head else "network"
        return clean_name(name), kind
    except (OSError, ValueError):
        return "", "network"


def is_whole(path: Path) -> bool:
    """Whether a file is undamaged, in a known or a newer format."""
    try:
        contents(read_file(path))
    except (DamagedSave, OSError) as error:
        return isinstance(error, NewerFormat)
    return True


def is_same(path: Path, data: bytes, *but: str) -> bool:
    """Whether a file equals `data`, apart from the fields `but`."""
    with suppress(DamagedSave, OSError):
        one, two = (decode(unseal(d)) | dict.fromkeys(but) for d in (read_file(path), data))
        return one == two
    return False


# the trash

KEPT_VERSIONS = 5
"""Maximum number of overwritten versions, and of versions before a rename, kept of each thing;
deleted ones are all kept.
"""

MAX_GAP = 10**9
"""What comes after a gap of so many numbers was not numbered by digitnet."""

_KEPT = re.compile(
    rf"([0-9]{{8}}|[1-9][0-9]{{8,}})\.(deleted|replaced|named|made)\.({IS_FILE.pattern})"
)


@dataclass(frozen=True, order=True)
class Kept:
    """A file in the trash.

    kind: `deleted`; `replaced`, an overwritten version; `named`, the version before a rename; or
    `made`, which is empty and tells that a data set was made.
    """

    number: int
    kind: str
    file: str

    @property
    def name(self) -> str:
        """Its file name in the trash."""
        return f"{self.number:08d}.{self.kind}.{self.file}"


class Trash:
    """The folder `.trash`. Whoever changes it must hold the store's lock."""

    def __init__(self, folder: Path) -> None:
        """Does not make the folder yet."""
        self.folder = folder / ".trash"

    def contents(self) -> list[Kept]:
        """What is kept, oldest first. Symbolic links are ignored."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            return []
        files = (path for path in self.folder.iterdir() if not path.is_symlink())
        matches = (_KEPT.fullmatch(path.name) for path in files)
        kept, last = [], 0
        for each in sorted(Kept(int(m[1]), m[2], m[3]) for m in matches if m):
            if each.number - last > MAX_GAP:
                break
            kept.append(each)
            last = each.number
        return kept

    def place(self, kind: str, file: str) -> Path:
        """A new path in the trash, for a version of `file`."""
        refuse_link(self.folder)
        make_folder(self.folder)
        number = max((kept.number for kept in self.contents()), default=0) + 1
        return self.folder / Kept(number, kind, file).name

    def mark_made(self, file: str) -> None:
        """Notes that `file` is about to be made."""
        try:
            write_durably(self.place("made", file), b"")
        except NotConfirmed as error:  # the file itself has not been made
            raise OSError(error.errno, error.strerror) from None

    def prune(self, kind: str, file: str) -> None:
        """Removes all but the latest KEPT_VERSIONS versions of a file."""
        kept = [k for k in self.contents() if (k.kind, k.file) == (kind, file)]
        for old in kept[:-KEPT_VERSIONS]:
            with suppress(OSError):
                (self.folder / old.name).unlink()


LOCK = ".lock"

LOCK_SECONDS, POLLING_SECONDS = 30, 0.01
"""Timeout and polling interval of the lock: waiters are not queued, so poll often."""


class Saved(NamedTuple):
    """The entry of what was saved, and whether a previous version was kept."""

    entry: Entry
    kept: bool


@dataclass(frozen=True)
class Undone:
    """What `undo` did. kind: that of what was kept (`Kept.kind`).

    swapped: whether it replaced another version. older: the number of older versions kept. was: the
    name until now of what has its old name again. entry: of what is back, or of the data set that
    is gone.
    """

    name: str
    kind: str
    swapped: bool
    older: int
    was: str = ""
    entry: Entry = field(default=Entry("", ""), compare=False)


class Store:
    """The things in `folder`, which is made by the first one."""

    def __init__(self, folder: Path) -> None:
        """Reads nothing yet."""
        self.folder, self.trash = folder, Trash(folder)

    def entries(self, seconds: float = inf) -> list[Entry]:
        """All things, sorted by name. seconds: how long to read files that are not in the list."""
        known, found, until = _known(self.folder.absolute()), list[Entry](), monotonic() + seconds
        for path in files_in(self.folder):
            with suppress(FileNotFoundError):  # just deleted by another process
                entry = known.get(path.name)
                if entry is None or not entry.is_of(path):
                    if monotonic() > until:
                        continue
                    entry = known[path.name] = self._named(read_entry(path, entry))
                found.append(entry)
        newest = {e.answers_to: e.file for e in sorted(found, key=lambda entry: entry.age)}
        for number, entry in enumerate(found):
            if (file := newest[entry.answers_to]) != entry.file:
                found[number] = replace(entry, hidden=file)
        return sorted(found, key=lambda entry: (entry.name.casefold(), entry.name, entry.file))

    def _named(self, entry: Entry) -> Entry:
        """The entry of a file too damaged to tell its name, which a kept version may still know."""
        if entry.name == entry.file and not (self.folder / entry.file).is_symlink():
            for kept in reversed(self.trash.contents()):
                name, kind = claim(self.trash.folder / kept.name)
                if name and kept.file == entry.file:
                    return replace(entry, name=name, kind=kind)
        return entry

    def find(self, name: str, *, data: bool = False) -> Entry | None:
        """The newest thing of that name, damaged or not. Raises RegistryError if it is a link."""
        for entry in self.entries():
            if entry.answers_to == (data, name) and not entry.hidden:
                if (self.folder / entry.file).is_symlink():
                    raise RegistryError(
                        f"{entry.file} is a symbolic link, which is not followed: put the file "
                        "itself there, or remove it"
                    )
                return entry
        return None

    def read(self, entry: Entry) -> Content:
        """Reads a thing. Raises RegistryError if it is damaged."""
        name, path = entry.name, self.folder / entry.file
        try:
            if entry.damaged and entry.is_of(path):  # it has been read just now
                raise DamagedSave(entry.damaged)
            return contents(read_file(path))
        except FileNotFoundError:
            raise RegistryError(f"there is no network named {name!r}") from None
        except DamagedSave as error:
            raise RegistryError(
                f"{name!r} cannot be loaded: {error}. Its file was left as it is: {path.name}"
                f"{self._undo_hint(entry)}"
            ) from None
        except OSError as error:
            raise RegistryError(f"{name!r} cannot be read: {error.strerror}") from None

    def _undo_hint(self, entry: Entry) -> str:
        """The end of a message that says how to restore the version before a damaged file, if an
        undamaged one was kept.
        """
        with suppress(DamagedSave, OSError, StopIteration):
            latest = next(k for k in self._restorable() if k.file == entry.file)
            name = contents(read_file(self.trash.folder / latest.name)).name
            return f"; undo {name!r} brings back the version before"
        return ""

    # changes

    def write(
        self, content: Content, document: Document, failure: str, *, keep: bool = True
    ) -> Saved:
        """Writes a thing over the one of its name, which is kept if it differs, or as a new one.

        failure: the end of the message if nothing is changed. Raises RegistryError.
        """
        data = sealed(document)
        with self.locked(failure):
            return self.write_locked(content, document, data, keep=keep)

    def write_locked(
        self, content: Content, document: Document, data: bytes, *, keep: bool = True
    ) -> Saved:
        """Like `write`, for whoever holds the lock. data: the sealed document."""
        content = replace(content, name=document["name"], saved_at=document["saved_at"])
        is_data = isinstance(content, OwnSet)
        there = self.find(content.name, data=is_data)
        path = self.folder / (there.file if there else f"{secrets.token_hex(8)}.pickle")
        is_copied = any(there and entry.hidden == there.file for entry in self.entries())
        if there and is_copied and there.saved_at > content.saved_at:  # a clock was wrong
            content = replace(content, saved_at=there.saved_at)
            data = sealed(document | {"saved_at": there.saved_at})
        old = None
        if there and keep and not is_same(path, data, "saved_at", "accuracy"):
            old = self.trash.place("replaced", path.name)
        if there is None and is_data:
            self.trash.mark_made(path.name)
        write_durably(path, data, keep_old_as=old)
        self.trash.prune("replaced", path.name)
        return Saved(self._update_list(path, content), old is not None)

    def rename(self, old: str, new: str) -> Entry:
        """Renames the network or study called `old`; its content is otherwise unchanged.

        Raises RegistryError if `old` does not exist or is damaged, or if `new` exists.
        """
        with self.locked("nothing was renamed"):
            entry = self.find(old)
            if entry is None:
                raise RegistryError(f"there is no network named {old!r}")
            self.read(entry)  # raises if it is damaged
            if new == old:
                raise RegistryError(f"{old!r} is called that already; nothing was renamed")
            if self.find(new):
                raise RegistryError(
                    f"there is a network named {new!r} already; nothing was renamed. "
                    "Choose another name, or delete that one first (del)"
                )
            path = self.folder / entry.file
            data = sealed(decode(unseal(read_file(path))) | {"name": new})
            write_durably(path, data, keep_old_as=self.trash.place("named", path.name))
            self.trash.prune("named", path.name)
            return self._update_list(path)

    def delete(self, name: str, *, data: bool = False) -> None:
        """Moves a thing to the trash. Raises RegistryError if there is none."""
        with self.locked("nothing was deleted"):
            self.delete_locked(name, data=data)

    def delete_locked(self, name: str, *, data: bool = False) -> None:
        """Moves a thing to the trash, for whoever holds the lock."""
        entry = self.find(name, data=data)
        if entry is None:
            raise RegistryError(f"there is no network named {name!r}")
        self._throw_away(entry.file)
        self._update_list()

    def _throw_away(self, file: str) -> None:
        move_durably(self.folder / file, self.trash.place("deleted", file))

    def undo(self, name: str = "", number: int = 1) -> Undone:
        """Undoes the last delete, overwrite or rename; a version that is replaced is kept.

        name: consider this thing only; or the name of its file. number: if above 1, which version
        of it to restore, 1 being the latest. A damaged version never replaces an undamaged one; it
        is skipped. Raises RegistryError if there is nothing to undo.
        """
        with self.locked("nothing was changed"):
            self.adopt()
            versions = self._restorable(name)
            if number > 1:
                versions = [kept for kept in versions if kept.kind != "named"]
            found = [*islice((kept for kept in versions if not self._is_damaged(kept)), number)]
            of = f"of {name!r} to undo" if name else "to undo"
            if not versions:
                raise RegistryError(f"there is no delete, overwrite or rename {of}")
            if not found:
                raise RegistryError(
                    f"there is nothing whole {of}: what is kept in {self.trash.folder.name} is "
                    "damaged, and what is saved now is not. Nothing was changed"
                )
            if number > len(found):
                raise RegistryError(f"of {name!r} only {len(found)} can be brought back")
            kept = found[-1]
            if kept.kind == "made":
                return self._unmake(kept)
            older = [k.kind for k in versions if k < kept and k.file == kept.file]
            count = 0 if kept.kind == "named" else sum(k in ("deleted", "replaced") for k in older)
            return self._restore(kept, count)

    def last_change(self) -> tuple[Kept, str, float] | None:
        """What `undo` without a name takes back: what is kept, its name, and when it was done, in
        seconds since 1970.
        """
        with self.locked("nothing was changed"):
            self.adopt()
            kept = next((k for k in self._restorable() if not self._is_damaged(k)), None)
            if kept is None:
                return None
            place = self.trash.folder / kept.name
            name, kind = claim(self.folder / kept.file if kept.kind == "made" else place)
            said = f"the data set {name}" if kind == "data" else repr(name or kept.file)
            status = place.lstat()
            return kept, said, max(status.st_ctime, status.st_mtime)

    def _unmake(self, kept: Kept) -> Undone:
        """Takes back that a data set was made."""
        entry = read_entry(self.folder / kept.file)
        self._throw_away(kept.file)
        self._update_list()
        return Undone(
            entry.name, kept.kind, swapped=False, older=0, entry=replace(entry, parameters=0)
        )

    def _restore(self, kept: Kept, older: int) -> Undone:
        """Puts a version back, and keeps what it replaces."""
        path, place = self.folder / kept.file, self.trash.folder / kept.name
        back, now = read_entry(place), read_entry(path) if path.exists() else None
        was = now.name if now and not now.damaged and not back.damaged else back.name
        if now:  # the next `undo` restores it
            kind = "replaced" if was == back.name else "named"
            keep_durably(path, self.trash.place(kind, kept.file))
        swapped = now is not None and was == back.name
        other, doubt = self.find(back.name, data=back.kind == "data"), None
        try:
            move_durably(place, path)
        except NotConfirmed as error:
            doubt = error
        entry = self._update_list(path)
        while other and other.file != path.name:  # saved since under that name
            try:
                self._throw_away(other.file)
            except NotConfirmed as error:
                doubt = error
            except OSError as error:
                raise RegistryError(
                    f"the change is made, but the {back.name!r} saved since cannot be moved to the "
                    f"trash: {error.strerror}. Both are listed, and the newer one is loaded"
                ) from None
            swapped = True
            entry = self._update_list(path)
            other = self.find(back.name, data=back.kind == "data")
        if doubt:
            raise doubt
        was = "" if was == back.name else was
        return Undone(entry.name, kept.kind, swapped, older, was=was, entry=entry)

    def adopt(self) -> None:
        """Takes over what earlier versions kept elsewhere, for whoever holds the lock."""

    def _update_list(self, changed: Path | None = None, content: Content | None = None) -> Entry:
        """Updates the list; returns the entry of the file `changed`, whose size and time may be the
        same as before. content: what was written to it, if that is known.
        """
        if changed is not None:
            known = _known(self.folder.absolute())
            known.pop(changed.name, None)
            if content is not None:
                entry = Entry("", changed.name, **state(changed))
                known[changed.name] = describe(content, entry)
        entries = self.entries()
        write_list(self.folder, entries)
        return next((e for e in entries if changed and e.file == changed.name), Entry("", ""))

    def _restorable(self, name: str = "") -> list[Kept]:
        """What `undo` can take back, the latest first; for one thing only, if `name` is given.

        Left out are versions that are still in place, because saving was interrupted.
        """
        files = {entry.file for entry in self.entries() if entry.name == name}
        return [
            kept
            for kept in reversed(self.trash.contents())
            if self._is_possible(kept)
            and (
                not name
                or kept.file in (name, *files)
                or claim(self.trash.folder / kept.name)[0] == name
            )
        ]

    def _is_possible(self, kept: Kept) -> bool:
        path = self.folder / kept.file
        if kept.kind == "made":
            return path.exists()
        return not path.exists() or not path.samefile(self.trash.folder / kept.name)

    def _is_damaged(self, kept: Kept) -> bool:
        """Whether what is kept is damaged and what it would replace is whole, or that is a link."""
        path, place = self.folder / kept.file, self.trash.folder / kept.name
        if path.is_symlink():
            return True
        if kept.kind == "made" or is_whole(place):
            return False
        name, kind = claim(place)
        there = self.find(name, data=kind == "data")
        return (path.exists() and is_whole(path)) or bool(there and not there.damaged)

    @contextmanager
    def locked(self, failure: str) -> Iterator[None]:
        """Holds the lock on the folder, and removes what killed writers left.

        failure: the end of the message if nothing was changed. Raises RegistryError for OSError.
        """
        done = False
        try:
            make_folder(self.folder)
            lock = self.folder / LOCK
            refuse_linked_lock(lock)
            lock.touch()  # fails at once if the folder is not writable
            with FileLock(lock, timeout=LOCK_SECONDS).acquire(poll_interval=POLLING_SECONDS):
                remove_leftovers(self.folder, self.trash.folder)
                yield
                done = True
        except Timeout:
            raise RegistryError(
                f"another digitnet has been writing in {self.folder} for {LOCK_SECONDS} seconds; "
                f"{failure}. Try again"
            ) from None
        except OSError as error:
            why = error.strerror or str(error)
            if done or isinstance(error, NotConfirmed):
                raise RegistryError(
                    f"the change is made, but the disk reports: {why}; it may not outlast a power "
                    f"cut. The folder is {self.folder}"
                ) from None
            raise RegistryError(
                f"cannot write in {self.folder}: {why}; {failure}. "
                "--saves DIR chooses another folder"
            ) from None


def remove_leftovers(*folders: Path) -> None:
    """Removes the temporary files of killed writers. The caller must hold the lock."""
    for folder in folders:
        if folder.name.startswith(".") and folder.is_symlink():
            continue
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                path.unlink()

"""The saves: named things in a folder, one file each, and those that come with digitnet.

A file's name on disk is random and never changes; the name that people know stands inside, so a
rename replaces one file, like every other change. What a change replaces is kept in `.trash`, from
where undo.py brings it back.
"""

import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from filelock import Timeout

from digitnet.digits.files import open_bounded
from digitnet.registry.codec import MAX_INTEGER, MAX_VALUES, Fields, decode, encode, seal, unseal
from digitnet.registry.files import (
    TEMPORARY,
    DamagedSave,
    NotConfirmed,
    RegistryError,
    acquired_lock,
    make_folder,
    move_durably,
    read_file,
    refuse_link,
    write_durably,
)
from digitnet.registry.model import Content, Model, OwnSet, StudyRecord
from digitnet.registry.schema import (
    clean_name,
    contents,
    measured_on,
    read_name,
    saved_at,
    sealed,
    to_document,
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
    file, shape and times are set; for a data set, `parameters` counts its cases. included: it comes
    with digitnet. hidden: the file of a newer thing with the same name.
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
        try:
            return state(path).items() <= vars(self).items()
        except OSError:  # whoever reads the file will say why
            return False

    @property
    def answers_to(self) -> tuple[bool, str]:
        return self.kind == "data", self.name


def state(path: Path) -> dict[str, Any]:
    """Size, modification time and inode of a file, which change when it is replaced."""
    status = path.lstat()
    inode = status.st_ino % MAX_INTEGER
    return {"bytes": status.st_size, "changed_ns": status.st_mtime_ns, "inode": inode}


# the list: a cache of the entries

LIST, EACH = "registry.pickle", 32
"""It has at most so many values for each save: how many there are, it does not say itself."""

NOT_STORED: dict[str, Any] = {"damaged": "", "included": False, "hidden": ""}
"""What it does not have of the entries, which are none of these."""


def read_list(folder: Path, files: int) -> dict[str, Entry]:
    """Reads the list of so many files: file → entry. Empty if it is missing or invalid."""
    try:
        document = decode(unseal(read_file(folder / LIST)), max(MAX_VALUES, EACH * files))
        fields = Fields(document, "list")
        entries = [_listed(inner) for inner in fields.inners("networks")]
        fields.end()
    except (DamagedSave, OSError):
        return {}
    return {entry.file: entry for entry in entries}


def write_list(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes the list, without what is damaged. A failure is ignored: it is only a cache."""
    every = (asdict(entry) for entry in entries if not entry.damaged)
    whole = [{n: v for n, v in each.items() if n not in NOT_STORED} for each in every]
    with suppress(OSError, ValueError):
        write_durably(folder / LIST, seal(encode({"networks": whole})))


def _listed(fields: Fields) -> Entry:
    entry = Entry(
        **fields.record(
            Entry,
            name=read_name,
            saved_at=saved_at,
            accuracy=lambda fields, name: fields.maybe(name, Fields.fraction),
            kind=lambda fields, name: fields.text(name, KINDS),
            changed_ns=lambda fields, name: fields.whole(name, high=MAX_INTEGER),
            inode=lambda fields, name: fields.whole(name, high=MAX_INTEGER),
            **{field: lambda _, name: NOT_STORED[name] for field in NOT_STORED},
        )
    )
    if not IS_FILE.fullmatch(entry.file):
        raise DamagedSave("an entry of the list has a file that is none of ours")
    return entry


@lru_cache(8)
def _known(folder: Path) -> dict[str, Entry]:
    """A folder's known entries: those of the list at first, then others as they are read."""
    listed = read_list(folder, len(files_in(folder))).values()
    return {entry.file: entry for entry in listed if _is_claimed(folder / entry.file, entry)}


def _is_claimed(path: Path, entry: Entry) -> bool:
    name, kind = claim(path)
    return not entry.is_of(path) or entry.answers_to == (kind == "data", name)


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
        content = contents(read_file(path))
        entry = replace(entry, name=content.name, saved_at=content.saved_at)
        return describe(content, entry)
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
        measured_on=measured_on(accuracy),
    )


_CLAIM = re.compile(rb"\x80\x03\}\(X\x04\0\0\0nameX(..)\0\0", re.DOTALL)


def claim(path: Path) -> tuple[str, str]:
    """The name and the kind of thing that the beginning of a file claims; proves nothing.

    The name is empty if there is none, or the file is a link.
    """
    with suppress(OSError, ValueError), open_bounded(path, sys.maxsize, follow=False) as file:
        if match := _CLAIM.match(head := file.read(1024)):
            end = match.end() + int.from_bytes(match[1], "little")
            is_data = b"X\x05\0\0\0cases" in head[end : end + 60]  # after saved_at, and no further
            return clean_name(head[match.end() : end].decode()), "data" if is_data else "network"
    return "", "network"


def other_files(folder: Path) -> list[str]:
    """The files in a folder that begin like a thing, and have names that no thing's file has."""
    paths = sorted(folder.glob("*.pickle"))
    return [p.name for p in paths if not IS_FILE.fullmatch(p.name) and claim(p)[0]]


# the trash

KEPT_VERSIONS = 5
"""Maximum number of overwritten versions, and of versions before a rename, kept of each thing;
deleted ones are all kept.
"""

MAX_GAP = 10**9  # what comes after a gap of so many numbers was not numbered by digitnet

_KEPT = re.compile(rf"([0-9]{{8}}|[1-9][0-9]{{8,}})\.(deleted|replaced|named)\.({IS_FILE.pattern})")


@dataclass(frozen=True, order=True)
class Kept:
    """A file in the trash.

    kind: `deleted`; `replaced`, an overwritten version; or `named`, the version before a rename.
    """

    number: int
    kind: str
    file: str

    @property
    def name(self) -> str:
        return f"{self.number:08d}.{self.kind}.{self.file}"


class Trash:
    """The folder `.trash`, made when needed. Whoever changes it must hold the lock on the saves."""

    def __init__(self, folder: Path) -> None:
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

    def last_number(self) -> int:
        return max((kept.number for kept in self.contents()), default=0)

    def place(self, kind: str, file: str) -> Path:
        """A new path in the trash, for a version of `file`."""
        refuse_link(self.folder)
        make_folder(self.folder)
        return self.folder / Kept(self.last_number() + 1, kind, file).name

    def prune(self, kind: str, file: str) -> None:
        """Removes all but the latest KEPT_VERSIONS versions of a file."""
        with suppress(OSError):
            kept = [k for k in self.contents() if (k.kind, k.file) == (kind, file)]
            for old in kept[:-KEPT_VERSIONS]:
                (self.folder / old.name).unlink()


# the whole

LOCK, LOCK_SECONDS = ".lock", 30
OFFER_SECONDS = 0.1  # to read files that are not in the list, for completion while one types


@lru_cache
def included_in(folder: Path) -> tuple[Entry, ...]:
    """The entries of the networks that come with digitnet; cached, as they do not change."""
    return tuple(replace(read_entry(path), included=True) for path in files_in(folder))


NOT_SAVED = "nothing was saved; the network is still in hand"
ELSEWHERE = ". export FILE writes the weights elsewhere; --saves DIR begins in another folder"


Kind = TypeVar("Kind", Model, StudyRecord)


@dataclass(frozen=True)
class Change:
    """What was done to a thing: its entry before and after; None for none, and the same twice if
    nothing can be taken back. number: the last in the trash by then; what comes later was changed
    by others.
    """

    before: Entry | None = None
    after: Entry | None = None
    number: int = 0

    @property
    def entry(self) -> Entry:
        return self.after or self.before or Entry("", "")


class Registry:
    """The things in `folder`, which is made by the first one, and the networks in `included`, which
    is read-only. A save hides the included network of the same name.
    """

    def __init__(self, folder: Path, included: Path | None = None) -> None:
        self.folder, self.included, self.trash = folder, included, Trash(folder)
        self._is_locked = False

    # what is there

    def entries(self, seconds: float = inf) -> list[Entry]:
        """All things in the folder, sorted by name.

        seconds: how long to read files that are not in the list.
        """
        known, found, until = _known(self.folder.absolute()), list[Entry](), monotonic() + seconds
        for path in files_in(self.folder):
            with suppress(FileNotFoundError):  # just deleted by another process
                entry = known.get(path.name)
                if entry is None or not entry.is_of(path):
                    if monotonic() > until:
                        continue
                    entry = known[path.name] = self.read_entry(path, entry)
                found.append(entry)
        by_age = sorted(found, key=lambda entry: (entry.saved_at, entry.changed_ns, entry.file))
        newest = {entry.answers_to: entry.file for entry in by_age}
        for number, entry in enumerate(found):
            if (file := newest[entry.answers_to]) != entry.file:
                found[number] = replace(entry, hidden=file)
        return sorted(found, key=lambda entry: (entry.name.casefold(), entry.name, entry.file))

    def read_entry(self, path: Path, known: Entry | None = None) -> Entry:
        """Like the function; a kept version may still know the name of a file that is damaged."""
        entry = read_entry(path, known)
        if entry.name == entry.file and not (self.folder / entry.file).is_symlink():
            for kept in reversed(self.trash.contents()):
                name, kind = claim(self.trash.folder / kept.name)
                if name and kept.file == entry.file:
                    return replace(entry, name=name, kind=kind)
        return entry

    def saves(self, seconds: float = inf) -> list[Entry]:
        """The networks and studies, sorted by name, then the included networks."""
        own = [entry for entry in self.entries(seconds) if entry.kind != "data"]
        names = {entry.name for entry in own}
        included = included_in(self.included) if self.included else ()
        return [*own, *(entry for entry in included if entry.name not in names)]

    def offered(self) -> list[Entry]:
        """The saves that are quickly available, for completion while the user types."""
        return self.saves(OFFER_SECONDS)

    def names(self) -> list[str]:
        entries = (e for e in self.saves() if e.kind == "network" and not e.damaged)
        return [*dict.fromkeys(entry.name for entry in entries)]

    def find(self, name: str, *, data: bool = False) -> Entry | None:
        """The newest thing of that name in the folder, damaged or not.

        Raises RegistryError if it is a link.
        """
        for entry in self.entries():
            if entry.answers_to == (data, name) and not entry.hidden:
                if (self.folder / entry.file).is_symlink():
                    raise RegistryError(
                        f"{entry.file} is a symbolic link, which is not followed: put the file "
                        "itself there, or remove it"
                    )
                return entry
        return None

    def includes(self, name: str) -> bool:
        """Whether a network of that name is included and not hidden by a save."""
        return any(entry.included and entry.name == name for entry in self.saves())

    def has(self, document: dict[str, Any], entry: Entry) -> bool:
        """Whether the file of an entry has just this, apart from what is measured of it."""
        but = dict.fromkeys(("saved_at", "accuracy"))
        with suppress(DamagedSave, OSError):
            there = decode(unseal(read_file(self.folder / entry.file)))
            return there | but == document | but
        return False

    def exists(self, name: str) -> bool:
        """Whether there is a save or an included network of that name, damaged or not."""
        return self.find(name) is not None or self.includes(name)

    def load(self, name: str) -> Model:
        """The network saved under `name`. Raises RegistryError for none, or a damaged file."""
        return self._load(name, Model, "a study: study {!r} shows it")

    def load_study(self, name: str) -> StudyRecord:
        """The study saved under `name`. Raises RegistryError as `load` does."""
        return self._load(name, StudyRecord, "a network, not a study: l {!r} loads it")

    def _load(self, name: str, kind: type[Kind], other: str) -> Kind:
        for entry in self.saves():
            if entry.name == name and not entry.hidden:
                if isinstance(found := self.read(entry), kind):
                    return found
                raise RegistryError(f"{name!r} is {other.format(name)}")
        raise no_network(name)

    def read(self, entry: Entry) -> Content:
        folder = self.included if entry.included and self.included else self.folder
        name, path = entry.name, folder / entry.file
        try:
            if entry.damaged and entry.is_of(path):  # it has been read just now
                raise DamagedSave(entry.damaged)
            return contents(read_file(path))
        except FileNotFoundError:
            raise no_network(name) from None
        except DamagedSave as error:
            raise RegistryError(
                f"{name!r} cannot be loaded: {error}. Its file was left as it is: {path.name}"
                f"{self._undo_hint(entry)}"
            ) from None
        except OSError as error:
            why = f"{path.name}: {error.strerror}"
            raise RegistryError(f"{name!r} cannot be read: {why}") from None

    def _undo_hint(self, entry: Entry) -> str:
        """The end of a message that says how to restore the version before a damaged file, if an
        undamaged one was kept.
        """
        with suppress(DamagedSave, OSError, StopIteration):
            places = [
                self.trash.folder / k.name for k in self.trash.contents() if k.file == entry.file
            ]
            latest = next(p for p in reversed(places) if not p.samefile(self.folder / entry.file))
            return f"; undo {contents(read_file(latest)).name!r} brings back the version before"
        return ""

    # changes

    def save(
        self, content: Content, name: str, failure: str = NOT_SAVED, *, keep: bool = True
    ) -> Change:
        """Writes a thing, durably, over the one of its name, or as a new one.

        failure: the end of the message if nothing is changed. keep: whether a previous version that
        differs is kept. Raises RegistryError, also if that is of another kind; the previous version
        is then unchanged.
        """
        document, kind = to_document(content, name), describe(content, Entry(name, "")).kind
        data = sealed(document)
        with self.locked(failure):
            there = self.find(name, data=kind == "data")
            if there and not there.damaged and there.kind != kind:
                raise RegistryError(
                    f"{name!r} is a {there.kind} already: choose another name, or delete that "
                    f"{there.kind} first (del); {failure}"
                )
            path = self.folder / (there.file if there else f"{secrets.token_hex(8)}.pickle")
            is_copied = any(there and entry.hidden == there.file for entry in self.entries())
            if there and is_copied and there.saved_at > document["saved_at"]:  # a clock was wrong
                document["saved_at"] = there.saved_at
                data = sealed(document)
            number, old = self.trash.last_number(), None  # fails, if at all, before the change
            if there and keep and not self.has(document, there):
                old = self.trash.place("replaced", path.name)
            write_durably(path, data, keep_old_as=old)
            self.trash.prune("replaced", path.name)
            entry = Entry(name, path.name, saved_at=document["saved_at"], **state(path))
            entry = describe(content, entry)
            self.update_list(entry)
            return Change(there if old else there and entry, entry, number + bool(old))

    def rename(self, old: str, new: str) -> Change:
        """Renames the network or study called `old`; its content is otherwise unchanged.

        Raises RegistryError if `old` does not exist, is included or damaged, or if `new` exists.
        """
        with self.locked("nothing was renamed"):
            before = self._found(old, "renamed")
            self.read(before)  # raises if it is damaged
            if new == old:
                raise RegistryError(f"{old!r} is called that already; nothing was renamed")
            if there := self.find(new):
                raise RegistryError(
                    f"there is a {there.kind} named {new!r} already; nothing was renamed. "
                    "Choose another name, or delete that one first (del)"
                )
            path = self.folder / before.file
            data = sealed(decode(unseal(read_file(path))) | {"name": new})
            write_durably(path, data, keep_old_as=self.trash.place("named", path.name))
            self.trash.prune("named", path.name)
            after = self.read_entry(path)
            self.update_list(after)
            return Change(before, after, self.trash.last_number())

    def delete(self, name: str, *, data: bool = False) -> Change:
        """Moves a thing to the trash. Raises RegistryError if there is none, or it is included."""
        with self.locked("nothing was deleted"):
            before = self._found(name, "deleted", data=data)
            self.throw_away(before.file)
            self.update_list()
            return Change(before, None, self.trash.last_number())

    def _found(self, name: str, change: str, *, data: bool = False) -> Entry:
        """What `find` returns. Raises RegistryError for nothing, or what is included."""
        entry = self.find(name, data=data)
        if entry is None and not data and self.includes(name):
            raise RegistryError(f"{name!r} is included with digitnet and cannot be {change}")
        if entry is None:
            raise no_network(name)
        return entry

    def throw_away(self, file: str) -> None:
        move_durably(self.folder / file, self.trash.place("deleted", file))

    def update_list(self, changed: Entry | None = None) -> None:
        """Updates the list. changed: whose file may have the same size and time as before."""
        if changed:
            _known(self.folder.absolute())[changed.file] = changed
        write_list(self.folder, self.entries())

    @contextmanager
    def locked(self, failure: str) -> Iterator[None]:
        """Holds the lock on the folder, and removes what killed writers left; may be nested.

        failure: the end of the message if nothing was changed. Raises RegistryError for OSError.
        """
        if self._is_locked:
            yield
            return
        done = False
        try:
            make_folder(self.folder)
            lock = acquired_lock(self.folder / LOCK, LOCK_SECONDS)
            try:
                self._is_locked = True
                remove_leftovers(self.folder, self.trash.folder)
                yield
                done = True
            finally:
                self._is_locked = False
                lock.release()
        except Timeout as error:
            is_file = error.lock_file.endswith("ed")  # which another machine may have left
            raise RegistryError(
                f"another digitnet has been writing in {self.folder} for {LOCK_SECONDS} seconds; "
                f"{failure}. Try again{f', or remove {LOCK}ed if none is running' * is_file}"
            ) from None
        except OSError as error:
            why = error.strerror or str(error)
            if done or isinstance(error, NotConfirmed):
                raise RegistryError(
                    f"the change is made, but the disk reports: {why}; it may not outlast a power "
                    f"cut. The folder is {self.folder}"
                ) from None
            name = Path(error.filename or self.folder).name
            if name != self.folder.name and not name.startswith(TEMPORARY):
                why = f"{name}: {why}"
            hint = ELSEWHERE * (failure == NOT_SAVED)
            raise RegistryError(f"cannot write in {self.folder}: {why}; {failure}{hint}") from None


def no_network(name: str) -> RegistryError:
    return RegistryError(f"there is no network named {name!r}")


def remove_leftovers(*folders: Path) -> None:
    """Removes the temporary files of killed writers. The caller must hold the lock."""
    for folder in folders:
        if folder.name.startswith(".") and folder.is_symlink():
            continue
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                path.unlink()

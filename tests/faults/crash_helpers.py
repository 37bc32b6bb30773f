"""What the tests of crashes share: changes to the saves, what they come to, what is there."""

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from registry_helpers import Disk, batches_of, plain

from digitnet.digits.own import OwnCases
from digitnet.registry import schema
from digitnet.registry.files import RegistryError, read_file, write_durably
from digitnet.registry.model import OwnSet
from digitnet.registry.own_sets import OwnData
from digitnet.registry.saves import KEPT_VERSIONS, Registry, files_in, read_entry
from digitnet.registry.schema import contents
from digitnet.registry.undo import undo

Change = tuple[Any, ...]
"""`save NAME VERSION`, `delete NAME`, `rename OLD NEW`, `undo [NAME]`, or `add VERSION` to the
digits of one's own. No two versions are the same.
"""
NAMES = ("a", "b", "c")
MINE = "the data set mine"
DAMAGED = -1
TICKS = count(1)


@dataclass(frozen=True)
class Copy:
    """One file, whatever paths it has. content: its version, or DAMAGED. written: when."""

    name: str
    content: int
    written: int

    @property
    def age(self) -> tuple[int, int]:
        return self.content, self.written

    @property
    def is_whole(self) -> bool:
        return self.content != DAMAGED


Kept = tuple[str, str, Copy]  # kind, file, and what is kept


@dataclass(frozen=True)
class Model:
    """What the saves should be: file → its copy, and what is in the trash, oldest first."""

    live: dict[str, Copy]
    kept: tuple[Kept, ...] = ()

    def find(self, name: str) -> str:
        """The file that answers to a name; empty if none does."""
        files = [file for file, copy in self.live.items() if copy.name == name]
        return max(files, key=lambda file: self.live[file].age, default="")

    def after(self, change: Change, *, cut: bool = False) -> "Model":
        """What a change makes of it; itself if the change is refused.

        cut: before what an `undo` brought back has driven out what was saved since.
        """
        kind, *arguments = change
        if kind == "undo":
            return self._undo(*arguments, cut=cut)
        name, *more = (MINE, *arguments) if kind == "add" else arguments
        file = self.find(name)
        there = self.live.get(file)
        if kind in ("save", "add"):
            copy = Copy(name, *more, next(TICKS))
            kept = self.kept
            if there:
                kept = _pruned((*kept, ("replaced", file, there)), "replaced", file)
            return Model(self.live | {file or f"new {copy.written}": copy}, kept)
        if there is None:
            return self
        if kind == "delete":
            return self._without(file)
        if not there.is_whole or self.find(*more):
            return self
        renamed = replace(there, name=more[0], written=next(TICKS))
        kept = _pruned((*self.kept, ("named", file, there)), "named", file)
        return Model(self.live | {file: renamed}, kept)

    def _without(self, file: str) -> "Model":
        live = {other: copy for other, copy in self.live.items() if other != file}
        return Model(live, (*self.kept, ("deleted", file, self.live[file])))

    def latest(self, name: str = "") -> int | None:
        """The number of what `undo` would take back."""
        for number, (_, file, copy) in reversed([*enumerate(self.kept)]):
            there = self.live.get(file)
            names = {copy.name, there.name if there else ""}
            if name and name not in names:
                continue
            other = self.live.get(self.find(copy.name))
            in_the_way = [each for each in (there, other) if each and each.is_whole]
            if there is not copy and (copy.is_whole or not in_the_way):
                return number
        return None

    def _undo(self, name: str = "", *, cut: bool) -> "Model":
        number = self.latest(name)
        if number is None:
            return self
        _, file, copy = self.kept[number]
        kept = (*self.kept[:number], *self.kept[number + 1 :])
        if there := self.live.get(file):
            both = there.is_whole and copy.is_whole
            kept = (
                *kept,
                ("named" if both and there.name != copy.name else "replaced", file, there),
            )
        model, other = Model(self.live | {file: copy}, kept), self.find(copy.name)
        while not cut and other not in ("", file):
            model = model._without(other)
            other = model.find(copy.name)
        return model

    def names(self) -> dict[str, int]:
        return {name: self.live[self.find(name)].content for name in _names(self.live)}

    def undoable(self) -> tuple[Any, ...]:
        """What is kept, in a form that does not depend on the names of files."""
        return tuple((kind, copy.name, copy.content) for kind, _, copy in self.kept)

    def next_undo(self) -> object:
        """What `undo` would take back, in such a form."""
        number = self.latest()
        return None if number is None else self.undoable()[number]

    def versions(self) -> set[int]:
        """Everything that is not lost."""
        copies = [*self.live.values(), *(copy for *_, copy in self.kept)]
        return {copy.content for copy in copies}

    def possible(self, rng: random.Random, version: int) -> Change:
        there = sorted(set(_names(self.live)) - {MINE})
        free = [name for name in NAMES if name not in there]
        changes: list[Change] = [("save", rng.choice(NAMES), version), ("add", version)]
        if there:
            changes += [("save", rng.choice(there), version), ("delete", rng.choice(there))]
        if there and free:
            changes.append(("rename", rng.choice(there), rng.choice(free)))
        if self.latest() is not None:
            changes.append(("undo",))
        return rng.choice(changes)


def _names(live: dict[str, Copy]) -> list[str]:
    return [copy.name for copy in live.values()]


def _pruned(kept: tuple[Kept, ...], kind: str, file: str) -> tuple[Kept, ...]:
    """Without the oldest versions of a file, if they are too many."""
    # by number, for one that is kept twice (a kill left it a second name) counts twice
    its = [number for number, k in enumerate(kept) if k[:2] == (kind, file)][:-KEPT_VERSIONS]
    return tuple(k for number, k in enumerate(kept) if number not in its)


def make(registry: Registry, change: Change) -> None:
    """Makes a change; returns when it is acknowledged."""
    kind, *arguments = change
    if kind in ("save", "add"):
        *name, version = arguments
        real = schema.now
        hours, seconds = divmod(version, 3600)  # of two versions, the later is newer
        days, hours = divmod(hours, 24)
        clock = f"{hours:02}:{seconds // 60:02}:{seconds % 60:02}+00:00"
        schema.now = lambda: f"2026-01-{days + 1:02}T{clock}"
        try:
            if name:
                registry.save(plain(batches=version), *name)
            else:
                picture = np.zeros((28, 28), np.uint8)
                picture[0, :4] = [*version.to_bytes(4, "big")]
                OwnData(registry.folder).change(
                    "mine", lambda cases: OwnCases.none().with_cases([picture], [1])
                )
        finally:
            schema.now = real
    elif kind == "undo":
        undo(registry, *arguments)
    else:
        getattr(registry, kind)(*arguments)


def past(folder: Path, changes: Sequence[Change]) -> Model:
    model = Model({})
    for change in changes:
        make(Registry(folder), change)
        model = model.after(change)
    return model


BEFORE: tuple[Change, ...] = (("save", "a", 1), ("save", "a", 2), ("save", "b", 3), ("delete", "b"))
SITUATIONS: dict[str, tuple[tuple[Change, ...], Change]] = {
    "first save": ((), ("save", "a", 9)),
    "save": (BEFORE, ("save", "c", 9)),
    "overwrite": (BEFORE, ("save", "a", 9)),
    "delete": (BEFORE, ("delete", "a")),
    "rename": (BEFORE, ("rename", "a", "c")),
    "undo of a delete": (BEFORE, ("undo",)),
    "undo of a delete, the name taken": ((*BEFORE, ("save", "b", 4)), ("undo",)),
    "undo of an overwrite": ((*BEFORE, ("save", "a", 4)), ("undo",)),
    "undo of a rename": ((*BEFORE, ("rename", "a", "c")), ("undo",)),
    "undo of a rename, the name taken": (
        (*BEFORE, ("rename", "a", "c"), ("save", "a", 4)),
        ("undo",),
    ),
    "first digit of one's own": (BEFORE, ("add", 9)),
    "next digit of one's own": ((*BEFORE, ("add", 5)), ("add", 9)),
    "undo of the next digit": ((*BEFORE, ("add", 5), ("add", 6)), ("undo",)),
}
"""What was done before, and the change that is disturbed."""


def on_disk(folder: Path) -> Model:
    """What is in the folder, every file read anew, whole or not."""
    copies: dict[int, Copy] = {}

    def copy_of(path: Path) -> Copy:
        entry = read_entry(path)
        name, version = entry.name, DAMAGED
        if entry.kind == "data":
            name = f"the data set {name}"
        if not entry.damaged:
            version = entry.trained_batches
            found = contents(read_file(path))
            if isinstance(found, OwnSet):
                version = int.from_bytes(found.cases.pictures[0, 0, :4].tobytes(), "big")
        return copies.setdefault(path.stat().st_ino, Copy(name, version, path.stat().st_mtime_ns))

    trash = Registry(folder).trash
    live = {path.name: copy_of(path) for path in files_in(folder)}
    kept = tuple((k.kind, k.file, copy_of(trash.folder / k.name)) for k in trash.contents())
    return Model(live, kept)


def found(folder: Path) -> Model:
    """What is on the disk and in the list. Raises RegistryError where something is damaged."""
    model, registry = on_disk(folder), Registry(folder)
    for file, copy in model.live.items():
        if not copy.is_whole:
            raise RegistryError(f"{file} is damaged")
    if not all(copy.is_whole for *_, copy in model.kept):
        raise RegistryError("something that is kept is damaged")
    listed = {e.name: e.trained_batches for e in registry.saves() if not e.hidden}
    loaded = {name: batches_of(registry, name) for name in listed}
    there = {name: version for name, version in model.names().items() if name != MINE}
    if not loaded == listed == there:
        raise RegistryError(f"the list has {listed}, the files have {loaded}, {there}")
    return model


def complaint(folder: Path, before: Model, change: Change | None = None) -> str:
    """What is wrong with the folder after a crash in the middle of `change`; empty for nothing.

    All changes that led to `before` were acknowledged.
    """
    try:
        now = found(folder)
    except RegistryError as error:
        return str(error)
    models = [before]
    if change is not None:
        models += [before.after(change), before.after(change, cut=True)]
    if now.names() not in [model.names() for model in models]:
        return f"{now.names()} is there; {before.names()} was acknowledged, then came {change}"
    if now.next_undo() not in [model.next_undo() for model in models]:
        return f"undo would take back {now.next_undo()} after {change}"
    expected = set.intersection(*(model.versions() for model in models))
    if not expected <= now.versions():
        return f"lost in {change}: {expected - now.versions()}"
    return ""


KILLED, REFUSED = 9, 7


class Deadly(Disk):
    """A disk that ends the process before so many calls."""

    calls = 0

    def trip(self, name: str) -> None:
        self.calls -= 1
        if self.calls == 0:
            os._exit(KILLED)


def dying(act: Callable[[], Any], calls: int) -> int:
    """Does something in a process of its own, which dies before so many calls that change a disk.

    Returns how it ended: KILLED, REFUSED or 0.
    """
    child = os.fork()
    if child == 0:
        try:
            Deadly(pytest.MonkeyPatch()).calls = calls
            act()
            os._exit(0)
        except RegistryError:
            os._exit(REFUSED)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def without_steps(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    """How not to write a file: in two halves, over the old one."""
    if keep_old_as is not None:
        keep_old_as.write_bytes(path.read_bytes())
    with path.open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        time.sleep(0.002)
        file.write(data[len(data) // 2 :])


def passing_over(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    with suppress(OSError):
        write_durably(path, data, keep_old_as)

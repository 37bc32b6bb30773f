"""A model of the saves, a plain dictionary and a list, and a process that dies in their midst."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_helpers import batches_of

from digitnet.registry.files import RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import Registry, read_entry
from digitnet.registry.store import KEPT_VERSIONS

DAMAGED = -1
"""The content of a file that is not whole; of others it is their number of mini-batches."""
KILLED, REFUSED = 9, 7
STEPS = ("replace", "link", "unlink", "fsync", "mkdir")
"""The system calls before and after which a process may die."""


@dataclass(eq=False)
class Copy:
    """One file on the disk, whatever names it has."""

    content: int


@dataclass(eq=False)
class Note:
    """The note of a rename, with the name before it."""

    old: str


Kept = tuple[str, str, Copy | Note]
"""Kind, name and what is kept; of a rename, the name after it."""


@dataclass
class Model:
    """What should be there. names: the saves. kept: what `undo` takes back, the last one last."""

    names: dict[str, Copy] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)

    def save(self, name: str, content: int) -> bool:
        if name in self.names:
            self.kept.append(("replaced", name, self.names[name]))
            self.prune("replaced", name)
        self.names[name] = Copy(content)
        return True

    def prune(self, kind: str, name: str) -> None:
        for old in [k for k in self.kept if k[:2] == (kind, name)][:-KEPT_VERSIONS]:
            self.kept.remove(old)

    def delete(self, name: str) -> bool:
        if name not in self.names:
            return False
        self.kept.append(("deleted", name, self.names.pop(name)))
        return True

    def rename(self, old: str, new: str) -> bool:
        if old not in self.names or self.names[old].content == DAMAGED or new in self.names:
            return False
        self.names[new] = Copy(self.names.pop(old).content)
        self.kept.append(("renamed", new, Note(old)))
        self.prune("renamed", new)
        return True

    def undo(self, name: str = "") -> bool:
        last = next((k for k in self.undoable() if not name or name in names_of(k)), None)
        if last is None:
            return False
        _, called, what = last
        back = what.old if isinstance(what, Note) else called
        if back in self.names:
            self.kept.append(("replaced", back, self.names[back]))
        self.kept.remove(last)
        self.names[back] = Copy(self.names.pop(called).content) if back != called else what
        return True

    def undoable(self) -> Iterator[Kept]:
        """What can be taken back now, the last one first."""
        gone = set[str]()
        for last in reversed(self.kept):
            kind, name, what = last
            there = self.names.get(name)
            is_whole = there is not None and there.content != DAMAGED
            if isinstance(what, Note):
                possible = is_whole and name not in gone
                gone.add(what.old)
            else:
                possible = there is not what and not (what.content == DAMAGED and is_whole)
            if possible and kind == "deleted":
                gone.add(name)
            if possible:
                yield last

    def contents(self) -> dict[str, int]:
        """The content of each save."""
        return {name: copy.content for name, copy in self.names.items()}

    def everything(self) -> set[tuple[str, int]]:
        """Every content that can be had, at once or by `undo`, and the name it belongs to."""
        kept = {(name, c.content) for _, name, c in self.kept if isinstance(c, Copy)}
        return set(self.contents().items()) | kept


def names_of(kept: Kept) -> set[str]:
    """The names by which `undo NAME` finds it."""
    _, name, what = kept
    return {name, what.old} if isinstance(what, Note) else {name}


def on_disk(registry: Registry, names: list[str]) -> Model:
    """What is there, found out from the files alone."""
    called = {file_name(name): name for name in names}
    copies: dict[int, Copy] = {}

    def copy_of(path: Path, name: str) -> Copy:
        content = DAMAGED
        entry = read_entry(path, called=file_name(name))
        if not entry.damaged:
            content = entry.trained_batches
        return copies.setdefault(path.stat().st_ino, Copy(content))

    found = Model()
    for file, name in called.items():
        path = registry.folder / file
        if path.exists():
            found.names[name] = copy_of(path, name)
    for kept in registry.trash.contents():
        name = called[kept.file]
        if renaming := registry.trash.renaming(kept):
            assert renaming.new == name
            found.kept.append((kept.kind, name, Note(renaming.old)))
        else:
            copy = copy_of(registry.trash.folder / kept.name, name)
            found.kept.append((kept.kind, name, copy))
    return found


def contents_of(registry: Registry, names: list[str]) -> dict[str, int]:
    """The content of each save as a person finds it: listed, and loaded."""
    files = {file_name(name): name for name in names}
    found = {}
    for entry in registry.entries():
        name = files[entry.file]
        found[name] = DAMAGED if entry.damaged else entry.trained_batches
        if entry.damaged:
            assert entry.name == entry.file
        else:
            assert entry.name == name
            assert batches_of(registry, name) == entry.trained_batches
    return found


def dying(act: Callable[[], Any], calls: int, *, after: bool) -> int:
    """Does something in a process of its own, which dies before or after so many calls.

    Returns how it ended: KILLED, REFUSED or 0.
    """
    child = os.fork()
    if child == 0:
        try:
            _die_at(calls, after)
            act()
            os._exit(0)
        except RegistryError:
            os._exit(REFUSED)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _die_at(calls: int, after: bool) -> None:
    """From now on, so many of STEPS end this process."""
    left = calls

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **how: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                os._exit(KILLED)
            result = real(*args, **how)
            if left == 0:
                os._exit(KILLED)
            return result

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))

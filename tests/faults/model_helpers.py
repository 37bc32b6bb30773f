"""A model of the saves, a plain dictionary and a list, and a process that dies in their midst."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_helpers import batches_of

from digitnet.registry.errors import RegistryError
from digitnet.registry.names import file_name
from digitnet.registry.reading import read_entry
from digitnet.registry.registry import Registry
from digitnet.registry.trash import KEPT_VERSIONS

DAMAGED = -1
"""The content of a file that is not whole; of others it is their number of mini-batches."""
KILLED, REFUSED = 9, 7
STEPS = ("replace", "link", "unlink", "fsync", "mkdir")
"""The system calls before and after which a process may die."""


@dataclass(eq=False)
class Copy:
    """One file on the disk, whatever names it has."""

    content: int


@dataclass
class Model:
    """What should be there. names: the saves. kept: what `undo` brings back, the last one first."""

    names: dict[str, Copy] = field(default_factory=dict)
    kept: list[tuple[str, str, Copy]] = field(default_factory=list)

    def save(self, name: str, content: int) -> bool:
        if name in self.names:
            self.kept.append(("replaced", name, self.names[name]))
            versions = [k for k in self.kept if k[:2] == ("replaced", name)]
            for old in versions[:-KEPT_VERSIONS]:
                self.kept.remove(old)
        self.names[name] = Copy(content)
        return True

    def delete(self, name: str) -> bool:
        if name not in self.names:
            return False
        self.kept.append(("deleted", name, self.names.pop(name)))
        return True

    def rename(self, old: str, new: str) -> bool:
        if old not in self.names or self.names[old].content == DAMAGED or new in self.names:
            return False
        self.names[new] = Copy(self.names.pop(old).content)
        return True

    def undo(self) -> bool:
        for last in reversed(self.kept):
            _, name, copy = last
            there = self.names.get(name)
            is_worse = copy.content == DAMAGED and there and there.content != DAMAGED
            if there is not copy and not is_worse:
                if name in self.names:
                    self.kept.append(("replaced", name, self.names[name]))
                self.kept.remove(last)
                self.names[name] = copy
                return True
        return False

    def contents(self) -> dict[str, int]:
        """The content of each save."""
        return {name: copy.content for name, copy in self.names.items()}

    def everything(self) -> set[tuple[str, int]]:
        """Every content that can be had, at once or by `undo`, and the name it belongs to."""
        return set(self.contents().items()) | {(name, c.content) for _, name, c in self.kept}


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

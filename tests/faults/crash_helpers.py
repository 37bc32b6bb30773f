"""What the tests of crashes share: changes to the saves, what they come to, what is there."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from registry_helpers import batches_of, plain

from digitnet.registry.files import RegistryError, write_durably
from digitnet.registry.saves import Registry, read_entry
from digitnet.registry.store import KEPT_VERSIONS

Change = tuple[Any, ...]
"""`save NAME VERSION`, `delete NAME`, `rename OLD NEW` or `undo`. No two versions are the same."""
NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Model:
    """What the saves should be: the version under each name, and what `undo` has, oldest first."""

    live: dict[str, int]
    kept: tuple[tuple[str, str, int | str], ...] = ()

    def after(self, change: Change) -> "Model":
        """What a change makes of it. Of a rename, the new name and the old one are kept."""
        kind, *arguments = change
        live, kept = dict(self.live), list(self.kept)
        if kind == "save":
            name, version = arguments
            if name in live:
                kept.append(("replaced", name, live[name]))
            kept = _pruned(kept, "replaced", name)  # of what an earlier kill left, too
            live[name] = version
        elif kind == "delete":
            kept.append(("deleted", *arguments, live.pop(*arguments)))
        elif kind == "rename":
            old, new = arguments
            live[new] = live.pop(old)
            kept = _pruned([*kept, ("renamed", new, old)], "renamed", new)
        else:
            back = self.latest()
            assert back
            del kept[max(number for number, k in enumerate(kept) if k == back)]
            _, name, version = back
            if isinstance(version, str):
                name, version = version, live.pop(name)
            if name in live:
                kept.append(("replaced", name, live[name]))
            live[name] = version
        return Model(live, tuple(kept))

    def latest(self) -> tuple[str, str, int | str] | None:
        """What `undo` would take back: not what is in place already, nor the rename of what has
        since gone.
        """
        gone = set[str]()
        for k in reversed(self.kept):
            kind, name, what = k
            if isinstance(what, str):
                possible = name in self.live and name not in gone
                gone.add(what)
            else:
                possible = self.live.get(name) != what
            if possible and kind == "deleted":
                gone.add(name)
            if possible:
                return k
        return None

    def versions(self) -> set[int]:
        """Everything that is not lost."""
        kept = (version for *_, version in self.kept if isinstance(version, int))
        return {*self.live.values(), *kept}

    def between(self, change: Change | None) -> list[dict[str, int]]:
        """What may be under each name if `change` was cut short."""
        if change is None:
            return [self.live]
        return [self.live, self.after(change).live]

    def possible(self, rng: random.Random, version: int) -> Change:
        """Some change that can be made now.

        No rename to where the version came from, or will come back to: `undo` would take the two
        for different ones.
        """
        held, kept = sorted(self.live), {k[1:] for k in self.kept}
        renames = [
            ("rename", old, new)
            for old in held
            for new in NAMES
            if new not in self.live and not {(name, self.live[old]) for name in (old, new)} & kept
        ]
        changes: list[Change] = [("save", rng.choice(NAMES), version)]
        if held:
            changes += [("save", rng.choice(held), version), ("delete", rng.choice(held))]
        if renames:
            changes.append(rng.choice(renames))
        if self.latest():
            changes.append(("undo",))
        return rng.choice(changes)


def _pruned(
    kept: list[tuple[str, str, int | str]], kind: str, name: str
) -> list[tuple[str, str, int | str]]:
    """Without the oldest of a kind and name, if they are too many."""
    # by number, for one that is kept twice (a kill left it a second name) counts twice
    its = [number for number, k in enumerate(kept) if k[:2] == (kind, name)]
    return [k for number, k in enumerate(kept) if number not in its[:-KEPT_VERSIONS]]


def make(registry: Registry, change: Change) -> None:
    """Makes a change; returns when it is acknowledged."""
    kind, *arguments = change
    if kind == "save":
        name, version = arguments
        registry.save(plain(batches=version), name)
    else:
        getattr(registry, kind)(*arguments)


def past(folder: Path, changes: Sequence[Change]) -> Model:
    """Makes these changes one after the other; what they come to."""
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
    "undo of an overwrite": ((*BEFORE, ("save", "a", 4)), ("undo",)),
    "undo of a rename": ((*BEFORE, ("rename", "a", "c")), ("undo",)),
    "undo of a rename, the name taken": (
        (*BEFORE, ("rename", "a", "c"), ("save", "a", 4)),
        ("undo",),
    ),
}
"""What was done before, and the change that is disturbed."""


def found(folder: Path) -> Model:
    """What is in the folder, every file read anew. Raises RegistryError where one is damaged."""
    registry = Registry(folder)
    listed = {}
    for entry in registry.entries():
        if entry.damaged:
            raise RegistryError(f"{entry.file} is damaged: {entry.damaged}")
        listed[entry.name] = entry.trained_batches
    loaded = {name: batches_of(registry, name) for name in listed}
    if loaded != listed:
        raise RegistryError(f"the list has {listed}, the files have {loaded}")
    kept: list[tuple[str, str, int | str]] = []
    for item in registry.trash.contents():
        if renaming := registry.trash.renaming(item):
            kept.append((item.kind, renaming.new, renaming.old))
            continue
        entry = read_entry(registry.trash.folder / item.name, called=item.file)
        if entry.damaged:
            raise RegistryError(f"{item.name} is damaged: {entry.damaged}")
        kept.append((item.kind, entry.name, entry.trained_batches))
    return Model(listed, tuple(kept))


def complaint(folder: Path, before: Model, change: Change | None = None) -> str:
    """What is wrong with the folder after a crash in the middle of `change`; empty for nothing.

    All changes that led to `before` were acknowledged.
    """
    try:
        now = found(folder)
    except RegistryError as error:
        return str(error)
    if now.live not in before.between(change):
        return f"{now.live} is there; {before.live} was acknowledged, then came {change}"
    after = before.after(change) if change else before
    if now.latest() not in (before.latest(), after.latest()):
        return f"undo would take back {now.latest()} after {change}"
    expected = before.versions()
    if change is not None:
        expected &= before.after(change).versions()
    if not expected <= now.versions():
        return f"lost in {change}: {expected - now.versions()}"
    return ""


def without_steps(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    """How not to write a file: in two halves, over the old one."""
    if keep_old_as is not None:
        keep_old_as.write_bytes(path.read_bytes())
    with path.open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        time.sleep(0.002)
        file.write(data[len(data) // 2 :])


def passing_over(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    """How not to meet a failure."""
    with suppress(OSError):
        write_durably(path, data, keep_old_as)


def told_by(program: ModuleType, *arguments: str) -> dict[str, Any]:
    """What a program of these tests says as JSON."""
    assert program.__file__
    done = subprocess.run(
        [sys.executable, program.__file__, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told

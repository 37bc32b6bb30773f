"""Disks that fail at any call: the old save stays whole, and what is said of it is true."""

import errno
import os
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from crash_helpers import (
    SITUATIONS,
    Change,
    Model,
    complaint,
    make,
    passing_over,
    past,
    without_steps,
)
from registry_helpers import Disk, failure, temporary_files

from digitnet.registry import saves as registry_module
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Registry

FOREGONE = {"write_list", "prune", "remove_leftovers"}
"""What may fail without a word: the saves are safe without it."""


class Watched(Disk):
    """A disk that knows whether what failed had to succeed."""

    needed = False

    def trip(self, name: str) -> None:
        try:
            super().trip(name)
        except BaseException:
            stack = traceback.extract_stack()
            foregone = any(f.name in FOREGONE or "filelock" in f.filename for f in stack)
            self.needed |= name != "link" and not foregone
            raise


def wrong_after(saves: Path, before: Model, change: Change, disk: Watched, code: int) -> str:
    """What is wrong once a change has met a failure; empty for nothing."""
    said = ""
    try:
        make(Registry(saves), change)
    except RegistryError as error:
        said = str(error)
    stuck = disk.fails is not None and disk.fails[0] == "unlink"
    disk.fails = None
    made = not said or said.startswith("the change is made")
    if not said and disk.needed:
        return "a failure was passed over in silence"
    if said and (os.strerror(code) not in said or not said.isprintable()):
        return f"this is not clear: {said}"
    if said and not made and "nothing was " not in said and "was not changed" not in said:
        return f"what was kept is not said: {said}"
    if not stuck and temporary_files(saves):
        return f"left behind: {temporary_files(saves)}"
    both = "Both are listed" in said
    if wrong := complaint(saves, before.after(change, cut=both) if made else before):
        return f"{said or 'done'!r}, but {wrong}"
    make(Registry(saves), ("save", "next", 10))
    return "left behind at last" if temporary_files(saves) else ""


def calls_of(saves: Path, change: Change) -> dict[str, int]:
    """How often a change makes each call."""
    with pytest.MonkeyPatch.context() as patch:
        disk = Watched(patch)
        make(Registry(saves), change)
        return disk.counts


def at_every_call(folder: Path, codes: list[tuple[int, bool]]) -> tuple[int, list[str]]:
    """How many failures were tried, and what was wrong after them."""
    tried, complaints = 0, []
    for kind, (changes, change) in SITUATIONS.items():
        ready, saves = folder / kind / "ready", folder / kind / "saves"
        ready.mkdir(parents=True)
        before = past(ready, changes)
        shutil.copytree(ready, saves)
        for call, count in calls_of(saves, change).items():
            for number in range(1, count + 1):
                for code, forever in codes:
                    shutil.rmtree(saves)
                    shutil.copytree(ready, saves)
                    with pytest.MonkeyPatch.context() as patch:
                        disk = Watched(patch)
                        disk.fail(call, number, failure(code), forever=forever)
                        wrong = wrong_after(saves, before, change, disk, code)
                        assert disk.tripped
                    tried += 1
                    if wrong:
                        complaints.append(f"{kind}, {call} {number}, {code} {forever}: {wrong}")
    return tried, complaints


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncs need not be waited for."""
    monkeypatch.setattr(os, "fsync", os.fstat)


def test_every_call_may_fail(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    every = [(code, forever) for forever in (True, False) for code in (errno.EIO, errno.ENOSPC)]
    tried, complaints = at_every_call(tmp_path, every[: share(1, 4)])
    assert "\n".join(complaints) == ""
    tally("a call that fails", tried, tried - len(complaints))


@pytest.mark.full
@pytest.mark.parametrize(
    ("writing", "says"), [(without_steps, "but"), (passing_over, "passed over in silence")]
)
def test_without_protection_the_failures_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: Callable[..., None], says: str
) -> None:
    monkeypatch.setattr(registry_module, "write_durably", writing)
    _, complaints = at_every_call(tmp_path, [(errno.EIO, False)])
    assert any(says in wrong for wrong in complaints)

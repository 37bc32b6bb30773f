"""Disks that fail at any call: no save is lost, and what is said of it is true."""

import builtins
import errno
import io
import os
import shutil
import traceback
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Tally
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
from session_helpers import Kept, do

from digitnet.registry import saves as registry_module
from digitnet.registry.files import RegistryError
from digitnet.registry.own_sets import OwnData
from digitnet.registry.saves import Registry
from digitnet.repl.loop import do_line
from digitnet.repl.session import NonInteractive, Session

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
        for call, calls in calls_of(saves, change).items():
            for number in range(1, calls + 1):
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


# reading

READING = ("open", "stat", "lstat", "scandir", "listdir")
LINES = (
    *("ls", "l x", "n mini; p x", "l x; pas new", "ren x w", "del x", "undo", "undo x", "recover"),
    *("data", "data mine", "mine", "vote x x", "study nosuch", "data delete photos"),
)
"""What is typed while a call fails."""


class Reading:
    """Lets the nth call of that name on something in a folder fail; those after it too, `always`.

    path: what it was on.
    """

    always = False

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, name: str, error: OSError) -> None:
        self.folder, self.name, self.error = str(folder), name, error
        self.left, self.path = 0, ""
        for module, each in ((io, "open"), (builtins, "open"), *((os, name) for name in READING)):
            patch.setattr(module, each, self.watched(each, getattr(module, each)))

    def watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".", *more: Any, **how: Any) -> Any:
            if name == self.name and str(path).startswith(self.folder):
                self.left -= 1
                if self.left == 0 or (self.always and self.left < 0):
                    self.path = str(path)
                    raise OSError(self.error.errno, self.error.strerror, str(path))
            return real(path, *more, **how)

        return call


@pytest.fixture
def read(session: Session) -> Path:
    """A folder with everything that a folder of saves may hold."""
    do(session, "n mini; pas x; t 3; p; pas y; t 1")
    session.unfinished.autosave(session.network())
    session.unfinished.release()
    Registry(session.saves).delete("y")
    OwnData(session.saves).change(
        "mine", lambda own: own.with_cases([np.zeros((28, 28), np.uint8)], [3])
    )
    shutil.copytree(ROOT / "tests" / "golden" / "own-digits", session.saves / "digits")
    return session.saves.rename(session.saves.with_name("ready"))


def test_what_cannot_be_read_is_told_in_one_line(
    read: Path, session: Session, share: Callable[[int, int], int], tally: Tally
) -> None:
    tried, complaints, codes = 0, [], (errno.EIO, errno.EMFILE, errno.EACCES)[: share(1, 3)]
    for line, name, code in product(LINES, READING, codes):
        for nth in range(1, 1000, share(25, 1)):
            shutil.copytree(read, session.saves, symlinks=True, dirs_exist_ok=True)
            registry_module._known.cache_clear()
            session.hand, session.asker = None, NonInteractive(yes=True)
            with pytest.MonkeyPatch.context() as patch:
                reading, output = Reading(patch, session.saves, name, failure(code)), Kept()
                reading.left = nth
                done = do_line(line, session, output)
            shutil.rmtree(session.saves)
            if not reading.path:
                break
            tried += 1
            said = "".join(output.errors)
            named = str(session.saves) in said or Path(reading.path).name in said
            named |= line == "study nosuch" or "'x'" in said  # that is in no list; the save's name
            unclear = "should not have happened" in said or "\n" in said or (said and not named)
            if done == bool(said) or unclear:
                complaints.append(f"{line}, {name} {nth} of {reading.path}: {said}")
    assert complaints == []
    assert tried > share(50, 2000)
    tally("a call that fails while reading", tried, tried)


@pytest.mark.parametrize(
    ("line", "inner", "name", "says"),
    [
        ("recover", ".recovery", "listdir", "Permission denied"),
        ("recover", ".recovery/", "open", "cannot be read: Permission denied"),
        ("watch", ".recovery", "listdir", "Permission denied"),
        ("data photos", "digits", "listdir", "digits: Permission denied"),
        ("undo y", ".trash/", "open", ".pickle cannot be read"),
        ("undo x", ".trash/", "open", "is damaged or cannot be read"),
    ],
)
def test_what_cannot_be_read_is_not_said_to_be_missing(
    read: Path, session: Session, line: str, inner: str, name: str, says: str
) -> None:
    shutil.copytree(read, session.saves)
    (session.saves / "registry.pickle").unlink()
    if inner != "digits":  # what is there of an earlier version is taken over
        shutil.rmtree(session.saves / "digits")
    session.asker = NonInteractive(yes=True)
    with pytest.MonkeyPatch.context() as patch:
        reading = Reading(patch, session.saves / inner, name, failure(errno.EACCES))
        reading.always, reading.left, output = True, 1, Kept()
        done = do_line(line, session, output)
    assert reading.path
    assert says in (str(output.results) if done else "".join(output.errors))

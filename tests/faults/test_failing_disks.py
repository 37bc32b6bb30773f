"""Disks that fail at any call: the old save stays whole, and what is said of it is true."""

import errno
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally, command
from crash_helpers import SITUATIONS, Change, Model, complaint, found, make, past, without_steps
from registry_helpers import Disk, Pen, failure, temporary_files

from digitnet.engine.network import dense_network
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Trainer
from digitnet.registry import registry as registry_module
from digitnet.registry.document import NamedNetwork
from digitnet.registry.errors import RegistryError
from digitnet.registry.registry import Registry

FOREGONE = {"write_list", "forget_old_versions", "remove_leftovers"}
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
    if said and not made and "nothing was " not in said:
        return f"what was kept is not said: {said}"
    if not stuck and temporary_files(saves):
        return f"left behind: {temporary_files(saves)}"
    both = change if stuck and change[0] == "rename" else None  # no name can be taken away
    if wrong := complaint(saves, before.after(change) if made else before, None if made else both):
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
    tried, complaints = at_every_call(tmp_path, every[: share(2, 4)])
    assert "\n".join(complaints) == ""
    tally("a call that fails", tried, tried - len(complaints))


def passing_over(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    """How not to meet a failure."""
    from digitnet.registry.files import write_durably

    with suppress(OSError):
        write_durably(path, data, keep_old_as)


@pytest.mark.parametrize(
    ("writing", "says"), [(without_steps, "but"), (passing_over, "passed over in silence")]
)
def test_without_protection_the_failures_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: Callable[..., None], says: str
) -> None:
    monkeypatch.setattr(registry_module, "write_durably", writing)
    _, complaints = at_every_call(tmp_path, [(errno.EIO, False)])
    assert any(says in wrong for wrong in complaints)


# a disk that gets full


def large() -> NamedNetwork:
    """A network whose file takes several blocks."""
    network = dense_network([784, 10])
    network.initialize(1)
    return NamedNetwork(Trainer(network, Settings(), 1))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
def test_a_disk_with_room_for_so_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: Tally, code: int
) -> None:
    saves, room, tried = tmp_path / "saves", 0, 0
    before = past(saves, [("save", "x", 1), ("save", "x", 2)])
    size = Registry(saves).save(large(), "large").bytes
    Registry(saves).delete("large")

    def write(pen: Pen, data: bytes) -> int:
        nonlocal left
        part = data[:left]
        left -= len(part)
        pen.file.write(part)
        if len(part) < len(data):
            raise failure(code)
        return len(data)

    monkeypatch.setattr(Pen, "write", write)
    Disk(monkeypatch)
    for room in range(0, size, 4096):
        left = room
        with pytest.raises(RegistryError, match=f"{os.strerror(code)}; nothing was saved"):
            Registry(saves).save(large(), "x")
        assert complaint(saves, before) == ""
        assert temporary_files(saves) == []
        tried += 1
    left = size
    Registry(saves).save(large(), "x")  # the list finds no room, which is no failure
    assert Registry(saves).load("x").network.shape == "784-10"
    tally(f"a disk with room for some bytes, {errno.errorcode[code]}", tried, tried)


def told_by_the_program(saves: Path, environment: dict[str, str], **how: Any) -> str:
    """What the program says to a save that cannot be made."""
    done = subprocess.run(
        command(["--json", "--saves", str(saves), "-c", "n 784-10; pas x; ls"]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **how,
    )
    _, saved = (json.loads(line) for line in done.stdout.splitlines())
    assert (saved["command"], saved["ok"], done.returncode) == ("pas", False, 1)
    assert done.stderr == f"digitnet: {saved['error']}\n"
    return str(saved["error"])


@contextmanager
def mounted(at: Path) -> Iterator[Path]:
    """A small file system in memory."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("file systems are mounted as root, on Linux")
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(at)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def nothing_lost(saves: Path, before: Model, said: str, code: int) -> None:
    """Holds what was said against what is there."""
    assert f"{os.strerror(code)}; nothing was saved; the network is still in hand" in said
    assert found(saves) == before
    assert temporary_files(saves) == []


PAST: list[Change] = [("save", "x", 1), ("save", "x", 2)]


@pytest.mark.parametrize("used", [False, True], ids=["empty", "used"])
def test_a_full_file_system(tmp_path: Path, environment: dict[str, str], *, used: bool) -> None:
    with mounted(tmp_path / "small") as small:
        before = past(small / "saves", PAST if used else [])
        with suppress(OSError), (small / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        said = told_by_the_program(small / "saves", environment)
        nothing_lost(small / "saves", before, said, errno.ENOSPC)


def test_a_file_system_that_is_read_only(tmp_path: Path, environment: dict[str, str]) -> None:
    with mounted(tmp_path / "small") as small:
        before = past(small / "saves", PAST)
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        said = told_by_the_program(small / "saves", environment)
        nothing_lost(small / "saves", before, said, errno.EROFS)


def test_a_limit_on_the_size_of_files(tmp_path: Path, environment: dict[str, str]) -> None:
    resource = pytest.importorskip("resource", reason="there are no such limits here")
    before = past(tmp_path / "saves", PAST)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    said = told_by_the_program(tmp_path / "saves", environment, preexec_fn=limit)
    nothing_lost(tmp_path / "saves", before, said, errno.EFBIG)

"""Disks that are full, read-only or limited: the old save stays whole, and nobody says "saved"."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally
from crash_helpers import Change, Model, complaint, found, passing_over, past, without_steps
from registry_helpers import Disk, Pen, failure, temporary_files

from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Trainer
from digitnet.registry import model
from digitnet.registry import store as registry_module
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Registry

PAST: tuple[Change, ...] = (("save", "x", 1), ("save", "x", 2))
BLOCK = 4096


def wrong_after(saves: Path, before: Model, said: str, code: int) -> str:
    """What is wrong once a save could not be made; empty for nothing."""
    if f"{os.strerror(code)}; nothing was saved; the network is still in hand" not in said:
        return f"this is said: {said}"
    if temporary_files(saves):
        return f"left behind: {temporary_files(saves)}"
    return complaint(saves, before) or (
        "" if found(saves).undoable() == before.undoable() else "more is kept now"
    )


# a disk with room for so many bytes


def large() -> model.Model:
    """A network whose file takes several blocks."""
    network = network_of("784-10")
    network.initialize(1)
    return model.Model(Trainer(network, Settings(), 1))


def said_to(saves: Path) -> str:
    """What is said to a save."""
    try:
        Registry(saves).save(large(), "x")
    except RegistryError as error:
        return str(error)
    return "saved"


class Room:
    """A disk that takes so many bytes and fails then."""

    def __init__(self, patch: pytest.MonkeyPatch, code: int) -> None:
        self.left, self.code = 0, code
        patch.setattr(Pen, "write", lambda pen, data: self.write(pen.file, data))
        Disk(patch)

    def write(self, file: Any, data: bytes) -> int:
        part = data[: self.left]
        self.left -= len(part)
        file.write(part)
        if len(part) < len(data):
            raise failure(self.code)
        return len(data)


@pytest.fixture
def saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a past, on a disk that need not be waited for."""
    monkeypatch.setattr(os, "fsync", os.fstat)
    return tmp_path / "saves"


def size_in(saves: Path) -> int:
    """Bytes of the large network's file."""
    size = Registry(saves).save(large(), "large").entry.bytes
    Registry(saves).delete("large")
    return size


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
def test_a_disk_with_room_for_so_many_bytes(
    tmp_path: Path, saves: Path, monkeypatch: pytest.MonkeyPatch, tally: Tally, code: int
) -> None:
    before, size = past(saves, PAST), size_in(tmp_path / "elsewhere")
    room, rooms, complaints = Room(monkeypatch, code), range(0, size, BLOCK), []
    for room.left in rooms:
        if wrong := wrong_after(saves, before, said_to(saves), code):
            complaints.append(wrong)
    room.left = size
    assert said_to(saves) == "saved"  # the list finds no room, which is no failure
    assert Registry(saves).load("x").network.shape == "784-10"
    assert complaints == []
    tally(f"a disk with room for some bytes, {errno.errorcode[code]}", len(rooms), len(rooms))


CARELESS: dict[str, tuple[object, str, Callable[..., None], str]] = {
    "over the old one": (registry_module, "write_durably", without_steps, "is damaged"),
    "in silence": (registry_module, "write_durably", passing_over, "this is said: saved"),
    "without cleaning up": (Path, "unlink", lambda *_, **__: None, "left behind"),
}
"""How not to write: what is put in place of what, and what comes of it."""


@pytest.mark.full
@pytest.mark.parametrize("how", CARELESS)
def test_careless_writing_is_seen_on_a_disk_without_room(
    saves: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    *instead, says = CARELESS[how]
    before = past(saves, PAST)
    Room(monkeypatch, errno.ENOSPC).left = BLOCK
    monkeypatch.setattr(*instead)
    assert says in wrong_after(saves, before, said_to(saves), errno.ENOSPC)


# real file systems and limits, met by the program

Met = AbstractContextManager[tuple[Model, dict[str, Any]]]
"""What is there before, and how the program is to be run."""


@contextmanager
def mounted(at: Path) -> Iterator[None]:
    """A small file system in memory."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("file systems are mounted as root, on Linux")
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(at)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


@contextmanager
def full(at: Path, changes: Sequence[Change] = PAST) -> Iterator[tuple[Model, dict[str, Any]]]:
    """Not one block is free."""
    with mounted(at):
        before = past(at / "saves", changes)
        with suppress(OSError), (at / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(BLOCK))
        yield before, {}


@contextmanager
def read_only(at: Path) -> Iterator[tuple[Model, dict[str, Any]]]:
    """Nothing can be written."""
    with mounted(at):
        before = past(at / "saves", PAST)
        subprocess.run(["mount", "-o", "remount,ro", str(at)], check=True)
        yield before, {}


@contextmanager
def limited(at: Path) -> Iterator[tuple[Model, dict[str, Any]]]:
    """No file may be larger than two blocks."""
    resource = pytest.importorskip("resource", reason="there are no such limits here")
    limit = (resource.RLIMIT_FSIZE, (2 * BLOCK, 2 * BLOCK))
    yield past(at / "saves", PAST), {"preexec_fn": lambda: resource.setrlimit(*limit)}


UNTIDY = "import pathlib; pathlib.Path.unlink = lambda *_, **__: None"
UNTOLD = "import digitnet.registry.store as room; room.OSError = ZeroDivisionError"
DISKS: dict[str, tuple[Callable[[Path], Met], int, str, str]] = {
    "full": (full, errno.ENOSPC, UNTIDY, "left behind"),
    "full from the beginning": (lambda at: full(at, ()), errno.ENOSPC, UNTIDY, "left behind"),
    "read-only": (read_only, errno.EROFS, UNTOLD, "this is said"),
    "limited": (limited, errno.EFBIG, UNTIDY, "left behind"),
}
"""A disk, what it answers, how to do without a protection, and what comes of that."""


def wrong_with_the_program(
    disk: str, at: Path, environment: dict[str, str], without: str = ""
) -> str:
    """What is wrong once the program was to save on such a disk; empty for nothing."""
    meet, code, *_ = DISKS[disk]
    script = f"{without}\nimport sys\nfrom digitnet.cli import main\nsys.exit(main(sys.argv[1:]))"
    commands = ["--json", "--saves", str(at / "saves"), "-c", "n 784-10; pas x; ls"]
    with meet(at) as (before, how):
        done = subprocess.run(
            [sys.executable, "-c", script, *commands],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            **how,
        )
        saved = json.loads(done.stdout.splitlines()[-1])
        refused = (saved["command"], saved["ok"], done.returncode) == ("pas", False, 1)
        if not refused or done.stderr != f"digitnet: {saved['error']}\n":
            return f"this is said: {done}"
        return wrong_after(at / "saves", before, saved["error"], code)


@pytest.mark.parametrize("disk", DISKS)
def test_the_program_says_that_nothing_was_saved(
    tmp_path: Path, environment: dict[str, str], tally: Tally, disk: str
) -> None:
    wrong = wrong_with_the_program(disk, tmp_path / "disk", environment)
    assert wrong == ""
    tally(f"a disk that is {disk}", 1, 1)


@pytest.mark.full
@pytest.mark.parametrize("disk", DISKS)
def test_without_a_protection_the_program_is_found_out(
    tmp_path: Path, environment: dict[str, str], disk: str
) -> None:
    *_, without, says = DISKS[disk]
    assert says in wrong_with_the_program(disk, tmp_path / "disk", environment, without)

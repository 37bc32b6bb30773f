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
from conftest import Program, Tally
from crash_helpers import Change, Model, complaint, found, past
from registry_helpers import temporary_files

PAST: tuple[Change, ...] = (("save", "x", 1), ("save", "x", 2))
BLOCK = 4096

Met = AbstractContextManager[tuple[Model, dict[str, Any]]]
"""What is there before, and how the program is to be run."""


@contextmanager
def mounted(at: Path) -> Iterator[None]:
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
    with mounted(at):
        before = past(at / "saves", changes)
        with suppress(OSError), (at / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(BLOCK))
        yield before, {}


@contextmanager
def read_only(at: Path) -> Iterator[tuple[Model, dict[str, Any]]]:
    with mounted(at):
        before = past(at / "saves", PAST)
        subprocess.run(["mount", "-o", "remount,ro", str(at)], check=True)
        yield before, {}


@contextmanager
def limited(at: Path) -> Iterator[tuple[Model, dict[str, Any]]]:
    """No file may be larger than two blocks."""
    resource = pytest.importorskip("resource", reason="there are no such limits here")
    limit = (resource.RLIMIT_FSIZE, (2 * BLOCK, 2 * BLOCK))
    yield past(at / "saves", PAST), {"change": lambda: resource.setrlimit(*limit)}


DISKS: dict[str, tuple[Callable[[Path], Met], int]] = {
    "full": (full, errno.ENOSPC),
    "full from the beginning": (lambda at: full(at, ()), errno.ENOSPC),
    "read-only": (read_only, errno.EROFS),
    "limited": (limited, errno.EFBIG),
}
"""A disk, and what it answers."""


@pytest.mark.parametrize("disk", DISKS)
def test_the_program_says_that_nothing_was_saved(
    tmp_path: Path, process: Program, tally: Tally, disk: str
) -> None:
    meet, code = DISKS[disk]
    saves = tmp_path / "disk" / "saves"
    with meet(tmp_path / "disk") as (before, how):
        done = process("--json", "--saves", str(saves), "-c", "n 784-10; pas x; ls", **how)
        saved = json.loads(done.stdout.splitlines()[-1])
        assert (saved["command"], saved["ok"], done.returncode) == ("pas", False, 1)
        assert done.stderr == f"digitnet: {saved['error']}\n"
        said = f"{os.strerror(code)}; nothing was saved; the network is still in hand. export"
        assert said in saved["error"]
        assert temporary_files(saves) == []
        assert complaint(saves, before) == ""
        assert found(saves).undoable() == before.undoable()
    tally(f"a disk that is {disk}", 1, 1)

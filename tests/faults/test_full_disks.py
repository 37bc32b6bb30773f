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
from crash_helpers import Change, Model, complaint, found, past
from registry_helpers import temporary_files

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


# real file systems and limits, met by the program

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
    yield past(at / "saves", PAST), {"preexec_fn": lambda: resource.setrlimit(*limit)}


UNTIDY = "import pathlib; pathlib.Path.unlink = lambda *_, **__: None"
UNTOLD = "import digitnet.registry.saves as room; room.OSError = ZeroDivisionError"
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

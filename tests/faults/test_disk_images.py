"""Images of a disk, copied while networks are saved on it: no acknowledged save is lost."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from conftest import Tally
from crash_helpers import Change, Model, complaint, make

from digitnet.registry.saves import Registry

CHANGES = 40  # until the folder is begun again
SECONDS = 0.02
BEGUN, DONE = b"b", b"d"


def images(folder: Path, copies: int) -> tuple[int, list[str]]:
    """How many of so many copies were made within a change, and what was lost in them.

    A copy is what a power cut would leave: it holds what the file system has sent to its disk, and
    nothing that it still has in memory.
    """
    rng, tried, within, complaints = random.Random(1), 0, 0, list[str]()
    image, copy, at = folder / "image", folder / "copy", folder / "mounted"
    at.mkdir()
    while tried < copies:
        blank(image)
        with mounted(image, at):
            plan, models = [], [Model({})]
            for version in range(1, CHANGES + 1):
                plan.append(models[-1].possible(rng, version))
                models.append(models[-1].after(plan[-1]))
            with working(at / "saves", plan) as (child, pipe):
                told = pipe_read(pipe, wait=True)
                while tried < copies and told.count(DONE) < CHANGES:
                    time.sleep(rng.uniform(0, SECONDS))
                    os.kill(child, signal.SIGSTOP)
                    os.waitpid(child, os.WUNTRACED)
                    told += pipe_read(pipe)
                    still(image, copy)
                    os.kill(child, signal.SIGCONT)
                    done = told.count(DONE)
                    change = plan[done] if told.count(BEGUN) > done else None
                    with mounted(copy, folder / "looked-at"):
                        saves = folder / "looked-at" / "saves"
                        wrong = complaint(saves, models[done], change)
                    complaints += [wrong] if wrong else []
                    tried, within = tried + 1, within + (change is not None)
    return within, complaints


def blank(image: Path) -> None:
    image.unlink(missing_ok=True)
    image.touch()
    os.truncate(image, 4 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[None]:
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True, capture_output=True)
    try:
        yield
    finally:
        for _ in range(50):  # for a moment after its writer has ended it is busy
            if (
                subprocess.run(["umount", str(at)], check=False, capture_output=True).returncode
                == 0
            ):
                break
            time.sleep(0.1)


@contextmanager
def working(folder: Path, plan: list[Change]) -> Iterator[tuple[int, int]]:
    """A process that makes the changes and tells of each; its number, and where it tells."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for change in plan:
                os.write(writing, BEGUN)
                make(Registry(folder), change)
                os.write(writing, DONE)
            signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    os.set_blocking(reading, False)
    try:
        yield child, reading
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)


def pipe_read(pipe: int, *, wait: bool = False) -> bytes:
    """What was told by now; with `wait`, something."""
    told = b""
    while not told:
        with suppress(BlockingIOError):
            told = os.read(pipe, 1 << 16)
        if not wait:
            break
        time.sleep(0.001)
    return told


def still(image: Path, copy: Path) -> None:
    """Copies an image in one piece: again, until nothing has changed since."""
    before = None
    while before != (before := image.read_bytes()):
        copy.write_bytes(before)


@pytest.fixture(scope="module", autouse=True)
def _mounting(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where images cannot be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("images of disks are mounted as root, on Linux, with mkfs.ext4")
    folder = tmp_path_factory.mktemp("image")
    try:
        blank(folder / "image")
        with mounted(folder / "image", folder / "at"):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"images cannot be mounted here: {error.stderr.decode().strip()}")


def test_no_acknowledged_save_is_lost(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    copies = share(15, 200)
    within, complaints = images(tmp_path, copies)
    assert complaints == []
    assert within >= copies / 2
    tally("an image of a disk at work", copies, copies - len(complaints))


@pytest.mark.full
def test_without_syncs_saves_are_seen_to_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", os.fstat)
    assert len(images(tmp_path, 5)[1]) >= 4

"""A kill at every system call of each change: there is no moment at which a save can be lost."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import Tally
from crash_helpers import SITUATIONS, Change, complaint, make, past, without_steps
from registry_helpers import temporary_files

from digitnet.registry import saves as registry_module
from digitnet.registry.saves import Registry

ANYBODY = ctypes.c_ulong(-1)
PR_SET_PTRACER = 0x59616D61
CHANGING = ("write", "fsync", "rename", "link", "unlink", "mkdir")


def at_every_call(folder: Path, *, changing: bool) -> tuple[int, int, list[str]]:
    """Kills a writer as it enters each call. How many were tried, which survived, what was wrong.

    The writers are forks that `strace` joins before they begin. changing: only at calls that change
    the disk.
    """
    tried, survivors, complaints = 0, 0, []
    for kind, (changes, change) in SITUATIONS.items():
        ready = folder / "ready"
        model = past(ready, changes)
        log = folder / "log"
        traced(again(ready), change, "-o", str(log))
        for call, count in Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.M)).items():
            if call == "exit_group" or (changing and not call.startswith(CHANGING)):
                continue
            first = 2 if call == "read" else 1  # with its first it waits for us
            for number in range(first, count + 1):
                saves = again(ready)
                kill = f"inject={call}:signal=KILL:when={number}"
                ended = traced(saves, change, "-e", kill, "-o", os.devnull)
                survivors += ended != signal.SIGKILL
                tried += 1
                if ended != signal.SIGKILL:
                    wrong = complaint(saves, model.after(change))
                else:
                    wrong = complaint(saves, model, change) or not_going_on(saves)
                if wrong:
                    complaints.append(f"{kind}, {call} {number}: {wrong}")
        shutil.rmtree(ready, ignore_errors=True)
    return tried, survivors, complaints


def again(ready: Path) -> Path:
    saves = ready.with_name("saves")
    shutil.rmtree(saves, ignore_errors=True)
    if ready.exists():
        shutil.copytree(ready, saves)
    return saves


def not_going_on(saves: Path) -> str:
    registry = Registry(saves)
    make(registry, ("save", "next", 10))
    left = temporary_files(saves)
    return f"left behind: {left}" if left or "next" not in registry.names() else ""


def traced(saves: Path, change: Change, *how: str) -> int:
    """How a writer ended (as os.waitpid says) that `strace` has joined."""
    reading, writing = os.pipe()
    being_ready, ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(writing)
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
            os.write(ready, b"x")  # strace sees none of the calls before
            os.read(reading, 1)
            make(Registry(saves), change)
            os._exit(0)
        finally:
            os._exit(1)
    os.read(being_ready, 1)
    for end in (reading, being_ready, ready):
        os.close(end)
    with subprocess.Popen(["strace", "-f", "-qq", *how, "-p", str(child)]) as strace:
        try:
            wait_for(child, strace)
            os.write(writing, b"x")
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            os.close(writing)
            _, status = os.waitpid(child, 0)
    return status


def wait_for(child: int, strace: "subprocess.Popen[bytes]") -> None:
    """Waits until strace has joined. Raises RuntimeError where it cannot."""
    status = Path(f"/proc/{child}/status")
    while "TracerPid:\t0\n" in status.read_text():
        if strace.poll() is not None:
            raise RuntimeError("strace could not join")
        time.sleep(0.001)


def may_trace() -> str:
    """Why nothing can be traced here; empty where it can."""
    if sys.platform != "linux" or not shutil.which("strace"):
        return "strace is needed: apt-get install strace"
    inject = ["strace", "-qq", "-e", "inject=getpid:signal=KILL:when=9", "-o", "/dev/null", "true"]
    done = subprocess.run(inject, capture_output=True, check=False)
    return "" if done.returncode == 0 else "strace may not trace here"


pytestmark = pytest.mark.skipif(bool(may_trace()), reason=may_trace())


def test_no_acknowledged_save_is_lost(
    tmp_path: Path, pytestconfig: pytest.Config, tally: Tally
) -> None:
    full = pytestconfig.getoption("full")
    tried, survivors, complaints = at_every_call(tmp_path, changing=not full)
    assert complaints == []
    assert tried > (500 if full else 50)
    assert survivors <= 0.02 * tried  # a call may be left out the second time
    tally("a kill at every system call", tried, tried - len(complaints))


@pytest.mark.full
def test_what_is_written_without_steps_is_seen_to_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "write_durably", without_steps)
    *_, complaints = at_every_call(tmp_path, changing=True)
    assert any("damaged" in complaint for complaint in complaints)

"""A program that kills a writer at every system call it makes, and says as JSON what came of it.

Like kills_helpers, it forks its writers; `strace` joins each before it begins and kills it as it
enters the call. Arguments: the folder, `all` or `changing` (only at calls that change the disk),
and `unprotected` to see that what is not written in safe steps does not survive.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from crash_helpers import SITUATIONS, Change, complaint, make, past, without_steps
from registry_helpers import temporary_files

from digitnet.registry import store as registry_module
from digitnet.registry.saves import Registry

ANYBODY = ctypes.c_ulong(-1)
PR_SET_PTRACER = 0x59616D61
CHANGING = ("write", "fsync", "rename", "link", "unlink", "mkdir")


def at_every_call(folder: Path, which: str) -> dict[str, object]:
    """What came of it: how many calls there are, of how many writers, and what was wrong."""
    tried, survivors, complaints = 0, 0, []
    for kind, (changes, change) in SITUATIONS.items():
        ready = folder / "ready"
        model = past(ready, changes)
        log = folder / "log"
        traced(again(ready), change, "-o", str(log))
        for call, count in Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.M)).items():
            if call == "exit_group" or (which == "changing" and not call.startswith(CHANGING)):
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
    return {"tried": tried, "survivors": survivors, "complaints": complaints}


def again(ready: Path) -> Path:
    """A fresh copy of the saves."""
    saves = ready.with_name("saves")
    shutil.rmtree(saves, ignore_errors=True)
    if ready.exists():
        shutil.copytree(ready, saves)
    return saves


def not_going_on(saves: Path) -> str:
    """What is wrong with the next save."""
    registry = Registry(saves)
    make(registry, ("save", "next", 10))
    left = temporary_files(saves)
    return f"left behind: {left}" if left or "next" not in registry.names() else ""


def traced(saves: Path, change: Change, *how: str) -> int:
    """How a writer ended (as os.waitpid says) that `strace` has joined."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(writing)
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
            os.read(reading, 1)
            make(Registry(saves), change)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(reading)
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


if __name__ == "__main__":
    if sys.argv[3:] == ["unprotected"]:
        registry_module.write_durably = without_steps
    print(json.dumps(at_every_call(Path(sys.argv[1]), sys.argv[2])))

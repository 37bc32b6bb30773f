"""A program that kills writers at random moments, and says as JSON what came of it.

It is one process without threads, which has imported everything, so that a writer is a fork and
ready at once. Arguments: the folder, how many to kill, the seed, and `unprotected` to see that
what is not written in safe steps does not survive.
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash_helpers import Change, Model, complaint, found, make, without_steps
from registry_helpers import temporary_files

from digitnet.registry import store as registry_module
from digitnet.registry.saves import Registry

CHANGES = 6  # of a writer that nobody kills
SECONDS = 0.03  # within which it is killed
BEGUN, LOCKED, FREE, DONE, FAILED = b"b", b"l", b"f", b"d", b"x"


@dataclass
class Tally:
    """What came of it. writing: how many writers held the lock, and so were changing files."""

    kills: int = 0
    writing: int = 0
    complaints: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)


def storm(folder: Path, kills: int, seed: int) -> Tally:
    """Kills so many writers, each at work on what the ones before it left."""
    rng, tally, version = random.Random(seed), Tally(), 0
    state = Model({})
    while tally.kills < kills:
        plan, states = [], [state]
        for _ in range(CHANGES):
            version += 1
            plan.append(states[-1].possible(rng, version))
            states.append(states[-1].after(plan[-1]))
        told = killed(folder, plan, rng.uniform(0, SECONDS))
        done, begun = told.count(DONE), told.count(BEGUN)
        change = plan[done] if begun > done else None
        if FAILED in told:
            tally.complaints.append(f"{change} failed")
        if change:
            tally.kills += 1
            tally.writing += told.count(LOCKED) > told.count(FREE)
            tally.kinds[change[0]] = tally.kinds.get(change[0], 0) + 1
        if wrong := complaint(folder, states[done], change):
            tally.complaints.append(wrong)
        if wrong or tally.kills % 100 == 0:  # all that was ever deleted takes long to look at
            begin_again(folder)
        state = found(folder)
    version += 1
    make(Registry(folder), ("save", "a", version))
    if left := temporary_files(folder):
        tally.complaints.append(f"left behind: {left}")
    return tally


def begin_again(folder: Path) -> None:
    """Begins again with nothing."""
    if folder.exists():
        folder.rename(folder.with_name(f"before-{time.monotonic_ns()}"))


def killed(folder: Path, plan: list[Change], after: float) -> bytes:
    """What a writer told of its work before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        work(folder, plan, writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        told = pipe.read(1)
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return told + pipe.readall()


def work(folder: Path, plan: list[Change], pipe: int) -> None:
    """Makes the changes, and tells before and after each, and where files are changed."""

    class Lock(registry_module.FileLock):
        def acquire(self, *how: Any, **more: Any) -> Any:
            acquired = super().acquire(*how, **more)
            os.write(pipe, LOCKED)
            return acquired

        def release(self, *how: Any, **more: Any) -> None:
            if self.is_locked:  # and not once more when it is thrown away
                os.write(pipe, FREE)
            super().release(*how, **more)

    try:
        registry_module.FileLock = Lock
        for change in plan:
            os.write(pipe, BEGUN)
            make(Registry(folder), change)
            os.write(pipe, DONE)
    except BaseException:
        os.write(pipe, FAILED)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[4:] == ["unprotected"]:
        registry_module.write_durably = without_steps
    print(json.dumps(vars(storm(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))

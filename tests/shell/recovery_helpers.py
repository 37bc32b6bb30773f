"""Programs that are killed in the middle of a training, and what they leave."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from terminal_helpers import become_the_program

from digitnet.registry import recovery
from digitnet.registry.recovery import FOLDER


def quickly() -> None:
    """Has training autosaved soon after it begins."""
    recovery.BUSY_SECONDS = 0.1


def kept(saves: Path) -> list[Path]:
    return [*(saves / FOLDER).glob("[0-9]*.pickle")]


def left_by(
    environment: dict[str, str],
    number: signal.Signals,
    line: str = "n diary; t 600s",
    after: float = 0.2,
    change: Callable[[], None] = quickly,
    patience: float = 20,
) -> int:
    """Runs a line in a fork of the tests, and ends it by a signal when its training is autosaved;
    returns its exit code, or minus the signal that ended it. change: made before it runs.
    """
    saves, pid = Path(environment["DIGITNET_SAVES"]), os.fork()
    if not pid:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        change()
        become_the_program(environment, ["-c", line])
    until = time.monotonic() + patience
    while not kept(saves) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(after)
    was_autosaved = bool(kept(saves))
    os.kill(pid, number)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert was_autosaved, "nothing was put aside"
    return code

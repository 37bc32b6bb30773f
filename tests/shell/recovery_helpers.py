"""What the tests of recovery share: programs that put their training aside and are then ended."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from digitnet.registry.recovery import FOLDER

QUICKLY = "unfinished.BUSY_SECONDS = 0.1"


def program_with(changes: str) -> str:
    """A Python script that makes these changes, then runs the program."""
    return f"""
import sys
from digitnet.cli import main
from digitnet.registry import recovery as unfinished
{changes}
sys.exit(main(sys.argv[1:]))
"""


def kept(saves: Path) -> list[Path]:
    return [*(saves / FOLDER).glob("[0-9]*.pickle")]


def left_by(
    environment: dict[str, str],
    number: signal.Signals,
    line: str = "n diary; t 600s",
    after: float = 0.5,
    changes: str = QUICKLY,
    patience: float = 20,
) -> "subprocess.Popen[bytes]":
    """A program that put its training aside and was then ended by a signal."""
    child = subprocess.Popen(
        [sys.executable, "-c", program_with(changes), "-c", line],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    saves = Path(environment["DIGITNET_SAVES"])
    until = time.monotonic() + patience
    while not kept(saves) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(after)
    was_put_aside = bool(kept(saves))
    child.send_signal(number)
    child.wait(10)
    assert was_put_aside, "nothing was put aside"
    return child

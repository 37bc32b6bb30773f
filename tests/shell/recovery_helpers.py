"""What the tests of recovery share: programs that put their training aside and are then ended."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from digitnet.registry.recovery import FOLDER

QUICKLY = """
import sys
from digitnet.repl import unfinished
unfinished.EVERY = 0.1
from digitnet.cli import main
sys.exit(main(sys.argv[1:]))
"""


def kept(saves: Path) -> list[Path]:
    return [*(saves / FOLDER).glob("[0-9]*.pickle")]


def left_by(
    environment: dict[str, str],
    number: signal.Signals,
    line: str = "n diary; t 600s",
    after: float = 0.5,
) -> "subprocess.Popen[bytes]":
    """A program that put its training aside and was then ended by a signal."""
    child = subprocess.Popen(
        [sys.executable, "-c", QUICKLY, "-c", line],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    saves = Path(environment["DIGITNET_SAVES"])
    until = time.monotonic() + 20
    while not kept(saves):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(after)
    child.send_signal(number)
    child.wait(10)
    return child

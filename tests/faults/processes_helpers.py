"""Other processes that work on the same saves: Python scripts with the helpers at hand."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent
PRELUDE = """
import sys
from contextlib import nullcontext
from pathlib import Path
from registry_helpers import plain
from digitnet.registry import store as room
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Registry
registry, number, count = Registry(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
"""
WITHOUT_LOCK = "room.FileLock.acquire = lambda *_, **__: nullcontext()\n"
"""For a control: what happens to the saves where nobody waits for anybody."""


def start(script: str, saves: Path, number: int, count: int) -> "subprocess.Popen[str]":
    """Runs a script which knows `registry`, `number` and `count`."""
    path = os.pathsep.join([str(TESTS / "unit"), str(TESTS.parent)])
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(saves), str(number), str(count)],
        env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def together(script: str, saves: Path, processes: int, count: int) -> list[tuple[Any, str]]:
    """Runs a script in many processes at once; exit code and standard error of each."""
    running = [start(script, saves, number, count) for number in range(processes)]
    ended = [process.communicate(timeout=300) for process in running]
    return [(p.returncode, error) for p, (_, error) in zip(running, ended, strict=True)]

"""A kill at every system call of each change: there is no moment at which a save can be lost."""

import shutil
import subprocess
import sys
from pathlib import Path

import calls_helpers
import pytest
from conftest import Tally
from crash_helpers import told_by


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
    told = told_by(calls_helpers, str(tmp_path), "all" if full else "changing")
    assert told["complaints"] == []
    assert told["tried"] > (500 if full else 50)
    assert told["survivors"] <= 0.02 * told["tried"]  # a call may be left out the second time
    tally("a kill at every system call", told["tried"], told["tried"] - len(told["complaints"]))


@pytest.mark.full
def test_what_is_written_without_steps_is_seen_to_be_lost(tmp_path: Path) -> None:
    told = told_by(calls_helpers, str(tmp_path), "changing", "unprotected")
    assert any("damaged" in complaint for complaint in told["complaints"])

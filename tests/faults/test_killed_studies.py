"""kill -9 in the middle of a study: every result that was told is kept, and none counts twice."""

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import session_helpers
from conftest import Tally
from session_helpers import do
from terminal_helpers import command

from digitnet.registry.saves import Registry
from digitnet.repl.session import Session

in_threads = session_helpers.in_threads
RUNS = 24
QUESTION = f"study rate 0.02 0.1 --repeat {RUNS // 2} --for 40 --name s"


def told_before_the_kill(line: str, environment: dict[str, str], cwd: Path, after: int) -> int:
    """How many results a program had told of in all, when it was killed after so many more."""
    told = more = 0
    with subprocess.Popen(
        command(["--plain", "-c", line]),
        env=environment,
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        for text in program.stdout:
            if found := re.match(r"(\d+) of \d+ ", text):
                told, more = int(found[1]), more + 1
            if more >= after:
                break
        program.kill()
    return told


@pytest.mark.usefixtures("in_threads")
def test_kills_at_random_moments(
    environment: dict[str, str],
    session: Session,
    tmp_path: Path,
    share: Callable[[int, int], int],
    tally: Tally,
) -> None:
    environment["DIGITNET_SAVES"] = str(session.saves)
    undisturbed = Session(tmp_path / "other", session.data_sets.folders, tmp_path, seed=1)
    expected = do(undisturbed, f"n 784-8-10; {QUESTION}")[-1]["runs"]
    chance, tried, survived = random.Random(1), share(2, 100), 0
    line = f"n 784-8-10; {QUESTION}"
    for _ in range(tried):
        told = told_before_the_kill(line, environment, tmp_path, chance.randint(1, 6))
        line = "study s"
        kept = Registry(session.saves).load_study("s").results
        survived += told <= len(kept) and len(set(kept)) == len(kept)
        if len(kept) == RUNS:  # begin again
            Registry(session.saves).delete("s")
            line = f"n 784-8-10; {QUESTION}"
    whole = do(session, line)[-1]["runs"]
    timeless = [{**run, "seconds": 0} for run in whole]
    assert timeless == [{**run, "seconds": 0} for run in expected]
    tally("kill -9 of a study", tried, survived)

"""Hostile pickles, given to the program in every way there is: nothing in them runs."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from hostile_helpers import WAYS, answers, faults
from hostile_pickles_helpers import AFTER, ATTACK, INERT, MARKER, PROTO, TECHNIQUES, hostile_files

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")

HARMLESS = {*INERT, "after STOP, a call", *(name for name in AFTER if "call" not in name)}
"""Techniques by which nothing runs, not even with `pickle` for a reader."""


def test_no_hostile_pickle_does_anything(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    files = dict([*hostile_files().items()][:: share(5, 1)])
    told = answers(tmp_path, files)
    assert len(told) == len(files) * len(WAYS)
    found = faults(told)
    print(*(f"{key}: {fault}" for key, fault in found.items()), sep="\n")
    tally("hostile pickles, each way in", len(told), len(told) - len(found))


@pytest.mark.full
def test_the_watch_sees_them_act_where_pickle_reads_the_saves(tmp_path: Path) -> None:
    told = answers(tmp_path, TECHNIQUES, without="the reader")
    unseen = {name for (name, _), answer in told.items() if not answer.did}
    assert unseen - HARMLESS == set()


def test_they_would_leave_a_mark(tmp_path: Path) -> None:
    reading = f"import pickle; pickle.loads({PROTO + ATTACK + b'.'!r})"
    subprocess.run([sys.executable, "-c", reading], cwd=tmp_path, check=True)
    assert (tmp_path / MARKER).exists()

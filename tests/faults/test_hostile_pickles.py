"""Hostile pickles, given to the program in every way there is: nothing in them runs."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from hostile_helpers import CHILDS_ENVIRONMENT, WAYS, answers, faults
from hostile_pickles_helpers import AFTER, ATTACK, INERT, MARKER, PROTO, TECHNIQUES, hostile_files

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")

HARMLESS = {*INERT, "after STOP, a call", *(name for name in AFTER if "call" not in name)}
"""Techniques by which nothing runs, not even with `pickle` for a reader."""


def test_no_hostile_pickle_does_anything(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    assert len(TECHNIQUES) >= 150
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


WATCHED_FOR = {
    "pickle.find_class": "pickle.loads(b'cos\\nsystem\\n.')",
    "exec": "exec((lambda: 1).__code__)",
    "compile": "compile('1', 'x', 'exec')",
    "import": "import antigravity",
    "os.system": "os.system('true')",
    "os.exec": "os.execvp('true', ['true'])",
    "os.posix_spawn": "os.posix_spawnp('true', ['true'], {})",
    "os.fork": "os.fork()",
    "subprocess.Popen": "subprocess.Popen('true')",
    "socket.__new__": "socket.socket()",
    "open": "open('../elsewhere', 'w')",
    "open ": "os.open('../elsewhere', os.O_CREAT)",
    "": "open('inside', 'w').close(); open('/dev/null').close()",
}
"""What the watch must tell of each act."""


def test_the_watch_stops_what_it_is_there_for(tmp_path: Path) -> None:
    acting = f"""
import os, pickle, socket, subprocess
from pathlib import Path
from hostile_child_helpers import Watch
watch = Watch(Path())
for act in {list(WATCHED_FOR.values())!r}:
    act = type(watch.__call__.__func__)(compile(act, "x", "exec"), globals())
    watch.did, watch.on = [], True
    try:
        act()
    except RuntimeError:
        pass
    watch.on = False
    print(*watch.did)
"""
    done = subprocess.run(
        [sys.executable, "-c", acting],
        cwd=tmp_path,
        env=CHILDS_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line.partition(" ")[0] for line in done.stdout.splitlines()]
    assert told == [event.strip() for event in WATCHED_FOR]
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]

"""Many digitnets on the same saves at once: none loses what another has saved, none waits long."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes_helpers import WITHOUT_LOCK, start, together
from registry_helpers import batches_of, plain, temporary_files
from session_helpers import Answers, do, refusal

from digitnet.registry import store as room
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Registry
from digitnet.registry.store import is_whole
from digitnet.repl.session import Session

Share = Callable[[int, int], int]
PROCESSES = 8
NAMES_OF_THEIR_OWN = """
for k in range(count):
    registry.save(plain(batches=100 * number + k), f"{number} {k}")
"""
THE_SAME_NAME = """
for k in range(count):
    registry.save(plain(batches=1 + 1000 * number + k), "x")
"""
COMING_AND_GOING = """
def attempt(call, *names):  # an `undo` of another may come in between
    try:
        call(*names)
    except RegistryError as error:
        said = str(error)
        assert any(words in said for words in ("there is no", "there is a network named")), said

name, other = f"mine {number}", f"mine {number} too"
for k in range(count):
    registry.save(plain(batches=k), name)
    attempt(registry.rename, name, other)
    attempt(registry.delete, other)
    attempt(registry.undo)
    attempt(registry.delete, name)
    attempt(registry.delete, other)
"""
HOLDS_THE_LOCK = """
def wait(*_, **__):
    print("holding", flush=True)
    import time
    time.sleep(60)
room.write_durably = wait
registry.save(plain(), "never")
"""


def found(saves: Path, names: list[str]) -> int:
    """How many of these saves are listed and loadable, each as it was saved."""
    registry = Registry(saves)
    listed = {entry.name: entry for entry in registry.entries() if not entry.damaged}
    right = 0
    for name in names:
        number, k = map(int, name.split())
        if name in listed and listed[name].trained_batches == 100 * number + k:
            right += batches_of(registry, name) == 100 * number + k
    return right


def test_every_save_of_many_processes_is_listed_and_loadable(
    tmp_path: Path, share: Share, tally: Any
) -> None:
    count = share(3, 100)
    names = [f"{number} {k}" for number in range(PROCESSES) for k in range(count)]
    assert together(NAMES_OF_THEIR_OWN, tmp_path, PROCESSES, count) == [(0, "")] * PROCESSES
    assert [entry.name for entry in Registry(tmp_path).entries()] == sorted(names)
    assert temporary_files(tmp_path) == []
    tally("saves by 8 processes at once", len(names), found(tmp_path, names))


SCRIPTS = [NAMES_OF_THEIR_OWN, THE_SAME_NAME, COMING_AND_GOING]


@pytest.mark.full
@pytest.mark.parametrize("script", SCRIPTS, ids=["own names", "one name", "coming and going"])
def test_without_the_lock_they_would_disturb_each_other(tmp_path: Path, script: str) -> None:
    ended = together(WITHOUT_LOCK + script, tmp_path, PROCESSES, 8)
    assert any(code for code, _ in ended)


def test_of_many_that_save_under_one_name_one_is_there_and_whole(
    tmp_path: Path, share: Share, tally: Any
) -> None:
    count = share(3, 100)
    registry = Registry(tmp_path)
    registry.save(plain(batches=0), "x")
    seen, done = [], threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(batches_of(registry))
            assert [entry.damaged for entry in registry.entries()] == [""]
            time.sleep(0.02)

    def safely() -> None:
        try:
            read()
        except Exception as error:
            seen.append(error)

    reader = threading.Thread(target=safely)
    reader.start()
    ended = together(THE_SAME_NAME, tmp_path, PROCESSES, count)
    done.set()
    reader.join()
    assert ended == [(0, "")] * PROCESSES
    assert all(isinstance(batches, int) for batches in seen), seen[-1]
    last = {1000 * number + count for number in range(PROCESSES)}
    survived = batches_of(registry) in last
    tried = PROCESSES * count
    tally("saves under one name: one of them whole", tried, tried * survived)
    kept = registry.trash.contents()
    assert len(kept) == 5
    assert all(is_whole(registry.trash.folder / version.name) for version in kept)


def test_lists_are_whole_while_others_come_and_go(tmp_path: Path, share: Share, tally: Any) -> None:
    count = share(2, 50)
    running = [start(COMING_AND_GOING, tmp_path, number, count) for number in range(4)]
    registry, lists, whole = Registry(tmp_path), 0, 0
    while any(process.poll() is None for process in running):
        lists += 1
        whole += all(not entry.damaged for entry in registry.entries())
        time.sleep(0.02)
    for process in running:
        assert (process.returncode, process.communicate()[1]) == (0, "")
    tally("lists while 4 processes save, rename, delete and undo", lists, whole)


@pytest.mark.parametrize("waiting", [False, True])
def test_when_the_holder_of_the_lock_is_killed_the_next_goes_on_within_a_second(
    tmp_path: Path, share: Share, tally: Any, waiting: bool
) -> None:
    registry, tried, survived = Registry(tmp_path), share(1, 10), 0
    for number in range(tried):
        holder = start(HOLDS_THE_LOCK, tmp_path, 0, 0)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        saver = threading.Thread(target=registry.save, args=(plain(batches=number), "x"))
        if waiting:
            saver.start()
            time.sleep(0.2)
            assert saver.is_alive()
        holder.kill()
        holder.wait()
        began = time.monotonic()
        if not waiting:
            saver.start()
        saver.join()
        survived += time.monotonic() - began < 1 and batches_of(registry) == number
    when = "while the next waits" if waiting else "before the next comes"
    tally(f"holders of the lock killed {when}", tried, survived)


def test_a_holder_that_lives_is_waited_for_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOCK_SECONDS", 0.5)
    holder = start(HOLDS_THE_LOCK, tmp_path, 0, 0)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(RegistryError, match="another digitnet has been writing"):
        Registry(tmp_path).save(plain(), "x")
    holder.kill()
    holder.wait()


AFTER_A_DELETE = {
    "t 1; ch; i": "",
    "p": "",
    "l x": "no network named 'x'",
    "ren x y": "no network named 'x'",
    "del x": "no network named 'x'",
}


@pytest.mark.parametrize("line", AFTER_A_DELETE)
def test_a_second_digitnet_deletes_the_network_in_hand(session: Session, line: str) -> None:
    do(session, "n mini; t 5; pas x")
    other = Session(session.saves, session.data_sets.folders, session.data_sets.download_to)
    other.asker = Answers(["y"])
    do(other, "del x")
    assert do(session, "ls")[0]["networks"] == []
    if AFTER_A_DELETE[line]:
        assert AFTER_A_DELETE[line] in refusal(session, line)
    else:
        do(session, line)
    assert session.hand is not None
    assert session.hand.network.shape == "3-3-2"
    do(session, "p; l x")
    assert do(other, "undo; l x")[-1]["trained_batches"] == 5

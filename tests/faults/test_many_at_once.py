"""Many digitnets on the same saves at once: none loses what another has saved, none waits long."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally
from registry_helpers import batches_of, plain, temporary_files
from session_helpers import Answers, do, refusal

from digitnet.registry import files
from digitnet.registry import saves as store
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Registry
from digitnet.registry.undo import is_whole, undo
from digitnet.repl.session import Session

if "fork" not in multiprocessing.get_all_start_methods():
    pytest.skip("there is no fork here", allow_module_level=True)

Share = Callable[[int, int], int]
FORK = multiprocessing.get_context("fork")
PROCESSES = 8


def start(work: Callable[..., None], *given: Any) -> ForkProcess:
    process = FORK.Process(target=work, args=given)
    process.start()
    return process


def together(work: Callable[..., None], saves: Path, processes: int, count: int) -> list[Any]:
    """Does the work in many processes at once; the exit code of each."""
    running = [start(work, Registry(saves), number, count) for number in range(processes)]
    for process in running:
        process.join(300)
    return [process.exitcode for process in running]


def names_of_their_own(registry: Registry, number: int, count: int) -> None:
    for k in range(count):
        registry.save(plain(batches=100 * number + k), f"{number} {k}")


def the_same_name(registry: Registry, number: int, count: int) -> None:
    for k in range(count):
        registry.save(plain(batches=1 + 1000 * number + k), "x")


def coming_and_going(registry: Registry, number: int, count: int) -> None:
    def attempt(call: Callable[..., Any], *names: Any) -> None:
        try:
            call(*names)
        except RegistryError as error:  # an `undo` of another came in between
            said = str(error)
            assert any(words in said for words in ("there is no", "there is a network named")), said

    name, other = f"mine {number}", f"mine {number} too"
    for k in range(count):
        registry.save(plain(batches=k), name)
        attempt(registry.rename, name, other)
        attempt(registry.delete, other)
        attempt(undo, registry)
        attempt(registry.delete, name)
        attempt(registry.delete, other)


def holding_the_lock(registry: Registry, holding: Event) -> None:
    with registry.locked(""):
        holding.set()
        time.sleep(60)


def holder(registry: Registry) -> ForkProcess:
    holding = FORK.Event()
    process = start(holding_the_lock, registry, holding)
    assert holding.wait(10)
    return process


def killed(process: ForkProcess) -> None:
    process.kill()
    process.join()


def test_every_save_of_many_processes_is_listed_and_loadable(
    tmp_path: Path, share: Share, tally: Tally
) -> None:
    count, registry = share(3, 100), Registry(tmp_path)
    names = {f"{n} {k}": 100 * n + k for n in range(PROCESSES) for k in range(count)}
    assert together(names_of_their_own, tmp_path, PROCESSES, count) == [0] * PROCESSES
    listed = {e.name: e.trained_batches for e in registry.entries() if not e.damaged}
    assert listed == names
    assert temporary_files(tmp_path) == []
    loaded = sum(batches_of(registry, name) == batches for name, batches in names.items())
    tally("saves by 8 processes at once", len(names), loaded)


@pytest.mark.full
@pytest.mark.parametrize("work", [names_of_their_own, the_same_name, coming_and_going])
def test_without_the_lock_they_would_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[..., None]
) -> None:
    monkeypatch.setattr(files.FileLock, "acquire", lambda *_, **__: nullcontext())
    assert any(together(work, tmp_path, PROCESSES, 8))


def test_of_many_that_save_under_one_name_one_is_there_and_whole(
    tmp_path: Path, share: Share, tally: Tally
) -> None:
    count, registry = share(3, 100), Registry(tmp_path)
    registry.save(plain(batches=0), "x")
    running = [start(the_same_name, registry, number, count) for number in range(PROCESSES)]
    while any(process.is_alive() for process in running):
        assert batches_of(registry) >= 0
        assert [entry.damaged for entry in registry.entries()] == [""]
        time.sleep(0.02)
    assert [process.exitcode for process in running] == [0] * PROCESSES
    last = {1000 * number + count for number in range(PROCESSES)}
    tried = PROCESSES * count
    tally("saves under one name: one of them whole", tried, tried * (batches_of(registry) in last))
    kept = registry.trash.contents()
    assert len(kept) == store.KEPT_VERSIONS
    assert all(is_whole(registry.trash.folder / version.name) for version in kept)


def test_lists_are_whole_while_others_come_and_go(
    tmp_path: Path, share: Share, tally: Tally
) -> None:
    registry, lists, whole = Registry(tmp_path), 0, 0
    running = [start(coming_and_going, registry, number, share(2, 50)) for number in range(4)]
    while any(process.is_alive() for process in running):
        lists += 1
        whole += all(not entry.damaged for entry in registry.entries())
        time.sleep(0.02)
    assert [process.exitcode for process in running] == [0] * 4
    tally("lists while 4 processes save, rename, delete and undo", lists, whole)


@pytest.mark.parametrize("waiting", [False, True])
def test_when_the_holder_of_the_lock_is_killed_the_next_goes_on_within_a_second(
    tmp_path: Path, share: Share, tally: Tally, waiting: bool
) -> None:
    registry, tried, survived = Registry(tmp_path), share(1, 10), 0
    for number in range(tried):
        process = holder(registry)
        saver = threading.Thread(target=registry.save, args=(plain(batches=number), "x"))
        if waiting:
            saver.start()
            time.sleep(0.2)
            assert saver.is_alive()
        killed(process)
        began = time.monotonic()
        if not waiting:
            saver.start()
        saver.join()
        survived += time.monotonic() - began < 1 and batches_of(registry) == number
    when = "while the next waits" if waiting else "before the next comes"
    tally(f"holders of the lock killed {when}", tried, survived)


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("t 1; ch; i", ""),
        ("p", ""),
        ("l x", "no network named 'x'"),
        ("ren x y", "no network named 'x'"),
        ("del x", "no network named 'x'"),
    ],
)
def test_a_second_digitnet_deletes_the_network_in_hand(
    session: Session, line: str, refused: str
) -> None:
    do(session, "n mini; t 5; pas x")
    other = Session(session.saves, session.data_sets.folders, session.data_sets.download_to)
    other.asker = Answers(["y"])
    do(other, "del x")
    assert do(session, "ls")[0]["networks"] == []
    if refused:
        assert refused in refusal(session, line)
    else:
        do(session, line)
    assert session.network().network.shape == "3-3-2"
    do(session, "p; l x")
    assert do(other, "undo x; l x")[-1]["trained_batches"] == 5

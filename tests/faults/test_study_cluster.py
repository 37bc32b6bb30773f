"""A study on a cluster: a real scheduler and workers in processes, some of them killed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from session_helpers import Kept, do

from digitnet.registry.saves import Registry
from digitnet.repl.loop import do_line
from digitnet.repl.session import Session

pytest.importorskip("distributed", reason="the package distributed is needed")

QUESTION = "study rate 0.02 0.05 0.1 --repeat 4 --for 150 --name one"
RUNS = 12


class Cluster:
    """A scheduler and three workers on this machine."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        self.scheduler = started(
            "dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"
        )
        self.workers = [
            started("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(3)
        ]

    def end(self) -> None:
        """Kills what is left."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


def started(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A program of dask's."""
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path.home(),
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )


@contextmanager
def cluster() -> Iterator[Cluster]:
    from distributed import Client

    made = Cluster()
    try:
        with Client(made.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(3, timeout=60)
        yield made
    finally:
        made.end()


class KillsAt(Kept):
    """An output that kills a process when so many results have arrived."""

    def kill_at(self, count: int, process: "subprocess.Popen[bytes]") -> None:
        self.count, self.process = count, process

    def report(self, report: object) -> None:
        super().report(report)  # type: ignore[arg-type]
        if len(self.reports) == self.count:
            self.process.kill()


def values(runs: list[dict[str, object]]) -> list[tuple[object, ...]]:
    return [(str(r["settings"]), r["seed"], r["validation_accuracy"], r["cost"]) for r in runs]


def test_a_cluster_whose_worker_and_scheduler_are_killed_loses_and_doubles_nothing(
    session: Session, tmp_path: Path
) -> None:
    other = Session(tmp_path / "here", session.data_sets.folders, tmp_path, seed=1)
    here = do(other, f"n 784-8-10; {QUESTION}")[-1]
    do(session, "n 784-8-10")
    with cluster() as first:
        output = KillsAt()
        output.kill_at(RUNS // 4, first.workers[0])
        assert do_line(f"{QUESTION} --on {first.address}", session, output), output.errors
        whole = output.results[-1]["runs"]
        # another study, whose scheduler dies
        output.kill_at(len(output.reports) + RUNS // 4, first.scheduler)
        again = QUESTION.replace("one", "two")
        begun = time.monotonic()
        assert not do_line(f"{again} --on {first.address}", session, output)
        assert "study two goes on" in output.errors[0]
        assert time.monotonic() - begun < 90
    assert values(whole) == values(here["runs"])
    kept = Registry(session.saves).load_study("two").results
    assert 0 < len(kept) < RUNS
    with cluster() as second:
        (resumed,) = do(session, f"study two --on {second.address}")
    assert values(resumed["runs"]) == values(here["runs"])
    assert {
        n: r for n, r in Registry(session.saves).load_study("two").results.items() if n in kept
    } == kept

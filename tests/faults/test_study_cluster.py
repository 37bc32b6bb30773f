"""A study on a cluster: a real scheduler and workers in processes, some of them killed."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path

import pytest
import session_helpers
from session_helpers import Kept, do, refusal

from digitnet.registry.saves import Registry
from digitnet.repl.loop import do_line
from digitnet.repl.session import Session
from digitnet.study import conduct as asked

pytest.importorskip("distributed", reason="the package distributed is needed")

in_threads = session_helpers.in_threads
QUESTION = "study rate 0.02 0.05 0.1 --repeat 4 --for 150 --name one"
RUNS = 12


class Cluster:
    """A scheduler and workers on this machine; a worker for each environment."""

    def __init__(self, *workers: dict[str, str], tls: Sequence[str] = ()) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        scheme = "tls" if tls else "tcp"
        self.address = f"{scheme}://127.0.0.1:{port}"
        self.scheduler = started(
            "dask_scheduler", "--host", f"{scheme}://127.0.0.1", "--port", str(port),
            "--no-dashboard", *tls,
        )  # fmt: skip
        self.workers = [
            started("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                    *tls, **environment)
            for environment in workers
        ]  # fmt: skip

    def end(self) -> None:
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


def started(program: str, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path.home(),
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"} | environment,
    )


@contextmanager
def cluster(*workers: dict[str, str], tls: Sequence[str] = ()) -> Iterator[Cluster]:
    """A cluster that is ready."""
    from distributed import Client

    made = Cluster(*workers, tls=tls)
    try:
        with Client(made.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(len(made.workers), timeout=60)
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


@pytest.mark.usefixtures("in_threads")
def test_a_cluster_whose_worker_and_scheduler_are_killed_loses_and_doubles_nothing(
    session: Session, tmp_path: Path
) -> None:
    other = Session(tmp_path / "here", session.data_sets.folders, tmp_path, seed=1)
    here = do(other, f"n 784-8-10; {QUESTION}")[-1]
    do(session, "n 784-8-10")
    with cluster({}, {}) as first:
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
    with cluster({}) as second:
        (resumed,) = do(session, f"study two --on {second.address}")
        with pytest.raises(CancelledError), asked.cluster(other.data("sample"), second.address):
            raise TypeError("cannot unpack non-iterable Result object")  # dask, as a worker dies
    assert values(resumed["runs"]) == values(here["runs"])
    assert {
        n: r for n, r in Registry(session.saves).load_study("two").results.items() if n in kept
    } == kept


ANYTHING = "study rate 0.1 0.2 --for 10 --name x --on "


def answering(answer: Callable[[socket.socket], object]) -> str:
    """The address of a server that answers in some way."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            held.append(listening.accept()[0])
            answer(held[-1])

    threading.Thread(target=serve, daemon=True).start()
    return f"tcp://127.0.0.1:{listening.getsockname()[1]}"


ANSWERS: dict[str, Callable[[socket.socket], object]] = {
    "nothing": lambda there: None,
    "the end": lambda there: there.shutdown(socket.SHUT_RDWR),
    "garbage": lambda there: there.sendall(os.urandom(100)),
    "zeros": lambda there: there.sendall(bytes(100)),
    "a short greeting": lambda there: there.sendall((20).to_bytes(8, "little") + os.urandom(20)),
    "HTTP": lambda there: there.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"),
}
ADDRESSES = ("foo://x", "tcp://", "tcp://host", "garbage", "tcp://127.0.0.1:99999", "é://:1")


@pytest.mark.parametrize("what", [*ANSWERS, *ADDRESSES])
def test_what_is_no_scheduler_is_told_in_a_line_and_no_study_is_made(
    session: Session, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "SECONDS", 0.5)
    address = answering(ANSWERS[what]) if what in ANSWERS else what
    message = refusal(session, ANYTHING + address)
    words = "is not a dask scheduler" if what in ANSWERS else "is no address of a scheduler"
    assert words in message
    assert "no study was made" in message
    assert "\n" not in message
    assert session.registry.entries() == []


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """The environment of a worker that imports this."""
    (folder / name).mkdir()
    module = "sitecustomize" if "numpy" in text else "digitnet"
    (folder / name / f"{module}.py").write_text(text)
    return {"PYTHONPATH": f"{folder / name}{os.pathsep}{Path(asked.__file__).parents[2]}"}


@pytest.mark.full
def test_a_worker_with_other_programs_is_named_before_anything_runs(
    session: Session, tmp_path: Path
) -> None:
    for name, text, words in (
        ("none", "raise ModuleNotFoundError('no', name='digitnet')", "other programs (no)"),
        ("old", "__version__ = '0.0.9'", "other programs (No module"),
        ("numpy", "import numpy; numpy.__version__ = '1.0'", "other programs (numpy 1.0 and"),
    ):
        with cluster({}, program(tmp_path, name, text)) as made:
            message = refusal(session, ANYTHING + made.address)
        assert words in message
        assert "\n" not in message
    assert session.registry.entries() == []


@pytest.mark.full
@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_certificates_are_used_as_the_documentation_says(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -subj /CN=x"
    subprocess.run(make.split(), check=True, capture_output=True)
    flags = ("--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key)
    names = {"CA_FILE": certificate, "CLIENT__CERT": certificate, "CLIENT__KEY": key}
    made = Cluster({}, tls=flags)
    try:
        assert "tls:// needs certificates" in refusal(session, ANYTHING + made.address)
        for name, path in names.items():
            monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{name}", path)
        import dask

        dask.config.refresh()
        deadline = time.monotonic() + 60
        while not do_line(ANYTHING + made.address, session, Kept()):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        made.end()

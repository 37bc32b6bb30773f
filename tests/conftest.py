"""What the tests share: the checkout's data, a session without a terminal, the program itself.

Most tests call the program in their own process; what depends on a terminal, on signals or limits
is a fork of the tests, and what depends on the start itself is started. `pytest` runs two processes
of tests with one thread each; tests that take the time, or use two threads, are in one group, so
that no two of them run at once.
"""

import gc
import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from rich.console import Console
from rich.table import Table
from terminal_helpers import Terminal, become_the_program

from digitnet.cli import main
from digitnet.digits import files
from digitnet.engine.speed import threads
from digitnet.repl.session import Session

ROOT = Path(__file__).parent.parent
Finished = subprocess.CompletedProcess[str]
Program = Callable[..., Finished]
Begin = Callable[..., "subprocess.Popen[str]"]
Start = Callable[..., Terminal]
Tally = Callable[[str, int, int], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGPIPE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="all tests, and everything they can try, not a sample"
    )


def pytest_configure() -> None:
    threads.set_count(1)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for the programs that the tests start
    os.fsync = os.fstat  # where power is cut, a test simulates it
    files._unpack = lru_cache(8)(files._unpack)  # the sample, which most tests read


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("serial") or fixtures & {"terminal", "two_threads"}:
            item.add_marker(pytest.mark.xdist_group("serial"))
        if item.get_closest_marker("full") and not config.getoption("full"):
            item.add_marker(pytest.mark.skip(reason="only with --full"))


def pytest_collection_finish() -> None:
    gc.freeze()  # the tests themselves need no collector to look at them again and again


@pytest.fixture
def share(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """share(quick, full): the number of tries, `full` if --full was given."""
    return lambda quick, full: full if pytestconfig.getoption("full") else quick


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Tally:
    """tally(fault, tried, survived): adds a row to the table; fails unless all survived."""

    def add(fault: str, tried: int, survived: int) -> None:
        record_property("fault", (fault, tried, survived))
        assert tried == survived, f"{fault}: {tried - survived} of {tried} not survived"

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    table = Table("fault", "tried", "survived", title="Faults")
    for report in [r for kind in ("passed", "failed") for r in terminalreporter.getreports(kind)]:
        for name, row in report.user_properties if report.when == "call" else ():
            if name == "fault":
                table.add_row(row[0], f"{row[1]:,}", f"{row[2]:,}")
    if table.rows:
        Console().print(table)


@pytest.fixture
def mnist(pytestconfig: pytest.Config) -> Path:
    """The folder with all of MNIST. Skips where there is none, and without --full."""
    if not pytestconfig.getoption("full"):
        pytest.skip("trainings on all of MNIST: only with --full")
    if not os.environ.get("DIGITNET_DATA"):
        pytest.skip("needs all of MNIST: DIGITNET_DATA names the folder it is in")
    return Path(os.environ["DIGITNET_DATA"])


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A non-interactive session with the sample, empty saves and seed 1."""
    return Session(tmp_path / "saves", [ROOT / "data"], tmp_path / "downloads", seed=1)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment for the program, isolated from the user who runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DIGITNET", "NO_COLOR"))}
    home = {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": "",
        "XDG_STATE_HOME": "",
        "XDG_CONFIG_HOME": "",
        "XDG_CACHE_HOME": "",
        "COLUMNS": "80",
    }
    return kept | home | {"DIGITNET_SAVES": str(tmp_path / "saves"), "DIGITNET_SEED": "1"}


@pytest.fixture
def program(tmp_path: Path, environment: dict[str, str]) -> Program:
    """Calls the program's `main` with these arguments; `stdin` is what it reads."""

    def call(*arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> Finished:
        with streams(environment | (env or {}), tmp_path, stdin) as written:
            try:
                code = main(arguments)
            except SystemExit as left:
                code = int(left.code or 0)
            sys.stdout.flush()
        texts = (w.getvalue().decode("utf-8", "surrogateescape") for w in written)
        return Finished(arguments, code, *texts)

    return call


class Written(io.BytesIO):
    """Bytes that can still be read when the text stream on top of them is gone."""

    def close(self) -> None:
        pass


@contextmanager
def streams(
    env: dict[str, str], folder: Path, stdin: str
) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Lets this process be like a new one with this environment, folder and input."""
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    given = io.BytesIO(stdin.encode("utf-8", "surrogateescape"))
    written = Written(), Written()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    count, before = threads.count(), Path.cwd()
    os.chdir(folder)
    try:
        with (
            patch.dict(os.environ, env, clear=True),
            patch("sys.stdin", io.TextIOWrapper(given, encoding)),
            patch("sys.stdout", io.TextIOWrapper(written[0], encoding, write_through=True)),
            patch("sys.stderr", io.TextIOWrapper(written[1], encoding, write_through=True)),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", RuntimeWarning)
            yield written
            for warning in warned:
                written[1].write(f"{warning.category.__name__}: {warning.message}\n".encode())
    finally:
        os.chdir(before)
        threads.set_count(count)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.fixture
def begin(tmp_path: Path, environment: dict[str, str]) -> Begin:
    """Begins `digitnet` with these arguments in a fork of the tests, which has loaded it.

    env: added to its environment. change: what is done first.
    """

    def begun(
        *arguments: str,
        env: dict[str, str] | None = None,
        change: Callable[[], object] = lambda: None,
    ) -> "subprocess.Popen[str]":
        def become() -> None:
            change()
            become_the_program(environment | (env or {}), arguments)

        return subprocess.Popen(
            ["digitnet"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            cwd=tmp_path,
            restore_signals=False,  # which Python ignores when it starts
            preexec_fn=become,  # noqa: PLW1509
        )

    return begun


@pytest.fixture
def process(begin: Begin) -> Program:
    """Begins the program as `begin` does, and waits for it; `stdin` is what it reads."""

    def run(*arguments: str, stdin: str = "", **how: Any) -> Finished:
        with begin(*arguments, **how) as child:
            try:
                written = child.communicate(stdin, timeout=240)
            finally:
                child.kill()
        return Finished(arguments, child.returncode, *written)

    return run


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Start]:
    """Starts `digitnet` at a pseudo-terminal: `terminal(columns, rows, *arguments, **env)`."""
    opened: list[Terminal] = []

    def start(columns: int = 80, rows: int = 24, *arguments: str, **env: str) -> Terminal:
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        settings["DIGITNET_THREADS"] = "1"  # what is timed here is the prompt, not the products
        opened.append(Terminal(environment | settings | env, columns, rows, *arguments))
        return opened[-1]

    yield start
    for each in opened:
        each.child.close(force=True)

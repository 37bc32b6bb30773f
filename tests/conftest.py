"""What the tests share: the checkout's data, a session without a terminal, the program itself.

The tests of `faults` try a share of what can go wrong, and all of it with `--full`; what they tried
and what was survived is printed as a table at the end.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from rich.table import Table

from digitnet.repl.session import Session

if TYPE_CHECKING:
    from terminal_helpers import Terminal

ROOT = Path(__file__).parent.parent
Program = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "Terminal"]
Tally = Callable[[str, int, int], None]
TALLIES = pytest.StashKey[list[tuple[str, int, int]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="tests/faults: try everything, not a sample"
    )


@pytest.fixture
def share(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """share(quick, full): the number of tries, `full` if --full was given."""
    return lambda quick, full: full if pytestconfig.getoption("full") else quick


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """tally(fault, tried, survived): adds a row to the table; fails unless all survived."""

    def add(fault: str, tried: int, survived: int) -> None:
        pytestconfig.stash.setdefault(TALLIES, []).append((fault, tried, survived))
        assert tried == survived, f"{fault}: {tried - survived} of {tried} not survived"

    return add


def pytest_terminal_summary(config: pytest.Config) -> None:
    table = Table("fault", "tried", "survived", title="Faults")
    for fault, tried, survived in config.stash.get(TALLIES, []):
        table.add_row(fault, f"{tried:,}", f"{survived:,}")
    if table.rows:
        Console().print(table)


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
    """Runs `digitnet` with these arguments; `stdin` is what it reads."""

    def run(
        *arguments: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(arguments),
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            cwd=tmp_path,
            env=environment | (env or {}),
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Start]:
    """Starts `digitnet` at a pseudo-terminal: `terminal(columns, rows, *arguments, **env)`."""
    from terminal_helpers import Terminal

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


def command(arguments: Sequence[str]) -> list[str]:
    """The command that starts the program."""
    return [sys.executable, "-m", "digitnet", *arguments]

"""What the tests share: the checkout's data, a session without a terminal, the program itself."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from digitnet.repl.session import Session

ROOT = Path(__file__).parent.parent
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session with the sample, empty saves and seed 1, and nobody to ask."""
    return Session(tmp_path / "saves", [ROOT / "data"], tmp_path / "downloads", seed=1)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a program that knows nothing of whoever runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DIGITNET", "NO_COLOR"))}
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "COLUMNS": "80"}
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


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of the program."""
    return [sys.executable, "-m", "digitnet", *arguments]

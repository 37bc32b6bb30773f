"""What the tests of commands share: an output that keeps what it is given, and somebody to ask."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest

from digitnet.digits.datasets import DataSet
from digitnet.repl.features import study
from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.result import Note, Result
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput
from digitnet.study.conduct import WorkerPool, train


@dataclass
class Kept:
    """An output that records results, reports and errors as data."""

    results: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    reports: list[Note] = field(default_factory=list)

    def result(self, command: str, result: Result) -> None:
        self.results.append({"command": command} | json.loads(json.dumps(result.as_json())))

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        if done:
            self.result(command, done)
        self.errors.append(message)

    def report(self, update: Note) -> None:
        self.reports.append(update)

    def suspend(self) -> None:
        pass


@dataclass
class Answers:
    """An asker that gives these answers, one after the other."""

    given: list[str]
    asked: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self.given.pop(0)

    def choose(self, question: str, choices: str) -> str:
        return self.ask(question)

    def confirm(self, question: str) -> bool:
        return self.ask(question) == "y"


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets studies train in threads: that processes give the same is a test of its own."""

    @contextmanager
    def pool(data: DataSet, size: int) -> Iterator[WorkerPool]:
        with ThreadPoolExecutor(size) as executor:
            yield WorkerPool(size, lambda job: executor.submit(train, job, data))

    monkeypatch.setattr(study, "processes", pool)


def do(session: Session, line: str) -> list[dict[str, Any]]:
    """Runs a line that must succeed; returns its results."""
    output = Kept()
    assert do_line(line, session, output), output.errors
    return output.results


def refusal(session: Session, line: str) -> str:
    """Runs a line that must fail; returns its only error."""
    output = Kept()
    assert not do_line(line, session, output)
    (message,) = output.errors
    return message


def shown(
    session: Session, line: str, *, width: int = 100, plain: bool = True, can_redraw: bool = False
) -> str:
    """What a line shows that goes well; with all that was drawn over, if the screen can redraw."""
    file = StringIO()
    screen = Screen(file, width=width, force_terminal=can_redraw, plain=plain and not can_redraw)
    assert do_line(line, session, ScreenOutput(screen)), file.getvalue()
    return file.getvalue()

"""`watch`: a training of another terminal is followed, and what is no training is not."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from session_helpers import Kept, do, refusal, shown

from digitnet.engine.run import Status
from digitnet.registry import recovery
from digitnet.registry.codec import array_document, decode, encode, seal, unseal
from digitnet.registry.recovery import ProgressFile, followed
from digitnet.repl.features import train
from digitnet.repl.loop import do_line
from digitnet.repl.pictures.curves import GrowingCurves
from digitnet.repl.result import Note
from digitnet.repl.session import Session

REPORT = Status(300, 9600, 4.0, 2400.0, 0.25, 12.0, 0.5, 0.875, 0.4, False, 0, 0.1, 0.5)
CURVES = GrowingCurves([(100, 0.9), (300, 0.5)], [(0, 2.3), (300, 0.4)], [(0, 9.0), (300, 87.5)])


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(recovery, "SECONDS", 0.0)
    monkeypatch.setattr(train, "LOOK_SECONDS", 0.01)


PROCESSES = {"first": os.getpid(), "second": 1}  # the processes of two trainings: they run


def in_training(session: Session, name: str = "first") -> ProgressFile:
    """Another terminal's training."""
    other = ProgressFile(session.saves, name, "784-8-10")
    other.path = other.path.with_name(f"{PROCESSES[name]}.progress")
    other.write(REPORT, CURVES)
    return other


def test_a_training_is_followed_until_it_ends(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "SECONDS", 60.0)  # what comes earlier is written at the end
    other, output = in_training(session), Kept()

    def go_on() -> None:
        other.write(replace(REPORT, batches=400, part=0.5, seconds=5.0), CURVES)
        other.end("target")

    later = threading.Timer(0.3, go_on)
    later.start()
    assert do_line("watch", session, output)
    later.join()
    (seen,) = output.results
    assert (seen["name"], seen["batches"], seen["ended"]) == ("first", 400, "target")
    assert [bool(report.milestone) for report in output.reports] == [True, True]
    other = in_training(session)
    threading.Timer(0.2, lambda: other.end("done")).start()
    text = shown(session, "watch first", can_redraw=True)
    assert "validation accuracy, %" in text
    assert "'first': 300 mini-batches so far, validation accuracy 87.50 %. It has ended." in text


def test_ctrl_c_ends_the_watching_alone(session: Session) -> None:
    class CtrlC(Kept):
        def report(self, update: Note) -> None:
            super().report(update)
            session.interrupts.asked = True

    output = CtrlC()
    other = in_training(session)
    before = other.path.read_bytes()
    assert do_line("watch first; ls", session, output)
    assert [result["command"] for result in output.results] == ["watch"]
    assert output.results[0]["ended"] == ""
    assert other.path.read_bytes() == before


def test_one_is_chosen_by_its_name(session: Session) -> None:
    assert "nothing is in training" in refusal(session, "watch")
    in_training(session)
    assert "'nosuch'" in refusal(session, "watch nosuch")
    in_training(session, "second")
    assert (
        "several are in training in another terminal with these saves: 'second', 'first'"
        in refusal(session, "watch")
    )


def test_training_leaves_word_of_itself_and_of_its_end(session: Session) -> None:
    do(session, "n 784-8-10; t 20; pas mine; t 20")
    (path,) = (session.saves / ".recovery").glob("*.progress")
    seen = recovery.read_progress(path)
    assert (seen.name, seen.shape, seen.ended, seen.since) == ("mine", "784-8-10", "done", 20)
    assert "nothing is in training" in refusal(session, "watch")


def test_a_training_that_breaks_off_has_ended_too(session: Session) -> None:
    class CtrlCTwice(Kept):
        def report(self, update: Note) -> None:
            raise KeyboardInterrupt

    assert not do_line("n 784-8-10; t 20", session, CtrlCTwice())
    (path,) = (session.saves / ".recovery").glob("*.progress")
    assert recovery.read_progress(path).ended == "interrupted"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell")
def test_a_training_whose_process_was_killed_has_ended(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = in_training(session)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = other.path.rename(other.path.with_name(f"{gone.pid}.progress"))
    assert recovery.read_progress(path).ended == "killed"
    assert followed(session.saves) == []
    monkeypatch.setattr(recovery, "node", lambda: "another machine")
    assert len(followed(session.saves)) == 1


LONG = array_document(np.zeros((2000, 2)))
BAD: dict[str, Any] = {
    "no document": b"{",
    "a curve that is none": {"cost": 1},
    "a curve without end": {"cost": LONG},
    "a number that is none": {"accuracy": array_document(np.full((2, 2), np.nan))},
    "a name that steers": {"name": "\x1b[2J"},
    "a report of another kind": {"report": {"batches": 1}},
}


@pytest.mark.parametrize("what", [*BAD, "a link", "a long silence"])
def test_what_is_no_progress_is_passed_over(
    session: Session, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = in_training(session).path
    if what == "a link":
        (tmp_path / "x").write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(tmp_path / "x")
    elif what == "a long silence":
        monkeypatch.setattr(recovery, "SILENT_SECONDS", 0.0)
    elif isinstance(BAD[what], bytes):
        path.write_bytes(BAD[what])
    else:
        document = decode(unseal(path.read_bytes()))
        path.write_bytes(seal(encode(document | BAD[what])))
    assert followed(session.saves) == []

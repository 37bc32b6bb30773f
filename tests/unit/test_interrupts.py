"""Ctrl-C, and what is shown, in a command that neither listens nor reports."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from conftest import Start
from session_helpers import Kept, do

from digitnet.engine import evaluate
from digitnet.engine.network import Network
from digitnet.engine.report import Stopped
from digitnet.engine.shapes import network_of
from digitnet.repl import interrupts
from digitnet.repl.interrupts import Interrupts, interruptible
from digitnet.repl.loop import do_line
from digitnet.repl.result import Result
from digitnet.repl.session import Session

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(interrupts, "FIRST_TICK", 0.05)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup ignores it
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_command_that_does_not_stop_when_asked_is_interrupted() -> None:
    asked = Interrupts()
    begun = time.monotonic()
    with interruptible(asked), pytest.raises(KeyboardInterrupt), asked.during_command(list):
        press_ctrl_c()
        time.sleep(20)
    assert time.monotonic() - begun < 10
    assert not asked.working


def test_ctrl_c_pressed_again_and_again_leaves_time_to_clean_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interrupts, "CLEANING", 1)
    asked = Interrupts()
    with interruptible(asked), asked.during_command(list):
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
        time.sleep(1.2)
        for _ in range(3):
            press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(20)


def test_a_command_that_has_stopped_is_left_time_for_its_result(session: Session) -> None:
    asked = session.interrupts
    with interruptible(asked), asked.during_command(list):
        press_ctrl_c()
        with pytest.raises(Stopped):
            session.report()
        time.sleep(0.3)
        asked.patience = 0
        with pytest.raises(KeyboardInterrupt):
            time.sleep(20)


@pytest.mark.parametrize(("is_asking", "ticks"), [(False, 1), (True, 0)])
def test_ticks_come_while_a_command_runs_that_asks_nothing(is_asking: bool, ticks: int) -> None:
    seen: list[int] = []
    asked = Interrupts(is_asking=lambda: is_asking)
    with interruptible(asked):
        with asked.during_command(lambda: seen.append(1)):
            time.sleep(0.2)
        time.sleep(0.2)
    assert len(seen) == ticks


def test_a_signal_while_a_result_is_shown_makes_no_error_of_it(session: Session) -> None:
    class Ended(Kept):
        def result(self, command: str, result: Result) -> None:
            super().result(command, result)
            press_ctrl_c()

    output = Ended()
    with interruptible(session.interrupts):
        assert do_line("n mini; i", session, output)
    assert ([each["command"] for each in output.results], output.errors) == (["n"], [])
    assert session.interrupts.asked


@pytest.mark.parametrize(
    ("before", "line", "says"),
    [
        ("n mini", "ch all", "^interrupted; the network in hand is kept"),
        ("data sample", "study auto 9s", "^interrupted$"),
    ],
)
def test_a_silent_command_says_so_and_hears_ctrl_c(
    terminal: Start, monkeypatch: pytest.MonkeyPatch, before: str, line: str, says: str
) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(Network, "forward", lambda *_: waiting.wait(20))
    opened = terminal().ready()
    opened.do(before, "^New|^Now")
    opened.do(line, r"^Running for 0 s\. Ctrl-C stops it\.$")
    opened.do("\x03", says)
    assert "Running for" not in opened.text()


def test_no_chunk_takes_more_than_a_moment(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of("784-30-10")
    monkeypatch.setattr(evaluate, "MAX_WORK", 7 * evaluate.multiplications(network))
    assert evaluate.max_cases(network) == 7
    do(session, "n 784-30-10")
    cases = session.data().test
    assert {len(a) for a, _ in evaluate.outputs_in_chunks(network, cases)} == {7, len(cases) % 7}

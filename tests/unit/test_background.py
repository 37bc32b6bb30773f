"""Work in a thread of its own: what it tells arrives in order, and it can be given up."""

import threading
from collections.abc import Callable

import pytest

from digitnet.engine import background
from digitnet.engine.background import Abandoned, run_in_thread

Tell = Callable[[int], None]


def test_what_is_told_arrives_in_order_and_the_end_is_known() -> None:
    def work(tell: Tell) -> None:
        for number in range(5):
            tell(number)

    found, steps = [], run_in_thread(work)
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            assert end.value is True
            break
    assert found == [0, 1, 2, 3, 4]


def test_what_the_work_raises_is_raised_here_after_what_it_told() -> None:
    def work(tell: Tell) -> None:
        tell(1)
        raise ZeroDivisionError

    steps = run_in_thread(work)
    assert next(steps) == 1
    with pytest.raises(ZeroDivisionError):
        next(steps)


@pytest.mark.parametrize("how", ["stop", "close"])
def test_work_that_is_given_up_ends_when_it_next_tells(how: str) -> None:
    ended = threading.Event()

    def work(tell: Tell) -> None:
        try:
            while True:
                tell(1)
        except Abandoned:
            ended.set()
            raise

    steps = run_in_thread(work, lambda: how == "stop")
    assert next(steps) == 1
    if how == "stop":
        with pytest.raises(StopIteration) as end:
            next(steps)
        assert end.value.value is False
    else:
        steps.close()
    assert ended.wait(5)


def test_silent_work_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "POLLING_SECONDS", 0.01)
    wait = threading.Event()
    steps = run_in_thread(lambda tell: print(wait.wait(10), end=""), lambda: True)
    with pytest.raises(StopIteration):
        next(steps)
    wait.set()

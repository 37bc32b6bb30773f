"""Work in a thread of its own, which tells how it is coming along and can be given up."""

from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
POLLING_SECONDS = 0.1
"""Polling interval for `stop`, while the work has nothing to tell."""


class Abandoned(Exception):
    """Raised in the work where it tells something that nobody waits for any more."""


def watched(
    work: Callable[[Callable[[T], None]], None], stop: Callable[[], bool] = lambda: False
) -> Generator[T, None, bool]:
    """Runs `work(tell)` in a thread and yields what it tells; returns whether it came to its end.

    It is given up where `stop()` says so and where this generator is closed: the next `tell` then
    raises Abandoned within the work. Whatever else the work raises is raised here.
    """
    told: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()
    given_up = Event()

    def tell(report: T) -> None:
        if given_up.is_set():
            raise Abandoned
        told.put((report,))

    def run() -> None:
        try:
            work(tell)
            told.put(None)
        except BaseException as error:
            told.put(error)

    Thread(target=run, daemon=True).start()
    try:
        while True:
            try:
                report = told.get(timeout=POLLING_SECONDS)
            except Empty:
                if stop():
                    return False
                continue
            if report is None:
                return True
            if isinstance(report, BaseException):
                raise report
            yield report[0]
            if stop():
                return False
    finally:
        given_up.set()

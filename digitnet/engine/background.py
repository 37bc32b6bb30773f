"""Work in a background thread that reports its progress and can be abandoned."""

from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

POLLING_SECONDS = 0.1
"""Polling interval for `stop` while the work reports nothing."""


class Abandoned(Exception):
    """Raised in the work when it reports after it was abandoned."""


def run_in_thread(
    work: Callable[[Callable[[T], None]], None], stop: Callable[[], bool] = lambda: False
) -> Generator[T, None, bool]:
    """Runs `work(tell)` in a thread and yields what it passes to `tell`.

    Returns True if the work finished, False if `stop()` returned true. In that case, and when this
    generator is closed, the next `tell` raises Abandoned in the work. Any other exception that the
    work raises is raised here.
    """
    reports: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()
    abandoned = Event()

    def tell(report: T) -> None:
        if abandoned.is_set():
            raise Abandoned
        reports.put((report,))

    def run() -> None:
        try:
            work(tell)
            reports.put(None)
        except BaseException as error:
            reports.put(error)

    Thread(target=run, daemon=True).start()
    try:
        while True:
            try:
                report = reports.get(timeout=POLLING_SECONDS)
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
        abandoned.set()

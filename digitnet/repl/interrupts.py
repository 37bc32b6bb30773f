"""Ctrl-C while a command works: the first one asks it to stop, the second one makes it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from digitnet.repl.session import Session


@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """While this lasts, Ctrl-C sets `session.interrupted`; a second one interrupts at once."""
    session.interrupted = False
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        if session.interrupted:
            raise KeyboardInterrupt
        session.interrupted = True

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Ctrl-C: the first one asks a command at work to stop, the second one makes it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from digitnet.repl.session import Session


@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """While this lasts, Ctrl-C only sets `session.interrupted`.

    Where that is set already and a command is at work, it interrupts at once. Held for as long as
    commands are read and done, so that no Ctrl-C falls between two of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        if session.interrupted and session.working:
            raise KeyboardInterrupt
        session.interrupted = True

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Ctrl-C: the first one asks a command at work to stop, the second one makes it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from digitnet.repl.session import Session


@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """While this lasts, Ctrl-C sets `session.interrupted`, which a command at work looks at.

    Where that is set already, it interrupts the command at once; between two commands it ends a
    script (which may be waiting for its input), and does nothing to a person at the prompt, whose
    Ctrl-C the prompt reads as a key. Held for as long as commands are read and done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        at_once = session.interrupted if session.working else not session.interactive
        session.interrupted = True
        if at_once:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

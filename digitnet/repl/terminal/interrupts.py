"""Signals: Ctrl-C asks a command at work to stop; SIGTERM and SIGHUP ask the program to."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from digitnet.repl.session import Session

_ENDINGS = ("SIGTERM", "SIGHUP", "SIGQUIT")
ENDINGS = tuple(getattr(signal, name) for name in _ENDINGS if hasattr(signal, name))
"""Signals that end the program; Windows has fewer."""


@contextmanager
def uninterruptible() -> Iterator[None]:
    """While this lasts, no signal that can be held off disturbs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, *ENDINGS)}
    try:
        yield
    finally:
        for number, action in before.items():
            if action is not None:  # not one of Python's
                signal.signal(number, action)


@contextmanager
def interruptible(
    session: Session, leave_prompt: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """While this lasts, Ctrl-C sets `session.interrupted`, which a command at work looks at.

    Where that is set already, it interrupts the command at once; between two commands it ends a
    script (which may be waiting for its input), and does nothing to a person at the prompt, whose
    Ctrl-C the prompt reads as a key. SIGTERM and SIGHUP do the same and end the session too;
    `leave_prompt` is what ends a prompt. Held for as long as commands are read and done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        at_once = session.interrupted if session.working else not session.interactive
        session.interrupted = True
        if number != signal.SIGINT:
            session.ended_by, session.leaving = number, True
            leave_prompt()
        if at_once:
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDINGS)}
    heard = [number for number, action in before.items() if action is not signal.SIG_IGN]  # nohup
    for number in heard:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])

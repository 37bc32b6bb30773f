"""Signal handling: Ctrl-C stops the running command; SIGTERM and SIGHUP end the program."""

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
    """Context manager that ignores Ctrl-C and the signals in ENDINGS."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, *ENDINGS)}
    try:
        yield
    finally:
        for number, action in before.items():
            if action is not None:  # None: not installed from Python
                signal.signal(number, action)


@contextmanager
def interruptible(
    session: Session, leave_prompt: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Context manager in which Ctrl-C sets `session.interrupted`, which running commands check.

    If it is already set, Ctrl-C raises KeyboardInterrupt in the command. Between commands it ends a
    script, which may be waiting for input; at the prompt it does nothing, as the prompt reads
    Ctrl-C as a key. SIGTERM and SIGHUP do the same, and end the session. leave_prompt: called to
    end a prompt. To be active as long as commands are read and run.
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

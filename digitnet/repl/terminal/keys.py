"""The keyboard and the signals while a command runs."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Timer
from types import FrameType
from typing import Any

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


try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

LOCAL, INPUT = 3, 0
"""Indices of these flags in the list that `tcgetattr` returns."""

RETRY_SECONDS = 0.05
"""Time after which a Ctrl-Z that arrived in the middle of a write is tried again."""


@contextmanager
def keeping_keys(
    suspended: Callable[[], None], resumed: Callable[[], None]
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Context manager in which typed keys wait for the next prompt; Ctrl-C and Ctrl-Z work.

    Ctrl-Z calls `suspended()` and restores the original settings of the terminal; after `fg`,
    `resumed()` is called. Yields a context manager that restores the original settings temporarily.
    """
    attributes = _attributes()
    if attributes is None:
        yield nullcontext
        return
    found = list(attributes)
    attributes[LOCAL] &= ~(termios.ECHO | termios.ICANON)
    attributes[LOCAL] |= termios.NOFLSH  # Ctrl-C does not discard keys typed before it
    attributes[INPUT] &= ~termios.ICRNL

    def suspend(number: int, frame: FrameType | None) -> None:
        try:
            suspended()
        except RuntimeError:  # the signal arrived in the middle of a write, which comes first
            Timer(RETRY_SECONDS, suspend_later).start()
            return
        _set(found)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns after `fg`
        signal.signal(signal.SIGTSTP, suspend)
        _set(attributes)
        resumed()

    def suspend_later() -> None:
        if signal.getsignal(signal.SIGTSTP) is suspend:
            os.kill(os.getpid(), signal.SIGTSTP)

    @contextmanager
    def as_found() -> Iterator[None]:
        _set(found)
        try:
            yield
        finally:
            _set(attributes)

    before = signal.signal(signal.SIGTSTP, suspend)
    _set(attributes)
    try:
        yield as_found
    finally:
        signal.signal(signal.SIGTSTP, before)
        _set(found)


def _attributes() -> list[Any] | None:
    """The settings of the terminal; None if there is none."""
    if termios is None or not sys.stdin:
        return None
    with suppress(OSError, ValueError, termios.error):
        return termios.tcgetattr(sys.stdin.fileno())
    return None


def _set(attributes: list[Any]) -> None:
    """Changes the settings of the terminal; ignores errors, as it may be gone."""
    with suppress(OSError, termios.error):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)

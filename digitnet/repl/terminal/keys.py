"""The keyboard while a command runs: keys are not echoed, but kept for the next prompt."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Timer
from types import FrameType
from typing import Any

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
    suspended: Callable[[], None],
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Context manager in which typed keys wait for the next prompt; Ctrl-C and Ctrl-Z work.

    Ctrl-Z calls `suspended()` and restores the original settings of the terminal. Yields a context
    manager that restores the original settings temporarily.
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
    if termios is None or not sys.stdin:
        return None
    with suppress(OSError, ValueError, termios.error):
        return termios.tcgetattr(sys.stdin.fileno())
    return None


def _set(attributes: list[Any]) -> None:
    """Changes the settings of the terminal; ignores errors, as it may be gone."""
    with suppress(OSError, termios.error):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)

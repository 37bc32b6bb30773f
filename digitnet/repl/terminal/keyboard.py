"""The keyboard while a command works: keys are not shown, but kept for the next prompt.

The prompt itself sets the terminal up and puts it back each time; this is what it comes back to.
Where there is no such terminal (Windows, a pipe), nothing is done.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import FrameType
from typing import Any

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

LOCAL, INPUT = 3, 0
"""Where `tcgetattr` keeps these flags."""


@contextmanager
def keeping_keys(
    suspended: Callable[[], None], resumed: Callable[[], None]
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """While this lasts, typed keys wait for the next prompt; Ctrl-C and Ctrl-Z work.

    Ctrl-Z calls `suspended()` and leaves the terminal as it was found; after `fg`, `resumed()` is
    called. Gives a context in which the terminal is as it was found.
    """
    attributes = _attributes()
    if attributes is None:
        yield nullcontext
        return
    found = list(attributes)
    attributes[LOCAL] &= ~(termios.ECHO | termios.ICANON)
    attributes[LOCAL] |= termios.NOFLSH  # Ctrl-C takes no keys away that were typed before it
    attributes[INPUT] &= ~termios.ICRNL

    def suspend(number: int, frame: FrameType | None) -> None:
        suspended()
        _set(found)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # here we wait for `fg`
        signal.signal(signal.SIGTSTP, suspend)
        _set(attributes)
        resumed()

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
    """How the terminal is set up; None where there is none."""
    if termios is None or not sys.stdin:
        return None
    with suppress(OSError, ValueError, termios.error):
        return termios.tcgetattr(sys.stdin.fileno())
    return None


def _set(attributes: list[Any]) -> None:
    """Sets the terminal up; what cannot be is left: it may be gone."""
    with suppress(OSError, termios.error):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)

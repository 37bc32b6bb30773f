"""Signals: Ctrl-C asks the running command to stop; SIGTERM and SIGHUP end the program."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

ENDINGS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
)
"""Signals that end the program; Windows has fewer."""


@dataclass
class Interrupts:
    """What the signals have asked for.

    asked: whether Ctrl-C was pressed since the current line of commands began. ended_by: the number
    of the signal that ends the session; 0 for none. working: whether a command is running.
    waiting: whether it waits for something outside, from which Ctrl-C raises KeyboardInterrupt.
    at_prompt: whether a prompt reads the lines, and reads Ctrl-C as a key.
    """

    asked: bool = False
    ended_by: int = 0
    working: bool = False
    waiting: bool = False
    at_prompt: bool = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Context manager in which Ctrl-C ends what the command waits for."""
        self.waiting = True
        try:
            yield
        finally:
            self.waiting = False


@contextmanager
def interruptible(
    interrupts: Interrupts, leave_prompt: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Context manager in which Ctrl-C sets `asked`, at which the running command stops.

    If it is already set, Ctrl-C raises KeyboardInterrupt in the command. Between commands it ends a
    script, which may be waiting for input. SIGTERM and SIGHUP do the same, and end the session.
    leave_prompt: called to end a prompt. To be active as long as commands are read and run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        at_once = interrupts.waiting or (
            interrupts.asked if interrupts.working else not interrupts.at_prompt
        )
        interrupts.asked = True
        if number != signal.SIGINT:
            interrupts.ended_by = number
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

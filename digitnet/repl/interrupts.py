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

FIRST_TICK = 0.7  # seconds after which a command that is still running says so
CLEANING = 10  # seconds, after Ctrl-C again, that a command which was cut off may take to clean up


@dataclass
class Interrupts:
    """What the signals have asked for.

    asked: whether Ctrl-C was pressed since the current line of commands began. ended_by: the number
    of the signal that ends the session; 0 for none. working: whether a command is running.
    at_prompt: whether a prompt reads the lines, and reads Ctrl-C as a key.
    tick: called every second while a command is running, if there is a timer (`has_timer`), unless
    it has asked something, and so `is_asking`.
    patience: seconds that a command which was asked to stop may take more than the first.
    cut_off: whether KeyboardInterrupt was raised in the command, which cleans up now.
    """

    asked: bool = False
    ended_by: int = 0
    working: bool = False
    at_prompt: bool = False
    tick: Callable[[], None] = lambda: None
    has_timer: bool = False
    is_asking: Callable[[], bool] = lambda: False
    patience: int = 0
    cut_off: bool = False

    @contextmanager
    def during_command(self, tick: Callable[[], None]) -> Iterator[None]:
        """Context manager in which a command is running, and its result is shown."""
        self.working, self.cut_off, self.tick = True, False, tick
        self.set_timer(FIRST_TICK)
        try:
            yield
        finally:
            self.working = False
            self.set_timer(0)

    def set_timer(self, seconds: float) -> None:
        """The timer goes off after so many seconds, and then every second; 0 ends it."""
        if self.has_timer:
            signal.setitimer(signal.ITIMER_REAL, seconds, 1)


@contextmanager
def interruptible(
    interrupts: Interrupts, leave_prompt: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Context manager in which Ctrl-C sets `asked`, at which the running command stops.

    If it is already set, Ctrl-C raises KeyboardInterrupt in the command, as does the timer if it
    has not stopped within a second. Between commands Ctrl-C ends a script, which may be waiting for
    input. SIGTERM and SIGHUP do the same, and end the session.
    leave_prompt: called to end a prompt. To be active as long as commands are read and run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        again = interrupts.asked and not interrupts.cut_off
        at_once = again if interrupts.working else not interrupts.at_prompt
        interrupts.asked, interrupts.patience = True, CLEANING * interrupts.cut_off
        interrupts.set_timer(interrupts.working and not at_once)
        if number != signal.SIGINT:
            interrupts.ended_by = number
            leave_prompt()
        if at_once:
            interrupts.cut_off = interrupts.working
            raise KeyboardInterrupt

    def second(number: int, frame: FrameType | None) -> None:
        if interrupts.working and not interrupts.asked:
            if not interrupts.is_asking():
                interrupts.tick()
        elif interrupts.working and interrupts.patience:
            interrupts.patience -= 1
        elif interrupts.working:
            interrupts.set_timer(0)  # once: what is cleaned up now may take longer
            interrupts.cut_off = True
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDINGS)}
    heard = [number for number, action in before.items() if action is not signal.SIG_IGN]  # nohup
    for number in heard:
        signal.signal(number, handler)
    interrupts.has_timer = hasattr(signal, "setitimer")
    if interrupts.has_timer:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, second)
        heard.append(signal.SIGALRM)
    try:
        yield
    finally:
        interrupts.set_timer(0)
        interrupts.has_timer = False
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

"""A real pseudo-terminal with a program in it, its screen read by pyte: what a person sees."""

import os
import re
import signal
import sys
import termios
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn, Self

import pexpect
import pyte

from digitnet.cli import main


class Terminal:
    """A pseudo-terminal of a given size, with the program running in it.

    It is a fork of the tests, unless the arguments begin with `digitnet` or `bash`.
    """

    def __init__(self, env: dict[str, str], columns: int, rows: int, *arguments: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.written = ""
        is_started = arguments[:1] in (("bash",), ("digitnet",))
        name, *rest = arguments if arguments[:1] == ("bash",) else command(arguments[is_started:])
        self.child = pexpect.spawn(
            name,
            rest,
            env=env,
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=15,
            preexec_fn=None if is_started else lambda: become_the_program(env, arguments),
        )

    def ready(self) -> Self:
        """Waits for the first prompt."""
        self.wait_for(r"^digitnet>$")
        return self

    def type(self, keys: str) -> None:
        self.child.send(keys)

    def do(self, line: str, shown: str) -> None:
        """Types a line and waits until the screen shows the pattern."""
        self.type(f"{line}\r")
        self.wait_for(shown)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def leave(self) -> int:
        """Waits for the program to end; its exit status, or minus the signal that ended it."""
        self.read(15)
        self.child.expect(pexpect.EOF)
        self.child.wait()
        if self.child.signalstatus:
            return -int(self.child.signalstatus)
        return int(self.child.exitstatus)

    def close_window(self) -> None:
        """Closes the terminal, like closing the window of an emulator."""
        self.child.ptyproc.fileobj.close()
        self.child.ptyproc.closed = self.child.closed = True

    def bottom(self) -> str:
        """The last line of the screen."""
        return str(self.screen.display[-1]).rstrip()

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self, seconds: float) -> None:
        """Reads the program's output for this time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                written = self.child.read_nonblocking(65536, timeout=min(left, 0.05))
                self._stream.feed(written)
                self.written += written
                if "\x1b[6n" in written:  # asked where the cursor is, a terminal answers
                    cursor = self.screen.cursor
                    self.child.send(f"\x1b[{cursor.y + 1};{cursor.x + 1}R")
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return

    def wait_for(self, pattern: str, seconds: float = 15) -> float:
        """Reads until the screen shows the pattern; returns how long that took."""
        begun = time.monotonic()
        while not re.search(pattern, self.text(), re.MULTILINE):
            assert time.monotonic() - begun < seconds, f"no {pattern!r} on\n{self.text()}"
            self.read(0.02)
        return time.monotonic() - begun

    def colours(self) -> set[str]:
        """The colours of the characters on the screen."""
        return {cell.fg for row in self.screen.buffer.values() for cell in row.values()}

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.child.child_fd)[3] & termios.ECHO)


def become_the_program(env: Mapping[str, str], arguments: Sequence[str]) -> NoReturn:
    """Runs the program in a fork of the tests, which has loaded it: starting takes a second."""
    os.closerange(3, 4096)  # with the pipe that pexpect waits for
    os.environ.clear()
    os.environ.update(env)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), *(os.fdopen(n, "w", 1) for n in (1, 2))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        code = main(arguments)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def command(arguments: Sequence[str]) -> list[str]:
    """The command that starts the program."""
    return [sys.executable, "-m", "digitnet", *arguments]

"""Output of results: on a screen that is redrawn and paged, or as JSON, one object per line."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from time import perf_counter, thread_time
from typing import Any

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.text import Text

from digitnet.repl.errors import OutputError, printable, say_error
from digitnet.repl.pictures import Screen
from digitnet.repl.result import Note, Result
from digitnet.repl.terminal import PROMPT_ROWS

MAX_LOAD, INITIAL_SECONDS = 0.01, 0.15
"""Drawing takes at most this fraction of the time, plus these seconds at the start, in which the
first drawing imports what it needs. CPU time, so that other programs do not count."""

CUT_LINES, WRAP_LINES = "\x1b[?7l", "\x1b[?7h"
"""Turns line wrapping off and on: lines too long for a window that has shrunk are cut."""

ERASE_LINE, ERASE_BELOW = "\x1b[2K", "\x1b[J"


class Canvas:
    """Lines at the bottom of a terminal that are redrawn in place, if they have changed."""

    def __init__(self, screen: Console) -> None:
        self._screen, self._size = screen, screen.size
        self._shown: list[str] = []
        self._begun, self._spent = perf_counter(), 0.0

    def draw(self, what: RenderableType) -> None:
        """Redraws the lines, unless drawing has taken too much time already."""
        screen, begun, is_resized = self._screen, thread_time(), self._screen.size != self._size
        has_time = self._spent < INITIAL_SECONDS + MAX_LOAD * (perf_counter() - self._begun)
        if not (has_time or is_resized):
            return
        self._size = screen.size
        lines = screen.render_lines(what, pad=False)[: max(1, screen.height - 1)]
        with screen.capture() as captured:
            for line in lines:
                screen.print(Segments([*line, Segment.line()]), end="")
        *above, last = shown = captured.get().removesuffix("\n").split("\n")
        before = zip_longest(above, [] if is_resized else self._shown[:-1][: len(above)])
        same = ["" if line == old else f"{ERASE_LINE}{line}" for line, old in before]
        drawn, self._shown = "".join(f"{line}\n" for line in same) + ERASE_BELOW + last, shown
        back = f"\r\x1b[{len(above)}A" if above else "\r"
        self._write(f"\r{CUT_LINES}{drawn}{WRAP_LINES}{back}")
        self._spent += thread_time() - begun

    def clear(self) -> None:
        """Erases the lines; what is printed next takes their place."""
        if self._shown:
            self._write(f"\r{ERASE_BELOW}")
        self._shown = []

    def move_below(self) -> None:
        """Moves the cursor below the lines, which stay, so that the shell can write there."""
        if len(self._shown) > 1:
            self._write(f"\x1b[{len(self._shown) - 1}B")
        self._shown = []

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()


MIN_ROWS = 5  # minimum number of rows of a screen for paging
Pager = Callable[[Sequence[str], Callable[[], int], Callable[[str], object]], None]
"""Shows lines page by page, given the height of the screen and what writes on it."""


class Output(ABC):
    @abstractmethod
    def result(self, command: str, result: Result) -> None:
        """Shows the result of a command."""

    @abstractmethod
    def error(self, command: str, message: str, done: Result | None = None) -> None:
        """Shows why a command failed, on one line; below its result if it has one nevertheless."""

    def report(self, update: Note) -> None:  # noqa: B027 - may do nothing
        """Shows what a running command has done; does nothing unless overridden."""

    def tick(self, seconds: float) -> None:  # noqa: B027 - may do nothing
        """Shows how long a command has been running; does nothing unless overridden."""

    def suspend(self) -> None:  # noqa: B027 - may do nothing
        """Call this before the program is suspended (Ctrl-Z)."""


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise OutputError("the output was closed, so digitnet stopped") from error
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from None


JSON_VERSION = 1  # grows when a field of the JSON is renamed, removed or means something else


def _named(command: str, ok: bool) -> dict[str, Any]:
    return {"command": command, "ok": ok, "version": JSON_VERSION}


class JsonOutput(Output):
    """Prints one JSON object per command, on one line; errors also on standard error.

    reports: whether each report of a training is an object too, {"report": {...}}.
    """

    def __init__(self, *, reports: bool = False) -> None:
        self._reports = reports

    def report(self, update: Note) -> None:
        if self._reports and isinstance(update.shown, Result):
            self._print({"report": update.shown.as_json()})

    def result(self, command: str, result: Result) -> None:
        """{"command": ..., "ok": true, "version": 1, ...}."""
        self._print(_named(command, True) | result.as_json())

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        """{"command": ..., "ok": false, "error": ..., and what there is of a result}."""
        say_error(message)
        failed = {"error": printable(message, 600)}
        self._print(_named(command, False) | failed | (done.as_json() if done else {}))

    def _print(self, fields: dict[str, Any]) -> None:
        # NaN and infinities, which JSON cannot represent, become null
        finite = json.loads(json.dumps(fields), parse_constant=lambda _: None)
        with _writing():
            print(json.dumps(finite), flush=True)


class ScreenOutput(Output):
    """Prints results with rich; on a terminal, reports are redrawn in place.

    pager: for results that are longer than the screen; None to print them in one go.
    """

    def __init__(self, screen: Screen, errors: Screen | None = None) -> None:
        """errors: the console for errors; if None, the same."""
        self._screen, self._errors = screen, errors or screen
        self._canvas: Canvas | None = None
        self.pager: Pager | None = None
        self._has_reported = False  # since the command began, what it has done so far

    def result(self, command: str, result: Result) -> None:
        """Prints the result, page by page if it is longer than the screen."""
        self._end_updates()
        self._print(result, self.pager if self._screen.can_redraw else None)

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        """Prints one line on standard error."""
        self._end_updates()
        if done:
            self.result(command, done)
        if self._errors.is_terminal:
            self._errors.print(Text(printable(message, 600), "red"))
        else:
            say_error(message)

    def report(self, update: Note) -> None:
        """Redraws the lines at the bottom of the screen; a lasting update is printed above them."""
        self._has_reported |= not update.lasting
        self._show(update)

    def tick(self, seconds: float) -> None:
        """Unless the command reports what it does, or nothing can be redrawn."""
        if not self._has_reported and self._screen.can_redraw:
            self._show(Note(f"Running for {seconds:.0f} s. Ctrl-C stops it.", lasting=False))

    def _show(self, update: Note) -> None:
        if update.lasting:
            if self._canvas:
                self._canvas.clear()
            self._print(update)
        elif self._screen.can_redraw:
            self._canvas = self._canvas or Canvas(self._screen)
            with _writing():
                self._canvas.draw(update)
        elif (milestone := update.milestone) is not None:
            self._print(milestone)

    def _end_updates(self) -> None:
        """Erases the lines at the bottom, which are not needed once there is a result."""
        canvas, self._canvas, self._has_reported = self._canvas, None, False
        if canvas:
            with suppress(OSError):  # the next output will report it
                canvas.clear()

    def suspend(self) -> None:
        """Moves the cursor below the lines, where the shell will write."""
        if self._canvas:
            self._canvas.move_below()

    def _print(self, what: RenderableType, pager: Pager | None = None) -> None:
        """Prints and flushes; without a terminal, trailing spaces are removed."""
        screen = self._screen
        with screen.capture() as printed:
            screen.print(what)
        lines = printed.get().split("\n")[:-1]
        if not screen.is_terminal:
            lines = [line.rstrip() for line in lines]
        with _writing():
            if pager and MIN_ROWS <= screen.height < len(lines) + PROMPT_ROWS:
                pager(lines, lambda: screen.height, self._write)
            else:
                self._write("".join(f"{line}\n" for line in lines))

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()

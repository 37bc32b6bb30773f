"""Output of results: on a screen, or as JSON, one object per line."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from digitnet.repl.command import Report, Result
from digitnet.repl.errors import OutputError, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from digitnet.repl.terminal.canvas import Canvas
    from digitnet.repl.views.screen import Screen


PROMPT_ROWS = 2
"""Rows of a screen that the prompt and its toolbar take: an answer has the others."""

MIN_ROWS = 5
"""Minimum number of rows of a screen for paging."""


class Output(Protocol):
    """Shows the results of commands."""

    def result(self, command: str, result: Result) -> None:
        """Shows the result of a command."""

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        """Shows why a command failed, on one line; below its result if it has one nevertheless."""

    @contextmanager
    def live(self) -> Iterator[None]:
        """Context manager in which reports may be shown, and no prompt."""

    def report(self, report: Report) -> None:
        """Shows a report of a running command."""

    def suspend(self) -> None:
        """Call this before the program is suspended (Ctrl-Z)."""

    def resume(self) -> None:
        """Call this when the program is resumed."""


def say_error(message: str) -> None:
    """Prints one line on standard error, with control characters escaped; none if it is closed."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"digitnet: {printable(message, 600)}", file=sys.stderr, flush=True)


@contextmanager
def _writing() -> Iterator[None]:
    """Turns errors of writing into OutputError."""
    try:
        yield
    except BrokenPipeError:
        raise OutputError("the output was closed, so digitnet stopped") from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from None


def _numbers_or_null(value: Any) -> Any:
    """Replaces NaN and infinities, which JSON cannot represent, with None."""
    if isinstance(value, dict):
        return {key: _numbers_or_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers_or_null(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


class JsonOutput:
    """Prints one JSON object per command, on one line; errors also on standard error."""

    def result(self, command: str, result: Result) -> None:
        """{"command": ..., "ok": true, ...}."""
        self._print({"command": command, "ok": True} | result.as_json())

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        """{"command": ..., "ok": false, "error": ..., and what there is of a result}."""
        say_error(message)
        failed = {"command": command, "ok": False, "error": printable(message, 600)}
        self._print(failed | (done.as_json() if done else {}))

    @contextmanager
    def live(self) -> Iterator[None]:
        """Does nothing."""
        yield

    def report(self, report: Report) -> None:
        """Shows nothing: reports have no JSON."""

    def suspend(self) -> None:
        """Nothing to see to."""

    def resume(self) -> None:
        """Nothing to see to."""

    def _print(self, fields: dict[str, Any]) -> None:
        with _writing():
            print(json.dumps(_numbers_or_null(fields), allow_nan=False), flush=True)


class ScreenOutput:
    """Prints results with rich; on a terminal, reports are redrawn in place."""

    def __init__(self, screen: Callable[[bool], "Screen"], *, pages: bool = False) -> None:
        """screen(stderr): makes the console for standard output or error, when first needed.

        pages: whether to page results that are longer than the screen.
        """
        self._make_screen, self._pages = screen, pages
        self._canvas: Canvas | None = None

    @cached_property
    def _screen(self) -> "Screen":
        return self._make_screen(False)

    @cached_property
    def _errors(self) -> "Screen":
        return self._make_screen(True)

    def result(self, command: str, result: Result) -> None:
        """Prints the result, page by page if it is longer than the screen."""
        screen = self._screen
        if not (self._pages and screen.can_redraw):
            self._print(result)
            return
        with screen.capture() as printed:
            screen.print(result)
        lines = printed.get().removesuffix("\n").split("\n")
        with _writing():
            if len(lines) <= screen.height - PROMPT_ROWS or screen.height < MIN_ROWS:
                screen.file.write("".join(f"{line}\n" for line in lines))
            else:
                from digitnet.repl.terminal.pager import show_pages

                show_pages(lines, lambda: screen.height, self._write)
            screen.file.flush()

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        """Prints one line on standard error."""
        from rich.text import Text

        if done:
            self.result(command, done)
        if self._errors.is_terminal:
            self._errors.print(Text(printable(message, 600), "red"))
        else:
            say_error(message)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Sets up the lines at the bottom of the screen for reports."""
        if not self._screen.can_redraw:
            yield
            return
        from digitnet.repl.terminal.canvas import Canvas

        canvas = self._canvas = Canvas(self._screen)
        try:
            yield
        finally:
            self._canvas = None
            with suppress(OSError):  # the next output will report it
                canvas.clear()

    def report(self, report: Report) -> None:
        """Redraws the lines; a lasting report is printed above them."""
        if report.lasting:
            if self._canvas:
                self._canvas.clear()
            self._print(report)
        elif self._canvas:
            with _writing():
                self._canvas.draw(report)
        elif (milestone := report.milestone) is not None:
            self._print(milestone)

    def suspend(self) -> None:
        """Moves the cursor below the lines, where the shell will write."""
        if self._canvas:
            self._canvas.move_below()

    def resume(self) -> None:
        """Draws the next lines at the cursor, as the shell has written meanwhile."""
        if self._canvas:
            self._canvas.reset()

    def _print(self, what: "RenderableType") -> None:
        """Prints and flushes; without a terminal, trailing spaces are removed."""
        screen = self._screen
        with _writing():
            if screen.is_terminal:
                screen.print(what)
            else:
                with screen.capture() as printed:
                    screen.print(what)
                lines = printed.get().splitlines()
                screen.file.write("".join(f"{line.rstrip()}\n" for line in lines))
            screen.file.flush()

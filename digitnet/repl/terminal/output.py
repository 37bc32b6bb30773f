"""Where results go: to a person's screen, or as one JSON object a line to a script."""

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


MIN_ROWS = 5
"""Rows of a screen that has pages: fewer would hold next to nothing of anything."""


class Output(Protocol):
    """Shows what commands give back."""

    def result(self, command: str, result: Result) -> None:
        """Shows the result of a command."""

    def error(self, command: str, message: str) -> None:
        """Shows why a command could not be done, on one line."""

    @contextmanager
    def live(self) -> Iterator[None]:
        """Reports may be shown while this lasts; no prompt may."""

    def report(self, report: Report) -> None:
        """Shows a report of a command at work."""

    def suspend(self) -> None:
        """To be called before the program is suspended (Ctrl-Z)."""

    def resume(self) -> None:
        """To be called when it goes on."""


def say_error(message: str) -> None:
    """One clear line on standard error, whatever the message holds; none where that is closed."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"digitnet: {printable(message, 600)}", file=sys.stderr, flush=True)


@contextmanager
def _writing() -> Iterator[None]:
    """Makes an output that cannot be written an OutputError."""
    try:
        yield
    except BrokenPipeError:
        raise OutputError("the output was closed, so digitnet stopped") from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from None


def _numbers_or_null(value: Any) -> Any:
    """The value with null for each number that is none, which JSON has no sign for."""
    if isinstance(value, dict):
        return {key: _numbers_or_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers_or_null(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


class JsonOutput:
    """One object on one line for each command; errors also on standard error."""

    def result(self, command: str, result: Result) -> None:
        """{"command": ..., "ok": true, ...}."""
        self._print({"command": command, "ok": True} | result.as_json())

    def error(self, command: str, message: str) -> None:
        """{"command": ..., "ok": false, "error": ...}."""
        say_error(message)
        self._print({"command": command, "ok": False, "error": printable(message, 600)})

    @contextmanager
    def live(self) -> Iterator[None]:
        """Reports are for people."""
        yield

    def report(self, report: Report) -> None:
        """Nothing: one command, one line."""

    def suspend(self) -> None:
        """Nothing to see to."""

    def resume(self) -> None:
        """Nothing to see to."""

    def _print(self, fields: dict[str, Any]) -> None:
        with _writing():
            print(json.dumps(_numbers_or_null(fields), allow_nan=False), flush=True)


class ScreenOutput:
    """Results as rich shows them; on a terminal, reports in a line that renews itself."""

    def __init__(self, screen: Callable[[bool], "Screen"], *, pages: bool = False) -> None:
        """`screen(stderr)` makes the console for standard output or error when it is needed.

        pages: a person is there to turn the pages of what is longer than a terminal's screen.
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
        """The result as it knows how to look, page by page where it is longer than the screen."""
        screen = self._screen
        if not (self._pages and screen.renews):
            self._print(result)
            return
        with screen.capture() as printed:
            screen.print(result)
        lines = printed.get().removesuffix("\n").split("\n")
        with _writing():
            if len(lines) <= screen.height or screen.height < MIN_ROWS:
                screen.file.write("".join(f"{line}\n" for line in lines))
            else:
                from digitnet.repl.terminal.pager import show_pages

                show_pages(lines, lambda: screen.height, self._write)
            screen.file.flush()

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()

    def error(self, command: str, message: str) -> None:
        """One line on standard error."""
        from rich.text import Text

        if self._errors.is_terminal:
            self._errors.print(Text(printable(message, 600), "red"))
        else:
            say_error(message)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Lines at the foot of the screen for reports that do not last."""
        if not self._screen.renews:
            yield
            return
        from digitnet.repl.terminal.canvas import Canvas

        canvas = self._canvas = Canvas(self._screen)
        try:
            yield
        finally:
            self._canvas = None
            with suppress(OSError):  # what comes next will tell
                canvas.clear()

    def report(self, report: Report) -> None:
        """Renews the lines; a lasting report is printed above them."""
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
        """To be called before Ctrl-Z takes effect: the shell writes below what is drawn."""
        if self._canvas:
            self._canvas.move_below()

    def resume(self) -> None:
        """To be called when the program goes on after Ctrl-Z: the shell has written meanwhile."""
        if self._canvas:
            self._canvas.reset()

    def _print(self, what: "RenderableType") -> None:
        """Prints and flushes; without a terminal, lines have no blanks at their ends."""
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

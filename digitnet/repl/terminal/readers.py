"""Line readers: one with completion, history and hints, and one for dumb terminals."""

import os
import shutil
import stat
import textwrap
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from threading import Thread
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app, get_app_or_none, run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import (
    completion_is_selected,
    emacs_mode,
    is_done,
    is_searching,
)
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import ConditionalProcessor, DynamicProcessor, Processor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.search import accept_search
from prompt_toolkit.styles import Style

from digitnet.repl.errors import OutputError

MAX_BYTES = 200_000
"""Only this many bytes at the end of the file are read: about 5,000 lines, fast to search."""


class KeptHistory(FileHistory):
    """prompt_toolkit's history file, safe for several processes at once.

    If the file cannot be read or written, the history is kept in memory only.
    """

    def __init__(self, path: Path) -> None:
        """path: created, with its folder, when the first line is stored."""
        super().__init__(str(path))
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """The stored lines, the latest first."""
        stored: list[list[str]] = []
        for is_entry, lines in groupby(self._lines(), lambda line: line.startswith("+")):
            if is_entry:
                stored.append([line[1:] for line in lines])
        shown = [entry for entry in stored if all(line.isprintable() for line in entry)]
        return reversed(["\n".join(entry) for entry in shown])

    def _lines(self) -> list[str]:
        """The last lines of the file; none if it cannot be read."""
        with suppress(OSError), open(self._path, "rb", opener=_open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                file.seek(max(0, status.st_size - MAX_BYTES))
                return file.read().decode("utf-8", "replace").splitlines()
        return []

    def store_string(self, string: str) -> None:
        """Appends a line in a single write, so that lines of two processes never mix."""
        entry = f"\n# {datetime.now()}\n" + "".join(f"+{line}\n" for line in string.split("\n"))
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _open_nonblocking(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(descriptor, entry.encode("utf-8", "replace"))
            finally:
                os.close(descriptor)


def _open_nonblocking(path: str | Path, flags: int) -> int:
    """Opens a file, creating it with mode 600; does not block on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)


PROMPT_ROWS = 2
"""Rows of a screen that the prompt and its toolbar take: an answer has the others."""

MAX_SUGGESTION = 200
"""Maximum number of characters of a suggestion."""

MENU_ROWS = 6
"""Rows kept free below the prompt for the menu of completions, once something is typed."""

VI_MODES = {InputMode.NAVIGATION: "NORMAL", InputMode.REPLACE: "REPLACE"}
"""The names of vi's modes; all others are INSERT."""

FIRST_TOOLBAR = " no network yet: n makes one"
"""What the toolbar says until the program is loaded."""

STYLE = Style.from_dict({"auto-suggestion": "#777777 dim"})


@dataclass(frozen=True)
class Looks:
    """The appearance of a prompt that is not plain. vi: vi's keys, at first."""

    colours: bool = True
    vi: bool = False


def say(text: str) -> None:
    """Prints lines, wrapped to the width of the terminal."""
    for line in text.splitlines():
        print(textwrap.fill(line, max(1, shutil.get_terminal_size().columns - 1)))


class Program(Protocol):
    """What the start of the program and its prompt need, once it is loaded; see `repl.loop`."""

    def run(self, lines: Iterable[str], *, keep_going: bool = False) -> int: ...
    def do(self, line: str) -> None: ...
    def close(self, code: int) -> None: ...
    def first_words(self) -> str: ...
    def converse(self, reader: "Reader", looks: Looks | None, *, yes: bool) -> None: ...
    def toolbar(self, width: int) -> str: ...
    def suspend(self) -> None: ...
    def resume(self) -> None: ...

    @property
    def completer(self) -> Completer: ...
    @property
    def hint(self) -> Processor: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def vi(self) -> bool: ...
    @property
    def message(self) -> str: ...


class Loading(Completer):
    """The program, while it is loaded in a thread; completions wait for it."""

    def __init__(self, load: Callable[[], Program]) -> None:
        """Does nothing before `begin`."""
        self._future: Future[Program] = Future()
        self._thread = Thread(target=self._run, args=(load,), daemon=True)
        self._has_said = False

    def _run(self, load: Callable[[], Program]) -> None:
        try:
            self._future.set_result(load())
        except BaseException as error:
            self._future.set_exception(error)

    def begin(self, _: object = None) -> None:
        """Starts loading; further calls do nothing."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def program(self) -> Program | None:
        """The program if it is loaded."""
        return self._future.result() if self._future.done() else None

    def wait(self) -> Program:
        """The program, as soon as it is loaded."""
        self.begin()
        return self._future.result()

    def say_first(self) -> None:
        """Prints what the program has to say before the first line, once it is loaded."""
        if self.program and not self._has_said:
            self._has_said = True
            say(self.program.first_words())

    def when_loaded(self, call: Callable[[], None]) -> None:
        """Has `call` called, in the loading thread."""
        self._future.add_done_callback(lambda _: call())

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Those of the program."""
        return self.wait().completer.get_completions(document, complete_event)

    def suspend(self) -> None:
        """Call this before the program is suspended (Ctrl-Z)."""
        if self.program:
            self.program.suspend()

    def resume(self) -> None:
        """Call this when the program is resumed."""
        if self.program:
            self.program.resume()


class Reader(Protocol):
    """Reads lines and answers. Ctrl-C raises KeyboardInterrupt, Ctrl-D EOFError.

    Raises OutputError if the terminal is gone.
    """

    def line(self, message: str) -> str:
        """Reads a line of commands."""

    def answer(self, question: str) -> str:
        """Asks a question."""

    def leave(self) -> None:
        """Ends the current read, if any; called by signal handlers."""


@dataclass
class DumbReader:
    """Reads lines as plain text, with the terminal's original settings."""

    as_found: Callable[[], AbstractContextManager[None]]
    _reading: bool = False

    def line(self, message: str) -> str:
        """See Reader."""
        with _on_a_terminal(), self.as_found():
            self._reading = True
            try:
                return input(message)
            finally:
                self._reading = False

    answer = line

    def leave(self) -> None:
        """See Reader."""
        if self._reading:
            raise EOFError


class FullReader:
    """Reads lines with completion, history, suggestions and a toolbar."""

    def __init__(self, loading: Loading, looks: Looks, history: Path | None) -> None:
        """history: the history file; None for a history in memory."""
        self._loading, self._looks = loading, looks
        kept = KeptHistory(history) if history else InMemoryHistory()
        hint = DynamicProcessor(lambda: loading.program.hint if loading.program else None)
        self._prompt: PromptSession[str] = PromptSession(
            history=kept,
            completer=loading,
            complete_in_thread=True,
            complete_while_typing=True,
            auto_suggest=ShortSuggestions(),
            input_processors=[ConditionalProcessor(hint, ~is_done)],
            bottom_toolbar=self._foot,
            key_bindings=_keys(),
            enable_suspend=True,
            enable_open_in_editor=True,
            color_depth=None if looks.colours else ColorDepth.DEPTH_1_BIT,
            style=STYLE,
        )
        self._prompt.app.before_render += self._fit
        self._prompt.app.after_render += loading.begin
        loading.when_loaded(self._say_first)

    def _say_first(self) -> None:
        """Prints above the prompt, if it is there, what the loaded program has to say."""
        app = self._prompt.app
        if app.is_running and app.loop is not None:
            app.loop.call_soon_threadsafe(lambda: run_in_terminal(self._loading.say_first))

    def line(self, message: str) -> str:
        """See Reader."""
        with _on_a_terminal():
            program = self._loading.program
            vi = program.vi if program else self._looks.vi
            return self._prompt.prompt(message, vi_mode=vi)

    def answer(self, question: str) -> str:
        """See Reader."""
        with _on_a_terminal():
            prompt: PromptSession[str] = PromptSession()
            return prompt.prompt(question)

    def leave(self) -> None:
        """See Reader."""
        app = get_app_or_none()
        if app is not None and app.is_running and app.loop is not None:
            app.loop.call_soon_threadsafe(_exit)

    def _foot(self) -> str:
        """The toolbar, preceded by vi's mode if vi keys are on."""
        app, mode = get_app(), ""
        if app.editing_mode == EditingMode.VI:
            mode = f" {VI_MODES.get(app.vi_state.input_mode, 'INSERT')} |"
        width = app.output.get_size().columns - len(mode)
        program = self._loading.program
        return mode + (program.toolbar(width) if program else FIRST_TOOLBAR[: width - 1])

    def _fit(self, app: "Application[str]") -> None:
        """Reserves rows for the completion menu, as many as a small window can spare; none until
        something is typed, so that they do not push the head of an answer off the screen.
        """
        spare = app.output.get_size().rows - PROMPT_ROWS
        needed = 0 if not app.current_buffer.text else MENU_ROWS
        self._prompt.reserve_space_for_menu = max(0, min(needed, spare))


@contextmanager
def _on_a_terminal() -> Iterator[None]:
    """Turns the error of a closed terminal into OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"the terminal is gone: {error.strerror or error}") from None


class ShortSuggestions(AutoSuggestFromHistory):
    """Suggests lines from the history, unless they are so long that they would fill the screen."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """The rest of the line from the history; None if it is too long."""
        found = super().get_suggestion(buffer, document)
        return found if found and len(found.text) <= MAX_SUGGESTION else None


def _keys() -> KeyBindings:
    """The key bindings: Tab accepts a single completion at once, Enter the selected one; Enter runs
    a line found with Ctrl-R.
    """
    keys = KeyBindings()

    @keys.add("tab", filter=~is_searching)
    def complete(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        state = buffer.complete_state
        document = state.original_document if state else buffer.document
        asked = CompleteEvent(completion_requested=True)
        offered = list(islice(buffer.completer.get_completions(document, asked), 2))
        if len(offered) == 1:
            buffer.complete_state = None
            buffer.document = document
            buffer.apply_completion(offered[0])
        elif state:
            buffer.complete_next()
        else:
            buffer.start_completion(insert_common_part=True)

    @keys.add("enter", filter=completion_is_selected)
    def take_completion(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=is_searching & emacs_mode)
    def do_what_was_found(event: KeyPressEvent) -> None:
        accept_search()
        event.app.current_buffer.validate_and_handle()

    return keys


def _exit() -> None:
    app = get_app_or_none()
    if app is not None and app.future is not None and not app.future.done():
        app.exit(exception=EOFError())

"""Line readers: one with completion, history and hints, and one for dumb terminals."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app, get_app_or_none
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import (
    Condition,
    completion_is_selected,
    emacs_mode,
    is_done,
    is_searching,
)
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import ConditionalProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.search import accept_search
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

from digitnet.registry.model import SEEN, Accuracy
from digitnet.repl.errors import OutputError
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import Hint, Offers
from digitnet.repl.terminal.output import PROMPT_ROWS


def toolbar(session: Session, width: int) -> str:
    """The toolbar's text, as much as fits, the most important first. Does no slow work."""
    shown = ""
    for part in _parts(session):
        longer = f"{shown} | {part}" if shown else f" {part}"
        if len(longer) < width:
            shown = longer
    return shown


def _parts(session: Session) -> list[str]:
    """The parts of the toolbar, the most important first."""
    model = session.hand
    if model is None:
        return ["no network yet: n makes one", f"data {session.shelf.name}"]
    name = model.name or model.recipe or model.network.shape
    parts = [f"{name}{' (not saved)' if session.unsaved else ''}"]
    if model.accuracy:
        parts.append(f"{_cases(model.accuracy, session)} {percent(model.accuracy.value)}")
    return [
        *parts,
        *([model.network.shape] if name != model.network.shape else []),
        counted(model.trainer.progress.batches, "mini-batch"),
        f"data {session.shelf.name}",
    ]


def _cases(accuracy: "Accuracy", session: Session) -> str:
    """What an accuracy was measured on: `test`, `validation`, `mnist test`, `test (seen)`."""
    on = accuracy.on.removeprefix(f"{session.shelf.name} ")
    return f"{on.removesuffix(SEEN)} (seen in training)" if accuracy.is_seen else on


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
        lines: list[str] = []
        entries: list[str] = []
        for line in [*self._lines(), ""]:
            if line.startswith("+"):
                lines.append(line[1:])
            elif lines:
                entries.append("\n".join(lines))
                lines = []
        return reversed(entries)

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


PRELOADED = (
    "digitnet.repl.loop",
    "digitnet.registry.saves",
    "digitnet.digits.datasets",
)
"""Modules imported in the background: they import numpy, scipy and rich, in half a second."""

MAX_SUGGESTION = 200
"""Maximum number of characters of a suggestion."""

MENU_ROWS = 6
"""Rows kept free below the prompt for the menu of completions, once something is typed."""

VI_MODES = {InputMode.NAVIGATION: "NORMAL", InputMode.REPLACE: "REPLACE"}
"""The names of vi's modes; all others are INSERT."""

STYLE = Style.from_dict({"auto-suggestion": "#777777 dim"})


@dataclass(frozen=True)
class Looks:
    """The appearance of the prompt. plain: nothing but the line. colours: whether to use them."""

    plain: bool = False
    colours: bool = True


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
    """Reads lines on a dumb terminal, with its original settings."""

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
    """Reads lines with completion, history, suggestions and a toolbar, unless plain."""

    def __init__(self, session: Session, looks: Looks, history: Path | None) -> None:
        """history: the history file; None for a history in memory."""
        self._session, self._plain = session, looks.plain
        kept = KeptHistory(history) if history else InMemoryHistory()
        helps: dict[str, Any] = {
            "complete_in_thread": True,
            "complete_while_typing": True,
            "auto_suggest": ShortSuggestions(),
            "input_processors": [ConditionalProcessor(Hint(session.aliases), ~is_done)],
            "bottom_toolbar": lambda: _foot(session),
            "style": STYLE,
        }
        plain = {"complete_while_typing": False, "complete_style": CompleteStyle.READLINE_LIKE}
        self._prompt: PromptSession[str] = PromptSession(
            history=kept,
            completer=Offers(session),
            key_bindings=_keys(menu=not looks.plain),
            enable_suspend=True,
            color_depth=None if looks.colours and not looks.plain else ColorDepth.DEPTH_1_BIT,
            **(plain if looks.plain else helps),
        )
        self._prompt.app.before_render += self._fit
        self._prompt.app.after_render += _preload

    def line(self, message: str) -> str:
        """See Reader."""
        with _on_a_terminal():
            return self._prompt.prompt(message, vi_mode=self._session.vi)

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

    def _fit(self, app: "Application[str]") -> None:
        """Reserves rows for the completion menu, as many as a small window can spare; none until
        something is typed, so that they do not push the head of an answer off the screen.
        """
        spare = app.output.get_size().rows - PROMPT_ROWS
        needed = 0 if self._plain or not app.current_buffer.text else MENU_ROWS
        self._prompt.reserve_space_for_menu = max(0, min(needed, spare))


@contextmanager
def _on_a_terminal() -> Iterator[None]:
    """Turns the error of a closed terminal into OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"the terminal is gone: {error.strerror or error}") from None


def _foot(session: Session) -> str:
    """The toolbar, preceded by vi's mode if vi keys are on."""
    app = get_app()
    mode = ""
    if app.editing_mode == EditingMode.VI:
        mode = f" {VI_MODES.get(app.vi_state.input_mode, 'INSERT')} |"
    return mode + toolbar(session, app.output.get_size().columns - len(mode))


class ShortSuggestions(AutoSuggestFromHistory):
    """Suggests lines from the history, unless they are so long that they would fill the screen."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """The rest of the line from the history; None if it is too long."""
        found = super().get_suggestion(buffer, document)
        return found if found and len(found.text) <= MAX_SUGGESTION else None


def _keys(*, menu: bool) -> KeyBindings:
    """The key bindings: Enter accepts the selected completion, and runs a line found with Ctrl-R.

    menu: whether completions are shown in a menu; Tab then accepts a single one at once.
    """
    keys = KeyBindings()

    @keys.add("tab", filter=Condition(lambda: menu) & ~is_searching)
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


def _preload(app: "Application[str]") -> None:
    """Imports what the first command will need, once the prompt is on the screen."""
    app.after_render -= _preload
    Thread(target=lambda: [import_module(name) for name in PRELOADED], daemon=True).start()

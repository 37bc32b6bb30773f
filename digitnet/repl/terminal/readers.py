"""What reads the lines a person types: with all that helps typing, or on a bare terminal."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
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
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import ConditionalProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.search import accept_search
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

from digitnet.repl.errors import OutputError
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import Hint, Offers
from digitnet.repl.terminal.history import KeptHistory
from digitnet.repl.terminal.toolbar import toolbar

PRELOADED = (
    "digitnet.repl.loop",
    "digitnet.registry.registry",
    "digitnet.digits.datasets",
    "digitnet.repl.views.tables",
)
"""These take numpy, scipy and rich along, which load in half a second."""

MAX_SUGGESTION = 200
"""Characters of a suggestion."""

MENU_ROWS = 6
"""Rows kept free below the prompt for the menu of completions."""

VI_MODES = {InputMode.NAVIGATION: "NORMAL", InputMode.REPLACE: "REPLACE"}
"""What vi calls its modes; all others insert."""

STYLE = Style.from_dict({"auto-suggestion": "#777777 dim"})


@dataclass(frozen=True)
class Looks:
    """How the prompt looks. plain: nothing but the line. colours: whether there may be any."""

    plain: bool = False
    colours: bool = True


class Reader(Protocol):
    """What reads lines and answers. Ctrl-C raises KeyboardInterrupt, Ctrl-D EOFError.

    Raises OutputError where the terminal is gone.
    """

    def line(self, message: str) -> str:
        """A line of commands."""

    def answer(self, question: str) -> str:
        """The answer to a question."""

    def leave(self) -> None:
        """Ends the reading that is under way, if any; to be called by a signal's handler."""


@dataclass
class DumbReader:
    """Reads on a terminal that can do nothing but show what is written, under its own settings."""

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
    """Reads with all that helps typing, as far as the looks allow."""

    def __init__(self, session: Session, looks: Looks, history: Path | None) -> None:
        """The history is that of the file, and lasts as long as the program where there is none."""
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
        """Keeps as many rows for the menu of completions as a small window can spare."""
        spare = app.output.get_size().rows - 2
        self._prompt.reserve_space_for_menu = 0 if self._plain else max(0, min(MENU_ROWS, spare))


@contextmanager
def _on_a_terminal() -> Iterator[None]:
    """Makes the error of a terminal that was closed an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"the terminal is gone: {error.strerror or error}") from None


def _foot(session: Session) -> str:
    """The toolbar, in front of it the mode that vi's keys are in."""
    app = get_app()
    mode = ""
    if app.editing_mode == EditingMode.VI:
        mode = f" {VI_MODES.get(app.vi_state.input_mode, 'INSERT')} |"
    return mode + toolbar(session, app.output.get_size().columns - len(mode))


class ShortSuggestions(AutoSuggestFromHistory):
    """Suggests a line typed before, unless it is so long that its rest would cover the screen."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """What the line typed before has after what is typed now."""
        found = super().get_suggestion(buffer, document)
        return found if found and len(found.text) <= MAX_SUGGESTION else None


def _keys(*, menu: bool) -> KeyBindings:
    """Enter takes the completion that is selected; what Ctrl-R found, it does at once. Where
    completions are in a menu, Tab takes one that is the only one, and keeps it.
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
    """Loads what the first command will need, now that the prompt is on the screen."""
    app.after_render -= _preload
    Thread(target=lambda: [import_module(name) for name in PRELOADED], daemon=True).start()

"""The prompt: reads lines at a terminal while the program is loaded, and has them run.

The first prompt needs prompt_toolkit alone. A thread loads the program, with numpy, scipy and rich,
while the person looks at it; a line typed before that waits for it.
"""

import os
import shutil
import signal
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path
from threading import Thread, Timer
from time import perf_counter
from types import FrameType
from typing import Any, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app, get_app_or_none, run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import completion_is_selected, emacs_mode, is_done, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import ConditionalProcessor, DynamicProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.search import accept_search
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import is_dumb_terminal

from digitnet import __version__, paths
from digitnet.flags import Config
from digitnet.repl.errors import CommandError, OutputError
from digitnet.repl.interrupts import Interrupts, interruptible
from digitnet.repl.terminal import PROMPT_ROWS
from digitnet.repl.terminal.history import FAILED, KeptHistory, Suggestions

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

GREETING = """\
digitnet {}: train a neural network to read handwritten digits.
{}tour shows you round in two minutes, ? lists all commands, s leaves."""

NEWCOMER = "Type t to train one, c to ask it, d to draw a digit, pas NAME to keep it.\n"
"""For a person who has no saves yet; others are welcomed back once the list of them is read."""

MENU_ROWS = 6
"""Rows kept free below the prompt for the menu of completions, once something is typed."""

VI_MODES = {InputMode.NAVIGATION: "NORMAL", InputMode.REPLACE: "REPLACE"}
"""The names of vi's modes; all others are INSERT."""

FIRST_TOOLBAR = " no network yet: n makes one"  # what the toolbar says until the program is loaded
STYLE = Style.from_dict({"auto-suggestion": "#777777 dim"})


def say(text: str) -> None:
    for line in text.splitlines():
        print(textwrap.fill(line, max(1, shutil.get_terminal_size().columns - 1)))


Program = Any  # a `repl.conversation.Conversation`, which this file must not import


class Loading(Completer):
    """The program, while it is loaded in a thread; completions wait for it.

    first_words: what it has to say before the first line, until that is said.
    """

    def __init__(self, load: Callable[[], Program]) -> None:
        """load: raises CommandError if the program cannot be loaded. Does nothing yet."""
        self.future: Future[Program] = Future()
        self._thread = Thread(target=self._run, args=(load,), daemon=True)
        self.first_words = ""

    def _run(self, load: Callable[[], Program]) -> None:
        try:
            program = load()
            self.first_words = program.first_words()
            self.future.set_result(program)
        except BaseException as error:
            self.future.set_exception(error)

    def begin(self, _: object = None) -> None:
        if self._thread.ident is None:
            self._thread.start()

    @property
    def has_failed(self) -> bool:
        """Whether the program cannot be loaded, for the reason that `wait` raises."""
        return self.future.done() and self.future.exception() is not None

    @property
    def program(self) -> Program | None:
        return self.future.result() if self.future.done() and not self.has_failed else None

    def wait(self) -> Program:
        self.begin()
        return self.future.result()

    def say_first(self) -> None:
        words, self.first_words = self.first_words, ""
        say(words)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        with suppress(CommandError):
            yield from self.wait().completer.get_completions(document, complete_event)

    def suspend(self) -> None:
        """Call this before the program is suspended (Ctrl-Z)."""
        if self.program:
            self.program.output.suspend()

    def resume(self, seconds: float) -> None:
        """Call this after the program was suspended for so many seconds."""
        if self.program:
            self.program.clock.suspended += seconds


class Reader(Protocol):
    """Reads lines and answers to questions. Ctrl-C raises KeyboardInterrupt, Ctrl-D EOFError.

    Raises OutputError if the terminal is gone. colours: None if nothing but text can be shown.
    leave(): ends the current read, if any; called by signal handlers.
    """

    @property
    def colours(self) -> bool | None: ...

    def line(self, message: str) -> str: ...
    def answer(self, question: str) -> str: ...
    def leave(self) -> None: ...


class DumbReader:
    """Reads lines as plain text, with the terminal's original settings."""

    colours = None

    def __init__(self, as_found: Callable[[], AbstractContextManager[None]]) -> None:
        self._as_found, self._reading = as_found, False

    def line(self, message: str) -> str:
        with _on_a_terminal(), self._as_found():
            self._reading = True
            try:
                return input(message)
            except EOFError:  # Ctrl-D, unless the terminal is gone, which would be read for ever
                if not sys.stdin.isatty():
                    raise OSError("it was closed") from None
                raise
            finally:
                self._reading = False

    answer = line

    def leave(self) -> None:
        if self._reading:
            raise EOFError


class FullReader:
    """Reads lines with completion, history, suggestions and a toolbar. vi: vi's keys, at first."""

    def __init__(
        self, loading: Loading, history: KeptHistory, *, colours: bool = True, vi: bool = False
    ) -> None:
        self._loading, self.colours, self._vi = loading, colours, vi
        hint = DynamicProcessor(lambda: loading.program.hint if loading.program else None)
        self._prompt: PromptSession[str] = PromptSession(
            history=history,
            completer=loading,
            complete_in_thread=True,
            complete_while_typing=True,
            auto_suggest=Suggestions(),
            input_processors=[ConditionalProcessor(hint, ~is_done)],
            bottom_toolbar=self._foot,
            key_bindings=_keys(),
            enable_suspend=True,
            enable_open_in_editor=True,
            color_depth=None if colours else ColorDepth.DEPTH_1_BIT,
            style=STYLE,
        )
        self._prompt.app.before_render += self._fit
        self._prompt.app.after_render += loading.begin
        loading.future.add_done_callback(self._tell)

    def _tell(self, _: object) -> None:
        """Prints above the prompt what the loaded program has to say; leaves if there is none."""
        app, loading = self._prompt.app, self._loading
        if app.is_running and app.loop is not None:
            if loading.has_failed:
                app.loop.call_soon_threadsafe(_exit, app)
            elif loading.first_words:
                app.loop.call_soon_threadsafe(lambda: run_in_terminal(loading.say_first))

    def line(self, message: str) -> str:
        program = self._loading.program
        with _on_a_terminal():
            vi = program.session.vi if program else self._vi
            return self._prompt.prompt(message, vi_mode=vi)

    def answer(self, question: str) -> str:
        with _on_a_terminal():
            return PromptSession[str]().prompt(question)

    def leave(self) -> None:
        app = get_app_or_none()
        if app is not None and app.is_running and app.loop is not None:
            app.loop.call_soon_threadsafe(_exit, app)

    def _foot(self) -> str:
        """The toolbar, preceded by vi's mode if vi keys are on."""
        app, program, mode = get_app(), self._loading.program, ""
        if app.editing_mode == EditingMode.VI:
            mode = f" {VI_MODES.get(app.vi_state.input_mode, 'INSERT')} |"
        width = app.output.get_size().columns - len(mode)
        return mode + (program.toolbar(width) if program else FIRST_TOOLBAR[: width - 1])

    def _fit(self, app: "Application[str]") -> None:
        """Reserves rows for the completion menu, as many as a small window can spare; none until
        something is typed, so that they do not push the head of an answer off the screen.
        """
        spare = app.output.get_size().rows - PROMPT_ROWS
        needed = MENU_ROWS if app.current_buffer.text else 0
        self._prompt.reserve_space_for_menu = max(0, min(needed, spare))


@contextmanager
def _on_a_terminal() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"the terminal is gone: {error.strerror or error}") from None


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


def _exit(app: "Application[Any]") -> None:
    if app.future is not None and not app.future.done():
        app.exit(exception=EOFError())


def open_prompt(options: Namespace, config: Config, load: Callable[[Interrupts], Program]) -> int:
    """Opens the prompt; returns the exit code. load: see Loading."""
    interrupts, code = Interrupts(), 1
    loading = Loading(lambda: load(interrupts))
    saves = Path(options.saves).expanduser() if options.saves else paths.saves_folder()
    if not options.json:
        say(GREETING.format(__version__, "" if any(saves.glob("*.pickle")) else NEWCOMER))
    if config.aliases:  # there may be a warning, which belongs above the prompt
        loading.wait()
    history = KeptHistory(paths.state_folder() / "history")
    try:
        converse(loading, interrupts, options, history)
        code = 0
    except KeyboardInterrupt:
        code = 130
    finally:
        loading.wait().close(code)
    return code


def converse(
    loading: Loading, interrupts: Interrupts, options: Namespace, history: KeptHistory
) -> None:
    """Reads lines and runs them until the user leaves."""
    interrupts.at_prompt = True
    colours = not (options.no_color or os.environ.get("NO_COLOR"))
    interrupts.is_asking = lambda: get_app_or_none() is not None
    with keeping_keys(loading.suspend, loading.resume) as as_found:
        reader: Reader
        if options.plain or options.json or is_dumb_terminal():
            reader = DumbReader(as_found)
            loading.wait()
            loading.say_first()
        else:
            reader = FullReader(loading, history, colours=colours, vi=bool(options.vi))
        with interruptible(interrupts, reader.leave):
            while not (
                interrupts.ended_by or (loading.program and loading.program.session.is_over)
            ):
                line = _line(reader, loading)
                if line is not None and not interrupts.ended_by:
                    program = loading.wait()
                    program.converse(reader, yes=options.yes)
                    loading.say_first()
                    if not program.do(line):
                        history.store_string(line, FAILED)


def _line(reader: Reader, loading: Loading) -> str | None:
    """A line, None if Ctrl-C was pressed; Ctrl-D leaves like `s`."""
    try:
        return reader.line(loading.program.message() if loading.program else "digitnet> ")
    except KeyboardInterrupt:
        return None
    except EOFError:
        return "s"


# the keyboard while a command runs: keys are not echoed, but kept for the next prompt

LOCAL = 3  # the index of these flags in the list that `tcgetattr` returns
RETRY_SECONDS = 0.05
"""Time after which a Ctrl-Z that arrived in the middle of a write is tried again."""


@contextmanager
def keeping_keys(
    suspended: Callable[[], None], resumed: Callable[[float], None]
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Context manager in which typed keys wait for the next prompt; Ctrl-C and Ctrl-Z work.

    Ctrl-Z calls `suspended()` and restores the original settings of the terminal; at its end,
    `resumed` is called with how long it was. Yields a context manager that restores the original
    settings temporarily.
    """
    attributes = _attributes()
    if attributes is None:
        yield nullcontext
        return
    found = list(attributes)
    attributes[LOCAL] &= ~(termios.ECHO | termios.ICANON)
    attributes[LOCAL] |= termios.NOFLSH  # Ctrl-C does not discard keys typed before it

    def suspend(number: int, frame: FrameType | None) -> None:
        try:
            suspended()
        except RuntimeError:  # the signal arrived in the middle of a write, which comes first
            Timer(RETRY_SECONDS, suspend_later).start()
            return
        _set(found)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        begun = perf_counter()
        os.kill(os.getpid(), signal.SIGTSTP)  # returns after `fg`
        resumed(perf_counter() - begun)
        signal.signal(signal.SIGTSTP, suspend)
        _set(attributes)

    def suspend_later() -> None:
        if signal.getsignal(signal.SIGTSTP) is suspend:
            os.kill(os.getpid(), signal.SIGTSTP)

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
    if termios is None or not sys.stdin:
        return None
    with suppress(OSError, ValueError, termios.error):
        return termios.tcgetattr(sys.stdin.fileno())
    return None


def _set(attributes: list[Any]) -> None:
    """Changes the settings of the terminal; ignores errors, as it may be gone."""
    with suppress(OSError, termios.error):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)

"""The prompt: reads lines from a person at a terminal."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app, get_app_or_none
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import completion_is_selected, is_searching
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.search import accept_search
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

from digitnet import __version__
from digitnet.repl.command import Note
from digitnet.repl.completion import Hint, Offers
from digitnet.repl.history import KeptHistory
from digitnet.repl.interrupts import interruptible
from digitnet.repl.keyboard import keeping_keys
from digitnet.repl.output import Output
from digitnet.repl.session import Session
from digitnet.repl.toolbar import toolbar

GREETING = f"""\
digitnet {__version__}: train a neural network to read handwritten digits.
Type t to train one, c to ask it about a digit, pas NAME to keep it.
tour shows you round in two minutes, ? lists all commands, s leaves."""

NEEDED_SOON = (
    "digitnet.repl.loop",
    "digitnet.registry.registry",
    "digitnet.digits.datasets",
    "digitnet.repl.views.tables",
)
"""These take numpy, scipy and rich along, which load in half a second."""

STYLE = Style.from_dict({"auto-suggestion": "#777777"})


@dataclass(frozen=True)
class Looks:
    """How the prompt looks. plain: nothing but the line. colours: whether there may be any."""

    plain: bool = False
    colours: bool = True


@dataclass(frozen=True)
class Person:
    """Asks the person at the terminal."""

    yes: bool

    def confirm(self, question: str) -> bool:
        """Whether the answer begins with y; yes without asking where `--yes` was given."""
        return self.yes or self._answer(f"{question} [y/N] ").lower().startswith("y")

    def ask(self, question: str) -> str:
        """The answer, empty for none."""
        return self._answer(f"{question} ")

    def _answer(self, question: str) -> str:
        try:
            prompt: PromptSession[str] = PromptSession()
            return prompt.prompt(question).strip()
        except (KeyboardInterrupt, EOFError):
            return ""


def converse(
    session: Session,
    output: Output,
    *,
    yes: bool = False,
    looks: Looks = Looks(),
    history: Path | None = None,
) -> None:
    """Reads lines and does them until the person leaves."""
    reader = _reader(session, looks, history)
    reader.app.after_render += _load_behind
    session.asker = Person(yes)
    with interruptible(session, _leave_prompt), keeping_keys(output.resume):
        while not session.leaving:
            try:
                line = reader.prompt(message(session), vi_mode=session.vi)
            except KeyboardInterrupt:
                continue
            except EOFError:
                if session.leaving:
                    break
                line = "s"
            from digitnet.repl.loop import do_line  # and all commands, behind the first prompt

            do_line(line, session, output)
            _guide(session, output)


def _guide(session: Session, output: Output) -> None:
    """Says what comes next in the tour, if one is under way."""
    tour = session.tour
    if tour is not None and session.done != "tour" and not session.leaving:
        output.report(Note(f"\n{tour.after(session.done)}"))
        if tour.is_over:
            session.tour = None


def message(session: Session) -> str:
    """`first*> `: the network in hand, and a star where something is not saved."""
    if session.hand is None:
        return "digitnet> "
    name = session.hand.name or session.hand.recipe or session.hand.network.shape
    return f"{name}{'*' if session.unsaved else ''}> "


def _reader(session: Session, looks: Looks, history: Path | None) -> "PromptSession[str]":
    """What reads the lines, with all that helps typing them."""
    kept = KeptHistory(history) if history else InMemoryHistory()
    colours = None if looks.colours else ColorDepth.DEPTH_1_BIT
    if looks.plain:
        return PromptSession(
            history=kept,
            completer=Offers(session),
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            color_depth=ColorDepth.DEPTH_1_BIT,
            enable_suspend=True,
        )
    return PromptSession(
        history=kept,
        completer=Offers(session),
        complete_in_thread=True,
        complete_while_typing=True,
        auto_suggest=AutoSuggestFromHistory(),
        input_processors=[Hint()],
        key_bindings=_keys(),
        bottom_toolbar=lambda: toolbar(session, get_app().output.get_size().columns),
        color_depth=colours,
        style=STYLE,
        enable_suspend=True,
        reserve_space_for_menu=6,
    )


def _keys() -> KeyBindings:
    """Enter takes the completion that is selected; what Ctrl-R found, it does at once."""
    keys = KeyBindings()

    @keys.add("enter", filter=completion_is_selected)
    def take_completion(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=is_searching)
    def do_what_was_found(event: KeyPressEvent) -> None:
        accept_search()
        event.app.current_buffer.validate_and_handle()

    return keys


def _leave_prompt() -> None:
    """Ends the prompt that is reading, if one is; to be called by a signal's handler."""
    app = get_app_or_none()
    if app is not None and app.is_running and app.loop is not None:
        app.loop.call_soon_threadsafe(_exit)


def _exit() -> None:
    app = get_app_or_none()
    if app is not None and app.future is not None and not app.future.done():
        app.exit(exception=EOFError())


def _load_behind(app: "Application[str]") -> None:
    """Loads what the first command will need, now that the prompt is on the screen."""
    app.after_render -= _load_behind
    Thread(target=lambda: [import_module(name) for name in NEEDED_SOON], daemon=True).start()

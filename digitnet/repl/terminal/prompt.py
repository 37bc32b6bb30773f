"""The prompt: reads lines at a terminal and runs them."""

from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.utils import is_dumb_terminal

from digitnet import __version__
from digitnet.repl.board import Board
from digitnet.repl.errors import CommandError
from digitnet.repl.loop import do_line
from digitnet.repl.result import Note
from digitnet.repl.session import NO_BOARD, Session
from digitnet.repl.terminal.board import draw_on
from digitnet.repl.terminal.keys import interruptible, keeping_keys
from digitnet.repl.terminal.output import Output
from digitnet.repl.terminal.readers import DumbReader, FullReader, Looks, Reader

GREETING = f"""\
digitnet {__version__}: train a neural network to read handwritten digits.
Type t to train one, c to ask it about a digit, pas NAME to keep it.
tour shows you round in two minutes, ? lists all commands, s leaves."""


@dataclass(frozen=True)
class Person:
    """Asks the user at the terminal. looks: None for a dumb terminal."""

    reader: Reader
    yes: bool
    looks: Looks | None

    def confirm(self, question: str) -> bool:
        """Whether the answer is y or yes; does not ask if `--yes` was given."""
        return self.choose(question, "y/N") == "y"

    def choose(self, question: str, choices: str) -> str:
        """The first letter of the answer, empty for none; y if `--yes` was given.

        Asks once more if the answer is anything else, such as a command typed ahead.
        """
        if self.yes:
            return "y"
        may_save = "s=save" in choices
        words = {"", "y", "yes", "n", "no", *(("s", "save") if may_save else ())}
        for again in ("", f"Please answer {'y, n or s' if may_save else 'y or n'}. "):
            answer = self._answer(f"{again}{question} [{choices}] ").lower()
            if answer in words:
                return answer[:1]
        return ""

    def ask(self, question: str) -> str:
        """The answer, empty for none."""
        return self._answer(f"{question} ")

    def draw(self, board: "Board") -> bool:
        """Opens the board; returns whether the user finished a drawing."""
        if self.looks is None or self.looks.plain:
            raise CommandError(NO_BOARD)
        return draw_on(board, colours=self.looks.colours)

    def _answer(self, question: str) -> str:
        try:
            return self.reader.answer(question).strip()
        except (KeyboardInterrupt, EOFError):
            return ""


def converse(
    session: Session,
    output: Output,
    *,
    yes: bool = False,
    looks: Looks = Looks(),  # noqa: B008 - it is frozen
    history: Path | None = None,
) -> None:
    """Reads lines and runs them until the user leaves."""
    with keeping_keys(output.suspend, output.resume) as as_found:
        dumb = is_dumb_terminal()
        reader = DumbReader(as_found) if dumb else FullReader(session, looks, history)
        session.asker = Person(reader, yes, None if dumb else looks)
        with interruptible(session, reader.leave):
            _read_and_do(session, output, reader)


def _read_and_do(session: Session, output: Output, reader: Reader) -> None:
    """The loop of `converse`."""
    while not session.leaving:
        try:
            line = reader.line(message(session))
        except KeyboardInterrupt:
            continue
        except EOFError:
            if session.leaving:
                break
            line = "s"
        do_line(line, session, output)
        _guide(session, output)


def _guide(session: Session, output: Output) -> None:
    """Prints the next step of the tour, if there is one."""
    tour = session.tour
    if tour is not None and session.done != "tour" and not session.leaving:
        output.report(Note(f"\n{tour.after(session.done)}"))
        if tour.is_over:
            session.tour = None


def message(session: Session) -> str:
    """The prompt's text, such as `first*> `: the network in hand, and a star if it is unsaved."""
    if session.hand is None:
        return "digitnet> "
    name = session.hand.name or session.hand.recipe or session.hand.network.shape
    return f"{name}{'*' if session.unsaved else ''}> "

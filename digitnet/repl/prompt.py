"""The prompt: reads lines from a person at a terminal."""

from dataclasses import dataclass

from prompt_toolkit import PromptSession

from digitnet import __version__
from digitnet.repl.interrupts import interruptible
from digitnet.repl.loop import do_line
from digitnet.repl.output import Output
from digitnet.repl.session import Session

GREETING = f"""\
digitnet {__version__}: train a neural network to read handwritten digits.
Type t to train one, c to ask it about a digit, pas NAME to keep it.
? lists all commands, s leaves."""


@dataclass(frozen=True)
class Person:
    """Asks the person at the terminal."""

    prompt: "PromptSession[str]"
    yes: bool

    def confirm(self, question: str) -> bool:
        """Whether the answer begins with y; yes without asking where `--yes` was given."""
        return self.yes or self._answer(f"{question} [y/N] ").lower().startswith("y")

    def ask(self, question: str) -> str:
        """The answer, empty for none."""
        return self._answer(f"{question} ")

    def _answer(self, question: str) -> str:
        try:
            return self.prompt.prompt(question).strip()
        except (KeyboardInterrupt, EOFError):
            return ""


def converse(session: Session, output: Output, *, yes: bool = False) -> None:
    """Reads lines and does them until the person leaves."""
    reader: PromptSession[str] = PromptSession(enable_suspend=True)
    session.asker = Person(PromptSession(), yes)
    with interruptible(session):
        while not session.leaving:
            try:
                line = reader.prompt(message(session))
            except KeyboardInterrupt:
                continue
            except EOFError:
                line = "s"
            do_line(line, session, output)


def message(session: Session) -> str:
    """`first*> `: the network in hand, and a star where something is not saved."""
    if session.hand is None:
        return "digitnet> "
    name = session.hand.name or session.hand.recipe or session.hand.network.shape
    return f"{name}{'*' if session.unsaved else ''}> "

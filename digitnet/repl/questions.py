"""Questions to the user, and their refusal in scripts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from digitnet.repl.errors import CommandError

if TYPE_CHECKING:
    from digitnet.repl.board import Board


class Asker(Protocol):
    """Asks the user questions."""

    def confirm(self, question: str) -> bool:
        """Asks a yes-or-no question."""

    def choose(self, question: str, choices: str) -> str:
        """Asks a question answered by a letter, one of `choices` such as `y/N/s=save`."""

    def ask(self, question: str) -> str:
        """Asks an open question; returns an empty string for no answer."""

    def draw(self, board: "Board") -> bool:
        """Lets the user draw a digit; returns whether they did. Ctrl-C raises KeyboardInterrupt."""


NO_BOARD = (
    "drawing needs a terminal with a prompt, and neither --plain nor --json: "
    "img FILE reads a picture of a digit"
)


@dataclass(frozen=True)
class NonInteractive:
    """The asker of scripts and pipes: answers yes if `--yes` was given, and otherwise refuses."""

    yes: bool = False

    def confirm(self, question: str) -> bool:
        """Yes with `--yes`; otherwise raises CommandError."""
        if not self.yes:
            raise CommandError(f"{question} Nobody can answer here; --yes answers yes")
        return True

    def choose(self, question: str, choices: str) -> str:
        """Like `confirm`."""
        return "y" * self.confirm(question)

    def ask(self, question: str) -> str:
        """Always raises CommandError."""
        raise CommandError(f"{question} Nobody can answer here; give it with the command")

    def draw(self, board: "Board") -> bool:
        """Always raises CommandError."""
        raise CommandError(NO_BOARD)

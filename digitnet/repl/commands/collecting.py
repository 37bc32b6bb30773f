"""Collecting: `mine` adds a digit that was drawn to the data set of one's own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from digitnet.repl import kinds
from digitnet.repl.command import Record, ScreenOnly, command
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session
from digitnet.repl.views.words import counted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True)
class MineResult(Record):
    """A digit of one's own, added. total: how many there are now. of_it: those of its answer."""

    answer: int
    total: int
    of_it: int
    is_enough: ScreenOnly[bool]

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        text = f"Added to mine as a {self.answer}: {counted(self.total, 'digit')} by now, "
        text += f"{self.of_it} of them a {self.answer}."
        yield text + (" data mine trains on them." if self.is_enough else "")


@command(
    "mine",
    group="Digits",
    examples={
        "mine": "add the digit read last, as what it was said to be on the board",
        "mine 7": "add it as a 7, or say that what was just added is a 7",
    },
)
def mine(session: Session, answer: Annotated[int | None, kinds.DIGIT] = None) -> MineResult:
    """Add the digit that d or img read last to your own data set, with its right answer.

    `data mine` chooses that data set: then t trains on it, and ch checks with the tenth of it that
    is kept for testing. It is kept with the saves, in `digits`.
    """
    from digitnet.digits import own
    from digitnet.registry.own_digits import add_case

    if session.last_picture is None:
        raise CommandError("no digit was drawn yet: d draws one, img reads a picture of one")
    picture, said = session.last_picture
    answer = said if answer is None else answer
    if answer is None:
        raise CommandError("which digit is it? Example: mine 7")
    answers = add_case(session.shelf.own, picture, answer)
    session.shelf.forget(own.NAME)
    is_enough = set(own.parts(len(answers))) == set(own.PARTS)
    return MineResult(answer, len(answers), int((answers == answer).sum()), is_enough)

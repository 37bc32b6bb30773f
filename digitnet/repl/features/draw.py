"""`d` opens the board to draw a digit on."""

from dataclasses import dataclass
from typing import Any

from rich.console import RenderResult

from digitnet.digits.prepare import NoDigit, Picture, prepare
from digitnet.engine.arrays import answers_of
from digitnet.registry.model import Model
from digitnet.repl.board import Board, Read, Reading
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.img import PictureReader
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import beside_outputs, verdict
from digitnet.repl.result import Result, Said
from digitnet.repl.session import Session


@dataclass(frozen=True)
class DrawResult(Drawn):
    """The network's outputs for a drawing. answer: None if it was not given."""

    guess: int
    answer: int | None
    outputs: list[float]
    picture: Picture

    def as_json(self) -> dict[str, Any]:
        """All fields except the picture."""
        return {"guess": self.guess, "answer": self.answer, "outputs": self.outputs}

    def drawn(self, view: View) -> RenderResult:
        yield "your drawing, as the network sees it"
        yield beside_outputs(self.picture, self.outputs, self.guess, self.answer, view)
        yield verdict(self.guess, self.answer)
        command = "mine" if self.answer is not None else "mine DIGIT"
        yield f"{command} adds it to your own digits."


@command(
    "d",
    "draw",
    group="Asking",
    examples={"d": "a board to draw a digit on; Enter when it is done"},
)
def draw(session: Session) -> Result:
    """Draw a digit with the mouse or the keys, and watch the network read it.

    The network reads it while you draw, prepared as MNIST's digits were. 0 to 9 says which digit
    it is, Enter is done, Escape leaves.
    """
    board = Board(_reader(session.network()))
    if not session.asker.draw(board):
        return Said("Left the board; nothing was read.", {"guess": None})
    board.refresh()
    reading = board.reading
    if reading is None:
        raise CommandError("there is no digit in the drawing: draw it larger")
    session.last_picture = prepare(board.drawing.picture()), board.answer
    return DrawResult(reading.guess, board.answer, reading.outputs, reading.seen)


def _reader(model: Model) -> Read:
    """A function that reads drawings. Raises CommandError if the network takes no pictures."""
    reader = PictureReader(model)

    def read(ink: Picture) -> Reading | None:
        try:
            seen = reader.seen(prepare(ink))
        except NoDigit:
            return None
        a = reader.outputs([seen])
        return Reading(seen, a[0].tolist(), int(answers_of(a)[0]))

    return read

"""`d` opens the board to draw a digit on."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from rich.console import RenderResult
from rich.text import Text

from digitnet.digits.drawing import SIDE
from digitnet.digits.page import page_of
from digitnet.digits.prepare import NoDigit, Picture
from digitnet.engine.arrays import answers_of
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.board import Board, Read, Reading
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import case_number
from digitnet.repl.features.img import PictureReader, is_digit, judge
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import beside_outputs, gallery, small_case, verdict
from digitnet.repl.result import Result, Said
from digitnet.repl.session import Session


@dataclass(frozen=True)
class DrawResult(Drawn):
    """The network's outputs for a drawing. answer: None if it was not given."""

    reading: Reading
    answer: int | None

    def as_json(self) -> dict[str, Any]:
        """The guess, and each digit of a number; the outputs are those of the last one."""
        last = self.reading
        guess = {"guess": int(last.number), "answer": self.answer, "outputs": last.outputs}
        return guess | {"number": last.number, "is_digit": last.is_digit}

    def drawn(self, view: View) -> RenderResult:
        yield "your drawing, as the network sees it"
        last = self.reading
        if last.others:
            cells = [
                (small_case(digit.seen, view), Text(f"{digit.guess}", "bold"))
                for digit in last.digits
            ]
            yield gallery(cells, view)
            yield Text(last.said, "bold")
            yield "mine and its digits, as in mine 314, adds them to your own digits."
            return
        yield beside_outputs(last.seen, last.outputs, last.guess, self.answer, view)
        yield verdict(last.guess, self.answer) if last.is_digit else Text(last.said, "bold")
        command = "mine" if self.answer is not None else "mine DIGIT"
        yield f"{command} adds it to your own digits."


@command(
    "d",
    "draw",
    group="Asking",
    examples={
        "d 11": "with test case 11 on it, to change",
        "d": "a board to draw a digit on; Enter when it is done",
    },
)
def draw(session: Session, index: Annotated[int | None, kinds.INDEX] = None) -> Result:
    """Draw a digit or a number with the mouse or the keys, and watch the network read it.

    The network reads it while you draw, each digit prepared as MNIST's were. 0 to 9 says which
    digit it is, Enter is done, Escape leaves. With a number, that test case is on the board, so
    that one sees how the outputs follow what is drawn or erased.
    """
    board = Board(_reader(session.network()))
    if index is not None:
        data = session.data_for(session.network())
        if data.picture != (SIDE, SIDE):
            raise CommandError(f"the board takes cases of {SIDE} x {SIDE} pixels")
        case = case_number(session, data, index)
        board.drawing.put(data.picture_of(data.test, case).astype(np.uint8))
        board.answer = int(answers_of(data.test.targets[case : case + 1])[0])
    if not session.asker.draw(board):
        return Said("Left the board; nothing was read.", {"guess": None})
    board.refresh()
    reading = board.reading
    if reading is None:
        raise CommandError("there is no digit in the drawing: draw it larger")
    pictures = [digit.picture for digit in reading.digits if digit.picture is not None]
    session.last_pictures = pictures, board.answer
    return DrawResult(reading, board.answer)


def _reader(model: Model) -> Read:
    """A function that reads drawings. Raises CommandError if the network takes no pictures."""
    reader = PictureReader(model)

    def read(ink: Picture) -> Reading | None:
        try:
            digits = page_of(ink / np.float32(255), judge()).digits
        except NoDigit:
            return None
        seen = [reader.seen(digit.picture) for digit in digits]
        a = reader.outputs(seen)
        readings = [
            Reading(pixels, values, guess, digit.picture, is_digit(digit.probability, values))
            for digit, pixels, values, guess in zip(
                digits, seen, a.tolist(), answers_of(a).tolist(), strict=True
            )
        ]
        return replace(readings[-1], others=readings[:-1])

    return read

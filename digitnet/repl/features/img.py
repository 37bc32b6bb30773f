"""`img` reads the digits in picture files."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from rich.console import RenderableType, RenderResult
from rich.text import Text

from digitnet.digits.files import BadFile, read_bounded
from digitnet.digits.pictures import MAX_BYTES, BadPicture, Found, pictures_at
from digitnet.digits.page import read_digits
from digitnet.digits.prepare import NoDigit, Picture
from digitnet.engine.arrays import Array, Cases, answers_of
from digitnet.engine.evaluate import outputs_for
from digitnet.engine.report import Stopped
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, Incomplete, printable
from digitnet.repl.features.check import check_outputs
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import beside_outputs, verdict
from digitnet.repl.pictures.file import path_of
from digitnet.repl.pictures.tables import Rows, percent
from digitnet.repl.result import Note
from digitnet.repl.session import Session

PIXELS = {28 * 28: slice(None), 11 * 11: slice(2, -4, 2)}
"""Number of inputs → the rows and columns of a 28 x 28 picture that the network takes."""


class PictureReader:
    """Computes a network's outputs for prepared pictures."""

    def __init__(self, model: Model) -> None:
        """Raises CommandError if the network does not take pictures."""
        self._network = model.trainer.answering()
        self._scale = 1.0 if model.trainer.settings.pixels == "raw" else 1 / 255
        pixels = PIXELS.get(self._network.inputs)
        if pixels is None:
            raise CommandError(
                f"the network ({model.network.shape}) does not take pictures: "
                "n makes one that reads digits, l loads one"
            )
        self._pixels = pixels

    def seen(self, picture: Picture) -> Picture:
        """The pixels that the network takes from a prepared picture, 28 x 28."""
        return picture[self._pixels, self._pixels]

    def outputs(self, seen: Sequence[Picture]) -> Array:
        """The outputs, (pictures, outputs). Raises CommandError if they are not finite."""
        inputs = np.stack(seen).reshape(len(seen), -1)
        targets = np.zeros((len(seen), self._network.outputs))
        a = outputs_for(self._network, Cases(inputs, targets, self._scale), np.arange(len(seen)))
        check_outputs(a)
        return a


DOUBT = 0.9
"""A guess whose output is below this is doubtful; the second guess is shown too."""

MAX_WHOLE = 4
"""Up to this many digits are shown with picture and outputs; more in a table."""


@dataclass(frozen=True)
class DigitRead:
    """A digit found in a file, or the reason why there is none.

    seen: the pixels that the network takes. answer: the digit that its folder is named after.
    number, of: its number among the digits in its file, from 1, and their number.
    """

    file: str
    error: str = ""
    guess: int | None = None
    outputs: tuple[float, ...] = ()
    answer: int | None = None
    number: int = 1
    of: int = 1
    seen: Picture | None = None

    @property
    def label(self) -> str:
        """The file, and the number of the digit if it has several."""
        return printable(self.file) + (f", {self.number} of {self.of}" if self.of > 1 else "")

    @property
    def doubt(self) -> str:
        """`doubtful, or 1 (30.20 %)`; empty if the guess is not doubtful."""
        if len(self.outputs) < 2 or max(self.outputs) >= DOUBT:
            return ""
        *_, second, _ = sorted(range(len(self.outputs)), key=self.outputs.__getitem__)
        return f"doubtful, or {second} ({percent(self.outputs[second])})"

    def whole(self, view: View) -> Iterator[RenderableType]:
        """The picture, the outputs and the guess."""
        if self.seen is None or self.guess is None:
            yield Text(f"{self.label}: {printable(self.error)}", "red")
            return
        yield Text(f"{self.label}, as the network sees it")
        yield beside_outputs(self.seen, self.outputs, self.guess, self.answer, view)
        yield Text.assemble(verdict(self.guess, self.answer), self.doubt and f": {self.doubt}")


@dataclass(frozen=True)
class ImgResult(Drawn):
    """The network's outputs for picture files."""

    digits: list[DigitRead]
    interrupted: bool = False

    @property
    def right(self) -> tuple[int, int]:
        """The number of correct guesses, and of digits and unreadable files with a known answer."""
        known = [digit for digit in self.digits if digit.answer is not None]
        return sum(digit.guess == digit.answer for digit in known), len(known)

    def _table(self) -> Rows:
        """A row for each digit, with the files' names without the folder that all are in."""
        parents = [os.path.dirname(each.file) or "." for each in self.digits]  # noqa: PTH120
        folder = os.path.commonpath(parents)
        lines: list[tuple[str, ...]] = []
        for each in self.digits:
            place = f", {each.number} of {each.of}" if each.of > 1 else ""
            is_wrong = each.answer is not None and each.answer != each.guess
            lines.append((
                printable(os.path.relpath(each.file, folder)) + place,
                "" if each.guess is None else str(each.guess),
                "" if each.answer is None else str(each.answer),
                percent(max(each.outputs)) if each.outputs else "",
                printable(each.error) or ("wrong" if is_wrong else each.doubt),
            ))  # fmt: skip
        headings: tuple[str, ...] = ("file", "guess", "answer", "output", "")
        if not self.right[1]:
            headings, *lines = [line[:2] + line[3:] for line in (headings, *lines)]
        return Rows(headings, lines, numbers=("guess", "answer", "output"))

    def as_json(self) -> dict[str, Any]:
        """One entry per digit; the accuracy if answers are known."""
        entries: list[dict[str, Any]] = []
        for read in self.digits:
            error, known = read.error or None, {"answer": read.answer}
            entry = {"file": read.file, "guess": read.guess, "outputs": list(read.outputs)}
            entries.append(entry | {"error": error} | (known if read.answer is not None else {}))
        correct, total = self.right
        summed = {"correct": correct, "total": total, "accuracy": correct / total} if total else {}
        return {"results": entries} | summed

    def drawn(self, view: View) -> RenderResult:
        read = [digit for digit in self.digits if not digit.error]
        if not read and len(self.digits) == 1:  # the error is the command's
            return
        if len(read) <= MAX_WHOLE:
            for each in self.digits:
                yield from each.whole(view)
        else:
            yield self._table()
        correct, total = self.right
        if total:
            yield f"{correct:,} of {total:,} right: {percent(correct / total)}"
        if self.interrupted:
            yield "Stopped; the files after these were not read."


@command(
    "img",
    group="Asking",
    examples={
        "img photos": "all pictures in a folder; folders 0 to 9 in it give an accuracy",
        "img *.png scan.jpg": "those, one after the other",
        "img seven.png": "what the network reads in it",
    },
)
def img(session: Session, *files: Annotated[str, kinds.PICTURES]) -> ImgResult:
    """Read the digits in pictures: PNG, JPEG, GIF, BMP, WebP or TIFF.

    Any size and colours, dark on light or light on dark, photographs too. Each digit is prepared as
    MNIST's were, and shown as the network sees it. Several digits are read one by one, line by
    line, from left to right. A file in which none is read is a failure, unless its folder gives the
    answer: then it counts as misread. mine adds the one that was read last to your own digits. The
    included network hand (l hand) knows more ways to write digits than MNIST has.
    """
    reader = PictureReader(session.network())
    todo = [found for word in files for found in _found(word)]
    if all(found is None for _, found in todo):  # perhaps one name with spaces, without quotes
        todo = [each for each in _found(" ".join(files)) if each[1] is not None] or todo
    if not todo:
        raise CommandError(f"there are no pictures in {printable(' '.join(files), 100)}")
    digits: list[DigitRead] = []
    try:
        for done, (word, found) in enumerate(todo):
            session.report(Note(f"{done:,} of {len(todo):,} files", lasting=False))
            digits += _read(word, found, reader, session)
    except Stopped:
        return ImgResult(digits, interrupted=True)
    result = ImgResult(digits)
    failed = [each for each in digits if each.error and each.answer is None]
    if len(failed) == 1:
        raise Incomplete(f"{printable(failed[0].file)}: {failed[0].error}", result)
    if failed:
        raise Incomplete(f"no digit was read in {len(failed):,} of {len(todo):,} files", result)
    return result


def _found(word: str) -> list[tuple[str, Found | None]]:
    """The files that a word refers to, each with the name to show; None for a missing one."""
    path = path_of(word, "img seven.png")
    try:
        found = pictures_at(path)
        there = path.exists()
    except (OSError, ValueError):
        return [(word, None)]
    return [(str(f.path), f) for f in found] if found or there else [(word, None)]


def _read(
    name: str, found: Found | None, reader: PictureReader, session: Session
) -> Iterator[DigitRead]:
    """The digits in one file, or the reason why there are none."""
    if found is None:
        yield DigitRead(name, "there is no such file")
        return
    try:
        pictures = read_digits(read_bounded(found.path, MAX_BYTES))
    except (BadFile, BadPicture, NoDigit, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        yield DigitRead(name, reason, answer=found.answer)
        return
    seen = [reader.seen(picture) for picture in pictures]
    session.last_picture = pictures[-1], found.answer
    a = reader.outputs(seen)
    each = zip(answers_of(a).tolist(), a.tolist(), seen, strict=True)
    for number, (guess, values, picture) in enumerate(each, 1):
        yield DigitRead(name, "", guess, tuple(values), found.answer, number, len(seen), picture)

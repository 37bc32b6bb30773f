"""`img` reads the digits in picture files."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType, RenderResult
from rich.text import Text

from digitnet.digits.cuts import Judge
from digitnet.digits.files import BadFile, ReadSoFar
from digitnet.digits.page import Box, Digit, Page, page_in
from digitnet.digits.pictures import Found, pictures_at, read_picture
from digitnet.digits.prepare import NoDigit, Picture, in_blocks
from digitnet.engine.arrays import Array, Cases, answers_of
from digitnet.engine.evaluate import outputs_for
from digitnet.engine.network import Network
from digitnet.engine.report import Stopped
from digitnet.paths import included_folder
from digitnet.registry.model import Model
from digitnet.registry.saves import Registry
from digitnet.repl import kinds
from digitnet.repl.command import command, path_of
from digitnet.repl.errors import CommandError, Incomplete, printable
from digitnet.repl.features.check import check_outputs
from digitnet.repl.features.data import progress
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import beside_outputs, digit, gallery, small_case, verdict
from digitnet.repl.pictures.tables import Rows, counted, percent, with_article
from digitnet.repl.result import Note
from digitnet.repl.session import Session

# number of inputs → the rows and columns of a 28 x 28 picture that the network takes
PIXELS = {28 * 28: slice(None), 11 * 11: slice(2, -4, 2)}


def outputs_of(network: Network, inputs: NDArray[Any], scale: float) -> Array:
    """The outputs for cases, (cases, outputs). Raises CommandError if they are not finite."""
    cases = Cases(inputs, np.zeros((len(inputs), network.outputs)), scale)
    a = outputs_for(network, cases, np.arange(len(inputs)))
    check_outputs(a)
    return a


@dataclass(frozen=True)
class Reading:
    """A network's outputs for a digit. seen: the pixels that it takes. place: where the digit is.
    is_digit: whether it is probably one.
    """

    seen: Picture
    outputs: list[float]
    guess: int
    place: Digit | None = None
    is_digit: bool = True


class PictureReader:
    def __init__(self, model: Model) -> None:
        """Raises CommandError if the network does not take pictures."""
        self.network = model.trainer.answering()
        self.scale = 1.0 if model.trainer.settings.pixels == "raw" else 1 / 255
        pixels = PIXELS.get(self.network.inputs)
        if pixels is None:
            raise CommandError(
                f"the network ({model.network.shape}) does not take pictures: "
                "n makes one that reads digits, l loads one"
            )
        self._pixels = pixels

    def seen(self, pictures: Picture) -> Picture:
        """The pixels that the network takes from prepared pictures, (..., 28, 28)."""
        return pictures[..., self._pixels, self._pixels]

    def read(self, digits: Sequence[Digit]) -> list[Reading]:
        seen = [self.seen(digit.picture) for digit in digits]
        outputs = zip(digits, self.outputs(seen), strict=True)
        a = np.stack([digit.read(its) for digit, its in outputs])
        read = zip(seen, a.tolist(), answers_of(a).tolist(), digits, strict=True)
        return [Reading(*each, each[-1].is_digit(each[1])) for each in read]

    def outputs(self, seen: Sequence[Picture]) -> Array:
        """The outputs, (pictures, outputs). Raises CommandError if they are not finite."""
        return outputs_of(self.network, np.stack(seen).reshape(len(seen), -1), self.scale)


@cache
def judge() -> Judge | None:
    """The included digit detector: is it one digit, several, or none? None if it is missing."""
    registry = Registry(included_folder())
    return PictureReader(registry.load("judge")).outputs if registry.exists("judge") else None


# a guess that is right with a lower probability is doubtful; the second guess is shown too
DOUBT = 0.9
MAX_WHOLE = 4  # up to this many digits are shown with picture and outputs; more in a table
STEPS = "steps"  # the last word that asks for how a page was read
MAX_SEEN = 10  # up to this many digits of a page are drawn below the number

MAX_DOUBTS = 20  # maximum number of doubtful digits that are told of one page


@dataclass(frozen=True)
class DigitRead(Drawn):
    """A piece of a file that was read, or the reason why there is none.

    seen: the pixels that the network takes. answer: the digit that its folder is named after.
    number, of: its number among the pieces in its file, from 1, and their number. place: where it
    is. best: the network's guess, also if the piece is probably no digit and `guess` is None.
    """

    file: str
    error: str = ""
    guess: int | None = None
    outputs: tuple[float, ...] = ()
    answer: int | None = None
    number: int = 1
    of: int = 1
    seen: Picture | None = None
    place: Digit | None = None
    best: int | None = None

    @property
    def among(self) -> str:
        """`, 2 of 3`; empty if it is alone."""
        return f", {self.number} of {self.of}" if self.of > 1 else ""

    @property
    def doubt(self) -> str:
        """`30.20 % that it is a 1`; empty if the guess is not doubtful."""
        of_digit = self.place.probability if self.place else 1.0
        if self.guess is None or len(self.outputs) < 2 or max(self.outputs) * of_digit >= DOUBT:
            return ""
        *_, second, _ = sorted(range(len(self.outputs)), key=self.outputs.__getitem__)
        if 1 - of_digit > self.outputs[second]:
            return f"{percent(1 - of_digit)} that it is no digit"
        return f"{percent(self.outputs[second])} that it is {with_article(second)}"

    def as_json(self) -> dict[str, Any]:
        outputs, error = list(self.outputs), self.error or None
        fields: dict[str, Any] = {"file": self.file, "guess": self.guess}
        fields |= {"outputs": outputs, "error": error}
        if self.place:
            fields |= {
                "best": self.best,
                "digit_probability": round(self.place.probability, 4),
                "row": self.place.row,
                "box": [round(at, 4) for at in self.place.box],
                "cut": self.place.judged is not None,
            }
        return fields | ({} if self.answer is None else {"answer": self.answer})

    def drawn(self, view: View) -> RenderResult:
        label = printable(self.file) + self.among
        if self.seen is None or self.best is None:
            yield Text(f"{label}: {printable(self.error)}", "red")
            return
        yield Text(f"{label}, as the network sees it")
        yield beside_outputs(self.seen, self.outputs, self.best, self.answer, view)
        if self.guess is None:
            yield Text(self.error, "bold")
        else:
            doubt = self.doubt and f": doubtful, {self.doubt}"
            yield Text.assemble(verdict(self.guess, self.answer), doubt)


@dataclass(frozen=True)
class PageRead(Drawn):
    """A file with its digits in rows; a piece that is none is a ?."""

    file: str
    page: Page
    digits: list[DigitRead]

    @property
    def rows(self) -> list[str]:
        rows = groupby(self.digits, lambda read: read.place and read.place.row)
        return ["".join("?" if d.guess is None else str(d.guess) for d in row) for _, row in rows]

    @property
    def is_failure(self) -> bool:
        """Whether no digit was read, and its folder does not say that there is one."""
        return all(digit.guess is None and digit.answer is None for digit in self.digits)

    @property
    def error(self) -> str:
        several = f"none of its {len(self.digits)} pieces is a digit"
        return several if len(self.digits) > 1 else self.digits[0].error

    def as_json(self) -> dict[str, Any]:
        unread = self.page.left_out + sum(digit.guess is None for digit in self.digits)
        return {"file": self.file, "rows": self.rows, "unread": unread, "turned": self.page.turned}

    def seen(self, view: View) -> RenderableType:
        """Each digit as the network saw it, with its number and the guess."""
        return gallery([
            (small_case(d.seen, view),
             Text(f"{d.number}: {'?' if d.guess is None else d.guess}", "bold"))
            for d in self.digits if d.seen is not None
        ], view)  # fmt: skip

    def drawn(self, view: View) -> RenderResult:
        turned = f", turned by {self.page.turned} degrees" if self.page.turned else ""
        digits = sum(each.guess is not None for each in self.digits)
        others = len(self.digits) - digits
        said = counted(digits, "digit") + f" and {counted(others, 'other sign')}" * bool(others)
        yield f"{printable(self.file)}: {said}{turned}"
        for row in self.rows:
            yield Text(f"  {row}", "bold")
        if len(self.digits) <= MAX_SEEN:
            yield self.seen(view)
        doubtful = [each for each in self.digits if each.doubt or each.guess is None]
        for each in doubtful[:MAX_DOUBTS]:
            yield f"Number {each.number}: " + (each.error or f"probably {each.guess}; {each.doubt}")
        if len(doubtful) > MAX_DOUBTS:
            yield f"{len(doubtful) - MAX_DOUBTS:,} more are doubtful."
        if any(each.judged is not None for each in self.page.digits):
            yield "Touching digits were separated; judge helped to read them."
        if self.page.left_out:
            pieces = counted(self.page.left_out, "piece")
            yield f"Not read: {pieces} too small or too large for a digit, or filled."


@dataclass(frozen=True)
class ImgResult(Drawn):
    """The network's outputs for picture files. steps: whether to show how pages were read."""

    pages: list[PageRead]
    steps: bool = False
    interrupted: bool = False

    @property
    def digits(self) -> list[DigitRead]:
        return [digit for page in self.pages for digit in page.digits]

    @property
    def right(self) -> tuple[int, int]:
        """The number of correct guesses, and of digits and unreadable files with a known answer."""
        known = [digit for digit in self.digits if digit.answer is not None]
        return sum(digit.guess == digit.answer for digit in known), len(known)

    def as_json(self) -> dict[str, Any]:
        correct, total = self.right
        summed = {"correct": correct, "total": total, "accuracy": correct / total} if total else {}
        results = [digit.as_json() for digit in self.digits]
        pages = [page.as_json() for page in self.pages if page.page.digits]
        return {"results": results, "pages": pages, "interrupted": self.interrupted} | summed

    def drawn(self, view: View) -> RenderResult:
        alone = [digit for digit in self.digits if digit.of == 1]
        if len(self.digits) == 1 and alone[0].seen is None:  # the error is the command's
            return
        is_short = sum(digit.seen is not None for digit in alone) <= MAX_WHOLE
        for page in self.pages:  # in their order: mine adds the last one
            if len(page.digits) > 1:
                yield page
            if self.steps and page.page.digits:
                yield from _steps(page, view)
            if is_short:
                yield from (digit for digit in page.digits if digit.of == 1)
            elif page.digits[0] is alone[-1]:
                yield _table(alone)
        correct, total = self.right
        if total:
            yield f"{correct:,} of {total:,} right: {percent(correct / total)}"
        if self.interrupted:
            rest = "the files after these were not" if self.pages else "nothing was"
            yield f"Stopped; {rest} read."


def _table(digits: list[DigitRead]) -> Rows:
    """A row for each digit, with the files' names without the folder that all are in."""
    folder = os.path.commonpath([Path(each.file).absolute().parent for each in digits])
    lines: list[tuple[str, ...]] = [("file", "guess", "answer", "output", "")]
    for each in digits:
        is_wrong = each.answer is not None and each.answer != each.guess
        lines.append((
            printable(os.path.relpath(each.file, folder)) + each.among,
            "" if each.guess is None else str(each.guess),
            "" if each.answer is None else str(each.answer),
            percent(max(each.outputs)) if each.outputs else "",
            printable(each.error) or ("wrong" if is_wrong else each.doubt),
        ))  # fmt: skip
    if all(each.answer is None for each in digits):
        lines = [line[:2] + line[3:] for line in lines]
    return Rows(lines[0], lines[1:], numbers=("guess", "answer", "output"))


def _steps(read: PageRead, view: View) -> Iterator[RenderableType]:
    """The page with a box around each digit that was read, and each as the network saw it."""
    boxes = [each.place.box for each in read.digits if each.place]
    yield "each digit in its box; what has none was not read"
    yield digit(boxed(read.page.ink, boxes, min(view.width, 100)), view)
    if len(read.digits) > MAX_SEEN:
        yield "each digit as the network saw it"
        yield read.seen(view)


def boxed(ink: Array, boxes: Sequence[Box], width: int) -> Picture:
    """The ink at a width in pixels, 0 to 255, with frames around the boxes."""
    small = in_blocks(ink, max(1, -(-ink.shape[1] // width))).max(axis=(1, 3))
    picture: Picture = np.round(255 * np.clip(small, 0, 1)).astype(np.uint8)
    rows, columns = picture.shape
    for box in boxes:
        left, right = (int(at * (columns - 1)) for at in box[::2])
        top, bottom = (int(at * (rows - 1)) for at in box[1::2])
        frame = np.zeros(picture.shape, np.bool_)
        frame[top : bottom + 1, [left, right]] = frame[[top, bottom], left : right + 1] = True
        picture[frame] = np.maximum(picture[frame], 140)
    return picture


@command("img", group="Asking")
def img(session: Session, *files: kinds.PICTURES) -> ImgResult:
    """Read the digits in pictures: PNG, JPEG, GIF, BMP, WebP or TIFF.

    Any size and colours, dark on light or light on dark, photographs too. Each digit is prepared as
    MNIST's were, and shown as the network sees it. Several digits are read one by one, line by
    line, from left to right. A file in which none is read is a failure, unless its folder gives the
    answer: then it counts as misread. mine adds the one that was read last to your own digits. The
    included network hand (l hand) knows more ways to write digits than MNIST has.

    img page.jpg steps: shows the page with its boxes, and each digit as it was read
    img photos: all pictures in a folder; folders 0 to 9 in it give an accuracy
    img *.png scan.jpg: those, one after the other
    img clipboard: the picture that was copied
    img -: standard input: digitnet -c 'l hand; img -' < scan.png
    img seven.png: what the network reads in it
    """
    reader, session.last_pictures = PictureReader(session.network()), None
    steps = len(files) > 1 and files[-1] == STEPS
    files = files[: len(files) - steps]
    todo = [found for word in files for found in _found(word)]
    if all(isinstance(found, str) for _, found in todo):  # perhaps a name with spaces
        todo = [each for each in _found(" ".join(files)) if isinstance(each[1], Found)] or todo
    if not todo:
        raise CommandError(f"there are no pictures in {printable(' '.join(files), 100)}")
    pages: list[PageRead] = []
    try:
        for done, (word, found) in enumerate(todo):
            session.report(Note(f"{done:,} of {len(todo):,} files", lasting=False))
            pages.append(_read(word, found, reader, session))
    except Stopped:
        return ImgResult(pages, steps, interrupted=True)
    result = ImgResult(pages, steps)
    failed = [page for page in pages if page.is_failure]
    if len(failed) == 1:
        raise Incomplete(f"{printable(failed[0].file)}: {failed[0].error}", result)
    if failed:
        raise Incomplete(f"no digit was read in {len(failed):,} of {len(todo):,} files", result)
    return result


def _found(word: str) -> list[tuple[str, Found | str]]:
    """The pictures that a word stands for, each with its name, or the reason why there are none."""
    path, none = path_of(word, "img seven.png"), "there is no such file"
    try:
        found = pictures_at(path)
        there = path.exists()
    except (OSError, ValueError) as error:
        return [(word, getattr(error, "strerror", None) or none)]
    return [(str(f.path), f) for f in found] if found or there else [(word, none)]


def no_digit(guess: int | str) -> str:
    return f"no digit ({with_article(guess)} if it were one)"


def _read(name: str, found: Found | str, reader: PictureReader, session: Session) -> PageRead:
    if isinstance(found, str):
        return PageRead(name, Page([]), [DigitRead(name, found)])

    def report(so_far: tuple[int, int]) -> None:
        done, total = so_far
        if total <= 20:
            session.report()
        else:
            progress(session)(ReadSoFar(name, done, total, "digits"))

    try:
        page = page_in(read_picture(found.read()), judge(), report)
    except (BadFile, NoDigit, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return PageRead(name, Page([]), [DigitRead(name, reason, answer=found.answer)])
    digits, every = list[DigitRead](), reader.read(page.digits)
    for number, r in enumerate(every, 1):
        guess, reason = (r.guess, "") if r.is_digit else (None, no_digit(r.guess))
        about = tuple(r.outputs), found.answer, number, len(every), r.seen, r.place, r.guess
        digits.append(DigitRead(name, reason, guess, *about))
    read = [r for r in every if r.is_digit] or every
    session.last_pictures = [r.place.picture for r in read if r.place], found.answer
    return PageRead(name, page, digits)

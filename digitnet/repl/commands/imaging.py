"""`img` reads the digits in picture files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.asking import PictureReader
from digitnet.repl.command import Working, command
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.files import path_of
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.digits.found import Found
    from digitnet.digits.image import Picture

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
    seen: "Picture | None" = None

    @property
    def label(self) -> str:
        """The file, and the number of the digit if it has several."""
        return printable(self.file) + (f", {self.number} of {self.of}" if self.of > 1 else "")


@dataclass(frozen=True)
class ImgResult:
    """The network's outputs for picture files."""

    digits: list[DigitRead]
    interrupted: bool = False

    @property
    def right(self) -> tuple[int, int]:
        """The number of correct guesses, and of digits and unreadable files with a known answer."""
        known = [digit for digit in self.digits if digit.answer is not None]
        return sum(digit.guess == digit.answer for digit in known), len(known)

    def as_json(self) -> dict[str, Any]:
        """One entry per digit; the accuracy if answers are known."""
        entries: list[dict[str, Any]] = []
        for digit in self.digits:
            entry = {
                "file": digit.file,
                "guess": digit.guess,
                "outputs": list(digit.outputs),
                "error": digit.error or None,
            }
            entries.append(entry | ({} if digit.answer is None else {"answer": digit.answer}))
        correct, total = self.right
        summed = {"correct": correct, "total": total, "accuracy": correct / total} if total else {}
        return {"results": entries} | summed

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.imaging import one_by_one, table
        from digitnet.repl.views.words import percent

        read = [digit for digit in self.digits if not digit.error]
        if len(read) <= MAX_WHOLE:
            yield from one_by_one(self.digits, console, options)
        else:
            yield table(self.digits)
        correct, total = self.right
        if total:
            yield f"{correct:,} of {total:,} right: {percent(correct / total)}"
        if self.interrupted:
            yield "Stopped; the files after these were not read."


@dataclass(frozen=True)
class ImgReport:
    """The number of files read so far."""

    done: int
    total: int
    lasting: bool = False
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield f"{self.done:,} of {self.total:,} files"


@command(
    "img",
    group="Asking",
    examples={
        "img photos": "all pictures in a folder; folders 0 to 9 in it give an accuracy",
        "img *.png scan.jpg": "those, one after the other",
        "img seven.png": "what the network reads in it",
    },
)
def img(session: Session, *files: Annotated[str, kinds.PICTURES]) -> Working:
    """Read the digits in pictures: PNG, JPEG, GIF, BMP, WebP or TIFF.

    Any size and colours, dark on light or light on dark, photographs too. Each digit is prepared as
    MNIST's were, and shown as the network sees it. Several digits are read one by one, line by
    line, from left to right. mine adds the one that was read last to your own digits. The included
    network hand (l hand) knows more ways to write digits than MNIST has.
    """
    reader = PictureReader(session.network())
    todo = [found for word in files for found in _found(word)]
    digits: list[DigitRead] = []
    for done, (word, found) in enumerate(todo):
        if session.stop():
            break
        yield ImgReport(done, len(todo))
        digits += _read(word, found, reader, session)
    if not digits and not session.stop():
        raise CommandError(f"there are no pictures in {printable(' '.join(files), 100)}")
    return ImgResult(digits, session.stop())


def _found(word: str) -> "list[tuple[str, Found | None]]":
    """The files that a word refers to, each with the name to show; None for a missing one."""
    from digitnet.digits.found import pictures_at

    path = path_of(word, "img seven.png")
    try:
        found = pictures_at(path)
        there = path.exists()
    except (OSError, ValueError):
        return [(word, None)]
    return [(str(f.path), f) for f in found] if found or there else [(word, None)]


def _read(
    name: str, found: "Found | None", reader: PictureReader, session: Session
) -> "Iterator[DigitRead]":
    """The digits in one file, or the reason why there are none."""
    from digitnet.digits.picture import read_file
    from digitnet.digits.reading import BadPicture, NoDigit, read_digits

    answer = found.answer if found else None
    if found is None:
        yield DigitRead(name, "there is no such file")
        return
    try:
        pictures = read_digits(read_file(found.path))
    except (BadPicture, NoDigit) as error:
        yield DigitRead(name, str(error), answer=answer)
        return
    seen = [reader.seen(picture) for picture in pictures]
    session.last_picture = pictures[-1], answer
    for number, (picture, outputs) in enumerate(zip(seen, reader.outputs(seen), strict=True), 1):
        values = tuple(float(value) for value in outputs)
        guess = int(outputs.argmax())
        yield DigitRead(name, "", guess, values, answer, number, len(seen), picture)

"""`wrong` shows the cases that the network misreads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Cases
from digitnet.engine.evaluate import Guesses, guesses_of, outputs_in_chunks
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import check_outputs
from digitnet.repl.pictures.digit import Framed, capacity, gallery, lines_of, size_of, small_case
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, counted, legend
from digitnet.repl.session import Session


@dataclass(frozen=True)
class Misread:
    """A misread case. inputs: the case as a picture, or a row of a table."""

    index: int
    answer: int
    guess: int
    confidence: float
    inputs: "NDArray[Any]"

    @classmethod
    def of(cls, guesses: "Guesses", data: "DataSet", cases: "Cases", index: int) -> "Misread":
        """The misread case with this index among the guesses."""
        answer, guess = int(guesses.answers[index]), int(guesses.guesses[index])
        inputs = data.picture_of(cases, index)
        return cls(index, answer, guess, float(guesses.confidences[index]), inputs)


@dataclass(frozen=True)
class WrongResult:
    """The requested misread cases, most confident first. kind: what they are, in words."""

    set: str
    total: int
    cases: list[Misread]
    kind: str
    seen_in_training: bool
    names: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The counts, and the index, answer, guess and confidence of each case."""
        return {
            "set": self.set,
            "total": self.total,
            "seen_in_training": self.seen_in_training,
            "cases": [
                {"index": c.index, "answer": c.answer, "guess": c.guess, "confidence": c.confidence}
                for c in self.cases
            ],
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        count = len(self.cases)
        how_many = f"{count:,} of " if count else "None of "
        is_or_are = "is" if count == 1 else "are"
        yield (
            f"{how_many}{counted(self.total, 'case')} of the {self.set} set {is_or_are} "
            f"{self.kind}{', surest first' if count > 1 else ''}"
        )
        if self.cases:
            size = size_of(framed(self.cases[0], console, options))
            shown = self.cases[: capacity(*size, lines_of(console), options)]
            yield gallery([framed(case, console, options) for case in shown], options)
            if len(shown) < count:
                yield f"and {count - len(shown):,} more; wrong ANSWER GUESS narrows it down"
            if self.names:
                yield legend(self.names)
        if self.seen_in_training:
            yield SEEN_IN_TRAINING


@command(
    "wrong",
    group="Asking",
    examples={
        "wrong": "all misread test cases, the surest first",
        "wrong 4": "fours that are misread",
        "wrong 4 9": "fours read as nines",
    },
    is_picture=True,
)
def wrong(
    session: Session,
    answer: Annotated[int | None, kinds.ANSWER] = None,
    guess: Annotated[int | None, kinds.GUESS] = None,
) -> WrongResult:
    """Show the misread test cases, the most confident guesses first.

    All of them, those with one answer, or those with one answer and one guess. The confidence below
    each is the output of the guess.
    """
    model = session.network()
    data = session.data_for(model)
    guesses = _guesses(session, model, data)
    for digit in (answer, guess):
        if digit is not None and digit >= guesses.classes:
            raise CommandError(f"the answers are 0 to {guesses.classes - 1}. Example: wrong 1 0")
    if answer is not None and answer == guess:
        raise CommandError(f"a {answer} read as {answer} is right. Example: wrong 4 9")
    indices = [int(index) for index in guesses.wrong()]
    if answer is not None:
        indices = [index for index in indices if guesses.answers[index] == answer]
        kind = f"{answer}s that are misread"
    if guess is not None:
        indices = [index for index in indices if guesses.guesses[index] == guess]
        kind = f"{answer}s read as {guess}"
    return WrongResult(
        f"{data.name} test",
        int(np.size(guesses.answers) if answer is None else np.sum(guesses.answers == answer)),
        [Misread.of(guesses, data, data.test, index) for index in indices],
        "misread" if answer is None else kind,
        _seen(data, model),
        data.answers,
    )


def _seen(data: "DataSet", model: "Model") -> bool:
    """Whether the network was trained on the test cases."""
    return not data.tests_are_in.isdisjoint(model.trained_on)


def _guesses(session: Session, model: "Model", data: "DataSet") -> "Guesses":
    """The network's guesses for all test cases. Ctrl-C raises KeyboardInterrupt."""

    def chunks() -> "Iterator[tuple[Array, Array]]":
        for chunk in outputs_in_chunks(model.trainer.answering(), data.test):
            if session.stop():
                raise KeyboardInterrupt
            check_outputs(chunk[0])
            yield chunk

    return guesses_of(chunks())


def framed(case: "Misread", console: Console, options: ConsoleOptions) -> Framed:
    """The picture over `4 as 9  0.98`, in the colours of answer and guess in `c`, and its index."""
    label = Text.assemble(
        (str(case.answer), "bold yellow"),
        " as ",
        (str(case.guess), "bold red"),
        f"  {case.confidence:.2f}\n",
        (f"case {case.index:,}", "dim"),
    )
    return small_case(case.inputs, console, options), label

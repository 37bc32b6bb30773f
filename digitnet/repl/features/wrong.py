"""The misread test cases: `wrong` shows them, `cm` counts them, `diff` compares two networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

from numpy.typing import NDArray
from rich.color import Color
from rich.console import RenderResult
from rich.style import Style
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Cases, Integers
from digitnet.engine.evaluate import Guesses, guesses_of, outputs_in_chunks, precision, recall
from digitnet.registry.model import SEEN, Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import Case, CheckResult, check_outputs, checked
from digitnet.repl.features.saves import loaded
from digitnet.repl.pictures import View
from digitnet.repl.pictures.digit import (
    AROUND,
    Framed,
    all_named,
    bar,
    capacity,
    gallery,
    large_case,
    side_by_side,
    size_of,
    small_case,
)
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, Rows, counted, percent, with_article
from digitnet.repl.result import Record, Said, ScreenOnly
from digitnet.repl.session import Session


def guess_all(session: Session, model: Model) -> tuple[DataSet, Guesses, bool | None]:
    """The guesses of a network for all test cases, and whether it has seen these in training.

    Raises Stopped after Ctrl-C.
    """
    data = session.data_for(model)

    def chunks() -> Iterator[tuple[Array, Array]]:
        for chunk in outputs_in_chunks(model.trainer.answering(), data.test):
            session.report()
            check_outputs(chunk[0])
            yield chunk

    return data, guesses_of(chunks()), session.data_sets.is_seen(data, model)


@dataclass(frozen=True)
class Misread(Record):
    """A misread case. inputs: the case as a picture, or a row of a table."""

    index: int
    answer: int
    guess: int
    confidence: float
    inputs: ScreenOnly[NDArray[Any]]

    @classmethod
    def of(
        cls, indices: Integers, guesses: Guesses, data: DataSet, cases: Cases
    ) -> "list[Misread]":
        """The misread cases with these indices among the guesses."""
        columns = guesses.answers, guesses.guesses, guesses.confidences
        rows = zip(indices.tolist(), *(each[indices].tolist() for each in columns), strict=True)
        return [cls(i, a, g, c, data.picture_of(cases, i)) for i, a, g, c in rows]

    def framed(self, view: View) -> Framed:
        """The picture over `4 as 9  0.98`, in the colours of `c`, and its index."""
        label = Text.assemble(
            (str(self.answer), "bold magenta"),
            " as ",
            (str(self.guess), "bold red"),
            f"  {self.confidence:.2f}\n",
            (f"case {self.index:,}", "dim"),
        )
        return small_case(self.inputs, view), label


MAX_SHOWN = 1000  # maximum number of misread cases in the pages of one `wrong`


@dataclass(frozen=True)
class WrongResult(Record):
    """The requested misread cases, most confident first. of: of which. kind: `misread` or how."""

    set: str
    total: int
    seen_in_training: bool | None
    cases: list[Misread]
    of: ScreenOnly[str]
    kind: ScreenOnly[str]
    names: ScreenOnly[tuple[str, ...]] = ()

    def drawn(self, view: View) -> RenderResult:
        count = len(self.cases)
        yield (
            f"{f'{count:,}' if count else 'None'} of {self.of} of the {self.set} set "
            f"{'is' if count == 1 else 'are'} {self.kind}"
            f"{', most confident first' if count > 1 else ''}"
        )
        if self.cases:
            size, most = size_of(self.cases[0].framed(view)), MAX_SHOWN
            if view.is_picture:
                most = capacity(*size, view.height - AROUND, view)
            yield gallery([case.framed(view) for case in self.cases[:most]], view)
            if most < count:
                yield f"and {count - most:,} more; wrong ANSWER GUESS narrows it down"
            if self.names:
                yield all_named(self.names)
        yield from SEEN_IN_TRAINING[self.seen_in_training]


@command("wrong", group="Asking", rank=4, is_picture=True)
def wrong(session: Session, answer: kinds.ANSWER = None, guess: kinds.GUESS = None) -> WrongResult:
    """Show the misread test cases, the most confident guesses first.

    All of them, those with one answer, or those with one answer and one guess. The confidence below
    each is the output of the guess; if there is a single output, 1 minus that for a 0.

    wrong: all misread test cases, the most confident guesses first
    wrong 4: fours that are misread
    wrong 4 9: fours read as nines
    """
    data, guesses, seen = guess_all(session, session.network())
    for digit in (answer, guess):
        if digit is not None and digit >= guesses.classes:
            raise CommandError(f"the answers are 0 to {guesses.classes - 1}. Example: wrong 1 0")
    if answer is not None and answer == guess:
        raise CommandError(f"{with_article(answer)} read as {answer} is right. Example: wrong 1 0")
    indices, kind, total = guesses.wrong(), "misread", len(guesses.answers)
    of = counted(total, "case")
    if answer is not None:
        is_one = guesses.answers == answer
        indices, total = indices[is_one[indices]], int(is_one.sum())
        is_digit = data.picture and guesses.classes <= 10
        noun, which = (f"{answer}", "") if is_digit else ("case", f" of {answer}")
        of = f"the {counted(total, noun)}{which}"
    if guess is not None:
        indices, kind = indices[guesses.guesses[indices] == guess], f"read as {guess}"
    cases = Misread.of(indices, guesses, data, data.test)
    return WrongResult(f"{data.name} test", total, seen, cases, of, kind, data.answers)


MIN_CELL, MAX_CELL = 5, 6  # width of a cell of the matrix: in the last row it holds `99.9 `
RECALL_WIDTH = len(" 100.0 %")  # beside the matrix

RIGHT, WRONG = ((16, 52, 44), (22, 138, 96)), ((64, 26, 32), (216, 62, 62))
"""The darkest and lightest background of correct and of misread counts."""

MAX_NAMED = 3  # maximum number of confusions to name


@dataclass(frozen=True)
class ConfusionResult(Record):
    """The confusion matrix: cases by answer (rows) and guess (columns)."""

    matrix: list[list[int]]
    precision: list[float]
    recall: list[float]
    correct: int
    total: int
    set: str
    seen_in_training: bool | None
    names: ScreenOnly[tuple[str, ...]] = ()

    def drawn(self, view: View) -> RenderResult:
        count = len(self.matrix)
        digits = max(len(f"{cases}") for row in self.matrix for cases in row)
        spare = (view.width - len("answer ") - RECALL_WIDTH) // count
        if spare >= max(digits + 2, MIN_CELL):
            yield self._grid(min(spare, max(digits + 2, MAX_CELL)), view)
        else:
            yield self._listed()
        accuracy = percent(self.correct / self.total)
        yield f"\n{self.correct:,} of {self.total:,} right: {accuracy} of the {self.set} set"
        if self.correct < self.total:
            most = self._confusions()[:MAX_NAMED]
            listed = ", ".join(f"{a} as {g} ({n:,})" for n, a, g in most)
            _, answer, guess = most[0]
            yield f"Most often misread: {listed}. wrong {answer} {guess} shows these."
        if self.names:
            yield all_named(self.names)
        yield from SEEN_IN_TRAINING[self.seen_in_training]

    def _listed(self) -> Rows:
        """Each answer with its guesses, where the matrix does not fit."""
        lines = []
        for answer, row in enumerate(self.matrix):
            rates = (percent(of[answer], 1) for of in (self.precision, self.recall))
            ordered = sorted(enumerate(row), key=lambda read: -read[1])
            read_as = ", ".join(f"{guess} ({cases:,})" for guess, cases in ordered if cases)
            lines.append((f"{answer}", *rates, read_as))
        headings = ("answer", "precision", "recall", "read as")
        return Rows(headings, lines, headings[:-1], prose=("read as",), key=("answer",))

    def _grid(self, width: int, view: View) -> Text:
        """The matrix, with recall beside it and precision below, in cells of so many columns."""
        count, margin = len(self.matrix), len("answer ")
        text = Text(no_wrap=True).append(f"answer {'guess':^{count * width}}".rstrip(), "dim")
        text.append("\n" + " " * margin)
        text.append("".join(f"{digit:>{width - 1}} " for digit in range(count)), "bold")
        text.append(f"{'recall':>{RECALL_WIDTH}}", "dim")
        none = "·" if view.blocks else "."
        most = max((cases for cases, _, _ in self._confusions()), default=1)
        for answer, row in enumerate(self.matrix):
            text.append(f"\n{answer:>{margin - 1}} ", "bold")
            for guess, cases in enumerate(row):
                size = self.recall[answer] if answer == guess else cases / most
                style = _shade(size, view, right=answer == guess) if cases else Style(dim=True)
                text.append(f"{cases or none:>{width - 1}} ", style)
            text.append(f"{percent(self.recall[answer], 1):>{RECALL_WIDTH}}")
        text.append("\nprecision, %\n" + " " * margin, "dim")
        rates = [percent(r, 1).replace(" %", "").replace("100.0", "100") for r in self.precision]
        text.append("".join(f"{rate:>{width - 1}} " for rate in rates))
        return text

    def _confusions(self) -> list[tuple[int, int, int]]:
        """The cases, answer and guess of each confusion, the most frequent first."""
        every = ((n, a, g) for a, row in enumerate(self.matrix) for g, n in enumerate(row))
        return sorted(((n, a, g) for n, a, g in every if n and a != g), key=lambda each: -each[0])


def _shade(size: float, view: View, *, right: bool) -> Style:
    """The style of a cell that is not zero. size: 0 to 1."""
    if not view.shades:
        return Style(bold=True, color=None if right else "red")
    low, high = RIGHT if right else WRONG
    size = size**4 if right else sqrt(size)  # recalls are mostly near 1
    red, green, blue = (a + size * (b - a) for a, b in zip(low, high, strict=True))
    return Style(color="#ffffff", bgcolor=Color.from_rgb(red, green, blue))


@command("cm", "confusion", group="Asking", rank=4, is_picture=True)
def cm(session: Session) -> ConfusionResult:
    """Show the confusion matrix of the test set, with precision and recall of each digit.

    A row holds the cases with one answer, a column those with one guess. Recall is the fraction of
    an answer's cases that are read correctly; precision is the fraction of a guess that is correct.

    cm cm.svg: draw it in a file
    cm: for the whole test set
    """
    data, guesses, seen = guess_all(session, session.network())
    matrix = guesses.matrix()
    rates = precision(matrix).tolist(), recall(matrix).tolist()
    counts = int(matrix.trace()), int(matrix.sum())
    return ConfusionResult(
        matrix.tolist(), *rates, *counts, f"{data.name} test", seen, data.answers
    )


MAX_ALONE = 500  # maximum number of cases that `diff` shows of each network


@command("diff", group="Asking", rank=7, is_picture=True)
def diff(
    session: Session, first: kinds.SAVE, second: kinds.SAVE = "", index: kinds.INDEX = None
) -> Said:
    """Show the test cases that only one of two saved networks misreads.

    With one name, the network in hand is compared with it. With the number of a case, the outputs
    of both networks for that case.

    diff first: the network in hand against first
    diff first second 11: what both make of test case 11
    diff first second: the cases that only one of them misreads
    """
    if second.isdecimal() and index is None and not session.registry.exists(second):
        second, index = "", int(second[:9])
    models = [loaded(session, first), loaded(session, second) if second else session.network()]
    names = [model.title for model in models]
    if names[0] == names[1]:
        names[1] += " again" if second else " in hand"
    if index is not None:
        case = Case.of(session, session.data_for(models[0]), index)
        results = [checked(model, session.data_for(model), case) for model in models]
        return _side_by_side(case, dict(zip(names, results, strict=True)))
    found = [guess_all(session, model) for model in models]
    misread = [guesses.answers != guesses.guesses for _, guesses, _ in found]
    total, both = len(misread[0]), int((misread[0] & misread[1]).sum())
    networks = []
    for name, (data, guesses, seen), other in zip(names, found, misread[::-1], strict=True):
        wrong = guesses.wrong()
        alone = Misread.of(wrong[~other[wrong]], guesses, data, data.test)
        networks.append((name, total - len(wrong), seen, alone, data.answers))

    def shown(view: View) -> RenderResult:
        for name, right, seen, cases, answers in networks:
            accuracy = f"{percent(right / total)} of the {data.name} test set{SEEN[seen]}"
            alone = f"{counted(len(cases), 'case') if cases else 'no case'} misread by it alone"
            yield Text.assemble((name, "bold"), f": {accuracy}, {alone}")
            if cases:
                yield gallery([case.framed(view) for case in cases[:MAX_ALONE]], view)
            if len(cases) > MAX_ALONE:
                yield f"and {len(cases) - MAX_ALONE:,} more"
            if answers:
                yield all_named(answers)
        yield f"{counted(both, 'case')} misread by both"

    listed = [
        {"name": name, "correct": right, "seen_in_training": seen,
         "alone_wrong": [case.as_json() for case in cases]}
        for name, right, seen, cases, _ in networks
    ]  # fmt: skip
    has_seen = max((seen for _, _, seen in found), key=(False, None, True).index)
    fields = {"set": f"{data.name} test", "total": total, "both_wrong": both}
    return Said(shown, fields | {"seen_in_training": has_seen, "networks": listed})


def _side_by_side(case: Case, networks: dict[str, CheckResult]) -> Said:
    """What two networks make of one case."""

    def shown(view: View) -> RenderResult:
        yield str(case)
        outputs = [*zip(*(each.outputs for each in networks.values()), strict=True)]
        numbers = range(len(outputs)) if outputs[1:] else ["output"]
        lines = [
            (f"{n}", *(f"{bar(value, 12, blocks=view.blocks)} {value:.3f}" for value in values))
            for n, values in zip(numbers, outputs, strict=True)
        ]
        table, inputs = Rows(("", *networks), lines, key=("",)), case.inputs
        needed = (inputs.shape[1] if inputs.ndim == 2 else 0) + 3 + sum(table.widths) + 4
        yield side_by_side(large_case(inputs, view), table, view.width, needed)
        guesses = [f"{name} reads {each.guess}" for name, each in networks.items()]
        yield f"{', '.join(guesses)}; it is {with_article(case.answer)}"

    listed = [
        {"name": name, "guess": each.guess, "outputs": each.outputs}
        for name, each in networks.items()
    ]
    return Said(shown, case.as_json() | {"networks": listed})

"""Pictures that were read: each as the network sees it beside its outputs, or all in a table."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.errors import printable
from digitnet.repl.views.digit import digit
from digitnet.repl.views.outputs import outputs, side_by_side, verdict
from digitnet.repl.views.tables import rows
from digitnet.repl.views.words import percent

if TYPE_CHECKING:
    from digitnet.repl.commands.imaging import DigitRead

DOUBT = 0.9
"""A guess whose output is below this is doubtful; the second guess is shown too."""


def one_by_one(
    digits: "Sequence[DigitRead]", console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """Each digit with its picture, outputs and guess."""
    for each in digits:
        if each.seen is None or each.guess is None:
            yield Text(f"{each.label}: {printable(each.error)}", "red")
            continue
        yield Text(f"{each.label}, as the network sees it")
        left = digit(each.seen, console, options)
        right = outputs(each.outputs, each.guess, each.answer, console, options)
        yield side_by_side(left, right, options.max_width, each.seen.shape[1] + 3 + 39)
        yield Text.assemble(verdict(each.guess, each.answer), _doubt(each))


def table(digits: "Sequence[DigitRead]") -> Table:
    """A row for each digit."""
    names = _short([each.file for each in digits])
    has_answers = any(each.answer is not None for each in digits)
    headings = ("file", "guess", *(["answer"] if has_answers else []), "output", "")
    lines = []
    for name, each in zip(names, digits, strict=True):
        guess = "" if each.guess is None else str(each.guess)
        answer = "" if each.answer is None else str(each.answer)
        output = percent(max(each.outputs)) if each.outputs else ""
        note = printable(each.error)
        if each.guess is not None:
            wrong = each.answer is not None and each.answer != each.guess
            note = "wrong" if wrong else _doubt(each).removeprefix(": ")
        place = f", {each.number} of {each.of}" if each.of > 1 else ""
        lines.append(
            (printable(name) + place, guess, *([answer] if has_answers else []), output, note)
        )
    return rows(headings, lines, right="guess answer output")


def _short(files: Sequence[str]) -> list[str]:
    """The files' names, without the folder that all of them are in."""
    folder = os.path.commonpath([os.path.dirname(file) or "." for file in files])  # noqa: PTH120
    return [os.path.relpath(file, folder) for file in files]


def _doubt(each: "DigitRead") -> str:
    """`: doubtful, or 1 (30.20 %)`; empty if the guess is not doubtful."""
    first, second = sorted(range(len(each.outputs)), key=each.outputs.__getitem__)[-1:-3:-1]
    if each.outputs[first] >= DOUBT:
        return ""
    return f": doubtful, or {second} ({percent(each.outputs[second])})"

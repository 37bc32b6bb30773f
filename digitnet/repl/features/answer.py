"""`answer` answers a table of pictures, in the form that Kaggle takes."""

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.datasets import NotHere
from digitnet.digits.files import BadFile
from digitnet.digits.importing import read_cases
from digitnet.digits.own import TEST
from digitnet.digits.prepare import Picture
from digitnet.digits.recognize import Contents, Part
from digitnet.engine.arrays import answers_of
from digitnet.registry.files import write_outside
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command, path_of
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.features.data import mean_digits, reading, understood
from digitnet.repl.features.img import PictureReader, outputs_of
from digitnet.repl.pictures.file import path_to_write
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.result import Note, Said
from digitnet.repl.session import Session

CHUNK = 1000  # cases answered between two reports
# the least and the most pictures by which it is told whether they are sideways; how much larger the
# mean of their largest outputs is then when rows and columns are swapped; and the different guesses
MANY, MOST, SURER, GUESSES = 50, 200, 0.1, 5


ANSWER = "answer test.csv submission.csv"


@command("answer", group="Asking")
def answer(session: Session, table: kinds.TABLE, file: kinds.FILE) -> Said:
    """Write the network's answers to a table of pictures, in the form that Kaggle takes.

    The table is read as by data import: a .csv, .npz or IDX file, with or without answers. The file
    has a line for each case, in their order, under ImageId,Label: the name that the table gives it,
    or its number from 1; and the answer.

    answer test.csv submission.csv: the answers to Kaggle's test pictures, in its form
    """
    model = session.network()
    network = model.trainer.answering()
    source, report = path_of(table, ANSWER), reading(session, table)
    read = read_cases(source, report, mean_digits(session), network.inputs)
    read.notes += [f"left out: {reason}" for reason in read.left_out]
    tests = [each for each in read.sets if each.part == TEST] or read.sets
    if len(tests) > 1:
        raise CommandError(f"{printable(table)} has several tables of cases: name one of them")
    if len(read.sets) > 1:
        read.notes.append("only its test cases were answered")
    cases, scale = _inputs(model, tests[0], read.notes)
    if cases.shape[1] != network.inputs:
        raise CommandError(
            f"the network ({model.network.shape}) takes {network.inputs:,} numbers; "
            f"{printable(table)} has others"
        )
    path = path_to_write(file, ANSWER, session.asker)
    answers: list[int] = []
    for start in range(0, len(cases), CHUNK):
        session.report(Note(f"{start:,} of {len(cases):,} answered", lasting=False))
        outputs = outputs_of(network, cases[start : start + CHUNK], scale)
        answers += answers_of(outputs).tolist()
    numbers = [*map(str, range(max(network.outputs, 2)))]
    names = [*model.words, *numbers[len(model.words) :]]
    read.notes += _whose_words(session, model)
    said = [names[each] for each in answers]
    row_names, known = _columns(tests[0], names, read)
    rows = zip(row_names or range(1, len(said) + 1), said, strict=True)
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows([("ImageId", "Label"), *rows])
    write_outside(path, made.getvalue().encode())
    correct = sum(map(str.__eq__, said, known)) if known else None
    lines = [f"Wrote {counted(len(said), 'answer')} to {printable(str(path))}."]
    if correct is not None:
        share = percent(correct / len(said))
        lines.append(f"{correct:,} of {len(said):,} match the answers in the table: {share}.")
    fields = {"file": str(path), "answers": len(said), "correct": correct}
    shown = "\n".join([*lines, understood(read.notes)])
    return Said(shown, fields | {"understood": read.notes})


def _inputs(model: Model, test: Part, notes: list[str]) -> tuple[NDArray[Any], float]:
    """The cases as the network takes them, and what they are multiplied by."""
    cases = test.inputs
    if cases.ndim != 3:
        return cases, 1.0
    reader = PictureReader(model)
    seen = cases if cases[0].size == model.network.inputs else reader.seen(cases)
    if test.answers is None and _is_sideways(seen, reader):
        seen = seen.transpose(0, 2, 1)
        notes.append("rows and columns swapped: the network is surer of its answers then")
    return seen.reshape(len(cases), -1), reader.scale


def _columns(test: Part, names: Sequence[str], read: Contents) -> tuple[Sequence[str], list[str]]:
    """The names of the rows, if they have any, and the answers that the table has, if they can be
    compared with the network's, which are called `names`.
    """
    given, row_names = test.answers, test.row_names
    known = [] if given is None else [read.words[k] if read.words else str(k) for k in given]
    is_new = bool(read.words) and not row_names and not {*known} & {*names}
    if is_new and 1 < len({*known}) == len(known):
        read.notes.append("they all differ, and the network has none of them: they name the rows")
        return known, []
    if others := sorted({*known} - {*names}):
        read.notes.append(f"its answers were not compared: the network has no answer {others[0]!r}")
        return row_names, []
    return row_names, known


def _whose_words(session: Session, model: Model) -> list[str]:
    """What to say of the words or numbers of the network's answers."""
    name = model.trained_on[-1] if model.trained_on else ""
    if model.words:
        return [f"answers in the words of the data set {name} that it was trained on"]
    with suppress(BadFile, NotHere):
        if name in session.data_sets.own.names() and session.data(name).answers:
            return ["answers written as numbers: the network has not kept the words of the data"]
    return []


def _is_sideways(pictures: Picture, reader: PictureReader) -> bool:
    """Whether the network is surer of pictures, and guesses several digits, if they are swapped."""
    some = pictures[:: 1 + len(pictures) // MOST]
    upright, swapped = (
        np.clip(reader.outputs(each), 0, 1) for each in ([*some], [*some.transpose(0, 2, 1)])
    )
    guesses = np.unique(swapped.argmax(axis=1))
    is_surer = swapped.max(axis=1).mean() > upright.max(axis=1).mean() + SURER
    return len(some) >= MANY and len(guesses) >= GUESSES and bool(is_surer)

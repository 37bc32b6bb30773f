"""`answer` answers a table of pictures, such as Kaggle's test.csv, in a file."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from rich.console import RenderResult

from digitnet.digits.importing import read_cases
from digitnet.engine.arrays import Cases, answers_of
from digitnet.engine.evaluate import outputs_for
from digitnet.registry.files import write_outside
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.features.check import check_outputs
from digitnet.repl.features.data import mean_digits, reading
from digitnet.repl.features.img import PIXELS
from digitnet.repl.pictures import View
from digitnet.repl.pictures.file import path_of, path_to_write
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.result import Note, Record
from digitnet.repl.session import Session

EXAMPLE = "answer test.csv submission.csv"

CHUNK = 1000
"""Cases answered between two reports."""


@dataclass(frozen=True)
class AnswerResult(Record):
    """The answers were written. correct: of them, if the table has the answers too."""

    file: str
    answers: int
    correct: int | None
    understood: list[str]

    def drawn(self, view: View) -> RenderResult:
        yield f"Wrote {counted(self.answers, 'answer')} to {printable(self.file)}."
        if self.correct is not None:
            share = percent(self.correct / self.answers)
            yield f"{self.correct:,} of {self.answers:,} are those in the table: {share}."
        yield f"Understood: {printable('; '.join(self.understood), 600)}."


@command(
    "answer",
    group="Asking",
    examples={EXAMPLE: "the answers to Kaggle's test pictures, in its form"},
)
def answer(
    session: Session,
    table: Annotated[str, kinds.TABLE],
    file: Annotated[str, kinds.FILE],
) -> AnswerResult:
    """Write the network's answers to a table of pictures, in the form that Kaggle takes.

    The table is read as by data import: a .csv, .npz or IDX file, with or without answers. The file
    has a line for each case, in their order: its number from 1 and the answer, under ImageId,Label.
    """
    model = session.network()
    network = model.trainer.answering()
    source, report = path_of(table, EXAMPLE), reading(session, table)
    read = read_cases(source, report, mean_digits(session), network.inputs)
    cases = np.concatenate([cases for _, cases, _ in read.sets])
    scale = 1.0
    if cases.ndim == 3:
        pixels = PIXELS.get(network.inputs, slice(0))
        cases = cases[:, pixels, pixels].reshape(len(cases), -1)
        scale = 1.0 if model.trainer.settings.pixels == "raw" else 1 / 255
    if cases.shape[1] != network.inputs:
        raise CommandError(
            f"the network ({model.network.shape}) takes {network.inputs:,} numbers; "
            f"{printable(table)} has others"
        )
    path = path_to_write(file, EXAMPLE, session.asker)
    answers = np.empty(len(cases), np.intp)
    asked = Cases(cases, np.zeros((len(cases), network.outputs), np.float32), scale)
    for start in range(0, len(cases), CHUNK):
        session.report(Note(f"{start:,} of {len(cases):,} answered", lasting=False))
        rows = np.arange(start, min(start + CHUNK, len(cases)))
        outputs = outputs_for(network, asked, rows)
        check_outputs(outputs)
        answers[rows] = answers_of(outputs)
    lines = [f"{number},{each}" for number, each in enumerate(answers.tolist(), 1)]
    write_outside(path, "\n".join(["ImageId,Label", *lines, ""]).encode())
    given = [its for _, _, its in read.sets if its is not None]
    correct = int((answers == np.concatenate(given)).sum()) if given else None
    return AnswerResult(str(path), len(answers), correct, read.notes)

"""`show` shows some cases of the data set."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderResult
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Cases, Integers, answers_of
from digitnet.engine.augment import Augment, Deformer, side_of
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import View
from digitnet.repl.pictures.digit import gallery, small_case
from digitnet.repl.pictures.tables import named
from digitnet.repl.result import Said
from digitnet.repl.session import Session


@dataclass(frozen=True)
class CasesShown(Said):
    """A sentence above a gallery of cases, each with its label."""

    cases: list[NDArray[Any]]
    labels: list[str]

    def drawn(self, view: View) -> RenderResult:
        yield self.text
        labels = [Text(label, "bold") for label in self.labels]
        pictures = [small_case(case, view) for case in self.cases]
        yield gallery(list(zip(pictures, labels, strict=True)), view)


MAX_SHOWN = 100  # maximum number of cases of one `show`


@command(
    "show",
    group="Digits",
    rank=6,
    examples={
        "show": "six random test cases",
        "show augment": "training cases as the network sees them with `set augment`",
        "show 12": "twelve random test cases",
    },
)
def show(session: Session, count: Annotated[int | str, kinds.SHOWN] = 6) -> CasesShown:
    """Show random test cases with their answers, or deformed training cases."""
    data = session.data()
    if isinstance(count, str):
        return _deformed(session, data)
    if count > MAX_SHOWN:
        raise CommandError(f"show shows at most {MAX_SHOWN} cases at a time. Example: show 12")
    rows = session.rng.choice(len(data.test), min(count, len(data.test)), replace=False)
    pictures = [data.picture_of(data.test, row) for row in rows]
    return _result(f"{data.name} test", data, data.test, rows, pictures)


def _deformed(session: Session, data: DataSet) -> CasesShown:
    augment = Augment.parse(session.network().trainer.settings.augment)
    if augment == Augment():
        raise CommandError("the training cases are not deformed. Example: set augment light")
    try:
        side = side_of(data.inputs)
    except ValueError as error:
        raise CommandError(str(error)) from None
    rows = session.rng.choice(len(data.train), min(18, len(data.train)), replace=False)
    pictures = data.train.inputs[rows].reshape(-1, side, side).astype(np.float32) * data.train.scale
    deformed = np.empty_like(pictures)
    seed = int(session.rng.integers(2**31))
    Deformer(side, side, seed, augment)(pictures, np.arange(len(rows)), deformed)
    shown = list((255 * np.clip(deformed, 0, 1)).astype(np.uint8))
    return _result(f"{data.name} training", data, data.train, rows, shown)


def _result(
    name: str, data: DataSet, cases: Cases, rows: Integers, pictures: list[NDArray[Any]]
) -> CasesShown:
    pairs = list(zip(rows.tolist(), answers_of(cases.targets[rows]).tolist(), strict=True))
    fields = {"set": name, "cases": [{"index": i, "answer": a} for i, a in pairs]}
    labels = [f"{i}: {named(a, data.answers)}" for i, a in pairs]
    return CasesShown(f"cases of the {name} set", fields, pictures, labels)

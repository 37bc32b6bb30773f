"""`show` shows some cases of the data set."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Cases, Integers, answers_of
from digitnet.engine.augment import Augment, Deformer, side_of
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures.digit import gallery, small_case
from digitnet.repl.pictures.tables import named
from digitnet.repl.session import Session


@dataclass(frozen=True)
class ShowResult:
    """Some cases with their answers. names: of the answers, if they are not digits."""

    set: str
    indices: list[int]
    answers: list[int]
    inputs: list[NDArray[Any]]
    names: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The index and answer of each case."""
        pairs = zip(self.indices, self.answers, strict=True)
        return {"set": self.set, "cases": [{"index": i, "answer": a} for i, a in pairs]}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield f"cases of the {self.set} set"
        cases = zip(self.indices, self.answers, self.inputs, strict=True)
        yield gallery(
            [
                (small_case(x, console, options), Text(f"{i}: {named(a, self.names)}", "bold"))
                for i, a, x in cases
            ],
            options,
        )


MAX_SHOWN = 100
"""Maximum number of cases of one `show`."""


@command(
    "show",
    group="Digits",
    examples={
        "show": "six random test cases",
        "show augment": "training cases as the network sees them with `set augment`",
        "show 12": "twelve random test cases",
    },
)
def show(session: Session, count: Annotated[int | str, kinds.SHOWN] = 6) -> ShowResult:
    """Show random test cases with their answers, or deformed training cases."""
    data = session.data()
    if isinstance(count, str):
        return _deformed(session, data)
    if count > MAX_SHOWN:
        raise CommandError(f"show shows at most {MAX_SHOWN} cases at a time. Example: show 12")
    rows = session.rng.choice(len(data.test), min(count, len(data.test)), replace=False)
    pictures = [data.picture_of(data.test, row) for row in rows]
    return _result(f"{data.name} test", data, data.test, rows, pictures)


def _deformed(session: Session, data: DataSet) -> ShowResult:
    """Random training cases, deformed with the settings of the network in hand."""
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
) -> ShowResult:
    """These rows of some cases, with their pictures."""
    return ShowResult(
        name, rows.tolist(), answers_of(cases.targets[rows]).tolist(), pictures, data.answers
    )

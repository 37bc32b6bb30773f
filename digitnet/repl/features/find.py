"""`find rate` finds a learning rate for the network in hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from rich.console import RenderResult
from rich.text import Text

from digitnet.charts import Chart
from digitnet.insight.rehearsal import Point, range_test, suggested_rate, untrained_copy
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.curves import MIN_COLUMNS, MIN_ROWS, picture
from digitnet.repl.result import Note
from digitnet.repl.session import Session

MAX_COLUMNS = 76  # maximum columns of the curve


@dataclass(frozen=True)
class FindResult(Drawn):
    """The cost at each rate, and the suggested rate; None if the cost hardly fell.

    present: the rate of the network in hand. on_fresh_copy: whether an untrained copy was used.
    """

    points: Sequence[Point]
    suggestion: float | None
    present: float
    on_fresh_copy: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "rates": [point.rate for point in self.points],
            "costs": [point.cost for point in self.points],
            "suggestion": self.suggestion,
            "on_fresh_copy": self.on_fresh_copy,
        }

    def drawn(self, view: View) -> RenderResult:
        points = [(point.rate, point.cost) for point in self.points if isfinite(point.cost)]
        title = "cost over the learning rate"
        chart = Chart(title, {"": points}, log_x=True, marked=self.suggestion)
        if chart.lines and view.width >= MIN_COLUMNS:
            width, blocks = min(view.width, MAX_COLUMNS), view.blocks
            yield picture(chart, width, MIN_ROWS, blocks=blocks)
        if self.on_fresh_copy:
            yield "Tried on an untrained copy, since a trained network has little left to learn."
        if self.suggestion is None:
            yield (
                "At no rate did the cost fall: little is left to learn, or something is wrong "
                "(doctor)."
            )
            return
        text = Text("The cost falls well at ").append(f"{self.suggestion:g}", "bold")
        if self.suggestion == self.present:
            yield text.append(", the rate it has now.")
            return
        text.append(f"; the rate is {self.present:g} now.\n  Try: ")
        yield text.append(f"set rate {self.suggestion:g}", "bold")


@command(
    "find",
    group="Learning",
    rank=4,
    examples={"find rate": "a learning rate for the network in hand"},
)
def find(session: Session, what: Annotated[str, kinds.FOUND]) -> FindResult:
    """Find a learning rate: train a copy at higher and higher rates, and see where the cost falls.

    This is the learning-rate range test (Smith 2017). The network in hand and its rate are not
    changed. If the network has been trained, the copy is an untrained one with its initial weights.
    """
    model = session.learner()
    data = session.data_for(model)
    is_trained = model.trainer.progress.batches > 0
    trainer = untrained_copy(model.trainer) if is_trained else model.trainer

    def report(point: Point | None) -> None:
        words = point and f"rate {point.rate:<8.2g}  cost {point.cost:.3g}"
        session.report(Note(words, lasting=False) if words else None)

    try:
        points = range_test(trainer, data.train, report)
    except ValueError as error:  # the cases are not pictures
        raise CommandError(f"{error}. Example: set augment none") from None
    settings = trainer.settings
    return FindResult(points, suggested_rate(points, settings.optimizer), settings.rate, is_trained)

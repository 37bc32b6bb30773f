from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from digitnet.insight.rate import Point, range_test, suggested_rate, untrained_copy
from digitnet.insight.rehearsal import Interrupted
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures.curves import MIN_COLUMNS, MIN_ROWS, Chart, Curve, picture
from digitnet.repl.pictures.screen import draws_blocks
from digitnet.repl.session import Session

MAX_COLUMNS = 76
"""Maximum columns of the curve."""


def found_rate(
    found: "FindResult", console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """The curve if it fits, and a sentence."""
    points = [(point.rate, point.cost) for point in found.points if isfinite(point.cost)]
    title, curves = "cost over the learning rate", [Curve("", points)]
    chart = Chart(title, curves, logarithmic=True, marked=found.suggestion)
    if chart.drawn and options.max_width >= MIN_COLUMNS:
        width, blocks = min(options.max_width, MAX_COLUMNS), draws_blocks(console, options)
        yield picture(chart, width, MIN_ROWS, blocks=blocks)
    if found.on_fresh_copy:
        yield "Tried on a fresh copy, since a trained network has little left to learn."
    if found.suggestion is None:
        yield (
            "At no rate did the cost fall: little is left to learn, or something is wrong (doctor)."
        )
        return
    text = Text("The cost falls well at ")
    text.append(f"{found.suggestion:g}", "bold")
    if found.suggestion == found.present:
        text.append(", the rate it has now.")
    else:
        text.append(f"; the rate is {found.present:g} now.\n  Try: ")
        text.append(f"set rate {found.suggestion:g}", "bold")
    yield text


@dataclass(frozen=True)
class RateReport:
    """The cost after some mini-batches at one rate."""

    point: "Point"
    lasting: bool = False
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield f"rate {self.point.rate:<8.2g}  cost {self.point.cost:.3g}"


@dataclass(frozen=True)
class FindResult:
    """The cost at each rate, and the suggested rate; None if the cost hardly fell.

    present: the rate of the network in hand. on_fresh_copy: whether an untrained copy was used.
    """

    points: "Sequence[Point]"
    suggestion: float | None
    present: float
    on_fresh_copy: bool = False

    def as_json(self) -> dict[str, Any]:
        """The rates, the cost after each, and the suggestion."""
        return {
            "rates": [point.rate for point in self.points],
            "costs": [point.cost for point in self.points],
            "suggestion": self.suggestion,
            "on_fresh_copy": self.on_fresh_copy,
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from found_rate(self, console, options)


@command(
    "find",
    group="Learning",
    rank=4,
    examples={"find rate": "a learning rate for the network in hand"},
)
def find(session: Session, what: Annotated[str, kinds.FOUND]) -> Any:
    """Find a learning rate: train a copy at higher and higher rates, and see where the cost falls.

    This is the learning-rate range test (Smith 2017). The network in hand and its rate are not
    changed. If the network has been trained, the copy is an untrained one with its initial weights.
    """
    model = session.learner()
    data = session.data_for(model)
    is_trained = model.trainer.progress.batches > 0
    trainer = untrained_copy(model.trainer) if is_trained else model.trainer
    points = []
    try:
        for point in range_test(trainer, data.train, session.stop):
            points.append(point)
            yield RateReport(point)
    except Interrupted:
        raise CommandError("interrupted; the network is unchanged") from None
    except ValueError as error:  # the cases are not pictures
        raise CommandError(f"{error}. Example: set augment none") from None
    settings = trainer.settings
    return FindResult(points, suggested_rate(points, settings.optimizer), settings.rate, is_trained)

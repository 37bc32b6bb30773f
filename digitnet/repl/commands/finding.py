"""`find rate`: runs the learning-rate range test on a copy and suggests a rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import Working, command
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.insight.diagnosis.range_test import Point


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
        from digitnet.repl.views.finding import found_rate

        yield from found_rate(self, console, options)


@command(
    "find",
    group="Learning",
    rank=4,
    examples={"find rate": "a learning rate for the network in hand"},
)
def find(session: Session, what: Annotated[str, kinds.FOUND]) -> Working:
    """Find a learning rate: train a copy at higher and higher rates, and see where the cost falls.

    This is the learning-rate range test (Smith 2017). The network in hand and its rate are not
    changed. If the network has been trained, the copy is an untrained one with its initial weights.
    """
    from digitnet.insight.diagnosis.range_test import range_test, suggested_rate, untrained_copy
    from digitnet.insight.diagnosis.rehearsal import Interrupted

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

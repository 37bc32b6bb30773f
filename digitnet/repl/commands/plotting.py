"""The history of a training as curves: `plot`."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.engine.progress import Measurement


MOST_DRAWN = 2_000
"""Measurements that are drawn, some more than any screen has columns for."""


@dataclass(frozen=True)
class PlotResult:
    """What was measured while the network was trained."""

    history: "list[Measurement]"

    def as_json(self) -> dict[str, Any]:
        """Every measurement."""
        return {"history": [asdict(measured) for measured in self.history]}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.curves import Curves
        from digitnet.repl.views.words import counted, percent

        every = -(-len(self.history) // MOST_DRAWN)
        drawn = self.history[::-every][::-1]  # with the last one
        yield Curves(
            [(measured.batches, measured.cost) for measured in drawn],
            [(measured.batches, measured.validation_accuracy) for measured in drawn],
        )
        best = max(self.history, key=lambda measured: measured.validation_accuracy)
        yield (
            f"{counted(len(self.history), 'measurement')} in "
            f"{counted(self.history[-1].batches, 'mini-batch')}; best "
            f"validation accuracy {percent(best.validation_accuracy)} after {best.batches:,}."
        )


@command(
    "plot",
    group="Learning",
    rank=2,
    examples={
        "plot curves.svg": "the same in a file: .svg, .html or .png",
        "plot": "the cost and the accuracy so far",
    },
    is_picture=True,
)
def plot(session: Session) -> PlotResult:
    """Draw the cost and the validation accuracy over the whole training."""
    history = session.network().trainer.history
    if not history:
        raise CommandError("nothing was measured yet: t trains, and measures after each epoch")
    return PlotResult(list(history))

"""The history of a training as curves, or of several to compare: `plot`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import OPTIONAL, command
from digitnet.repl.commands.saving import clean, no_such
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.engine.progress import Measurement

MOST = 6
"""Networks in a picture: as many as there are colours and markers."""


@dataclass(frozen=True)
class PlotResult:
    """What was measured while a network was trained, or several, by their names."""

    histories: "dict[str, Sequence[Measurement]]"

    def as_json(self) -> dict[str, Any]:
        """Every measurement; of several networks, by their names."""
        model = {
            name: [asdict(measured) for measured in history]
            for name, history in self.histories.items()
        }
        return {"history": model.pop("")} if "" in model else {"histories": model}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.curves import history_curves
        from digitnet.repl.views.words import counted, percent

        yield history_curves(self.histories)
        for name, history in self.histories.items():
            best = max(history, key=lambda measured: measured.validation_accuracy)
            yield (
                f"{name}{': ' if name else ''}{counted(len(history), 'measurement')} in "
                f"{counted(history[-1].batches, 'mini-batch')}; best validation accuracy "
                f"{percent(best.validation_accuracy)} after {best.batches:,}."
            )


@command(
    "plot",
    group="Learning",
    rank=2,
    examples={
        "plot first second": "two saved networks in one picture",
        "plot curves.svg": "the same in a file: .svg, .html or .png",
        "plot": "the cost and the accuracy so far",
    },
    is_picture=True,
)
def plot(session: Session, *names: Annotated[str, kinds.NAME, OPTIONAL]) -> PlotResult:
    """Draw the costs and the validation accuracy over the whole training.

    Of the network in hand; or, with names, of up to six saved networks in one picture.
    """
    if not names:
        history = session.network().trainer.history
        if not history:
            raise CommandError("nothing was measured yet: t trains, and measures on the way")
        return PlotResult({"": list(history)})
    cleaned = list(dict.fromkeys(clean(name) for name in names))
    if len(cleaned) > MOST:
        raise CommandError(f"a picture shows up to {MOST} networks, not {len(cleaned)}")
    return PlotResult({name: _history(session, name) for name in cleaned})


def _history(session: Session, name: str) -> "list[Measurement]":
    """What was measured of a saved network. Raises CommandError where nothing was."""
    if not session.registry.exists(name):
        raise CommandError(no_such(session, name))
    history = session.registry.load(name).trainer.history
    if not history:
        raise CommandError(f"nothing was measured of {name!r}: it has not been trained")
    return history

"""`plot` draws the costs and the accuracy over the whole training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from rich.console import RenderResult

from digitnet.engine.trainer import Measurement
from digitnet.repl import kinds
from digitnet.repl.command import OPTIONAL, command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.saves import no_such
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.curves import history_curves
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.session import Session, clean

MAX_NETWORKS = 6
"""Maximum number of networks in a picture: there are this many colours and markers."""


@dataclass(frozen=True)
class PlotResult(Drawn):
    """The training histories of networks, by name; the name of the one in hand is empty."""

    histories: dict[str, Sequence[Measurement]]

    def as_json(self) -> dict[str, Any]:
        """The measurements: `history` of the network in hand, or `histories` by name."""
        measured = {name: [asdict(m) for m in history] for name, history in self.histories.items()}
        return {"history": measured[""]} if "" in measured else {"histories": measured}

    def drawn(self, view: View) -> RenderResult:
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
    """Plot the costs and the validation accuracy over the whole training.

    For the network in hand; or, with names, for up to six saved networks in one picture.
    """
    if not names:
        history = session.network().trainer.history
        if not history:
            raise CommandError("there are no measurements yet: t trains and measures")
        return PlotResult({"": list(history)})
    cleaned = list(dict.fromkeys(clean(name) for name in names))
    if len(cleaned) > MAX_NETWORKS:
        raise CommandError(f"a picture shows up to {MAX_NETWORKS} networks, not {len(cleaned)}")
    return PlotResult({name: _history(session, name) for name in cleaned})


def _history(session: Session, name: str) -> list[Measurement]:
    if not session.registry.exists(name):
        raise CommandError(no_such(session, name))
    history = session.registry.load(name).trainer.history
    if not history:
        raise CommandError(f"nothing was measured of {name!r}: it has not been trained")
    return history

"""The toolbar below the prompt: the network in hand, its data and its training."""

from typing import TYPE_CHECKING

from digitnet.repl.session import Session
from digitnet.repl.views.words import counted, percent

if TYPE_CHECKING:
    from digitnet.registry.model import Accuracy


def toolbar(session: Session, width: int) -> str:
    """The toolbar's text, as much as fits, the most important first. Does no slow work."""
    shown = ""
    for part in _parts(session):
        longer = f"{shown} | {part}" if shown else f" {part}"
        if len(longer) < width:
            shown = longer
    return shown


def _parts(session: Session) -> list[str]:
    """The parts of the toolbar, the most important first."""
    model = session.hand
    if model is None:
        return ["no network yet: n makes one", f"data {session.shelf.name}"]
    name = model.name or model.recipe or model.network.shape
    parts = [f"{name}{' (not saved)' if session.unsaved else ''}"]
    if model.accuracy:
        parts.append(f"{_cases(model.accuracy, session)} {percent(model.accuracy.value)}")
    return [
        *parts,
        *([model.network.shape] if name != model.network.shape else []),
        counted(model.trainer.progress.batches, "mini-batch"),
        f"data {session.shelf.name}",
    ]


def _cases(accuracy: "Accuracy", session: Session) -> str:
    """What an accuracy was measured on: `test`, `validation`, `mnist test`, `test (seen)`."""
    from digitnet.registry.model import SEEN

    on = accuracy.on.removeprefix(f"{session.shelf.name} ")
    return f"{on.removesuffix(SEEN)} (seen in training)" if accuracy.is_seen else on

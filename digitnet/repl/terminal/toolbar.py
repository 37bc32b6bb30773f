"""The line below the prompt: the network in hand, its data, how far it is trained."""

from digitnet.repl.session import Session
from digitnet.repl.views.words import counted, percent


def toolbar(session: Session, width: int) -> str:
    """As much of it as fits, the most important first. Reads nothing that could take time."""
    shown = ""
    for part in _parts(session):
        longer = f"{shown} | {part}" if shown else f" {part}"
        if len(longer) < width:
            shown = longer
    return shown


def _parts(session: Session) -> list[str]:
    """What there is to say, the most important first."""
    named = session.hand
    if named is None:
        return ["no network yet: n makes one", f"data {session.shelf.name}"]
    parts = [
        f"{named.name or named.recipe or 'network'}{' (not saved)' if session.unsaved else ''}",
        named.network.shape,
        f"data {session.shelf.name}",
        counted(named.trainer.progress.batches, "mini-batch"),
    ]
    return [*parts, f"accuracy {percent(named.accuracy.value)}"] if named.accuracy else parts

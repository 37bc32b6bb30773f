"""`recover`: restores the unsaved training of an earlier session."""

from digitnet.repl.command import command
from digitnet.repl.commands.making import InHandResult
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session
from digitnet.repl.views.words import counted, when


@command("recover", group="Saves", examples={"recover": "load the unsaved training"})
def recover(session: Session) -> InHandResult:
    """Load the unsaved training of an earlier session that was cut short.

    Training is autosaved every minute, and when the program is terminated. The autosave is deleted
    once the network is saved, or when you leave without saving it.
    """
    if not session.may_discard():
        raise CommandError("nothing was recovered; the network in hand is unchanged")
    model, more = session.unfinished.recovery.adopt()
    if model.name and not session.registry.exists(model.name):
        model.name = ""
    session.take(model)
    session.mark_unsaved()
    session.use_data_of(model)
    at, model.saved_at = when(model.saved_at), ""
    others = f" {more} more can be recovered after it." if more else ""
    return InHandResult.of(
        model,
        f"Recovered {repr(model.name) if model.name else 'a network'}, {model.network.shape}, "
        f"trained {counted(model.trainer.progress.batches, 'mini-batch')}, as it was at {at} UTC. "
        f"{'p' if model.name else 'pas NAME'} saves it.{others}",
    )

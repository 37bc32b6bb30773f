"""`del` deletes saves; `undo`, `redo` and `recover` bring them and unsaved training back."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Change, Entry
from digitnet.registry.undo import Undone, changed_since, last_change
from digitnet.registry.undo import undo as take_back
from digitnet.repl import kinds
from digitnet.repl.command import as_typed, command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.new import now_in_hand
from digitnet.repl.features.saves import existing, without_its_data
from digitnet.repl.pictures.tables import counted, when
from digitnet.repl.result import Said
from digitnet.repl.session import NOT_OWN, Before, Session, clean

TRAININGS = ("t", "train", "min", "minimize")
"""What `undo` takes for the last training, where it could be the name of a network."""


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))


@command("del", "delete", group="Saves")
def delete(session: Session, *names: kinds.OWN_NAME) -> Said:
    """Delete saved networks, after asking; undo brings them back.

    del first: delete first, after asking
    del first second: delete both, after asking
    """
    registry = session.registry
    if registry.exists(together := " ".join(names)):  # typed without quotes
        names = (together,)
    of = list(dict.fromkeys(existing(session, name, "nothing was deleted: ") for name in names))
    for name in of:
        if registry.includes(name):
            raise CommandError(
                f"{name!r} is included with digitnet and cannot be deleted; nothing was deleted"
            )
    if not session.asker.confirm(f"Delete {_listed(of)}?"):
        raise CommandError("nothing was deleted")
    return _delete(session, of)


def _delete(session: Session, names: list[str]) -> Said:
    """Deletes saves; undo brings all of them back."""
    changes: list[Change] = []
    for count, name in enumerate(names):
        try:
            changes.append(session.registry.delete(name))
        except RegistryError as error:
            done = f" Already deleted: {_listed(names[:count])}." if count else ""
            raise CommandError(f"{error}.{done}") from None
        session.changed(*changes)
        if session.hand and session.hand.name == name:
            session.saved = None
    back = "it" if len(names) == 1 else "them"
    return Said(f"Deleted {_listed(names)}; undo brings {back} back.", {"deleted": names})


@command("undo", group="Saves")
def undo(session: Session, name: kinds.UNDOABLE = "", number: kinds.COUNT = 1) -> Said:
    """Take back the last training, save, rename, delete or change of your digits.

    redo, or undo again, makes it again. The first save of a name is deleted; the network in hand
    stays. What was done in an earlier session is taken back only after asking. Settings, and a
    network that n has replaced, do not come back.

    undo t takes back the last training of the network in hand. With a name, takes back what was
    last done to that network or data set; with a number, brings back an earlier version, counted
    from the last; another undo returns to what that replaced.

    undo t: take back the last t, min or step
    undo first 2: the second-last version of first that is kept
    undo first: take back what was last done to first
    undo: take back what was changed last
    """
    is_redo = session.undone is not None and session.undone is session.last_change and number == 1
    if not is_redo:
        session.undone = None
    is_last_a_save = not isinstance(session.last_change, Before) and session.registry.exists(name)
    if name in TRAININGS and number == 1 and not is_last_a_save:
        done = _undo_training(session)
    elif name:
        done = _taken_back(session, take_back(session.registry, clean(name), number), number)
    else:
        done = _undo_last(session)
    session.undone = None if session.undone is not None else session.last_change
    return done


@command("redo", group="Saves")
def redo(session: Session) -> Said:
    """Make the change again that undo has just taken back.

    redo: make the change again that undo took back
    """
    if session.undone is None or session.undone is not session.last_change:
        raise CommandError("there is nothing to redo: redo makes again what undo has taken back")
    done = _undo_last(session)
    session.undone = None
    return done


def _undo_last(session: Session) -> Said:
    """Takes the last change of this session back or, after a yes, that of an earlier one."""
    last = session.last_change
    if isinstance(last, Before) and last.model is session.hand:
        return _undo_training(session)
    registry = session.registry
    if not isinstance(last, tuple):
        return _taken_back(session, take_back(registry, file=_of_an_earlier_session(session)))
    back = [c for c in last if not c.after and (session.saves / c.entry.file).exists()]
    changes = [change for change in reversed(last) if change not in back]
    if not changes:
        restored = _listed([change.entry.name for change in back])
        raise CommandError(f"another digitnet has restored {restored} already. Nothing was changed")
    for change in changes:
        if name := changed_since(registry, change):
            raise CommandError(
                f"{name!r} was changed by another digitnet since: undo {as_typed(name)} takes that "
                "back. Nothing was changed"
            )
    names, before = [c.entry.name for c in changes], [c.before for c in changes if c.before]
    if not before and changes[0].entry.kind == "data":
        return _data_undone(session, registry.delete(*names, data=True))
    if not before:
        deleted = _delete(session, names)
        return replace(deleted, fields={"restored": [], **deleted.fields})
    together: list[Change] = []
    for entry in before:
        undone = take_back(registry, entry.name, file=entry.file)
        done = _taken_back(session, undone, 1, *together)
        together.append(undone.change)
    return Said(f"Restored {_listed(names)}.", {"restored": names}) if names[1:] else done


def _undo_training(session: Session) -> Said:
    """Takes the last training of the network in hand back. Raises CommandError for none."""
    model, before = session.network(), session.before
    if before is None or before.model is not model:
        raise CommandError("there is no training to take back: this network has had none here")
    name, was = model.title, model.trainer.progress.batches
    before.bring_back(session)
    state = f"as it was after {counted(before.batches, 'mini-batch')} of training"
    state = state if before.batches else "untrained again"
    said = f"The network is {state}. undo again returns to {counted(was, 'mini-batch')}."
    if before.batches == was:  # a weight was turned
        said = "The weights are as they were before the last change. undo again brings it back."
    return Said(said, {"restored": name, "trained_batches": before.batches})


def _of_an_earlier_session(session: Session) -> str:
    """The file of what was changed last before this session, after a yes that names it."""
    last = last_change(session.registry)
    if last is None:
        return ""  # for the registry to say why
    kept, name = last
    start = "There is no change of this session to take back. Take back one of an earlier session"
    if session.last_change:
        start = "The network trained last is not in hand. Take back the last change of the saves"
    how = {"replaced": "was changed", "named": "was renamed"}
    if not session.asker.confirm(f"{start}: {name} {how.get(kept.kind, 'was deleted')}?"):
        raise CommandError("nothing was taken back")
    return kept.file


def _taken_back(session: Session, undone: Undone, number: int = 1, *together: Change) -> Said:
    """Call this when something was taken back; renames the network in hand with its save, and notes
    whether it is saved now. together: what was taken back just before, as a part of this.
    """
    change, model = undone.change, session.hand
    if change.entry.kind == "data":
        return _data_undone(session, change, number)
    session.changed(*together, change)
    if model and model.name and model.name in (undone.name, undone.was):
        model.name, model.saved_at = undone.name, change.entry.saved_at
        session.look_at_save()
    return Said(_said(undone, number), {"restored": undone.name})


def _data_undone(session: Session, change: Change, number: int = 1) -> Said:
    """Call this when a change has taken back the last one of a data set, or that of undo."""
    last, name = session.last_change, change.entry.name
    cases = change.after.parameters if change.after else 0
    is_redone = (
        isinstance(last, tuple)
        and last is session.undone
        and last[0].entry.answers_to == change.entry.answers_to
        and _version(change.after) == _version(last[0].before)
    )
    if not is_redone:
        session.undone = None
    session.changed(change)
    has = "it is damaged" if change.after else "it is gone"
    has = f"it has {counted(cases, 'case')}" if cases else has
    did = "Took back the last change" if number == 1 else "Brought back an earlier version"
    said = f"{did} of the data set {name}: {has}; undo again redoes it."
    if is_redone:
        said = f"Redid the last change of the data set {name}: {has}; undo takes it back."
    is_new = not (change.before and change.after)  # and so the set in use may be
    in_use = f" In use: {session.data_sets.name}." * is_new
    return Said(said + in_use, {"restored": name, "cases": cases})


def _version(entry: Entry | None) -> tuple[str, int] | None:
    """What tells a version of a data set from others, wherever it is kept."""
    return (entry.saved_at, entry.parameters) if entry else None


def _said(undone: Undone, number: int) -> str:
    """What came back. number: which of the kept versions it was, counted from the last."""
    name, again, entry = undone.name, f"undo {as_typed(undone.name)}", undone.change.entry
    said = f"{undone.was!r} is called {name!r} again" if undone.was else f"Restored {name!r}"
    if undone.swapped and entry.saved_at:
        batches = f", {counted(entry.trained_batches, 'mini-batch')}" * (entry.kind == "network")
        said += f", as saved {when(entry.saved_at)} UTC{batches}"
    said += "."
    if undone.swapped:
        said += f" The other version is kept: {again}."
    if undone.older:
        number += undone.swapped
        said += f" The one before it: {again}{f' {number}' if number > 1 else ''}."
    return said


@command("recover", group="Saves")
def recover(session: Session) -> Said:
    """Load the unsaved training of an earlier session that was cut short.

    Training is autosaved every minute, and when the program is terminated. The autosave is deleted
    once the network is saved, or when you leave without saving it.

    recover: load the unsaved training
    """
    if left := session.unfinished.orphans():
        why = f" to recover the training of {_time_of(left[0])} UTC"
        session.discard("nothing was recovered", why)
    model, path, more = session.unfinished.adopt()
    there = session.registry.find(model.name)
    if model.name and not session.registry.exists(model.name):
        model.name = ""
    session.take(model, is_saved=False)
    data = session.data_if_here(model)
    if (
        data
        and data.name in model.trained_on[-1:]
        and (data.name in NOT_OWN or data.hashes["train"] <= model.own_cases)
    ):  # it may have been saved between two measurements
        model.trainer.measure_statistics(data.train)
    name, batches = model.name, model.trainer.progress.batches
    saved = there.trained_batches if there else 0
    if there and there.saved_at == model.saved_at and saved < batches:
        session.saved = saved, model.trainer.settings
    further = f"; its save has {saved:,}" * (saved > batches)
    others = f" {more} more can be recovered after it." if more else ""
    return now_in_hand(
        model,
        f"Recovered {repr(name) if name else 'a network'}, {model.network.shape}, "
        f"trained {counted(batches, 'mini-batch')}, as it was at {_time_of(path)} UTC{further}. "
        f"{'p' if name else 'pas NAME'} saves it.{without_its_data(session, model)}{others}",
    )


def _time_of(path: Path) -> str:
    """When an autosave was written, in UTC."""
    return when(datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat())

"""Takes changes of the saves back: what a change replaced is in the trash, and is put back."""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from digitnet.registry.codec import decode, unseal
from digitnet.registry.files import (
    DamagedSave,
    NewerFormat,
    NotConfirmed,
    RegistryError,
    keep_durably,
    move_durably,
    read_file,
)
from digitnet.registry.saves import Change, Kept, Registry, claim, read_entry
from digitnet.registry.schema import contents


@dataclass(frozen=True)
class Undone:
    """What `undo` did. swapped: whether it replaced another version. older: the number of older
    versions kept. was: the name until now of what has its old name again.
    """

    name: str
    swapped: bool
    older: int
    was: str = ""
    change: Change = field(default=Change(), compare=False)


def undo(saves: Registry, name: str = "", number: int = 1, file: str = "") -> Undone:
    """Undoes the last delete, overwrite or rename; a version that is replaced is kept.

    name: consider this thing only. file: and, of things of that name, the one in this file. number:
    if above 1, which version of it to restore, 1 being the latest. A damaged version never replaces
    an undamaged one; it is skipped. Raises RegistryError if there is nothing to undo.
    """
    with saves.locked("nothing was changed"):
        versions = [k for k in _restorable(saves, name, file) if number == 1 or k.kind != "named"]
        whole = [*islice((kept for kept in versions if not _is_worse(saves, kept)), number)]
        of = f"of {name!r} to undo" if name else "to undo"
        if not versions:
            places = [_places(saves, kept)[1] for kept in reversed(saves.trash.contents())]
            unread = next(
                (f"; {place} cannot be read" for place in places if not claim(place)[0]), ""
            )
            raise RegistryError(f"there is no delete, overwrite or rename {of}{unread}")
        if not whole:
            raise RegistryError(
                f"there is nothing whole {of}: what is kept in {saves.trash.folder.name} is "
                "damaged or cannot be read, and what is saved now is whole. Nothing was changed"
            )
        if number > len(whole):
            raise RegistryError(f"of {name!r} only {len(whole)} can be brought back")
        version = whole[-1]
        older = [k for k in versions if k < version and k.file == version.file]
        count = sum(k.kind in ("deleted", "replaced") for k in older)
        return _restore(saves, version, 0 if version.kind == "named" else count)


def last_change(saves: Registry) -> tuple[Kept, str] | None:
    """What `undo` without a name takes back: what is kept, and its name."""
    with saves.locked("nothing was changed"):
        kept = next((k for k in _restorable(saves) if not _is_worse(saves, k)), None)
        if kept is None:
            return None
        name, kind = claim(saves.trash.folder / kept.name)
        return kept, f"the data set {name}" if kind == "data" else repr(name or kept.file)


def changed_since(saves: Registry, change: Change) -> str:
    """The name of what others have changed after a change, or saved under a name that it had made
    free; empty for nothing.
    """
    was, files = change.before, {e.file for e in (change.before, change.after) if e}
    kept = next((kept for kept in _restorable(saves) if kept.file in files), None)
    if kept and kept.number > change.number:
        return claim(_places(saves, kept)[1])[0]
    there = was and saves.find(was.name, data=was.kind == "data")
    is_later = there and there.changed_ns > change.entry.changed_ns and there.file not in files
    return there.name if there and is_later else ""


def _places(saves: Registry, kept: Kept) -> tuple[Path, Path]:
    """Where the file of something in the trash belongs, and where it is."""
    return saves.folder / kept.file, saves.trash.folder / kept.name


def _restorable(saves: Registry, name: str = "", file: str = "") -> list[Kept]:
    """What `undo` can take back, the latest first; of one name or file only, if one is given."""
    files = {file} if file else {entry.file for entry in saves.entries() if entry.name == name}
    found = []
    for kept in reversed(saves.trash.contents()):
        path, place = _places(saves, kept)
        # a version that is still in place was kept for a change that was interrupted
        is_in_place = path.exists() and path.samefile(place)
        is_meant = kept.file in files or (not file and name in ("", claim(place)[0]))
        if is_meant and not is_in_place:
            found.append(kept)
    return found


def _is_worse(saves: Registry, kept: Kept) -> bool:
    """Whether what is kept is damaged and what it would replace is whole, or that is a link."""
    path, place = _places(saves, kept)
    if path.is_symlink():
        return True
    if is_whole(place):
        return False
    name, kind = claim(place)
    there = saves.find(name, data=kind == "data")
    return (path.exists() and is_whole(path)) or bool(there and not there.damaged)


def is_whole(path: Path) -> bool:
    """Whether a file is undamaged, in a known or a newer format."""
    try:
        contents(read_file(path))
    except (DamagedSave, OSError) as error:
        return isinstance(error, NewerFormat)
    return True


def _restore(saves: Registry, kept: Kept, older: int) -> Undone:
    """Puts a version back, and keeps what it replaces."""
    path, place = _places(saves, kept)
    back, now = read_entry(place), read_entry(path) if path.exists() else None
    was, swapped = "", now is not None
    if now and now.name != back.name and not (now.damaged or back.damaged):
        was = now.name  # and perhaps that is all that was changed since
        swapped = not saves.has(decode(unseal(read_file(place))) | {"name": was}, now)
    if now:  # the next `undo` restores it
        keep_durably(path, saves.trash.place("replaced" if swapped else "named", kept.file))
    gone = other = saves.find(back.name, data=back.kind == "data")
    doubt = None
    try:
        move_durably(place, path)
    except NotConfirmed as error:
        doubt = error
    entry = saves.read_entry(path)
    saves.update_list(entry)
    while other and other.file != path.name:  # saved since under that name
        try:
            saves.throw_away(other.file)
        except NotConfirmed as error:
            doubt = error
        except OSError as error:
            raise RegistryError(
                f"the change is made, but the {back.name!r} saved since cannot be moved to the "
                f"trash: {error.strerror}. Both are listed, and the newer one is loaded"
            ) from None
        swapped = True
        saves.update_list()
        other = saves.find(back.name, data=back.kind == "data")
    if doubt:
        raise doubt
    change = Change(now or gone, entry, saves.trash.last_number())
    return Undone(entry.name, swapped, older, was, change)

"""Takes changes of the saves back: what a change replaced is in the trash, and is put back."""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from digitnet.registry.files import (
    DamagedSave,
    NewerFormat,
    NotConfirmed,
    RegistryError,
    keep_durably,
    move_durably,
    read_file,
)
from digitnet.registry.saves import Entry, Kept, Registry, claim, read_entry
from digitnet.registry.schema import contents


@dataclass(frozen=True)
class Undone:
    """What `undo` did. kind: that of what was kept (`Kept.kind`).

    swapped: whether it replaced another version. older: the number of older versions kept. was: the
    name until now of what has its old name again. entry: of what is back.
    """

    name: str
    kind: str
    swapped: bool
    older: int
    was: str = ""
    entry: Entry = field(default=Entry("", ""), compare=False)


def undo(saves: Registry, name: str = "", number: int = 1) -> Undone:
    """Undoes the last delete, overwrite or rename; a version that is replaced is kept.

    name: consider this thing only; or the name of its file. number: if above 1, which version of it
    to restore, 1 being the latest. A damaged version never replaces an undamaged one; it is
    skipped. Raises RegistryError if there is nothing to undo.
    """
    with saves.locked("nothing was changed"):
        versions = [k for k in _restorable(saves, name) if number == 1 or k.kind != "named"]
        found = [*islice((kept for kept in versions if not _is_worse(saves, kept)), number)]
        of = f"of {name!r} to undo" if name else "to undo"
        if not versions:
            raise RegistryError(f"there is no delete, overwrite or rename {of}{_unnamed(saves)}")
        if not found:
            raise RegistryError(
                f"there is nothing whole {of}: what is kept in {saves.trash.folder.name} is "
                "damaged or cannot be read, and what is saved now is whole. Nothing was changed"
            )
        if number > len(found):
            raise RegistryError(f"of {name!r} only {len(found)} can be brought back")
        kept = found[-1]
        older = [k for k in versions if k < kept and k.file == kept.file]
        count = sum(k.kind in ("deleted", "replaced") for k in older)
        return _restore(saves, kept, 0 if kept.kind == "named" else count)


def last_change(saves: Registry) -> tuple[Kept, str, float] | None:
    """What `undo` without a name takes back: what is kept, its name, and when it was done, in
    seconds since 1970.
    """
    with saves.locked("nothing was changed"):
        kept = next((k for k in _restorable(saves) if not _is_worse(saves, k)), None)
        if kept is None:
            return None
        place = saves.trash.folder / kept.name
        name, kind = claim(place)
        said = f"the data set {name}" if kind == "data" else repr(name or kept.file)
        status = place.lstat()
        return kept, said, max(status.st_ctime, status.st_mtime)


def changed_since(saves: Registry, thing: str, number: int) -> str:
    """The name of a thing of which the trash has versions after this number; empty for none."""
    kept = next(iter(_restorable(saves, thing)), None)
    return claim(_places(saves, kept)[1])[0] if kept and kept.number > number else ""


def _places(saves: Registry, kept: Kept) -> tuple[Path, Path]:
    """Where the file of something in the trash belongs, and where it is."""
    return saves.folder / kept.file, saves.trash.folder / kept.name


def _restorable(saves: Registry, name: str = "") -> list[Kept]:
    """What `undo` can take back, the latest first; for one thing only, if `name` is given."""
    files = {name, *(entry.file for entry in saves.entries() if entry.name == name)}
    found = []
    for kept in reversed(saves.trash.contents()):
        path, place = _places(saves, kept)
        # a version that is still in place was kept for a change that was interrupted
        is_in_place = path.exists() and path.samefile(place)
        if not is_in_place and (not name or kept.file in files or claim(place)[0] == name):
            found.append(kept)
    return found


def _unnamed(saves: Registry) -> str:
    """The latest file in the trash of which nobody knows whose it was, in words."""
    for kept in reversed(saves.trash.contents()):
        place = _places(saves, kept)[1]
        if not claim(place)[0]:
            return f"; {place} cannot be read"
    return ""


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
    was = now.name if now and not now.damaged and not back.damaged else back.name
    if now:  # the next `undo` restores it
        kind = "replaced" if was == back.name else "named"
        keep_durably(path, saves.trash.place(kind, kept.file))
    swapped = now is not None and was == back.name
    other, doubt = saves.find(back.name, data=back.kind == "data"), None
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
    was = "" if was == back.name else was
    return Undone(entry.name, kept.kind, swapped, older, was=was, entry=entry)

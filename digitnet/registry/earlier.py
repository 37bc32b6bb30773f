"""Data sets of one's own as earlier versions kept them, in folders NAME.NUMBER in `digits`.

The highest number is the current version; an empty folder means that the set was deleted. They are
read where they are, until the first change takes them over into the store.
"""

import re
import secrets
from contextlib import suppress
from pathlib import Path

from digitnet.digits.idx import BadData
from digitnet.digits.own import MINE, OwnCases, read_own
from digitnet.registry.files import sync_folder, write_durably
from digitnet.registry.model import OWN_NAME
from digitnet.registry.schema import own_to_document, sealed
from digitnet.registry.store import Store

FOLDER = "digits"

ROWS = "mine-cases-idx2-ubyte"
"""The file of `mine` in the first version."""

_VERSION = re.compile(rf"({OWN_NAME.pattern})\.(0|[1-9][0-9]{{0,8}})")


def versions(folder: Path) -> dict[str, list[Path]]:
    """name → the places of its versions, oldest first. Raises OSError."""
    digits, found = folder / FOLDER, dict[str, list[tuple[int, Path]]]()
    if digits.is_symlink() or not digits.is_dir():
        return {}
    for path in digits.iterdir():
        match = _VERSION.fullmatch(path.name)
        if match and path.is_dir() and not path.is_symlink():
            found.setdefault(match[1], []).append((int(match[2]), path))
        elif path.name == ROWS and path.is_file() and not path.is_symlink():
            found.setdefault(MINE, []).append((0, path))
    return {name: [path for _, path in sorted(each)] for name, each in found.items()}


def current(folder: Path) -> dict[str, Path]:
    """name → the place of its current version, of each set that was not deleted."""
    return {name: each[-1] for name, each in versions(folder).items() if _has_cases(each[-1])}


def _has_cases(place: Path) -> bool:
    return place.is_file() or any(place.iterdir())


def adopt(store: Store) -> None:
    """Takes all sets over, with their versions; those that cannot be read stay where they are.

    Whoever calls it must hold the store's lock. Raises OSError.
    """
    for name, places in versions(store.folder).items():
        if store.find(name, data=True) is None:
            kept = {place: cases for place in places if (cases := _read(place)) is not None}
            if places[-1] not in kept and _has_cases(places[-1]):
                continue
            file = f"{secrets.token_hex(8)}.pickle"
            store.trash.mark_made(file)
            is_there = places[-1] in kept
            # the current version first: if this is cut short, it is there
            for place in sorted(kept, key=lambda place: place != places[-1]):
                path = store.folder / file
                if place != places[-1]:
                    is_last = not is_there and place == [*kept][-1]
                    path = store.trash.place("deleted" if is_last else "replaced", file)
                write_durably(path, sealed(own_to_document(name, kept[place])))
        hide(store.folder, name)


def _read(place: Path) -> OwnCases | None:
    """The cases of a version; None if it has none, or cannot be read."""
    with suppress(BadData):
        return read_own(place) if _has_cases(place) else None
    return None


def hide(folder: Path, name: str) -> None:
    """Renames a set's versions, so that they are no longer found. Nothing is deleted."""
    places = versions(folder).get(name, [])
    for path in places:  # oldest first: so that none comes back after an interruption
        path.replace(path.with_name(f".{path.name}"))
    if places:
        sync_folder(folder / FOLDER)

"""Imports and deletes the user's own data sets, for `data import` and `data delete`."""

from collections.abc import Generator

from digitnet.repl.command import Note
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.files import path_of
from digitnet.repl.session import Session
from digitnet.repl.views.words import counted

EXAMPLE = "Example: data import photos scans"
MAX_REASONS = 3
"""Maximum number of files for which the reason is printed."""


def import_(session: Session, name: str, path: str) -> "Generator[Note, None, str]":
    """Imports a data set; returns a sentence on the result."""
    from digitnet.digits.importing import import_from

    if not name or not path:
        raise CommandError(f"data import needs a name and a path. {EXAMPLE}")
    _check_name(name)
    own = session.shelf.own
    place = own.place(name)
    if place and not session.asker.confirm(f"There is a data set {name} already. Replace it?"):
        raise CommandError("nothing was imported")
    yield Note(f"Reading {printable(path)} ...", lasting=False)
    imported = import_from(path_of(path, EXAMPLE.removeprefix("Example: ")), session.stop)
    own.keep(name, imported.cases, place)
    session.shelf.forget(name)
    for reason in imported.left_out[:MAX_REASONS]:
        yield Note(f"Left out: {printable(reason, 300)}")
    more = len(imported.left_out) - MAX_REASONS
    if more > 0:
        yield Note(f"Left out: {counted(more, 'more file')}")
    return f"Imported {name}: {counted(len(imported.cases), 'case')}. In use: {session.data(name)}."


def _check_name(name: str) -> None:
    """Raises CommandError if an imported data set cannot have this name."""
    from digitnet.digits.datasets import SOURCES
    from digitnet.digits.own import MINE
    from digitnet.digits.relatives import RELATIVES
    from digitnet.registry.own_data import NAME

    if name in {*SOURCES, *RELATIVES, MINE, "import", "delete"}:
        raise CommandError(f"{name} is taken: choose another name. {EXAMPLE}")
    if not NAME.fullmatch(name):
        raise CommandError(
            f"{quoted(name)} cannot be the name of a data set: use up to 32 of a-z, 0-9, - and _, "
            f"a letter first. {EXAMPLE}"
        )


def delete(session: Session, name: str) -> str:
    """Deletes one of the user's data sets, after a yes; returns a sentence on the result."""
    from digitnet.digits.own import OwnCases

    own = session.shelf.own
    place = own.place(name)
    if place is None:
        hint = nearest(name, own.names()) or "data lists them"
        raise CommandError(f"there is no data set of your own called {quoted(name)}. {hint}")
    count = session.shelf.own_cases(name)
    if not session.asker.confirm(f"Delete the data set {name} with {counted(count, 'case')}?"):
        raise CommandError("nothing was deleted")
    own.keep(name, OwnCases.none(), place)
    session.shelf.forget(name)
    return f"Deleted the data set {name}; undo {name} brings it back. In use: {session.data()}."

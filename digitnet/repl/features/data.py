"""`data` chooses, imports, downloads and deletes data sets."""

from dataclasses import dataclass
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from digitnet.digits.datasets import RELATIVES, SOURCES, NotHere, Source
from digitnet.digits.download import DownloadFailed, Fetched, download_mnist
from digitnet.digits.idx import BadData
from digitnet.digits.importing import import_from
from digitnet.digits.own import MINE, OwnCases
from digitnet.registry.own_data import NAME
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.pictures.bars import bar
from digitnet.repl.pictures.file import path_of
from digitnet.repl.pictures.screen import draws_blocks
from digitnet.repl.pictures.tables import Rows, counted, size
from digitnet.repl.result import Note
from digitnet.repl.session import Session

EXAMPLE = "Example: data import photos scans"

MAX_REASONS = 3
"""Maximum number of files for which the reason is printed."""


def import_(session: Session, name: str, path: str) -> str:
    """Imports a data set; returns a sentence on the result."""
    if not name or not path:
        raise CommandError(f"data import needs a name and a path. {EXAMPLE}")
    _check_name(name)
    own = session.shelf.own
    place = own.place(name)
    if place and not session.asker.confirm(f"There is a data set {name} already. Replace it?"):
        raise CommandError("nothing was imported")
    session.report(Note(f"Reading {printable(path)} ...", lasting=False))
    imported = import_from(path_of(path, EXAMPLE.removeprefix("Example: ")), session.report)
    own.keep(name, imported.cases, place)
    session.shelf.forget(name)
    for reason in imported.left_out[:MAX_REASONS]:
        session.report(Note(f"Left out: {printable(reason, 300)}"))
    more = len(imported.left_out) - MAX_REASONS
    if more > 0:
        session.report(Note(f"Left out: {counted(more, 'more file')}"))
    return f"Imported {name}: {counted(len(imported.cases), 'case')}. In use: {session.data(name)}."


def _check_name(name: str) -> None:
    """Raises CommandError if an imported data set cannot have this name."""
    if name in {*SOURCES, *RELATIVES, MINE, "import", "delete"}:
        raise CommandError(f"{name} is taken: choose another name. {EXAMPLE}")
    if not NAME.fullmatch(name):
        raise CommandError(
            f"{quoted(name)} cannot be the name of a data set: use up to 32 of a-z, 0-9, - and _, "
            f"a letter first. {EXAMPLE}"
        )


def delete(session: Session, name: str) -> str:
    """Deletes one of the user's data sets, after a yes; returns a sentence on the result."""
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


@dataclass(frozen=True)
class DataResult:
    """The data set in use; and every one there is, if that was asked."""

    said: str
    name: str
    train: int
    validation: int
    test: int
    inputs: int
    outputs: int
    available: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The counts, the sizes and the names of all sets."""
        return {
            "name": self.name,
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "pixels": self.inputs,
            "outputs": self.outputs,
            "available": list(self.available),
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.said
        if self.available:
            yield Rows(
                ("data set", "what it is"), list(self.available.items()), prose=("what it is",)
            )


@dataclass(frozen=True)
class DownloadReport:
    """The progress of a download."""

    fetched: "Fetched"
    lasting: bool = False
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        done, total = self.fetched.done, self.fetched.total
        progress = size(done)
        if total:
            share = bar(done / total, 20, blocks=draws_blocks(console, options))
            progress = f"[{share}] {size(done)} of {size(total)}"
        yield Text(f"{self.fetched.file}  {progress}", no_wrap=True, overflow="crop")


@command(
    "data",
    group="Digits",
    examples={
        "data": "list the data sets",
        "data import photos scans": "make the set photos from the pictures in scans/0 to scans/9",
        "data delete photos": "delete it, after asking; undo brings it back",
        "data sample": "use the sample",
        "data mnist": "use all of MNIST; downloads it if it is not here",
    },
)
def data(
    session: Session,
    name: Annotated[str, kinds.DATA] = "",
    own: Annotated[str, kinds.OWN] = "",
    path: Annotated[str, kinds.PATH] = "",
) -> DataResult:
    """List the data sets, or choose one; `data mnist` downloads MNIST if it is not here.

    data import NAME PATH makes a data set of your own from a folder with pictures in subfolders 0
    to 9, from an IDX file with images in its name (its labels beside it) or a folder of such, or
    from an .npz file. Validation and test sets that the files name are kept; otherwise a tenth of
    each digit is set aside for each, permanently. data delete NAME deletes a set, after asking.
    """
    if name in ("import", "delete"):
        return _changed(session, name, own, path)
    sources = session.shelf.sources()
    if name and name not in sources:
        hint = nearest(name, sources) or f"There are: {', '.join(sources)}"
        raise CommandError(f"data: {quoted(name)} is not a data set. {hint}")
    if own:
        raise CommandError(f"data: unexpected {quoted(own)}. Example: data sample")
    if name == "mnist" and not _is_usable(session, name):
        _download(session)
    chosen = session.data(name)
    if name:
        session.choose(chosen)
    return DataResult(
        ("Now using " if name else "In use: ") + f"{chosen}.",
        chosen.name,
        len(chosen.train),
        len(chosen.validation),
        len(chosen.test),
        chosen.inputs,
        chosen.outputs,
        {} if name else _available(session),
    )


def _changed(session: Session, verb: str, own: str, path: str) -> DataResult:
    """Imports or deletes one of the user's data sets."""
    if verb == "import":
        said = import_(session, own, path)
        session.choose(session.data(own))
    else:
        said = delete(session, own)
    used = session.data()
    counts = (len(used.train), len(used.validation), len(used.test))
    return DataResult(said, used.name, *counts, used.inputs, used.outputs, {})


def _available(session: Session) -> dict[str, str]:
    """Name → description of each data set; those in MNIST's format only if their files are here."""
    sources = session.shelf.sources().values()
    listed = (s for s in sources if s.name not in RELATIVES or s.is_here(session.shelf.folders))
    return {source.name: _described(source, session) for source in listed}


def _described(source: "Source", session: Session) -> str:
    """The summary of a data set, and how to get it if it is not here."""
    if source.is_here(session.shelf.folders):
        return source.summary
    how = "none yet" if source.name == "mine" else "not here: data mnist downloads it"
    return f"{source.summary} ({how})"


def _is_usable(session: Session, name: str) -> bool:
    """Whether the data set need not be downloaded: it is readable, or damaged outside the cache."""
    try:
        session.data(name)
    except NotHere:
        return False
    except BadData as error:
        in_cache = error.path is not None and error.path.parent == session.shelf.download_to
        return not in_cache and SOURCES[name].is_here(session.shelf.folders)
    return True


def _download(session: Session) -> None:
    """Downloads the files of MNIST that are missing or damaged."""
    try:
        with session.interrupts.at_once():
            download_mnist(
                session.shelf.download_to, lambda done: session.report(DownloadReport(done))
            )
    except DownloadFailed as error:
        raise CommandError(
            f"MNIST could not be downloaded: {printable(str(error), 400)}. The data set sample "
            "is always here; --data DIR uses MNIST's files from a folder"
        ) from None

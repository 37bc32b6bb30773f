"""`data` chooses, imports, downloads and deletes data sets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from rich.console import RenderResult
from rich.filesize import decimal
from rich.text import Text

from digitnet.digits.datasets import RELATIVES, SOURCES, DataSet, NotHere
from digitnet.digits.download import DownloadFailed, download_mnist
from digitnet.digits.files import BadFile
from digitnet.digits.importing import import_from
from digitnet.digits.own import MINE, OwnCases
from digitnet.digits.table import Reading
from digitnet.engine.arrays import Array
from digitnet.engine.report import Report
from digitnet.registry.model import OWN_NAME
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import bar
from digitnet.repl.pictures.file import path_of
from digitnet.repl.pictures.tables import Rows, counted
from digitnet.repl.result import Note
from digitnet.repl.session import Session

EXAMPLE = "Example: data import photos scans"

MAX_REASONS = 3
"""Maximum number of files for which the reason is printed."""


@dataclass(frozen=True)
class DataResult(Drawn):
    """The data set in use; every one there is, if that was asked; and what an import understood.

    understood: how the files were read and what was changed. left_out: files, with the reason.
    """

    done: str
    data: DataSet
    available: dict[str, str] = field(default_factory=dict)
    understood: list[str] | None = None
    left_out: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        data = self.data
        fields = {
            "name": data.name,
            "train": len(data.train),
            "validation": len(data.validation),
            "test": len(data.test),
            "pixels": data.inputs,
            "outputs": data.outputs,
            "available": list(self.available),
        }
        if self.understood is None:
            return fields
        return fields | {"understood": self.understood, "left_out": self.left_out}

    def drawn(self, view: View) -> RenderResult:
        for reason in self.left_out[:MAX_REASONS]:
            yield f"Left out: {printable(reason, 300)}"
        more = len(self.left_out) - MAX_REASONS
        if more > 0:
            yield f"Left out: {counted(more, 'more file')}"
        yield f"{self.done}{self.data}."
        if self.understood:
            yield f"Understood: {printable('; '.join(self.understood), 600)}."
        if self.available:
            lines = list(self.available.items())
            yield Rows(("data set", "what it is"), lines, prose=("what it is",))


@dataclass(frozen=True)
class Progress(Drawn):
    """How much of a file is done, of a total if that is known; in bytes or files."""

    name: str
    done: int
    total: int | None
    shown: Callable[[int], str] = decimal

    def drawn(self, view: View) -> RenderResult:
        progress = self.shown(self.done)
        if self.total:
            share = bar(self.done / self.total, 20, blocks=view.blocks)
            progress = f"[{share}] {self.shown(self.done)} of {self.shown(self.total)}"
        yield Text(f"{printable(self.name, 60)}  {progress}", no_wrap=True, overflow="crop")


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

    data import NAME PATH makes a data set of your own from what other programs write: a folder with
    pictures in subfolders 0 to 9, IDX files, .npz and .npy files, or a table (.csv) with a column
    of answers. What the pixels mean (0 to 1, dark on light, ...) is recognised and told. Validation
    and test sets that the files name are kept; otherwise a tenth of each answer is set aside for
    each, permanently. data delete NAME deletes a set, after asking.
    """
    if name == "import":
        return _import(session, own, path)
    if name == "delete":
        return _delete(session, own)
    sources = session.data_sets.sources()
    if name and name not in sources:
        hint = nearest(name, sources) or f"There are: {', '.join(sources)}"
        raise CommandError(f"data: {quoted(name)} is not a data set. {hint}")
    if own:
        raise CommandError(f"data: unexpected {quoted(own)}. Example: data sample")
    if name == "mnist" and not _is_usable(session, name):
        _download(session)
    chosen = session.data(name)
    if not name:
        return DataResult("In use: ", chosen, _available(session))
    session.choose(chosen)
    return DataResult("Now using ", chosen)


def _import(session: Session, name: str, path: str) -> DataResult:
    if not name or not path:
        raise CommandError(f"data import needs a name and a path. {EXAMPLE}")
    if name in {*SOURCES, *RELATIVES, MINE, "import", "delete"}:
        raise CommandError(f"{name} is taken: choose another name. {EXAMPLE}")
    if not OWN_NAME.fullmatch(name):
        raise CommandError(
            f"{quoted(name)} cannot be the name of a data set: use up to 32 of a-z, 0-9, - and _, "
            f"a letter first. {EXAMPLE}"
        )
    own = session.data_sets.own
    version = own.version(name)
    if version and not session.asker.confirm(f"There is a data set {name} already. Replace it?"):
        raise CommandError("nothing was imported")
    file = path_of(path, EXAMPLE.removeprefix("Example: "))
    imported = import_from(file, reading(session, path), mean_digits(session))
    own.keep(name, imported.cases, version)
    session.changed_data(name)
    session.choose(session.data(name))
    return DataResult(
        f"Imported {name}: {counted(len(imported.cases), 'case')}. In use: ",
        session.data(name),
        understood=imported.notes,
        left_out=imported.left_out,
    )


def reading(session: Session, path: str) -> Report:
    """A report that shows how much of some files is read."""
    session.report(Note(f"Reading {printable(path)} ...", lasting=False))

    def report(done: Reading | None) -> None:
        shown = decimal if done and done.in_bytes else lambda count: f"{count:,}"
        progress = Progress(path, done.done, done.total, shown) if done else None
        session.report(Note(progress, lasting=False) if progress else None)

    return report


def mean_digits(session: Session) -> Array | None:
    """The mean picture of each digit of the sample, (10, 28, 28); None if it is not here."""
    try:
        sample = session.data("sample").train
    except (BadFile, NotHere):
        return None
    totals = sample.targets.T @ sample.inputs
    means: Array = (totals / sample.targets.sum(axis=0)[:, None]).reshape(10, 28, 28)
    return means


def _delete(session: Session, name: str) -> DataResult:
    own = session.data_sets.own
    version = own.version(name)
    if version is None:
        hint = nearest(name, own.names()) or "data lists them"
        raise CommandError(f"there is no data set of your own called {quoted(name)}. {hint}")
    count = session.data_sets.own_cases(name)
    if not session.asker.confirm(f"Delete the data set {name} with {counted(count, 'case')}?"):
        raise CommandError("nothing was deleted")
    own.keep(name, OwnCases.none(), version)
    session.changed_data(name)
    done = f"Deleted the data set {name}; undo brings it back. In use: "
    return DataResult(done, session.data())


def _available(session: Session) -> dict[str, str]:
    """Name → description of each data set; those in MNIST's format only if their files are here."""
    sources = session.data_sets.sources().values()
    available = {}
    for source in sources:
        if source.is_here(session.data_sets.folders):
            available[source.name] = source.summary
        elif source.name not in RELATIVES:
            how = "none yet" if source.name == MINE else "not here: data mnist downloads it"
            available[source.name] = f"{source.summary} ({how})"
    return available


def _is_usable(session: Session, name: str) -> bool:
    """Whether the data set need not be downloaded: it is readable, or damaged outside the cache."""
    try:
        session.data(name)
    except NotHere:
        return False
    except BadFile as error:
        in_cache = error.path is not None and error.path.parent == session.data_sets.download_to
        return not in_cache and SOURCES[name].is_here(session.data_sets.folders)
    return True


def _download(session: Session) -> None:
    try:
        with session.interrupts.at_once():
            download_mnist(
                session.data_sets.download_to,
                lambda done: session.report(
                    Note(Progress(done.file, done.done, done.total), lasting=False)
                ),
            )
    except DownloadFailed as error:
        raise CommandError(
            f"MNIST could not be downloaded: {printable(str(error), 400)}. The data set sample "
            "is always here; --data DIR uses MNIST's files from a folder"
        ) from None

"""`data` chooses a data set, `show` shows some of its cases."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import Working, command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.digits.datasets import DataSet, Source
    from digitnet.digits.download import Fetched


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
        from digitnet.repl.views.tables import rows

        yield self.said
        if self.available:
            yield rows(("data set", "what it is"), self.available.items())


@dataclass(frozen=True)
class DownloadReport:
    """The progress of a download."""

    fetched: "Fetched"
    lasting: bool = False
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        from digitnet.repl.views.outputs import bar
        from digitnet.repl.views.screen import draws_blocks
        from digitnet.repl.views.words import size

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
) -> Working:
    """List the data sets, or choose one; `data mnist` downloads MNIST if it is not here.

    data import NAME PATH makes a data set of your own from a folder with pictures in subfolders 0
    to 9, from an IDX file with images in its name (its labels beside it) or a folder of such, or
    from an .npz file. Validation and test sets that the files name are kept; otherwise a tenth of
    each digit is set aside for each, permanently. data delete NAME deletes a set, after asking.
    """
    if name in ("import", "delete"):
        return (yield from _changed(session, name, own, path))
    sources = session.shelf.sources()
    if name and name not in sources:
        hint = nearest(name, sources) or f"There are: {', '.join(sources)}"
        raise CommandError(f"data: {quoted(name)} is not a data set. {hint}")
    if own:
        raise CommandError(f"data: unexpected {quoted(own)}. Example: data sample")
    if name == "mnist" and not _is_usable(session, name):
        yield from _download(session)
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


def _changed(session: Session, verb: str, own: str, path: str) -> Working:
    """Imports or deletes one of the user's data sets."""
    from digitnet.repl import importing

    if verb == "import":
        said = yield from importing.import_(session, own, path)
        session.choose(session.data(own))
    else:
        said = importing.delete(session, own)
    used = session.data()
    counts = (len(used.train), len(used.validation), len(used.test))
    return DataResult(said, used.name, *counts, used.inputs, used.outputs, {})


def _available(session: Session) -> dict[str, str]:
    """Name → description of each data set; those in MNIST's format only if their files are here."""
    from digitnet.digits.relatives import RELATIVES

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
    from digitnet.digits.datasets import SOURCES, NotHere
    from digitnet.digits.idx import BadData

    try:
        session.data(name)
    except NotHere:
        return False
    except BadData as error:
        in_cache = error.path is not None and error.path.parent == session.shelf.download_to
        return not in_cache and SOURCES[name].is_here(session.shelf.folders)
    return True


def _download(session: Session) -> "Iterator[DownloadReport]":
    """Downloads the files of MNIST that are missing or damaged."""
    from digitnet.digits.download import DownloadFailed, download_mnist

    try:
        for fetched in download_mnist(session.shelf.download_to, session.stop):
            yield DownloadReport(fetched)
    except DownloadFailed as error:
        raise CommandError(
            f"MNIST could not be downloaded: {printable(str(error), 400)}. The data set sample "
            "is always here; --data DIR uses MNIST's files from a folder"
        ) from None


@dataclass(frozen=True)
class ShowResult:
    """Some cases with their answers. names: of the answers, if they are not digits."""

    set: str
    indices: list[int]
    answers: list[int]
    inputs: "list[NDArray[Any]]"
    names: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The index and answer of each case."""
        pairs = zip(self.indices, self.answers, strict=True)
        return {"set": self.set, "cases": [{"index": i, "answer": a} for i, a in pairs]}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        from digitnet.repl.views.gallery import gallery, small_case
        from digitnet.repl.views.words import named

        yield f"cases of the {self.set} set"
        cases = zip(self.indices, self.answers, self.inputs, strict=True)
        yield gallery(
            [
                (small_case(x, console, options), Text(f"{i}: {named(a, self.names)}", "bold"))
                for i, a, x in cases
            ],
            options,
        )


@command(
    "show",
    group="Digits",
    examples={
        "show": "six random test cases",
        "show augment": "training cases as the network sees them with `set augment`",
        "show 12": "twelve random test cases",
    },
)
def show(session: Session, count: Annotated[int | str, kinds.SHOWN] = 6) -> ShowResult:
    """Show random test cases with their answers, or deformed training cases."""
    from digitnet.engine.cases import answers_of

    data = session.data()
    if isinstance(count, str):
        return _deformed(session, data)
    if count > MAX_SHOWN:
        raise CommandError(f"show shows at most {MAX_SHOWN} cases at a time. Example: show 12")
    count = min(count, len(data.test))
    rows = session.rng.choice(len(data.test), count, replace=False)
    return ShowResult(
        f"{data.name} test",
        [int(row) for row in rows],
        [int(answer) for answer in answers_of(data.test.targets[rows])],
        [data.picture_of(data.test, row) for row in rows],
        data.answers,
    )


def _deformed(session: Session, data: "DataSet") -> ShowResult:
    """Random training cases, deformed with the settings of the network in hand."""
    import numpy as np

    from digitnet.engine.augment import Augment
    from digitnet.engine.cases import answers_of
    from digitnet.engine.deform import Deformer, side_of

    augment = Augment.parse(session.network().trainer.settings.augment)
    if augment == Augment():
        raise CommandError("the training cases are not deformed. Example: set augment light")
    try:
        side = side_of(data.inputs)
    except ValueError as error:
        raise CommandError(str(error)) from None
    rows = session.rng.choice(len(data.train), min(18, len(data.train)), replace=False)
    pictures = data.train.inputs[rows].reshape(-1, side, side).astype(np.float32) * data.train.scale
    deformed = np.empty_like(pictures)
    seed = int(session.rng.integers(2**31))
    Deformer(side, side, seed, augment)(pictures, np.arange(len(rows)), deformed)
    return ShowResult(
        f"{data.name} training",
        [int(row) for row in rows],
        [int(answer) for answer in answers_of(data.train.targets[rows])],
        list((255 * np.clip(deformed, 0, 1)).astype(np.uint8)),
        data.answers,
    )


MAX_SHOWN = 100
"""Maximum number of cases of one `show`."""

"""The shelf: the data sets of a session, which of them is in use, and which fit a network."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and all that needs it load when the first command needs them
    from digitnet.digits.datasets import DataSet, Source
    from digitnet.registry.imported import ImportedData
    from digitnet.registry.model import Accuracy, Model


class Shelf:
    """Where data sets are looked for, those that have been read, and the one in use.

    folders: looked through in order; the last one is `own`, where a person's own digits are kept.
    download_to: where `data mnist` puts it. name: of the data set in use.
    """

    def __init__(self, folders: Sequence[Path], download_to: Path, own: Path) -> None:
        """Reads nothing yet."""
        self.folders = [*folders, own]
        self.download_to, self.own = download_to, own
        self.name = "sample"
        self._read: dict[str, DataSet] = {}
        self._chosen: dict[tuple[int, int], str] = {}  # by the numbers of a case and of an answer

    @property
    def imported(self) -> "ImportedData":
        """The data sets that were imported."""
        from digitnet.registry.imported import ImportedData

        return ImportedData(self.own)

    def sources(self) -> "dict[str, Source]":
        """Every data set there is, or could be, by its name."""
        from digitnet.digits.datasets import SOURCES, Source
        from digitnet.digits.importing import read_split
        from digitnet.digits.relatives import RELATIVES

        def source(name: str, place: Path) -> Source:
            return Source(
                name, "imported", 784, 10, lambda folders: read_split(place).data_set(name)
            )

        imported = self.imported
        places = {name: imported.place(name) for name in imported.names()}
        mine = {name: source(name, place) for name, place in places.items() if place}
        return SOURCES | RELATIVES | mine

    def imported_cases(self, name: str) -> int:
        """How many cases an imported data set has; 0 where it is gone or cannot be read."""
        from digitnet.digits.idx import BadData
        from digitnet.digits.importing import read_split

        place = self.imported.place(name)
        try:
            return len(read_split(place)) if place else 0
        except BadData:
            return 0

    def get(self, name: str = "") -> "DataSet":
        """The data set of this name, or the one in use; read when it is first needed.

        Raises NotHere where it is not on this machine, BadData where it cannot be used.
        """
        from digitnet.digits.datasets import NotHere

        name = name or self.name
        if name not in self._read:
            source = self.sources().get(name)
            if source is None:
                raise NotHere(name)
            self._read[name] = source.read(self.folders)
        return self._read[name]

    def forget(self, name: str) -> None:
        """To be called when a data set has changed on the disk: it is read again when needed."""
        self._read.pop(name, None)
        if name == self.name and name not in self.sources():
            self.name = "sample"

    def choose(self, data: "DataSet") -> None:
        """Uses this data set from now on, also for networks of its width that are made later."""
        self.name = self._chosen[data.inputs, data.outputs] = data.name

    def fitting(self, wanted: tuple[str, str], inputs: int, outputs: int) -> str | None:
        """The first of these that has this width and is here: the first data set wanted, the one
        last chosen for this width, the second one wanted, any other.
        """
        first, second = wanted
        chosen = self._chosen.get((inputs, outputs), "")
        sources = self.sources()
        for name in (first, chosen, second, *sources):
            source = sources.get(name)
            fits = source and (source.inputs, source.outputs) == (inputs, outputs)
            if source and fits and source.is_here(self.folders):
                return name
        return None


@contextmanager
def trained_on(data: "DataSet", model: "Model") -> Iterator[None]:
    """Keeps the record straight while a network is trained on a data set."""
    progress = model.trainer.progress
    if model.trained_on[-1:] != [data.name]:
        progress.next_epoch()
    before, trained_on_before = progress.batches, model.trained_on
    model.data, model.accuracy = data.name, None
    # the latest data set stands last; at once, because the training may be autosaved at any moment
    model.trained_on = [n for n in model.trained_on if n != data.name] + [data.name]
    try:
        yield
    finally:
        if progress.batches == before:
            model.trained_on = trained_on_before


def accuracy_on(
    part: str, value: float, data: "DataSet", within: frozenset[str], model: "Model"
) -> "Accuracy":
    """An accuracy with the cases it was measured on, and whether the network has seen them.

    `within`: the data sets whose training cases include these.
    """
    from digitnet.registry.model import SEEN, Accuracy

    seen = "" if within.isdisjoint(model.trained_on) else SEEN
    return Accuracy(value, f"{data.name} {part}{seen}")

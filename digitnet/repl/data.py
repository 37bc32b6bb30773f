"""The data sets of a session, and training on one of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import isfinite
from pathlib import Path

from digitnet.digits.datasets import RELATIVES, SOURCES, DataSet, NotHere, Source
from digitnet.digits.files import BadFile
from digitnet.digits.own import ABOUT_MINE, HOW_TO_ADD, MINE
from digitnet.engine.trainer import Measurement
from digitnet.registry.model import SEEN, Accuracy, Model
from digitnet.registry.own_sets import OwnData


class DataSets:
    """The data sets of a session: their folders, those that have been read, the current one.

    folders: searched in order. download_to: the folder for `data mnist`. own: that of the
    saves, where the user's own data sets are. name: of the current data set.
    """

    def __init__(self, folders: Sequence[Path], download_to: Path, own: Path) -> None:
        self.folders, self.download_to, self._own = list(folders), download_to, own
        self.name = "sample"
        self._read: dict[str, DataSet] = {}
        self._chosen: dict[tuple[int, int], str] = {}  # (inputs, outputs) → name

    @property
    def own(self) -> OwnData:
        return OwnData(self._own)

    def sources(self) -> dict[str, Source]:
        """Name → source of every known data set, including those not on this machine."""
        sources, names = SOURCES | RELATIVES, self.own.names()
        for name in (MINE, *names):
            about, read = ABOUT_MINE if name == MINE else "imported", partial(self._read_own, name)
            sources[name] = Source(name, about, 784, 10, read, exists=name in names)
        return sources

    def _read_own(self, name: str, folders: Sequence[Path]) -> DataSet:
        cases = self.own.read(name)
        if not len(cases):
            raise NotHere(name, HOW_TO_ADD)
        return cases.data_set(name)

    def own_cases(self, name: str) -> int:
        """The number of cases of an own data set; 0 if it is missing or cannot be read."""
        try:
            return len(self.own.read(name))
        except BadFile:
            return 0

    def get(self, name: str = "") -> DataSet:
        """The data set of this name, or the current one; read when first needed.

        Raises NotHere if it is not on this machine, BadFile if it cannot be used.
        """
        name = name or self.name
        if name not in self._read:
            source = self.sources().get(name)
            if source is None:
                raise NotHere(name)
            self._read[name] = source.read(self.folders)
        return self._read[name]

    def forget(self, name: str) -> None:
        """Call this when an own data set has changed on disk: it is read again when needed."""
        self._read.pop(name, None)
        if name == self.name and name not in self.own.names():
            self.name = "sample"

    def choose(self, data: DataSet) -> None:
        """Makes a data set the current one, and the first choice for new networks that fit it."""
        self.name = self._chosen[data.inputs, data.outputs] = data.name

    def lend(self, data: DataSet) -> None:
        self._read[data.name], self.name = data, data.name

    def fitting(self, wanted: tuple[str, str], inputs: int, outputs: int) -> str | None:
        """The name of a data set with these numbers of inputs and outputs that is here, or None.

        Tried in order: the first one wanted, the one last chosen for these numbers, the second one
        wanted, any other.
        """
        first, second = wanted
        chosen = self._chosen.get((inputs, outputs), "")
        sources, own = self.sources(), self.own.names()
        for name in (first, chosen, second, *sources):
            if source := sources.get(name):
                sizes = self._sizes(name) if name in own else (source.inputs, source.outputs)
                if sizes == (inputs, outputs) and source.is_here(self.folders):
                    return name
        return None

    def _sizes(self, name: str) -> tuple[int, int]:
        """The numbers of inputs and outputs of an own data set; zeros if it cannot be read."""
        try:
            data = self.get(name)
        except (BadFile, NotHere):
            return 0, 0
        return data.inputs, data.outputs


@contextmanager
def trained_on(data: DataSet, model: Model) -> Iterator[None]:
    """Context manager for training a model on a data set: updates `trained_on` and `data`.

    The history begins with the untrained network. As it has seen no cases, its validation cost
    stands for its training cost.
    """
    progress, history = model.trainer.progress, model.trainer.history
    if not progress.batches and not history:
        untrained = model.trainer.measure(data.validation)
        if isfinite(untrained.cost):
            history.append(Measurement(0, untrained.cost, untrained.cost, untrained.accuracy))
    if model.trained_on[-1:] != [data.name]:
        progress.next_epoch()
    before, trained_on_before = progress.batches, model.trained_on
    model.data, model.accuracy = data.name, None
    # the latest data set goes last. Set now, because an autosave may happen at any moment
    model.trained_on = [n for n in model.trained_on if n != data.name] + [data.name]
    try:
        yield
    finally:
        if progress.batches == before:
            model.trained_on = trained_on_before
        if not progress.batches:
            history.clear()


def accuracy_on(part: str, value: float, data: DataSet, model: Model) -> Accuracy:
    """An accuracy on the `test` or `validation` set, marked if the network has seen its cases."""
    within = data.tests_are_in if part == "test" else data.validations_are_in
    seen = "" if within.isdisjoint(model.trained_on) else SEEN
    return Accuracy(value, f"{data.name} {part}{seen}")

"""digitnet in Python: networks, data and saves for a program, a notebook or a lesson.

    import digitnet as dn
    net = dn.network("784-100-10", seed=1)
    train, test = dn.data("sample")
    net.fit(train.x, train.y, epochs=5, validation=(test.x, test.y), report=dn.show)
    net.score(test.x, test.y)
    net.save("first")

What `__all__` lists is public and stays; everything else in the package may change.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from digitnet import paths
from digitnet.digits.cuts import Judge
from digitnet.digits.datasets import RELATIVES, SOURCES
from digitnet.digits.files import naming, read_bounded
from digitnet.digits.page import page_in
from digitnet.digits.pictures import MAX_BYTES, read_picture
from digitnet.digits.prepare import NoDigit
from digitnet.display import Confusion, Digit, Explanation, Findings, History
from digitnet.engine.arrays import Array, Integers, answers_of
from digitnet.engine.evaluate import guesses_of
from digitnet.engine.run import Status
from digitnet.engine.shapes import spelled_out
from digitnet.estimator import ORIGINS, Estimator, Pair, are_pictures
from digitnet.insight.doctor import diagnose
from digitnet.insight.facts import Facts
from digitnet.insight.why import backpropagate
from digitnet.recipes import RECIPES, blueprint_of, line_for
from digitnet.registry.own_sets import OwnData, Version
from digitnet.registry.saves import Registry
from digitnet.registry.schema import clean_name


@dataclass(frozen=True, eq=False)
class Part:
    """Cases, which unpack to x: (cases, inputs), float32, pixels from 0 to 1, and y: (cases,)."""

    x: Array
    y: Integers

    def __iter__(self) -> Iterator[ArrayLike]:
        return iter((self.x, self.y))


@dataclass(frozen=True, eq=False)
class Data:
    """A data set; it unpacks to its training and its test set: `train, test = dn.data()`."""

    name: str
    train: Part
    validation: Part
    test: Part

    def __iter__(self) -> Iterator[Part]:
        return iter((self.train, self.test))


class Network(Estimator):
    """A network, used like scikit-learn's classifiers; see `Estimator`."""

    @property
    def history(self) -> History:
        """The measurements made in training, oldest first."""
        return History(self._there().trainer.history)

    def check(self, x: ArrayLike, answer: Any = None) -> Digit:
        """The outputs for one case, as `c` shows them. x: (inputs,) or (rows, columns)."""
        pixels = np.asarray(x)[np.newaxis]
        (outputs,), (guess,) = self.predict_proba(pixels), self.predict(pixels)
        cases = self._cases(pixels, [guess if answer is None else answer])  # is it known?
        shape = (isqrt(pixels.size), -1) if are_pictures(cases.inputs) else (-1,)
        return Digit(guess, outputs, pixels.reshape(shape), self.classes_, answer)

    def confusion(self, x: ArrayLike, y: ArrayLike) -> Confusion:
        """The confusion matrix, as `cm` shows it."""
        cases = self._cases(x, y)
        guesses = guesses_of([(self._outputs(cases), cases.targets)])
        return Confusion(guesses.matrix(), self.classes_)

    def why(self, x: ArrayLike, answer: Any = None) -> Explanation:
        """Back-propagation of one case, layer by layer, in float64. answer: if None, the guess."""
        inputs = np.asarray(x)[np.newaxis]
        case = self._cases(inputs, self.predict(inputs) if answer is None else [answer])
        network = self._copied().with_answering_weights()
        passes = backpropagate(network, case.inputs[0] * case.scale, case.targets[0])
        return Explanation(**vars(passes))

    def doctor(self, x: ArrayLike, y: ArrayLike, validation: Pair) -> Findings:
        """What keeps the network from learning these cases. Remedies are lines for the prompt.

        Cases of 64, 81, 100, ... numbers, none of them negative, are taken for pictures. Of a
        committee, each member is examined.
        """
        cases, sets = self._cases(x, y), {"validation": self._cases(*validation)}
        trainer, of = self._copied(), are_pictures(cases.inputs)
        anew = partial(line_for, recipe=self._there().recipe)
        return Findings(diagnose(Facts(trainer, cases, sets, anew, are_pictures=of)))

    def save(self, name: str) -> None:
        """Saves the network under a name, with the same guarantees as at the prompt.

        Raises RegistryError if it cannot be saved, ValueError if its answers are not 0, 1, 2, ...,
        which a save does not hold, or for settings that no fit has had; nothing is changed then.
        """
        model, classes = self._there(), self.classes_
        self._check_beginning()
        if self._wanted(model.trainer.settings) != model.trainer.settings:
            raise ValueError("settings were changed: fit with warm_start=True first (or epochs=0)")
        if classes.dtype == bool or not np.array_equal(classes, np.arange(len(classes))):
            raise ValueError(
                f"a save has the answers 0 to {len(classes) - 1}, and these begin with "
                f"{classes[:2].tolist()}: fit it with np.unique(y, return_inverse=True)[1]"
            )
        _registry().save(model, clean_name(name))


network = Network


def data(name: str = "sample", folder: str | Path | None = None) -> Data:
    """A data set that comes with digitnet, was downloaded, or is your own: `sample`, `mnist`, ...

    Its arrays are read-only. folder: searched first. Raises ValueError for an unknown name, NotHere
    if its files are not on this machine, BadFile if they are damaged.
    """
    is_own = name not in SOURCES | RELATIVES
    return _data(name, folder, OwnData(paths.saves_folder()).version(name) if is_own else None)


@cache
def _data(name: str, folder: str | Path | None, version: Version) -> Data:
    own, sources = OwnData(paths.saves_folder()), SOURCES | RELATIVES
    if name in sources:
        found = sources[name].read(paths.data_folders(folder))
    elif version:
        found = own.read(name).data_set(name)
    else:
        raise ValueError(f"{name!r} is not a data set: {', '.join([*sources, *own.names()])}")
    parts = []
    for cases in (found.train, found.validation, found.test):
        x = np.multiply(cases.inputs, cases.scale, dtype=np.float32)
        parts.append(Part(x, answers_of(cases.targets)))
        parts[-1].x.flags.writeable = parts[-1].y.flags.writeable = False
    known = (frozenset(), ()) if name in sources else (found.hashes["train"], found.answers)
    ORIGINS[id(parts[0].x)] = name, *known
    return Data(name, *parts)


def load(name: str) -> Network:
    """The save of this name; `fit` goes on with it. Raises RegistryError if there is none."""
    return _loaded(_registry(), clean_name(name))


def _loaded(registry: Registry, name: str) -> Network:
    model = registry.load(name)
    trainer, network = model.trainer, model.network
    is_recipe = model.recipe in RECIPES and RECIPES[model.recipe].shape == network.shape
    shape = model.recipe if is_recipe else spelled_out(network)
    settings: dict[str, Any] = asdict(trainer.settings)
    if not network.is_committee:
        settings["bias"] = blueprint_of(network, trainer.settings).bias
    loaded = Network(shape, cost=network.cost_name, seed=trainer.seed, warm_start=True, **settings)
    loaded._take(model, np.arange(max(2, network.outputs)))
    return loaded


def saves() -> list[str]:
    """The names of all saves, those that come with digitnet included."""
    return _registry().names()


def _registry() -> Registry:
    return Registry(paths.saves_folder(), paths.included_folder())


def read(file: str | Path, network: Network | None = None) -> list[Digit]:
    """Reads the digits in a picture file, in reading order, as `img` does.

    network: one with 28 by 28 inputs; if None, `hand`, which comes with digitnet. Raises BadFile
    if the file cannot be read, NoDigit if there is no digit in it.
    """
    reader, digits = network or _included("hand") or load("hand"), list[Digit]()
    reader._there()
    reads_digits = np.array_equal(reader.classes_, np.arange(10))
    with naming(Path(file)):
        picture = read_picture(read_bounded(Path(file), MAX_BYTES))
    for piece in page_in(picture, _judge()).digits:
        digit = reader.check(piece.picture)
        outputs = piece.read(digit.outputs) if reads_digits else digit.outputs
        if piece.is_digit(outputs):
            guess = reader.classes_[outputs.argmax()]
            digits.append(replace(digit, guess=guess, outputs=outputs))
    if not digits:
        raise NoDigit("none of its pieces is a digit")
    return digits


@cache
def _included(name: str) -> Network | None:
    """A network that comes with digitnet, also if a save hides it; None if it is missing."""
    registry = Registry(paths.included_folder())
    return _loaded(registry, name) if registry.exists(name) else None


def _judge() -> Judge | None:
    """The included digit detector, which `img` asks too; None if it is missing."""
    judge = _included("judge")
    return (lambda seen: judge.predict_proba(np.stack(seen))) if judge else None


def show(report: Status) -> None:
    """Shows the progress of `fit(..., report=show)` in a line; accuracy: as last measured."""
    done = f"{report.part or 0:4.0%}  cost {report.cost:.3g}  accuracy {report.accuracy:.2%}"
    print(f"\r{done}", end="\n" if report.part == 1 else "", flush=True)

"""digitnet in Python: networks, data and saves for a program, a notebook or a lesson.

    import digitnet as dn
    net = dn.network("784-100-10", seed=1)
    train, test = dn.data("sample")
    net.fit(train.x, train.y, epochs=5, validation=(test.x, test.y), report=dn.show)
    net.score(test.x, test.y)
    net.save("first")

What `__all__` lists is public and stays; everything else in the package may change.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet import paths
from digitnet.digits.datasets import RELATIVES, SOURCES
from digitnet.digits.files import read_bounded
from digitnet.digits.page import read_digits
from digitnet.digits.pictures import MAX_BYTES
from digitnet.display import Confusion, Digit, Explanation, Findings, History
from digitnet.engine.arrays import Array, Cases, Integers, one_hot
from digitnet.engine.evaluate import outputs_in_chunks
from digitnet.engine.report import ignore
from digitnet.engine.run import Report, run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.shapes import spelled_out
from digitnet.insight.doctor import diagnose
from digitnet.insight.facts import Facts
from digitnet.insight.why import backpropagate
from digitnet.recipes import RECIPES, build, recipe_for
from digitnet.registry.model import Model
from digitnet.registry.saves import Registry

PARAMETERS = ("shape", "seed", "epochs", "warm_start")
"""The arguments of `Network` that are not settings."""


@dataclass(frozen=True, eq=False)
class Part:
    """A set of cases. x: (cases, inputs), float32, pixels from 0 to 1. y: (cases,), the answers."""

    x: Array
    y: Integers


@dataclass(frozen=True, eq=False)
class Data:
    """A data set; it unpacks to its training and its test set: `train, test = dn.data()`."""

    name: str
    train: Part
    validation: Part
    test: Part

    def __iter__(self) -> Iterator[Part]:
        return iter((self.train, self.test))


class Network:
    """A network, used like scikit-learn's classifiers.

    classes_: (answers,), the possible answers in ascending order; n_features_in_: the number of
    inputs. Both are there after `fit` or `load`.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        shape: str = "*-100-*",
        *,
        seed: int = 0,
        epochs: float = 10,
        warm_start: bool = False,
        **settings: Any,
    ) -> None:
        """shape: a recipe, or a shape such as `784-100-10`; a star is filled in from the data.

        epochs: how long `fit` trains. warm_start: whether `fit` goes on from the present weights
        instead of drawing new ones. settings: as `set` shows them at the prompt, such as rate=0.1.
        """
        self.shape, self.seed, self.epochs, self.warm_start = shape, seed, epochs, warm_start
        self._settings = settings
        self._model: Model | None = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {name: getattr(self, name) for name in PARAMETERS} | self._settings

    def set_params(self, **parameters: Any) -> Self:
        """Changes arguments of the constructor. Raises ValueError for an unknown one."""
        unknown = [name for name in parameters if name not in (*PARAMETERS, *SETTINGS)]
        if unknown:
            known = ", ".join((*PARAMETERS, *SETTINGS))
            raise ValueError(f"{unknown[0]!r} is not a parameter: {known}")
        own = {name: parameters[name] for name in PARAMETERS if name in parameters}
        vars(self).update(own)
        self._settings |= {n: value for n, value in parameters.items() if n not in own}
        return self

    # training

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: float | None = None,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        report: Callable[[Any], None] | None = None,
    ) -> Self:
        """Trains on mini-batches of the cases as `t` does; returns the network itself.

        x: (cases, inputs) or (cases, rows, columns), real numbers, or bytes, which are divided by
        255. y: (cases,), the answers. validation: the cases on which the accuracy is measured
        meanwhile; if None, the training cases. report: called with each progress report; raising
        `digitnet.engine.report.Stopped` in it ends the training, and what was learnt is kept.

        Raises ValueError for arrays, parameters or settings that do not fit.
        """
        inputs, answers = _checked(x), _answers(y)
        if answers.shape != (len(inputs),):
            raise ValueError(f"y has shape {answers.shape}, and there are {len(inputs)} cases")
        if self._model is None or not self.warm_start:
            self._begin(inputs, np.unique(answers))
        train = self._cases(inputs, answers)
        measured = self._cases(_checked(validation[0]), validation[1]) if validation else train
        amount = Amount(float(self.epochs if epochs is None else epochs), "epochs")
        tell = report or ignore
        run(self._there().trainer, train, measured, amount, lambda r: r is None or tell(r))
        return self

    def partial_fit(self, x: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Trains for one more epoch. classes: all possible answers; needed in the first call."""
        if self._model is None:
            self._begin(_checked(x), np.unique(y if classes is None else classes))
        wanted, self.warm_start = self.warm_start, True
        try:
            return self.fit(x, y, epochs=1)
        finally:
            self.warm_start = wanted

    def _begin(self, x: Array, classes: Integers) -> None:
        """Draws new weights for cases like these."""
        shape = str(self.shape)
        if shape.startswith("*-"):
            shape = f"{x.shape[1]}{shape[1:]}"
        if shape.endswith("-*"):
            shape = f"{shape[:-1]}{len(classes)}"
        model = build(RECIPES.get(shape) or recipe_for(shape), self.seed)
        model.trainer.settings = Settings(**asdict(model.trainer.settings) | self._settings)
        network = model.network
        if network.inputs != x.shape[1] or network.outputs < len(classes):
            raise ValueError(
                f"{network.shape} does not fit {x.shape[1]} inputs and {len(classes)} answers"
            )
        digits = np.arange(network.outputs)
        self.classes_ = digits if np.isin(classes, digits).all() else classes
        self._model, self.n_features_in_ = model, x.shape[1]

    def _cases(self, x: Array, y: ArrayLike) -> Cases:
        """Cases with their targets. Raises ValueError for an answer that is none of `classes_`."""
        if x.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {x.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        answers = np.asarray(y)
        if not np.isin(answers, self.classes_).all():
            raise ValueError("y has answers that the network does not know")
        model = self._there()
        scale = 255.0 if model.trainer.settings.pixels == "raw" else 1.0
        targets = one_hot(np.searchsorted(self.classes_, answers), model.network.outputs)
        return Cases(x, targets, scale)

    def _there(self) -> Model:
        """The model. Raises an error, scikit-learn's if that is in use, before `fit`."""
        if self._model is None:
            known = sys.modules.get("sklearn.exceptions")
            error: type[Exception] = known.NotFittedError if known else ValueError
            raise error("this network has no weights yet: call fit, or load one")
        return self._model

    @property
    def history(self) -> History:
        """The measurements made in training, oldest first."""
        return History(self._there().trainer.history)

    # answering

    def predict_proba(self, x: ArrayLike) -> Array:
        """The outputs, (cases, answers); probabilities if the network ends in softmax."""
        model, inputs = self._there(), _checked(x)
        cases = self._cases(inputs, np.full(len(inputs), self.classes_[0]))
        chunks = outputs_in_chunks(model.trainer.answering(), cases)
        return np.concatenate([a.copy() for a, _ in chunks])

    def predict(self, x: ArrayLike) -> Integers:
        """The answer for each case, (cases,)."""
        best = self.predict_proba(x).argmax(axis=1)
        guesses: Integers = self.classes_[best]
        return guesses

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """The accuracy: the fraction of cases that are answered right."""
        return float((self.predict(x) == np.asarray(y)).mean())

    def check(self, x: ArrayLike, answer: Any = None) -> Digit:
        """The outputs for one case, as `c` shows them. x: (inputs,) or (rows, columns)."""
        pixels = np.asarray(x)
        outputs = self.predict_proba(pixels[np.newaxis])[0]
        side = int(pixels.size**0.5)
        shown = pixels.reshape(side, side) if side * side == pixels.size else pixels.reshape(-1)
        return Digit(self.classes_[outputs.argmax()], outputs, shown, self.classes_, answer)

    def confusion(self, x: ArrayLike, y: ArrayLike) -> Confusion:
        """The confusion matrix, as `cm` shows it."""
        guesses, answers = self.predict(x), self._cases(_checked(x), y).targets.argmax(axis=1)
        counts = np.zeros((len(self.classes_),) * 2, np.intp)
        np.add.at(counts, (answers, np.searchsorted(self.classes_, guesses)), 1)
        return Confusion(counts, self.classes_)

    # explaining

    def why(self, x: ArrayLike, answer: Any = None) -> Explanation:
        """Back-propagation of one case, layer by layer, in float64. answer: if None, the guess."""
        inputs = _checked(np.asarray(x)[np.newaxis])
        answers = self.predict(inputs) if answer is None else np.array([answer])
        case = self._cases(inputs, answers)
        network = self._there().trainer.with_answering_weights()
        passes = backpropagate(network, case.inputs[0] * case.scale, case.targets[0])
        return Explanation(**vars(passes))

    def doctor(
        self, x: ArrayLike, y: ArrayLike, validation: tuple[ArrayLike, ArrayLike]
    ) -> Findings:
        """What keeps the network from learning these cases. Remedies are lines for the prompt."""
        cases = self._cases(_checked(x), y)
        held_out = self._cases(_checked(validation[0]), validation[1])
        trainer, sets = self._there().trainer, {"validation": held_out}
        anew = lambda other, _: f"n {spelled_out(other)}"  # noqa: E731
        return Findings(diagnose(Facts(trainer, cases, sets, anew)))

    # saves

    def save(self, name: str) -> None:
        """Saves the network under a name, with the same guarantees as at the prompt.

        Raises RegistryError if it cannot be saved; nothing is changed then.
        """
        _registry().save(self._there(), name)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a classifier."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        tags = {"target_tags": TargetTags(required=True), "classifier_tags": ClassifierTags()}
        return Tags(estimator_type="classifier", input_tags=InputTags(), **tags)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"digitnet.network({arguments})"


@cache
def data(name: str = "sample", folder: str | Path | None = None) -> Data:
    """A data set that comes with digitnet or was downloaded: `sample`, `mnist`, `truth`, ...

    folder: searched first. Raises ValueError for an unknown name, NotHere if its files are not on
    this machine, BadFile if they are damaged.
    """
    sources = SOURCES | RELATIVES
    if name not in sources:
        raise ValueError(f"{name!r} is not a data set: {', '.join(sources)}")
    found = sources[name].read(paths.data_folders(Path(folder) if folder else None))
    return Data(
        name,
        *(
            Part(np.multiply(p.inputs, p.scale, dtype=np.float32), p.targets.argmax(axis=1))
            for p in (found.train, found.validation, found.test)
        ),
    )


def network(shape: str = "*-100-*", **parameters: Any) -> Network:
    """A new network: a recipe such as `relu`, or a shape such as `784-100-10`; see `Network`."""
    return Network(shape, **parameters)


def load(name: str) -> Network:
    """The save of this name; `fit` goes on with it. Raises RegistryError if there is none."""
    model = _registry().load(name)
    loaded = Network(model.network.shape, seed=model.trainer.seed, warm_start=True)
    loaded._model, loaded.n_features_in_ = model, model.network.inputs
    loaded.classes_ = np.arange(max(2, model.network.outputs))
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
    reader = network or load("hand")
    return [reader.check(p) for p in read_digits(read_bounded(Path(file), MAX_BYTES))]


def show(report: Report) -> None:
    """Shows the progress of `fit(..., report=show)` in a line; accuracy: as last measured."""
    done = f"{report.part or 0:4.0%}  cost {report.cost:.3g}  accuracy {report.accuracy:.2%}"
    print(f"\r{done}", end="\n" if report.part == 1 else "", flush=True)


def _answers(y: ArrayLike) -> NDArray[Any]:
    """Answers as an array. Raises ValueError for numbers that are not whole."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    answers = np.asarray(y)
    if answers.dtype.kind == "f":
        if not np.isfinite(answers).all():
            raise ValueError("y contains NaN or infinity")
        if (answers % 1).any():
            raise ValueError("Unknown label type: continuous. Answers are classes, not amounts")
    return answers


def _checked(x: ArrayLike) -> Array:
    """Cases as rows of numbers. Raises ValueError for what is not, TypeError for sparse data."""
    if hasattr(x, "toarray"):
        raise TypeError("Sparse data is not supported: give x.toarray()")
    array = np.asarray(x)
    if array.dtype == np.uint8:
        array = np.multiply(array, 1 / 255, dtype=np.float32)
    if array.ndim < 2:
        raise ValueError(f"x has shape {array.shape}. Reshape your data: one row for each case")
    if np.iscomplexobj(array):
        raise ValueError("Complex data not supported")
    rows: Array = np.ascontiguousarray(array.reshape(len(array), -1), np.float32)
    if not rows.size:
        what = "feature" if len(rows) else "sample"
        raise ValueError(f"0 {what}(s) (shape={array.shape}) while a minimum of 1 is required.")
    if not np.isfinite(rows).all():
        raise ValueError("x contains NaN or infinity")
    return rows

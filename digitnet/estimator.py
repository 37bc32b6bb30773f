"""A network as an estimator: the methods that scikit-learn's classifiers have."""

import os
import re
import secrets
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from math import inf
from numbers import Integral, Real
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet.digits.datasets import FOR_PICTURES, GIVEN, check_plain, even_sample
from digitnet.digits.recognize import is_square
from digitnet.engine.arrays import Array, Cases, Integers, Pixels, answers_of, one_hot
from digitnet.engine.evaluate import outputs_in_chunks
from digitnet.engine.layers import BatchNorm
from digitnet.engine.network import CANNOT_TRAIN
from digitnet.engine.report import Report, ignore
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import SETTINGS, Settings, spelled
from digitnet.engine.trainer import Trainer
from digitnet.recipes import RECIPES, build, recipe_for
from digitnet.registry.model import Model

BEGINNING = ("shape", "cost", "bias", "seed")
OWN = (*BEGINNING, "epochs", "warm_start")
"""The arguments of `Network` that are not settings; those that its first weights depend on."""

Pair = Iterable[ArrayLike]  # cases and their answers

ORIGINS: dict[int, tuple[str, frozenset[bytes], tuple[str, ...]]] = {}
"""id of inputs that `digitnet.data` gave, and keeps → what `Model.record` takes."""

_asking = Lock()  # held in a forward pass: layers keep what they compute
if sys.platform != "win32":  # a fork copies the lock, but not the thread that holds it
    os.register_at_fork(after_in_child=lambda: globals().update(_asking=Lock()))

# the mean square of inputs from which is warned, where fewer inputs than FEW may be larger; bytes
# of pictures are not all below FAINT
LARGE, FEW, FAINT = 10, 50, 32


class Estimator:
    """A network, used like scikit-learn's classifiers.

    shape: a recipe, or a shape such as `784-100-10`; a star is filled in from the data. cost: if
    empty, the usual one. bias: whether layers of a shape have biases. seed: a whole number from 0;
    None draws one. epochs: how long `fit` trains. warm_start: whether `fit` goes on from the
    present weights instead of drawing new ones. settings: as `set` shows them at the prompt, such
    as rate=0.1 or batch="all".

    classes_: (answers,), the possible answers in ascending order; n_features_in_: the number of
    inputs. Both are there after `fit` or `load`; feature_names_in_, the columns of a data frame,
    after `fit`.
    """

    def __init__(
        self,
        shape: str = "*-100-*",
        *,
        cost: str = "",
        bias: bool = True,
        seed: int | None = 0,
        epochs: float = 10,
        warm_start: bool = False,
        **settings: Any,
    ) -> None:
        self.shape, self.cost, self.bias, self.seed = shape, cost, bias, seed
        self.epochs, self.warm_start = epochs, warm_start
        self._model: Model | None = None
        self._is_warned = False  # of large inputs
        self.set_params(**settings)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {name: value for name, value in vars(self).items() if name in (*OWN, *SETTINGS)}

    def set_params(self, **parameters: Any) -> Self:
        """Changes arguments of the constructor. Raises ValueError for an unknown one."""
        for name, value in parameters.items():
            if name not in (*OWN, *SETTINGS):
                raise ValueError(f"{name!r} is not a parameter: {', '.join((*OWN, *SETTINGS))}")
            setattr(self, name, value)
        return self

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: float | None = None,
        validation: Pair | None = None,
        report: Report = ignore,
    ) -> Self:
        """Trains on mini-batches of the cases as `t` does; returns the network itself.

        x: (cases, inputs) or (cases, rows, columns), real numbers, or bytes, which are divided by
        255. y: (cases,), the answers. epochs: 0 trains nothing. validation: the cases on which the
        accuracy is measured meanwhile; if None, the training cases. report: called with each
        progress report; raising `digitnet.engine.report.Stopped` in it ends the training, and what
        was learnt is kept.

        Raises ValueError for arrays or values of arguments that do not fit; the network is
        unchanged then.
        """
        with self._started(x, y, is_warm=self.warm_start):
            self._train(x, y, self.epochs if epochs is None else epochs, validation, report)
        return self

    def partial_fit(self, x: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Trains for one more epoch. classes: all possible answers; needed in the first call."""
        with self._started(x, y, classes, is_warm=True):
            self._train(x, y, 1)
        return self

    @contextmanager
    def _started(
        self, x: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, *, is_warm: bool
    ) -> Iterator[None]:
        """Context manager in which an error before anything is learnt leaves all as it was."""
        before, begun = vars(self).copy(), None
        try:
            self._start(x, y, classes, is_warm=is_warm)
            begun = self._there().trainer.progress.batches
            yield
        except BaseException:
            if begun is None or begun == self._there().trainer.progress.batches:
                vars(self).clear()
                vars(self).update(before)
            raise

    def _start(
        self, x: ArrayLike, y: ArrayLike, classes: ArrayLike | None, *, is_warm: bool
    ) -> None:
        """Makes a new network or, if `is_warm` and there is one, a copy of it to go on with."""
        inputs = _checked(x)
        answers = _answers(y, len(inputs))
        known = np.unique(answers if classes is None else classes)
        if self._model is None or not is_warm:
            self._begin(inputs, known)
            vars(self).pop("feature_names_in_", None)
            if names := _names(x):
                self.feature_names_in_ = np.array(names, object)
        else:
            self._check_beginning()
            if classes is not None and not np.isin(known, self.classes_).all():
                raise ValueError("classes has others than in the first call")
            self._model = replace(self._model, trainer=self._copied())

    def _train(
        self,
        x: ArrayLike,
        y: ArrayLike,
        epochs: float,
        validation: Pair | None = None,
        report: Report = ignore,
    ) -> None:
        model = self._there()
        if model.network.is_committee:
            raise ValueError(CANNOT_TRAIN)
        if not (isinstance(epochs, Real) and 0 <= epochs < inf):
            raise ValueError(f"epochs must be a number, 0 or more, not {epochs!r}")
        trainer = model.trainer
        trainer.settings = settings = self._wanted(trainer.settings)
        train = even_sample(self._cases(x, y), settings.cases, trainer.seed)
        for name in () if are_pictures(train.inputs) else FOR_PICTURES:
            why = "x holds none: a picture has 64, 81, 100, ... numbers, none below 0"
            check_plain(name, getattr(settings, name), why)
        measured = self._cases(*validation) if validation else train
        trainer.change(settings, train)
        model.accuracy = None
        if not epochs:
            return
        base = id(getattr(x, "base", None))
        name, *_ = origin = ORIGINS.get(id(x)) or ORIGINS.get(base, (GIVEN, frozenset(), ()))
        if model.trained_on[-1:] != [name]:
            trainer.progress.next_epoch()
        model.record(*origin)
        model.data = model.data if name == GIVEN else name
        amount = Amount(float(epochs), "epochs")
        if run(trainer, train, measured, amount, report).stopped == "diverged":
            _warn("training blew up; the last good weights are restored. Lower the rate")

    def _begin(self, x: Array, classes: Integers) -> None:
        self._is_warned = False
        shape = re.sub(r"^\*-", f"{x.shape[1]}-", str(self.shape))
        if shape.endswith("-*") and len(classes) < 2:
            raise ValueError(f"y has one class, {classes[0]}: there is nothing to tell apart")
        shape = re.sub(r"-\*$", f"-{len(classes)}", shape)
        recipe = RECIPES.get(shape) or recipe_for(shape)
        recipe = replace(recipe, bias=self.bias and recipe.bias, cost=self.cost or recipe.cost)
        seed = secrets.randbelow(2**31) if self.seed is None else self.seed
        if not isinstance(seed, Integral) or seed < 0:
            raise ValueError(f"seed is a whole number from 0, or None, not {seed!r}")
        model = build(recipe, int(seed))
        digits: NDArray[Any] = np.arange(max(model.network.outputs, 2))  # one output tells 0 from 1
        if classes.dtype == bool and len(digits) == 2:
            digits = digits > 0
        if classes.dtype.kind in "biuf" and np.isin(classes, digits).all():
            classes = digits
        if model.network.inputs != x.shape[1] or len(classes) != len(digits):
            given = f"{x.shape[1]} inputs and {len(classes)} classes"
            raise ValueError(f"{model.network.shape} does not fit {given}: *-100-* fits any")
        self._take(model, classes)

    def _take(self, model: Model, classes: Integers) -> None:
        self._model, self.classes_, self.n_features_in_ = model, classes, model.network.inputs
        self._beginning = {name: getattr(self, name) for name in BEGINNING}

    def _check_beginning(self) -> None:
        if changed := [n for n in BEGINNING if getattr(self, n) != self._beginning[n]]:
            raise ValueError(f"{changed[0]} was changed: begin anew with warm_start=False")

    def _wanted(self, settings: Settings) -> Settings:
        """These settings with those that were given."""
        for name in SETTINGS.keys() & vars(self):
            settings = settings.changed(name, spelled(name, getattr(self, name)))
        return settings

    def _cases(self, x: ArrayLike, y: ArrayLike | None = None) -> Cases:
        """Cases with their targets. Raises ValueError for an answer that is none of `classes_`."""
        cases, outputs = self._unanswered(x), self._there().network.outputs
        answers = _answers(y, len(cases))
        if not np.isin(answers, self.classes_).all():
            raise ValueError("y has answers that the network does not know")
        targets = one_hot(np.searchsorted(self.classes_, answers), max(outputs, 2))
        return replace(cases, targets=targets[:, -outputs:])  # one output is the second answer's

    def _unanswered(self, x: ArrayLike) -> Cases:
        """Cases without targets. Raises ValueError for others than the network was made for."""
        model, inputs = self._there(), _checked(x)
        cases, size = inputs.shape
        if size != self.n_features_in_:
            raise ValueError(
                f"X has {size} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        names, known = _names(x), getattr(self, "feature_names_in_", ())
        if names and len(known) and names != list(known):
            raise ValueError("The feature names should match those that were passed during fit")
        is_scaled = isinstance(model.network.layers[0], BatchNorm)
        is_large = np.vdot(inputs, inputs) > LARGE * cases * max(size, FEW)
        if is_large and not (is_scaled or self._is_warned):
            self._is_warned = True
            _warn(
                f"x goes up to {np.abs(inputs).max():g}; weights are made for inputs of about 1. "
                "Scale them (pixels are bytes, np.uint8, or from 0 to 1), or begin with "
                "*-b:linear-100-*"
            )
        scale = 255.0 if model.trainer.settings.pixels == "raw" else 1.0
        return Cases(inputs, np.empty((cases, 0)), scale)

    def _there(self) -> Model:
        """The model. Raises an error, scikit-learn's if that is in use, before `fit`."""
        if self._model is None:
            known = sys.modules.get("sklearn.exceptions")
            error: type[Exception] = known.NotFittedError if known else ValueError
            raise error("this network has no weights yet: call fit, or load one")
        return self._model

    def predict_proba(self, x: ArrayLike) -> Array:
        """The outputs, (cases, answers); probabilities if the network ends in softmax.

        A single output a is given as 1 - a and a, for both answers.
        """
        a = self._outputs(self._unanswered(x))
        return a if a.shape[1] > 1 else np.hstack([1 - a, a])

    def _outputs(self, cases: Cases) -> Array:
        with _asking:
            chunks = outputs_in_chunks(self._there().trainer.answering(), cases)
            return np.concatenate([a.copy() for a, _ in chunks])

    def _copied(self) -> Trainer:
        """A copy of the trainer, whose network nobody else asks."""
        with _asking:
            trainer = self._there().trainer
            return deepcopy(trainer, {id(trainer.history): [*trainer.history]})

    def predict(self, x: ArrayLike) -> Integers:
        """The answer for each case, (cases,)."""
        best = answers_of(self._outputs(self._unanswered(x)))
        guesses: Integers = self.classes_[best]
        return guesses

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """The accuracy: the fraction of cases that are answered right."""
        guesses = self.predict(x)
        answers = _answers(y, len(guesses))
        if not np.isin(answers, self.classes_).any():
            raise ValueError("y has no answer that the network knows")
        return float((guesses == answers).mean())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a classifier."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        tags = {"target_tags": TargetTags(required=True), "classifier_tags": ClassifierTags()}
        return Tags(estimator_type="classifier", input_tags=InputTags(), **tags)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"digitnet.network({arguments})"


def _warn(said: str) -> None:
    """Warns of the line of the program that called."""
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").startswith("digitnet."):
        level += 1
    warnings.warn(said, stacklevel=level + 1)


def _answers(y: ArrayLike | None, cases: int) -> NDArray[Any]:
    """Answers as an array. Raises ValueError if they are not whole, or not one for each case."""
    if y is None:
        raise ValueError("this requires y to be passed, but the target y is None")
    answers = np.asarray(y)
    if answers.dtype == object and not all(isinstance(each, str | bytes) for each in answers.flat):
        answers = np.array(answers.tolist())
        if answers.dtype.kind not in "biuf":
            raise ValueError("y has answers that are no words and no numbers: are some missing?")
    if answers.dtype.kind == "f" and not np.isfinite(answers).all():
        raise ValueError("y contains NaN or infinity")
    if answers.dtype.kind == "f" and (answers % 1).any():
        raise ValueError("Unknown label type: continuous. Answers are classes, not amounts")
    if answers.shape != (cases,):
        raise ValueError(f"y has shape {answers.shape}, and there are {cases} cases")
    return answers


def are_pictures(inputs: Pixels) -> bool:
    """Whether rows of numbers are taken for square pictures."""
    return is_square(inputs.shape[1]) and bool(inputs.min() >= 0)


def _names(x: ArrayLike) -> list[str]:
    """The columns of a data frame, or nothing."""
    return [name for name in getattr(x, "columns", ()) if isinstance(name, str)]


def _checked(x: ArrayLike) -> Array:
    """Cases as rows of numbers. Raises ValueError for what is not, TypeError for sparse data."""
    if hasattr(x, "toarray"):
        raise TypeError("Sparse data is not supported: give x.toarray()")
    array = np.asarray(x)
    if array.dtype == np.uint8:
        if 0 < (most := array.max(initial=0)) < FAINT:
            _warn(f"bytes are divided by 255, and these go up to {most}: if no pixels, give floats")
        array = np.multiply(array, 1 / 255, dtype=np.float32)
    if array.ndim < 2:
        raise ValueError(f"x has shape {array.shape}. Reshape your data: one row for each case")
    if np.iscomplexobj(array):
        raise ValueError("Complex data not supported")
    if not array.size:
        what = "feature" if len(array) else "sample"
        raise ValueError(f"0 {what}(s) (shape={array.shape}) while a minimum of 1 is required.")
    rows: Array = np.ascontiguousarray(array.reshape(len(array), -1), np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("x contains NaN, infinity or more than float32 holds")
    return rows

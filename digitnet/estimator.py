"""A network as an estimator: the methods that scikit-learn's classifiers have."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet.engine.arrays import Array, Cases, Integers, answers_of, one_hot
from digitnet.engine.evaluate import outputs_in_chunks
from digitnet.engine.report import ignore
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import SETTINGS
from digitnet.recipes import RECIPES, build, recipe_for
from digitnet.registry.model import GIVEN, Model

OWN = ("shape", "seed", "epochs", "warm_start")
"""The arguments of `Network` that are not settings."""


class Estimator:
    """A network, used like scikit-learn's classifiers.

    shape: a recipe, or a shape such as `784-100-10`; a star is filled in from the data. epochs: how
    long `fit` trains. warm_start: whether `fit` goes on from the present weights instead of drawing
    new ones. settings: as `set` shows them at the prompt, such as rate=0.1.

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
        self.shape, self.seed, self.epochs, self.warm_start = shape, seed, epochs, warm_start
        self._settings = settings
        self._model: Model | None = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {name: getattr(self, name) for name in OWN} | self._settings

    def set_params(self, **parameters: Any) -> Self:
        """Changes arguments of the constructor. Raises ValueError for an unknown one."""
        for name, value in parameters.items():
            if name in OWN:
                setattr(self, name, value)
            elif name in SETTINGS:
                self._settings[name] = value
            else:
                raise ValueError(f"{name!r} is not a parameter: {', '.join((*OWN, *SETTINGS))}")
        return self

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: float | None = None,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        report: Callable[[Any], None] = ignore,
    ) -> Self:
        """Trains on mini-batches of the cases as `t` does; returns the network itself.

        x: (cases, inputs) or (cases, rows, columns), real numbers, or bytes, which are divided by
        255. y: (cases,), the answers. validation: the cases on which the accuracy is measured
        meanwhile; if None, the training cases. report: called with each progress report; raising
        `digitnet.engine.report.Stopped` in it ends the training, and what was learnt is kept.

        Raises ValueError for arrays or values of settings that do not fit.
        """
        inputs, answers = _checked(x), _answers(y)
        if answers.shape != (len(inputs),):
            raise ValueError(f"y has shape {answers.shape}, and there are {len(inputs)} cases")
        if self._model is None or not self.warm_start:
            self._begin(inputs, np.unique(answers))
        train = self._cases(inputs, answers)
        measured = self._cases(*validation) if validation else train
        amount = Amount(float(self.epochs if epochs is None else epochs), "epochs")

        self._there().will_train_on(GIVEN)
        run(self._there().trainer, train, measured, amount, report)
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
        shape = re.sub(r"^\*-", f"{x.shape[1]}-", str(self.shape))
        shape = re.sub(r"-\*$", f"-{len(classes)}", shape)
        model = build(RECIPES.get(shape) or recipe_for(shape), self.seed)
        model.trainer.settings = replace(model.trainer.settings, **self._settings)
        network = model.network
        if network.inputs != x.shape[1] or network.outputs < len(classes):
            raise ValueError(
                f"{network.shape} does not fit {x.shape[1]} inputs and {len(classes)} answers"
            )
        digits = np.arange(max(network.outputs, 2))  # one output tells 0 from 1
        self.classes_ = digits if np.isin(classes, digits).all() else classes
        self._model, self.n_features_in_ = model, x.shape[1]

    def _cases(self, x: ArrayLike, y: ArrayLike) -> Cases:
        """Cases with their targets. Raises ValueError for an answer that is none of `classes_`."""
        model, inputs, answers = self._there(), _checked(x), np.asarray(y)
        if inputs.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {inputs.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        if not np.isin(answers, self.classes_).all():
            raise ValueError("y has answers that the network does not know")
        scale = 255.0 if model.trainer.settings.pixels == "raw" else 1.0
        indices = np.searchsorted(self.classes_, answers)
        single = indices[:, None].astype(np.float32)
        targets = one_hot(indices, model.network.outputs) if model.network.outputs > 1 else single
        return Cases(inputs, targets, scale)

    def _there(self) -> Model:
        """The model. Raises an error, scikit-learn's if that is in use, before `fit`."""
        if self._model is None:
            known = sys.modules.get("sklearn.exceptions")
            error: type[Exception] = known.NotFittedError if known else ValueError
            raise error("this network has no weights yet: call fit, or load one")
        return self._model

    def predict_proba(self, x: ArrayLike) -> Array:
        """The outputs, (cases, answers); probabilities if the network ends in softmax."""
        model, inputs = self._there(), _checked(x)
        cases = self._cases(inputs, np.full(len(inputs), self.classes_[0]))
        chunks = outputs_in_chunks(model.trainer.answering(), cases)
        return np.concatenate([a.copy() for a, _ in chunks])

    def predict(self, x: ArrayLike) -> Integers:
        """The answer for each case, (cases,)."""
        best = answers_of(self.predict_proba(x)).clip(max=len(self.classes_) - 1)
        guesses: Integers = self.classes_[best]
        return guesses

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """The accuracy: the fraction of cases that are answered right."""
        return float((self.predict(x) == np.asarray(y)).mean())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a classifier."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        tags = {"target_tags": TargetTags(required=True), "classifier_tags": ClassifierTags()}
        return Tags(estimator_type="classifier", input_tags=InputTags(), **tags)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"digitnet.network({arguments})"


def _answers(y: ArrayLike) -> NDArray[Any]:
    """Answers as an array. Raises ValueError for numbers that are not whole."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    answers = np.asarray(y)
    if answers.dtype.kind == "f" and not np.isfinite(answers).all():
        raise ValueError("y contains NaN or infinity")
    if answers.dtype.kind == "f" and (answers % 1).any():
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

"""A network's guesses compared with the answers: confusion matrix, precision and recall."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from digitnet.engine.cases import answers_of
from digitnet.engine.types import Array, Integers


@dataclass(frozen=True)
class Guesses:
    """The answer, the guess and the confidence for each case, all (cases,).

    The confidence is the output of the guessed class; for a network with a single output a, it is a
    for the guess 1 and 1 − a for the guess 0. classes: the number of possible answers.
    """

    answers: Integers
    guesses: Integers
    confidences: Array
    classes: int

    def wrong(self) -> Integers:
        """The indices of the misread cases, the most confident guesses first."""
        wrong: Integers = np.flatnonzero(self.answers != self.guesses)
        order = np.argsort(-self.confidences[wrong], kind="stable")
        return wrong[order]

    def matrix(self) -> Integers:
        """The confusion matrix, (classes, classes): cases by answer (rows) and guess (columns)."""
        counts = np.zeros((self.classes, self.classes), np.intp)
        np.add.at(counts, (self.answers, self.guesses), 1)
        return counts


def guesses_of(outputs_and_targets: Iterable[tuple[Array, Array]]) -> Guesses:
    """Collects the guesses from chunks of outputs and targets; see `outputs_in_chunks`."""
    answers, guesses, confidences, classes = [], [], [], 2
    for a, y in outputs_and_targets:
        guess = answers_of(a)
        answers.append(answers_of(y))
        guesses.append(guess)
        if a.shape[1] == 1:
            confidences.append(np.where(guess == 1, a[:, 0], 1 - a[:, 0]))
        else:
            classes = a.shape[1]
            confidences.append(a[np.arange(len(a)), guess])
    return Guesses(
        np.concatenate(answers), np.concatenate(guesses), np.concatenate(confidences), classes
    )


def recall(matrix: Integers) -> Array:
    """For each answer, the fraction of its cases guessed correctly; NaN if it has no cases."""
    return _fractions(matrix, axis=1)


def precision(matrix: Integers) -> Array:
    """For each class, the fraction of its guesses that are correct; NaN if it is never guessed."""
    return _fractions(matrix, axis=0)


def _fractions(matrix: Integers, axis: int) -> Array:
    """The diagonal divided by the sums along an axis."""
    with np.errstate(invalid="ignore"):
        fractions: Array = np.diagonal(matrix) / matrix.sum(axis=axis)
    return fractions

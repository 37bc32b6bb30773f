"""What a network takes for what: its guesses beside the answers, and how sure it was of each."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from digitnet.engine.cases import answers_of
from digitnet.engine.types import Array, Integers


@dataclass(frozen=True)
class Guesses:
    """Of each case, in order: the answer, the guess, and the confidence, each (cases,).

    The confidence is the guess's output; of a network with one output a, it is a for the guess 1
    and 1 − a for the guess 0. classes: how many answers there can be.
    """

    answers: Integers
    guesses: Integers
    confidences: Array
    classes: int

    def wrong(self) -> Integers:
        """The places of the cases that are misread, the surest first."""
        places: Integers = np.flatnonzero(self.answers != self.guesses)
        order = np.argsort(-self.confidences[places], kind="stable")
        return places[order]

    def matrix(self) -> Integers:
        """Cases by answer (rows) and guess (columns): (classes, classes)."""
        counts = np.zeros((self.classes, self.classes), np.intp)
        np.add.at(counts, (self.answers, self.guesses), 1)
        return counts


def guesses_of(outputs_and_targets: Iterable[tuple[Array, Array]]) -> Guesses:
    """The guesses in chunks of outputs and targets, as `outputs_in_chunks` yields them."""
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
    """Of each answer's cases, the share that is read right; nan for an answer without cases."""
    return _shares(matrix, axis=1)


def precision(matrix: Integers) -> Array:
    """Of each guess's cases, the share that is right; nan for what is never guessed."""
    return _shares(matrix, axis=0)


def _shares(matrix: Integers, axis: int) -> Array:
    """The diagonal, as shares of the sums along an axis."""
    with np.errstate(invalid="ignore"):
        shares: Array = np.diagonal(matrix) / matrix.sum(axis=axis)
    return shares

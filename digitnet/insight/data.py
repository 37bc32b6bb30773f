"""What can be measured of the cases: whether answers fit pictures, and sets each other.

Pictures are judged by their nearest neighbours: the error of that rule is, in the limit, at most
twice that of the best classifier (Cover and Hart 1967, IEEE Trans. Inf. Theory 13(1)), and it needs
no training.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property
from math import isqrt, prod
from typing import NamedTuple

import numpy as np
import scipy

from digitnet.engine.arrays import Array, Cases, Feeder, Integers, answers_of

MAX_REFERENCE, MAX_QUERIES = 1_500, 500  # training cases that are looked through, for others


def sample_indices(count: int, most: int) -> Integers:
    """Sorted indices of at most `most` random cases out of `count`, the same each time."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


class Damage(NamedTuple):
    """What may have happened to the pictures or the answers of a set.

    back: how it is undone, in words. undo: the pictures p (cases, rows, columns) turned back, given
    the pictures x of the training set; None for answers.
    """

    name: str
    back: str
    undo: Callable[[Array, Array], Array] | None = None

    @property
    def what(self) -> str:
        spoilt = "pictures" if self.undo else "answers"
        return f"The {spoilt} of one set are {self.name.replace('-', ' ')}."


def _to_the_centre(p: Array, x: Array) -> Array:
    down, across = np.rint(_centre(x) - _centre(p)).astype(int).tolist()
    return np.roll(p, (down, across), (1, 2))


DAMAGES = {
    damage.name: damage
    for damage in (
        Damage("transposed", "rows and columns are exchanged", lambda p, x: p.transpose(0, 2, 1)),
        Damage("mirrored", "left and right are exchanged", lambda p, x: p[:, :, ::-1]),
        Damage("upside-down", "top and bottom are exchanged", lambda p, x: p[:, ::-1]),
        Damage("turned", "they are turned by 180 degrees", lambda p, x: p[:, ::-1, ::-1]),
        Damage("turned-left", "they are turned to the right", lambda p, x: np.rot90(p, -1, (1, 2))),
        Damage("turned-right", "they are turned to the left", lambda p, x: np.rot90(p, 1, (1, 2))),
        Damage("inverted", "dark and light are exchanged", lambda p, x: x.min() + x.max() - p),
        Damage("shifted", "they are moved to the others' centre", _to_the_centre),
        Damage(
            "scaled",
            "they are scaled like the others",
            lambda p, x: p * (x.max() / max(p.max(), 1e-9)),
        ),
        Damage("renamed", "they are renamed"),
    )
}


class DataFacts:
    """Facts about the training cases and the other sets, each measured when it is first needed."""

    def __init__(self, train: Cases, sets: Mapping[str, Cases], are_pictures: bool) -> None:
        """sets: the other data sets, by name, `validation` first. are_pictures: square ones, or
        rows of a table, whose columns may be of any size.
        """
        self.train, self.sets, self.are_pictures = train, sets, are_pictures

    @cached_property
    def is_toy(self) -> bool:
        """Whether the validation cases are the training cases, as in a truth table."""
        return np.array_equal(self.train.inputs, self.sets["validation"].inputs)

    @cached_property
    def frequencies(self) -> list[float]:
        return frequencies_of(answers_of(self.train.targets), self.train.targets.shape[1])

    @property
    def occurring(self) -> int:
        return sum(frequency > 0 for frequency in self.frequencies)

    @cached_property
    def may_repeat(self) -> bool:
        """Whether cases are the same by chance: rows of a table whose columns have few values."""
        values = (len(np.unique(column)) for column in self.train.inputs.T)
        return not self.are_pictures and prod(values) < 100 * len(self.train)

    @cached_property
    def different(self) -> dict[bytes, Counter[int]]:
        """How often each answer occurs with the same inputs."""
        counts: dict[bytes, Counter[int]] = defaultdict(Counter)
        for row, answer in zip(self.train.inputs, answers_of(self.train.targets), strict=True):
            counts[row.tobytes()][int(answer)] += 1
        return counts

    @cached_property
    def most_right(self) -> float:
        """The largest fraction that can be right, since the same inputs always get one answer."""
        return sum(max(each.values()) for each in self.different.values()) / len(self.train)

    @cached_property
    def reference(self) -> tuple[Array, Integers]:
        """The inputs of some training cases, as the network sees them and no two alike, and their
        answers.
        """
        x, answers = _inputs_and_answers(self.train, MAX_REFERENCE)
        first = np.sort(np.unique(x, axis=0, return_index=True)[1])
        return x[first], answers[first]

    @cached_property
    def agreement(self) -> float | None:
        """The fraction of these with the answer of most nearest neighbors; None for too few."""
        x, answers = self.reference
        if len(x) < 100 or self.is_toy:
            return None
        return float((self._neighbors_answers(x) == answers).mean())

    @property
    def floor(self) -> float:
        """The smallest agreement of right answers: among 500 of MNIST's cases it is 0.84."""
        return 0.6 if len(self.train) >= 50 * self.occurring else 0.3

    @cached_property
    def agreements(self) -> dict[str, dict[str, float]]:
        """Set → what is undone, or "" → the fraction of its cases with their training neighbors'
        answer. Low ones are measured again for every damage undone; renamed answers are matched to
        others so that most agree.
        """
        result: dict[str, dict[str, float]] = {}
        for name, cases in self.sets.items() if self.agreement is not None else ():
            queries, right = _inputs_and_answers(cases, MAX_QUERIES)
            guesses = self._neighbors_answers(queries)
            result[name] = {"": float((guesses == right).mean())}
            if result[name][""] < 0.6 * (self.agreement or 0):
                result[name] |= self._if_undone(queries, right, guesses)
        return result

    def _if_undone(self, queries: Array, right: Integers, guesses: Integers) -> dict[str, float]:
        counts = np.zeros((max(self.train.targets.shape[1], int(right.max()) + 1, 2),) * 2)
        np.add.at(counts, (right, guesses), 1)
        pairs = scipy.optimize.linear_sum_assignment(counts, maximize=True)
        undone = dict[str, float]()
        if len(right) >= 20 * len(np.unique(right)):  # of fewer, some renaming agrees by chance
            undone["renamed"] = float(counts[pairs].sum() / len(right))
        x, side = self.reference[0], isqrt(queries.shape[1])
        if self.are_pictures:
            shape = (-1, side, side)
            for name, damage in DAMAGES.items():
                if damage.undo:
                    back = damage.undo(queries.reshape(shape), x.reshape(shape))
                    back = np.ascontiguousarray(back).reshape(queries.shape)
                    told = self._neighbors_answers(back)
                    undone[name] = float((told == right).mean())
        return undone

    @cached_property
    def smoothness(self) -> dict[str, float]:
        """Set → the correlation of each pixel with the one beside it; empty without pictures."""
        result, side = dict[str, float](), isqrt(self.train.inputs.shape[1])
        if not self.are_pictures:
            return result
        for name, cases in {"training": self.train, **self.sets}.items():
            x = _inputs_and_answers(cases, MAX_QUERIES)[0].reshape(-1, side, side)
            if x.std(axis=0).any():
                left, right = x[:, :, :-1].ravel(), x[:, :, 1:].ravel()
                result[name] = float(np.corrcoef(left, right)[0, 1])
        return result

    def _neighbors_answers(self, queries: Array) -> Integers:
        """The commonest answer among each query's five nearest neighbors x in the reference, by
        |q − x|² − |q|²; if the queries are the reference, none is its own.
        """
        x, answers = self.reference
        is_reference = queries is x
        if not self.are_pictures:  # then the columns are standardized
            mean, deviation = x.mean(axis=0), x.std(axis=0)
            deviation[deviation == 0] = 1
            x, queries = (x - mean) / deviation, (queries - mean) / deviation
        distances = np.einsum("ij,ij->i", x, x) - 2 * (queries @ x.T)
        if is_reference:
            np.fill_diagonal(distances, np.inf)
        near = np.argpartition(distances, 5, axis=1)[:, :5]
        votes = np.zeros((len(queries), int(answers.max()) + 1), dtype=np.intp)
        for column in near.T:
            votes[np.arange(len(queries)), answers[column]] += 1
        winners: Integers = votes.argmax(axis=1)
        return winners


def frequencies_of(answers: Integers, outputs: int) -> list[float]:
    """The fraction of cases with each answer; for a single output, of 0 and of 1."""
    counts = np.bincount(answers, minlength=max(2, outputs))
    return [float(count) for count in counts / len(answers)]


def _inputs_and_answers(cases: Cases, most: int) -> tuple[Array, Integers]:
    """The inputs, scaled, and the answers of some cases."""
    indices = sample_indices(len(cases), most)
    x, _ = Feeder(cases, np.float32).batch(indices)
    return x, answers_of(cases.targets[indices])


def _centre(pictures: Array) -> Array:
    mean = pictures.mean(axis=0) - pictures.min()
    along = np.arange(len(mean))
    centre: Array = np.array([mean.sum(axis=1) @ along, mean.sum(axis=0) @ along])
    return centre / max(float(mean.sum()), 1e-9)

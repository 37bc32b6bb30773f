"""Facts about the data: what the network sees, which answers there are, and whether they fit."""

import numpy as np

from digitnet.engine.cases import Cases, Feeder, answers_of
from digitnet.engine.types import Array, Integers
from digitnet.insight.diagnosis.measurements import DataFacts

NEIGHBOURS = 5
LOOKED_AT = 1_500
"""Cases among which neighbours are looked for, at most."""
ASKED = 500
"""Validation cases whose neighbours are looked for, at most."""
FEWEST = 100
"""Cases among which neighbours tell anything, at least."""


def data_facts(train: Cases, validation: Cases, rng: np.random.Generator) -> DataFacts:
    """Measures the training cases, and the neighbours of cases among them."""
    rows = chosen(rng, len(train), LOOKED_AT)
    x, _ = Feeder(train, len(rows), np.float32).batch(rows)
    answers = answers_of(train.targets[rows])
    is_table = bool(np.may_share_memory(train.inputs, validation.inputs))
    agreement = on_validation = None
    if len(rows) >= FEWEST and not is_table:
        agreement = float((_commonest(x, answers, x, own=True) == answers).mean())
        asked = chosen(rng, len(validation), ASKED)
        queries, _ = Feeder(validation, len(asked), np.float32).batch(asked)
        right = answers_of(validation.targets[asked])
        on_validation = float((_commonest(x, answers, queries, own=False) == right).mean())
    return DataFacts(
        cases=len(train),
        shares=shares_of(answers_of(train.targets), train.targets.shape[1]),
        low=float(x.min()),
        high=float(x.max()),
        spread=float(x.std(axis=0).mean()),
        is_table=is_table,
        agreement=agreement,
        validation_agreement=on_validation,
    )


def chosen(rng: np.random.Generator, count: int, most: int) -> Integers:
    """Rows of a set of `count` cases: `most` random ones, or all where there are no more."""
    if count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False))


def shares_of(answers: Integers, outputs: int) -> list[float]:
    """The share of each answer; of a single output, of no and of yes."""
    counts = np.bincount(answers, minlength=max(2, outputs))
    return [float(share) for share in counts / len(answers)]


def _commonest(x: Array, answers: Integers, queries: Array, *, own: bool) -> Integers:
    """The commonest answer among the nearest neighbours of each query (Cover and Hart 1967).

    By |q − x|² = |q|² − 2 q · x + |x|². own: the queries are the x, none its own neighbour.
    """
    squares = np.einsum("ij,ij->i", x, x)
    distances = squares - 2 * (queries @ x.T)
    if own:
        np.fill_diagonal(distances, np.inf)
    near = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.zeros((len(queries), int(answers.max()) + 1), dtype=np.intp)
    for column in near.T:
        votes[np.arange(len(queries)), answers[column]] += 1
    winners: Integers = votes.argmax(axis=1)
    return winners

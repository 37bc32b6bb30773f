"""Facts about the data: its range, the frequency of each answer, and how well neighbours agree."""

import numpy as np

from digitnet.engine.cases import Cases, Feeder, answers_of
from digitnet.engine.types import Array, Integers
from digitnet.insight.diagnosis.measurements import DataFacts

NEIGHBOURS = 5
MAX_REFERENCE = 1_500
"""Maximum number of training cases to search for neighbours."""
MAX_QUERIES = 500
"""Maximum number of validation cases whose neighbours are searched for."""
MIN_REFERENCE = 100
"""Minimum number of training cases for a meaningful agreement."""


def data_facts(train: Cases, validation: Cases, rng: np.random.Generator) -> DataFacts:
    """Measures the training cases, and how far neighbours among them have the same answer."""
    rows = sample_indices(rng, len(train), MAX_REFERENCE)
    x, _ = Feeder(train, len(rows), np.float32).batch(rows)
    answers = answers_of(train.targets[rows])
    is_table = bool(np.may_share_memory(train.inputs, validation.inputs))
    agreement = on_validation = None
    if len(rows) >= MIN_REFERENCE and not is_table:
        agreement = float((_neighbours_answer(x, answers, x, own=True) == answers).mean())
        queries = sample_indices(rng, len(validation), MAX_QUERIES)
        inputs, _ = Feeder(validation, len(queries), np.float32).batch(queries)
        right = answers_of(validation.targets[queries])
        on_validation = float((_neighbours_answer(x, answers, inputs, own=False) == right).mean())
    return DataFacts(
        cases=len(train),
        frequencies=frequencies_of(answers_of(train.targets), train.targets.shape[1]),
        low=float(x.min()),
        high=float(x.max()),
        spread=float(x.std(axis=0).mean()),
        is_table=is_table,
        agreement=agreement,
        validation_agreement=on_validation,
    )


def sample_indices(rng: np.random.Generator, count: int, most: int) -> Integers:
    """Sorted indices of at most `most` random cases out of `count`."""
    if count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False))


def frequencies_of(answers: Integers, outputs: int) -> list[float]:
    """The fraction of cases with each answer; for a single output, of 0 and of 1."""
    counts = np.bincount(answers, minlength=max(2, outputs))
    return [float(share) for share in counts / len(answers)]


def _neighbours_answer(x: Array, answers: Integers, queries: Array, *, own: bool) -> Integers:
    """The commonest answer among each query's nearest neighbours in x (Cover and Hart 1967).

    Uses |q − x|² = |q|² − 2 q · x + |x|², without |q|². own: whether the queries are x itself, in
    which case no query is its own neighbour.
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

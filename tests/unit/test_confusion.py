"""Guesses beside answers: confidences, the confusion matrix, precision and recall."""

import numpy as np
from engine_helpers import made

from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.evaluate import (
    CHUNK,
    Guesses,
    evaluate,
    guesses_of,
    outputs_in_chunks,
    precision,
    recall,
)


def test_a_confusion_matrix_is_that_worked_out_by_hand() -> None:
    # answers 0 0 0 1 1 2, read as 0 0 1 1 0 1
    answers, guesses = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 1])
    confidences = np.array([0.9, 0.8, 0.6, 0.5, 0.7, 0.6])
    found = Guesses(answers, guesses, confidences, 3)
    matrix = found.matrix()
    assert matrix.tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert found.wrong().tolist() == [4, 2, 5]  # the surest first, the first of equals first
    np.testing.assert_allclose(recall(matrix), [2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(precision(matrix)[:2], [2 / 3, 1 / 3])
    assert np.isnan(precision(matrix)[2])  # never guessed


def test_the_confidence_is_the_output_of_the_guess() -> None:
    a, y = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]), one_hot(np.array([1, 2]), 3)
    found = guesses_of([(a, y)])
    assert (found.answers.tolist(), found.guesses.tolist()) == ([1, 2], [1, 0])
    assert found.confidences.tolist() == [0.7, 0.5]


def test_a_single_output_stands_for_two_answers() -> None:
    a, y = np.array([[0.9], [0.25], [0.5]]), np.array([[1.0], [1.0], [0.0]])
    found = guesses_of([(a, y)])
    assert found.guesses.tolist() == [1, 0, 1]
    assert found.confidences.tolist() == [0.9, 0.75, 0.5]
    assert found.matrix().tolist() == [[0, 1], [1, 1]]


def test_all_chunks_are_counted_once() -> None:
    rng = np.random.default_rng(1)
    count = CHUNK + 37
    cases = Cases(rng.random((count, 9)), one_hot(rng.integers(0, 4, count), 4))
    network = made("9-5-4", hidden="tanh")
    found = guesses_of(outputs_in_chunks(network, cases))
    assert found.matrix().sum() == count
    assert found.matrix().trace() == evaluate(network, cases).correct
    some = guesses_of(outputs_in_chunks(network, cases, np.array([5, 3])))
    assert some.guesses.tolist() == found.guesses[[5, 3]].tolist()

"""A lesson: convolutions that are never trained, and one linear solve, against back-propagation.

    python benches/random_features.py --data DIR

Kernels are patches of training digits, as they are found; what they see, pooled, is a row of
features for each digit. The weights on top are those of ridge regression,
W = (FᵀF + λI)⁻¹ FᵀY (Hoerl and Kennard 1970, Technometrics 12), from the Gram matrix FᵀF, which is
added up a chunk of digits at a time: no gradient anywhere. Coates and Ng (2011, ICML) learn their
kernels almost as simply.
Prints the accuracy on the validation set, and the time.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import linalg

from digitnet.digits.datasets import SOURCES
from digitnet.engine.arrays import Cases

Floats = NDArray[np.float32]
SIDE, KERNEL, POOLS, CHUNK = 28, 7, 4, 500


def kernels(pictures: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Patches at random, (KERNEL², count), each with mean 0 and norm 1; empty ones are left out."""
    found = []
    while len(found) < count:
        row, column = rng.integers(SIDE - KERNEL + 1, size=2)
        patch = pictures[rng.integers(len(pictures)), row : row + KERNEL, column : column + KERNEL]
        if patch.std() > 0.2:
            centred = patch - patch.mean()
            found.append(centred.ravel() / np.linalg.norm(centred))
    return np.array(found, np.float32).T


def features(pictures: Floats, weights: Floats) -> Floats:
    """What is left of each kernel's answer above a threshold, summed over POOLS x POOLS areas."""
    windows = sliding_window_view(pictures, (KERNEL, KERNEL), axis=(1, 2))
    count, rows, columns = windows.shape[:3]
    z = (windows.reshape(-1, KERNEL * KERNEL) @ weights).reshape(count, rows, columns, -1)
    np.maximum(z - 0.5, 0, out=z)
    edges = np.linspace(0, rows, POOLS + 1).astype(int)[:-1]
    pooled = np.add.reduceat(np.add.reduceat(z, edges, axis=1), edges, axis=2)
    return np.sqrt(pooled).reshape(count, -1)


def batches(cases: Cases) -> Iterator[tuple[Floats, Floats]]:
    for start in range(0, len(cases), CHUNK):
        inputs = cases.inputs[start : start + CHUNK].reshape(-1, SIDE, SIDE)
        yield inputs.astype(np.float32) / 255, cases.targets[start : start + CHUNK]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--kernels", type=int, default=350)
    parser.add_argument("--ridge", type=float, default=10.0)
    options = parser.parse_args()
    data = SOURCES["mnist"].read([options.data])
    begun = perf_counter()
    first = data.train.inputs[:5000].reshape(-1, SIDE, SIDE).astype(np.float32) / 255
    weights = kernels(first, options.kernels, np.random.default_rng(1))
    size = POOLS * POOLS * options.kernels + 1
    gram, right = np.zeros((size, size), np.float32), np.zeros((size, 10), np.float32)
    for pictures, targets in batches(data.train):
        f = np.column_stack([features(pictures, weights), np.ones(len(pictures), np.float32)])
        gram += f.T @ f
        right += f.T @ targets
    gram[np.diag_indices(size)] += options.ridge
    solved = linalg.cho_solve(linalg.cho_factor(gram), right)
    correct = 0
    for pictures, targets in batches(data.validation):
        answers = features(pictures, weights) @ solved[:-1] + solved[-1]
        correct += int((answers.argmax(1) == targets.argmax(1)).sum())
    accuracy, seconds = correct / len(data.validation), perf_counter() - begun
    print(f"{options.kernels} kernels, {size:,} features: {accuracy:.2%} right in {seconds:.0f} s")


if __name__ == "__main__":
    main()

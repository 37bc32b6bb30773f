"""Cuts digits that touch apart: candidate cuts, and the best way through them.

Over-segmentation and a lattice of segments, as in LeCun et al., "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86, 1998, sections V to VII.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.prepare import Picture, prepare
from digitnet.engine.arrays import Array

Seams = NDArray[np.intp]
"""Cuts from top to bottom, (cuts, rows): the first column to the right of the cut in each row."""

ROWS = 40
"""Rows at which cuts are searched for; taller drawings are reduced."""

LEVELS, EVERYWHERE = (0.3, 0.5, 0.7), 0.5
"""Heights through which cuts are tried where they are cheap, as fractions of the drawing's; and the
one through which they are tried everywhere."""

PAPER, ASIDE = 0.02, 0.03
"""The cost of a pixel of paper, where one of full ink costs 1, and of a step aside."""


def seams(ink: Array) -> Seams:
    """The cheapest cuts through each neighbourhood, from left to right.

    ink: (rows, columns), 0 to 1. A cut goes down from row to row, straight or one column aside, so
    that the sum of the ink it crosses is least (dynamic programming from both ends).
    """
    block = max(1, round(len(ink) / ROWS))
    rows, columns = (-(-n // block) for n in ink.shape)
    whole = np.pad(ink, ((0, rows * block - len(ink)), (0, columns * block - ink.shape[1])))
    cost = whole.reshape(rows, block, columns, block).mean(axis=(1, 3)) + PAPER
    down, steps_up = _cheapest(cost)
    up, steps_down = _cheapest(cost[::-1])
    through = down + up[::-1] - cost
    near, step = max(1, round(0.08 * rows)), max(1, round(0.12 * rows))
    found: dict[int, tuple[float, Seams]] = {}
    for level in LEVELS:
        row = int(level * rows)
        around = np.lib.stride_tricks.sliding_window_view(
            np.pad(through[row], near, constant_values=np.inf), 2 * near + 1
        )
        is_tried = through[row] == around.min(axis=1)
        is_tried[::step] |= level == EVERYWHERE
        for column in np.flatnonzero(is_tried):
            seam = np.empty(rows, np.intp)
            seam[row] = column
            for above in range(row, 0, -1):
                seam[above - 1] = seam[above] + steps_up[above, seam[above]]
            for below in range(row, rows - 1):
                seam[below + 1] = seam[below] + steps_down[rows - 1 - below, seam[below]]
            place, price = int(seam.mean()) // near, float(through[row, column])
            if place not in found or price < found[place][0]:
                found[place] = price, seam
    margin = 0.1 * rows
    kept = [s for _, s in found.values() if margin <= s.mean() <= columns - margin]
    kept.sort(key=lambda seam: seam.mean())
    fine = np.repeat(np.array(kept, np.intp).reshape(-1, rows), block, axis=1)[:, : len(ink)]
    return fine * block + block // 2


def _cheapest(cost: Array) -> tuple[Array, NDArray[np.intp]]:
    """The cost of the cheapest way from the first row to each pixel, and its last step's columns
    (-1 to 1) backwards.
    """
    total, steps = cost.copy(), np.zeros(cost.shape, np.intp)
    aside = np.array([[ASIDE], [0], [ASIDE]])
    for row in range(1, len(cost)):
        before = np.pad(total[row - 1], 1, constant_values=np.inf)
        ways = np.stack([before[:-2], before[1:-1], before[2:]]) + aside
        best = ways.argmin(axis=0)
        steps[row] = best - 1
        total[row] += np.take_along_axis(ways, best[None], axis=0)[0]
    return total, steps


def between(ink: Array, left: Seams | None, right: Seams | None) -> Array:
    """The ink between two cuts; None stands for the drawing's edge."""
    columns = np.arange(ink.shape[1])
    inside = np.ones(ink.shape, bool)
    if left is not None:
        inside &= columns >= left[:, None]
    if right is not None:
        inside &= columns < right[:, None]
    return np.where(inside, ink, 0)


CUT = 0.5
"""The logarithm of the probability that a cut costs."""

NARROW, WIDE = 0.12, 1.4
"""Minimum and maximum width of a segment, as fractions of the drawing's height."""


def cut_apart(
    ink: Array, judge: Callable[[Sequence[Picture]], Array], whole: float
) -> list[tuple[Array, Picture]]:
    """The drawing cut into digits, each with its prepared picture; empty if it is better whole.

    judge: the probabilities, (pictures, at least 10), of the digits. whole: that of the most
    probable one for the whole drawing. The best of all ways to cut has the largest sum of
    log-probabilities of its segments.
    """
    cuts = seams(ink)
    bounds = [None, *cuts, None]
    places = [0.0, *cuts.mean(axis=1), float(ink.shape[1])]
    ends, segments = [], []
    for i, j in combinations(range(len(bounds)), 2):
        if NARROW * len(ink) <= places[j] - places[i] <= WIDE * len(ink) and j - i <= len(cuts):
            part = between(ink, bounds[i], bounds[j])
            if (part >= 0.5).any():
                ends.append((i, j))
                segments.append((part, prepare(part)))
    if not segments:
        return []
    gains = np.log(judge([picture for _, picture in segments])[:, :10].max(axis=1) + 1e-6) - CUT
    best: list[tuple[float, list[int]]] = [(0.0, []), *((-np.inf, []) for _ in bounds[1:])]
    for number, (i, j) in sorted(enumerate(ends), key=lambda each: each[1][1]):
        score = best[i][0] + float(gains[number])
        if score > best[j][0]:
            best[j] = score, [*best[i][1], number]
    score, chosen = best[-1]
    return [segments[number] for number in chosen] if score > np.log(whole + 1e-6) else []

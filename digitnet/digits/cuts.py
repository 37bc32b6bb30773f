"""Cuts digits that touch apart: over-segmentation and a lattice of segments, as in LeCun et al.,
"Gradient-based learning applied to document recognition", Proceedings of the IEEE 86, 1998,
sections V to VII.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.prepare import (
    Mask,
    Picture,
    in_blocks,
    in_context,
    prepare,
    with_usual_strokes,
)
from digitnet.engine.arrays import Array

Judge = Callable[[Sequence[Picture]], Array]
"""Outputs (pictures, 12) for prepared pictures: 0 to 9, "no digit", "several digits"."""

Seams = NDArray[np.intp]
"""Cuts from top to bottom, (cuts, rows): the first column to the right of the cut in each row."""

ODDS = 10  # how many times as probable it is that a part is a digit if it was cut from several
ROWS = 80  # rows at which cuts are searched for; taller drawings are reduced
# heights through which cuts are tried where they are cheap, as fractions of the drawing's; and the
# one through which they are tried everywhere
LEVELS, EVERYWHERE = (0.3, 0.5, 0.7), 0.5
# columns to the left by which cuts slant, from each row to the next below
SLANTS = (-0.15, 0.1, 0.35)
# a neighbourhood, and the least distance of cuts from the ends, as fractions of the height
NEIGHBOURHOOD, MARGIN = 0.06, 0.1
# the cost of a pixel of paper, where one of full ink costs 1, and of a step aside
PAPER, ASIDE = 0.02, 0.25
# minimum and maximum width of a digit, as fractions of the drawing's height
NARROW, WIDE = 0.12, 1.4


def probability_of_digit(outputs: Array) -> Array:
    """Of each picture, from the judge's outputs."""
    probabilities: Array = outputs[:, :10].sum(axis=1) / outputs.sum(axis=1)
    return probabilities


@dataclass(frozen=True)
class CutDigit:
    """The ink of a digit in a drawing, and its prepared picture.

    probability: that it is a digit. judged: the judge's outputs for the digits, (10,), if it was
    cut from others.
    """

    ink: Array
    picture: Picture
    probability: float = 1.0
    judged: Array | None = None


def cut_apart(ink: Array, judge: Judge, whole: float, report: Callable[[], None]) -> list[CutDigit]:
    """The drawing cut into digits; empty if it is better whole.

    whole: the probability of the most probable digit for the whole drawing. The best of all ways to
    cut has the largest sum of log-probabilities of its pieces.
    """
    block = max(1, round(len(ink) / ROWS))
    small = in_blocks(ink, block)
    drawn = with_usual_strokes(small.max(axis=(1, 3)) >= 0.5)
    cuts = seams(small.mean(axis=(1, 3)))
    pieces, seen = pieces_between(drawn, cuts), []
    for i, j in pieces:
        report()
        seen.append(piece_seen(drawn, cuts, i, j))
    if not seen:
        return []
    outputs = judge(seen)
    gains = np.log(outputs[:, :10].max(axis=1) + 1e-6)
    best: list[tuple[float, list[int]]] = [(0.0, []), *((-np.inf, []) for _ in [*cuts, None])]
    for number, (i, j) in sorted(enumerate(pieces), key=lambda each: each[1][1]):
        score = best[i][0] + float(gains[number])
        if score > best[j][0]:
            best[j] = score, [*best[i][1], number]
    score, chosen = best[-1]
    if score <= np.log(whole + 1e-6):
        return []
    alone = probability_of_digit(outputs[chosen])
    parts = []
    for number, p in zip(chosen, alone / (alone + (1 - alone) / ODDS), strict=True):
        area = area_between(cuts, *pieces[number], drawn.shape)
        large = area.repeat(block, axis=0).repeat(block, axis=1)[: len(ink), : ink.shape[1]]
        part = np.where(large, ink, 0)
        if (part >= 0.5).any():
            parts.append(CutDigit(part, prepare(part), float(p), outputs[number, :10]))
    return parts


def pieces_between(drawn: Array, cuts: Seams) -> list[tuple[int, int]]:
    """The pieces of a drawing between each two cuts, numbered from 1, or its ends, 0 and the last;
    without those too narrow, wide or small for a digit.
    """
    rows, columns = drawn.shape
    places = [0.0, *cuts.mean(axis=1), float(columns)]
    pieces = combinations(range(len(places)), 2)
    return [
        (i, j)
        for i, j in pieces
        if NARROW * rows <= places[j] - places[i] <= WIDE * rows
        and j - i <= len(cuts)
        and (area_between(cuts, i, j, drawn.shape) & (drawn >= 0.5)).sum() >= rows / 2
    ]


def piece_seen(drawn: Array, cuts: Seams, i: int, j: int) -> Picture:
    """A piece as the judge sees it: among the others."""
    area = area_between(cuts, i, j, drawn.shape)
    columns = np.flatnonzero(area.any(axis=0))
    near = np.s_[:, max(0, columns[0] - len(drawn)) : columns[-1] + len(drawn)]
    piece = np.where(area[near], drawn[near], 0)
    return in_context(piece, drawn[near] - piece)


def area_between(cuts: Seams, i: int, j: int, shape: tuple[int, ...]) -> Mask:
    """The pixels between two cuts, numbered from 1, or the ends."""
    columns = np.arange(shape[1])
    from_left = True if i == 0 else columns >= cuts[i - 1][:, None]
    to_right = True if j > len(cuts) else columns < cuts[j - 1][:, None]
    area: Mask = np.full(shape, True) & from_left & to_right
    return area


def seams(ink: Array) -> Seams:
    """The cheapest cuts through each neighbourhood, from left to right.

    ink: (rows, columns), 0 to 1. A cut goes down from row to row along one of SLANTS or one column
    aside, so that the sum of the ink it crosses is least.
    """
    rows, columns = ink.shape
    margin = MARGIN * rows
    found: list[Seams] = []
    for slant in SLANTS:
        shift = np.round(slant * np.arange(rows)).astype(np.intp)
        shift -= shift.min()
        upright = np.full((rows, columns + shift.max()), PAPER)
        upright[np.arange(rows)[:, None], np.arange(columns) + shift[:, None]] += ink
        slanting = [seam - shift for seam in _upright_seams(upright)]
        found += [s for s in slanting if margin <= s.mean() <= columns - margin]
    found.sort(key=lambda seam: float(seam.mean()))
    return np.array(found, np.intp).reshape(-1, rows)


def _upright_seams(cost: Array) -> list[Seams]:
    """The cheapest ways from the first row to the last through each neighbourhood, found by dynamic
    programming from both ends.
    """
    rows = len(cost)
    down, steps_up = _cheapest(cost)
    up, steps_down = _cheapest(cost[::-1])
    through = down + up[::-1] - cost
    near, step = max(1, round(NEIGHBOURHOOD * rows)), max(1, round(0.12 * rows))
    cheapest: dict[int, tuple[float, Seams]] = {}  # by neighbourhood
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
            if place not in cheapest or price < cheapest[place][0]:
                cheapest[place] = price, seam
    return [seam for _, seam in cheapest.values()]


def _cheapest(cost: Array) -> tuple[Array, Seams]:
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

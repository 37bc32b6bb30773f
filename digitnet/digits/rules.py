"""Printed lines of ruled and squared paper, taken out from behind what is written on them."""

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.types import Array

SLOPES = np.linspace(-0.07, 0.07, 29)
"""Rules are level, or upright, to 4 degrees."""
COVERAGE = 0.6
"""A rule covers so much of the picture's width; no part of a digit does, unless it is cut out."""
THICKEST = 0.03
"""Of the picture's height."""
FAINTER = 0.7
"""A single line is a rule only if it has less than this part of the contrast of other ink."""


def without_rules(ink: Array, floor: float) -> Array:
    """The ink without lines that go from edge to edge; `floor` and less of it is paper."""
    across = _without_level_rules(ink, floor)
    return _without_level_rules(across.T, floor).T


def _without_level_rules(ink: Array, floor: float) -> Array:
    """The ink without lines from the left to the right."""
    rows, columns = np.nonzero(ink > floor)
    if len(rows) < COVERAGE * ink.shape[1]:
        return ink
    slope = _slope(rows, columns, ink.shape)
    shift = np.round(slope * (np.arange(ink.shape[1]) - ink.shape[1] / 2)).astype(int)
    place = np.arange(ink.shape[0])[:, None] + shift
    is_in = (place >= 0) & (place < ink.shape[0])
    place = np.clip(place, 0, ink.shape[0] - 1)
    level = np.where(is_in, np.take_along_axis(ink, place, axis=0), 0)
    rules = _rules(level, floor)
    if not rules:
        return ink
    filled = level.copy()
    for top, bottom in rules:
        filled[top:bottom] = _filled(level, top, bottom)
    cleaned = ink.copy()
    inside = np.nonzero(is_in)
    cleaned[place[inside], inside[1]] = filled[inside]
    return cleaned


def _slope(rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, ...]) -> float:
    """The slope along which the ink falls together into the sharpest rows."""

    def sharpness(slope: float) -> float:
        levels = np.round(rows - slope * (columns - shape[1] / 2)).astype(int)
        counts = np.bincount(levels - levels.min())
        return float((counts.astype(float) ** 2).sum())

    coarse = max(SLOPES, key=sharpness)
    step = SLOPES[1] - SLOPES[0]
    return float(max(coarse + step * np.linspace(-0.5, 0.5, 11), key=sharpness))


def _rules(level: Array, floor: float) -> list[tuple[int, int]]:
    """The rows, from and to, of each rule of a picture turned so that they are level."""
    covered = (level > floor).mean(axis=1)
    edges = np.flatnonzero(np.diff(np.pad(covered > COVERAGE / 2, 1).astype(int)))
    groups = [
        (int(top), int(bottom))
        for top, bottom in zip(edges[::2], edges[1::2], strict=True)
        if covered[top:bottom].max() > COVERAGE and bottom - top <= max(3, THICKEST * len(level))
    ]
    if len(groups) == 1:
        ((top, bottom),) = groups
        line = np.median(level[top:bottom].max(axis=0))
        others = np.delete(level, slice(top, bottom), axis=0)
        others = others[others > floor]
        if not len(others) or line > FAINTER * np.percentile(others, 90):
            return []
    return groups


def _filled(level: Array, top: int, bottom: int) -> Array:
    """What is written on a rule: what goes on from above to below it, or is darker than it."""
    above, below = level[max(top - 2, 0)], level[min(bottom + 1, len(level) - 1)]
    part = level[top:bottom]
    shares = np.linspace(0, 1, bottom - top + 2)[1:-1, None]
    through = np.minimum(above * (1 - shares) + below * shares, np.minimum(above, below) * 1.5)
    darker = np.where(part > 1.6 * np.median(part, axis=1, keepdims=True), part, 0)
    filled: Array = np.maximum(through, darker)
    return filled

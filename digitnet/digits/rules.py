"""Removes the printed lines of ruled and squared paper from a drawing."""

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.types import Array

SLOPES = np.linspace(-0.07, 0.07, 29)
"""Slopes to try: lines are horizontal or vertical to within 4 degrees."""
MIN_COVERAGE = 0.6
"""Minimum fraction of the picture's width that a line covers; strokes of digits cover less."""
MAX_THICKNESS = 0.03
"""Maximum thickness of a line, as a fraction of the picture's height."""
MAX_CONTRAST = 0.7
"""Maximum contrast of a single line, as a fraction of that of other ink."""


def without_rules(ink: Array, floor: float) -> Array:
    """The ink without lines from edge to edge. floor: ink up to this value counts as paper."""
    across = _without_horizontal_rules(ink, floor)
    return _without_horizontal_rules(across.T, floor).T


def _without_horizontal_rules(ink: Array, floor: float) -> Array:
    """The ink without lines from left to right."""
    rows, columns = np.nonzero(ink > floor)
    if len(rows) < MIN_COVERAGE * ink.shape[1]:
        return ink
    slope = _slope(rows, columns, ink.shape)
    shift = np.round(slope * (np.arange(ink.shape[1]) - ink.shape[1] / 2)).astype(int)
    source_rows = np.arange(ink.shape[0])[:, None] + shift
    is_in = (source_rows >= 0) & (source_rows < ink.shape[0])
    source_rows = np.clip(source_rows, 0, ink.shape[0] - 1)
    level = np.where(is_in, np.take_along_axis(ink, source_rows, axis=0), 0)
    rules = _rules(level, floor)
    if not rules:
        return ink
    filled = level.copy()
    for top, bottom in rules:
        filled[top:bottom] = _filled(level, top, bottom)
    cleaned = ink.copy()
    inside = np.nonzero(is_in)
    cleaned[source_rows[inside], inside[1]] = filled[inside]
    return cleaned


def _slope(rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, ...]) -> float:
    """The slope along which the ink is most concentrated: the one of the largest Σ counts²."""

    def sharpness(slope: float) -> float:
        levels = np.round(rows - slope * (columns - shape[1] / 2)).astype(int)
        counts = np.bincount(levels - levels.min())
        return float((counts.astype(float) ** 2).sum())

    coarse = max(SLOPES, key=sharpness)
    step = SLOPES[1] - SLOPES[0]
    return float(max(coarse + step * np.linspace(-0.5, 0.5, 11), key=sharpness))


def _rules(level: Array, floor: float) -> list[tuple[int, int]]:
    """The rows (first, last + 1) of each line, in a picture whose lines are horizontal."""
    covered = (level > floor).mean(axis=1)
    edges = np.flatnonzero(np.diff(np.pad(covered > MIN_COVERAGE / 2, 1).astype(int)))
    groups = [
        (int(top), int(bottom))
        for top, bottom in zip(edges[::2], edges[1::2], strict=True)
        if covered[top:bottom].max() > MIN_COVERAGE
        and bottom - top <= max(3, MAX_THICKNESS * len(level))
    ]
    if len(groups) == 1:
        ((top, bottom),) = groups
        line = np.median(level[top:bottom].max(axis=0))
        others = np.delete(level, slice(top, bottom), axis=0)
        others = others[others > floor]
        if not len(others) or line > MAX_CONTRAST * np.percentile(others, 90):
            return []
    return groups


def _filled(level: Array, top: int, bottom: int) -> Array:
    """The ink in place of a line: strokes that cross it, interpolated, or are darker than it."""
    above, below = level[max(top - 2, 0)], level[min(bottom + 1, len(level) - 1)]
    part = level[top:bottom]
    weights = np.linspace(0, 1, bottom - top + 2)[1:-1, None]
    through = np.minimum(above * (1 - weights) + below * weights, np.minimum(above, below) * 1.5)
    darker = np.where(part > 1.6 * np.median(part, axis=1, keepdims=True), part, 0)
    filled: Array = np.maximum(through, darker)
    return filled

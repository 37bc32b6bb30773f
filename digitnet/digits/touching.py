"""Separates touching digits, by cuts through little ink whose pieces a network reads well.

This is over-segmentation and recognition (Casey and Lecolinet, "A survey of methods and strategies
in character segmentation", IEEE Transactions on Pattern Analysis and Machine Intelligence 18,
1996). More cuts than needed are proposed, and the network reads every piece between two of them.
The chain of pieces is chosen whose least certain piece is the most certain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.image import NoDigit, Picture, box_of, prepare
from digitnet.engine.types import Array

Outputs = Callable[[Sequence[Picture]], Array]
"""Computes a network's outputs for pictures: (pictures, outputs)."""
Mask = NDArray[np.bool_]

MIN_ASPECT = 1.2
"""Minimum width of touching digits, as a fraction of their height; few single digits have it."""
MIN_OUTPUT, MARGIN = 0.9, 0.05
"""A drawing is cut if the largest output for each piece exceeds MIN_OUTPUT, and that for the whole
drawing by more than MARGIN. No single digit of MNIST's validation set is then cut."""
PIECE_COST = 0.05
"""Subtracted from a chain's certainty for each piece, because parts of digits resemble a 1."""
SLOPES = (0.0, 0.25, -0.25, 0.5, -0.5)
"""Slopes of cuts, in columns to the right per row down."""
MAX_CUTS, MAX_DIGITS = 10, 4
MIN_HEIGHT, MAX_WIDTH = 0.55, 1.3
"""Of a piece, as fractions of the drawing's height."""
MIN_COMPONENT = 0.1
"""Minimum size of a component as a fraction of the largest one in its piece; smaller ones are
remains of the neighbouring digit."""


@dataclass(frozen=True)
class Cut:
    """A straight line from top to bottom.

    Points with x − slope · y > place are to its right, with y measured from the middle row.

    ink: the number of ink pixels on it.
    """

    ink: float
    place: int
    slope: float

    def right_side(self, shape: tuple[int, ...]) -> Mask:
        """Whether each pixel is to its right."""
        y, x = np.ogrid[: shape[0], : shape[1]]
        right: Mask = x - self.slope * (y - shape[0] / 2) > self.place
        return right


def is_wide(drawing: Array) -> bool:
    """Whether a drawing is wide enough for several digits."""
    rows, columns = box_of(drawing >= 0.5)
    return bool(columns.stop - columns.start >= MIN_ASPECT * (rows.stop - rows.start))


def separated(drawing: Array, outputs: Outputs) -> list[Picture]:
    """The digits in a connected drawing, prepared, from left to right; usually one."""
    whole = prepare(drawing)
    if not is_wide(drawing):
        return [whole]
    certainty = float(outputs([whole])[0].max())
    if certainty + MARGIN >= 1:
        return [whole]
    pieces, least = _best_chain(drawing[box_of(drawing >= 0.5)], outputs)
    return pieces if least > max(MIN_OUTPUT, certainty + MARGIN) else [whole]


def _best_chain(ink: Array, outputs: Outputs) -> tuple[list[Picture], float]:
    """The most certain chain of pieces from the left edge to the right one, and its certainty.

    The certainty of a piece is its largest output, that of a chain the least of its pieces'.
    """
    cuts = _cuts(ink >= 0.5)
    ends = len(cuts) + 1
    found: dict[tuple[int, int], Picture] = {}
    for start in range(ends):
        for end in range(start + 1, ends + 1):
            piece = _between(ink, cuts, start, end) if (start, end) != (0, ends) else None
            if piece is not None:
                found[start, end] = piece
    if not found:
        return [], 0.0
    largest = outputs(list(found.values())).max(axis=1)
    certainties = dict(zip(found, largest.tolist(), strict=True))
    best: dict[int, tuple[float, list[Picture]]] = {0: (1.0, [])}
    chains: list[tuple[list[Picture], float]] = [([], 0.0)]
    for _ in range(MAX_DIGITS):
        longer: dict[int, tuple[float, list[Picture]]] = {}
        for (start, end), certainty in certainties.items():
            before, pieces = best.get(start, (0.0, []))
            least = min(before, certainty)
            if least > longer.get(end, (0.0, []))[0]:
                longer[end] = least, [*pieces, found[start, end]]
        best = longer
        least, pieces = best.get(ends, (0.0, []))
        chains.append((pieces, least))
    return max(chains, key=lambda chain: chain[1] - PIECE_COST * len(chain[0]))


def _between(ink: Array, cuts: Sequence[Cut], start: int, end: int) -> Picture | None:
    """The prepared piece between two cuts, or None if it cannot be a digit.

    Cuts are numbered from 1; 0 is the left edge and len(cuts) + 1 the right one.
    """
    from scipy import ndimage

    chosen = np.ones(ink.shape, np.bool_)
    if start > 0:
        chosen &= cuts[start - 1].right_side(ink.shape)
    if end <= len(cuts):
        chosen &= ~cuts[end - 1].right_side(ink.shape)
    labels, count = ndimage.label(chosen & (ink >= 0.5), np.ones((3, 3)))
    if not count:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = sizes >= MIN_COMPONENT * sizes.max()
    rows, columns = box_of(kept[labels] & (labels > 0))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height < MIN_HEIGHT * len(ink) or width > MAX_WIDTH * len(ink):
        return None
    kept[0] = True
    try:
        return prepare(np.where(chosen & kept[labels], ink, 0))
    except NoDigit:
        return None


def _cuts(mask: Mask) -> list[Cut]:
    """Up to MAX_CUTS cuts through the least ink, from left to right, not close to each other."""
    near = max(1, len(mask) // 20)
    proposed = [cut for slope in SLOPES for cut in _minima(mask, slope, near)]
    kept: list[Cut] = []
    for cut in sorted(proposed, key=lambda cut: (cut.ink, abs(cut.slope))):
        if all(_distance(cut, other, len(mask)) > len(mask) / 12 for other in kept):
            kept.append(cut)
    return sorted(kept[:MAX_CUTS], key=lambda cut: cut.place)


def _distance(a: Cut, b: Cut, height: int) -> float:
    """The approximate mean distance of two cuts, in columns."""
    return abs(a.place - b.place) + abs(a.slope - b.slope) * height / 4


def _minima(mask: Mask, slope: float, near: int) -> list[Cut]:
    """The cuts of a given slope where the ink on them is a local minimum."""
    from scipy import ndimage

    y, x = np.nonzero(mask)
    places = np.round(x - slope * (y - len(mask) / 2)).astype(int)
    first = int(places.min())
    ink = ndimage.uniform_filter1d(np.bincount(places - first).astype(float), 3)
    left = np.cumsum(ink) / ink.sum()
    is_inside = (left > 0.12) & (left < 0.88)
    is_least = ink == ndimage.minimum_filter1d(ink, 2 * near + 1)
    return [Cut(float(ink[n]), first + int(n), slope) for n in np.flatnonzero(is_least & is_inside)]

"""Digits that touch, told apart: cut where little ink is, as a network reads the pieces best.

Over-segmentation and recognition, as for cheques and postcodes (Casey and Lecolinet, "A survey of
methods and strategies in character segmentation", IEEE Transactions on Pattern Analysis and Machine
Intelligence 18, 1996): more cuts than needed are proposed, every piece between two of them is shown
to the network, and the chain of pieces wins whose most doubtful piece is the least doubtful.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.image import NoDigit, Picture, box_of, prepare
from digitnet.engine.types import Array

Outputs = Callable[[Sequence[Picture]], Array]
"""What a network says of pictures: (pictures, outputs)."""
Mask = NDArray[np.bool_]

WIDE = 0.9
"""Width over height: what is narrower is one digit."""
LIKELY, MARGIN = 0.7, 0.05
"""A chain wins if all its pieces have outputs above this, and by so much above that of the whole.
With them no single digit of MNIST's validation set that is read right is cut."""
SLOPES = (0.0, 0.25, -0.25, 0.5, -0.5)
"""Of cuts, columns to the right for each row down."""
MOST_CUTS, MOST_DIGITS = 10, 4
FEWER = 0.05
"""What a further cut must gain in certainty: strokes of a digit are easily taken for a 1."""
TALL, WIDEST = 0.55, 1.3
"""A digit is so tall, and at most so wide, as parts of the whole drawing's height."""
SCRAP = 0.1
"""Of the largest component of a piece: smaller ones are left over from the neighbour."""


@dataclass(frozen=True)
class Cut:
    """A line from top to bottom: to its right is x - slope y > place, y from the middle row.

    ink: pixels of ink that it goes through.
    """

    ink: float
    place: int
    slope: float

    def right_side(self, shape: tuple[int, ...]) -> Mask:
        """The pixels to its right."""
        y, x = np.ogrid[: shape[0], : shape[1]]
        right: Mask = x - self.slope * (y - shape[0] / 2) > self.place
        return right


def is_wide(drawing: Array) -> bool:
    """Whether a drawing may be of several digits."""
    rows, columns = box_of(drawing >= 0.5)
    return bool(columns.stop - columns.start >= WIDE * (rows.stop - rows.start))


def told_apart(drawing: Array, outputs: Outputs) -> list[Picture]:
    """The digits in a drawing that is in one piece, prepared, from left to right; mostly one."""
    whole = prepare(drawing)
    if not is_wide(drawing):
        return [whole]
    certainty = float(outputs([whole])[0].max())
    if certainty + MARGIN >= 1:
        return [whole]
    pieces, least = _best_chain(drawing[box_of(drawing >= 0.5)], outputs)
    return pieces if least > max(LIKELY, certainty + MARGIN) else [whole]


def _best_chain(ink: Array, outputs: Outputs) -> tuple[list[Picture], float]:
    """The pieces from the left edge to the right, and the least of their largest outputs."""
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
    for _ in range(MOST_DIGITS):
        longer: dict[int, tuple[float, list[Picture]]] = {}
        for (start, end), certainty in certainties.items():
            before, pieces = best.get(start, (0.0, []))
            least = min(before, certainty)
            if least > longer.get(end, (0.0, []))[0]:
                longer[end] = least, [*pieces, found[start, end]]
        best = longer
        least, pieces = best.get(ends, (0.0, []))
        chains.append((pieces, least))
    return max(chains, key=lambda chain: chain[1] - FEWER * len(chain[0]))


def _between(ink: Array, cuts: Sequence[Cut], start: int, end: int) -> Picture | None:
    """What is between two cuts (0: the left edge, one more than there are: the right), prepared;
    None where it cannot be a digit.
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
    kept = sizes >= SCRAP * sizes.max()
    rows, columns = box_of(kept[labels] & (labels > 0))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height < TALL * len(ink) or width > WIDEST * len(ink):
        return None
    kept[0] = True
    try:
        return prepare(np.where(chosen & kept[labels], ink, 0))
    except NoDigit:
        return None


def _cuts(mask: Mask) -> list[Cut]:
    """From left to right, the lines that go through the least ink, none of them twice."""
    near = max(1, len(mask) // 20)
    proposed = [cut for slope in SLOPES for cut in _minima(mask, slope, near)]
    kept: list[Cut] = []
    for cut in sorted(proposed, key=lambda cut: (cut.ink, abs(cut.slope))):
        if all(_distance(cut, other, len(mask)) > len(mask) / 12 for other in kept):
            kept.append(cut)
    return sorted(kept[:MOST_CUTS], key=lambda cut: cut.place)


def _distance(a: Cut, b: Cut, height: int) -> float:
    """The mean distance of two cuts in columns, about."""
    return abs(a.place - b.place) + abs(a.slope - b.slope) * height / 4


def _minima(mask: Mask, slope: float, near: int) -> list[Cut]:
    """Cuts of a slope that go through no more ink than those near to them."""
    from scipy import ndimage

    y, x = np.nonzero(mask)
    places = np.round(x - slope * (y - len(mask) / 2)).astype(int)
    first = int(places.min())
    ink = ndimage.uniform_filter1d(np.bincount(places - first).astype(float), 3)
    left = np.cumsum(ink) / ink.sum()
    is_inside = (left > 0.12) & (left < 0.88)
    is_least = ink == ndimage.minimum_filter1d(ink, 2 * near + 1)
    return [Cut(float(ink[n]), first + int(n), slope) for n in np.flatnonzero(is_least & is_inside)]

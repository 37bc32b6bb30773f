"""Finds a sheet of paper on a darker table."""

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.arrays import Array
from digitnet.lazy import lazy

ndimage = lazy("scipy.ndimage")

Mask = NDArray[np.bool_]

SIDE = 128
"""Pixels of the longer side at which the sheet is looked for."""

MIN_AREA, MAX_AREA = 0.15, 0.97
"""The sheet's area, as a fraction of the picture's."""

MIN_FILLED, MAX_HOLES = 0.85, 0.35
"""The fraction of the smallest rectangle around it that it covers, and of itself that is dark."""

MIN_STEP = 30
"""Minimum difference of brightness at the sheet's edge, of 255; shadows have softer ones."""

MARGIN = 0.02
"""The edge of the sheet that is taken for table, as a fraction of the picture's longer side."""


def on_sheet(colours: Array) -> tuple[Array, Mask | None]:
    """The picture with the table in the colours of the sheet's edge, and where the sheet is; None
    if there is no table.

    colours: (rows, columns, channels), 0 to 255.
    """
    block = -(-max(colours.shape[:2]) // SIDE)
    bright = ndimage.maximum_filter(colours.mean(axis=-1)[::block, ::block], 3)
    threshold = (np.percentile(bright, 2) + np.percentile(bright, 98)) / 2
    labels, count = ndimage.label(bright > threshold)
    if not count:
        return colours, None
    sheet = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    filled = ndimage.binary_fill_holes(sheet)
    area = filled.mean()
    if (
        not MIN_AREA < area < MAX_AREA
        or 1 - sheet.sum() / filled.sum() > MAX_HOLES
        or filled.sum() < MIN_FILLED * _smallest_rectangle(filled)
        or _step(bright, filled) < MIN_STEP
    ):
        return colours, None
    margin = 2 + round(MARGIN * max(filled.shape))
    inner = ndimage.binary_erosion(filled, iterations=margin)
    if not inner.any():
        return colours, None
    whole = inner.repeat(block, axis=0).repeat(block, axis=1)
    whole = whole[: colours.shape[0], : colours.shape[1]]
    nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    blurred = ndimage.median_filter(colours[::block, ::block], (5, 5, 1))
    beyond = blurred[tuple(nearest)].repeat(block, axis=0).repeat(block, axis=1)
    beyond = beyond[: colours.shape[0], : colours.shape[1]]
    return np.where(whole[..., None], colours, beyond), whole


def _step(bright: Array, sheet: Mask) -> float:
    """The median brightness within the sheet's edge less that outside it."""
    outside = ndimage.binary_dilation(sheet, iterations=3) & ~ndimage.binary_dilation(sheet)
    inside = sheet & ~ndimage.binary_erosion(sheet, iterations=3, border_value=1)
    return float(np.median(bright[inside]) - np.median(bright[outside]))


def _smallest_rectangle(mask: Mask) -> float:
    """The area of the smallest rectangle, at any angle, around the pixels."""
    rows, columns = np.nonzero(mask & ~ndimage.binary_erosion(mask))
    areas = []
    for angle in np.deg2rad(np.arange(0, 90, 3)):
        along = columns * np.cos(angle) + rows * np.sin(angle)
        across = rows * np.cos(angle) - columns * np.sin(angle)
        areas.append((np.ptp(along) + 1) * (np.ptp(across) + 1))
    return float(min(areas))

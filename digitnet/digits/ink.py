"""Separates ink from paper, in any colours and uneven light, on a table, and from printed lines."""

import numpy as np
import scipy
from numpy.typing import NDArray

from digitnet.digits.prepare import Mask, NoDigit, in_blocks
from digitnet.engine.arrays import Array

MIN_SIGNAL_TO_NOISE = 5.0  # minimum contrast of ink, in standard deviations of the paper's noise,
MIN_CONTRAST = 10.0  # and on the scale from 0 to 255
MAX_NOISE = 0.15  # noise above this fraction of the ink's contrast is smoothed
# hysteresis thresholds as fractions of full ink: a stroke is a connected region of weak ink that
# contains strong ink
WEAK, STRONG = 0.3, 0.5


def find_ink(colours: Array) -> Array:
    """The ink at each pixel, (rows, columns): 0 for none, at least 0.5 in a stroke, 1 for full ink.

    colours: (rows, columns, channels), 0 to 255. Raises NoDigit if nothing stands out.
    """
    colours, sheet = _on_sheet(colours)
    ink = _contrast(colours)
    noise = _noise(ink)
    ink = _without_rules(ink, max(4 * noise, 0.08 * float(np.percentile(ink, 99.9)), 2.0))
    level = _level(ink, noise)
    for _ in range(3):
        if noise <= MAX_NOISE * level:
            break
        ink = scipy.ndimage.gaussian_filter(ink, 1)
        noise = _noise(ink)
        level = _level(ink, noise)
    if level < max(MIN_CONTRAST, MIN_SIGNAL_TO_NOISE * noise):
        raise NoDigit("nothing stands out from its background")
    relative = ink / level
    labels, count = scipy.ndimage.label(relative > WEAK, np.ones((3, 3)))
    is_ink = np.asarray(scipy.ndimage.maximum(relative, labels, np.arange(count + 1))) > STRONG
    is_ink[0] = True
    strength: Array = np.interp(relative, (0, WEAK, 1), (0, 0.5, 1)).astype(np.float32)
    return np.where(is_ink[labels] & sheet, strength, 0)


def _noise(ink: Array) -> float:
    """The standard deviation of the paper's noise, from the median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(ink - np.median(ink))))


def _level(ink: Array, noise: float) -> float:
    """The contrast of full ink: the median of all ink; 0 if there is none."""
    stands_out = ink[ink > max(_otsu(ink), MIN_SIGNAL_TO_NOISE * noise)]
    return float(np.median(stands_out)) if len(stands_out) else 0.0


def _otsu(values: Array) -> float:
    """The threshold that best divides the values into two classes.

    (Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems,
    Man, and Cybernetics 9, 1979.)
    """
    counts, edges = np.histogram(np.clip(values, 0, None), 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between))]) if np.isfinite(between).any() else 0.0


# the sheet of paper on a darker table

SHEET_SIDE = 128  # pixels of the longer side at which the sheet is looked for
MIN_AREA, MAX_AREA = 0.15, 0.97  # the sheet's area, as a fraction of the picture's
# the least fraction of the picture's border that is table; a stroke that ends there covers less
MIN_AROUND = 0.12
# the fraction of the smallest rectangle around it that it covers, and of itself that is dark
MIN_FILLED, MAX_HOLES = 0.85, 0.35
# minimum difference of brightness at the sheet's edge, of 255; shadows have softer ones
MIN_STEP = 30
# the edge of the sheet that is taken for table, as a fraction of the picture's longer side
MARGIN = 0.02


def _on_sheet(colours: Array) -> tuple[Array, Mask]:
    """The picture with the table in the colours of the sheet's edge, and where the sheet is:
    everywhere if there is no table.
    """
    shape = colours.shape[:2]
    if max(shape) < SHEET_SIDE // 2:  # no photograph
        return colours, np.ones(shape, np.bool_)
    block = -(-max(shape) // SHEET_SIDE)
    bright = scipy.ndimage.maximum_filter(colours.mean(axis=-1)[::block, ::block], 3)
    threshold = (np.percentile(bright, 2) + np.percentile(bright, 98)) / 2
    labels, _ = scipy.ndimage.label(bright > threshold)
    sheet = labels == 1 + np.bincount(labels.ravel(), minlength=2)[1:].argmax()
    filled = scipy.ndimage.binary_fill_holes(sheet)
    around = np.concatenate([filled[0], filled[-1], filled[:, 0], filled[:, -1]])
    inner = scipy.ndimage.binary_erosion(filled, iterations=2 + round(MARGIN * max(filled.shape)))
    if (
        not MIN_AREA < filled.mean() < MAX_AREA
        or around.mean() > 1 - MIN_AROUND
        or 1 - sheet.sum() / filled.sum() > MAX_HOLES
        or filled.sum() < MIN_FILLED * _smallest_rectangle(filled)
        or _step(bright, filled) < MIN_STEP
        or not inner.any()
    ):
        return colours, np.ones(shape, np.bool_)

    def enlarged(small: NDArray[np.generic]) -> NDArray[np.generic]:
        return small.repeat(block, axis=0).repeat(block, axis=1)[: shape[0], : shape[1]]

    whole = enlarged(inner).astype(np.bool_)
    nearest = scipy.ndimage.distance_transform_edt(
        ~inner, return_distances=False, return_indices=True
    )
    blurred = scipy.ndimage.median_filter(colours[::block, ::block], (5, 5, 1))
    return np.where(whole[..., None], colours, enlarged(blurred[tuple(nearest)])), whole


def _step(bright: Array, sheet: Mask) -> float:
    outside = scipy.ndimage.binary_dilation(sheet, iterations=3)
    outside &= ~scipy.ndimage.binary_dilation(sheet)
    inside = sheet & ~scipy.ndimage.binary_erosion(sheet, iterations=3, border_value=1)
    if not outside.any():
        return 0.0
    return float(np.median(bright[inside]) - np.median(bright[outside]))


def _smallest_rectangle(mask: Mask) -> float:
    """The area of the smallest rectangle, at any angle, around the pixels."""
    rows, columns = np.nonzero(mask & ~scipy.ndimage.binary_erosion(mask))
    areas = []
    for angle in np.deg2rad(np.arange(0, 90, 3)):
        along = columns * np.cos(angle) + rows * np.sin(angle)
        across = rows * np.cos(angle) - columns * np.sin(angle)
        areas.append((np.ptp(along) + 1) * (np.ptp(across) + 1))
    return float(min(areas))


# paper and light

LIGHT_SIZE = 64  # pixels of the longer side at which the illumination is estimated
# maximum width of a stroke, as a fraction of the longer side; wider changes are illumination
MAX_STROKE = 0.35
# what is deeper than this fraction of the ink's contrast, and whose edge is steeper per pixel than
# this fraction of its depth, is a dark object, not a shadow
MAX_DEPTH, MAX_SLOPE = 0.6, 0.3


def _contrast(colours: Array) -> Array:
    """The difference of each pixel from the paper, towards the ink; about 0 on the paper."""
    paper = _paper(colours)
    differences = colours - paper
    flat = differences.reshape(-1, differences.shape[-1])
    # the colour in which the picture differs most from its paper
    direction = np.linalg.eigh(flat.T @ flat)[1][:, -1].astype(np.float32)
    signed: Array = differences @ direction
    if (signed**3).sum() < 0:  # ink has the longer tail
        signed, direction = -signed, -direction
    light = _light(signed)
    contrast = signed - light
    brightness = (paper + light[..., None] * direction).mean(axis=-1)
    if direction.sum() < 0:  # dark ink absorbs a fraction of the light
        typical = float(np.median(brightness))
        contrast *= typical / np.clip(brightness, 0.25 * typical + 1, None)
    # the light was estimated from the minima of the noise, so the paper is a little above 0
    centred: Array = contrast - np.median(contrast)
    return centred


def _coarse(pixels: Array) -> Array:
    """Means over blocks, LIGHT_SIZE of them along the longer side: (rows, columns, channels)."""
    blocks = in_blocks(pixels, -(-max(pixels.shape[:2]) // LIGHT_SIZE), "edge")
    means: Array = blocks.mean(axis=(1, 3))
    return means


def _surface(rows: int, columns: int) -> Array:
    """1, x, y, x², xy, y² at each position, (rows, columns, 6); x and y go from -1 to 1."""
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    terms: Array = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    return terms.astype(np.float32)


def _paper(colours: Array) -> Array:
    """The paper's colours: a quadratic surface, fitted by least squares to the pixels near it."""
    coarse = _coarse(colours)
    terms = _surface(*coarse.shape[:2]).reshape(-1, 6)
    values = coarse.reshape(len(terms), -1)
    edge = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    fitted = np.broadcast_to(np.median(edge, axis=0), values.shape)
    coefficients = np.zeros((6, values.shape[1]), np.float32)
    for _ in range(6):
        away = np.abs(values - fitted).max(axis=1)
        near = away <= max(4 * float(np.median(away)), 4.0)
        coefficients = np.linalg.lstsq(terms[near], values[near], rcond=None)[0]
        fitted = terms @ coefficients
    paper: Array = _surface(*colours.shape[:2]) @ coefficients.astype(np.float32)
    return paper


def _light(signed: Array) -> Array:
    """Light and shadow in the contrast: what remains when an opening removes narrow features."""
    coarse = _coarse(signed[..., None])[..., 0]
    window = max(3, round(MAX_STROKE * max(coarse.shape)))
    opened = scipy.ndimage.grey_opening(coarse, (window, window), mode="nearest")
    depth = float(np.ptp(opened))
    steepest = max(float(np.abs(slope).max()) for slope in np.gradient(opened))
    if depth > MAX_DEPTH * float(np.percentile(signed, 99.9)) and steepest > MAX_SLOPE * depth:
        return np.zeros_like(signed)
    smooth = scipy.ndimage.gaussian_filter(opened, window / 6, mode="nearest")
    larger = [n / m for n, m in zip(signed.shape, smooth.shape, strict=True)]
    light: Array = scipy.ndimage.zoom(smooth, larger, order=1, mode="nearest", grid_mode=True)
    return light


# printed lines from edge to edge

# slopes to try: lines are horizontal or vertical to within 4 degrees
SLOPES = np.linspace(-0.07, 0.07, 29)
# minimum fraction of the picture's width that a line covers, and each of so many lines. The bar of
# a 7 and the foot of a 2 cover less than the first, and are not several
MIN_COVERAGE, MIN_OF_SEVERAL, SEVERAL = 0.9, 0.6, 3
MAX_THICKNESS = 0.03  # maximum thickness of a line, as a fraction of the picture's height
MAX_CONTRAST = 0.7  # maximum contrast of a single line, as a fraction of that of other ink


def _without_rules(ink: Array, floor: float) -> Array:
    """The ink without lines from edge to edge. floor: ink up to this value counts as paper."""
    for _ in range(2):
        ink = _without_horizontal_rules(ink, floor).T
    return ink


def _without_horizontal_rules(ink: Array, floor: float) -> Array:
    rows, columns = np.nonzero(ink > floor)
    if len(rows) < MIN_OF_SEVERAL * ink.shape[1]:
        return ink
    slope = _slope(rows, columns, ink.shape)
    shift = np.round(slope * (np.arange(ink.shape[1]) - ink.shape[1] / 2)).astype(int)
    source_rows = np.arange(ink.shape[0])[:, None] + shift
    is_in = (source_rows >= 0) & (source_rows < ink.shape[0])
    source_rows = np.clip(source_rows, 0, ink.shape[0] - 1)
    level = np.where(is_in, np.take_along_axis(ink, source_rows, axis=0), 0)
    filled = level.copy()
    for top, bottom in _rules(level, floor):
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
    edges = np.flatnonzero(np.diff(np.pad(covered > MIN_OF_SEVERAL / 2, 1).astype(int)))
    groups = [
        (int(top), int(bottom))
        for top, bottom in zip(edges[::2], edges[1::2], strict=True)
        if covered[top:bottom].max() > MIN_OF_SEVERAL
        and bottom - top <= max(3, MAX_THICKNESS * len(level))
    ]
    if len(groups) < SEVERAL:
        groups = [(top, end) for top, end in groups if covered[top:end].max() > MIN_COVERAGE]
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
    line = level[top:bottom]
    weights = np.linspace(0, 1, bottom - top + 2)[1:-1, None]
    through = np.minimum(above * (1 - weights) + below * weights, np.minimum(above, below) * 1.5)
    darker = np.where(line > 1.6 * np.median(line, axis=1, keepdims=True), line, 0)
    filled: Array = np.maximum(through, darker)
    return filled

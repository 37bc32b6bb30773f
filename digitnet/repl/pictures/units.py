from collections.abc import Sequence
from math import ceil

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.engine.arrays import Array
from digitnet.repl.pictures.bars import side_by_side
from digitnet.repl.pictures.digit import SMALL, Framed, capacity, halved, signed, unsigned
from digitnet.repl.pictures.screen import draws_shades
from digitnet.repl.pictures.tables import Rows

ENLARGED = (4, 2, 1)
"""Magnifications to try for small pictures: the first with which all fit, or the last."""

LARGE = 28
"""Approximate width of a unit shown alone."""

COARSE = 8
"""Pictures with fewer rows need one line per row if colours are not available."""


def by_size(sizes: Array) -> list[int]:
    """The indices of the units, largest size first."""
    return [int(unit) for unit in np.argsort(-sizes, kind="stable")]


def framed_units(
    units: Sequence[int],
    pictures: Array,
    console: Console,
    options: ConsoleOptions,
    *,
    lines: int,
    common: bool,
) -> list[Framed]:
    """The pictures, labelled with the units' numbers: as many as fit in `lines`.

    common: whether all have the same scale.
    """
    if pictures.shape[2] > SMALL:
        pictures = np.stack([halved(picture) for picture in pictures])
    times, fitting = _enlarged(pictures, lines, console, options)
    pictures = pictures[:fitting]
    draw = signed if (pictures < 0).any() else unsigned

    def framed(number: int) -> Framed:
        picture = pictures[number].repeat(times, axis=0).repeat(times, axis=1)
        shown = pictures if common else picture
        largest = float(np.abs(shown).max(initial=0.0))
        return draw(picture, largest, console, options), Text(f"{units[number]}", "bold")

    return [framed(number) for number in range(len(pictures))]


def _enlarged(
    pictures: Array, lines: int, console: Console, options: ConsoleOptions
) -> tuple[int, int]:
    """The magnification of the pictures, and how many fit."""
    count, rows, columns = pictures.shape
    coarse = rows < COARSE and not draws_shades(console)
    for times in ENLARGED[:2] if coarse else ENLARGED:
        width = max(columns * times, len(f"{count - 1}"))
        fitting = capacity(width, ceil(rows * times / 2) + 1, lines, options)
        if columns * times <= SMALL and fitting >= count:
            break
    return times, fitting


def unit(
    weights: Array,
    bias: float | None,
    outgoing: Array | None,
    console: Console,
    options: ConsoleOptions,
) -> RenderableType:
    """One unit's weights as a large picture, beside their range, bias and outgoing weights."""
    times = LARGE // weights.shape[1] // 2 * 2 or 1  # even: two rows make a line
    enlarged = weights.repeat(times, axis=0).repeat(times, axis=1)
    picture = signed(enlarged, float(np.abs(weights).max()), console, options)
    lines = [f"weights {weights.min():.3g} to {weights.max():.3g}"]
    if bias is not None:
        lines.append(f"bias {bias:.3g}")
    if outgoing is not None and len(outgoing) > 1:
        lines += ["", "weights to the answers:"]
        lines += [f"{answer} {weight:6.2f}" for answer, weight in enumerate(outgoing)]
    beside = Text("\n".join(lines))
    return side_by_side(picture, beside, options.max_width, enlarged.shape[1] + 3 + 24)


def weights_table(weights: Array, biases: Array | None, first: int = 0) -> RenderableType:
    """The weights as a table, for inputs that are not pictures. first: number of the first unit."""
    headings = ["unit", *(f"x{number}" for number in range(weights.shape[1]))]
    lines = [[str(first + n), *(f"{w:.4g}" for w in row)] for n, row in enumerate(weights)]
    if biases is not None:
        headings.append("bias")
        lines = [[*line, f"{bias:.4g}"] for line, bias in zip(lines, biases, strict=True)]
    return Rows(headings, lines, numbers=headings, key=("unit",))

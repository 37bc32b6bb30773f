"""Digits and signed numbers as text, alone or in a gallery; a network's outputs as bars."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.engine.arrays import Array
from digitnet.repl.pictures import View
from digitnet.repl.pictures.grid import LEVELS, NEGATIVE, POSITIVE, Grid, mixed
from digitnet.repl.pictures.tables import Rows

Picture = NDArray[np.uint8]  # pixels (rows, columns), from 0 (paper) to 255 (full ink)
RAMP, LAST_RAMP = " .:-=+*#%@", 9.96
"""Characters from light to dark, and the number of the last, and almost the next."""

SIGNS = "=- +#"
"""Characters without colours, from far below zero to far above."""

LOW, HIGH = 0.2, 0.6  # fractions of the largest number from which the characters change


def digit(picture: Picture, view: View) -> Text:
    return pixels(picture, view, 255, ink=True)


def pixels(
    values: NDArray[Any],
    view: View,
    largest: float = 0.0,
    *,
    signed: bool = False,
    ink: bool = False,
) -> Text:
    """Numbers, (rows, columns), two rows in a line, at half size if they are too wide.

    In half-blocks in shades of grey, or if `signed` of red and blue; without colours, `ink` in
    half-blocks in black and white, anything else in characters from light to dark. largest: the
    absolute value shown in full colour; if 0, that of them.
    """
    if values.shape[1] > view.width:
        values = halved(values)
    parts = np.clip(values / (largest or float(np.abs(values).max(initial=0)) or 1.0), -1, 1)
    if view.blocks and (view.shades or ink):
        grid = Grid(values.shape[1], ceil(len(values) / 2), light=view.light, shades=view.shades)
        grid.image(0, 0, parts, POSITIVE if signed else None)
        return _joined(Text.assemble(*((text, s) for s, text in line)) for line in grid.lines())
    even = np.pad(parts, ((0, len(parts) % 2), (0, 0)), "edge" if signed else "constant")
    means = ((even[::2] + even[1::2]) / 2).tolist()
    if signed:
        return _joined(map(_in_signs, means))
    return _joined(Text("".join(RAMP[int(ink * LAST_RAMP)] for ink in row)) for row in means)


def _joined(lines: Iterable[Text]) -> Text:
    text = Text("\n").join(lines)
    text.no_wrap = True
    return text


def halved(values: NDArray[Any]) -> NDArray[Any]:
    """The array (rows, columns) at half size: each number is the mean of four.

    An odd last row or column is cut off.
    """
    rows, columns = (n // 2 for n in values.shape)
    blocks = values[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
    means: NDArray[Any] = blocks.mean(axis=(1, 3)).astype(values.dtype)
    return means


def legend(view: View) -> Text:
    if view.blocks and view.shades:
        red, blue = (mixed(colour, LEVELS, 255 * view.light) for colour in (POSITIVE, NEGATIVE))
        return Text.assemble(("red", red), " above zero, ", ("blue", blue), " below")
    return Text("# and + above zero, = and - below")


def _in_signs(line: list[float]) -> Text:
    text = Text()
    for value in line:
        size = (abs(value) >= LOW) + (abs(value) >= HIGH)
        text.append(SIGNS[2 + size if value > 0 else 2 - size], "red" if value > 0 else "blue")
    return text


# galleries

SMALL = 16  # maximum width in pixels of a picture shown at full size

GAP = 2  # spaces between pictures in a row; rows are separated by an empty line
AROUND = 10  # lines of the screen reserved for the text above a gallery and the prompt below

Framed = tuple[Text, Text]  # a picture and its label


def gallery(framed: Sequence[Framed], view: View) -> RenderableType:
    """The pictures in rows of about the same length; all cells are as wide as the widest."""
    width = max((size_of(each)[0] for each in framed), default=1)
    lines = ceil(len(framed) / capacity(width, 1, 1, view)) or 1
    columns = ceil(len(framed) / lines) or 1
    grid = Table.grid(padding=(0, GAP, 1, 0))
    for start in range(0, len(framed), columns):
        grid.add_row(*(Group(*each) for each in framed[start : start + columns]))
    return grid


def size_of(framed: Framed) -> tuple[int, int]:
    lines = [line for text in framed for line in text.plain.split("\n")]
    return max(map(cell_len, lines)), len(lines)


def capacity(width: int, height: int, lines: int, view: View) -> int:
    """The number of cells of this size that fit in `lines`; at least one row."""
    columns = max(1, (view.width + GAP) // (width + GAP))
    return columns * max(1, lines // (height + 1))


def small_case(case: NDArray[Any], view: View) -> Text:
    """A case for a gallery: its picture, at half size unless it is small, or its row of a table."""
    if case.ndim == 2:
        picture = case if case.shape[1] <= SMALL else halved(case)
        return digit(picture, view)
    return Text(" ".join(f"{value:g}" for value in case))


def large_case(case: NDArray[Any], view: View) -> Text:
    return digit(case, view) if case.ndim == 2 else Text("inputs ") + small_case(case, view)


# the units of a layer

ENLARGED = (4, 2, 1)
"""Magnifications to try for small pictures: the first with which all fit, or the last."""

COARSE = 8  # pictures with fewer rows need one line per row if colours are not available


PLACES = [
    f"{row} {side}" for row in ("top", "middle", "bottom") for side in ("left", "centre", "right")
]
"""Names of the nine parts of a picture."""


def in_words(picture: Picture) -> str:
    """Where the ink of a picture is, in a sentence for whoever does not see it."""
    rows, columns = np.nonzero(picture > picture.max() / 3)
    if not len(rows):
        return "The picture is blank."
    (top, bottom), (left, right) = ((at.min(), at.max()) for at in (rows, columns))
    down, across = (
        3 * (rows - top) // (bottom - top + 1),
        3 * (columns - left) // (right - left + 1),
    )
    counts = np.bincount(3 * down + across, minlength=9)
    most = [PLACES[k] for k in np.argsort(-counts, kind="stable")[:3] if counts[k]]
    height, width = picture.shape
    return (
        f"Ink in rows {top} to {bottom} and columns {left} to {right} of {height} x {width} "
        f"pixels, counted from 0; most of it at the {', '.join(most)}."
    )


def by_size(sizes: Array) -> list[int]:
    return list(np.argsort(-sizes, kind="stable").tolist())


def framed_units(
    units: Sequence[int], pictures: Array, view: View, *, lines: int, common: bool
) -> list[Framed]:
    """The pictures, labelled with the units' numbers: as many as fit in `lines`.

    common: whether all have the same scale.
    """
    if pictures.shape[2] > SMALL:
        pictures = np.stack([halved(picture) for picture in pictures])
    times, fitting = _enlarged(pictures, lines, view)
    pictures = pictures[:fitting].repeat(times, axis=1).repeat(times, axis=2)
    signed, largest = bool((pictures < 0).any()), float(np.abs(pictures).max()) if common else 0.0
    return [
        (pixels(picture, view, largest, signed=signed), Text(f"{unit}", "bold"))
        for unit, picture in zip(units, pictures, strict=False)
    ]


def _enlarged(pictures: Array, lines: int, view: View) -> tuple[int, int]:
    count, rows, columns = pictures.shape
    coarse = rows < COARSE and not view.shades
    for times in ENLARGED[:2] if coarse else ENLARGED:
        width = max(columns * times, len(f"{count - 1}"))
        fitting = capacity(width, ceil(rows * times / 2) + 1, lines, view)
        if columns * times <= SMALL and fitting >= count:
            break
    return times, fitting


def weights_table(weights: Array, biases: Array | None, first: int = 0) -> RenderableType:
    """The weights as a table, for inputs that are not pictures. first: number of the first unit."""
    headings = ["unit", *(f"x{number}" for number in range(weights.shape[1]))]
    if biases is not None:
        headings.append("bias")
        weights = np.column_stack([weights, biases])
    lines = [
        [str(first + n), *(f"{w:#.4g}" if w else "0" for w in row)] for n, row in enumerate(weights)
    ]
    return Rows(headings, lines, numbers=headings, key=("unit",))


# what a network made of a case

BAR, SHORT_BAR = 20, 3  # columns of a bar, and of one beside a picture at least

EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(fraction: float, width: int, *, blocks: bool) -> str:
    """A bar of `width` characters, filled to `fraction` (0 to 1)."""
    fraction = min(max(fraction, 0.0), 1.0)
    if not blocks:
        return ("#" * round(fraction * width)).ljust(width)
    eighths = round(fraction * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)


LABEL_STYLES = {"right": "bold green", "guess": "bold red", "answer": "bold magenta"}
"""The label beside an output → the style of its line."""


def label_for(index: int, guess: int | None, answer: int | None) -> str:
    labels = {(True, True): "right", (True, False): "guess", (False, True): "answer"}
    return labels.get((index == guess, index == answer), "")


def beside_outputs(
    case: NDArray[Any], values: Sequence[float], guess: int, answer: int | None, view: View
) -> RenderableType:
    """A case at full size, and a line for each output of the network: its index, a bar, its
    value, and a label if it is the guess or the answer. answer: None if unknown.
    """
    left, lines = large_case(case, view), []
    is_single = len(values) == 1  # which is no answer itself
    digits = len(f"{len(values) - 1}")
    beside = 32 if is_single else 15 + digits  # columns for what is not the bar
    around = (case.shape[1] if case.ndim == 2 else len(left)) + 3 + beside
    space = view.width - (around if view.width >= around + SHORT_BAR else beside)
    width, blocks, full = max(1, min(BAR, space)), view.blocks, max(1.0, *values)
    for index, value in enumerate(values):
        name, label = f"{index:{digits}}", label_for(index, guess, answer)
        if is_single:
            name, label = "output", f"  {'at least' if guess else 'below'} 0.5: {guess}"
        style = "bold" if answer is None and label else LABEL_STYLES.get(label, "")
        text = f"{name} {bar(value / full, width, blocks=blocks)} {value:6.3f} {label}"
        lines.append(Text(text.rstrip(), style, no_wrap=True))
    return side_by_side(left, Text("\n").join(lines), view.width, around + SHORT_BAR)


def named(answer: int, names: Sequence[str]) -> str:
    """`7`, or `7 sneaker` if the data set's answers have names."""
    return f"{answer} {names[answer]}" if answer < len(names) else f"{answer}"


def all_named(names: Sequence[str]) -> str:
    """`0 T-shirt, 1 trouser`."""
    return ", ".join(named(answer, names) for answer in range(len(names)))


def verdict(
    guess: int, answer: int | None, names: Sequence[str] = (), outputs: Sequence[float] | Array = ()
) -> Text:
    """`guess 7, answer 7: right`, or `guess 7` if the answer is unknown.

    names: of the answers, if they are not digits. outputs: to say if several are the largest.
    """
    said, values = f"guess {named(guess, names)}", np.asarray(outputs)
    if (equal := np.count_nonzero(values == values.max(initial=-np.inf))) > 1:
        precision = " in float32" * (values.dtype == np.float32)
        said += f", the first of {equal} equal outputs{precision}"
    if answer is None:
        return Text(said, "bold")
    right = guess == answer
    return Text.assemble(
        f"{said}, answer {named(answer, names)}: ",
        ("right", "bold green") if right else ("wrong", "bold red"),
    )


def side_by_side(
    left: RenderableType, right: RenderableType, width: int, needed: int
) -> RenderableType:
    if width < needed:
        return Group(left, right)
    table = Table.grid(padding=(0, 3))
    table.add_row(left, right)
    return table

"""What the hidden layers of a network make of a case."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.engine.types import Array
from digitnet.repl.views.filters import by_size, framed_units
from digitnet.repl.views.gallery import gallery
from digitnet.repl.views.signed import legend, signed, unsigned
from digitnet.repl.views.words import counted

FEW = 16
"""So many units are shown as numbers."""
ACROSS = 64
"""Units in a row, at most."""
FEWEST_LINES = 8
"""Lines that the feature maps of a layer may take, at least."""


def activations(
    layers: Sequence[tuple[str, Array]], console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """Each layer under its part of the shape: feature maps as a gallery, units in rows."""
    if not layers:
        yield "There are no hidden layers."
    if any((values < 0).any() for _, values in layers):
        yield legend(console, options)
    for text, values in layers:
        yield ""
        yield _title(text, values)
        if values.ndim == 3:
            lines = max(FEWEST_LINES, console.height // len(layers))
            channels = by_size(values.sum(axis=(0, 1)))
            maps = values.transpose(2, 0, 1)[channels]
            shown = framed_units(channels, maps, console, options, lines=lines, common=True)
            yield gallery(shown, options)
        else:
            yield _units(values, console, options)


def _title(text: str, values: Array) -> Text:
    """`16c5-p2: 16 feature maps of 12 x 12, 86 % zero, largest 2.02`."""
    if values.ndim == 3:
        rows, columns, channels = values.shape
        title = f"{text}: {counted(channels, 'feature map')} of {rows} x {columns}"
    else:
        title = counted(len(values), "unit")
    zero = (values == 0).mean()
    none = f", {zero:.0%} zero".replace("%", " %") if zero else ""
    return Text(f"{title}{none}, largest {values.max():.3g}", "bold")


def _units(values: Array, console: Console, options: ConsoleOptions) -> Text:
    """Units of a dense layer: a few as numbers, many as shades, row by row."""
    if len(values) <= FEW:
        return Text("  ".join(f"{value:.3g}" for value in values))
    across = min(ACROSS, options.max_width)
    rows = -(-len(values) // across)
    picture = np.zeros((rows, across), values.dtype)
    picture.flat[: len(values)] = values
    draw = signed if (values < 0).any() else unsigned
    return draw(picture, float(np.abs(values).max()), console, options)

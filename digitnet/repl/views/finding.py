"""The range test as a picture: the cost over the learning rate, and the rate to use."""

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.repl.views.curves import NARROWEST, ROWS, Chart, Curve, picture
from digitnet.repl.views.screen import draws_blocks

if TYPE_CHECKING:
    from digitnet.repl.commands.finding import FindResult

WIDEST = 76
"""Columns that the curve takes, at most."""


def found_rate(
    found: "FindResult", console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """The curve where there is room for it, and a sentence."""
    points = [(point.rate, point.cost) for point in found.points if isfinite(point.cost)]
    title, curves = "cost over the learning rate", [Curve("", points)]
    chart = Chart(title, curves, logarithmic=True, marked=found.suggestion)
    if chart.drawn and options.max_width >= NARROWEST:
        width, blocks = min(options.max_width, WIDEST), draws_blocks(console, options)
        yield picture(chart, width, ROWS, blocks=blocks)
    if found.on_fresh_copy:
        yield "Tried on a fresh copy, since a trained network has little left to learn."
    if found.suggestion is None:
        yield (
            "At no rate did the cost fall: little is left to learn, or something is wrong (doctor)."
        )
        return
    text = Text("The cost falls well at ")
    text.append(f"{found.suggestion:g}", "bold")
    if found.suggestion == found.present:
        text.append(", the rate it has now.")
    else:
        text.append(f"; the rate is {found.present:g} now.\n  Try: ")
        text.append(f"set rate {found.suggestion:g}", "bold")
    yield text

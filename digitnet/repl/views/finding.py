"""Renders the range test: the cost over the learning rate, and the suggestion."""

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.repl.views.curves import MIN_COLUMNS, MIN_ROWS, Chart, Curve, picture
from digitnet.repl.views.screen import draws_blocks

if TYPE_CHECKING:
    from digitnet.repl.commands.finding import FindResult

MAX_COLUMNS = 76
"""Maximum columns of the curve."""


def found_rate(
    found: "FindResult", console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """The curve if it fits, and a sentence."""
    points = [(point.rate, point.cost) for point in found.points if isfinite(point.cost)]
    title, curves = "cost over the learning rate", [Curve("", points)]
    chart = Chart(title, curves, logarithmic=True, marked=found.suggestion)
    if chart.drawn and options.max_width >= MIN_COLUMNS:
        width, blocks = min(options.max_width, MAX_COLUMNS), draws_blocks(console, options)
        yield picture(chart, width, MIN_ROWS, blocks=blocks)
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

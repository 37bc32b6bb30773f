"""The range test as a picture: the cost over the learning rate, and the rate to use."""

from collections.abc import Iterator
from math import isfinite, log10
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.repl.views.curves import IN_ASCII, NARROWEST, ROWS
from digitnet.repl.views.screen import draws_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digitnet.engine.diagnosis.range_test import Point
    from digitnet.repl.commands.finding import FindResult

WIDEST = 76
"""Columns that the curve takes, at most."""


def found_rate(
    found: "FindResult", console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """The curve where there is room for it, and a sentence."""
    drawn = [point for point in found.points if isfinite(point.cost)]
    if len(drawn) > 1 and options.max_width >= NARROWEST:
        blocks = draws_blocks(console, options)
        yield _curve(drawn, found.suggestion, min(options.max_width, WIDEST), blocks=blocks)
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


def _curve(
    points: "Sequence[Point]", suggestion: float | None, width: int, *, blocks: bool
) -> Text:
    """The cost over the logarithm of the rate; a line up from the suggestion."""
    import plotext

    x = [log10(point.rate) for point in points]
    y = [point.cost for point in points]
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, ROWS)
    plotext.theme("clear")
    plotext.title("cost over the learning rate")
    plotext.plot(x, y, marker="braille" if blocks else "*", color="blue")
    if suggestion is not None:
        plotext.vline(log10(suggestion), "green")
    decades = range(round(x[0]), round(x[-1]) + 1)
    plotext.xticks(list(decades), [f"{10.0**decade:g}" for decade in decades])
    ends = sorted({min(y), max(y)})
    plotext.yticks(ends, [f"{end:.3g}" for end in ends])
    drawn = plotext.build().rstrip("\n")
    return Text.from_ansi(drawn if blocks else drawn.translate(IN_ASCII), no_wrap=True)

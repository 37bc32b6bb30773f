"""Renders `why`: one case forward through the layers, its cost, and backward.

A small dense layer is written out whole, with a column for each unit. Of other layers it shows the
number on the trail with its largest terms, and the largest gradients.
"""

from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.repl.views import explaining_backward, explaining_forward
from digitnet.repl.views.digit import digit
from digitnet.repl.views.outputs import verdict
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digitnet.repl.commands.explaining import WhyResult


def page(
    result: "WhyResult", console: Console, options: ConsoleOptions
) -> "Iterator[RenderableType]":
    """Renders the result of `why`."""
    sheet = Sheet(options.max_width, draws_blocks(console, options))
    numbers = range(len(result.page.passes))
    yield Text(f"case {result.index:,} of the {result.set} set")
    if result.inputs.ndim == 2:
        yield digit(result.inputs, console, options)
    else:
        yield Text("inputs " + " ".join(f"{value:g}" for value in result.inputs))
    yield verdict(result.guess, result.answer)
    yield ""
    yield sheet.heading("forwards")
    yield sheet.side_by_side([explaining_forward.layer(result, sheet, n) for n in numbers])
    yield sheet.heading("the cost")
    yield sheet.side_by_side([explaining_forward.cost(result, sheet)])
    yield sheet.heading("backwards")
    for n in reversed(numbers):
        yield sheet.side_by_side(explaining_backward.layer(result, sheet, n))
    if result.penalized:
        yield sheet.text(
            "In training, the penalties add to these gradients (set l2, set l1).", "dim"
        )

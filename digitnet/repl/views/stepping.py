"""Renders `step`: a mini-batch and its effect on the parameters."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from digitnet.engine.types import Array
from digitnet.insight.observed import Change, ObservedStep
from digitnet.repl.views.explaining_names import WHOLE, layer_title, weight_name
from digitnet.repl.views.formulae import UPDATES
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.sheet import Row, Sheet, aligned
from digitnet.repl.views.words import counted

LARGEST = 5
"""Changes shown of a layer that is too large to be shown whole."""
HEADINGS = ("before", "gradient", "change", "after")


def page(
    step: ObservedStep, optimizer: str, console: Console, options: ConsoleOptions
) -> Iterator[RenderableType]:
    """Renders one step: the cases, the cost before and after, and each layer's parameters."""
    sheet = Sheet(options.max_width, draws_blocks(console, options))
    yield sheet.heading(f"mini-batch {step.number:,}")
    yield sheet.text(f"{counted(len(step.inputs), 'case')}, learning rate η = {step.rate:.4g}")
    if max(step.inputs.shape) <= WHOLE and step.targets.shape[1] <= WHOLE:
        yield _cases(step, sheet)
    yield sheet.text(f"cost {step.cost_before:.5g} before, {step.cost_after:.5g} after", "bold")
    yield ""
    yield sheet.formulae("g = dC/dw, the mean over the cases", *UPDATES[optimizer])
    yield ""
    layers = [list(changes) for _, changes in groupby(step.changes, lambda c: c.number)]
    yield sheet.side_by_side([_layer(changes, sheet) for changes in layers])


def _cases(step: ObservedStep, sheet: Sheet) -> Text:
    """The cases with their targets, and the outputs before and after."""
    columns = [
        [" ".join(aligned(row)) for row in values]
        for values in (step.inputs, step.targets, step.outputs_before, step.outputs_after)
    ]
    rows = [Row((x,), cells) for x, *cells in zip(*columns, strict=True)]
    return sheet.table(("y", "a before", "a after"), rows, ("x",))


def _layer(changes: Sequence[Change], sheet: Sheet) -> list[Text]:
    """A layer's parameters: all their numbers, or their norms and the largest changes."""
    first = changes[0]
    title = layer_title(first.layer, first.number, sheet)
    if max(max(change.before.shape) for change in changes) <= WHOLE:
        numbers = [(change, n) for change in changes for n in range(change.before.size)]
        return [title, _numbers(numbers, sheet)]
    norms = [
        Row((f"norm of {change.name}",), [f"{np.linalg.norm(part):.4g}" for part in _parts(change)])
        for change in changes
    ]
    return [title, sheet.table(HEADINGS, norms), _numbers(_largest(changes), sheet)]


def _largest(changes: Sequence[Change]) -> list[tuple[Change, int]]:
    """The numbers that changed most."""
    sizes = [np.abs(change.change).ravel() for change in changes]
    found = [
        (float(of[n]), k, int(n))
        for k, of in enumerate(sizes)
        for n in np.argsort(-of, kind="stable")[:LARGEST]
        if of[n] > 0
    ]
    found.sort(key=lambda one: -one[0])
    return [(changes[k], n) for _, k, n in found[:LARGEST]]


def _numbers(numbers: Sequence[tuple[Change, int]], sheet: Sheet) -> Text:
    """Some numbers of the parameters, a row each."""
    columns = zip(*([part.ravel()[n] for part in _parts(c)] for c, n in numbers), strict=True)
    cells = zip(*(aligned(column) for column in columns), strict=True)
    rows = [
        Row((weight_name(change.layer, change.name, n),), line)
        for (change, n), line in zip(numbers, cells, strict=True)
    ]
    return sheet.table(HEADINGS, rows)


def _parts(change: Change) -> tuple[Array, ...]:
    """The columns under HEADINGS."""
    return change.before, change.gradient, change.change, change.after

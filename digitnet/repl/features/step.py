"""`step` trains mini-batches one at a time, with every number written out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from digitnet.engine.arrays import Array
from digitnet.engine.run import Ending
from digitnet.insight.step import Change, ObservedStep, observe_step
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.data import accuracy_on, trained_on
from digitnet.repl.errors import CommandError
from digitnet.repl.features.train import ending_of
from digitnet.repl.features.why import _as_list
from digitnet.repl.pictures.screen import draws_blocks
from digitnet.repl.pictures.sheet import (
    UPDATES,
    WHOLE,
    Row,
    Sheet,
    aligned,
    layer_title,
    weight_name,
)
from digitnet.repl.pictures.tables import counted
from digitnet.repl.session import Session, undoable

MAX_STEPS = 100
"""Maximum number of mini-batches of one `step`."""


@dataclass(frozen=True)
class StepReport:
    """One mini-batch: each parameter before it, its gradient, its change, and after it."""

    observed: "ObservedStep"
    optimizer: str
    lasting: bool = True
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from step_page(self.observed, self.optimizer, console, options)


@dataclass(frozen=True)
class StepResult:
    """The effect of some mini-batches; all but the last have already been shown as reports."""

    steps: list[StepReport]
    stopped: Ending
    rate: float

    def as_json(self) -> dict[str, Any]:
        """Every mini-batch, with every parameter."""
        last = self.steps[-1].observed.outcome if self.steps else None
        return {
            "steps": [_step_as_json(step.observed) for step in self.steps],
            "validation_accuracy": last and last.validation_accuracy,
            "stopped": self.stopped,
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from self.steps[-1:]
        if self.stopped != "done":
            yield ending_of(self.stopped, self.rate / 10)


def _step_as_json(step: "ObservedStep") -> dict[str, Any]:
    """The JSON of a mini-batch."""
    return {
        "batch": step.number,
        "cases": len(step.inputs),
        "rate": step.rate,
        "cost_before": step.cost_before,
        "cost_after": step.cost_after,
        "parameters": [_change_as_json(change) for change in step.changes],
    }


def _change_as_json(change: "Change") -> dict[str, Any]:
    """The JSON of a parameter: its values and their norms."""
    values = {
        "before": change.before,
        "gradient": change.gradient,
        "change": change.change,
        "after": change.after,
    }
    return {
        "layer": change.number,
        "name": change.name,
        **{name: _as_list(array) for name, array in values.items()},
        "norms": {name: float(np.linalg.norm(array)) for name, array in values.items()},
    }


@command(
    "step",
    group="Learning",
    examples={"step": "one mini-batch", "step 3": "three mini-batches, one after the other"},
)
def step(session: Session, count: Annotated[int, kinds.COUNT] = 1) -> Any:
    """Train one mini-batch, or N, and show what each does to the weights.

    It trains the network exactly as t 1 does. Layers with up to 10 inputs and units are shown
    whole: each weight before the step, its gradient, its change, and the weight after. For larger
    ones, the norms and the largest changes are shown.

    With --json, arrays of more than 1,000 numbers are null.
    """
    if count > MAX_STEPS:
        raise CommandError(
            f"step shows at most {MAX_STEPS} mini-batches at a time. t {count} trains that many"
        )
    model = session.learner()
    data, trainer = session.data_for(model), model.trainer
    steps: list[StepReport] = []
    stopped: Ending = "done"
    with undoable(model, session), trained_on(data, model):
        for _ in range(count):
            if steps:
                yield steps[-1]
            try:
                observed = observe_step(trainer, data.train, data.validation, session.report)
            except ValueError as error:  # the cases are not pictures, or too many for the memory
                raise CommandError(str(error)) from None
            stopped = observed.outcome.stopped
            if observed.outcome.batches:
                steps.append(StepReport(observed, trainer.settings.optimizer))
            if stopped != "done":
                break
    if steps:
        model.accuracy = accuracy_on(
            "validation",
            steps[-1].observed.outcome.validation_accuracy,
            data,
            data.validations_are_in,
            model,
        )
    return StepResult(steps, stopped, trainer.settings.rate)


LARGEST = 5
"""Changes shown of a layer that is too large to be shown whole."""

HEADINGS = ("before", "gradient", "change", "after")


def step_page(
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

"""`step` trains mini-batches with every number written out; `grad` checks their gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from rich.console import Group, RenderResult
from rich.text import Text

from digitnet.engine.arrays import Array, Feeder
from digitnet.engine.evaluate import max_cases
from digitnet.engine.gradcheck import TOLERANCE, check_gradient
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.report import Stopped
from digitnet.engine.run import Ending
from digitnet.engine.settings import Settings
from digitnet.insight.step import ObservedStep, ParameterChange, observe_step
from digitnet.insight.why import largest
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.train import ENDINGS
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.sheet import WHOLE, Row, Sheet, aligned, as_list, columns, weight_name
from digitnet.repl.pictures.tables import counted
from digitnet.repl.result import Note, Said
from digitnet.repl.session import Session, training

MAX_STEPS = 100  # maximum number of mini-batches of one `step`


@dataclass(frozen=True)
class StepReport(Drawn):
    """One mini-batch: each parameter before it, its gradient, its change, and after it."""

    observed: ObservedStep
    settings: Settings

    def as_json(self) -> dict[str, Any]:
        step = self.observed
        return {
            "batch": step.number,
            "cases": len(step.inputs),
            "rate": step.rate,
            "cost_before": step.cost_before,
            "cost_after": step.cost_after,
            "parameters": [
                {
                    "layer": change.number,
                    "name": change.name,
                    **{name: as_list(array) for name, array in _columns(change).items()},
                    "norms": {k: float(np.linalg.norm(v)) for k, v in _columns(change).items()},
                }
                for change in step.changes
            ],
        }

    def drawn(self, view: View) -> RenderResult:
        step, sheet = self.observed, Sheet(view.width, view.blocks)
        cases = counted(len(step.inputs), "case")
        yield sheet.heading(f"mini-batch {step.number:,}")
        yield sheet.text(f"{cases}, learning rate η = {step.rate:.4g}")
        if max(step.inputs.shape) <= WHOLE and step.targets.shape[1] <= WHOLE:
            yield _cases(step, sheet)
        yield sheet.text(f"cost {step.cost_before:.5g} before, {step.cost_after:.5g} after", "bold")
        of = self.settings
        added = OPTIMIZERS[of.optimizer].penalties(of.l2, of.l1)
        yield sheet.formulae(
            "\ng = dC/dw, the mean over the cases"
            + ", with penalties" * bool(added.l2 or added.l1),
            *[f"g ← g min(1, {of.clip:g} / |g|), |g| over all parameters"] * (of.clip > 0),
            *OPTIMIZERS[of.optimizer].formulae,
            *[f"w ← w min(1, {of.max_norm:g} / |w|), w into each unit"] * (of.max_norm > 0),
            "",
        )
        if step.changes[0].answers is not None:
            yield sheet.text(
                "before and after: the weights in training. answers: their running mean after the "
                "step, with which the network answers, and which why shows.",
                "dim",
            )
        layers = groupby(step.changes, lambda change: change.number)
        yield sheet.side_by_side([_layer(list(changes), sheet) for _, changes in layers])


@command("step", group="Learning")
def step(session: Session, count: kinds.COUNT = 1) -> Said:
    """Train one mini-batch, or N, and show what each does to the weights.

    It trains the network exactly as t 1 does. Layers with up to 10 inputs and units are shown
    whole: each weight before the step, its gradient, its change, and the weight after. For larger
    ones, the norms and the largest changes are shown.

    With --json, arrays of more than 1,000 numbers are null.

    step: one mini-batch
    step 3: three mini-batches, one after the other
    """
    if count > MAX_STEPS:
        raise CommandError(
            f"step shows at most {MAX_STEPS} mini-batches at a time. t {count} trains that many"
        )
    model = session.learner()
    data, trainer = session.data_for(model), model.trainer
    steps: list[StepReport] = []
    stopped: Ending = "done"
    with training(model, data, session):
        while len(steps) < count and stopped == "done":
            try:
                if steps:
                    session.report(Note(steps[-1]))
                observed = observe_step(trainer, data.train, data.validation, session.report)
            except Stopped:
                stopped = "interrupted"
                break
            stopped = observed.outcome.stopped
            if observed.outcome.batches:
                steps.append(StepReport(observed, trainer.settings))
    accuracy = steps[-1].observed.outcome.validation_accuracy if steps else None
    if accuracy is not None:
        model.accuracy = session.accuracy_on("validation", accuracy, data, model)
    shown = Group(*steps[-1:], *[ENDINGS[stopped]] * (stopped != "done"))  # others were reports
    fields = {"steps": [each.as_json() for each in steps], "validation_accuracy": accuracy}
    return Said(shown, fields | {"stopped": stopped})


LARGEST = 5  # changes shown of a layer that is too large to be shown whole
HEADINGS = ("before", "gradient", "change", "after", "answers")
"""The columns; the last only if a running mean of the weights answers."""


def _cases(step: ObservedStep, sheet: Sheet) -> Text:
    cells = [
        [" ".join(aligned(row)) for row in values]
        for values in (step.inputs, step.targets, step.outputs_before, step.outputs_after)
    ]
    rows = [Row((x,), others) for x, *others in zip(*cells, strict=True)]
    return sheet.table(("y", "a before", "a after"), rows, ("x",))


def _layer(changes: Sequence[ParameterChange], sheet: Sheet) -> list[Text]:
    title = sheet.layer_title(changes[0].layer, changes[0].number)
    if max(max(change.before.shape) for change in changes) <= WHOLE:
        numbers = [(change, n) for change in changes for n in range(change.before.size)]
        return [title, _numbers(numbers, sheet)]
    norms = [
        Row((f"norm of {c.name}",), [f"{np.linalg.norm(v):.4g}" for v in _columns(c).values()])
        for c in changes
    ]
    chosen = [(change, n) for change in changes for n in largest(change.change, LARGEST)]
    chosen.sort(key=lambda one: -abs(one[0].change.flat[one[1]]))
    table = sheet.table(list(_columns(changes[0])), norms)
    return [title, table, _numbers(chosen[:LARGEST], sheet)]


def _numbers(numbers: Sequence[tuple[ParameterChange, int]], sheet: Sheet) -> Text:
    headings = list(_columns(numbers[0][0])) if numbers else HEADINGS[:4]
    values = [[column.flat[n] for column in _columns(change).values()] for change, n in numbers]
    names = [(weight_name(change.layer, change.name, n),) for change, n in numbers]
    return sheet.table(headings, columns(names, zip(*values, strict=True)))


def _columns(change: ParameterChange) -> dict[str, Array]:
    every = HEADINGS if change.answers is not None else HEADINGS[:4]
    return {name: getattr(change, name) for name in every}


CHECKED_CASES = 20  # training cases for a gradient check


@command("grad", group="Learning", rank=8)
def grad(session: Session) -> Said:
    """Check the gradient of the network in hand against numerical differences.

    grad: back-propagation against numerical differences
    """
    model = session.learner()
    data = session.data_for(model)
    # twice the bytes of float32, and the network is held several times
    count = min(CHECKED_CASES, len(data.train), max(1, max_cases(model.network) // 6))
    rows = session.rng.choice(len(data.train), count, replace=False)
    x, y = Feeder(data.train, np.float64).batch(rows)
    check = check_gradient(model.network, x, y, penalties=model.trainer.penalties)
    error = check.max_relative_error
    agreement = "agree" if error <= TOLERANCE else "do not agree"
    directions = counted(check.checked, "random direction")
    said = (
        f"Back-propagation against differences of the cost, in {directions}, "
        f"float64: largest relative error {error:.1e}; they {agreement}."
    )
    if not check.checked:
        why = KINKS + KINKS_OF_L1 * (model.trainer.settings.l1 > 0) if check.kinks else CUT_OFF
        said = f"Nothing could be checked: {why}"
    return Said(said, {"max_relative_error": error, "checked": check.checked})


KINKS = (
    "in every direction tried, a ReLU or a max pool switches, where the cost has a kink. A network "
    "with tanh units (8:tanh) and average pools (a2) instead can be checked."
)
KINKS_OF_L1 = " Or a weight changes sign, where its l1 has one: set l1 0."
CUT_OFF = (
    "the cost is too large or cut off, or its changes are lost in rounding. Train it first (t), or "
    "set pixels unit, or set l2 0."
)

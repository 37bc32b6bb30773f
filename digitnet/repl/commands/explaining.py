"""Explanations: `why` writes out the back-propagation of one case, `step` trains a mini-batch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.before import undoable
from digitnet.repl.command import Working, command
from digitnet.repl.commands.checking import case_number, check_outputs
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session
from digitnet.repl.shelf import accuracy_on, trained_on

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.engine.report import Stopped
    from digitnet.insight.backprop import Backpropagation, Pass
    from digitnet.insight.observed import Change, ObservedStep
    from digitnet.insight.trail import Place

MAX_JSON_NUMBERS = 1000
"""Arrays with more numbers are null in the JSON."""
MAX_STEPS = 100
"""Maximum number of mini-batches of one `step`."""


@dataclass(frozen=True)
class WhyResult:
    """The back-propagation of one case, and the trail of its guess: a position in each layer.

    output: the index of the guessed output. inputs: the case as a picture, or a row of a table.
    penalized: whether training adds penalties to the gradient.
    """

    index: int
    set: str
    answer: int
    guess: int
    output: int
    inputs: "NDArray[Any]"
    cost_name: str
    penalized: bool
    page: "Backpropagation"
    trail: "list[Place]"

    def as_json(self) -> dict[str, Any]:
        """z, a, δ and the gradients of each layer, and the largest terms of its trail's number."""
        passes = self.page.passes
        return {
            "index": self.index,
            "set": self.set,
            "answer": self.answer,
            "guess": self.guess,
            "outputs": self.page.outputs.tolist(),
            "cost": self.page.cost,
            "layers": [_as_json(p, place) for p, place in zip(passes, self.trail, strict=True)],
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.explaining import page

        yield from page(self, console, options)


def _as_json(p: "Pass", place: "Place") -> dict[str, Any]:
    """The JSON of a layer."""
    from digitnet.insight.trail import terms_of

    terms = terms_of(p, place)
    x, w, products = (values.ravel() for values in (terms.x, terms.w, terms.products))
    return {
        "kind": p.layer.kind,
        "shape": list(p.layer.shape),
        "z": _as_list(p.z),
        "a": _as_list(p.a),
        "delta": _as_list(p.delta),
        "gradient": {name: _as_list(values) for name, values in p.gradients.items()},
        "strongest": {
            "place": list(place),
            "z": float(p.z[place]),
            "bias": terms.bias,
            "terms": [
                {"from": list(terms.place_of(n)), "x": float(x[n]), "w": float(w[n]),
                 "product": float(products[n])}
                for n in terms.largest(5)
            ],
        },
    }  # fmt: skip


def _as_list(values: "np.ndarray[Any, Any]") -> list[Any] | None:
    """The array as nested lists; None if it is too large."""
    result: list[Any] | None = values.tolist() if values.size <= MAX_JSON_NUMBERS else None
    return result


@command(
    "why",
    group="Asking",
    examples={"why": "a random case", "why 17": "test case 17"},
)
def why(session: Session, index: Annotated[int | None, kinds.INDEX] = None) -> WhyResult:
    """Write out one test case: forward through the network, then back to each weight's gradient.

    Forward: each layer's weighted sums z and activations a, then the cost. Backward: how the cost
    changes with each of them, down to the gradient of each weight. All is computed in float64. A
    layer with up to 10 inputs and units is written out whole. For a larger one, the number that
    contributed most to the guess is shown with the largest terms of its sum, and the largest
    gradients. Everything is counted from 0; pixel 3,8 is in row 3 and column 8.

    With --json, arrays of more than 1,000 numbers are null.
    """
    import numpy as np

    from digitnet.engine.cases import answers_of
    from digitnet.insight.backprop import backpropagate
    from digitnet.insight.trail import trail

    model = session.network()
    if model.network.is_committee:
        raise CommandError(
            "a committee only averages its members' outputs: l loads one of them, and "
            "why explains that"
        )
    data = session.data_for(model)
    index = case_number(session, data, index)
    x = data.test.inputs[index].astype(np.float64) * data.test.scale
    y = data.test.targets[index].astype(np.float64)
    with np.errstate(all="ignore"):  # huge weights may overflow
        explained = backpropagate(model.trainer.with_answering_weights(), x, y)
    check_outputs(explained.outputs)
    output = int(explained.outputs.argmax())
    penalties = model.trainer.penalties
    return WhyResult(
        index=index,
        set=f"{data.name} test",
        answer=int(answers_of(y[np.newaxis])[0]),
        guess=int(answers_of(explained.outputs[np.newaxis])[0]),
        output=output,
        inputs=data.picture_of(data.test, index),
        cost_name=model.network.cost_name,
        penalized=bool(penalties.l2 or penalties.l1),
        page=explained,
        trail=trail(explained.passes, output),
    )


@dataclass(frozen=True)
class StepReport:
    """One mini-batch: each parameter before it, its gradient, its change, and after it."""

    observed: "ObservedStep"
    optimizer: str
    lasting: bool = True
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.stepping import page

        yield from page(self.observed, self.optimizer, console, options)


@dataclass(frozen=True)
class StepResult:
    """The effect of some mini-batches; all but the last have already been shown as reports."""

    steps: list[StepReport]
    stopped: "Stopped"
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
        from digitnet.repl.views.training import ending_of

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
    import numpy as np

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
def step(session: Session, count: Annotated[int, kinds.COUNT] = 1) -> Working:
    """Train one mini-batch, or N, and show what each does to the weights.

    It trains the network exactly as t 1 does. Layers with up to 10 inputs and units are shown
    whole: each weight before the step, its gradient, its change, and the weight after. For larger
    ones, the norms and the largest changes are shown.

    With --json, arrays of more than 1,000 numbers are null.
    """
    from digitnet.insight.observed import observe_step

    if count > MAX_STEPS:
        raise CommandError(
            f"step shows at most {MAX_STEPS} mini-batches at a time. t {count} trains that many"
        )
    model = session.learner()
    data, trainer = session.data_for(model), model.trainer
    steps: list[StepReport] = []
    stopped: Stopped = "done"
    with undoable(model, session), trained_on(data, model):
        for _ in range(count):
            if steps:
                yield steps[-1]
            try:
                observed = observe_step(trainer, data.train, data.validation, session.stop)
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

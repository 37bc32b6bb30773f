"""The cost as a function of all weights: `min` lowers it, `grad` checks its gradient."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.before import undoable
from digitnet.repl.command import Working, command
from digitnet.repl.session import Session
from digitnet.repl.shelf import accuracy_on, trained_on
from digitnet.repl.views.words import clock, counted, duration, percent

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.engine.gradcheck import GradientCheck
    from digitnet.engine.minimize import Iteration, Minimum
    from digitnet.repl.views.curves import GrowingCurves

MAX_MILESTONES = 10
"""Approximate number of milestones."""
CHECKED_CASES = 20
"""Training cases for a gradient check."""


@dataclass(frozen=True)
class IterationReport:
    """The cost after an iteration, and the curves so far; about MAX_MILESTONES are milestones."""

    iteration: "Iteration"
    curves: "GrowingCurves"
    lasting: bool = False

    @property
    def milestone(self) -> str | None:
        """The line of numbers, for every so many iterations."""
        interval = max(1, self.iteration.of // MAX_MILESTONES)
        return self._line if self.iteration.number % interval == 0 else None

    @property
    def _line(self) -> str:
        it = self.iteration
        noun = counted(it.number, "iteration").split()[1]
        return (
            f"{it.number:>9,} {noun:<10}  cost {it.cost:<8.4g}  "
            f"accuracy {percent(it.validation_accuracy):>8}  {clock(it.seconds):>6}"
        )

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self._line
        yield self.curves


@dataclass(frozen=True)
class MinResult:
    """The result of a minimisation; its curves stay on the screen if they were shown live."""

    minimum: "Minimum"
    curves: "GrowingCurves"

    def as_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self.minimum)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        m = self.minimum
        if getattr(console, "can_redraw", False):
            yield self.curves.whole
        yield (
            f"{counted(m.iterations, 'iteration')} of {m.method} in {duration(m.seconds)}. "
            f"Cost {m.cost:.4g}, accuracy {percent(m.train_accuracy)} on training cases, "
            f"{percent(m.validation_accuracy)} on validation cases."
        )
        if m.interrupted:
            yield "Interrupted: the weights of the last iteration are kept. undo t takes them back."


@command(
    "min",
    "minimize",
    group="Learning",
    rank=6,
    examples={
        "min": "100 iterations of l-bfgs",
        "min 50 cg": "50 iterations of conjugate gradients",
        "min 150": "150 iterations of l-bfgs",
    },
)
def min_(
    session: Session,
    iterations: Annotated[int, kinds.ITERATIONS] = 100,
    method: Annotated[str, kinds.METHOD] = "l-bfgs",
) -> Working:
    """Lower the cost of all training cases at once, with one of scipy's minimisers.

    l-bfgs estimates the curvature from the last steps; cg uses conjugate gradients. Neither needs a
    learning rate. Ctrl-C keeps the weights of the last iteration; undo t undoes the minimisation.
    """
    from digitnet.engine.minimize import minimize
    from digitnet.repl.views.curves import GrowingCurves

    model = session.learner()
    data, curves = session.data_for(model), GrowingCurves()
    with undoable(model, session), trained_on(data, model):
        steps = minimize(
            model.trainer, data.train, data.validation, iterations, method, session.stop
        )
        while True:
            try:
                iteration = next(steps)
            except StopIteration as end:
                minimum: Minimum = end.value
                break
            curves.add(iteration.number, iteration.cost)
            curves.add_measured(
                iteration.number, iteration.validation_cost, iteration.validation_accuracy
            )
            yield IterationReport(iteration, curves)
    model.accuracy = accuracy_on(
        "validation", minimum.validation_accuracy, data, data.validations_are_in, model
    )
    return MinResult(minimum, curves)


@dataclass(frozen=True)
class GradientResult:
    """The result of a gradient check."""

    check: "GradientCheck"

    def as_json(self) -> dict[str, Any]:
        """The largest relative error, and the number of directions checked."""
        return asdict(self.check)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        if not self.check.checked:
            yield (
                "Nothing could be checked: every answer is so wrong that its cost is cut off, or "
                "the cost is too large. Train it first (t), or make the pixels (set pixels unit) "
                "or the penalties smaller (set l2 0)."
            )
            return
        error = self.check.max_relative_error
        verdict = "they agree" if error <= 1e-6 else "they do not agree"
        yield (
            f"Back-propagation against differences of the cost, in {self.check.checked} random "
            f"directions, float64: largest relative error {error:.1e}; {verdict}."
        )


@command(
    "grad",
    group="Learning",
    rank=8,
    examples={"grad": "back-propagation against numerical differences"},
)
def grad(session: Session) -> GradientResult:
    """Check the gradient of the network in hand against numerical differences."""
    import numpy as np

    from digitnet.engine.cases import Feeder
    from digitnet.engine.gradcheck import check_gradient

    model = session.learner()
    data = session.data_for(model)
    rows = session.rng.choice(len(data.train), min(CHECKED_CASES, len(data.train)), replace=False)
    x, y = Feeder(data.train, len(rows), np.float64).batch(rows)
    check = check_gradient(model.network, x, y, penalties=model.trainer.penalties)
    return GradientResult(check)

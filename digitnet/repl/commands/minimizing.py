"""The cost as a function of all weights: `min` lowers it, `grad` checks its gradient."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import Working, command
from digitnet.repl.session import Session
from digitnet.repl.shelf import accuracy_on, trained_on
from digitnet.repl.views.words import counted, duration, percent

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.engine.gradcheck import GradientCheck
    from digitnet.engine.minimize import Iteration, Minimum

SHOWN = 10
"""Iterations that are milestones, at the most."""
CASES = 20
"""Training cases that a gradient is checked with."""


@dataclass(frozen=True)
class IterationReport:
    """The cost at an iteration; every tenth part of all is a milestone."""

    iteration: "Iteration"
    lasting: bool = False

    @property
    def milestone(self) -> "IterationReport | None":
        """The same line."""
        return self if self.iteration.number % max(1, self.iteration.of // SHOWN) == 0 else None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        it = self.iteration
        yield f"{it.number:>9,} iterations  cost {it.cost:<8.4g}  {duration(it.seconds):>6}"


@dataclass(frozen=True)
class MinResult:
    """What a minimiser came to."""

    minimum: "Minimum"

    def as_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self.minimum)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        m = self.minimum
        yield (
            f"{counted(m.iterations, 'iteration')} of {m.method} in {duration(m.seconds)}. "
            f"Cost {m.cost:.4g}, accuracy {percent(m.train_accuracy)} on training cases, "
            f"{percent(m.validation_accuracy)} on validation cases."
        )
        if m.interrupted:
            yield "Interrupted: the weights of the last iteration are kept."


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

    l-bfgs estimates the curvature from the last steps; cg takes conjugate gradients. Both need no
    learning rate. Ctrl-C keeps the weights of the last iteration.
    """
    from digitnet.engine.minimize import minimize

    named = session.learner()
    data = session.data_for(named)
    with trained_on(data, named):
        steps = minimize(
            named.trainer, data.train, data.validation, iterations, method, session.stop
        )
        while True:
            try:
                iteration = next(steps)
            except StopIteration as end:
                minimum: Minimum = end.value
                break
            yield IterationReport(iteration)
    named.accuracy = accuracy_on(
        "validation", minimum.validation_accuracy, data, data.validations_are_in, named
    )
    return MinResult(minimum)


@dataclass(frozen=True)
class GradientResult:
    """How well back-propagation agrees with differences of the cost."""

    check: "GradientCheck"

    def as_json(self) -> dict[str, Any]:
        """The largest relative error and how many directions were checked."""
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
    "grad", group="Learning", rank=8, examples={"grad": "back-propagation against differences"}
)
def grad(session: Session) -> GradientResult:
    """Check the gradient of the network in hand against numeric differences."""
    import numpy as np

    from digitnet.engine.cases import Feeder
    from digitnet.engine.gradcheck import check_gradient

    named = session.learner()
    data = session.data_for(named)
    rows = session.rng.choice(len(data.train), min(CASES, len(data.train)), replace=False)
    x, y = Feeder(data.train, len(rows), np.float64).batch(rows)
    check = check_gradient(named.network, x, y, penalties=named.trainer.penalties)
    return GradientResult(check)

"""`grad` checks back-propagation against finite differences."""

from dataclasses import asdict, dataclass

import numpy as np
from rich.console import RenderResult

from digitnet.engine.arrays import Feeder
from digitnet.engine.evaluate import max_cases
from digitnet.engine.gradcheck import check_gradient
from digitnet.repl.command import command
from digitnet.repl.pictures import View
from digitnet.repl.result import Record
from digitnet.repl.session import Session

CHECKED_CASES = 20
"""Training cases for a gradient check."""


@dataclass(frozen=True)
class GradientResult(Record):
    """The largest relative error, and the number of directions checked."""

    max_relative_error: float
    checked: int

    def drawn(self, view: View) -> RenderResult:
        if not self.checked:
            yield (
                "Nothing could be checked: every answer is so wrong that its cost is cut off, or "
                "the cost is too large. Train it first (t), or make the pixels (set pixels unit) "
                "or the penalties smaller (set l2 0)."
            )
            return
        error = self.max_relative_error
        verdict = "they agree" if error <= 1e-6 else "they do not agree"
        yield (
            f"Back-propagation against differences of the cost, in {self.checked} random "
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
    model = session.learner()
    data = session.data_for(model)
    count = min(CHECKED_CASES, len(data.train), max_cases(model.network))
    rows = session.rng.choice(len(data.train), count, replace=False)
    x, y = Feeder(data.train, len(rows), np.float64).batch(rows)
    check = check_gradient(model.network, x, y, penalties=model.trainer.penalties)
    return GradientResult(**asdict(check))

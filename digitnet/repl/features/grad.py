"""`grad` checks back-propagation against finite differences."""

import numpy as np

from digitnet.engine.arrays import Feeder
from digitnet.engine.evaluate import max_cases
from digitnet.engine.gradcheck import check_gradient
from digitnet.repl.command import command
from digitnet.repl.result import Said
from digitnet.repl.session import Session

CHECKED_CASES = 20  # training cases for a gradient check


@command(
    "grad",
    group="Learning",
    rank=8,
    examples={"grad": "back-propagation against numerical differences"},
)
def grad(session: Session) -> Said:
    """Check the gradient of the network in hand against numerical differences."""
    model = session.learner()
    data = session.data_for(model)
    # twice the bytes of float32, and the network is held several times
    count = min(CHECKED_CASES, len(data.train), max(1, max_cases(model.network) // 6))
    rows = session.rng.choice(len(data.train), count, replace=False)
    x, y = Feeder(data.train, len(rows), np.float64).batch(rows)
    check = check_gradient(model.network, x, y, penalties=model.trainer.penalties)
    error = check.max_relative_error
    said = (
        f"Back-propagation against differences of the cost, in {check.checked} random directions, "
        f"float64: largest relative error {error:.1e}; "
        f"{'they agree' if error <= 1e-6 else 'they do not agree'}."
    )
    if check.kinks and not check.checked:
        said = (
            "Nothing could be checked: in every direction tried, a ReLU switches or a max pool "
            "chooses another pixel, and there the cost has a kink, so differences say nothing of "
            "its gradient. A network without them can be checked (n 28x28-8c5:tanh-a2-10)."
        )
    elif not check.checked:
        said = (
            "Nothing could be checked: every answer is so wrong that its cost is cut off, or the "
            "cost is too large. Train it first (t), or make the pixels (set pixels unit) or the "
            "penalties smaller (set l2 0)."
        )
    return Said(said, {"max_relative_error": error, "checked": check.checked})

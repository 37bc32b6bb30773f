"""`min` minimizes the cost of all cases at once."""

from dataclasses import asdict, replace
from functools import partial

from digitnet.engine.minimize import minimize
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import all_spelled
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.features.train import trained
from digitnet.repl.pictures.tables import SEEN, counted, duration, percent
from digitnet.repl.result import Said
from digitnet.repl.session import Session

ONLY_T = ("max_norm", "clip", "dropout", "augment", "smoothing", "patience")  # that it does not use
NORMALIZED = (
    "The statistics of batch normalization are those from before, for which the cost was lowered. "
    "t measures new ones, with which it may be much higher."
)


@command("min", "minimize", group="Learning", rank=6)
def min_(
    session: Session, iterations: kinds.ITERATIONS = 100, method: kinds.METHOD = "l-bfgs"
) -> Said:
    """Lower the cost of all training cases at once, with one of scipy's minimizers.

    l-bfgs estimates the curvature from the last steps; cg uses conjugate gradients. Neither needs a
    learning rate, nor uses max_norm, clip, dropout, augment, smoothing, patience or adamw's l2.
    Ctrl-C keeps the weights of the last iteration; undo t undoes the minimization.

    min: 100 iterations of l-bfgs
    min 50 cg: 50 iterations of conjugate gradients
    min 150: 150 iterations of l-bfgs
    """
    network = session.learner().network
    result = trained(session, Amount(iterations, "batches"), run=partial(minimize, method=method))
    result = replace(result, is_past=False)  # no schedule has a say in it
    outcome, settings = result.outcome, asdict(result.settings)
    only_t = (*ONLY_T, *["l2"] * OPTIMIZERS[result.settings.optimizer].decoupled)
    unused = {name: settings[name] for name in only_t if settings[name] not in (0, "none")}
    lines = [
        f"{counted(outcome.batches, 'iteration')} of {method} in {duration(outcome.seconds)}. "
        f"Cost {outcome.cost:.4g}, accuracy {percent(outcome.train_accuracy)} on training cases, "
        f"{percent(outcome.validation_accuracy)} on validation cases{SEEN[result.is_seen]}.",
        f"Only t uses {all_spelled(unused)}." if unused else "",
        NORMALIZED * bool(network.batch_norms),
        result.advice(),
    ]
    names = ("cost", "train_accuracy", "validation_accuracy", "seconds")
    fields = {"iterations": outcome.batches} | {name: getattr(outcome, name) for name in names}
    endings = {"interrupted": "interrupted", "is_stuck": "stuck", "has_converged": "converged"}
    fields |= {"method": method} | {f: outcome.stopped == of for f, of in endings.items()}
    shown = "\n".join(line for line in lines if line)
    return Said(lambda view: [*[result.curves] * view.redraws, shown], fields)

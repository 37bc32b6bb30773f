"""`min` minimises the cost of all cases at once."""

from dataclasses import asdict, dataclass

from rich.console import Group, RenderResult

from digitnet.engine.minimize import Iteration, Minimum, minimize
from digitnet.engine.settings import all_spelled
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.pictures import View
from digitnet.repl.pictures.curves import GrowingCurves
from digitnet.repl.pictures.tables import clock, counted, duration, percent
from digitnet.repl.result import Merged, Milestones, Note, Record, ScreenOnly
from digitnet.repl.session import Session, training

MAX_MILESTONES = 10  # approximate number of milestones
ONLY_T = ("max_norm", "dropout", "augment", "smoothing")  # settings that it does not use


@dataclass(frozen=True)
class MinResult(Record):
    """The result of a minimisation; its curves stay on the screen if they were shown live.

    unused: the settings that are set and have no effect here.
    """

    minimum: Merged[Minimum]
    curves: ScreenOnly[GrowingCurves]
    unused: ScreenOnly[str]

    def drawn(self, view: View) -> RenderResult:
        m = self.minimum
        if view.redraws:
            yield self.curves
        yield (
            f"{counted(m.iterations, 'iteration')} of {m.method} in {duration(m.seconds)}. "
            f"Cost {m.cost:.4g}, accuracy {percent(m.train_accuracy)} on training cases, "
            f"{percent(m.validation_accuracy)} on validation cases."
        )
        if m.is_stuck:
            yield "It ended early: it found no step that lowers the cost. doctor may say why."
        if self.unused:
            yield f"Only t uses {self.unused}."
        if m.interrupted:
            yield "Interrupted: the weights of the last iteration are kept. undo t takes them back."


@command("min", "minimize", group="Learning", rank=6)
def min_(
    session: Session, iterations: kinds.ITERATIONS = 100, method: kinds.METHOD = "l-bfgs"
) -> MinResult:
    """Lower the cost of all training cases at once, with one of scipy's minimisers.

    l-bfgs estimates the curvature from the last steps; cg uses conjugate gradients. Neither needs a
    learning rate, nor uses max_norm, dropout, augment or smoothing. Ctrl-C keeps the weights of the
    last iteration; undo t undoes the minimisation.

    min: 100 iterations of l-bfgs
    min 50 cg: 50 iterations of conjugate gradients
    min 150: 150 iterations of l-bfgs
    """
    model = session.learner()
    data, milestones = session.data_for(model), Milestones(MAX_MILESTONES)
    since, settings = model.trainer.progress.batches, asdict(model.trainer.settings)

    def report(it: Iteration | None) -> None:
        if it is None:
            session.report()
            return
        curves.add(since + it.number, it.cost)
        curves.add_measured(since + it.number, it.validation_cost, it.validation_accuracy)
        line = (
            f"{it.number:>9,} {counted(it.number, 'iteration').split()[1]:<10}  "
            f"cost {it.cost:<8.4g}  accuracy {percent(it.validation_accuracy):>8}  "
            f"{clock(it.seconds):>6}"
        )
        milestone = line if milestones.is_due(it.number / it.of) else None
        session.report(Note(Group(line, curves), False, milestone))

    with training(model, data, session):
        curves = GrowingCurves.of(model.trainer.history, [], since)
        minimum = minimize(model.trainer, data.train, data.validation, iterations, method, report)
    model.accuracy = session.accuracy_on("validation", minimum.validation_accuracy, data, model)
    unused = {name: settings[name] for name in ONLY_T if settings[name] not in (0, "none")}
    return MinResult(minimum, curves, all_spelled(unused))

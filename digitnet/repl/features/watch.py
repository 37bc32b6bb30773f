"""`watch` follows a training that runs in another terminal."""

from dataclasses import dataclass
from time import sleep
from typing import Annotated

from rich.console import RenderResult

from digitnet.engine.report import Stopped
from digitnet.registry.files import DamagedSave
from digitnet.registry.progress import SILENT_SECONDS, Followed, followed, read_progress
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.features.train import ENDINGS, Milestone, TrainingReport
from digitnet.repl.pictures import View
from digitnet.repl.pictures.curves import GrowingCurves
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.result import Note, Record, ScreenOnly
from digitnet.repl.session import Session, clean

LOOK_SECONDS = 0.25
"""Interval at which the file is looked at."""


@dataclass(frozen=True)
class WatchResult(Record):
    """What was last seen of a training. ended: why; `silent` if nothing was heard of it any more;
    empty if it still runs.
    """

    name: str
    shape: str
    batches: int
    cost: float
    validation_accuracy: float
    ended: str
    curves: ScreenOnly[GrowingCurves]

    def drawn(self, view: View) -> RenderResult:
        if view.redraws:
            yield self.curves
        state = {
            "": "It goes on.",
            "silent": f"Nothing was heard of it for {SILENT_SECONDS:.0f} seconds.",
        }.get(self.ended) or "It has ended. " + ENDINGS.get(self.ended, "").partition(" Try")[0]
        yield (
            f"{_named(self.name, self.shape)}: {counted(self.batches, 'mini-batch')} so far, "
            f"validation accuracy {percent(self.validation_accuracy)}. {state}".rstrip()
        )


@command(
    "watch",
    group="Learning",
    rank=2,
    examples={
        "watch first": "the training of the network first, in another terminal",
        "watch": "the only one that runs",
    },
)
def watch(session: Session, name: Annotated[str, kinds.NAME] = "") -> WatchResult:
    """Follow a training that runs in another terminal with the same saves.

    It only looks, and changes nothing. Ctrl-C ends the watching, not the training. A training
    appears when it has run for two seconds.
    """
    seen = _chosen(followed(session.saves), clean(name) if name else "")
    before, ended = 0.0, ""
    try:
        while not ended:
            curves = _curves(seen)
            if seen.report.seconds != before:
                before = seen.report.seconds
                milestone = Milestone(seen.report) if seen.report.measured else None
                session.report(Note(TrainingReport(seen.report, curves), False, milestone))
            ended = seen.ended or "silent" * (seen.silent > SILENT_SECONDS)
            if not ended:
                sleep(LOOK_SECONDS)
                session.report()
                seen = read_progress(seen.path)
    except DamagedSave:
        ended = "silent"
    except Stopped:
        pass
    batches, accuracy = seen.since + seen.report.batches, seen.report.accuracy
    return WatchResult(
        seen.name, seen.shape, batches, seen.report.cost, accuracy, ended, _curves(seen)
    )


def _chosen(running: list[Followed], name: str) -> Followed:
    """The training of that name, or the only one. Raises CommandError if that is not one."""
    chosen = [one for one in running if not name or one.name == name]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(_named(one.name, one.shape) for one in running)
    if name and not chosen:
        raise CommandError(
            f"no network named {quoted(name)} is in training in another terminal with these saves. "
            f"{f'In training: {names}' if names else 'watch follows one that is'}"
        )
    if not chosen:
        raise CommandError("nothing is in training in another terminal with these saves")
    raise CommandError(f"several are in training: {names}. Example: watch {chosen[0].name or 'a'}")


def _named(name: str, shape: str) -> str:
    return quoted(name) if name else f"an unnamed {printable(shape, 80)}"


def _curves(seen: Followed) -> GrowingCurves:
    drawn = GrowingCurves(since=seen.since)
    for name, points in seen.curves.items():
        getattr(drawn, name)[:] = points
    return drawn

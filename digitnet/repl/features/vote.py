"""`vote` makes a committee of saved networks."""

from dataclasses import dataclass
from typing import Annotated

from rich.console import Console, ConsoleOptions, RenderResult

from digitnet.engine.network import Committee, Network
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Trainer
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import take_and_check
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.result import Record
from digitnet.repl.session import Session

MAX_MEMBERS = 100


@dataclass(frozen=True)
class VoteResult(Record):
    """The accuracy of the committee, which is now in hand, on the test set."""

    members: list[str]
    correct: int
    total: int
    accuracy: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield (
            f"A committee of {counted(len(self.members), 'network')}: {self.correct:,} of "
            f"{self.total:,} right, {percent(self.accuracy)}. pas NAME keeps it."
        )


@command(
    "vote",
    group="Asking",
    rank=6,
    examples={"vote first second": "the mean of the outputs of two networks"},
)
def vote(session: Session, *names: Annotated[str, kinds.NAME]) -> VoteResult:
    """Let several saved networks answer together, by averaging their outputs.

    The committee becomes the network in hand: c, ch and i work with it, pas saves it. Its members
    are copies; they do not change when the saves are trained further.
    """
    if not 1 <= len(names) <= MAX_MEMBERS:
        raise CommandError(
            f"vote needs the names of 1 to {MAX_MEMBERS} saves. Example: vote first second"
        )
    if not session.may_discard():
        raise CommandError("no vote was taken; the network in hand is unchanged")
    models = [(name, session.registry.load(name)) for name in names]
    checked = take_and_check(session, _committee(models))
    return VoteResult(list(names), checked.correct, checked.total, checked.accuracy)


def _committee(models: list[tuple[str, Model]]) -> Model:
    """A committee of named models. Raises CommandError if they do not fit together."""
    members = []
    for name, model in models:
        if model.network.is_committee:
            raise CommandError(f"{name!r} is a committee itself: vote takes single networks")
        scale = 255.0 if model.trainer.settings.pixels == "raw" else 1.0
        members.append((model.trainer.answering().copy(model.network.dtype), scale))
    try:
        network = Network([Committee((members[0][0].inputs,), members=members)], "cross-entropy")
    except ValueError as error:
        raise CommandError(str(error)) from None
    trained_on = dict.fromkeys(name for _, model in models for name in model.trained_on)
    data = models[0][1].data
    return Model(Trainer(network, Settings(), 0), data=data, trained_on=list(trained_on))

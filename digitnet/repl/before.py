"""The network in hand as it was before its last training: what `undo t` goes back to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitnet.engine.progress import Measurement
    from digitnet.engine.settings import Settings
    from digitnet.engine.trainer import Snapshot
    from digitnet.registry.model import Accuracy, Model
    from digitnet.repl.session import Session


@dataclass(frozen=True)
class Before:
    """A state of a network, with what was known of it then. saved: what its save had then."""

    model: "Model"
    snapshot: "Snapshot"
    history: "list[Measurement]"
    optimizer: str
    accuracy: "Accuracy | None"
    data: str
    trained_on: list[str]
    saved: "tuple[int, Settings] | None"

    @classmethod
    def of(cls, model: "Model", session: "Session") -> "Before":
        """The state of the network now."""
        trainer = model.trainer
        return cls(
            model,
            trainer.snapshot(),
            list(trainer.history),
            trainer.settings.optimizer,
            model.accuracy,
            model.data,
            list(model.trained_on),
            session.saved,
        )

    @property
    def batches(self) -> int:
        """Mini-batches it was trained for."""
        return self.snapshot.progress.batches

    def bring_back(self, session: "Session") -> None:
        """Goes back to it; the state that gives way can be brought back in its turn.

        Settings stay as they are now: where they name another optimiser, it starts anew.
        """
        session.before = Before.of(self.model, session)
        model, trainer = self.model, self.model.trainer
        trainer.restore(self.snapshot)
        trainer.history[:] = self.history
        if trainer.settings.optimizer != self.optimizer:
            trainer.forget()
        trainer.settings = trainer.settings  # what they leave no place for, such as a mean, goes
        model.accuracy, model.data, model.trained_on = self.accuracy, self.data, self.trained_on
        if session.saved != self.saved:  # saved meanwhile, as it is no longer
            session.mark_unsaved()


@contextmanager
def undoable(model: "Model", session: "Session") -> Iterator[None]:
    """What trains the network while this lasts can be undone, however it ends."""
    before = Before.of(model, session)
    try:
        yield
    finally:
        if model.trainer.progress.batches != before.batches:
            session.before = before

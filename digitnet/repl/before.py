"""The state of the network in hand before its last training, which `undo t` restores."""

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
    """A state of a network, and of its accuracy and data. saved: `Session.saved` at that time."""

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
        """The present state of a network."""
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
        """The number of mini-batches of training."""
        return self.snapshot.progress.batches

    def bring_back(self, session: "Session") -> None:
        """Restores this state; `session.before` becomes the present one, so undo can be undone.

        The settings are kept. If they name another optimiser, it starts without state.
        """
        session.before = Before.of(self.model, session)
        model, trainer = self.model, self.model.trainer
        trainer.restore(self.snapshot)
        trainer.history[:] = self.history
        if trainer.settings.optimizer != self.optimizer:
            trainer.forget()
        trainer.settings = trainer.settings  # drops state that they do not use, such as a mean
        model.accuracy, model.data, model.trained_on = self.accuracy, self.data, self.trained_on
        if session.saved != self.saved:  # the save made since then has the undone training
            session.mark_unsaved()


@contextmanager
def undoable(model: "Model", session: "Session") -> Iterator[None]:
    """Context manager that makes any training inside it undoable, however it ends."""
    before = Before.of(model, session)
    try:
        yield
    finally:
        if model.trainer.progress.batches != before.batches:
            session.before = before

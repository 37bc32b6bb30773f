"""A model: a network with its training state, name and origin."""

from dataclasses import dataclass, field

from digitnet.engine.network import Network
from digitnet.engine.trainer import Trainer

SEEN = ", seen in training"
"""Suffix of `Accuracy.on` if the network was trained on these cases."""


@dataclass(frozen=True)
class Accuracy:
    """An accuracy from 0 to 1. on: the cases it was measured on, such as `sample test`."""

    value: float
    on: str

    @property
    def is_seen(self) -> bool:
        """Whether the network was trained on these cases."""
        return self.on.endswith(SEEN)


@dataclass
class Model:
    """A network with its training state, name and origin.

    name: empty until it is saved. recipe: empty if it was made from a shape. data: its current data
    set. trained_on: all data sets it was trained on. saved_at: ISO 8601, UTC; empty if it has never
    been saved.
    """

    trainer: Trainer
    name: str = ""
    recipe: str = ""
    data: str = ""
    trained_on: list[str] = field(default_factory=list)
    accuracy: Accuracy | None = None
    saved_at: str = ""

    @property
    def network(self) -> Network:
        """The trainer's network."""
        return self.trainer.network

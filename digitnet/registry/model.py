"""The network in hand: a network with its training, its name and where it comes from."""

from dataclasses import dataclass, field

from digitnet.engine.network import Network
from digitnet.engine.trainer import Trainer

SEEN = ", seen in training"
"""How the cases of an accuracy end that the network was trained on."""


@dataclass(frozen=True)
class Accuracy:
    """A share of answers right, and the cases it was measured on (`sample test`)."""

    value: float
    on: str

    @property
    def is_seen(self) -> bool:
        """Whether the network was trained on these cases, so that it tells nothing of new ones."""
        return self.on.endswith(SEEN)


@dataclass
class Model:
    """A network in hand.

    name: empty until it is saved. recipe: empty if it was made from a shape. data: the data set it
    works on. trained_on: every data set it has seen training cases of. saved_at: ISO 8601, in UTC,
    empty if it has never been saved.
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
        """The network itself."""
        return self.trainer.network

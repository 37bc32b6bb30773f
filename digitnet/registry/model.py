"""What is kept under a name: a network with its training state, a study, or a data set."""

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from digitnet.digits.datasets import GIVEN, MADE, RELATIVES, SOURCES
from digitnet.digits.own import OwnCases
from digitnet.engine.arrays import Array
from digitnet.engine.layers import EPSILON, BatchNorm
from digitnet.engine.network import Network
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Progress, Trainer

EACH = ", each on the data set trained on then"  # measurements, if it was trained on several
SEEN = {True: ", seen in training", None: ", perhaps seen in training", False: ""}


@dataclass(frozen=True)
class Accuracy:
    """An accuracy from 0 to 1. on: the cases it was measured on, such as `sample test`. is_seen:
    whether the network was trained on them, None if it is not known. digest: of those of a data set
    of the user's own, which may be replaced.
    """

    value: float
    on: str
    is_seen: bool | None = False
    digest: str = ""

    @property
    def cases(self) -> str:
        """In a sentence: `sample test set`, or `mini validation set, seen in training`."""
        return f"{self.on} set{SEEN[self.is_seen]}"


@dataclass
class Model:
    """A network with its training state, name and origin.

    name: empty until it is saved. recipe: empty if it was made from a shape. data: its current data
    set. trained_on: all data sets it was trained on, and GIVEN; the latest is last. saved_at: ISO
    8601, UTC; empty if it has never been saved. rates: (mini-batch, learning rate) of its trainings
    since then; not saved. versions: the progress at each save on its way here; not saved.
    own_cases: the hashes of the cases of the user's own data sets that it was trained on; none in
    saves of earlier versions. words: what its answers are called, if the data set that it was
    trained on last has words for them.
    """

    trainer: Trainer
    name: str = ""
    recipe: str = ""
    data: str = ""
    trained_on: list[str] = field(default_factory=list)
    accuracy: Accuracy | None = None
    saved_at: str = ""
    rates: list[tuple[float, float]] = field(default_factory=list)
    versions: tuple[Progress, ...] = ()
    own_cases: frozenset[bytes] = frozenset()
    words: tuple[str, ...] = ()
    network: Network = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.network = self.trainer.network

    @property
    def knows_own_cases(self) -> bool:
        others = {*SOURCES, *RELATIVES, *MADE, GIVEN}
        return bool(self.own_cases) or others.issuperset(self.trained_on)

    def record(
        self, data: str, own_cases: frozenset[bytes] = frozenset(), words: tuple[str, ...] = ()
    ) -> None:
        """Notes that it is trained on a data set now; of one's own, on which cases."""
        self.words = words
        if self.knows_own_cases:
            self.own_cases |= own_cases
        self.trained_on = [other for other in self.trained_on if other != data] + [data]

    @property
    def title(self) -> str:
        """What the network is called: its name, else its recipe or its shape."""
        return self.name or self.recipe or self.network.shape

    def member(self, number: int) -> "Model":
        """A copy of a member of a committee, numbered from 1, as a network by itself.

        Its settings and the state of its training are not part of a committee.
        """
        network, scale = self.network.members[number - 1]
        network, is_raw = network.copy(network.dtype), scale == 255
        if not is_raw:
            _scale_inputs(network, scale)
        trainer = Trainer(network, Settings(pixels="raw" if is_raw else "unit"), 0)
        on, cases, words = list(self.trained_on), self.own_cases, self.words
        return Model(trainer, data=self.data, trained_on=on, own_cases=cases, words=words)


def _scale_inputs(network: Network, scale: float) -> None:
    """Lets a network make of x what it made of x · scale."""
    layer = next(layer for layer in network.layers if layer.parameters)  # none below is affected
    factor: Array | float = scale
    if isinstance(layer, BatchNorm):
        before = layer.variance + EPSILON
        layer.mean /= scale
        layer.variance /= scale**2
        factor = scale * np.sqrt((layer.variance + EPSILON) / before)
    layer.parameters[0].value *= factor


@dataclass(frozen=True)
class Blueprint:
    """How a network is made, and the settings of its training. hidden, output: the activations of
    layers that name none. initializer: of all layers; if empty, each uses its activation's.
    """

    shape: str
    hidden: str = "relu"
    output: str = "softmax"
    cost: str = "cross-entropy"
    bias: bool = True
    initializer: str = ""
    precision: Literal["float32", "float64"] = "float32"
    settings: Settings = Settings()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True)
class Result:
    """The result of one training of a study.

    number: of the training in the study. accuracy: on the validation set, 0 to 1. cost: on training
    cases, without penalties. seconds: the duration.
    """

    number: int
    accuracy: float
    cost: float
    seconds: float


@dataclass
class StudyRecord:
    """A study with its name.

    words: the question as typed. data: the data set. seed: of the first repetition; the others use
    the seeds after it. candidates: the number of settings that `study auto` starts with; else 0.
    results: number → result. saved_at: ISO 8601, UTC. digest: that of the data set; empty in
    studies of earlier versions.
    """

    name: str
    words: list[str]
    blueprint: Blueprint
    data: str
    seed: int
    candidates: int = 0
    results: dict[int, Result] = field(default_factory=dict)
    saved_at: str = ""
    digest: str = ""


OWN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")  # the pattern of the names of own data sets


@dataclass(frozen=True)
class OwnSet:
    """A data set of the user's own. saved_at: ISO 8601, UTC."""

    name: str
    cases: OwnCases
    saved_at: str = ""


Content = Model | StudyRecord | OwnSet

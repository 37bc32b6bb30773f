"""A study as it is kept: what was asked, of which network, and the results so far."""

from dataclasses import dataclass, field
from typing import Literal

from digitnet.engine.settings import Settings


@dataclass(frozen=True)
class Blueprint:
    """What every network of a study is made from, but for what the study varies."""

    shape: str
    hidden: str
    output: str
    cost: str
    bias: bool
    initializer: str
    precision: Literal["float32", "float64"]
    settings: Settings


@dataclass(frozen=True)
class Result:
    """What one training of a study came to.

    number: its place in the study. accuracy: on the validation set, 0 to 1. cost: of training
    cases, without penalties. seconds: how long it took.
    """

    number: int
    accuracy: float
    cost: float
    seconds: float


@dataclass
class StudyRecord:
    """A study under a name.

    words: the question as typed. data: the data set. seed: of the first repetition; the others
    follow. candidates: settings tried at first, of a study that chooses its own; else 0. results:
    by their numbers. saved_at: ISO 8601, in UTC.
    """

    name: str
    words: list[str]
    blueprint: Blueprint
    data: str
    seed: int
    candidates: int = 0
    results: dict[int, Result] = field(default_factory=dict)
    saved_at: str = ""

"""A saved study: its question, its network, and the results so far."""

from dataclasses import dataclass, field
from typing import Literal

from digitnet.engine.settings import Settings


@dataclass(frozen=True)
class Blueprint:
    """The common description of a study's networks, before the study varies it."""

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
    results: number → result. saved_at: ISO 8601, UTC.
    """

    name: str
    words: list[str]
    blueprint: Blueprint
    data: str
    seed: int
    candidates: int = 0
    results: dict[int, Result] = field(default_factory=dict)
    saved_at: str = ""

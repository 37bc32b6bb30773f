"""The measurements of a network that the checks judge: plain numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from digitnet.engine.evaluate import Evaluation
from digitnet.engine.progress import Measurement
from digitnet.engine.settings import Settings
from digitnet.insight.diagnosis.rehearsal import Rehearsal


@dataclass(frozen=True)
class DataFacts:
    """Facts about the training cases, as the network sees them.

    frequencies: the fraction of cases with each answer. low, high: the smallest and largest input.
    spread: the standard deviation of each input over the cases, averaged over the inputs. is_table:
    whether the validation cases are the training cases. agreement: the fraction of cases whose
    answer is the commonest among their five nearest neighbours; None if there are too few cases.
    validation_agreement: the same for validation cases and their neighbours in the training set.
    """

    cases: int
    frequencies: Sequence[float]
    low: float
    high: float
    spread: float
    is_table: bool
    agreement: float | None
    validation_agreement: float | None


@dataclass(frozen=True)
class LayerFacts:
    """Facts about a layer with parameters, for a batch; dead, saturated, duplicates: fractions of
    its units.

    number: counted from 1. units: numbers (dense) or channels (convolution). dead: ReLUs never
    above zero. saturated: at the ends of a sigmoid or tanh. duplicates: with the same weights as
    another unit. gradient: the norm of dC/dW. signal: the norm of dC/da, where a are the outputs.
    """

    number: int
    text: str
    activation: str
    units: int
    dead: float = 0.0
    saturated: float = 0.0
    duplicates: float = 0.0
    gradient: float | None = None
    signal: float = 0.0


@dataclass(frozen=True)
class Measurements:
    """The input of the checks.

    batches, settings, history: of the network. chance: the cost with all weights zero. baseline:
    the cost of answering every case with the mean of all targets. cost: on the probe, before the
    rehearsal. train, validation: the network's accuracy and cost when it answers. guesses: the
    fraction of its guesses for each answer. response: the largest standard deviation over the cases
    of an output's weighted sum. fitted: the fraction of SMALL_BATCH cases that a copy can learn.
    batch_norm_costs: the cost with the present statistics of batch normalisation and with newly
    measured ones; None without it. current: the rehearsal with the present settings. dropout: the
    largest dropout probability. alternatives: rehearsals with one setting changed, by name.
    """

    batches: int
    settings: Settings
    history: Sequence[Measurement]
    data: DataFacts
    chance: float
    baseline: float
    cost: float
    train: Evaluation
    validation: Evaluation
    guesses: Sequence[float]
    response: float
    layers: Sequence[LayerFacts]
    fitted: float
    batch_norm_costs: tuple[float, float] | None
    current: Rehearsal
    dropout: float = 0.0
    alternatives: Mapping[str, Rehearsal] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether it reads its training cases about as well as their nearest neighbours would.

        What looks odd inside such a network does no harm.
        """
        reference = 1.0 if self.data.agreement is None else self.data.agreement
        return self.batches > 0 and self.train.accuracy >= 0.85 * reference

    @property
    def is_learning(self) -> bool:
        """Whether it has learned, or its rehearsal halved the cost or half the baseline."""
        start = min(self.current.before, self.baseline)
        return self.learned or self.current.after <= 0.5 * start

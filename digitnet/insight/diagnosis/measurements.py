"""What is measured of a network before it is judged: plain numbers, and no judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from digitnet.engine.evaluate import Evaluation
from digitnet.engine.progress import Measurement
from digitnet.engine.settings import Settings
from digitnet.insight.diagnosis.rehearsal import Rehearsal


@dataclass(frozen=True)
class DataFacts:
    """Of the training cases, as the network sees them.

    shares: of each answer among them. low, high: the smallest and largest input. spread: mean over
    the inputs of their standard deviation over the cases. is_table: whether the validation cases
    are the training cases. agreement: share of cases whose answer is the commonest among their five
    nearest neighbours, None for too few cases; validation_agreement: the same for validation cases
    and their neighbours in the training set.
    """

    cases: int
    shares: Sequence[float]
    low: float
    high: float
    spread: float
    is_table: bool
    agreement: float | None
    validation_agreement: float | None


@dataclass(frozen=True)
class LayerFacts:
    """Of a layer with weights or with an activation, over the probe; shares are of its units.

    number: counted from 1. units: numbers (dense) or channels (convolution). dead: never above
    zero, for ReLU. saturated: at the ends of a sigmoid or tanh. alike: units with the very weights
    of another. gradient: the norm of dC/dW. signal: the norm of dC/da, a the outputs.
    """

    number: int
    text: str
    activation: str
    units: int
    dead: float = 0.0
    saturated: float = 0.0
    alike: float = 0.0
    gradient: float | None = None
    signal: float = 0.0


@dataclass(frozen=True)
class Measurements:
    """All that the checks look at.

    batches, settings, history: of the network in hand. chance: what it costs to know nothing
    (weights of zero). baseline: what it costs to give every case the mean of all targets. cost: of
    the probe. train, validation: of the network as it answers. guesses: share of each answer among
    its own. response: how far the weighted sums of the outputs move from case to case, as a
    standard deviation. fitted: share of SMALL_BATCH cases that a copy could be brought to get
    right. stale: cost with the statistics of batch normalisation as they are, and with new ones;
    None without it. as_set: the rehearsal with the settings as they are. dropout: the largest
    probability of it. others: rehearsals with one thing changed, where `as_set` left a question
    open.
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
    stale: tuple[float, float] | None
    as_set: Rehearsal
    dropout: float = 0.0
    others: Mapping[str, Rehearsal] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether it reads its training cases about as well as their neighbours would tell them.

        What looks odd inside such a network does no harm.
        """
        reference = 1.0 if self.data.agreement is None else self.data.agreement
        return self.batches > 0 and self.train.accuracy >= 0.85 * reference

    @property
    def does_well(self) -> bool:
        """Whether it has learned, or learns: its rehearsal halved the cost, or the baseline's."""
        start = min(self.as_set.before, self.baseline)
        return self.learned or self.as_set.after <= 0.5 * start

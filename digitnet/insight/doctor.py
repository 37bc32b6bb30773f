"""The doctor: a table of checks, causes before their consequences, and the diagnosis."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from math import exp, inf, log

import numpy as np

from digitnet.engine.arrays import Cases
from digitnet.engine.trainer import Trainer
from digitnet.insight.facts import LayerFacts, Measurements, measure, probe_of
from digitnet.insight.rehearsal import (
    Rehearsal,
    Stop,
    rehearse,
    report_progress,
    training_copy,
    without_dropout,
)

Figures = Mapping[str, float | int | str]
"""Name → a number, or a word such as a layer's text."""


@dataclass(frozen=True)
class Finding:
    """A fault that was found. The prompt words the message."""

    code: str
    figures: Figures


LOWER, HIGHER = (1, 2, 3), (1, 2, 3, 4, 5)
"""Powers of ten for the lower and higher rates, tried in this order until one is good, or worse."""

ENOUGH, A_LITTLE = 0.5, 0.05
"""A rate is good if the cost falls by the first fraction of the baseline, and worse than the one
before if the cost is higher by the second."""

LEARNS = 0.2
"""A network learns if its cost falls below this fraction of the baseline."""


def try_alternatives(
    m: Measurements, trainer: Trainer, train: Cases, stop: Stop
) -> Generator[str, None, Measurements]:
    """Adds rehearsals of alternative settings if the network does not learn with its own."""
    probe = probe_of(train)
    if m.current.after <= LEARNS * m.baseline or (
        m.learned and m.current.gain > -LEARNS * m.baseline
    ):
        return m
    alternatives: dict[str, Rehearsal] = {}

    def rehearsed(copy: Trainer, name: str) -> Generator[str, None, Rehearsal]:
        alternatives[name] = yield from report_progress(
            rehearse(copy, train, probe, stop), f"rehearsal, {name}"
        )
        return alternatives[name]

    settings = trainer.settings
    if settings.l2 or settings.l1 or settings.max_norm:
        yield from rehearsed(training_copy(trainer, l2=0.0, l1=0.0, max_norm=0.0), "no decay")
    if m.dropout:
        copy = training_copy(trainer)
        copy.network = without_dropout(copy.network)
        copy.forget()
        yield from rehearsed(copy, "no dropout")
    for sign, powers in (("/", LOWER), ("x", HIGHER)):
        best = m.current.after if sign == "x" else np.inf
        for power in powers:
            rate = settings.rate * (10.0**power if sign == "x" else 10.0**-power)
            other = yield from rehearsed(
                training_copy(trainer, rate=rate), f"rate {sign} {10**power:,}"
            )
            worse = other.after > best + A_LITTLE * m.baseline
            if worse or other.gain > ENOUGH * m.baseline:
                break
            best = other.after
    return replace(m, alternatives=alternatives)


MAX_INPUT = 1.0
"""normalized_data_maxs in TheDeepChecker's settings; UMLAUT's bounds are −1 and 1, too."""

MIN_EVENNESS = 0.5
"""labels_perp_min_thresh in TheDeepChecker's settings."""

MIN_AGREEMENT = 0.6
"""For handwritten digits; among 500 of MNIST's the agreement is 0.84, among 1,500 it is 0.89."""

MIN_CASES_PER_ANSWER = 30
"""Training cases for each answer."""


def unscaled_pixels(m: Measurements) -> Figures | None:
    """Inputs above 1; initial weights are scaled for inputs of magnitude about 1.

    The first layer's weighted sums are too large by the same factor, and so is its gradient (LeCun
    et al. 1998, "Efficient BackProp", section 4.3). Checked as in UMLAUT (Schoop et al. 2021, CHI)
    and TheDeepChecker (Ben Braiek and Khomh 2022, arXiv 2204.00694). Not reported for a network
    that has learned.
    """
    if m.data.high <= MAX_INPUT or m.learned:
        return None
    return {"low": m.data.low, "high": m.data.high}


def same_inputs(m: Measurements) -> Figures | None:
    """All cases are the same, so nothing can be learned from them."""
    if m.data.spread > 0:
        return None
    return {"value": m.data.high}


def wrong_labels(m: Measurements) -> Figures | None:
    """Answers that are mostly wrong.

    The error of the nearest-neighbour rule is, in the limit, at most twice that of the best
    classifier (Cover and Hart 1967, IEEE Trans. Inf. Theory 13(1)), and it needs no training. A
    picture whose neighbours mostly have another answer is probably labelled wrong (Wilson 1972,
    IEEE Trans. SMC 2(3)).
    """
    agreement, on_validation = m.data.agreement, m.data.validation_agreement
    if agreement is None or on_validation is None:
        return None
    n = len(m.data.frequencies)
    floor = MIN_AGREEMENT if m.data.cases >= 50 * n else MIN_AGREEMENT / 2
    if min(agreement, on_validation) >= floor:
        return None
    where = "training" if agreement < floor else "validation"
    return {"agreement": min(agreement, on_validation), "where": where}


def imbalance(m: Measurements) -> Figures | None:
    """Some answers are much rarer than others, so that the network prefers the common ones.

    Evenness is the perplexity of the answers, exp(−Σ p ln p), divided by their number: 1 if all are
    equally frequent, 1 / answers if there is only one (TheDeepChecker).
    """
    frequencies = m.data.frequencies
    evenness = exp(-sum(p * log(p) for p in frequencies if p)) / len(frequencies)
    if evenness >= MIN_EVENNESS:
        return None
    commonest = max(range(len(frequencies)), key=frequencies.__getitem__)
    return {"evenness": evenness, "answer": commonest, "share": frequencies[commonest]}


def too_few_cases(m: Measurements) -> Figures | None:
    """Too few cases of each answer to cover the ways of writing it.

    Measured here: trained on 10, 30, 100 and 350 of MNIST's cases of each digit, `quick` reads
    about 74, 85, 90 and 95 % of others correctly. Toy tables, which are complete, are exempt.
    """
    each = m.data.cases / len(m.data.frequencies)
    if m.data.is_table or each >= MIN_CASES_PER_ANSWER:
        return None
    return {"cases": m.data.cases, "each": each}


MAX_UNITS = 0.5
"""Maximum fraction of a layer's units that may be saturated or duplicates:
neurons_ratio_max_thresh in TheDeepChecker's settings."""

MAX_DEAD = 0.7
"""The same for dead units: AUTOTRAINER's γ. In small layers, half may be dead without harm."""

VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4

EXPLODING_RATIO = 70
"""AUTOTRAINER's β₁, β₂ and β₃ (Zhang et al. 2021, ICSE; `gradient_issue` in its monitor.py): the
norm of the gradient of the first layer's weights, as a ratio to the last layer's, and absolute."""

MIN_RESPONSE = 1e-3
"""outputs_var_coef_thresh in TheDeepChecker's settings, for the weighted sums of the outputs."""

MAX_INITIAL_COST = 2.0
"""Ratio to the cost of chance: dev_ratio of 1.0 in TheDeepChecker's settings."""


def symmetric_weights(m: Measurements) -> Figures | None:
    """Units of a hidden layer with identical weights. Their gradients are identical too, so they
    never become different (Goodfellow et al. 2016, "Deep Learning", section 8.4).
    """
    layer = _worst(m, "duplicates")
    if layer is None or layer.duplicates < MAX_UNITS:
        return None
    return _figures(layer, layer.duplicates)


def dead_relus(m: Measurements) -> Figures | None:
    """ReLUs that are zero for every case: their gradient is zero, so they cannot recover.

    A channel of a convolution is dead if it is zero at every position of every picture (Maas et al.
    2013, ICML workshop; TheDeepChecker). Not reported for a network that learns all the same.
    """
    layer = _worst(m, "dead")
    if layer is None or layer.dead < MAX_DEAD or m.is_learning:
        return None
    return _figures(layer, layer.dead)


def saturated_units(m: Measurements) -> Figures | None:
    """Sigmoids and tanhs near their limits, where the derivative and so the gradient is near zero.

    Not reported for a trained network that learns: saturation is then part of its answers (Glorot
    and Bengio 2010, AISTATS; Rakitianskaia and Engelbrecht 2015, IEEE SSCI; TheDeepChecker).
    """
    layer = _worst(m, "saturated")
    if layer is None or layer.saturated < MAX_UNITS or (m.batches and m.is_learning):
        return None
    return _figures(layer, layer.saturated)


def vanishing_gradient(m: Measurements) -> Figures | None:
    """A gradient that becomes tiny on its way back to the first layer (Hochreiter 1991).

    By AUTOTRAINER's two thresholds. Not reported for a network that learns: after a successful
    training all gradients are small.
    """
    norms = _gradients(m)
    if len(norms) < 2 or m.is_learning:
        return None
    (first, first_norm), (last, last_norm) = norms[0], norms[-1]
    if first_norm >= VANISHING_RATIO * last_norm or first_norm >= VANISHING_NORM:
        return None
    return {"first": first.number, "last": last.number, "low": first_norm, "high": last_norm}


def exploding_gradient(m: Measurements) -> Figures | None:
    """An error signal that grows from layer to layer on its way back (Pascanu et al. 2013, ICML).

    By AUTOTRAINER's threshold, applied to dC/da of the hidden layers. With weights that are too
    large, activations grow forward as the signal grows backward, so the gradient of the weights,
    the product of the two, is the same everywhere and shows nothing.
    """
    signals = [layer for layer in m.layers[:-1] if layer.gradient is not None]
    if len(signals) < 3 or m.is_learning:
        return None
    first, last = signals[0], signals[-1]
    if not first.signal > EXPLODING_RATIO * last.signal:
        return None
    return {"first": first.number, "last": last.number, "high": first.signal, "low": last.signal}


def ignored_inputs(m: Measurements) -> Figures | None:
    """Outputs that do not depend on the case (Karpathy 2019, "A Recipe for Training Neural
    Networks": input-independent baseline; TheDeepChecker). Untrained networks with small weights
    may start like this if training changes it.
    """
    if m.response >= MIN_RESPONSE or (m.batches == 0 and m.is_learning):
        return None
    return {"response": m.response}


def initial_cost(m: Measurements) -> Figures | None:
    """An untrained network whose cost is far above that of chance: it is confidently wrong, and has
    to unlearn that first (Karpathy 2019: verify loss @ init; TheDeepChecker).
    """
    if m.batches or m.cost <= MAX_INITIAL_COST * m.chance:
        return None
    return {"cost": m.cost, "chance": m.chance}


def cannot_fit(m: Measurements) -> Figures | None:
    """Sixteen cases that a copy cannot memorise, with Adam and without dropout or penalties
    (Karpathy 2019: overfit one batch; TheDeepChecker's mislabeled_rate_max_thresh allows 5 % wrong:
    none of 16).
    """
    if m.fitted == 1:
        return None
    return {"fitted": m.fitted}


def _worst(m: Measurements, kind: str) -> LayerFacts | None:
    """The hidden layer with the largest fraction of units of a kind."""
    return max(m.layers[:-1], key=lambda layer: float(getattr(layer, kind)), default=None)


def _figures(layer: LayerFacts, fraction: float) -> Figures:
    return {
        "layer": layer.number,
        "text": layer.text,
        "count": round(fraction * layer.units),
        "units": layer.units,
        "activation": layer.activation,
    }


def _gradients(m: Measurements) -> list[tuple[LayerFacts, float]]:
    """The layers with weights, each with the norm of its gradient."""
    return [(layer, layer.gradient) for layer in m.layers if layer.gradient is not None]


BETTER = 0.2
"""How much lower the cost must be with another setting, in units of the baseline."""

HIGH = 0.6
"""A cost is high above this fraction of the baseline."""

NO_GAIN = 0.1
"""A rate is too low if it gains less than this fraction of what a higher one gains."""

STALE_RATIO = 1.5
"""relative_loss_diff_max_thresh in TheDeepChecker's settings: 50 % between training and answer."""

ONE_ANSWER = 0.5
"""How much more often an answer is given than it occurs, as a fraction of all cases."""

MIN_BATCHES = 200
"""Mini-batches after which a network should give more than one answer."""

CONFIDENTLY_WRONG = 1.5
"""A network whose cost is this many times the baseline is confidently wrong."""

LEARNING = 0.05
"""A network whose rehearsal lowers the cost by this fraction of the baseline is learning."""

OVERFIT_GAP = 0.1
"""AUTOTRAINER's gap between the accuracies (`loss_issue` in its monitor.py)."""

OVERFIT_COST = 1.3
"""How much the validation cost has risen, as a ratio to its lowest."""

CONVERGED = 0.7
"""AUTOTRAINER's Θ: an accuracy below which a network has not converged."""

WINDOW, DECREASE = 5, 0.05
"""Loss.NonDecreasing in TheDeepChecker's settings: the number of measurements over which the cost
should fall, and by what fraction."""


def too_much_decay(m: Measurements) -> Figures | None:
    """Penalties that pull the weights to zero faster than they can be learned (TheDeepChecker's
    Overwhelming_Reg; Karpathy 2019: regularize only what overfits).
    """
    without = m.alternatives.get("no decay")
    if without is None or not _much_better(without, m):
        return None
    s = m.settings
    name = "l2" if s.l2 else "l1" if s.l1 else "max_norm"
    return _costs(m, without) | {"setting": name, "value": getattr(s, name)}


def too_much_dropout(m: Measurements) -> Figures | None:
    """A dropout probability above one half, with which the network cannot learn. For hidden units
    0.5 is about the best for many networks (Srivastava et al. 2014, JMLR 15, section 2).
    """
    without = m.alternatives.get("no dropout")
    if without is None or m.dropout <= 0.5 or not _much_better(without, m):
        return None
    return _costs(m, without) | {"value": m.dropout}


def rate_too_high(m: Measurements) -> Figures | None:
    """A rate with which the cost rises or stays high, while it falls with a lower one.

    TheDeepChecker's Loss.Diverging looks for a cost of twice the lowest; here the rates are
    compared on the same mini-batches (Smith 2017, arXiv 1506.01186).
    """
    lower = [other for name, other in m.alternatives.items() if name.startswith("rate /")]
    best = min(lower, key=lambda r: r.after, default=None)
    stays_high = m.current.after > max(HIGH * m.baseline, 0.5 * m.current.before)
    if best is None or not stays_high or not _much_better(best, m):
        return None
    return _costs(m, best) | {"value": m.settings.rate, "rate": best.rate}


def rate_too_low(m: Measurements) -> Figures | None:
    """A rate that gains almost nothing while a higher one gains much.

    TheDeepChecker's low_updates_min_thresh asks for updates of at least 10⁻⁴; what an update is
    worth depends on optimiser and cost, so here rates are compared on the same mini-batches.
    """
    higher = [other for name, other in m.alternatives.items() if name.startswith("rate x")]
    best = min(higher, key=lambda r: r.after, default=None)
    if best is None or m.learned or not _much_better(best, m):
        return None
    if m.current.gain >= NO_GAIN * best.gain:
        return None
    return _costs(m, best) | {"value": m.settings.rate, "rate": best.rate}


def stale_statistics(m: Measurements) -> Figures | None:
    """Batch normalisation whose statistics do not fit the weights, so that the network answers
    worse than it trains (Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1; TheDeepChecker's
    Switch_Mode_Consistency).
    """
    if m.batch_norm_costs is None:
        return None
    old, new = m.batch_norm_costs
    if old <= STALE_RATIO * new + 0.05 * m.baseline:
        return None
    return {"old": old, "new": new}


def one_answer(m: Measurements) -> Figures | None:
    """One answer for most cases, though it is right for few: what a diary called "always 0".

    An untrained network prefers some answer too, but costs no more than the baseline. It is a fault
    if the network is confident of that answer, or does not move away from it.
    """
    if m.batches < MIN_BATCHES:
        return None
    frequencies = m.data.frequencies
    answer = max(range(len(m.guesses)), key=lambda k: m.guesses[k] - frequencies[k])
    if m.guesses[answer] - frequencies[answer] < ONE_ANSWER:
        return None
    learning = m.current.gain > LEARNING * m.baseline
    if learning and m.cost <= CONFIDENTLY_WRONG * m.baseline:
        return None
    return {
        "answer": answer,
        "share": m.guesses[answer],
        "right": frequencies[answer],
        "recovers": learning,
    }


def over_fitting(m: Measurements) -> Figures | None:
    """Training cases read much better than validation cases, whose cost has risen.

    AUTOTRAINER looks for a gap between the accuracies, UMLAUT (Schoop et al. 2021, CHI) for a
    validation cost that rises while the training cost falls. Each alone is common in healthy
    networks, so both are required. The costs in the history include penalties, the present one does
    not: with large penalties this check finds nothing.
    """
    gap = m.train.accuracy - m.validation.accuracy
    costs = [measured.validation_cost for measured in m.history]
    lowest = min(costs, default=inf)
    if m.data.is_table or gap < OVERFIT_GAP or m.validation.cost < OVERFIT_COST * lowest:
        return None
    return {
        "train": m.train.accuracy,
        "validation": m.validation.accuracy,
        "lowest": lowest,
        "cost": m.validation.cost,
    }


def plateau(m: Measurements) -> Figures | None:
    """A cost that has stopped falling although the accuracy is low.

    By TheDeepChecker's Loss.NonDecreasing, for accuracies below AUTOTRAINER's Θ, unless the
    nearest neighbours do no better.
    """
    costs = [measured.cost for measured in m.history]
    if len(costs) <= WINDOW or m.data.is_table or m.learned or m.train.accuracy >= CONVERGED:
        return None
    before, lately = min(costs[:-WINDOW]), min(costs[-WINDOW:])
    if lately < (1 - DECREASE) * before or m.current.after < (1 - DECREASE) * m.current.before:
        return None
    since = m.history[-1].batches - m.history[-WINDOW - 1].batches
    return {"cost": lately, "before": before, "batches": since, "accuracy": m.train.accuracy}


def _much_better(other: Rehearsal, m: Measurements) -> bool:
    """Whether another setting lowers the cost, and much further than the present one."""
    return other.gain > 0 and other.after < m.current.after - BETTER * m.baseline


def _costs(m: Measurements, other: Rehearsal) -> dict[str, float | int | str]:
    """The cost before the rehearsal, after it, and after the alternative one."""
    return {"before": m.current.before, "after": m.current.after, "other": other.after}


CheckFunction = Callable[[Measurements], Figures | None]


@dataclass(frozen=True)
class Check:
    """A check and the code of the fault it finds.

    explained_by: codes of faults that cause this one. If one of them was found, the check is
    skipped.
    """

    code: str
    function: CheckFunction
    explained_by: frozenset[str] = frozenset()


# groups of faults: of the data, of the layers, of the settings
_DATA = frozenset({"same-inputs", "pixels", "labels", "imbalance", "too-few"})

_LAYERS = frozenset({"symmetric", "dead", "saturated", "vanishing", "exploding", "ignores-inputs"})

_SETTINGS = frozenset({"initial-cost", "decay", "dropout", "rate-high", "rate-low"})

# faults that disturb everything else in the network
_FATAL = frozenset({"same-inputs", "pixels", "symmetric", "dead"})

# faults that settings may explain: if there are no others, alternative settings are tried
_EXPLAINED_BY_SETTINGS = frozenset({"one-answer", "plateau"})

CHECKS = (
    Check("same-inputs", same_inputs),
    Check("pixels", unscaled_pixels),
    Check("imbalance", imbalance, frozenset({"same-inputs"})),
    Check("labels", wrong_labels, frozenset({"same-inputs", "imbalance"})),
    Check("symmetric", symmetric_weights),
    Check("dead", dead_relus, _FATAL),
    Check("saturated", saturated_units, _FATAL),
    Check("exploding", exploding_gradient, _FATAL | {"saturated"}),
    Check("vanishing", vanishing_gradient, _FATAL | {"saturated"}),
    Check("ignores-inputs", ignored_inputs, _FATAL | {"saturated", "vanishing"}),
    Check("initial-cost", initial_cost, _FATAL | _LAYERS),
    Check("stale", stale_statistics),
    Check("cannot-fit", cannot_fit, _FATAL | _LAYERS),
    Check("decay", too_much_decay, _FATAL | _LAYERS),
    Check("dropout", too_much_dropout, _FATAL | _LAYERS | {"decay"}),
    Check(
        "rate-high",
        rate_too_high,
        _DATA | _LAYERS | {"initial-cost", "decay", "dropout"},
    ),
    Check("rate-low", rate_too_low, _DATA | _LAYERS | _SETTINGS | {"cannot-fit"}),
    Check("too-few", too_few_cases),
    Check("over-fitting", over_fitting, _DATA | {"stale"}),
    Check(
        "one-answer",
        one_answer,
        _DATA | _LAYERS | _SETTINGS | {"stale", "cannot-fit"},
    ),
    Check(
        "plateau",
        plateau,
        _DATA | _LAYERS | _SETTINGS | {"stale", "cannot-fit", "one-answer"},
    ),
)
"""All checks, in the order in which their findings are reported."""


def diagnose(
    trainer: Trainer, train: Cases, validation: Cases, stop: Stop
) -> Generator[str, None, list[Finding]]:
    """Returns a network's faults, causes first; yields what it is doing. Changes nothing.

    Raises Interrupted if `stop` returns True, and ValueError if deformations are set and the inputs
    are not square pictures.
    """
    if not trainer.network.is_finite():
        return [Finding("not-finite", {})]
    measured = yield from measure(trainer, train, validation, stop)
    if {found.code for found in judge(measured)} <= _EXPLAINED_BY_SETTINGS:
        measured = yield from try_alternatives(measured, trainer, train, stop)
    return judge(measured)


def judge(m: Measurements) -> list[Finding]:
    """Runs the checks on the measurements."""
    findings: list[Finding] = []
    for check in CHECKS:
        if check.explained_by & {found.code for found in findings}:
            continue
        figures = check.function(m)
        if figures is not None:
            findings.append(Finding(check.code, figures))
    return findings

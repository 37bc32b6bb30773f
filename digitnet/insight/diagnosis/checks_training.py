"""Checks of the training: settings that prevent learning, and trainings that fail.

Each takes the measurements and returns the figures that show its fault, or None. A setting is a
fault if a copy learns much better with another value, on the same mini-batches. Differences of
costs are measured in units of the baseline.
"""

from math import inf

from digitnet.insight.diagnosis.finding import Figures
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import Rehearsal

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

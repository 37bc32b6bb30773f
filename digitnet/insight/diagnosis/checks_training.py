"""Checks of the training: settings that keep the network from learning, or learning that fails.

Each takes the measurements and gives the figures that show its fault, or None. A setting is a fault
where a copy learns much better with another one, on the same mini-batches: whatever the optimiser
and the cost are, that is what a person wants to know. Costs are told in costs of the baseline.
"""

from math import inf

from digitnet.insight.diagnosis.finding import Figures
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import Rehearsal

BETTER = 0.2
"""By how much the cost has to be lower with another setting, in costs of the baseline."""
HIGH = 0.6
"""A cost is high from this part of the cost of the baseline on."""
NO_GAIN = 0.1
"""A rate is too low that gains less than this part of what a higher one gains."""
STALE_RATIO = 1.5
"""relative_loss_diff_max_thresh in TheDeepChecker's settings: 50 % between training and answer."""
ONE_ANSWER = 0.5
"""By how much an answer is given more often than it is right, as a share of all cases."""
ENOUGH = 200
"""Mini-batches after which a network should have more than one answer."""
SURE = 1.5
"""A network that costs so many times the baseline is sure of what is wrong."""
LEARNING = 0.05
"""A network that gains this part of the baseline's cost in its rehearsal is learning."""
OVERFIT_GAP = 0.1
"""AUTOTRAINER's gap between the accuracies (`loss_issue` in its monitor.py)."""
OVERFIT_COST = 1.3
"""How much the validation cost has risen, as a ratio to its lowest."""
SATISFIED = 0.7
"""AUTOTRAINER's Θ: an accuracy below which a network has not converged."""
WINDOW, DECREASE = 5, 0.05
"""Loss.NonDecreasing in TheDeepChecker's settings: measurements in which the cost should have
fallen, by what part."""


def too_much_decay(m: Measurements) -> Figures | None:
    """Penalties that pull the weights to zero faster than the cases teach them (TheDeepChecker's
    Overwhelming_Reg; Karpathy 2019: regularize only what overfits).
    """
    free = m.others.get("no decay")
    if free is None or not _much_better(free, m):
        return None
    s = m.settings
    name = "l2" if s.l2 else "l1" if s.l1 else "max_norm"
    return _costs(m, free) | {"setting": name, "value": getattr(s, name)}


def too_much_dropout(m: Measurements) -> Figures | None:
    """So many units left out that what is left cannot learn. For hidden units one half is about
    the best for many networks (Srivastava et al. 2014, JMLR 15, section 2).
    """
    free = m.others.get("no dropout")
    if free is None or m.dropout <= 0.5 or not _much_better(free, m):
        return None
    return _costs(m, free) | {"value": m.dropout}


def rate_too_high(m: Measurements) -> Figures | None:
    """A rate with which the cost rises, or stays high, while a lower one brings it down.

    TheDeepChecker's Loss.Diverging looks for a cost of twice the lowest; here the same mini-batches
    at a lower rate tell (Smith 2017, arXiv 1506.01186).
    """
    lower = [other for name, other in m.others.items() if name.startswith("rate /")]
    best = min(lower, key=lambda r: r.after, default=None)
    stays_high = m.as_set.after > max(HIGH * m.baseline, 0.5 * m.as_set.before)
    if best is None or not stays_high or not _much_better(best, m):
        return None
    return _costs(m, best) | {"value": m.settings.rate, "rate": best.rate}


def rate_too_low(m: Measurements) -> Figures | None:
    """A rate that gains next to nothing where a higher one gains much.

    TheDeepChecker's low_updates_min_thresh asks for steps of 10⁻⁴ and more; what a step is worth
    depends on optimiser and cost, so here the same mini-batches at a higher rate tell.
    """
    higher = [other for name, other in m.others.items() if name.startswith("rate x")]
    best = min(higher, key=lambda r: r.after, default=None)
    if best is None or m.learned or not _much_better(best, m):
        return None
    if m.as_set.gain >= NO_GAIN * best.gain:
        return None
    return _costs(m, best) | {"value": m.settings.rate, "rate": best.rate}


def stale_statistics(m: Measurements) -> Figures | None:
    """Batch normalisation whose statistics are not those of the weights that answer: the network
    answers otherwise than it learned (Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1;
    TheDeepChecker's Switch_Mode_Consistency).
    """
    if m.stale is None:
        return None
    old, new = m.stale
    if old <= STALE_RATIO * new + 0.05 * m.baseline:
        return None
    return {"old": old, "new": new}


def one_answer(m: Measurements) -> Figures | None:
    """One answer for most cases, though it is right for few: what a diary called "always 0".

    A network that has just begun prefers some answer, and costs no more than the baseline. It is a
    fault where the network is sure of that answer, or does not get away from it.
    """
    if m.batches < ENOUGH:
        return None
    shares = m.data.shares
    answer = max(range(len(m.guesses)), key=lambda k: m.guesses[k] - shares[k])
    if m.guesses[answer] - shares[answer] < ONE_ANSWER:
        return None
    learning = m.as_set.gain > LEARNING * m.baseline
    if learning and m.cost <= SURE * m.baseline:
        return None
    return {
        "answer": answer,
        "share": m.guesses[answer],
        "right": shares[answer],
        "recovers": learning,
    }


def over_fitting(m: Measurements) -> Figures | None:
    """Training cases read much better than others, and others worse than before.

    AUTOTRAINER looks for a gap between the accuracies, UMLAUT (Schoop et al. 2021, CHI) for a
    validation cost that rises while the training cost falls. Each alone is common in healthy
    networks; here it takes both. The costs of the history have penalties in them, which the one
    now has not: where they are large, this is silent.
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
    """A cost that has stopped falling long before the cases are read well.

    By TheDeepChecker's Loss.NonDecreasing, where the accuracy is below AUTOTRAINER's Θ and the data
    would allow for more.
    """
    costs = [measured.cost for measured in m.history]
    if len(costs) <= WINDOW or m.data.is_table or m.learned or m.train.accuracy >= SATISFIED:
        return None
    before, lately = min(costs[:-WINDOW]), min(costs[-WINDOW:])
    if lately < (1 - DECREASE) * before or m.as_set.after < (1 - DECREASE) * m.as_set.before:
        return None
    since = m.history[-1].batches - m.history[-WINDOW - 1].batches
    return {"cost": lately, "before": before, "batches": since, "accuracy": m.train.accuracy}


def _much_better(other: Rehearsal, m: Measurements) -> bool:
    """Whether another setting brings the cost down, and much further than the present one."""
    return other.gain > 0 and other.after < m.as_set.after - BETTER * m.baseline


def _costs(m: Measurements, other: Rehearsal) -> dict[str, float | int | str]:
    """The cost before the rehearsal, after it, and after the other one."""
    return {"before": m.as_set.before, "after": m.as_set.after, "other": other.after}

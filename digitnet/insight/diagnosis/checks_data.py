"""Checks of the data: its range, its labels, and how many cases there are.

Each takes the measurements and returns the figures that show its fault, or None.
"""

from math import exp, log

from digitnet.insight.diagnosis.finding import Figures
from digitnet.insight.diagnosis.measurements import Measurements

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

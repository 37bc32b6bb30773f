"""Checks of the data: what the network sees, and whether its answers can be learned from that.

Each takes the measurements and gives the figures that show its fault, or None.
"""

from math import exp, log

from digitnet.insight.diagnosis.finding import Figures
from digitnet.insight.diagnosis.measurements import Measurements

MOST_PIXEL = 1.0
"""normalized_data_maxs in TheDeepChecker's settings; UMLAUT's bounds are −1 and 1, too."""
LEAST_EVENNESS = 0.5
"""labels_perp_min_thresh in TheDeepChecker's settings."""
LEAST_AGREEMENT = 0.6
"""Of digits with their neighbours; among 500 of MNIST's it is 0.84, among 1,500 it is 0.89."""
FEWEST_EACH = 30
"""Training cases for each answer."""


def unscaled_pixels(m: Measurements) -> Figures | None:
    """Inputs beyond 1, where weights are drawn for inputs of about that size.

    The first layer's sums are then as much too large, and its gradient again (LeCun et al. 1998,
    "Efficient BackProp", section 4.3). Checked as in UMLAUT (Schoop et al. 2021, CHI) and
    TheDeepChecker (Ben Braiek and Khomh 2022, arXiv 2204.00694). A network that has learned from
    such inputs all the same is left alone.
    """
    if m.data.high <= MOST_PIXEL or m.learned:
        return None
    return {"low": m.data.low, "high": m.data.high}


def same_inputs(m: Measurements) -> Figures | None:
    """Cases that are all the same: nothing can be learned from them."""
    if m.data.spread > 0:
        return None
    return {"value": m.data.high}


def wrong_labels(m: Measurements) -> Figures | None:
    """Answers that have little to do with the pictures.

    The nearest neighbours of a case have its answer at least half as often, in the limit, as any
    classifier could (Cover and Hart 1967, IEEE Trans. Inf. Theory 13(1)), and need no training: a
    picture whose neighbours mostly have another answer is probably labelled wrong (Wilson 1972,
    IEEE Trans. SMC 2(3)).
    """
    agreement, on_validation = m.data.agreement, m.data.validation_agreement
    if agreement is None or on_validation is None:
        return None
    n = len(m.data.shares)
    floor = LEAST_AGREEMENT if m.data.cases >= 50 * n else LEAST_AGREEMENT / 2
    if min(agreement, on_validation) >= floor:
        return None
    where = "training" if agreement < floor else "validation"
    return {"agreement": min(agreement, on_validation), "where": where}


def imbalance(m: Measurements) -> Figures | None:
    """Some answers are much rarer than others: a network learns to say the common ones.

    Evenness is the perplexity of the answers, exp(−Σ p ln p), as part of how many there are: 1
    where all are as frequent, 1 / answers where there is only one (TheDeepChecker).
    """
    shares = m.data.shares
    evenness = exp(-sum(p * log(p) for p in shares if p)) / len(shares)
    if evenness >= LEAST_EVENNESS:
        return None
    commonest = max(range(len(shares)), key=shares.__getitem__)
    return {"evenness": evenness, "answer": commonest, "share": shares[commonest]}


def too_few_cases(m: Measurements) -> Figures | None:
    """So few cases for each answer that most ways of writing it are never seen.

    Measured here: trained on 10, 30, 100 and 350 of MNIST's cases of each digit, `quick` reads
    some 74, 85, 90 and 95 % of others right. A small table that is all there is, is none of this.
    """
    each = m.data.cases / len(m.data.shares)
    if m.data.is_table or each >= FEWEST_EACH:
        return None
    return {"cases": m.data.cases, "each": each}

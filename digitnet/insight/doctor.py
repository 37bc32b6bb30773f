"""The doctor: the faults of a network, each a record, and the diagnosis.

To add a fault, write a function that looks at the facts and returns its evidence, or None, under
`@fault`: nothing else is needed. Causes stand above their consequences.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import exp, inf, isqrt, log
from typing import Any

from digitnet.engine.network import Network
from digitnet.engine.schedules import Schedule
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.insight.facts import Facts, Remedy, written
from digitnet.insight.rehearsal import Rehearsal, largest_dropout


@dataclass(frozen=True)
class Evidence:
    """What shows a fault, in a sentence, and remedies of which the best is given."""

    text: str
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class Fault:
    """A fault that the doctor knows.

    what: a sentence that says what is wrong. find: the evidence, or None if the network does not
    have the fault. unless: names or groups of faults that explain it; if one of them was found, it
    is not looked for.
    """

    name: str
    group: str
    what: str
    find: Callable[[Facts], Evidence | None]
    unless: frozenset[str]


DATA, SETTINGS, LAYERS, LEARNING = "data", "settings", "layers", "learning"
"""Groups of faults: of the data, of the settings, inside the network, of what it has learned."""

FATAL = {"same-inputs", "pixels", "symmetric", "dead", SETTINGS}
"""Faults that disturb everything else in the network."""

FAULTS: dict[str, Fault] = {}
"""All faults by name, in the order in which they are looked for."""


def fault(
    name: str, group: str, what: str, unless: Iterable[str] = ()
) -> Callable[[Callable[[Facts], Evidence | None]], Callable[[Facts], Evidence | None]]:
    """Decorator that registers a fault; see `Fault`."""

    def register(find: Callable[[Facts], Evidence | None]) -> Callable[[Facts], Evidence | None]:
        FAULTS[name] = Fault(name, group, what, find, frozenset(unless))
        return find

    return register


@dataclass(frozen=True)
class Finding:
    """A fault that was found, in words.

    remedy: a line to type; empty if none helps. reached: the accuracy of a copy after a rehearsal
    with the remedy, and without it; None if it was not tried. batches: of the rehearsal.
    """

    code: str
    what: str
    evidence: str
    remedy: str = ""
    reached: tuple[float, float] | None = None
    batches: int = 0


def diagnose(facts: Facts) -> list[Finding]:
    """Returns a network's faults: causes first, and of several those whose cure helps most."""
    evidence: dict[str, Evidence] = {}
    for each in FAULTS.values():
        found = {word for name in evidence for word in (name, FAULTS[name].group)}
        measurable = facts.is_finite or each.group in (DATA, SETTINGS) or each.name == "not-finite"
        if measurable and not each.unless & found and (seen := each.find(facts)):
            evidence[each.name] = seen
    findings = [_worded(FAULTS[name], seen, facts) for name, seen in evidence.items()]
    return sorted(findings, key=lambda finding: -finding.reached[0] if finding.reached else -inf)


def _worded(found: Fault, seen: Evidence, facts: Facts) -> Finding:
    """The finding, with the remedy that reaches most. What was tried and does not help is left out;
    what cannot be tried is given only if nothing else is there.
    """
    tried = [(remedy.line, remedy.trial) for remedy in seen.remedies if remedy.trial]
    helpful = [(line, trial) for line, trial in tried if _helps(trial, facts)]
    if helpful:
        line, trial = max(helpful, key=lambda one: one[1].accuracy)
        reached = trial.accuracy, facts.rehearsal.accuracy
        return Finding(found.name, found.what, seen.text, line, reached, trial.batches)
    untried = [remedy.line for remedy in seen.remedies if remedy.trial is None]
    if tried and facts.is_finite and facts.is_learning:
        untried.append("t 1e")
    return Finding(found.name, found.what, seen.text, untried[0] if untried else "")


def _helps(trial: Rehearsal, facts: Facts) -> bool:
    now = facts.rehearsal
    return trial.accuracy > now.accuracy or trial.after < now.after - A_LITTLE * facts.baseline


def _percent(fraction: float, decimals: int = 0) -> str:
    return f"{100 * fraction:.{decimals}f} %"


def _more_cases(f: Facts) -> tuple[Remedy, ...]:
    return (Remedy(f.more_cases),) if f.more_cases else ()


# the data

MAX_INPUT = 1.0
"""normalized_data_maxs in TheDeepChecker's settings; UMLAUT's bounds are −1 and 1, too."""

MIN_EVENNESS = 0.5
"""labels_perp_min_thresh in TheDeepChecker's settings."""

MIN_AGREEMENT = 0.6
"""For handwritten digits; among 500 of MNIST's the agreement is 0.84, among 1,500 it is 0.89."""

MIN_CASES_PER_ANSWER = 30
"""Training cases for each answer."""


@fault("same-inputs", DATA, "All training cases look the same.")
def same_inputs(f: Facts) -> Evidence | None:
    """Nothing can be learned from cases that do not differ."""
    x, _ = f.reference
    if x.std(axis=0).any():
        return None
    return Evidence(f"every input is {x.max():g} in every case", _more_cases(f))


@fault("pixels", DATA, "The pixels are not scaled.")
def unscaled_pixels(f: Facts) -> Evidence | None:
    """Inputs above 1; initial weights are scaled for inputs of magnitude about 1.

    The first layer's weighted sums are too large by the same factor, and so is its gradient (LeCun
    et al. 1998, "Efficient BackProp", section 4.3). Checked as in UMLAUT (Schoop et al. 2021, CHI)
    and TheDeepChecker (Ben Braiek and Khomh 2022, arXiv 2204.00694). Not reported for a network
    that has learned. Weights that were trained on such pixels are useless for scaled ones.
    """
    x, _ = f.reference
    if x.max() <= MAX_INPUT or f.has_learned:
        return None
    text = f"inputs from {x.min():g} to {x.max():g}, weights made for 0 to 1"
    if f.settings.pixels != "raw":
        return Evidence(text)
    return Evidence(text, (f.scaled(),))


@fault("imbalance", DATA, "The answers are unevenly distributed.", {"same-inputs"})
def imbalance(f: Facts) -> Evidence | None:
    """Some answers are much rarer than others, so that the network prefers the common ones.

    Evenness is the perplexity of the answers, exp(−Σ p ln p), divided by the number of those that
    occur (TheDeepChecker): 1 if all are equally frequent. A single answer is never even.
    """
    evenness = exp(-sum(p * log(p) for p in f.frequencies if p)) / f.occurring
    if evenness >= MIN_EVENNESS and f.occurring > 1:
        return None
    commonest = max(range(len(f.frequencies)), key=f.frequencies.__getitem__)
    share = _percent(f.frequencies[commonest])
    return Evidence(f"{share} of the training cases are {commonest}", _more_cases(f))


def _changed(f: Facts, how: str) -> Evidence | None:
    """Pictures or answers of one set that fit the others when they are changed back."""
    wrong = [name for name, a in f.agreements.items() if a.get(how, 0) >= max(_floor(f), 3 * a[""])]
    wrong = [name for name in wrong if f.agreements[name][how] == max(f.agreements[name].values())]
    if not wrong:
        return None
    a = f.agreements[wrong[0]]
    blamed = "training" if len(wrong) == len(f.sets) > 1 else " and ".join(wrong)
    return Evidence(
        f"{_percent(a[''])} of the {wrong[0]} cases have the answer of the training cases that "
        f"look most like them, and {_percent(a[how])} if {CHANGES[how][1]}; so it is the {blamed} "
        "set: mend its file, and import it again"
    )


def _floor(f: Facts) -> float:
    """The smallest agreement of right answers."""
    return MIN_AGREEMENT if len(f.train) >= 50 * f.occurring else MIN_AGREEMENT / 2


CHANGES = {
    "transposed": ("The pictures of one set are transposed.", "rows and columns are exchanged"),
    "inverted": ("The pictures of one set are inverted.", "dark and light are exchanged"),
    "shifted": ("The pictures of one set are shifted.", "they are moved to the others' centre"),
    "renamed": ("The answers of one set have other names.", "its answers are renamed"),
}
"""What may have happened to a set → what is wrong, and how it is undone."""

for _how, (_what, _) in CHANGES.items():
    fault(_how, DATA, _what, {DATA})(partial(_changed, how=_how))


@fault("labels", DATA, "The answers do not match the pictures.", set(CHANGES) | {"imbalance"})
def wrong_labels(f: Facts) -> Evidence | None:
    """Answers that are mostly wrong.

    A picture whose neighbours mostly have another answer is probably labelled wrong (Wilson 1972,
    IEEE Trans. SMC 2(3)).
    """
    if f.agreement is None or not f.reference[0].std(axis=0).any():
        return None
    agreements = {"training": f.agreement} | {name: a[""] for name, a in f.agreements.items()}
    where, agreement = next(
        ((name, value) for name, value in agreements.items() if value < _floor(f)), ("", 1.0)
    )
    if not where:
        return None
    return Evidence(
        f"only {_percent(agreement)} of the {where} cases have the answer of most of the cases "
        "that look most like them",
        _more_cases(f),
    )


@fault("too-few", DATA, "There are too few training cases.")
def too_few_cases(f: Facts) -> Evidence | None:
    """Too few cases of each answer to cover the ways of writing it.

    Measured here: trained on 10, 30, 100 and 350 of MNIST's cases of each digit, `quick` reads
    about 74, 85, 90 and 95 % of others correctly. Toy tables, which are complete, are exempt.
    """
    each = len(f.train) / f.occurring
    if f.is_table or each >= MIN_CASES_PER_ANSWER:
        return None
    return Evidence(f"{len(f.train):,} cases, {each:.0f} for each answer", _more_cases(f))


# the settings

ENOUGH, A_LITTLE = 0.5, 0.05
"""A rate is good if the cost falls by the first fraction of the baseline, and worse than the one
before if the cost is higher by the second."""

LEARNS = 0.2
"""A network learns if its cost falls below this fraction of the baseline."""

BETTER = 0.2
"""How much lower the cost must be with another setting, in units of the baseline."""

HIGH = 0.6
"""A cost is high above this fraction of the baseline."""

NO_GAIN = 0.1
"""A rate is too low if it gains less than this fraction of what a higher one gains."""

LOWER, HIGHER = (0.1, 0.01, 0.001), (10.0, 100.0, 1e3, 1e4, 1e5)
"""Factors of lower and higher rates, tried in this order until one is good, or worse."""


def subject(f: Facts) -> Facts | None:
    """Whose settings are judged: a network that does not learn, though its layers are sound.

    If its layers are not, the network as it was before training. None if there is nothing to judge.
    """
    if is_broken(f):
        if not f.batches or is_broken(f.untrained):
            return None
        f = f.untrained
    learns = f.rehearsal.after <= LEARNS * f.baseline
    if learns or (f.has_learned and f.rehearsal.gain > -LEARNS * f.baseline):
        return None
    return f


def is_broken(f: Facts) -> bool:
    """Whether any fault inside the network is found."""
    return not f.is_finite or any(e.group == LAYERS and e.find(f) for e in FAULTS.values())


STRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "schedule": ("The schedule is over: its rate has fallen to nothing.", {"schedule": "constant"}),
    "decay": ("The penalty on large weights is too strong.", {"l2": 0.0, "l1": 0.0}),
    "max-norm": ("The cap on the weights of a unit is too low.", {"max_norm": 0.0}),
    "clip": ("The cap on the gradient is too low.", {"clip": 0.0}),
    "dropout": ("Too many units are left out.", {"dropout": 0.2}),
    "augment": ("The cases are deformed too much.", {"augment": "none"}),
    "smoothing": ("The targets are smoothed too much.", {"smoothing": 0.0}),
    "momentum": ("The momentum coefficient is too high.", {"momentum": 0.9}),
}
"""Fault of a setting that is too strong → what is wrong, and milder settings.

Penalties: TheDeepChecker's Overwhelming_Reg; Karpathy 2019: regularize only what overfits. Dropout:
for hidden units 0.5 is about the best for many networks (Srivastava et al. 2014, JMLR 15)."""


def _too_strong(f: Facts, name: str) -> Evidence | None:
    """A setting without which the cost falls much further in a rehearsal."""
    patient = subject(f)
    if patient is None or not (mild := _milder(patient, name)):
        return None
    everything = {key: value for each in STRONG for key, value in _milder(patient, each).items()}
    if not _is_better(patient.change(**everything), patient):
        return None
    remedy = patient.change(**mild)
    if not _is_better(remedy, patient):
        return None
    present: dict[str, Any] = {key: getattr(patient.settings, key) for key in mild}
    if "dropout" in mild:
        present["dropout"] = largest_dropout(patient.network)
    return _compared(patient, remedy, written(present), written(mild))


def _milder(f: Facts, name: str) -> dict[str, Any]:
    """The values of settings that are milder than the present ones."""
    s = f.settings
    strong = {
        "schedule": Schedule.parse(s.schedule).horizon is not None,
        "augment": s.augment != "none",
        "dropout": largest_dropout(f.network) > 0.5,
        "momentum": s.momentum > 0.95,
    }
    mild = STRONG[name][1]
    return {k: value for k, value in mild.items() if strong.get(k, getattr(s, k) != value)}


def _is_better(remedy: Remedy, f: Facts) -> bool:
    """Whether a remedy lowers the cost, and much further than the present settings."""
    trial = remedy.trial
    return bool(trial and trial.gain > 0 and trial.after < f.rehearsal.after - BETTER * f.baseline)


def _compared(f: Facts, remedy: Remedy, present: str, other: str) -> Evidence:
    """The evidence of a setting: the costs with it and with another value."""
    assert remedy.trial is not None
    now = f.rehearsal
    start = "" if f.batches or not f.is_copy else " from the start"
    text = (
        f"cost {now.before:.3g} to {now.after:.3g} in a short training{start} with {present}, to "
        f"{remedy.trial.after:.3g} with {other}"
    )
    return Evidence(text, (remedy,))


for _name, _words in STRONG.items():
    fault(_name, SETTINGS, _words[0], {DATA})(partial(_too_strong, name=_name))


@fault("rate-high", SETTINGS, "The learning rate is too high.", {DATA, SETTINGS})
def rate_too_high(f: Facts) -> Evidence | None:
    """A rate with which the cost rises or stays high, while it falls with a lower one.

    TheDeepChecker's Loss.Diverging looks for a cost of twice the lowest; here the rates are
    compared on the same mini-batches (Smith 2017, arXiv 1506.01186).
    """
    patient = subject(f)
    if patient is None:
        return None
    now = patient.rehearsal
    if now.after <= max(HIGH * patient.baseline, 0.5 * now.before):
        return None
    return _other_rate(patient, LOWER, inf)


@fault("rate-low", SETTINGS, "The learning rate is too low.", {DATA, SETTINGS})
def rate_too_low(f: Facts) -> Evidence | None:
    """A rate that gains almost nothing while a higher one gains much.

    TheDeepChecker's low_updates_min_thresh asks for updates of at least 10⁻⁴; what an update is
    worth depends on optimiser and cost, so here rates are compared on the same mini-batches.
    """
    patient = subject(f)
    if patient is None or patient.has_learned:
        return None
    seen = _other_rate(patient, HIGHER, patient.rehearsal.after)
    if seen is None or patient.rehearsal.gain >= NO_GAIN * seen.remedies[0].gain:
        return None
    return seen


def _other_rate(f: Facts, factors: Iterable[float], lowest: float) -> Evidence | None:
    """The best of some rates, if it is much better than the present one."""
    remedies = []
    for factor in factors:
        rate = float(f"{f.settings.rate * factor:.6g}")
        remedy = f.change(rate=rate)
        remedies.append((remedy, rate))
        worse = remedy.after > lowest + A_LITTLE * f.baseline
        if worse or remedy.gain > ENOUGH * f.baseline:
            break
        lowest = remedy.after
    best, best_rate = min(remedies, key=lambda one: one[0].after)
    if not _is_better(best, f):
        return None
    return _compared(f, best, written({"rate": f.settings.rate}), written({"rate": best_rate}))


# the layers

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

MIN_WIDTH, MIN_CHANNELS = 100, 16
"""Layers with fewer units or channels may be too small."""


@fault(
    "not-finite", LAYERS, "The weights are no longer numbers: training has blown up.", {SETTINGS}
)
def not_finite(f: Facts) -> Evidence | None:
    """Weights that have overflowed."""
    if f.is_finite:
        return None
    return Evidence("NaN or infinity among the weights", (f.untrained.renew(),))


@fault("symmetric", LAYERS, "Units have the same weights, and will keep them.", {SETTINGS})
def symmetric_weights(f: Facts) -> Evidence | None:
    """Units of a hidden layer with identical weights. Their gradients are identical too, so they
    never become different (Goodfellow et al. 2016, "Deep Learning", section 8.4).
    """
    return _worst_layer(f, "duplicates", MAX_UNITS, "are copies of another")


@fault("dead", LAYERS, "Most ReLUs of a layer are dead: no case switches them on.", FATAL)
def dead_relus(f: Facts) -> Evidence | None:
    """ReLUs that are zero for every case: their gradient is zero, so they cannot recover.

    A channel of a convolution is dead if it is zero at every position of every picture (Maas et al.
    2013, ICML workshop; TheDeepChecker). Not reported for a network that learns all the same.
    """
    seen = _worst_layer(f, "dead", MAX_DEAD, "are 0 for every case")
    return None if seen is None or f.is_learning else seen


@fault("saturated", LAYERS, "Most units of a layer are saturated, and hardly learn.", FATAL)
def saturated_units(f: Facts) -> Evidence | None:
    """Sigmoids and tanhs near their limits, where the derivative and so the gradient is near zero.

    Not reported for a trained network that learns: saturation is then part of its answers (Glorot
    and Bengio 2010, AISTATS; Rakitianskaia and Engelbrecht 2015, IEEE SSCI; TheDeepChecker).
    """
    seen = _worst_layer(f, "saturated", MAX_UNITS, "are near their ends for almost every case")
    return None if seen is None or (f.batches and f.is_learning) else seen


def _worst_layer(f: Facts, kind: str, most: float, how: str) -> Evidence | None:
    """The hidden layer with the largest fraction of units of a kind, if there are too many."""
    layer = max(f.layers[:-1], key=lambda one: float(getattr(one, kind)), default=None)
    if layer is None or (fraction := getattr(layer, kind)) < most:
        return None
    return Evidence(
        f"layer {layer.number} ({layer.text}): {round(fraction * layer.units):,} of "
        f"{layer.units:,} {layer.activation} units {how}",
        (f.renew(),),
    )


@fault(
    "exploding",
    LAYERS,
    "The gradient explodes on its way back through the layers.",
    FATAL | {"saturated"},
)
def exploding_gradient(f: Facts) -> Evidence | None:
    """An error signal that grows from layer to layer on its way back (Pascanu et al. 2013, ICML).

    By AUTOTRAINER's threshold, applied to dC/da of the hidden layers. With weights that are too
    large, activations grow forward as the signal grows backward, so the gradient of the weights,
    the product of the two, is the same everywhere and shows nothing.
    """
    signals = [layer for layer in f.layers[:-1] if layer.gradient is not None]
    if len(signals) < 3 or not signals[0].signal > EXPLODING_RATIO * signals[-1].signal:
        return None
    if f.is_learning:
        return None
    norms = ", ".join(f"{layer.signal:.2g}" for layer in reversed(signals))
    text = f"the error signal, from layer {signals[-1].number} down: {norms}"
    return Evidence(text, (f.renew(),))


@fault(
    "vanishing",
    LAYERS,
    "The gradient vanishes on its way back through the layers.",
    FATAL | {"saturated"},
)
def vanishing_gradient(f: Facts) -> Evidence | None:
    """A gradient that becomes tiny on its way back to the first layer (Hochreiter 1991).

    By AUTOTRAINER's two thresholds. Not reported for a network that learns: after a successful
    training all gradients are small. ReLU's derivative is 1, a sigmoid's at most 1/4.
    """
    norms = [(layer, layer.gradient) for layer in f.layers if layer.gradient is not None]
    first, last = norms[0][1], norms[-1][1]
    if len(norms) < 2 or first >= VANISHING_RATIO * last or first >= VANISHING_NORM:
        return None
    if f.is_learning:
        return None
    told = ", ".join(f"{norm:.2g}" for _, norm in reversed(norms))
    with_relu = _respelled(f.network, r":(sigmoid|tanh)$", lambda _: ":relu")
    text = f"its norm, from layer {norms[-1][0].number} down: {told}"
    return Evidence(text, (f.renew(), f.renew(with_relu)))


@fault(
    "ignores-inputs",
    LAYERS,
    "The network ignores its inputs.",
    FATAL | {"saturated", "vanishing"},
)
def ignored_inputs(f: Facts) -> Evidence | None:
    """Outputs that do not depend on the case (Karpathy 2019, "A Recipe for Training Neural
    Networks": input-independent baseline; TheDeepChecker). Untrained networks with small weights
    may start like this if training changes it.
    """
    if f.response >= MIN_RESPONSE or (f.batches == 0 and f.is_learning):
        return None
    text = f"the sums of its outputs differ by {f.response:.1g} from case to case"
    return Evidence(text, (f.renew(),))


@fault(
    "initial-cost",
    LAYERS,
    "It starts out sure and wrong: the first weights of the outputs are too large.",
    FATAL | {LAYERS},
)
def initial_cost(f: Facts) -> Evidence | None:
    """An untrained network whose cost is far above that of chance: it is confidently wrong, and has
    to unlearn that first (Karpathy 2019: verify loss @ init; TheDeepChecker).
    """
    cost = f.rehearsal.before
    if f.batches or cost <= MAX_INITIAL_COST * f.chance:
        return None
    text = f"cost {cost:.3g} before any training, where guessing costs {f.chance:.3g}"
    return Evidence(text, (f.renew(),))


@fault("cannot-fit", LAYERS, "It cannot learn even 16 cases by heart.", FATAL | {LAYERS})
def cannot_fit(f: Facts) -> Evidence | None:
    """Sixteen cases that a copy cannot memorise, with Adam and without dropout or penalties
    (Karpathy 2019: overfit one batch; TheDeepChecker's mislabeled_rate_max_thresh allows 5 % wrong:
    none of 16).
    """
    if f.fitted == 1:
        return None
    text = f"{_percent(f.fitted)} of them right at best, after 600 steps on nothing else"
    return Evidence(text, (f.renew(_larger(f.network)),))


def _larger(network: Network) -> Network:
    """The same network with more units and channels in its small hidden layers."""

    def widened(word: re.Match[str]) -> str:
        least = MIN_CHANNELS if word[2] else MIN_WIDTH
        return f"{max(int(word[1]), least)}{word[2]}"

    return _respelled(network, r"^(\d+)(c?)", widened)


def _respelled(network: Network, pattern: str, new: Callable[[re.Match[str]], str]) -> Network:
    """A network whose hidden layers are written differently, not initialised."""
    size, *hidden, output = spelled_out(network).split("-")
    shape = "-".join([size, *(re.sub(pattern, new, word) for word in hidden), output])
    return network_of(shape, cost=network.cost_name, dtype=network.dtype)


# what it has learned

STALE_RATIO = 1.5
"""relative_loss_diff_max_thresh in TheDeepChecker's settings: 50 % between training and answer."""

ONE_ANSWER = 0.5
"""How much more often an answer is given than it occurs, as a fraction of all cases."""

MIN_BATCHES = 200
"""Mini-batches after which a network should give more than one answer."""

CONFIDENTLY_WRONG = 1.5
"""A network whose cost is this many times the baseline is confidently wrong."""

RECOVERING = 0.05
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


@fault("stale", LEARNING, "The statistics of batch normalisation are not those of the weights.")
def stale_statistics(f: Facts) -> Evidence | None:
    """Batch normalisation whose statistics do not fit the weights, so that the network answers
    worse than it trains (Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1; TheDeepChecker's
    Switch_Mode_Consistency).
    """
    if f.statistics_costs is None:
        return None
    old, new = f.statistics_costs
    if old <= STALE_RATIO * new + 0.05 * f.baseline:
        return None
    return Evidence(f"cost {old:.3g} with them, {new:.3g} with new ones", (Remedy("t 1"),))


@fault(
    "over-fitting",
    LEARNING,
    "It learns its training cases by heart, and reads others worse than before.",
    {DATA, "stale"},
)
def over_fitting(f: Facts) -> Evidence | None:
    """Training cases read much better than validation cases, whose cost has risen.

    AUTOTRAINER looks for a gap between the accuracies, UMLAUT (Schoop et al. 2021, CHI) for a
    validation cost that rises while the training cost falls. Each alone is common in healthy
    networks, so both are required. The costs in the history include penalties, the present one does
    not: with large penalties this check finds nothing.
    """
    train, validation = f.on_train.accuracy, f.on_validation.accuracy
    lowest = min((measured.validation_cost for measured in f.history), default=inf)
    cost = f.on_validation.cost
    if f.is_table or train - validation < OVERFIT_GAP or cost < OVERFIT_COST * lowest:
        return None
    square = isqrt(f.network.inputs) ** 2 == f.network.inputs
    remedy = "set augment light" if square and f.settings.augment == "none" else "set dropout 0.2"
    if f.settings.cases:
        remedy = "set cases all"
    return Evidence(
        f"{_percent(train, 1)} of the training cases right, {_percent(validation, 1)} of the "
        f"validation cases, whose cost has risen from {lowest:.3g} to {cost:.3g}",
        (Remedy(remedy),),
    )


@fault(
    "one-answer",
    LEARNING,
    "It gives the same answer to almost everything.",
    {DATA, LAYERS, SETTINGS, "stale"},
)
def one_answer(f: Facts) -> Evidence | None:
    """One answer for most cases, though it is right for few: what a diary called "always 0".

    An untrained network prefers some answer too, but costs no more than the baseline. It is a fault
    if the network is confident of that answer, or does not move away from it.
    """
    if f.batches < MIN_BATCHES:
        return None
    answer = max(range(len(f.guesses)), key=lambda k: f.guesses[k] - f.frequencies[k])
    given, right = f.guesses[answer], f.frequencies[answer]
    recovers = f.rehearsal.gain > RECOVERING * f.baseline
    sure = f.rehearsal.before > CONFIDENTLY_WRONG * f.baseline
    if given - right < ONE_ANSWER or (recovers and not sure):
        return None
    text = f"{_percent(given)} of its guesses are {answer}, {_percent(right)} of the cases"
    return Evidence(text, (Remedy("t 1e") if recovers else f.renew(),))


@fault(
    "plateau",
    LEARNING,
    "It has stopped learning, with much left to learn.",
    {DATA, LAYERS, SETTINGS, "stale", "one-answer"},
)
def plateau(f: Facts) -> Evidence | None:
    """A cost that has stopped falling although the accuracy is low.

    By TheDeepChecker's Loss.NonDecreasing, for accuracies below AUTOTRAINER's Θ, unless the
    nearest neighbours do no better.
    """
    costs, now = [measured.cost for measured in f.history], f.rehearsal
    if len(costs) <= WINDOW or f.is_table or f.has_learned or f.on_train.accuracy >= CONVERGED:
        return None
    before, lately = min(costs[:-WINDOW]), min(costs[-WINDOW:])
    if lately < (1 - DECREASE) * before or now.after < (1 - DECREASE) * now.before:
        return None
    since = f.history[-1].batches - f.history[-WINDOW - 1].batches
    larger = _larger(f.network)
    return Evidence(
        f"cost {before:.3g}, and {since:,} mini-batches later {lately:.3g}; "
        f"{_percent(f.on_train.accuracy, 1)} of the training cases right",
        (f.renew(larger) if larger.shape != f.network.shape else Remedy("find rate"),),
    )

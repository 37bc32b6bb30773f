"""The doctor: the faults of a network, each one record, and the diagnosis.

To add a fault, write under `@fault` a function that looks at the facts and returns its evidence, or
None; nothing else is needed. Causes stand above their consequences. Most thresholds are those of
TheDeepChecker (Ben Braiek and Khomh 2022, arXiv 2204.00694), AUTOTRAINER (Zhang et al. 2021, ICSE)
and UMLAUT (Schoop et al. 2021, CHI); many checks are told by Karpathy (2019, "A Recipe for Training
Neural Networks").
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, inf, isqrt, log
from typing import Any, TypeAlias

import numpy as np

from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.schedules import Schedule
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.insight.facts import Facts, Remedy, written
from digitnet.insight.rehearsal import Rehearsal, largest_dropout

Evidence: TypeAlias = tuple[str, Sequence[Remedy]] | None
"""What shows a fault, in a sentence, and remedies of which the best is given; None: no fault."""

Find: TypeAlias = Callable[[Facts], Evidence]

DATA, SETTINGS, LAYERS, LEARNING = "data", "settings", "layers", "learning"
"""Groups of faults: of the data, of the settings, inside the network, of what it has learned."""

FATAL = {"same-inputs", "pixels", "symmetric", "dead", SETTINGS}
"""Faults that disturb everything else in the network."""


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
    find: Find
    unless: Collection[str]


FAULTS: dict[str, Fault] = {}
"""All faults by name, in the order in which they are looked for."""


def fault(name: str, group: str, what: str, unless: Collection[str] = ()) -> Callable[[Find], Find]:
    """Decorator that registers a fault; see `Fault`."""

    def register(find: Find) -> Find:
        FAULTS[name] = Fault(name, group, what, find, unless)
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
    findings: list[Finding] = []
    for each in FAULTS.values():
        known = {word for f in findings for word in (f.code, FAULTS[f.code].group)}
        measurable = facts.is_finite or each.group in (DATA, SETTINGS) or each.name == "not-finite"
        if not measurable or not known.isdisjoint(each.unless):
            continue
        with np.errstate(all="ignore"):  # huge weights overflow
            if evidence := each.find(facts):
                findings.append(_worded(each, *evidence, facts))
    return sorted(findings, key=lambda finding: -finding.reached[0] if finding.reached else -inf)


def _worded(of: Fault, evidence: str, remedies: Sequence[Remedy], facts: Facts) -> Finding:
    """The finding, with the remedy that reaches most.

    What was tried and does not help is left out; what cannot be tried is given if nothing else is
    there.
    """
    now = facts.rehearsal if any(remedy.attempt for remedy in remedies) else None
    tried = [(r.line, r.trial) for r in remedies if now and r.attempt and _helps(r.trial, now)]
    if now and tried:
        line, trial = max(tried, key=lambda one: one[1].accuracy)
        reached = trial.accuracy, now.accuracy
        return Finding(of.name, of.what, evidence, line, reached, trial.batches)
    untried = [remedy.line for remedy in remedies if remedy.attempt is None]
    if now and facts.is_finite and facts.is_learning:
        untried.append("t 1e")
    return Finding(of.name, of.what, evidence, untried[0] if untried else "")


def _helps(trial: Rehearsal, now: Rehearsal) -> bool:
    return trial.accuracy > now.accuracy or trial.after < 0.95 * now.after


def _percent(fraction: float, decimals: int = 0) -> str:
    return f"{100 * fraction:.{decimals}f} %"


# the data


@fault("same-inputs", DATA, "All training cases look the same.")
def same_inputs(f: Facts) -> Evidence:
    """Nothing can be learned from cases that do not differ."""
    x, _ = f.reference
    if x.std(axis=0).any():
        return None
    return f"every input is {x.max():g} in every case", f.more_cases


@fault("pixels", DATA, "The pixels are not scaled.")
def unscaled_pixels(f: Facts) -> Evidence:
    """Inputs above 1; initial weights are scaled for inputs of magnitude about 1.

    The first layer's weighted sums are too large by the same factor, and so is its gradient (LeCun
    et al. 1998, "Efficient BackProp", section 4.3). Not reported for a network that has learned.
    """
    x, _ = f.reference
    if x.max() <= 1 or f.has_learned:
        return None
    text = f"inputs from {x.min():g} to {x.max():g}, weights made for 0 to 1"
    return text, [f.scaled()] if f.settings.pixels == "raw" else []


@fault("imbalance", DATA, "The answers are unevenly distributed.", {"same-inputs"})
def imbalance(f: Facts) -> Evidence:
    """Some answers are much rarer than others, so that the network prefers the common ones.

    Evenness is the perplexity of the answers, exp(−Σ p ln p), divided by the number of those that
    occur (TheDeepChecker): 1 if all are equally frequent. A single answer is never even.
    """
    evenness = exp(-sum(p * log(p) for p in f.frequencies if p)) / f.occurring
    if evenness >= 0.5 and f.occurring > 1:
        return None
    commonest = max(range(len(f.frequencies)), key=f.frequencies.__getitem__)
    share = _percent(f.frequencies[commonest])
    return f"{share} of the training cases are {commonest}", f.more_cases


CHANGES = {
    "transposed": ("The pictures of one set are transposed.", "rows and columns are exchanged"),
    "inverted": ("The pictures of one set are inverted.", "dark and light are exchanged"),
    "shifted": ("The pictures of one set are shifted.", "they are moved to the others' centre"),
    "renamed": ("The answers of one set have other names.", "its answers are renamed"),
}
"""What may have happened to a set → what is wrong, and how it is undone."""


def _changed(f: Facts, how: str) -> Evidence:
    """Pictures or answers of one set that fit the others when they are changed back."""
    wrong = [
        name
        for name, agreement in f.agreements.items()
        if agreement.get(how, 0) == max(agreement.values()) > max(_floor(f), 3 * agreement[""])
    ]
    if not wrong:
        return None
    agreement = f.agreements[wrong[0]]
    blamed = "training" if len(wrong) == len(f.sets) > 1 else wrong[0]
    return (
        f"{_percent(agreement[''])} of the {wrong[0]} cases have the answer of the training cases "
        f"that look most like them, and {_percent(agreement[how])} if {CHANGES[how][1]}; so the "
        f"{blamed} set is wrong: mend its file, and import it again",
        (),
    )


def _floor(f: Facts) -> float:
    """The smallest agreement of right answers: among 500 of MNIST's cases it is 0.84."""
    return 0.6 if len(f.train) >= 50 * f.occurring else 0.3


for _name, _words in CHANGES.items():
    fault(_name, DATA, _words[0], {DATA})(partial(_changed, how=_name))


@fault("labels", DATA, "The answers do not match the pictures.", {*CHANGES, "imbalance"})
def wrong_labels(f: Facts) -> Evidence:
    """A picture whose neighbours mostly have another answer is probably labelled wrong (Wilson
    1972, IEEE Trans. SMC 2(3)).
    """
    if f.agreement is None or not f.reference[0].std(axis=0).any():
        return None
    agreements = {"training": f.agreement} | {name: a[""] for name, a in f.agreements.items()}
    wrong = [name for name, agreement in agreements.items() if agreement < _floor(f)]
    if not wrong:
        return None
    text = f"only {_percent(agreements[wrong[0]])} of the {wrong[0]} cases have the answer of most "
    return text + "of the cases that look most like them", f.more_cases


@fault("too-few", DATA, "There are too few training cases.")
def too_few_cases(f: Facts) -> Evidence:
    """Fewer than 30 cases of each answer, which do not cover the ways of writing it.

    Measured here: trained on 10, 30, 100 and 350 of MNIST's cases of each digit, `quick` reads
    about 74, 85, 90 and 95 % of others correctly. Toy tables, which are complete, are exempt.
    """
    each = len(f.train) / f.occurring
    if f.is_table or each >= 30:
        return None
    return f"{len(f.train):,} cases, {each:.0f} for each answer", f.more_cases


# the settings

BETTER = 0.2
"""How much lower the cost must be with another setting, in units of the baseline."""

LOWER, HIGHER = (0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6), (10.0, 100.0, 1e3, 1e4, 1e5)
"""Factors of lower and higher rates, tried in this order until one is good, or worse."""


def subject(f: Facts) -> Facts | None:
    """Whose settings are judged: a network that does not learn, though its layers are sound.

    If its layers are not, the network as it was before training. None if there is nothing to judge.
    """
    if is_broken(f):
        if not f.batches or is_broken(f.untrained):
            return None
        f = f.untrained
    learns = f.rehearsal.after <= 0.2 * f.baseline
    gets_worse = f.rehearsal.after >= f.rehearsal.before + 0.2 * f.baseline
    return None if learns or (f.has_learned and not gets_worse) else f


def is_broken(f: Facts) -> bool:
    """Whether any fault inside the network is found."""
    return not f.is_finite or any(e.group == LAYERS and e.find(f) for e in FAULTS.values())


STRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "schedule": ("The schedule is over: its rate has fallen to nothing.", {"schedule": "constant"}),
    "decay": ("The penalty on large weights is too strong.", {"l2": 0.0}),
    "l1": ("The penalty on the sizes of weights is too strong.", {"l1": 0.0}),
    "max-norm": ("The cap on the weights of a unit is too low.", {"max_norm": 0.0}),
    "clip": ("The cap on the gradient is too low.", {"clip": 0.0}),
    "dropout": ("Too many units are left out.", {"dropout": 0.2}),
    "augment": ("The cases are deformed too much.", {"augment": "none"}),
    "smoothing": ("The targets are smoothed too much.", {"smoothing": 0.0}),
    "momentum": ("The momentum coefficient is too high.", {"momentum": 0.9}),
}
"""Fault of a setting that is too strong → what is wrong, and milder settings.

Regularize only what overfits (Karpathy 2019). For hidden units a dropout of 0.5 is about the best
for many networks (Srivastava et al. 2014, JMLR 15, section 2)."""


def _too_strong(f: Facts, name: str) -> Evidence:
    """A setting without which the cost falls much further in a rehearsal."""
    patient = subject(f)
    if patient is None or not (mild := _milder(patient, name)):
        return None
    everything = {key: value for each in STRONG for key, value in _milder(patient, each).items()}
    if not _is_better(patient.change(**everything), patient):
        return None
    remedy = patient.change(**mild)
    present: dict[str, Any] = {key: getattr(patient.settings, key) for key in mild}
    if "dropout" in mild:
        present["dropout"] = largest_dropout(patient.network)
    return _compared(patient, remedy, present, mild) if _is_better(remedy, patient) else None


def _milder(f: Facts, name: str) -> dict[str, Any]:
    """The values of settings that are milder than the present ones."""
    s = f.settings
    strong = {
        "schedule": Schedule.parse(s.schedule).horizon is not None,
        "l2": s.l2 > 1e-3,
        "dropout": largest_dropout(f.network) > 0.5,
        "momentum": s.momentum > 0.95,
    }
    mild = STRONG[name][1]
    return {k: value for k, value in mild.items() if strong.get(k, getattr(s, k) != value)}


for _name, _strong in STRONG.items():
    fault(_name, SETTINGS, _strong[0], {DATA})(partial(_too_strong, name=_name))


@fault("rate-high", SETTINGS, "The learning rate is too high.", {DATA, SETTINGS})
def rate_too_high(f: Facts) -> Evidence:
    """A rate with which the cost rises or stays high, while it falls with a lower one.

    The rates are compared on the same mini-batches (Smith 2017, arXiv 1506.01186). For a network
    that has learned, also a rate ten times the optimiser's usual one, if a copy learns better with
    that.
    """
    patient = subject(f)
    if patient is not None:
        stays_high = patient.rehearsal.after > 0.6 * patient.baseline
        return _other_rate(patient, LOWER, inf) if stays_high else None
    usual = OPTIMIZERS[f.settings.optimizer].usual_rate
    if not f.is_finite or not f.has_learned or f.settings.rate < 10 * usual:
        return None
    remedy = f.untrained.change(rate=usual)
    if remedy.trial.accuracy < f.untrained.rehearsal.accuracy + 0.03:
        return None
    return _compared(f.untrained, remedy, {"rate": f.settings.rate}, {"rate": usual})


@fault("rate-low", SETTINGS, "The learning rate is too low.", {DATA, SETTINGS})
def rate_too_low(f: Facts) -> Evidence:
    """A rate that gains less than a fifth of what a higher one gains.

    What an update is worth depends on optimiser and cost, so no size of updates is asked for.
    """
    patient = subject(f)
    if patient is None or patient.has_learned:
        return None
    now = patient.rehearsal
    evidence = _other_rate(patient, HIGHER, now.after)
    if evidence and patient.gain(now) < 0.2 * patient.gain(evidence[1][0].trial):
        return evidence
    return None


def _other_rate(f: Facts, factors: Sequence[float], lowest: float) -> Evidence:
    """The best of some rates, if it is much better than the present one."""
    remedies: dict[float, Remedy] = {}
    for factor in factors:
        rate = float(f"{f.settings.rate * factor:.6g}")
        remedies[rate] = f.change(rate=rate)
        trial = remedies[rate].trial
        worse = lowest < 0.9 * f.baseline and trial.after > lowest + 0.05 * f.baseline
        if worse or f.gain(trial) > 0.75:
            break
        lowest = min(lowest, trial.after)
    best = min(remedies, key=lambda rate: remedies[rate].trial.after)
    if not _is_better(remedies[best], f):
        return None
    return _compared(f, remedies[best], {"rate": f.settings.rate}, {"rate": best})


def _is_better(remedy: Remedy, f: Facts) -> bool:
    """Whether a remedy lowers the cost, and much further than the present settings."""
    gain = f.gain(remedy.trial)
    return gain > max(0, f.gain(f.rehearsal) + BETTER)


def _compared(f: Facts, remedy: Remedy, now: dict[str, Any], other: dict[str, Any]) -> Evidence:
    """The evidence of a setting: the costs with it and with another value."""
    before, after = f.rehearsal.before, f.rehearsal.after
    start = " of an untrained copy" if f.is_copy else ""
    return (
        f"cost {before:.3g} to {after:.3g} in a short training{start} with {written(now)}, to "
        f"{remedy.trial.after:.3g} with {written(other)}",
        [remedy],
    )


# the layers


@fault("not-finite", LAYERS, "The weights are no longer numbers: training blew up.", {SETTINGS})
def not_finite(f: Facts) -> Evidence:
    """Weights that have overflowed."""
    return None if f.is_finite else ("NaN or infinity among the weights", [f.untrained.renew()])


@fault("symmetric", LAYERS, "Units have the same weights, and will keep them.", {SETTINGS})
def symmetric_weights(f: Facts) -> Evidence:
    """Units of a hidden layer with identical weights. Their gradients are identical too, so they
    never become different (Goodfellow et al. 2016, "Deep Learning", section 8.4).
    """
    return _worst_layer(f, "duplicates", 0.5, "are copies of another")


@fault("dead", LAYERS, "Most ReLUs of a layer are dead: no case switches them on.", FATAL)
def dead_relus(f: Facts) -> Evidence:
    """ReLUs that are zero for every case: their gradient is zero, so they cannot recover.

    A channel of a convolution is dead if it is zero at every position of every picture (Maas et al.
    2013, ICML workshop). In small layers, half may be dead without harm. Not reported for a network
    that learns all the same.
    """
    evidence = _worst_layer(f, "dead", 0.7, "are 0 for every case")
    return evidence if evidence and not f.is_learning else None


@fault("saturated", LAYERS, "Most units of a layer are saturated, and hardly learn.", FATAL)
def saturated_units(f: Facts) -> Evidence:
    """Sigmoids and tanhs near their limits, where the derivative and so the gradient is near zero.

    Not reported for a trained network that learns: saturation is then part of its answers (Glorot
    and Bengio 2010, AISTATS; Rakitianskaia and Engelbrecht 2015, IEEE SSCI).
    """
    evidence = _worst_layer(f, "saturated", 0.5, "are near their ends for almost every case")
    return evidence if evidence and not (f.batches and f.is_learning) else None


def _worst_layer(f: Facts, kind: str, most: float, how: str) -> Evidence:
    """The hidden layer with the largest fraction of units of a kind, if there are too many."""
    layer = max(f.layers[:-1], key=lambda one: float(getattr(one, kind)), default=None)
    if layer is None or (fraction := getattr(layer, kind)) < most:
        return None
    units = f"{round(fraction * layer.units):,} of {layer.units:,} {layer.activation} units"
    remedies = [f.renew(), f.renew(_larger(f.network))]
    return f"layer {layer.number} ({layer.text}): {units} {how}", remedies


@fault(
    "exploding", LAYERS, "The gradient explodes on its way back through the layers.",
    FATAL | {"saturated"},
)  # fmt: skip
def exploding_gradient(f: Facts) -> Evidence:
    """An error signal that grows more than 70-fold on its way back (Pascanu et al. 2013, ICML).

    By AUTOTRAINER's threshold, applied to dC/da of the hidden layers. With weights that are too
    large, activations grow forward as the signal grows backward, so the gradient of the weights,
    the product of the two, is the same everywhere and shows nothing.
    """
    layers = [layer for layer in f.layers[:-1] if layer.gradient is not None]
    if len(layers) < 3 or not layers[0].signal > 70 * layers[-1].signal or f.is_learning:
        return None
    signals = ", ".join(f"{layer.signal:.2g}" for layer in reversed(layers))
    return f"the error signal, from layer {layers[-1].number} down: {signals}", [f.renew()]


@fault(
    "vanishing", LAYERS, "The gradient vanishes on its way back through the layers.",
    FATAL | {"saturated"},
)  # fmt: skip
def vanishing_gradient(f: Facts) -> Evidence:
    """A gradient that becomes tiny on its way back through the layers (Hochreiter 1991).

    By AUTOTRAINER's two thresholds; or if it falls to a hundredth, and the same network learns with
    ReLU, whose derivative is 1 where a sigmoid's is at most 1/4. Not reported for a network that
    learns: after a successful training all gradients are small.
    """
    norms = [(layer.number, layer.gradient) for layer in f.layers if layer.gradient is not None]
    lowest, (number, last) = min(norm for _, norm in norms), norms[-1]
    if lowest >= 1e-2 * last or f.is_learning:
        return None
    with_relu = f.renew(_respelled(f.network, r":(sigmoid|tanh)$", lambda _: ":relu"))
    tiny = lowest < min(1e-3 * last, 1e-4)
    if not tiny and with_relu.trial.accuracy < f.rehearsal.accuracy + 0.2:
        return None
    told = ", ".join(f"{norm:.2g}" for _, norm in reversed(norms))
    return f"its norm, from layer {number} down: {told}", [f.renew(), with_relu]


@fault(
    "ignores-inputs", LAYERS, "The network ignores its inputs.", FATAL | {"saturated", "vanishing"}
)
def ignored_inputs(f: Facts) -> Evidence:
    """Outputs that do not depend on the case (Karpathy 2019: input-independent baseline).

    Untrained networks with small weights may start like this if training changes it.
    """
    if f.response >= 1e-3 or (f.batches == 0 and f.is_learning):
        return None
    return f"the sums of its outputs differ by {f.response:.1g} from case to case", [f.renew()]


@fault(
    "initial-cost", LAYERS,
    "It starts out sure and wrong: the first weights of the outputs are too large.",
    FATAL | {LAYERS},
)  # fmt: skip
def initial_cost(f: Facts) -> Evidence:
    """An untrained network whose cost is more than twice that of chance: it is confidently wrong,
    and has to unlearn that first (Karpathy 2019: verify loss @ init).
    """
    cost = f.rehearsal.before
    if f.batches or cost <= 2 * f.chance:
        return None
    text = f"cost {cost:.3g} before any training, where guessing costs {f.chance:.3g}"
    return text, [f.renew()]


@fault("cannot-fit", LAYERS, "It cannot learn even 16 cases by heart.", FATAL | {LAYERS})
def cannot_fit(f: Facts) -> Evidence:
    """Sixteen cases of which a copy cannot memorise twelve, with Adam and without dropout or
    penalties (Karpathy 2019: overfit one batch). Saturating outputs may leave a few for later.
    """
    if f.fitted > 0.75:
        return None
    text = f"{_percent(f.fitted)} of them right at best, after 600 steps on nothing else"
    return text, [f.renew(_larger(f.network))]


def _larger(network: Network) -> Network:
    """The same network with at least 100 units or 16 channels in its hidden layers."""

    def widened(word: re.Match[str]) -> str:
        return f"{max(int(word[1]), 16 if word[2] else 100)}{word[2]}"

    return _respelled(network, r"^(\d+)(c?)", widened)


def _respelled(network: Network, pattern: str, new: Callable[[re.Match[str]], str]) -> Network:
    """A network whose hidden layers are written differently, not initialised."""
    size, *hidden, output = spelled_out(network).split("-")
    shape = "-".join([size, *(re.sub(pattern, new, word) for word in hidden), output])
    try:
        return network_of(shape, cost=network.cost_name, dtype=network.dtype)
    except ValueError:  # it would be too large
        return network


# what it has learned


@fault("stale", LEARNING, "The statistics of batch normalisation are not those of the weights.")
def stale_statistics(f: Facts) -> Evidence:
    """Batch normalisation whose statistics do not fit the weights, so that the network answers
    worse, by half, than it trains (Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1).
    """
    if f.statistics_costs is None:
        return None
    old, new = f.statistics_costs
    if old <= 1.5 * new + 0.05 * f.baseline:
        return None
    return f"cost {old:.3g} with them, {new:.3g} with new ones", [Remedy("t 1")]


@fault(
    "over-fitting", LEARNING,
    "It learns its training cases by heart, and reads others worse than before.",
    {DATA, "stale"},
)  # fmt: skip
def over_fitting(f: Facts) -> Evidence:
    """Training cases read much better than validation cases, whose cost has risen.

    AUTOTRAINER looks for a gap between the accuracies, UMLAUT for a validation cost that rises
    while the training cost falls. Each alone is common in healthy networks, so both are required.
    The costs in the history include penalties, the present one does not: with large penalties this
    check finds nothing.
    """
    train, validation = f.on_train.accuracy, f.on_validation.accuracy
    lowest = min((measured.validation_cost for measured in f.history), default=inf)
    cost = f.on_validation.cost
    if f.is_table or train - validation < 0.1 or cost < 1.3 * lowest:
        return None
    square = isqrt(f.network.inputs) ** 2 == f.network.inputs
    remedy = "set augment light" if square and f.settings.augment == "none" else "set dropout 0.2"
    return (
        f"{_percent(train, 1)} of the training cases right, {_percent(validation, 1)} of the "
        f"validation cases, whose cost has risen from {lowest:.3g} to {cost:.3g}",
        [Remedy("set cases all" if f.settings.cases else remedy)],
    )


@fault(
    "one-answer", LEARNING, "It gives the same answer to almost everything.",
    {DATA, LAYERS, SETTINGS, "stale"},
)  # fmt: skip
def one_answer(f: Facts) -> Evidence:
    """One answer for most cases, though it is right for few: what a diary called "always 0".

    An untrained network prefers some answer too, but costs no more than the baseline. It is a fault
    if the network is confident of that answer, or does not move away from it.
    """
    if f.batches < 200:
        return None
    answer = max(range(len(f.guesses)), key=lambda k: f.guesses[k] - f.frequencies[k])
    given, right = f.guesses[answer], f.frequencies[answer]
    now = f.rehearsal
    recovers = now.after < now.before - 0.05 * f.baseline
    if given - right < 0.5 or (recovers and now.before <= 1.5 * f.baseline):
        return None
    text = f"{_percent(given)} of its guesses are {answer}, {_percent(right)} of the cases"
    return text, [Remedy("t 1e") if recovers else f.renew()]


@fault(
    "plateau", LEARNING, "It has stopped learning, with much left to learn.",
    {DATA, LAYERS, SETTINGS, "stale", "one-answer"},
)  # fmt: skip
def plateau(f: Facts) -> Evidence:
    """A cost that has not fallen by 5 % in five measurements (TheDeepChecker) although less than
    70 % is right (AUTOTRAINER), unless the nearest neighbours do no better. With fewer
    measurements, one that does not fall in a rehearsal either.
    """
    costs, now = [measured.cost for measured in f.history], f.rehearsal
    if f.batches < 200 or f.is_table or f.has_learned or f.on_train.accuracy >= 0.7:
        return None
    if now.after < 0.95 * now.before:
        return None
    text = f"cost {now.before:.3g} to {now.after:.3g} in a short training; "
    if len(costs) > 5:
        before, lately = min(costs[:-5]), min(costs[-5:])
        if lately < 0.95 * before:
            return None
        since = f.history[-1].batches - f.history[-6].batches
        text = f"cost {before:.3g}, and {since:,} mini-batches later {lately:.3g}; "
    larger = _larger(f.network)
    remedy = f.renew(larger) if larger.shape != f.network.shape else Remedy("find rate")
    return f"{text}{_percent(f.on_train.accuracy, 1)} of the training cases right", [remedy]


# the sets, in which a network learns, but not what is wanted


@fault("repeated", LEARNING, "Many training cases are the same.", {"same-inputs"})
def repeated_cases(f: Facts) -> Evidence:
    """More than a fifth of the cases are copies, which teach nothing more."""
    if f.is_table or len(f.different) >= 0.8 * len(f.train):
        return None
    return f"{len(f.different):,} different ones among {len(f.train):,} cases", ()


@fault("seen", LEARNING, "Training cases are in another set, so its accuracy is too good.")
def seen_in_training(f: Facts) -> Evidence:
    """More than a tenth of the cases of a set are training cases."""
    for name, cases in f.sets.items():
        seen = sum(row.tobytes() in f.different for row in cases.inputs) / len(cases)
        if seen > 0.1 and not f.is_table:
            return f"{_percent(seen)} of the {name} cases are training cases", ()
    return None

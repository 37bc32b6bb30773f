"""The doctor: the faults of a network, each one record, and the diagnosis.

To add a fault, write under `@fault` a function that looks at the facts and returns its evidence, or
None; nothing else is needed. Its name is the fault's, its docstring what `doctor 1` explains.
Causes stand above their consequences. Most thresholds are those of TheDeepChecker (Ben Braiek and
Khomh 2022, arXiv 2204.00694), AUTOTRAINER (Zhang et al. 2021, ICSE) and UMLAUT (Schoop et al. 2021,
CHI); many checks are told by Karpathy (2019, "A Recipe for Training Neural Networks").
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp, inf, log, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from digitnet.engine.arrays import answers_of
from digitnet.engine.augment import Augment
from digitnet.engine.evaluate import evaluate, outputs_for
from digitnet.engine.layers import BatchNorm, Dense
from digitnet.engine.network import Network
from digitnet.engine.pictures import Convolution, MaxPool
from digitnet.engine.run import Meter
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings, all_spelled
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.engine.trainer import Trainer
from digitnet.insight.data import DAMAGES, frequencies_of
from digitnet.insight.facts import Facts, Remedy
from digitnet.insight.rehearsal import LEAST_BATCH, Rehearsal, largest_dropout, training_copy

# what shows a fault, in a sentence, and remedies, of which the best is given and which may be made
# when they are asked for; None: no fault
Evidence: TypeAlias = tuple[str, Iterable[Remedy]] | None
Find: TypeAlias = Callable[[Facts], Evidence]

ANY_GROUP = DATA, SETTINGS, LAYERS, LEARNING = "data", "settings", "layers", "learning"
# faults that disturb everything else in the network
FATAL = {"same-inputs", "pixels", "linear", "symmetric", "small-weights", "dead", SETTINGS}
# faults that are not looked for in a member of a committee, which nobody trains on
OF_TRAINING = {"cannot-fit", "stale", "over-fitting", "few-steps", "plateau", "linear"}


@dataclass(frozen=True)
class Fault:
    """A fault that the doctor knows."""

    name: str
    group: str
    what: str  # a sentence that says what is wrong
    why: str  # what that means, at length
    find: Find
    unless: Collection[str] = ()  # names or groups of faults that explain it


FAULTS: dict[str, Fault] = {}  # all faults by name, in the order in which they are looked for


def fault(group: str, what: str, unless: Collection[str] = ()) -> Callable[[Find], Find]:
    """Registers the fault that a function finds, under the function's name; see `Fault`."""

    def register(find: Find) -> Find:
        name = find.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, group, what, inspect.getdoc(find) or "", find, unless)
        return find

    return register


@dataclass(frozen=True)
class Finding:
    """A fault that was found, in words."""

    code: str
    group: str
    what: str
    why: str
    evidence: str
    remedy: str = ""  # a line to type; empty if none helps
    reached: tuple[float, float] | None = None  # accuracy with the remedy, and without
    # what a copy comes to after each line that was tried; without a line, as it is
    trials: Mapping[str, Rehearsal] = field(default_factory=dict, compare=False)


@np.errstate(all="ignore")  # huge weights overflow
def diagnose(facts: Facts) -> list[Finding]:
    """Returns a network's faults: causes first, and of several those whose cure helps most; of a
    committee, those of its members.
    """
    if facts.network.is_committee:
        return _of_members(facts)
    findings: list[Finding] = []
    known: set[str] = set()
    for each in FAULTS.values():
        measurable = facts.is_finite or each.group in (DATA, SETTINGS) or each.name == "not-finite"
        skipped = facts.is_member and (each.group == SETTINGS or each.name in OF_TRAINING)
        is_asked = measurable and not skipped and known.isdisjoint(each.unless)
        if is_asked and (evidence := each.find(facts)):
            findings.append(_worded(each, *evidence, facts))
            known |= {each.name, each.group}
    return sorted(findings, key=lambda f: (f.group == LEARNING, -(f.reached or [inf])[0]))


def _of_members(of: Facts) -> list[Finding]:
    """The faults of a committee's members; those of the data only once.

    Each member has the inputs on its own scale.
    """
    members, findings, sets = list[Facts](), list[Finding](), of.data.sets
    how: dict[str, Any] = {"are_pictures": of.data.are_pictures, "named": of.named}
    for network, scale in of.network.members:
        trainer = Trainer(network.copy(network.dtype), Settings(), 0)
        trainer.progress.batches = 10_000  # how long it was trained is not known
        own, *others = (replace(c, scale=c.scale * scale) for c in (of.data.train, *sets.values()))
        its = dict(zip(sets, others, strict=True))
        members.append(Facts(trainer, own, its, of.anew, is_member=True, report=of.report, **how))
    usual = sorted(facts.on_validation.accuracy for facts in members)[len(members) // 2]
    for number, facts in enumerate(members, 1):
        told, accuracy = diagnose(facts), facts.on_validation.accuracy
        if not told and accuracy < usual - 0.05:
            right = f"{_percent(accuracy)} of the validation cases right, {_percent(usual)} usual"
            what = "A member is much worse than the others."
            why = "The outputs of all members count the same. Vote without it, or train it longer."
            told = [Finding("weak-member", LEARNING, what, why, right)]
        for each in told:
            if each.group != DATA:
                findings.append(replace(each, evidence=f"member {number}: {each.evidence}"))
            elif number == 1:
                findings.append(each)
    return findings


FOR_GOOD = ("linear", "symmetric", "cannot-fit")
"""Faults that no training cures: the remedy is named also where a short one shows no gain."""


def _worded(of: Fault, evidence: str, remedies: Iterable[Remedy], facts: Facts) -> Finding:
    """The finding, with the first remedy that reaches about the most, or one that cannot be tried
    if none helps.
    """
    about = of.name, of.group, of.what, of.why, evidence
    every = [] if facts.is_member else list(remedies)
    tried = {remedy.line: remedy.trial for remedy in every if remedy.attempt}
    # like with like: a new network with other settings, and one with the present ones
    anew = facts.untrained if of.group == SETTINGS else facts
    without = {line: (anew if line.startswith("n ") else facts).rehearsal for line in tried}
    helpful = {
        line: trial.accuracy
        for line, trial in tried.items()
        if trial.accuracy > without[line].accuracy or trial.after < 0.95 * without[line].after
    }
    if helpful:
        best = next(line for line in helpful if helpful[line] > max(helpful.values()) - 0.02)
        now = without[best]
        return Finding(*about, best, (helpful[best], now.accuracy), {"": now, **tried})
    lines = [remedy.line for remedy in every if not remedy.attempt]
    if tried and of.name in FOR_GOOD:
        lines += tried
    elif tried and facts.is_finite and facts.is_learning and of.group != SETTINGS:
        lines.append("t 1e")
    return Finding(*about, lines[0] if lines else "")


def _percent(fraction: float, decimals: int = 0) -> str:
    return f"{100 * fraction:.{decimals}f} %"


# the data


@fault(DATA, "The inputs are not scaled.")
def pixels(f: Facts) -> Evidence:
    """Initial weights are made for inputs of about 1. Larger ones make the sums of the first layer
    too large, and its gradient (LeCun et al. 1998, "Efficient BackProp"); much smaller ones hardly
    count. Batch normalization before the first layer scales them.
    """
    x, _ = f.data.reference
    least = 0 if f.data.are_pictures else 1e-3
    is_normalized = isinstance(f.network.layers[0], BatchNorm) or least <= np.square(x).mean() <= 10
    if is_normalized or f.data.is_toy or f.has_learned:
        return None
    text = f"inputs from {x.min():g} to {x.max():g}, weights made for about 1"
    renewed = partial(f.renew, pixels="unit")
    if not f.data.are_pictures or f.settings.pixels != "raw":
        size, rest = spelled_out(f.network).split("-", 1)
        normalized = network_of(f"{size}-b:linear-{rest}", cost=f.network.cost_name)
        renewed = partial(f.renew, normalized)
    remedies = [*_at_rates(f, renewed)]
    best = max(remedy.trial.accuracy for remedy in remedies)
    if best >= f.rehearsal.accuracy + MORE_RIGHT:
        return text, remedies
    return (text, ()) if np.square(x).mean() < least else None  # too small to be normalized


def _damaged(f: Facts, how: str) -> Evidence:
    """The sets do not fit each other, and do if one of them is changed back. Which is wrong, the
    cases cannot tell if there are two; of three, it is the one that differs from the others.
    """
    agreements, back = f.data.agreements, DAMAGES[how].back
    wrong = {
        name: each
        for name, each in agreements.items()
        if each.get(how, 0) == max(each.values()) > max(f.data.floor, 1.4 * each[""])
    }
    for name, each in wrong.items():
        blamed = "training" if len(wrong) == len(agreements) > 1 else name
        text = f"{_percent(each[''])} of the {name} cases have the answer of the training cases "
        text += f"that look most like them, and {_percent(each[how])} if {back}; so the {blamed} "
        return text + "set is wrong: fix its file and import it again, or use another data set", ()
    return None


for _name, _damage in DAMAGES.items():
    _why, _find = inspect.getdoc(_damaged) or "", partial(_damaged, how=_name)
    FAULTS[_name] = Fault(_name, DATA, _damage.what, _why, _find, {DATA})


@fault(DATA, "The inputs hardly differ from case to case.", {*DAMAGES, "pixels"})
def same_inputs(f: Facts) -> Evidence:
    """Nothing can be learned from cases that look the same to the network: each weighted sum is
    then the same too. The spread of an input is compared with its largest value.
    """
    x = f.data.reference[0]
    spread, largest = x.std(axis=0), np.abs(x).max(axis=0)
    text = f"no input varies by more than {spread.max():.1g} around its mean; the largest is "
    is_same = (spread <= 0.02 * largest).all()
    return (text + f"{largest.max():g}", f.more_cases) if is_same else None


@fault(DATA, "Some answers never occur in training.", {"same-inputs"})
def unseen(f: Facts) -> Evidence:
    """Cases whose answer never occurs in training are misread, however long it is trained."""
    trained = np.array(f.data.frequencies) > 0
    for name, cases in f.data.sets.items():
        other = frequencies_of(answers_of(cases.targets), cases.targets.shape[1])
        missing = {f.named(k): p for k, p in enumerate(other) if p and not trained[k]}
        if (many := sum(missing.values())) > 0.05:
            text = f"{', '.join(missing)}: {_percent(many)} of the {name} cases, and none of the "
            return text + "training cases", f.more_cases
    return None


@fault(DATA, "The answers are unevenly distributed.", {"same-inputs", "unseen"})
def imbalance(f: Facts) -> Evidence:
    """The network prefers common answers. The perplexity of n answers, exp(−Σ p ln p), is n if all
    are equally frequent (TheDeepChecker), and 1 if only one occurs; here it is much nearer to 1.
    It is no fault if the network reads the others about as well.
    """
    occurring, most = [p for p in f.data.frequencies if p], max(f.data.frequencies)
    perplexity, answer = exp(-sum(p * log(p) for p in occurring)), f.data.frequencies.index(most)
    if len(occurring) > 1 and perplexity - 1 >= 0.4 * (len(occurring) - 1):
        return None
    text = f"{_percent(most)} of the training cases are {f.named(answer)}"
    cases = f.data.sets["validation"]
    others = np.flatnonzero(answers_of(cases.targets) != answer)
    if f.batches and len(others):
        right = evaluate(f.answering, cases, others).accuracy
        text += f", and {_percent(right)} of the {len(others):,} other validation cases are right"
        if right > f.on_validation.accuracy - 0.1:
            return None
    return text, f.more_cases


@fault(DATA, "The pixels are out of order.", {*DAMAGES, "same-inputs"})
def scrambled(f: Facts) -> Evidence:
    """In pictures, a pixel is much like the one beside it. Pixels in random order are noise to the
    eye and to a convolution; a dense network can read them if all sets have the same order.
    """
    if min(f.data.smoothness.values(), default=1) >= 0.3:
        return None
    told = ", ".join(f"{value:.2f} in the {n} set" for n, value in f.data.smoothness.items())
    return f"a pixel and the one beside it correlate by {told}; 0.8 is typical", ()


UNLIKE = {*DAMAGES, "imbalance", "unseen", "scrambled", "same-inputs"}


@fault(DATA, "The answers do not match the pictures.", UNLIKE)
def labels(f: Facts) -> Evidence:
    """A picture whose neighbours mostly have another answer is probably labelled wrong (Wilson
    1972, IEEE Trans. SMC 2(3)). A file of answers that begins one case too late does this to all.
    """
    agreements = {name: each[""] for name, each in f.data.agreements.items()}
    for name, agreement in {"training": f.data.agreement, **agreements}.items():
        if f.data.are_pictures and agreement is not None and agreement < f.data.floor:
            text = f"only {_percent(agreement)} of the {name} cases have the answer of most of the "
            return text + "cases that look most like them", f.more_cases
    return None


@fault(DATA, "There are too few training cases.")
def too_few(f: Facts) -> Evidence:
    """Fewer than 30 cases of each answer do not cover the ways of writing it: trained on 10, 30,
    100 and 350 of MNIST's cases of each digit, `quick` reads about 74, 85, 90 and 95 % of others.
    """
    count, each = len(f.data.train), len(f.data.train) / f.data.occurring
    text = "a single case" if count == 1 else f"{count:,} cases, {each:.0f} for each answer"
    return (text, f.more_cases) if f.data.are_pictures and each < 30 else None


# the settings

BETTER = 0.2  # how much lower the cost must be with another setting, in units of the baseline
GOOD = 0.6  # how far a remedy lowers it if no other needs to be tried
HIGHER = 1, 10, 30  # times the usual rate, tried until one is good: sigmoids need higher ones
MORE_RIGHT = 0.03  # how much higher the accuracy, if the network learns all the same


def subject(f: Facts) -> Facts | None:
    """Whose settings are judged: a network that does not learn or, if its layers are unsound or it
    is far worse than a constant answer, the same before training. None: there is nothing to judge.
    """
    if is_broken(f) or (f.batches and f.rehearsal.before > 2 * f.baseline):
        if not f.batches or is_broken(f.untrained):
            return None
        f = f.untrained
    learns = f.rehearsal.after <= 0.2 * f.baseline
    gets_worse = f.rehearsal.after >= f.rehearsal.before + 0.2 * f.baseline
    return None if learns or (f.has_learned and not gets_worse) else f


def is_broken(f: Facts) -> bool:
    return not f.is_finite or any(e.group == LAYERS and e.find(f) for e in FAULTS.values())


class Strong(NamedTuple):
    """A setting that can be too strong; what, why: as of a fault."""

    what: str
    why: str
    mild: dict[str, Any]  # a milder setting
    is_strong: Callable[[Facts], bool]  # only then is it doubted although the network learns

    def milder(self, f: Facts) -> dict[str, Any]:
        """The milder setting, if the present one is to be doubted."""
        if self.mild.keys() & {"l2", "dropout", "momentum", "batch", "schedule"}:  # often in use
            return self.mild if self.is_strong(f) else {}
        return {k: v for k, v in self.mild.items() if getattr(f.settings, k) != v}


def _is_over(f: Facts) -> bool:
    part = Meter(Amount(1, "batches"), f.trainer, len(f.data.train)).part_of_horizon()
    return part is not None and (part > 1.05 or not f.has_learned)


def _deforms_much(f: Facts) -> bool:
    a = Augment.parse(f.settings.augment)
    return a.rotation > 30 or a.shift > 4 or a.zoom > 0.3 or a.shear > 0.5


STRONG = {
    "schedule": Strong(
        "The schedule is over: its rate has fallen to nothing.",
        "A schedule with a horizon lowers the rate to almost nothing over that much training.",
        {"schedule": "constant"}, _is_over,
    ),
    "batch": Strong(
        "The mini-batches are too small for the rate.",
        "The gradient of a single case is often far from that of all. Larger mini-batches average "
        "the noise away, and allow a higher rate (Bottou et al. 2018, SIAM Review 60(2)).",
        {"batch": 16}, lambda f: 0 < f.settings.batch < 8 and not f.data.is_toy,
    ),
    "decay": Strong(
        "The penalty on large weights is too strong.",
        "The L2 penalty pulls every weight towards zero. Regularize only what overfits (Karpathy).",
        {"l2": 0.0}, lambda f: f.settings.l2 > (0.5 if f.trainer.optimizer.decoupled else 1e-3),
    ),
    "l1": Strong(
        "The penalty on the sizes of weights is too strong.",
        "The L1 penalty holds every weight at zero whose gradient is smaller than the penalty's.",
        {"l1": 0.0}, lambda f: f.settings.l1 > 1e-4,
    ),
    "max-norm": Strong(
        "The cap on the weights of a unit is too low.",
        "After each step, the weights into every unit are scaled down to the norm max_norm.",
        {"max_norm": 0.0}, lambda f: 0 < f.settings.max_norm < 1,
    ),
    "clip": Strong(
        "The cap on the gradient is too low.",
        "A gradient longer than clip is shortened to it: a low one is the same as a lower rate.",
        {"clip": 0.0}, lambda f: 0 < f.settings.clip < 0.1,
    ),
    "dropout": Strong(
        "Too many units are left out.",
        "Too few units learn nothing; 0.5 suits many networks (Srivastava et al. 2014, JMLR 15).",
        {"dropout": 0.2}, lambda f: largest_dropout(f.network) > 0.5,
    ),
    "augment": Strong(
        "The cases are augmented too much.",
        "Augment only as far as you can still read them (show augment): a 6 upside down is a 9.",
        {"augment": "none"}, _deforms_much,
    ),
    "smoothing": Strong(
        "The targets are smoothed too much.",
        "Smoothing spreads a fraction of each target over all answers: at 1 all are the same.",
        {"smoothing": 0.0}, lambda f: f.settings.smoothing > 0.3,
    ),
    "momentum": Strong(
        "The momentum coefficient is too high.",
        "A momentum of μ makes the rate 1 / (1 − μ) times as high: 10 at 0.9, 1,000 at 0.999.",
        {"momentum": 0.9}, lambda f: f.settings.momentum > 0.95,
    ),
}  # fmt: skip


def _too_strong(f: Facts, name: str) -> Evidence:
    patient, strong = subject(f), STRONG[name]
    mild = strong.milder(patient) if patient else {}
    evidence = _keeps_from_learning(f, patient, mild) if patient and mild else None
    is_doubted = f.is_finite and not f.data.is_toy and strong.is_strong(f)
    is_doubted &= name != "schedule" or f.has_learned
    return evidence or (_holds_back(f, strong.mild) if is_doubted else None)


def _keeps_from_learning(f: Facts, patient: Facts, mild: dict[str, Any]) -> Evidence:
    """A setting without which a copy learns much more in a rehearsal."""
    everything = {k: v for each in STRONG.values() for k, v in each.milder(patient).items()}
    is_usual = 0.3 < patient.settings.rate / f.usual_rate < 3
    rates = [{}] if is_usual else [{}, {"rate": f.usual_rate}]
    if not any(_is_better(patient.change(**everything, **rate), patient) for rate in rates):
        return None
    remedies = [patient.change(**mild, **rate) for rate in rates]
    best = max(remedies, key=lambda remedy: patient.gain(remedy.trial))
    if not _is_better(best, patient) or (
        best is not remedies[0] and _is_better(patient.change(rate=f.usual_rate), patient)
    ):  # then it is the rate alone
        return None
    if f.batches and patient.gain(best.trial) <= GOOD:
        remedies.append(patient.untrained.change(**mild))
    return _compared(patient, [best, *remedies], mild)


def _holds_back(f: Facts, mild: dict[str, Any], least: float = MORE_RIGHT) -> Evidence:
    """A setting of a network that learns, but would learn better with a milder one."""
    patient = f if "schedule" in mild else f.untrained
    remedy, least = patient.change(**mild), 0.0 if patient is f else least
    is_good = patient is f or patient.gain(remedy.trial) > 0.5
    if not is_good or remedy.trial.accuracy < patient.rehearsal.accuracy + least:
        return None
    return _compared(patient, [f.change(**mild), remedy], mild)


for _name, _strong in STRONG.items():
    _find = partial(_too_strong, name=_name)
    FAULTS[_name] = Fault(_name, SETTINGS, _strong.what, _strong.why, _find, {DATA, "linear"})


@fault(SETTINGS, "The learning rate is too high.", {DATA, SETTINGS, "linear"})
def rate_high(f: Facts) -> Evidence:
    """The gradient points downhill only nearby: steps that are too long jump over the valley (Smith
    2017, arXiv 1506.01186). Adam's usual rate is 0.001, momentum's 0.05.
    """
    if patient := subject(f):
        high = 0.6 if patient is f else 0.2  # at which a rate is blamed, or what it has destroyed
        stays_high = patient.rehearsal.after > high * patient.baseline
        if stays_high and (evidence := _other_rate(patient, lower=True)):
            return evidence
    if f.settings.rate < 10 * f.usual_rate or f.data.is_toy:
        return None
    return _holds_back(f, {"rate": f.usual_rate}, 0.0 if is_broken(f) else MORE_RIGHT)


@fault(SETTINGS, "The learning rate is too low.", {DATA, SETTINGS, "linear"})
def rate_low(f: Facts) -> Evidence:
    """With a low rate, nothing goes wrong, and nothing goes on: a higher one gains more than five
    times as much in the same mini-batches.
    """
    patient = subject(f)
    return None if patient is None or patient.has_learned else _other_rate(patient, lower=False)


def _other_rate(f: Facts, *, lower: bool) -> Evidence:
    """The first of some rates that is about as good as the best, if it is much better than the
    present one. One far below the usual rate is doubted sooner.
    """
    remedies: dict[float, Remedy] = {}
    for factor in (*HIGHER, 0.1, 0.01):
        rate = float(f"{f.usual_rate * factor:.6g}")
        if rate < 0.5 * f.settings.rate if lower else rate > 2 * f.settings.rate:
            remedies[rate] = f.change(rate=rate)
            if f.gain(remedies[rate].trial) > GOOD:
                break
    if not remedies:
        return None
    gains = {rate: f.gain(remedy.trial) for rate, remedy in remedies.items()}
    best = next(rate for rate in gains if gains[rate] >= max(gains.values()) - 0.5 * BETTER)
    is_better = _is_better(remedies[best], f, 0.5 * BETTER if f.is_slow else BETTER)
    if not is_better or (not lower and f.gain(f.rehearsal) > 0.2 * gains[best]):
        return None
    return _compared(f, [remedies[best], *remedies.values()], {"rate": best})


def _is_better(remedy: Remedy, f: Facts, least: float = BETTER) -> bool:
    """Whether a remedy lowers the cost, and much further than the present settings."""
    return f.gain(remedy.trial) > max(0, f.gain(f.rehearsal) + least)


def _compared(f: Facts, remedies: Sequence[Remedy], other: dict[str, Any]) -> Evidence:
    """The evidence of a setting: the costs with it and with another value, the first remedy's."""
    now: dict[str, Any] = {name: getattr(f.settings, name) for name in other}
    if "dropout" in other:
        now["dropout"] = largest_dropout(f.network)
    start = " of an untrained copy" if f.is_copy else ""
    return (
        f"cost {f.rehearsal.before:.3g} to {f.rehearsal.after:.3g} in a short training{start} with "
        f"{all_spelled(now)}, to {remedies[0].trial.after:.3g} with {all_spelled(other)}",
        remedies,
    )


# the layers


@fault(LAYERS, "The weights are no longer numbers: training blew up.", {SETTINGS})
def not_finite(f: Facts) -> Evidence:
    """What is computed with infinity or NaN is so too, and stays so."""
    return None if f.is_finite else ("NaN or infinity among the weights", [f.untrained.renew()])


@fault(LAYERS, "Nothing between the layers is non-linear.", {DATA})
def linear(f: Facts) -> Evidence:
    """A weighted sum of weighted sums is a weighted sum: without an activation such as relu between
    them, several layers compute no more than one (Goodfellow et al. 2016, "Deep Learning", section
    6.1), here about 90 % of MNIST. Only the output layer may be linear.
    """
    *hidden, _ = [la for la in f.network.layers if isinstance(la, Dense | Convolution)]
    activations = {layer.config().get("activation", "linear") for layer in f.network.layers[:-1]}
    pools = any(isinstance(layer, MaxPool) for layer in f.network.layers)
    is_good = f.batches > 0 and f.on_validation.accuracy > 0.98
    if not hidden or pools or activations != {"linear"} or f.data.is_toy or is_good:
        return None
    shape = f.network.shape.split("-")
    text = f"{len(hidden)} hidden layers" if len(hidden) > 1 else f"layer 1 ({shape[1]})"
    text = f"{text}, with the activation linear: as good as {shape[0]}-{shape[-1]}, and no better"
    return text, [f.untrained.renew(_respelled(f.network, ":linear$", lambda _: ":relu"))]


@fault(LAYERS, "Units have the same weights, and will keep them.", {SETTINGS})
def symmetric(f: Facts) -> Evidence:
    """Units with the same weights, zero for example, have the same output and gradient: they stay
    the same and are worth one unit. That is why initial weights are random (Goodfellow et al. 2016,
    "Deep Learning", section 8.4).
    """
    return _worst_layer(f, "duplicates", 0.5, "are copies of another")


@fault(LAYERS, "The weights are almost zero: the network ignores its inputs.", FATAL)
def small_weights(f: Facts) -> Evidence:
    """The outputs are then the same whatever the case (Karpathy: input-independent baseline), and
    almost no error signal gets through to the layers below.
    """
    return _sized(f, "weights", lambda ratio: ratio < 0.05)


@fault(LAYERS, "Most ReLUs of a layer are dead: no case switches them on.", FATAL)
def dead(f: Facts) -> Evidence:
    """A ReLU whose sum is below zero for every case gives 0, and so does its derivative: it cannot
    recover. A high rate or large negative biases do that (Maas et al. 2013, ICML workshop). Some
    dead units do no harm.
    """
    evidence = _worst_layer(f, "dead", 0.7, "are 0 for every case")
    return evidence if evidence and not f.is_learning else None


@fault(LAYERS, "Most units of a layer are saturated, and hardly learn.", FATAL)
def saturated(f: Facts) -> Evidence:
    """Near its limits a sigmoid or tanh is flat, and its derivative, by which the gradient is
    multiplied, almost zero. Large weights or inputs do that (Glorot and Bengio 2010, AISTATS).
    """
    evidence = _worst_layer(f, "saturated", 0.5, "are near their ends for almost every case")
    return evidence if evidence and not (f.batches and f.is_learning) else None


def _worst_layer(f: Facts, kind: str, most: float, how: str) -> Evidence:
    """The hidden layer with the largest fraction of units of a kind, if there are too many."""
    layer = max(f.layers[:-1], key=lambda one: float(getattr(one, kind)), default=None)
    if layer is None or (fraction := getattr(layer, kind)) < most:
        return None
    units = f"{round(fraction * layer.units):,} of {layer.units:,} {layer.activation} units"
    text = f"layer {layer.number} ({layer.text}): {units} {how}"
    biases = [p.value.mean() for p in f.network.layers[layer.number - 1].parameters if not p.decays]
    if biases and abs(biases[-1]) > 1:
        text += f", and their biases are about {biases[-1]:.1f}"
    is_dense = isinstance(f.network.layers[layer.number - 1], Dense)
    is_narrow = is_dense and layer.units < min(10, f.network.outputs)
    if is_narrow and all(f.gain(remedy.trial) <= GOOD for remedy in _at_rates(f, f.renew)):
        return None  # for want of units: cannot_fit or plateau tells
    return text, _at_rates(f, f.renew, partial(f.renew, _larger(f.network)))


def _at_rates(f: Facts, *remedies: Callable[..., Remedy]) -> Iterator[Remedy]:
    """Remedies with the present rate or others, until one is good."""
    for remedy in remedies:
        for rate in (f.settings.rate, *(factor * f.usual_rate for factor in HIGHER)):
            yield (tried := remedy(rate=rate))
            if f.gain(tried.trial) > GOOD:
                return


@fault(LAYERS, "The gradient explodes on its way back through the layers.", FATAL | {"saturated"})
def exploding(f: Facts) -> Evidence:
    """The error signal dC/da is multiplied by the weights of each layer. If it grows more than
    70-fold (AUTOTRAINER's threshold), a step that is right for the last layers is far too long for
    the first (Pascanu et al. 2013, ICML).
    """
    layers = [layer for layer in f.layers[:-1] if layer.gradient is not None]
    if len(layers) < 3 or not layers[0].signal > 70 * layers[-1].signal or f.is_learning:
        return None
    told = ", ".join(f"{layer.signal:.2g}" for layer in reversed(layers))
    return f"the error signal from layer {layers[-1].number} down: {told}", _at_rates(f, f.renew)


@fault(LAYERS, "The gradient vanishes on its way back through the layers.", FATAL | {"exploding"})
def vanishing(f: Facts) -> Evidence:
    """The error signal is multiplied by the derivative of each activation, for a sigmoid at most
    1/4: through many of them it becomes tiny, and the first layers hardly learn (Hochreiter 1991).
    A ReLU's derivative is 1 where it is on.
    """
    norms = [(layer.number, layer.gradient) for layer in f.layers if layer.gradient is not None]
    lowest, (number, last) = min(norm for _, norm in norms), norms[-1]
    squashing = sum(layer.activation in ("sigmoid", "tanh") for layer in f.layers[:-1])
    if squashing < 3 or lowest >= 0.1 * last or f.is_learning:
        return None
    relu = _respelled(f.network, r":(sigmoid|tanh)$", lambda _: ":relu")
    tiny = lowest < min(1e-3 * last, 1e-4)
    if not tiny and f.renew(relu).trial.accuracy < f.rehearsal.accuracy + 0.2:
        return None
    told = ", ".join(f"{norm:.2g}" for _, norm in reversed(norms))
    others = [relu]
    if f.network.cost_name == "squared":
        others.append(network_of(f"{spelled_out(relu).rsplit('-', 1)[0]}-{relu.outputs}"))
    remedies = _at_rates(f, f.renew, *(partial(f.renew, other) for other in others))
    return f"its norm, from layer {number} down: {told}", remedies


@fault(LAYERS, "The weights are far too large to learn from.", FATAL | {LAYERS})
def large_weights(f: Facts) -> Evidence:
    """Initial weights keep the size of signals from layer to layer (Glorot and Bengio 2010; He et
    al. 2015). With far larger ones, the first answers are certain and wrong (Karpathy).
    """
    return _sized(f, "weights", lambda ratio: ratio > 5)


@fault(LAYERS, "The biases are far too large.", FATAL | {LAYERS})
def biases(f: Facts) -> Evidence:
    """A bias is added to the weighted sum of every case. Initial ones are zero; a large one decides
    alone whether a unit is on, and that of an output decides the answer.
    """
    return _sized(f, "biases", lambda ratio: ratio > 25)


def _sized(f: Facts, name: str, is_odd: Callable[[float], bool]) -> Evidence:
    """A layer with weights, or biases, of an odd size, if a new network learns much more."""
    if f.data.is_toy or f.is_member or f.is_copy:
        return None
    layers = zip(f.network.layers, f.untrained.network.layers, strict=True)
    for number, (layer, new) in enumerate(layers, 1):
        for p, q in zip(layer.parameters, new.parameters, strict=True):
            size, usual = (sqrt(np.square(v, dtype=float).mean()) for v in (p.value, q.value))
            if p.name == name and is_odd(size / (0.2 if name == "biases" else usual)):
                remedies = list(_at_rates(f, f.renew))
                gain = max(f.gain(remedy.trial) for remedy in remedies)
                has_grown = f.batches and size > usual  # in training, which needed it
                if (f.is_learning or has_grown) and gain <= f.gain(f.rehearsal) + 0.5 * BETTER:
                    return None
                told = f"{size:.2g}, and of a new network {usual:.2g}"
                return f"layer {number} ({layer.text}): their size is {told}", remedies
    return None


@fault(LAYERS, "It cannot memorize even a few cases.", FATAL | {LAYERS})
def cannot_fit(f: Facts) -> Evidence:
    """A sound network memorizes 16 cases: a copy should get thirteen right by Adam on nothing
    else (Karpathy: overfit one batch). If it cannot, a layer is too narrow, or missing.
    """
    right, count = f.fitted
    if right > 0.75:
        return None
    told = f"{_percent(right)} of {count} cases right at best"
    return f"{told}, after 300 steps on nothing else", [f.renew(_larger(f.network))]


def _larger(network: Network) -> Network:
    """The same network with hidden layers, of at least 100 units or 16 channels."""
    return _respelled(
        network, r"^(\d+)(c?)", lambda word: f"{max(int(word[1]), 16 if word[2] else 100)}{word[2]}"
    )


def _respelled(network: Network, pattern: str, new: Callable[[re.Match[str]], str]) -> Network:
    """A network whose hidden layers are written differently, not initialised; none are one of 1."""
    size, *hidden, output = spelled_out(network).split("-")
    shape = "-".join([size, *(re.sub(pattern, new, word) for word in hidden or "1"), output])
    try:
        return network_of(shape, cost=network.cost_name, dtype=network.dtype)
    except ValueError:  # it would be too large
        return network


# what it has learned


@fault(LEARNING, "The statistics of batch normalization are not those of the weights.")
def stale(f: Facts) -> Evidence:
    """Batch normalization uses the mean and variance of the mini-batch in training, and stored ones
    in answering (Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1). These do not fit.
    """
    if not f.network.batch_norms:
        return None
    copy = training_copy(f.trainer, average=f.settings.average)
    old = evaluate(copy.answering(), f.data.train, f.probe)
    copy.measure_statistics(f.data.train)
    new = evaluate(copy.answering(), f.data.train, f.probe)
    is_worse = old.cost > 1.5 * new.cost + 0.05 * f.baseline
    if not is_worse or not (f.batches or new.accuracy > 0.5):
        return None
    told = f"{_percent(old.accuracy)} right and {_percent(new.accuracy)}"
    text = f"cost {old.cost:.3g} with them, {new.cost:.3g} with new ones; {told}"
    return text, [Remedy("t 1")]


@fault(LEARNING, "It has memorized its cases, and reads others worse.", {DATA, "stale"})
def over_fitting(f: Facts) -> Evidence:
    """The training cases are read much better than validation cases (AUTOTRAINER), whose cost has
    risen since its lowest (UMLAUT); each alone is common. More cases, augmentation, dropout or
    penalties help; training longer does not.
    """
    train, validation = f.on_train.accuracy, f.on_validation.accuracy
    lowest = min((measured.validation_cost for measured in f.history), default=inf)
    cost = f.on_validation.cost + f.trainer.penalty()  # as it is in the history
    if not f.has_learned or f.data.is_toy or train - validation < 0.1 or cost < 1.3 * lowest:
        return None
    is_plain = f.data.are_pictures and f.settings.augment == "none"
    remedy = "set augment light" if is_plain else "set dropout 0.2"
    return (
        f"{_percent(train, 1)} of the training cases right, {_percent(validation, 1)} of the "
        f"validation cases, whose cost has risen from {lowest:.3g} to {cost:.3g}",
        [Remedy("set cases all" if f.settings.cases else remedy)],
    )


@fault(LEARNING, "Its mini-batches are large, so that it has made few steps.", ANY_GROUP)
def few_steps(f: Facts) -> Evidence:
    """A mini-batch is one step, however many cases it has: with all of them, an epoch is a single
    step. The gradient of 16 cases is noisy, but seldom wrong (Bottou et al. 2018, SIAM Review 60).
    """
    cases, epochs = len(f.data.train), f.trainer.progress.samples / len(f.data.train)
    size = f.settings.batch or cases
    if f.data.is_toy or f.settings.batch == f.usual_batch or epochs < 5 or size < cases / 20:
        return None
    remedy = f.change(batch=LEAST_BATCH)
    if remedy.trial.accuracy < f.on_train.accuracy + 0.1:
        return None
    text = f"{f.batches:,} steps in {epochs:.0f} epochs, {_percent(f.on_train.accuracy)} right; a "
    text += f"copy gets {_percent(remedy.trial.accuracy)} right after {remedy.trial.batches} steps "
    return text + f"with mini-batches of {LEAST_BATCH}", [Remedy(remedy.line)]


@fault(LEARNING, "It gives the same answer to almost everything.", ANY_GROUP)
def one_answer(f: Facts) -> Evidence:
    """One answer for most cases, though it is right for few: "always 0". An untrained network
    prefers some answer too; it is a fault if the network is confident of it, or stays with it.
    """
    if f.batches < 200:
        return None
    outputs = outputs_for(f.answering, f.data.train, f.probe)
    guesses = frequencies_of(answers_of(outputs), outputs.shape[1])
    answer = int(np.subtract(guesses, f.data.frequencies).argmax())
    given, right = guesses[answer], f.data.frequencies[answer]
    now = f.rehearsal
    recovers = now.after < now.before - 0.05 * f.baseline
    if given - right < 0.5 or (recovers and now.before <= 1.5 * f.baseline):
        return None
    text = f"{_percent(given)} of its guesses are {f.named(answer)}, {_percent(right)} of the cases"
    return text, [Remedy("t 1e")] if recovers else _at_rates(f, f.renew)


@fault(LEARNING, "It has stopped learning, with much left to learn.", ANY_GROUP)
def plateau(f: Facts) -> Evidence:
    """The cost no longer falls, below 70 % right (AUTOTRAINER) of those that can be, although
    neighbors tell the cases apart better. The network begins somewhere flat, or has a layer too
    small for ten digits.
    """
    if f.batches < 200 or f.data.is_toy:
        return None
    now, units = f.rehearsal, min((layer.units for layer in f.layers[:-1]), default=0)
    narrow, larger = 0 < units < min(10, f.network.outputs), _larger(f.network)
    is_even = f.on_train.accuracy < 0.7 * f.data.most_right and now.after >= 0.95 * now.before
    if not narrow and (f.has_learned or not is_even):
        return None
    wider, least = f.untrained.renew(larger), 0.1 if f.has_learned else MORE_RIGHT
    if narrow and wider.trial.accuracy < now.accuracy + least:
        return None
    text = f"{_percent(f.on_train.accuracy, 1)} of the training cases right; cost {now.before:.3g} "
    text += f"to {now.after:.3g} in a short training" + narrow * f"; a layer is only {units} wide"
    other = Remedy(f"set rate {f.usual_rate:g}" if f.is_slow else "find rate")
    return text, [*[wider] * (larger.shape != f.network.shape), other]


# the sets, in which a network learns, but not what is wanted


@fault(LEARNING, "Many training cases are the same.", {"same-inputs"})
def repeated(f: Facts) -> Evidence:
    """A case that occurs again teaches nothing more: there is less than the number promises."""
    if f.data.may_repeat or len(f.data.different) >= 0.8 * len(f.data.train):
        return None
    return f"{len(f.data.different):,} different ones among {len(f.data.train):,} cases", ()


@fault(LEARNING, "Training cases are in another set, so its accuracy is inflated.", {"same-inputs"})
def seen(f: Facts) -> Evidence:
    """On cases that it was trained on, a set tells how well it remembers, not how it reads."""
    for name, cases in f.data.sets.items():
        seen = sum(row.tobytes() in f.data.different for row in cases.inputs) / len(cases)
        if seen > 0.1 and not f.data.may_repeat:
            return f"{_percent(seen)} of the {name} cases are training cases", ()
    return None

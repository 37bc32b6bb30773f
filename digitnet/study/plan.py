"""The question of a study, the trainings that answer it, and what their results say."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import fsum, inf, log10, prod, sqrt
from statistics import fmean, stdev

import numpy as np
import scipy

from digitnet.digits.datasets import DataSet
from digitnet.engine.network import Network
from digitnet.engine.schedules import UNITS, Amount, Unit, without_commas
from digitnet.engine.settings import NAMED_VALUES, SETTINGS
from digitnet.recipes import build
from digitnet.registry.files import DamagedSave
from digitnet.registry.model import Blueprint, Result, StudyRecord
from digitnet.registry.schema import MAX_FIGURE

SHAPE, EPOCHS, AUTO = "shape", "epochs", "auto"
"""What can be varied apart from settings, and the keyword for a search."""

OPTIONS: dict[str, tuple[Amount, tuple[Unit, ...], str]] = {
    "--repeat": (Amount(1, "batches"), ("batches",), "a whole number, as in --repeat 5"),
    "--for": (Amount(5, "epochs"), ("batches", "epochs"), "mini-batches or epochs, as in --for 3e"),
    AUTO: (Amount(0, "seconds"), ("seconds",), "a time: auto 90s, auto 10m, auto 2h"),
}
"""What takes an amount: the usual one, its units, and what is said of any other amount. `--for`
takes no time: a training is as long on every machine.
"""

AXES = {SHAPE: "compare shapes", EPOCHS: "compare lengths of training", **SETTINGS}
STARTS = (*AXES, *OPTIONS)
"""What can be varied, each with a description, and the words that start a question."""

MAX_RUNS = 10_000
_ANY = Blueprint("")


@dataclass(frozen=True)
class Question:
    """A parsed question.

    axes: what is varied, each with its values as typed; every combination is tried.
    repeat: the number of seeds for each combination.
    amount: the length of each training, unless epochs are varied.
    seconds: the time limit of a search (`auto`); 0 for a grid.
    """

    axes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    repeat: int = 1
    amount: Amount = Amount(5, "epochs")  # noqa: RUF009 - it is frozen
    seconds: float = 0.0


def parse(words: Sequence[str], *, is_new: bool = True) -> Question:
    """Reads `rate 0.1 1 batch 16 32 --repeat 5 --for 3e`, or `auto 10m`.

    Raises ValueError, with the reason, for an invalid question. is_new: it is not one of an earlier
    version, which took words that have no effect.
    """
    axes, options, rest = dict[str, list[str]](), dict[str, Amount](), list(words)
    axis = ""
    while rest:
        word, named = rest.pop(0), NAMED_VALUES.get(axis, dict)()
        # as in optimizer sgd momentum adam, not in optimizer sgd momentum 0.5
        is_value = word in named and all(after in (*STARTS, *named) for after in rest[:1])
        if not is_value and (word in axes or (is_new and word in options)):
            raise ValueError(f"{word} is given twice")
        if word in OPTIONS:
            typed, axis = rest.pop(0) if rest else "", ""
            if word != "--repeat" and rest and rest[0] in UNITS and {*rest[1:2]} <= {*STARTS}:
                typed = f"{typed} {rest.pop(0)}"
            _, units, takes = OPTIONS[word]
            options[word] = _amount(typed, units, f"{word} takes {takes}")
        elif word in STARTS and not is_value:
            axis, axes[word] = word, []
        elif not axis:
            raise ValueError(f"{word!r} cannot be varied. Choose from: {', '.join(AXES)}")
        else:
            axes[axis].append(word if axis == SHAPE else without_commas(word))
    repeat, amount, limit = (options.get(word, of[0]) for word, of in OPTIONS.items())
    compared_by = tuple((name, tuple(values)) for name, values in axes.items())
    question = Question(compared_by, int(repeat.value), amount, limit.value)
    for name, compared in question.axes:
        if not compared:
            raise ValueError(f"{name} has no values to compare. Example: study rate 0.01 0.1")
        meant = [_epochs(v) if name == EPOCHS else varied(_ANY, {name: v}) for v in compared]
        if len(set(meant if is_new else compared)) < len(compared):
            raise ValueError(f"{name} has the same value twice")
    chosen = [*axes, *(word for word in options if is_new and word != AUTO)]
    if question.seconds and chosen:
        raise ValueError(f"{AUTO} chooses settings and lengths itself: leave {chosen[0]} out")
    if is_new and EPOCHS in axes and "--for" in options:
        raise ValueError(f"{EPOCHS} says how long each training is: leave --for out")
    runs = question.repeat * prod(len(values) for _, values in question.axes)
    if runs > MAX_RUNS:
        raise ValueError(f"that is {runs:,} trainings; a study has at most {MAX_RUNS:,}")
    return question


def _epochs(text: str) -> Amount:
    """Parses a number of epochs; 0 means that the networks are not trained."""
    if text == "0":
        return Amount(0, "epochs")
    return _amount(f"{text}e", ("epochs",), f"epochs are numbers from 0, not {text!r}")


def _amount(text: str, units: tuple[Unit, ...], expected: str) -> Amount:
    """Parses an amount in one of these units. Raises ValueError, saying what was expected."""
    with suppress(ValueError):
        amount = Amount.parse(text)
        if amount.unit in units:
            return amount
    raise ValueError(expected)


REDUCTION = 3
"""η of successive halving (Jamieson and Talwalkar 2016, AISTATS): a round keeps 1/η of the
candidates, and trains them η times as long."""

MAX_CANDIDATES = 3**7
SAVE_SECONDS = 0.03  # in which the result of a training is saved


def round_sizes(candidates: int) -> list[int]:
    """How many settings each round of a search tries."""
    fewer = -(-candidates // REDUCTION)
    return [candidates, *(round_sizes(fewer) if candidates > 1 else [])]


def candidates_for(seconds: float, per_epoch: float, workers: int) -> int:
    """The number of settings a search can start with, given its time and number of workers."""

    def needed(candidates: int) -> float:
        sizes = round_sizes(candidates)
        epochs: int = sum(-(-size // workers) * REDUCTION**k for k, size in enumerate(sizes))
        return epochs * per_epoch + sum(sizes) * SAVE_SECONDS

    return 2 + bisect_right(range(3, MAX_CANDIDATES + 1), seconds, key=needed)


@dataclass(frozen=True)
class Job:
    """One training. number: of the training in the study. settings: the varied ones, as typed."""

    number: int
    settings: tuple[tuple[str, str], ...]
    blueprint: Blueprint
    seed: int
    amount: Amount


@dataclass(frozen=True)
class Plan:
    """The trainings that a study consists of. candidates: of a search; 0 for a grid."""

    question: Question
    blueprint: Blueprint
    seed: int
    candidates: int = 0

    def round(self, results: Mapping[int, Result]) -> list[Job]:
        """The trainings of the current round that are to be done; empty when all are done."""
        return [job for job in self.rounds(results)[-1] if job.number not in results]

    def rounds(self, results: Mapping[int, Result]) -> list[list[Job]]:
        """All rounds whose trainings are determined so far; the last may be unfinished."""
        rounds = [self._first]
        for k, size in enumerate(round_sizes(self.candidates)[1:], 1):  # none in a grid
            if any(job.number not in results for job in rounds[-1]):
                break
            best = sorted(rounds[-1], key=lambda job: rank(results[job.number]))[:size]
            amount, number = Amount(REDUCTION**k, "epochs"), rounds[-1][-1].number + 1
            jobs = [replace(job, number=n, amount=amount) for n, job in enumerate(best, number)]
            rounds.append(jobs)
        return rounds

    def count(self) -> int:
        return len(self._lengths)

    def part(self, results: Mapping[int, Result]) -> float:
        """The fraction done, by the lengths of the trainings."""
        return fsum(self._lengths[number] for number in results) / fsum(self._lengths)

    @cached_property
    def _lengths(self) -> list[float]:
        """By number of the training; one of 0 epochs takes time, too."""
        sizes = enumerate(round_sizes(self.candidates))
        in_search = [REDUCTION**k for k, size in sizes for _ in range(size)]
        return in_search if self.candidates else [max(j.amount.value, 0.1) for j in self._first]

    def check(self, data: DataSet) -> dict[str, Network]:
        """A network of each shape. Raises ValueError, with the reason, if one cannot be built or
        does not fit.
        """
        for job in self._first:
            data.check("augment", job.blueprint.settings.augment)
        by_shape = {job.blueprint.shape: job for job in self._first}
        networks = {shape: build(job.blueprint, 0).network for shape, job in by_shape.items()}
        for network in networks.values():
            if not network.fits(data.train):
                raise ValueError(
                    f"{network.shape} does not fit the data set {data.name}, which has "
                    f"{data.inputs} numbers in and {data.outputs} out"
                )
        return networks

    @cached_property
    def _first(self) -> list[Job]:
        """All combinations with the first seed, then with the next, and so on. In a search, random
        settings, reproducible by the seed; the first candidate is the blueprint.
        """
        jobs, length = list[Job](), self.question.amount
        axes = [[(name, value) for value in values] for name, values in self.question.axes]
        every = [(k, dict(of)) for k, of in product(range(self.question.repeat), product(*axes))]
        if self.candidates:
            rng = np.random.default_rng([self.seed, 2])
            drawn = [_random_settings(rng, self.blueprint) for _ in range(self.candidates - 1)]
            every, length = [(0, values) for values in ({}, *drawn)], Amount(1, "epochs")
        for seed, values in every:  # the last setting changes fastest
            amount = _epochs(values[EPOCHS]) if EPOCHS in values else length
            about = tuple(values.items()), varied(self.blueprint, values), self.seed + seed
            jobs.append(Job(len(jobs), *about, amount))
        return jobs


def question_of(record: StudyRecord) -> Question:
    """The question of a study. Raises DamagedSave if it cannot be asked."""
    try:
        question = parse(record.words, is_new=False)
        if bool(question.seconds) != (2 <= record.candidates <= MAX_CANDIDATES):
            raise ValueError(f"{record.candidates:,} settings to start with")
    except ValueError as error:
        raise DamagedSave(f"its question cannot be asked: {error}") from None
    return question


def plan_of(record: StudyRecord) -> Plan:
    """The plan of a study's trainings.

    Raises DamagedSave if its question cannot be asked, or its results are none of its answers.
    """
    plan = Plan(question_of(record), record.blueprint, record.seed, record.candidates)
    jobs = {job.number for jobs in plan.rounds(record.results) for job in jobs}
    if record.results.keys() - jobs:
        raise DamagedSave("it has results of trainings that it does not consist of")
    return plan


def rank(result: Result) -> tuple[float, float, int]:
    """Sort key of results: highest accuracy first, then lowest cost."""
    return -result.accuracy, result.cost, result.number


def varied(blueprint: Blueprint, values: Mapping[str, str]) -> Blueprint:
    """The blueprint with these values, as typed. Raises ValueError for one that cannot be."""
    settings = blueprint.settings
    for name, value in values.items():
        if name not in (SHAPE, EPOCHS):
            settings = settings.changed(name, value)
    return replace(blueprint, settings=settings, shape=values.get(SHAPE, blueprint.shape))


def _random_settings(rng: np.random.Generator, blueprint: Blueprint) -> dict[str, str]:
    """Draws settings around those of the blueprint.

    Rates and penalties are log-uniform (Bergstra and Bengio 2012, JMLR 13).
    """
    centre = log10(blueprint.settings.rate)
    settings = {
        "rate": f"{10 ** rng.uniform(centre - 1, centre + 1):.2g}",
        "l2": f"{10 ** rng.uniform(-6, -3):.1g}",
        "dropout": f"{rng.choice([0, 0, 0.1, 0.2, 0.3]):g}",
        "smoothing": f"{rng.choice([0, 0.02, 0.05, 0.1]):g}",
    }
    if blueprint.settings.batch:
        settings["batch"] = str(int(rng.choice([16, 32, 64, 128])))
    hidden = blueprint.shape.split("-")[1:-1]
    if len(hidden) == 1 and hidden[0].isdecimal():
        units = int(rng.choice([64, 128, 256, 512]))
        settings[SHAPE] = blueprint.shape.replace(f"-{hidden[0]}-", f"-{units}-")
    return settings


DIGITS = 12  # after the point, to which accuracies that are compared are right


@dataclass(frozen=True)
class Trials:
    """The trainings with the same settings but different seeds, and the means of their results.

    blown: how many of them blew up, which counts as an accuracy of 0 and an infinite cost.
    """

    settings: dict[str, str]
    jobs: tuple[Job, ...]
    results: tuple[Result, ...]

    accuracy = property(lambda self: round(fmean(r.accuracy for r in self.results), DIGITS))
    blown = property(lambda self: sum(result.cost >= MAX_FIGURE for result in self.results))
    cost = property(lambda self: inf if self.blown else fmean(r.cost for r in self.results))
    seconds = property(lambda self: fmean(result.seconds for result in self.results))
    seeds = property(lambda self: len(self.results))

    @property
    def spread(self) -> float | None:
        """Standard deviation of the accuracies, √(Σ (x − x̄)² / (n − 1)); None for a single one."""
        accuracies = [result.accuracy for result in self.results]
        return stdev(accuracies) if len(accuracies) > 1 else None

    @property
    def best(self) -> Job:
        return min(zip(self.results, self.jobs, strict=True), key=lambda pair: rank(pair[0]))[1]


@dataclass(frozen=True)
class Lead:
    """How far the best settings are ahead of others.

    difference: of the mean accuracies. interval: its 95 % confidence interval, from the paired
    differences d of the seeds (the same seed draws the same weights and orders the same cases):
    d̄ ± t s / √n, with Student's t for n − 1 degrees of freedom (Student 1908, Biometrika 6). None
    with fewer than two pairs, and if all d are equal: accuracies are multiples of 1 / cases, so
    that does not show that others would be. The lead is significant if all of it is above zero.
    """

    over: Trials
    difference: float
    interval: tuple[float, float] | None


def groups(plan: Plan, results: Mapping[int, Result]) -> list[Trials]:
    """Groups the results so far by settings, in the order of the question; with the seeds that all
    groups have, so that their means can be compared, or all seeds if there are none.

    In a search, the groups of the latest round come first, and the epochs are part of the settings.
    """
    by_settings: dict[tuple[tuple[str, str], ...], list[Job]] = {}
    for jobs in reversed(plan.rounds(results)):
        for job in jobs:
            if job.number in results:
                epochs = ((EPOCHS, f"{job.amount.value:g}"),) if plan.candidates else ()
                by_settings.setdefault(job.settings + epochs, []).append(job)
    seeds = [{job.seed for job in jobs} for jobs in by_settings.values()]
    common = set[int]().union(*seeds).intersection(*seeds)
    trials = list[Trials]()
    for settings, jobs in by_settings.items():
        jobs = [job for job in jobs if job.seed in common or not common]
        trials.append(Trials(dict(settings), tuple(jobs), tuple(results[j.number] for j in jobs)))
    return trials


def best_of(trials: Sequence[Trials]) -> Trials:
    """The group with the highest mean accuracy and, among equals, the lowest cost."""
    return min(trials, key=lambda group: (-group.accuracy, group.cost))


def lead_of(best: Trials, trials: Sequence[Trials]) -> Lead | None:
    """The lead of the best group over the second; None if there is only one."""
    others = [group for group in trials if group is not best]
    if not others:
        return None
    second = best_of(others)
    pairs = zip(best.results, second.results, strict=False)
    d = [round(ahead.accuracy - behind.accuracy, DIGITS) for ahead, behind in pairs]
    difference, interval = round(best.accuracy - second.accuracy, DIGITS), None
    if [job.seed for job in best.jobs] == [job.seed for job in second.jobs] and len({*d}) > 1:
        half = float(scipy.special.stdtrit(len(d) - 1, 0.975)) * stdev(d) / sqrt(len(d))
        interval = (difference - half, difference + half)
    return Lead(second, difference, interval)

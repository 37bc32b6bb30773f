"""The question of a study, and the trainings that answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log10

import numpy as np

from digitnet.engine.schedules import Amount
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.shapes import network_of
from digitnet.recipes import Recipe
from digitnet.registry.model import Blueprint, Result

SHAPE, EPOCHS, AUTO = "shape", "epochs", "auto"
"""What can be varied apart from settings, and the keyword for a search."""

FLAGS = ("--repeat", "--for")

DEFAULT_AMOUNT = Amount(5, "epochs")

MAX_RUNS = 10_000


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
    amount: Amount = DEFAULT_AMOUNT
    seconds: float = 0.0

    @property
    def combinations(self) -> list[dict[str, str]]:
        """Every combination of the values, the last axis changing fastest."""
        found: list[dict[str, str]] = [{}]
        for name, values in self.axes:
            found = [one | {name: value} for one in found for value in values]
        return found


def varies(word: str) -> bool:
    """Whether a word starts a question, rather than being the name of a study."""
    return word in SETTINGS or word in (SHAPE, EPOCHS, AUTO, *FLAGS)


def parse(words: Sequence[str]) -> Question:
    """Reads `rate 0.1 1 batch 16 32 --repeat 5 --for 3e`, or `auto 10m`.

    Raises ValueError, with the reason, for an invalid question.
    """
    question, axes, rest = Question(), dict[str, list[str]](), list(words)
    current: list[str] | None = None
    while rest:
        word = rest.pop(0)
        if word in FLAGS:
            question = _flag(question, word, rest.pop(0) if rest else "")
            current = None
        elif word == AUTO:
            question = replace(question, seconds=_seconds(rest.pop(0) if rest else ""))
        elif varies(word):
            if word in axes:
                raise ValueError(f"{word} is varied twice")
            current = axes[word] = []
        elif current is None:
            known = f"{SHAPE}, {EPOCHS}, {', '.join(SETTINGS)}"
            raise ValueError(f"{word!r} cannot be varied. Choose from: {known}")
        else:
            current.append(word)
    question = replace(question, axes=tuple((name, tuple(axes[name])) for name in axes))
    _check(question)
    return question


def _check(question: Question) -> None:
    """Raises ValueError for a question that cannot be answered."""
    for name, values in question.axes:
        if not values:
            raise ValueError(f"{name} has no values to compare. Example: study rate 0.01 0.1")
        if len(set(values)) < len(values):
            raise ValueError(f"{name} has the same value twice")
        if name == EPOCHS:
            for value in values:
                _epochs(value)
    if question.seconds and question.axes:
        raise ValueError(f"{AUTO} chooses the settings itself: leave {question.axes[0][0]} out")
    runs = len(question.combinations) * question.repeat
    if runs > MAX_RUNS:
        raise ValueError(f"that is {runs:,} trainings; a study has at most {MAX_RUNS:,}")


def _flag(question: Question, flag: str, value: str) -> Question:
    """Returns the question with a flag set."""
    if flag == "--repeat":
        if not (value.isdecimal() and value.isascii() and 1 <= int(value[:9]) <= 1000):
            raise ValueError("--repeat takes a whole number from 1 to 1,000, as in --repeat 5")
        return replace(question, repeat=int(value))
    return replace(question, amount=_amount(value))


def _amount(text: str) -> Amount:
    """The length of each training; not in seconds, so that it is the same on every machine."""
    try:
        amount = Amount.parse(text)
    except ValueError:
        amount = None
    if amount is None or amount.unit not in ("batches", "epochs"):
        raise ValueError("--for takes mini-batches or epochs, as in --for 3e")
    return amount


def _epochs(text: str) -> Amount:
    """Parses a number of epochs; 0 means that the networks are not trained."""
    try:
        return Amount(0, "epochs") if text == "0" else Amount.parse(f"{text}e")
    except ValueError:
        raise ValueError(f"epochs are numbers from 0, not {text!r}") from None


def amount_of(question: Question, settings: dict[str, str]) -> Amount:
    """The length of the training with these settings."""
    return _epochs(settings[EPOCHS]) if EPOCHS in settings else question.amount


def _seconds(text: str) -> float:
    """Parses the time limit of a search: `90s`, `10m`, `2h`."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isdecimal() and number.isascii()) or not int(number[:9]):
        raise ValueError("auto takes a time: auto 90s, auto 10m, auto 2h")
    return float(int(number[:9]) * units[unit])


REDUCTION = 3
"""η of successive halving: a round keeps 1/η of the candidates, trained η times as long."""

MAX_CANDIDATES = 3**7


@dataclass(frozen=True)
class Job:
    """One training. number: of the training in the study. settings: the varied ones, as typed."""

    number: int
    settings: tuple[tuple[str, str], ...]
    recipe: Recipe
    seed: int
    amount: Amount


@dataclass(frozen=True)
class Plan:
    """The trainings that a study consists of."""

    question: Question
    blueprint: Blueprint
    seed: int
    candidates: int = 0

    def round(self, results: Mapping[int, Result]) -> list[Job]:
        """The trainings of the current round, finished or not; empty when all are done."""
        for jobs in self.rounds(results):
            if any(job.number not in results for job in jobs):
                return jobs
        return []

    def rounds(self, results: Mapping[int, Result]) -> list[list[Job]]:
        """All rounds whose trainings are determined so far; the last may be unfinished."""
        if not self.candidates:
            return [self._grid]
        settings, amount, rounds = self._candidates, 1, list[list[Job]]()
        number = 0
        while True:
            jobs = [
                self._job(number + k, chosen, self.seed, Amount(amount, "epochs"))
                for k, chosen in enumerate(settings)
            ]
            rounds.append(jobs)
            if len(settings) == 1 or any(job.number not in results for job in jobs):
                return rounds
            best = sorted(jobs, key=lambda job: rank(results[job.number]))
            settings = [dict(job.settings) for job in best[: -(-len(best) // REDUCTION)]]
            number, amount = number + len(jobs), amount * REDUCTION

    def count(self) -> int:
        """The total number of trainings."""
        if not self.candidates:
            return len(self._grid)
        total, left = self.candidates, self.candidates
        while left > 1:
            left = -(-left // REDUCTION)
            total += left
        return total

    def check(self) -> None:
        """Raises ValueError, with the reason, if a network of the study cannot be built."""
        for job in self.rounds({})[0]:
            if job.seed == self.seed:
                recipe = job.recipe
                network_of(recipe.shape, hidden=recipe.hidden, output=recipe.output,
                           cost=recipe.cost)  # fmt: skip

    @cached_property
    def _grid(self) -> list[Job]:
        """Every combination with every seed: all combinations with the first seed, and so on."""
        combinations = self.question.combinations
        return [
            self._job(
                len(combinations) * repetition + k,
                settings,
                self.seed + repetition,
                amount_of(self.question, settings),
            )
            for repetition in range(self.question.repeat)
            for k, settings in enumerate(combinations)
        ]

    @cached_property
    def _candidates(self) -> list[dict[str, str]]:
        """Random settings, reproducible by the seed; the first candidate is the blueprint."""
        rng = np.random.default_rng([self.seed, 2])
        return [{}, *(_drawn(rng, self.blueprint) for _ in range(self.candidates - 1))]

    def _job(self, number: int, settings: Mapping[str, str], seed: int, amount: Amount) -> Job:
        recipe = recipe_with(self.blueprint, settings)
        return Job(number, tuple(settings.items()), recipe, seed, amount)


def rank(result: Result) -> tuple[float, float, int]:
    """Sort key of results: highest accuracy first, then lowest cost."""
    return -result.accuracy, result.cost, result.number


def recipe_with(blueprint: Blueprint, settings: Mapping[str, str]) -> Recipe:
    """The blueprint as a recipe, with these settings changed. Raises ValueError."""
    own = blueprint.settings
    for name, value in settings.items():
        if name not in (SHAPE, EPOCHS):
            own = own.changed(name, value)
    return Recipe(
        name="",
        summary="",
        shape=settings.get(SHAPE, blueprint.shape),
        settings={name: getattr(own, name) for name in own.__slots__},
        hidden=blueprint.hidden,
        output=blueprint.output,
        cost=blueprint.cost,
        bias=blueprint.bias,
        initializer=blueprint.initializer,
        precision=blueprint.precision,
    )


def _drawn(rng: np.random.Generator, blueprint: Blueprint) -> dict[str, str]:
    """Draws random settings around those of the blueprint.

    Rates and penalties are log-uniform (Bergstra and Bengio 2012, JMLR 13).
    """
    own: Settings = blueprint.settings
    around = log10(own.rate)
    drawn = {
        "rate": f"{10 ** rng.uniform(around - 1, around + 1):.2g}",
        "l2": f"{10 ** rng.uniform(-6, -3):.1g}",
        "dropout": f"{rng.choice([0, 0, 0.1, 0.2, 0.3]):g}",
        "smoothing": f"{rng.choice([0, 0.02, 0.05, 0.1]):g}",
    }
    if own.batch:
        drawn["batch"] = str(int(rng.choice([16, 32, 64, 128])))
    hidden = blueprint.shape.split("-")[1:-1]
    if len(hidden) == 1 and hidden[0].isdecimal():
        units = int(rng.choice([64, 128, 256, 512]))
        drawn[SHAPE] = blueprint.shape.replace(f"-{hidden[0]}-", f"-{units}-")
    return drawn


def candidates_for(seconds: float, per_epoch: float, workers: int) -> int:
    """The number of candidates a search can start with, given its time and number of workers.

    Every round takes about as long as the first, with a third of the candidates trained three times
    as long.
    """
    count = 2
    while count < MAX_CANDIDATES and _time(count + 1, workers) * per_epoch <= seconds:
        count += 1
    return count


def _time(candidates: int, workers: int) -> int:
    """The duration of a search, in epochs."""
    total, left, epochs = 0, candidates, 1
    while True:
        total += -(-left // workers) * epochs
        if left == 1:
            return total
        left, epochs = -(-left // REDUCTION), epochs * REDUCTION

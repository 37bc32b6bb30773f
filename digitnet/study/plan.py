"""The trainings of a study, as a function of its question and the results so far.

A grid is one round: every combination of the values with every seed. A search has several rounds,
by synchronous successive halving (Jamieson and Talwalkar 2016, AISTATS; Li et al. 2017, arXiv
1603.06560): all candidates are trained briefly, the best third of them three times as long, and so
on. The rounds do not depend on the order in which results arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log10

import numpy as np

from digitnet.engine.amount import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.recipes import Recipe
from digitnet.registry.study_record import Blueprint, Result
from digitnet.study.question import EPOCHS, SHAPE, Question, amount_of

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

"""The statistics of a study's results, and whether the best settings are significantly better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from scipy.special import stdtrit

from digitnet.registry.model import Result
from digitnet.study.plan import EPOCHS, Job, Plan, rank


@dataclass(frozen=True)
class Trials:
    """The trainings with the same settings but different seeds."""

    settings: dict[str, str]
    jobs: tuple[Job, ...]
    results: tuple[Result, ...]

    @property
    def accuracy(self) -> float:
        """Mean of the accuracies."""
        return fmean(result.accuracy for result in self.results)

    @property
    def cost(self) -> float:
        """Mean of the costs."""
        return fmean(result.cost for result in self.results)

    @property
    def seconds(self) -> float:
        """Mean of the times."""
        return fmean(result.seconds for result in self.results)

    @property
    def spread(self) -> float | None:
        """Standard deviation of the accuracies, √(Σ (x − x̄)² / (n − 1)); None for a single one."""
        if len(self.results) < 2:
            return None
        return stdev(result.accuracy for result in self.results)

    @property
    def best(self) -> Job:
        """The training with the best result."""
        return min(zip(self.results, self.jobs, strict=True), key=lambda pair: rank(pair[0]))[1]


@dataclass(frozen=True)
class Lead:
    """How far the best settings are ahead of others.

    difference: of the mean accuracies. interval: its 95 % confidence interval, from the paired
    differences d of the seeds (the same seed draws the same weights and orders the same cases):
    d̄ ± t s / √n, with Student's t for n − 1 degrees of freedom (Student 1908, Biometrika 6). None
    with fewer than two pairs.
    """

    over: Trials
    difference: float
    interval: tuple[float, float] | None

    @property
    def is_clear(self) -> bool:
        """Whether the lead is significant: the interval is above zero."""
        return self.interval is not None and self.interval[0] > 0


def groups(plan: Plan, results: Mapping[int, Result]) -> list[Trials]:
    """Groups the results so far by settings, in the order of the question.

    In a search, the groups of the latest round come first, and the epochs are part of the settings.
    """
    found: dict[tuple[tuple[str, str], ...], tuple[list[Job], list[Result]]] = {}
    rounds = plan.rounds(results)
    for jobs in reversed(rounds) if plan.candidates else rounds:
        for job in jobs:
            if job.number in results:
                settings = dict(job.settings)
                if plan.candidates:
                    settings[EPOCHS] = f"{job.amount.value:g}"
                own = found.setdefault(tuple(settings.items()), ([], []))
                own[0].append(job)
                own[1].append(results[job.number])
    return [Trials(dict(key), tuple(jobs), tuple(done)) for key, (jobs, done) in found.items()]


def best_of(found: Sequence[Trials]) -> Trials:
    """The group with the highest mean accuracy and, among equals, the lowest cost."""
    return min(found, key=lambda group: (-group.accuracy, group.cost))


def lead_of(best: Trials, found: Sequence[Trials]) -> Lead | None:
    """The lead of the best group over the second; None if there is only one."""
    others = [group for group in found if group is not best]
    if not others:
        return None
    other = best_of(others)
    mine, theirs = (
        {job.seed: result.accuracy for job, result in zip(g.jobs, g.results, strict=True)}
        for g in (best, other)
    )
    differences = [mine[seed] - theirs[seed] for seed in mine.keys() & theirs.keys()]
    difference, interval = best.accuracy - other.accuracy, None
    if (n := len(differences)) > 1:
        centre = fmean(differences)
        half = float(stdtrit(n - 1, 0.975)) * stdev(differences) / sqrt(n)
        interval = (centre - half, centre + half)
    return Lead(other, difference, interval)

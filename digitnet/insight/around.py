"""What is near a case: the training cases most like it, and inputs that get another answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import atanh, inf
from typing import Any

import numpy as np

from digitnet.engine.arrays import Array, Cases, Integers, answers_of
from digitnet.engine.evaluate import chunks, max_cases
from digitnet.engine.layers import ACTIVATIONS, EXACT, Dense, Weighted
from digitnet.engine.network import Network
from digitnet.insight.data import sample_indices


def distances(network: Network, x: Array, cases: Cases) -> Iterator[tuple[Array, Array]]:
    """Yields, chunk by chunk, the distance of x, (1, inputs), to each of the cases, of two kinds:
    |x' − x| between the inputs, and |a' − a| between what the layers below the last make of them.
    """
    a = _below_the_last(network, x).copy()
    for inputs, _ in chunks(network, cases):
        below = _below_the_last(network, inputs)
        yield np.linalg.norm(inputs - x, axis=1), np.linalg.norm(below - a, axis=1)


def _below_the_last(network: Network, x: Array) -> Array:
    """What the last layer is given for each case, (batch, units)."""
    below = network.activations(x, layers=network.prepared[:-1])
    return [x, *below][-1].reshape(len(x), -1)


MAX_STEPS, OVERSHOOT = 50, 1.02  # to another answer, and how far beyond the border to go
RIVALS = 10  # other answers that are tried, those with the largest outputs
SEARCHED, ENDS = 1000, 10  # cases among which the nearest are searched for, and how many of these
TURNED, TURNS, HALVINGS = 5, 3, 9  # of the changes, to make them shorter


@dataclass(frozen=True)
class ChangedCase:
    """A small change of an input that changes the answer."""

    x: Array  # the changed input, (inputs,)
    # ∂(z_guess − z)/∂x at the unchanged input, z being the output of its own answer: how much each
    # input speaks for the other one (Simonyan et al. 2014, arXiv 1312.6034)
    saliency: Array


class Borders:
    """The distances z_k − z of a network's outputs from that of one answer, before the activation;
    of a single output, from the z at which the answer changes.
    """

    def __init__(self, network: Network) -> None:
        self.asked, self.network = network, network.copy(np.float64)
        last = self.network.layers[-1]
        assert isinstance(last, Dense)
        self.at = {"sigmoid": 0.0, "tanh": atanh(0.5)}.get(last.activation.name, 0.5)
        last.activation, last.is_given_delta = ACTIVATIONS["linear"], True
        for layer in self.network.layers:
            if isinstance(layer, Weighted):
                layer.is_lowest = False  # what is asked for is dC/dx

    def outputs(self, x: Array) -> Array:
        """z for inputs x, (batch, inputs): (batch, answers)."""
        z = self.network.forward(x, EXACT)
        return z if z.shape[1] > 1 else np.hstack([np.full_like(z, self.at), z])

    def guess(self, x: Array) -> int:
        """The network's own answer: of outputs that are equal, though z is not, the first."""
        return int(answers_of(self.asked.forward(x[np.newaxis].astype(self.asked.dtype)))[0])

    def slopes(self, x: Array, answer: int, others: Integers) -> tuple[Array, Array]:
        """z_k − z_answer for each k in `others`, (others,), and ∂/∂x of it, (others, inputs)."""
        most = min(len(others), max_cases(self.network))
        differences, slopes = [], []
        for start in range(0, len(others), most):
            some = others[start : start + most]
            z = self.outputs(np.repeat(x[np.newaxis], len(some), axis=0))
            rows = np.arange(len(some))
            differences.append(z[rows, some] - z[:, answer])
            signal = np.zeros_like(z)
            signal[rows, some], signal[:, answer] = 1, -1
            slope = self.network.propagate(signal[:, -self.network.outputs :].copy())
            assert slope is not None
            slopes.append(slope.reshape(len(some), -1).copy())
        return np.concatenate(differences), np.concatenate(slopes)


def smallest_change(
    network: Network,
    x: Array,
    cases: Cases,
    wanted: int | None,
    limits: tuple[float, float],
    report: Callable[[], None] = lambda: None,
) -> ChangedCase | None:
    """Looks for the smallest change of x, (inputs,), that changes the answer: to `wanted`, or any.

    Other answers are met on the way to the nearest of some cases, and on that of DeepFool
    (Moosavi-Dezfooli et al. 2016, arXiv 1511.04599): as if the outputs were linear, a step to the
    nearest border, |z_k − z| / |w| away along w = ∂(z_k − z)/∂x, again and again. The inputs stay
    within `limits`. Each change is made as short as it can be, and the shortest are turned to where
    they meet the border at a right angle. None if no change is found; reports each step.
    """
    borders, original = Borders(network), x.astype(np.float64)
    z = borders.outputs(original[np.newaxis])[0]
    answer = borders.guess(original)
    others = np.array([k for k in np.argsort(-z) if k != answer] if wanted is None else [wanted])

    def is_found(x: Array) -> bool:
        return bool(np.isfinite(x).all()) and borders.guess(x) in others

    changed, saliency = original, None
    for _ in range(MAX_STEPS):
        differences, slopes = borders.slopes(changed, answer, others[:RIVALS])
        norms = np.maximum(np.linalg.norm(slopes, axis=1), 1e-12)
        nearest = int(np.argmin(np.abs(differences) / norms))
        saliency = slopes[nearest] if saliency is None else saliency
        far = (abs(differences[nearest]) + 1e-6) / norms[nearest] ** 2
        changed = np.clip(changed + far * slopes[nearest], *limits)
        report()
        if is_found(changed) or not np.isfinite(changed).all():
            break
    ends = filter(is_found, [*_nearest(network, x, cases, others), changed])
    length: Callable[[Array], Any] = np.linalg.norm
    changes = sorted((_least(original, end, is_found) for end in ends), key=length)[:TURNED]
    for n, change in enumerate(changes):
        for _ in range(TURNS):
            report()
            guess = np.array([borders.guess(original + change)])
            _, (w,) = borders.slopes(original + change, answer, guess)
            end = np.clip(original + w * (length(change) / max(length(w), 1e-12)), *limits)
            if not is_found(end):
                break
            changes[n] = change = _least(original, end, is_found)
    if not changes or saliency is None:
        return None
    change = min(changes, key=length)
    farther = np.clip(original + OVERSHOOT * change, *limits)
    return ChangedCase(farther if is_found(farther) else original + change, saliency)


def _nearest(network: Network, x: Array, cases: Cases, others: Integers) -> Array:
    """Of SEARCHED cases, those nearest to x that get one of these answers, and then any."""
    far, rows = list[Array](), sample_indices(len(cases), SEARCHED)
    for inputs, _ in chunks(network, cases, rows):
        is_other = np.isin(answers_of(network.forward(inputs)), others)
        far.append(np.where(is_other, np.linalg.norm(inputs - x, axis=1), inf))
    nearest: Array = cases.inputs[rows[np.concatenate(far).argsort()[:ENDS]]] * cases.scale
    return nearest


def _least(original: Array, end: Array, is_found: Callable[[Array], bool]) -> Array:
    """The change towards `end` that is just large enough."""
    change, part = end - original, 1.0
    for less in np.exp2(-np.arange(1.0, HALVINGS)).tolist():
        part -= less * is_found(original + (part - less) * change)
    return part * change

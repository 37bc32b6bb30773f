"""What is near a case: the training cases most like it, and inputs that get another answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import atanh

import numpy as np

from digitnet.engine.arrays import Array, Cases, Integers
from digitnet.engine.evaluate import chunks, max_cases
from digitnet.engine.layers import ACTIVATIONS, EXACT, Dense, Weighted
from digitnet.engine.network import Network


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


MAX_STEPS, OVERSHOOT = 200, 1.02  # to another answer, and how far beyond the border to go
RIVALS = 10  # other answers that are tried, those with the largest outputs
HALVINGS = 8


@dataclass(frozen=True)
class ChangedCase:
    """A small change of an input that changes the answer."""

    x: Array  # the changed input, (inputs,)
    guess: int  # the answer it gets
    # ∂(z_guess − z)/∂x at the unchanged input, z being the output of its own answer: how much each
    # input speaks for the other one (Simonyan et al. 2014, arXiv 1312.6034)
    saliency: Array


class Borders:
    """The distances z_k − z of a network's outputs from that of one answer, before the activation;
    of a single output, from the z at which the answer changes.
    """

    def __init__(self, network: Network) -> None:
        self.network = network.copy(np.float64)
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
        return int(self.outputs(x[np.newaxis]).argmax())

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
    network: Network, x: Array, *, wanted: int | None = None, low: float, high: float
) -> Iterator[ChangedCase | None]:
    """Looks for the smallest change of x, (inputs,), that changes the answer, to `wanted` if given.

    DeepFool (Moosavi-Dezfooli et al. 2016, arXiv 1511.04599): as if the outputs were linear, a step
    to the nearest border, |z_k − z| / |w| away along w = ∂(z_k − z)/∂x, again and again. The inputs
    stay between `low` and `high`. Of the whole change only as much is kept as is needed.

    Yields None after each step, and at last the change, if any is found.
    """
    borders, original = Borders(network), x.astype(np.float64)
    z = borders.outputs(original[np.newaxis])[0]
    answer = int(z.argmax())
    others = np.array([k for k in np.argsort(-z) if k != answer][:RIVALS])
    if wanted is not None:
        others = np.array([wanted])
    changed, saliency = original, None
    for _ in range(MAX_STEPS):
        differences, slopes = borders.slopes(changed, answer, others)
        norms = np.maximum(np.linalg.norm(slopes, axis=1), 1e-12)
        nearest = int(np.argmin(np.abs(differences) / norms))
        saliency = slopes[nearest] if saliency is None else saliency
        far = (abs(differences[nearest]) + 1e-6) / norms[nearest] ** 2
        changed = np.clip(changed + far * slopes[nearest], low, high)
        if not np.isfinite(changed).all():
            return
        guess = borders.guess(changed)
        if guess != answer and wanted in (None, guess):
            changed = original + OVERSHOOT * _least(borders, original, changed, guess)
            yield ChangedCase(np.clip(changed, low, high), guess, saliency)
            return
        yield None


def _least(borders: Borders, original: Array, changed: Array, guess: int) -> Array:
    """The change towards `changed` that is just large enough to get this guess."""
    change, least, enough = changed - original, 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (least + enough) / 2
        if borders.guess(original + middle * change) == guess:
            enough = middle
        else:
            least = middle
    return enough * change

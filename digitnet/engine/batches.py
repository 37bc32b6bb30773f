"""The mini-batches of a training: random cases, deformed if that is wanted."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.augment import Augment
from digitnet.engine.buffers import Buffer
from digitnet.engine.cases import Cases, Feeder
from digitnet.engine.deform import Deformer, side_of
from digitnet.engine.progress import Progress
from digitnet.engine.types import Array, Integers

Batch = tuple[Array, Array]
"""Inputs (batch, inputs) and targets (batch, outputs)."""


@dataclass(frozen=True)
class _Place:
    """Where a mini-batch begins: in which epoch, at which of its cases, after how many in all."""

    epoch: int
    position: int
    samples: int


class MiniBatches:
    """An endless row of mini-batches, from where a training has come to.

    The order of an epoch is a permutation drawn from the seed and the epoch's number, and the
    deformation of a case a function of the seed and the number of cases before it: there is no
    state but `progress`, which `done` moves on. Deformed mini-batches are made a step ahead, in a
    thread of their own.
    """

    def __init__(
        self,
        cases: Cases,
        size: int,
        dtype: DTypeLike,
        *,
        seed: int,
        progress: Progress,
        smoothing: float = 0.0,
        augment: Augment = Augment(),  # noqa: B008 - it is frozen
    ) -> None:
        """Mini-batches of `size` cases, the last of an epoch smaller; 0 for all cases at once.

        smoothing: the part ε of each target that is spread over all answers,
        y ← (1 − ε) y + ε / answers (Szegedy et al. 2016, arXiv 1512.00567, section 7).

        Raises ValueError where cases are to be deformed that are no square pictures.
        """
        self.cases, self.seed, self.progress = cases, seed, progress
        self.size = min(size or len(cases), len(cases))
        self.smoothing = smoothing
        self.per_epoch = -(-len(cases) // self.size)
        if progress.cases != len(cases):
            progress.cases = len(cases)
            if progress.position:
                progress.next_epoch()
        self._order: tuple[int, Integers] = -1, np.arange(0)
        deforms = augment != Augment()
        self._deformer: Deformer | None = None
        if deforms:
            side = side_of(cases.inputs.shape[1])
            self._deformer = Deformer(side, side, seed, augment)
        # what is trained on now, and what is made ahead
        self._feeders = [Feeder(cases, self.size, dtype) for _ in range(1 + deforms)]
        self._deformed = [Buffer(cases.inputs.shape[1:], np.float32) for _ in range(2 * deforms)]
        self._turn = 0
        self._ahead: tuple[_Place, Future[Batch]] | None = None
        self._worker = ThreadPoolExecutor(1, "mini-batches") if deforms else None

    def next(self) -> Batch:
        """The next mini-batch, valid until the one after it."""
        progress = self.progress
        place = _Place(progress.epoch, progress.position, progress.samples)
        if self._worker is None:
            return self._made(place, 0)
        if self._ahead is None or self._ahead[0] != place:
            self._send_ahead(self._worker, place)
        assert self._ahead is not None
        batch = self._ahead[1].result()
        self._send_ahead(self._worker, self._after(place))
        return batch

    def done(self, count: int, cost: float) -> None:
        """Moves the training on by a mini-batch of so many cases, which had this cost."""
        progress = self.progress
        progress.cost_sum += cost
        progress.cost_count += 1
        progress.batches += 1
        progress.samples += count
        progress.position += count
        if progress.position >= len(self.cases):
            progress.next_epoch()

    def _send_ahead(self, worker: ThreadPoolExecutor, place: _Place) -> None:
        self._turn = 1 - self._turn
        self._ahead = place, worker.submit(self._made, place, self._turn)

    def _after(self, place: _Place) -> _Place:
        """Where the mini-batch after the one at this place begins."""
        position = place.position + self.size
        if position < len(self.cases):
            return _Place(place.epoch, position, place.samples + self.size)
        return _Place(place.epoch + 1, 0, place.samples + len(self.cases) - place.position)

    def _made(self, place: _Place, turn: int) -> Batch:
        """The mini-batch at a place, in one of the two sets of buffers."""
        if self._order[0] != place.epoch:
            rng = np.random.default_rng([self.seed, 1, place.epoch])
            self._order = place.epoch, rng.permutation(len(self.cases))
        rows = self._order[1][place.position : place.position + self.size]
        x, y = self._feeders[turn].batch(rows)
        if self.smoothing and y.shape[1] > 1:
            y *= 1 - self.smoothing
            y += self.smoothing / y.shape[1]
        if self._deformer is not None:
            numbers = place.samples + np.arange(len(rows))
            deformed = self._deformed[turn](len(rows))
            self._deformer(x, numbers, deformed)
            x = deformed.astype(x.dtype, copy=False)
        return x, y

"""The sequence of mini-batches of a training."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.arrays import Array, Buffer, Cases, Feeder, Integers
from digitnet.engine.augment import Augment, Deformer, side_of
from digitnet.engine.trainer import Progress

Batch = tuple[Array, Array]
"""Inputs (batch, inputs) and targets (batch, outputs)."""


@dataclass(frozen=True)
class _Place:
    """Where a mini-batch begins: its epoch, its position there, and all cases seen before it."""

    epoch: int
    position: int
    samples: int


class MiniBatches:
    """An endless sequence of mini-batches, from the current position of a training on.

    The order of an epoch is a permutation drawn from the seed and the epoch's number; the
    deformation of a case is a function of the seed and the number of cases seen before it. So the
    only state is `progress`, which `done` advances. Deformed mini-batches are prefetched in a
    background thread.
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
        """size: cases per mini-batch, the last of an epoch possibly smaller; 0 for all cases.

        smoothing: ε in y ← (1 − ε) y + ε / answers, label smoothing (Szegedy et al. 2016, arXiv
        1512.00567, section 7).

        Raises ValueError for deformations of cases that are not square pictures.
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
        # one set of buffers for the current mini-batch, one for the prefetched
        self._feeders = [Feeder(cases, self.size, dtype) for _ in range(1 + deforms)]
        self._deformed = [Buffer(cases.inputs.shape[1:], np.float32) for _ in range(2 * deforms)]
        self._turn = 0
        self._prefetched: tuple[_Place, Future[Batch]] | None = None
        self._worker = ThreadPoolExecutor(1, "mini-batches") if deforms else None

    def next(self) -> Batch:
        """The next mini-batch, valid until the next call."""
        progress = self.progress
        place = _Place(progress.epoch, progress.position, progress.samples)
        if self._worker is None:
            return self._make(place, 0)
        if self._prefetched is None or self._prefetched[0] != place:
            self._prefetch(self._worker, place)
        assert self._prefetched is not None
        batch = self._prefetched[1].result()
        self._prefetch(self._worker, self._after(place))
        return batch

    def done(self, count: int, cost: float) -> None:
        """Advances `progress` by a mini-batch of `count` cases with this cost."""
        progress = self.progress
        progress.cost_sum += cost
        progress.cost_count += 1
        progress.batches += 1
        progress.samples += count
        progress.position += count
        if progress.position >= len(self.cases):
            progress.next_epoch()

    def _prefetch(self, worker: ThreadPoolExecutor, place: _Place) -> None:
        self._turn = 1 - self._turn
        self._prefetched = place, worker.submit(self._make, place, self._turn)

    def _after(self, place: _Place) -> _Place:
        """Where the mini-batch after this one begins."""
        position = place.position + self.size
        if position < len(self.cases):
            return _Place(place.epoch, position, place.samples + self.size)
        return _Place(place.epoch + 1, 0, place.samples + len(self.cases) - place.position)

    def _make(self, place: _Place, turn: int) -> Batch:
        """Makes the mini-batch at a place. turn: which set of buffers to use."""
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

"""The sequence of mini-batches of a training."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from digitnet.engine.arrays import Array, Buffer, Cases, Feeder, Integers
from digitnet.engine.augment import Augment, Deformer, side_of
from digitnet.engine.evaluate import check_memory
from digitnet.engine.trainer import Progress, Trainer

Batch = tuple[Array, Array]
"""Inputs (batch, inputs) and targets (batch, outputs)."""

Place = tuple[int, int, int]
"""Where a mini-batch begins: its epoch, its position there, and all cases seen before it."""


class MiniBatches:
    """An endless sequence of mini-batches, from the current position of a training on.

    The order of an epoch is a permutation drawn from the seed and the epoch's number; the
    deformation of a case is a function of the seed and the number of cases seen before it. So the
    only state is the progress, which `done` advances. Deformed mini-batches are prefetched in a
    background thread.

    size: cases per mini-batch, the last of an epoch possibly smaller.
    """

    def __init__(self, trainer: Trainer, cases: Cases, progress: Progress | None = None) -> None:
        """progress: to start from and to advance; by default the trainer's.

        Raises ValueError for deformations of cases that are not square pictures, and for
        mini-batches that would take too much memory.
        """
        settings, dtype = trainer.settings, trainer.network.dtype
        self.cases, self.seed, self.smoothing = cases, trainer.seed, settings.smoothing
        self.size = min(settings.batch or len(cases), len(cases))
        check_memory(trainer.network, self.size)
        self.progress = progress = progress or trainer.progress
        self.per_epoch = -(-len(cases) // self.size)
        if progress.cases != len(cases):
            progress.cases = len(cases)
            if progress.position:
                progress.next_epoch()
        self._order: tuple[int, Integers] = -1, np.arange(0)
        deforms = settings.augment != "none"
        self._deformer: Deformer | None = None
        if deforms:
            side = side_of(cases.inputs.shape[1])
            self._deformer = Deformer(side, side, self.seed, Augment.parse(settings.augment))
        # one set of buffers for the current mini-batch, one for the prefetched
        self._feeders = [Feeder(cases, self.size, dtype) for _ in range(1 + deforms)]
        self._deformed = [Buffer(cases.inputs.shape[1:], np.float32) for _ in range(2 * deforms)]
        self._turn = 0
        self._prefetched: tuple[Place, Future[Batch]] | None = None
        self._worker = ThreadPoolExecutor(1, "mini-batches") if deforms else None

    def next(self) -> Batch:
        """The next mini-batch, valid until the next call."""
        progress = self.progress
        place = progress.epoch, progress.position, progress.samples
        if self._worker is None:
            return self._make(place, 0)
        if self._prefetched is None or self._prefetched[0] != place:
            self._prefetched = self._prefetch(self._worker, place)
        batch = self._prefetched[1].result()
        after = replace(progress)
        after.advance(min(self.size, len(self.cases) - after.position))
        self._prefetched = self._prefetch(
            self._worker, (after.epoch, after.position, after.samples)
        )
        return batch

    def done(self, count: int, cost: float) -> None:
        """Advances the progress by a mini-batch of `count` cases with this cost."""
        self.progress.cost_sum += cost
        self.progress.cost_count += 1
        self.progress.advance(count)

    def _prefetch(self, worker: ThreadPoolExecutor, place: Place) -> tuple[Place, Future[Batch]]:
        self._turn = 1 - self._turn
        return place, worker.submit(self._make, place, self._turn)

    def _make(self, place: Place, turn: int) -> Batch:
        """Makes the mini-batch at a place. turn: which set of buffers to use."""
        epoch, position, samples = place
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, 1, epoch])
            self._order = epoch, rng.permutation(len(self.cases))
        rows = self._order[1][position : position + self.size]
        x, y = self._feeders[turn].batch(rows)
        if self.smoothing and y.shape[1] > 1:  # Szegedy et al. 2016, arXiv 1512.00567, section 7
            y *= 1 - self.smoothing
            y += self.smoothing / y.shape[1]
        if self._deformer is not None:
            deformed = self._deformed[turn](len(rows))
            self._deformer(x, samples + np.arange(len(rows)), deformed)
            x = deformed.astype(x.dtype, copy=False)
        return x, y

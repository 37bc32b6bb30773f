"""A training as a film: snapshots of the network, kept in memory, and what it guessed at each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from rich.console import RenderableType

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, answers_of, assign
from digitnet.engine.evaluate import outputs_for
from digitnet.engine.network import Network
from digitnet.engine.trainer import Trainer
from digitnet.insight.data import sample_indices
from digitnet.repl.pictures import View
from digitnet.repl.pictures.grid import ANSWERS, Grid
from digitnet.repl.pictures.network import NetworkPicture, picture_of
from digitnet.repl.pictures.tables import counted, percent
from digitnet.repl.result import Record, ScreenOnly

MAX_MOMENTS, MAX_BYTES = 100, 64 << 20
"""Snapshots that are kept, and their memory; beyond these, every second one is dropped."""

MAX_CASES = 300  # validation cases that are guessed at each moment

LOAD, INITIAL_SECONDS = 0.01, 0.02
"""Taking snapshots is this fraction of the time, plus these seconds at the start."""

TOLD = 6  # moments that are told in words

STRIP, ABOVE, LEAST_ABOVE, AROUND = 10, 12, 10, 3
"""Lines of the strip of guesses for at most so many answers; of what is above it, and that at
least; and around both.
"""


@dataclass(frozen=True)
class Moment(Record):
    """A network after so many mini-batches. values: of its parameters and statistics. accuracy, and
    shares, of the guesses for each answer: on validation cases.
    """

    batches: int
    accuracy: float
    shares: list[float]
    values: ScreenOnly[list[Array]]


@dataclass
class Film:
    """The moments of a training. index: of the test case that is shown while it runs."""

    trainer: Trainer
    data: DataSet
    index: int
    moments: list[Moment] = field(default_factory=list)
    _begun: float = field(default_factory=perf_counter)
    _spent: float = 0.0

    def __post_init__(self) -> None:
        self.take()

    def look(self) -> None:
        """Takes a snapshot if there is time for it; call this between mini-batches."""
        begun = perf_counter()
        if self._spent < INITIAL_SECONDS + LOAD * (begun - self._begun):
            self.take()
            self._spent += perf_counter() - begun

    def take(self) -> None:
        """Takes a snapshot, unless there is one of this moment."""
        network, batches = self.trainer.with_answering_weights(), self.trainer.progress.batches
        if self.moments and self.moments[-1].batches == batches:
            return
        cases = self.data.validation
        rows = sample_indices(len(cases), MAX_CASES)
        guesses = answers_of(outputs_for(network, cases, rows))
        accuracy = float((guesses == answers_of(cases.targets[rows])).mean())
        counts = np.bincount(guesses, minlength=max(2, network.outputs))
        values = [value.copy() for value in network.values]
        self.moments.append(Moment(batches, accuracy, (counts / len(rows)).tolist(), values))
        size = sum(value.nbytes for value in values)
        if len(self.moments) > max(2, min(MAX_MOMENTS, MAX_BYTES // size)):
            del self.moments[1:-1:2]

    def network(self, moment: int) -> Network:
        copy = self.trainer.with_answering_weights().copy(self.trainer.network.dtype)
        assign(copy.values, self.moments[moment].values)
        return copy

    def beside(self, curves: RenderableType, view: View) -> RenderableType:
        """While it trains, the network instead of the curves, above the strip."""
        grid = Grid(view.width, view.height - AROUND, light=view.light, shades=view.shades)
        self.draw(grid, picture_of(self.trainer.with_answering_weights(), self.data, self.index))
        return grid

    def draw(self, grid: Grid, picture: NetworkPicture, moment: int = -1) -> dict[int, list[int]]:
        """Draws a picture, and below it the proportions of the guesses over time, one above the
        other, with a moment marked, if there is room and there are at most ten answers; returns the
        units shown of each column.
        """
        width, times = grid.width, [moment.batches for moment in self.moments]
        seen = np.searchsorted(times, np.linspace(times[0], times[-1], width), "right") - 1
        lines = max(len(self.moments[0].shares), min(STRIP, grid.height - ABOVE - 1))
        lines *= lines <= STRIP and grid.height - lines - 1 >= LEAST_ABOVE
        top = grid.height - lines - 1 if lines else grid.height
        for x in range(width if lines else 0):
            parts = np.array(self.moments[seen[x]].shares) * lines
            whole = np.floor(parts + 1e-9).astype(int)  # the rest goes to the largest remainders
            whole[np.argsort(whole - parts, kind="stable")[: lines - whole.sum()]] += 1
            for y, answer in enumerate(np.repeat(np.arange(len(whole)), whole).tolist()):
                style = f"#000000 on {grid.shade(ANSWERS[answer], 1)}"
                grid.write(x, top + y, f"{answer}", style)
        if lines:
            grid.write(int(np.searchsorted(seen, moment % len(times))), top + lines, "▲")
        return picture.draw(grid.part(0, 0, width, top))

    def words(self) -> Iterator[str]:
        for at in np.unique(np.linspace(0, len(self.moments) - 1, TOLD).round().astype(int)):
            shares = self.moments[at].shares
            most = int(np.argmax(shares))
            yield f"{self.told(at)}, most often guessed {most} ({100 * shares[most]:.0f} %)"

    def told(self, at: int) -> str:
        """A moment in words."""
        moment, count = self.moments[at], min(MAX_CASES, len(self.data.validation))
        right = f"{percent(moment.accuracy)} of {counted(count, 'validation case')} right"
        return f"after {counted(moment.batches, 'mini-batch')}, {right}"

"""The setting `watch`: misread digits and the first layer's weights, shown during training."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from digitnet.engine.evaluate import outputs_in_chunks
from digitnet.engine.types import Array
from digitnet.insight.confusion import Guesses, guesses_of
from digitnet.insight.insides import first_layer
from digitnet.repl.commands.misreading import Misread
from digitnet.repl.views.curves import live_rows
from digitnet.repl.views.filters import framed_units, weights_table
from digitnet.repl.views.gallery import gallery
from digitnet.repl.views.misread import framed

if TYPE_CHECKING:
    from digitnet.digits.datasets import DataSet
    from digitnet.engine.trainer import Trainer

MAX_CASES = 300
"""Maximum number of validation cases to search for misread ones."""
MAX_UNITS = 24
"""Maximum number of units whose weights are shown."""
LOOK_RATIO = 120
"""The next look comes after this many times the time that the last one took."""
CELL, LINES = 16, 8
"""Columns of a small digit with its gap, and lines of one with its label."""
AROUND = 2
"""Lines of the screen for the progress line and the cursor."""
CURVES = 60
"""Minimum columns of the curves beside the pictures."""


@dataclass
class Watch:
    """Takes a look at the network in training now and then, and shows the last one.

    what: `misread`, `weights` or `both`. The first look is taken when it is first drawn, so it
    costs nothing without a screen.
    """

    what: str
    trainer: "Trainer"
    data: "DataSet"
    _guesses: Guesses | None = None
    _weights: Array | None = None
    _is_drawn: bool = False
    _lines: list[list[Segment]] = field(default_factory=list)
    _room: int = 0
    _size: tuple[int, int] = (0, 0)
    _not_before: float = 0.0

    def look(self) -> None:
        """Takes another look if it is drawn and it is time; call this between mini-batches."""
        if not self._is_drawn or (begun := perf_counter()) < self._not_before:
            return
        self._look()
        self._size = (0, 0)
        done = perf_counter()
        self._not_before = done + LOOK_RATIO * (done - begun)

    def _look(self) -> None:
        if self.what in ("misread", "both"):
            network, cases = self.trainer.answering(), self.data.validation
            rows = np.arange(min(MAX_CASES, len(cases)))
            self._guesses = guesses_of(outputs_in_chunks(network, cases, rows))
        if self.what in ("weights", "both"):
            self._weights = first_layer(self.trainer.network).weights[:MAX_UNITS].copy()

    def beside(
        self, curves: RenderableType, console: Console, options: ConsoleOptions
    ) -> RenderableType:
        """The curves and the pictures: side by side if they fit."""
        width, self._room = options.max_width, console.height - AROUND
        if width < CURVES + 2 * CELL:
            self._room -= live_rows(console)
            return Group(curves, self)
        watched = (width - CURVES) // CELL * CELL
        both = Table.grid(padding=(0, 2, 0, 0))
        both.add_column(width=width - watched)
        both.add_column(width=watched - 2)
        both.add_row(curves, self)
        return both

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders a row of pictures of each kind that fits; redrawn after each look."""
        size = (options.max_width, console.height)
        if size != self._size:
            if not self._is_drawn:
                self._look()
            self._is_drawn, self._lines, self._size = True, [], size
            for part in self._shown(console, options):
                lines = console.render_lines(part, options, pad=False)
                if len(self._lines) + len(lines) <= self._room:
                    self._lines += lines
        for line in self._lines:
            yield from line
            yield Segment.line()

    def _shown(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        across = max(1, (options.max_width + 2) // CELL)
        if self._guesses is not None:
            places = self._guesses.wrong()
            count = len(self._guesses.answers)
            title = Text(f"{len(places)} of {count} validation cases misread", "dim")
            cases = [
                Misread.of(self._guesses, self.data, self.data.validation, int(place))
                for place in places[:across]
            ]
            pictures = gallery([framed(case, console, options) for case in cases], options)
            yield Group(title, pictures)
        if self._weights is not None and self._weights.ndim == 2:
            yield weights_table(self._weights, None)
        elif self._weights is not None:
            units = range(len(self._weights))
            shown = framed_units(units, self._weights, console, options, lines=LINES, common=False)
            yield Group(Text("weights of the first layer", "dim"), gallery(shown, options))

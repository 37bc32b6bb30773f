"""A network that is looked at: how keys move through its cases, layers, units and weights."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, sqrt
from time import perf_counter

import numpy as np

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Feeder, answers_of
from digitnet.engine.layers import Weighted
from digitnet.engine.network import Network
from digitnet.engine.pictures import Convolution
from digitnet.insight.inside import responses
from digitnet.registry.model import Model
from digitnet.repl.film import Film
from digitnet.repl.pictures.digit import POSITIVE, halved
from digitnet.repl.pictures.grid import Grid, Window
from digitnet.repl.pictures.network import (
    FEW,
    NetworkPicture,
    Phase,
    number_of,
    phases,
    picture_of,
    resized,
)
from digitnet.repl.pictures.tables import named, percent
from digitnet.repl.session import Before, Session

SECONDS = 0.3
"""Time for each layer of the animation."""

TURN = 0.1
"""How much a key turns a weight."""

MAX_LIKED = 300
"""Test cases searched for those that excite a unit most."""

MOVES = {",": -1, ".": 1, "home": 0, "end": 0}
"""The keys that move through a film, and by how many moments."""

KEYS = {
    "": "q leave  space run  ←→ case  ↑↓ layer  tab unit  enter what it likes",
    "unit": "any key: back",
    "weight": "↑↓ turn  ←→ another weight  w done",
}
"""What the keys do, by what is shown."""


@dataclass
class Viewer(Window):
    """What is looked at. column, unit: selected. weight: of the unit, the bias being the last.

    shows: the network, the `unit`, or the network with a `weight` that is turned. running: the
    phase that is shown; None for the whole. film: of a training, and the moment that is shown.
    """

    least = 40, 12

    session: Session
    model: Model
    data: DataSet
    index: int
    column: int = 1
    unit: int = 0
    weight: int = 0
    shows: str = ""
    running: int | None = None
    film: Film | None = None
    moment: int = -1
    _shown: dict[int, list[int]] = field(default_factory=dict)
    _picture: NetworkPicture | None = None
    _since: float = 0.0
    _is_undoable: bool = False

    def __post_init__(self) -> None:
        """A film begins at its end."""
        self.moment = len(self.film.moments) - 1 if self.film else -1

    @cached_property
    def network(self) -> Network:
        """The network that is looked at."""
        if self.film and self.moment < len(self.film.moments) - 1:
            return self.film.network(self.moment)
        return self.model.trainer.with_answering_weights()

    def whole(self) -> NetworkPicture:
        """The picture of the present case, without what the keys have marked."""
        if self._picture is None:
            self._picture = picture_of(self.network, self.data, self.index)
        return self._picture

    @property
    def picture(self) -> NetworkPicture:
        """The picture of the present case."""
        whole = self.whole()
        phase = Phase() if self.running is None else phases(whole.scene)[self.running]
        weight = self.weight if self.shows == "weight" else -1
        return replace(whole, phase=phase, selected=(self.column, self.unit), weight=weight)

    # the keys

    def press(self, key: str) -> bool:
        """Answers a key; returns whether to stay."""
        if key in ("q", "escape", "c-d") and not self.shows:
            return False
        if self.shows == "unit" or (self.shows and key in ("w", "q", "escape", "c-m")):
            self.shows = ""
            return True
        across = {"left": -1, "right": 1}.get(key, 0)
        up = {"up": 1, "down": -1}.get(key, 0)
        if self.shows == "weight":
            self.weight = (self.weight + across) % len(self._weights())
            if up:
                self._turn(up * TURN)
        elif across:
            self.index = (self.index + across) % len(self.data.test)
            self._picture, self.running = None, None
        elif up:
            self.column = max(1, min(self.column + up, len(self.picture.scene.columns) - 1))
            self.unit = (self._shown.get(self.column) or [0])[0]
        elif key in ("c-i", "s-tab"):
            units = self._shown.get(self.column, [0])
            at = units.index(self.unit) if self.unit in units else -1
            self.unit = units[(at + (1 if key == "c-i" else -1)) % len(units)]
        elif key in MOVES and self.film:
            at, last = self.moment, len(self.film.moments) - 1
            self.moment = {"home": 0, "end": last}.get(key, max(0, min(at + MOVES[key], last)))
            self._picture = None
            del self.network
        elif key == " ":
            self.running, self._since = 0 if self.running is None else None, perf_counter()
        elif key == "c-m" and self.picture.scene.has_signal:
            self.shows = "unit"
        elif key == "w" and self.can_turn:
            self.shows, self.weight = "weight", 0
        return True

    def move(self) -> bool:
        """Shows the next phase when it is time; the last one stays."""
        at, now = self.running, perf_counter()
        if at is None or now - self._since < SECONDS:
            return False
        self._since = now
        self.running = min(at + 1, len(phases(self.picture.scene)) - 1)
        return self.running != at

    # a weight turned by hand

    @property
    def can_turn(self) -> bool:
        """Whether it is small, and answers with the very weights that are trained."""
        is_small = all(column.count <= FEW for column in self.picture.scene.columns)
        return is_small and self.network is self.model.network and not self.network.is_committee

    def _weights(self) -> list[Array]:
        """Of the unit that is selected, the weights and the bias, each a view of one number."""
        values = [p.value.reshape(-1, p.value.shape[-1]) for p in self._layer.parameters]
        return [row[self.unit : self.unit + 1] for value in values for row in value]

    @property
    def _layer(self) -> Weighted:
        """The layer whose units are in the column that is selected."""
        return [la for la in self.network.layers if isinstance(la, Weighted)][self.column - 1]

    def _turn(self, by: float) -> None:
        if not self._is_undoable:
            before = Before.of(self.model, self.session)
            self.session.before = self.session.last_change = before
            self.session.saved = None
            self._is_undoable = True
        self._weights()[self.weight][:] += by
        self.model.accuracy, self._picture = None, None

    # how it looks

    def draw(self, grid: Grid) -> None:
        """The title, the picture and the keys."""
        picture, inside = self.picture, grid.part(0, 1, grid.width, grid.height - 2)
        grid.write(0, 0, self._title(picture), "bold")
        keys = KEYS[self.shows]
        if not self.shows:
            keys += "  , . time" * bool(self.film) + "  w turn a weight" * self.can_turn
        grid.write(0, grid.height - 1, keys)
        if self.shows == "unit":
            self._draw_unit(inside, picture)
        elif self.film:
            self._shown = self.film.draw(inside, picture, self.moment)
        else:
            self._shown = picture.draw(inside)

    def _title(self, picture: NetworkPicture) -> str:
        scene = picture.scene
        guess = int(answers_of(scene.outputs[np.newaxis])[0])
        unit = f"unit {self.unit} of layer {self.column}"
        if self.shows == "unit":
            return f"{unit}: its weights, and what excites it most of {MAX_LIKED} test cases"
        if self.shows == "weight":
            weights = self._weights()
            below = scene.columns[self.column].below
            name = f"weight from {self.weight}" if self.weight < below else "bias"
            value = float(weights[self.weight][0])
            return f"{name} to {unit}: {number_of(value)}; cost {scene.cost:.4g}, guess {guess}"
        said = {
            "backward": "; back: the error signal dC/dz",
            "change": "; how gradient descent would change the weights",
        }
        answers = ", ".join(
            f"{word} {named(answer, self.data.answers)}"
            for word, answer in (("guess", guess), ("answer", picture.answer))
        )
        told = said.get(picture.phase.kind, "")
        if self.film:
            then = self.film.moments[self.moment]
            told += f"; after {then.batches:,} mini-batches, {percent(then.accuracy)} right"
        return f"case {self.index:,}: {answers}, cost {scene.cost:.4g}{told}"

    def _draw_unit(self, grid: Grid, picture: NetworkPicture) -> None:
        """What the unit likes: its weights as a picture, and the cases that excite it most."""
        column, side = picture.scene.columns[self.column], 2 * min(grid.height - 1, 14)
        weights = column.weights[:, self.unit]
        shown = self._weight_picture(weights, picture)
        grid.image(0, 0, resized(shown / (np.abs(shown).max() or 1.0), side), POSITIVE)
        low, high = number_of(weights.min()), number_of(weights.max())
        grid.write(0, side // 2, f"{low} to {high}"[: side + 2])
        count = min(MAX_LIKED, len(self.data.test))
        x = Feeder(self.data.test, count, self.network.dtype).batch(np.arange(count))[0]
        values = responses(self.network, x)[self.column].reshape(count, -1, column.count)
        liked = values[..., self.unit].max(axis=1)
        width, height = (16, 8) if picture.case is not None else (grid.width - side - 3, 1)
        across, down = (grid.width - side - 2) // width, grid.height // height
        for n, case in enumerate(np.argsort(-liked, kind="stable")[: across * down].tolist()):
            left, top = side + 3 + n % across * width, n // across * height
            pixels = self.data.picture_of(self.data.test, case)
            label = f"{case}: {number_of(float(liked[case]))}"
            if pixels.ndim == 2:
                small = halved(pixels) if pixels.shape[1] > 16 else pixels
                grid.image(left, top, resized(small / 255, 14))
            else:
                label += f"  {' '.join(f'{value:.3g}' for value in pixels)}"
            grid.write(left, top + height - 1, label)

    def _weight_picture(self, weights: Array, picture: NetworkPicture) -> Array:
        """The weights as the case they are for, as the mean kernel, or else in a square."""
        shown: Array
        if isinstance(self._layer, Convolution):
            kernel = self._layer.kernel
            shown = weights.reshape(kernel, kernel, -1).mean(axis=2)
        elif picture.case is not None and weights.size == picture.case.size:
            shown = weights.reshape(picture.case.shape)
        else:
            side = ceil(sqrt(weights.size))
            shown = np.pad(weights, (0, side * side - weights.size)).reshape(side, side)
        return shown

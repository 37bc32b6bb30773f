"""`look` draws the network in hand; at a prompt it answers keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import ceil, sqrt
from textwrap import wrap
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import RenderResult
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Feeder
from digitnet.engine.layers import Layer
from digitnet.engine.network import Network
from digitnet.engine.pictures import Convolution
from digitnet.engine.schedules import Amount
from digitnet.insight.inside import numbers_of, responses
from digitnet.insight.why import largest
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import case_number, check_outputs
from digitnet.repl.features.train import TrainingResult, ready, trained
from digitnet.repl.film import Film, Moment
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import Picture, halved, legend, named, verdict
from digitnet.repl.pictures.grid import ANSWERS, LEVELS, POSITIVE, Grid, Window, mixed
from digitnet.repl.pictures.network import (
    FEW,
    NetworkPicture,
    Phase,
    number_of,
    phases,
    picture_of,
    resized,
)
from digitnet.repl.pictures.tables import counted
from digitnet.repl.result import Merged, Record, ScreenOnly
from digitnet.repl.session import Before, Session

MIN_WIDTH, MAX_HEIGHT = 40, 30
"""Columns of a screen below which it is told in words, and lines of a still at most."""

AROUND = 8  # lines of the screen for the text around a still, and the prompt
STRONGEST = 5  # connections that are told of a layer
SECONDS = 0.3  # time for each layer of the animation
TURN = 0.1  # how much a key turns a weight
MAX_LIKED = 300  # test cases searched for those that excite a unit most

MOVES = {",": -1, ".": 1, "home": 0, "end": 0}
"""The keys that move through a film, and by how many moments."""

KEYS = {
    "": "q_leave  space_run  ←→_case  ↑↓_layer  tab_unit",
    "unit": "any key: back",
    "weight": "↑↓_turn  ←→_another_weight  w_done",
}
"""What the keys do, by what is shown; _ is a space at which no line ends."""

TOLD = {
    "backward": "; back: the error signal dC/dz",
    "change": "; how gradient descent would change the weights",
}
"""What is told of a phase."""


@dataclass
class Viewer(Window):
    """What is looked at. column, unit: selected. weight: of the unit, the bias being the last.

    shows: the network, the `unit`, or the network with a `weight` that is turned. running: the
    phase that is shown; None for the whole. film: of a training, and the moment that is shown.
    """

    least = (40, 12)

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
    has_words: bool = True
    _shown: dict[int, list[int]] = field(default_factory=dict)
    _picture: NetworkPicture | None = None
    _since: float = 0.0
    _is_undoable: bool = False

    @cached_property
    def network(self) -> Network:
        if self.film and self.moment not in (-1, len(self.film.moments) - 1):
            return self.film.network(self.moment)
        return self.model.trainer.with_answering_weights()

    def whole(self) -> NetworkPicture:
        if self._picture is None:
            self._picture = picture_of(self.network, self.data, self.index)
        return self._picture

    @property
    def picture(self) -> NetworkPicture:
        """The same, with the phase that runs, and the unit and the weight that are selected."""
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
            last = len(self.film.moments) - 1
            at = (self.moment if self.moment >= 0 else last) + MOVES[key]
            self.moment = {"home": 0, "end": last}.get(key, max(0, min(at, last)))
            self._picture = None
            vars(self).pop("network", None)
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
    def _layer(self) -> Layer:
        return self.network.layers[self.whole().scene.columns[self.column].number - 1]

    def _turn(self, by: float) -> None:
        if not self._is_undoable:
            self.session.before = self.session.last_change = Before.of(self.model)
            self.session.saved, self.model.versions = None, ()
            self._is_undoable = True
        self._weights()[self.weight][:] += by
        self.model.accuracy, self._picture = None, None

    # how it looks

    def draw(self, grid: Grid) -> None:
        picture, keys = self.picture, KEYS[self.shows]
        if not self.shows:
            keys += "  enter_what_it_likes" * picture.scene.has_signal
            keys += "  ,._time" * bool(self.film) + "  w_turn_a_weight" * self.can_turn
        above, below = wrap(self._title(picture), grid.width), wrap(keys, grid.width)
        for y, line in enumerate(above):
            grid.write(0, y, line, "bold")
        for y, line in enumerate(below, grid.height - len(below)):
            grid.write(0, y, line.replace("_", " "))
        inside = grid.part(0, len(above), grid.width, grid.height - len(above) - len(below))
        if self.shows == "unit":
            self._draw_unit(inside, picture)
        elif self.film:
            self._shown = self.film.draw(inside, picture, self.moment)
        else:
            self._shown = picture.draw(inside)
        units = self._shown.get(self.column) or [self.unit]
        if self.unit not in units:
            self.unit = units[0]
            self.draw(grid)

    def _title(self, picture: NetworkPicture) -> str:
        scene = picture.scene
        unit = f"unit {self.unit} of layer {scene.columns[self.column].number}"
        if self.shows == "unit":
            cases = counted(min(MAX_LIKED, len(self.data.test)), "test case")
            return f"{unit}: its weights, and what excites it, of {cases}"
        if self.shows == "weight":
            weights = self._weights()
            below = scene.columns[self.column].below
            name = f"weight from {self.weight}" if self.weight < below else "bias"
            value = number_of(float(weights[self.weight][0]))
            return f"{name} to {unit}: {value}; cost {scene.cost:.4g}, guess {picture.guess}"
        guess, answer = (named(n, self.data.answers) for n in (picture.guess, picture.answer))
        told = TOLD.get(picture.phase.kind, "")
        if self.film:
            told += f"; {self.film.told(self.moment)}"
        return f"case {self.index:,}: guess {guess}, answer {answer}, cost {scene.cost:.4g}{told}"

    def _draw_unit(self, grid: Grid, picture: NetworkPicture) -> None:
        """What the unit likes: its weights as a picture, and the cases that excite it most."""
        column, side = picture.scene.columns[self.column], 2 * min(grid.height - 1, 14)
        weights = column.weights[:, self.unit]
        shown = self._in_place(weights, picture.case)
        grid.image(0, 0, resized(shown / (np.abs(shown).max() or 1.0), side), POSITIVE)
        low, high = number_of(weights.min()), number_of(weights.max())
        grid.write(0, side // 2, f"{low} to {high}"[: side + 2])
        count = min(MAX_LIKED, len(self.data.test))
        x = Feeder(self.data.test, self.network.dtype).batch(np.arange(count))[0]
        values = responses(self.network, x)[self.column][1].reshape(count, -1, column.count)
        liked = values[..., self.unit].max(axis=1)
        width, height = (16, 8) if picture.case is not None else (grid.width - side - 3, 1)
        across, down = (grid.width - side - 2) // width, grid.height // height
        exciting = np.argsort(-liked, kind="stable")[: np.count_nonzero(liked > liked.min())]
        if not len(exciting):
            grid.write(side + 3, 0, f"{number_of(float(liked[0]))} for every case")
        for n, case in enumerate(exciting[: across * down].tolist()):
            left, top = side + 3 + n % across * width, n // across * height
            pixels = self.data.picture_of(self.data.test, case)
            label = f"{case}: {number_of(float(liked[case]))}"
            if pixels.ndim == 2:
                small = halved(pixels) if pixels.shape[1] > 16 else pixels
                grid.image(left, top, resized(small / 255, 14))
            else:
                label += f"  {' '.join(f'{value:.3g}' for value in pixels)}"
            grid.write(left, top + height - 1, label)

    def _in_place(self, weights: Array, case: Picture | None) -> Array:
        """The weights as the case they are for, as the mean kernel, or else in a square."""
        if isinstance(self._layer, Convolution):
            kernel = self._layer.kernel
            mean: Array = weights.reshape(kernel, kernel, -1).mean(axis=2)
            return mean
        if case is not None and weights.size == case.size:
            return weights.reshape(case.shape)
        side = ceil(sqrt(weights.size))
        return np.pad(weights, (0, side * side - weights.size)).reshape(side, side)


@dataclass(frozen=True)
class LookResult(Drawn):
    """A network and what it makes of a test case. names: of the answers."""

    index: int
    set: str
    picture: NetworkPicture
    names: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Of each layer the units that are shown, and the strongest connections into them."""
        scene = self.picture.scene
        return {
            "index": self.index,
            "set": self.set,
            "answer": self.picture.answer,
            "guess": self.picture.guess,
            "outputs": scene.outputs.tolist(),
            "cost": scene.cost,
            "layers": self._layers(),
        }

    def _layers(self) -> list[dict[str, Any]]:
        scene = self.picture.scene
        chosen = scene.chosen([FEW] * len(scene.columns))
        layers = []
        for (below, column), units in zip(pairwise(scene.columns), chosen[1:], strict=True):
            links, values = column.links(units), numbers_of(column.values)
            layer = {
                "layer": column.name,
                "units": column.count,
                "active": int(np.count_nonzero(values)),
                "shown": [unit + column.first for unit in units],
                "values": values[units].tolist(),
                "signals": None,
                "strongest": [
                    {
                        "from": place // len(units) + below.first,
                        "to": units[place % len(units)],
                        "product": float(links.flat[place]),
                    }
                    for place in largest(links, STRONGEST)
                ],
            }
            if scene.has_signal:
                layer["signals"] = numbers_of(column.signal)[units].tolist()
            layers.append(layer)
        return layers

    def drawn(self, view: View) -> RenderResult:
        yield Text(f"case {self.index:,} of the {self.set} set")
        if is_drawn := view.blocks and view.width >= MIN_WIDTH:
            grid = _grid(view)
            self.picture.draw(grid)
            yield grid
            said = "a line is the sum of weights times values below it"
            yield Text.assemble(said, ": ", legend(view)) if view.shades else Text(said)
        else:
            yield from self._words()
        if plane := self.picture.plane:
            parts = 100 * np.bincount(plane.outputs.argmax(axis=2).flat) / len(plane.outputs) ** 2
            texts, odd = list[Text](), "█ " * (is_drawn and not view.shades)
            for n, (part, colour) in enumerate(zip(parts, ANSWERS, strict=False)):
                said = f"{odd * (n % 2)}{named(n, self.names)} on {part:.0f} %"
                texts.append(Text(said, mixed(colour, LEVELS, 255 * view.light)))
            yield Text.assemble("the answer is ", Text(", ").join(texts), " of the plane")
        of = self.picture
        yield verdict(of.guess, of.answer, self.names, of.scene.answered)

    def _words(self) -> RenderResult:
        inputs = self.picture.scene.columns[0].values
        yield f"{inputs.size:,} inputs, {np.count_nonzero(inputs):,} of them not zero"
        for column, layer in zip(self.picture.scene.columns[1:], self._layers(), strict=True):
            name = f"layer {column.number}, {column.name or 'outputs'}"
            yield f"{name}: {layer['active']:,} not zero"
            shown = zip(layer["shown"], layer["values"], strict=True)
            rest = layer["units"] - len(layer["shown"])
            units = [f"{unit}: {number_of(value)}" for unit, value in shown]
            yield f"  {', '.join(units)}{f'; {rest:,} more matter less' if rest else ''}"
            links = [f"{p['from']} to {p['to']} {p['product']:+.3g}" for p in layer["strongest"]]
            if links:
                yield f"  weights times values: {', '.join(links)}"


def _grid(view: View) -> Grid:
    height = max(12, min(view.height - AROUND, MAX_HEIGHT))
    return Grid(view.width, height, light=view.light, shades=view.shades)


@dataclass(frozen=True)
class FilmedResult(Record):
    """A training, and the network at a moment of it."""

    training: Merged[TrainingResult]
    moments: list[Moment]
    looked: ScreenOnly[LookResult]
    film: ScreenOnly[Film]
    moment: ScreenOnly[int]

    def drawn(self, view: View) -> RenderResult:
        if view.blocks and view.width >= MIN_WIDTH:
            grid = _grid(view)
            self.film.draw(grid, self.looked.picture, self.moment)
            yield grid
            yield self.film.told(self.moment)
        else:
            yield from self.looked.drawn(view)
            yield from self.film.words()
        yield from self.training.drawn(replace(view, redraws=False))


@command("look", group="Asking", rank=7, is_picture=True)
def look(
    session: Session, index: kinds.LOOKED = None, amount: kinds.AMOUNT = None
) -> LookResult | FilmedResult:
    """Draw the network as columns of units, and lines for what each unit gives the next.

    Units light up with their values for a test case, random or with that number. A line is as
    bright as the sum of weights times values it is for. Of layers with more than 12 units, those
    are shown that contribute most to the guess. In a file, light before its name draws it on white.

    At a prompt it answers keys: left and right go through the cases, up and down through the
    layers, Tab through the units of one. Space runs the case forward, then the error signal back.
    Enter shows a unit's weights and the cases that excite it most. In a small network, w takes a
    weight of the unit, and up and down turn it; undo takes that back. q leaves.

    look train trains as t does, for one epoch or the amount given, with the network on the screen
    instead of the curves, and below it the share of guesses for each answer. Afterward, comma and
    period go back and forth through the training, Home and End to its ends.

    look: the network, and what it makes of a random case
    look 5 picture.svg: drawn in a file
    look train 3e: three epochs of training, with the network on the screen
    look 5: test case 5
    """
    if index == "train":
        return _filmed(session, amount or Amount(1, "epochs"))
    if amount:
        raise CommandError("look: an amount is for look train. Example: look train 3e")
    model = session.network()
    data = session.data_for(model)
    number = case_number(session, data, None if isinstance(index, str) else index)
    return _looked(Viewer(session, model, data, number))


def _filmed(session: Session, amount: Amount) -> FilmedResult:
    model, data = ready(session)
    film = Film(model.trainer, data, case_number(session, data, None))
    training = trained(session, amount, film.beside, film.look)
    film.take()
    view = Viewer(session, model, data, film.index, film=film, has_words=False)
    return FilmedResult(training, film.moments, _looked(view), film, view.moment)


def _looked(view: Viewer) -> LookResult:
    """What is left on the screen, after a person at a prompt has looked at it."""
    check_outputs(view.whole().scene.answered)
    if view.session.interactive and not view.session.to_file:
        view.session.asker.show(view)
    name, names = f"{view.data.name} test", view.data.answers
    return LookResult(view.index, name, view.whole(), names)

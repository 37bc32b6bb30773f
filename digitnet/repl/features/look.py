"""`look` draws the network in hand; at a prompt it moves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from rich.console import RenderResult
from rich.text import Text

from digitnet.engine.arrays import answers_of
from digitnet.engine.schedules import Amount
from digitnet.insight.inside import numbers_of
from digitnet.insight.why import largest
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import case_number, check_outputs
from digitnet.repl.features.train import TrainingResult, ready, trained
from digitnet.repl.film import Film
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import legend, verdict
from digitnet.repl.pictures.grid import Grid
from digitnet.repl.pictures.network import FEW, NetworkPicture, number_of
from digitnet.repl.session import Session
from digitnet.repl.viewer import Viewer

MIN_WIDTH, MAX_HEIGHT = 40, 30
"""Columns of a screen below which it is told in words, and lines of a still at most."""

AROUND = 8
"""Lines of the screen for the text around a still, and the prompt."""

STRONGEST = 5
"""Connections that are told of a layer."""


@dataclass(frozen=True)
class LookResult(Drawn):
    """A network and what it makes of a test case. names: of the answers."""

    index: int
    set: str
    picture: NetworkPicture
    names: Sequence[str] = ()
    is_light: bool = False

    @property
    def guess(self) -> int:
        return int(answers_of(self.picture.scene.outputs[np.newaxis])[0])

    def as_json(self) -> dict[str, Any]:
        """Of each layer the units that are shown, and the strongest connections into them."""
        scene = self.picture.scene
        return {
            "index": self.index,
            "set": self.set,
            "answer": self.picture.answer,
            "guess": self.guess,
            "outputs": scene.outputs.tolist(),
            "cost": scene.cost,
            "layers": self._layers(),
        }

    def _layers(self) -> list[dict[str, Any]]:
        scene = self.picture.scene
        chosen = scene.chosen([FEW] * len(scene.columns))
        layers = []
        for column, units in zip(scene.columns[1:], chosen[1:], strict=True):
            links, values = column.links(units), numbers_of(column.values)
            strongest = [divmod(place, len(units)) for place in largest(links, STRONGEST)]
            layers.append(
                {
                    "layer": column.name,
                    "units": column.count,
                    "active": int(np.count_nonzero(values)),
                    "shown": units,
                    "values": values[units].tolist(),
                    "signals": numbers_of(column.signal)[units].tolist()
                    if scene.has_signal
                    else None,
                    "strongest": [
                        {"from": below, "to": units[unit], "product": float(links[below, unit])}
                        for below, unit in strongest
                    ],
                }
            )
        return layers

    def drawn(self, view: View) -> RenderResult:
        yield Text(f"case {self.index:,} of the {self.set} set")
        if view.blocks and view.width >= MIN_WIDTH:
            grid = _grid(view, is_light=self.is_light)
            self.picture.draw(grid)
            yield grid
            said = "a line is a weight times the value below it"
            yield Text.assemble(said, ": ", legend(view)) if view.shades else Text(said)
        else:
            yield from self._words()
        yield verdict(self.guess, self.picture.answer, self.names)

    def _words(self) -> RenderResult:
        """What the picture shows."""
        inputs = self.picture.scene.columns[0].values
        yield f"{inputs.size:,} inputs, {np.count_nonzero(inputs):,} of them not zero"
        for number, layer in enumerate(self._layers(), 1):
            yield f"layer {number}, {layer['layer'] or 'outputs'}: {layer['active']:,} not zero"
            shown = zip(layer["shown"], layer["values"], strict=True)
            rest = layer["units"] - len(layer["shown"])
            units = [f"{unit}: {number_of(value)}" for unit, value in shown]
            yield f"  {', '.join(units)}{f'; {rest:,} more matter less' if rest else ''}"
            links = [f"{p['from']} to {p['to']} {p['product']:+.3g}" for p in layer["strongest"]]
            if links:
                yield f"  weight times value: {', '.join(links)}"
        if self.picture.plane:
            ones = float((self.picture.plane.answers >= 0).mean())
            yield f"the answer is 1 on {ones:.0%} of the plane"


def _grid(view: View, *, is_light: bool = False) -> Grid:
    height = max(12, min(view.height - AROUND, MAX_HEIGHT))
    return Grid(view.width, height, light=is_light, shades=view.shades)


@dataclass(frozen=True)
class FilmedResult(Drawn):
    """A training, and the network at a moment of it."""

    training: TrainingResult
    looked: LookResult
    film: Film
    moment: int

    def as_json(self) -> dict[str, Any]:
        """Of the training, and the guesses at each moment."""
        names = ("batches", "accuracy", "shares")
        moments = [{name: getattr(m, name) for name in names} for m in self.film.moments]
        return self.training.as_json() | {"moments": moments}

    def drawn(self, view: View) -> RenderResult:
        if view.blocks and view.width >= MIN_WIDTH:
            grid = _grid(view)
            self.film.draw(grid, self.looked.picture, self.moment)
            yield grid
        else:
            yield from self.looked.drawn(view)
            yield from self.film.words()
        yield from self.training.drawn(replace(view, redraws=False))


@command(
    "look",
    group="Asking",
    rank=7,
    examples={
        "look": "the network, and what it makes of a random case",
        "look 5 picture.svg": "drawn in a file",
        "look train 3e": "three epochs of training, with the network on the screen",
        "look 5": "test case 5",
    },
    is_picture=True,
)
def look(
    session: Session,
    index: Annotated[int | str | None, kinds.LOOKED] = None,
    how: Annotated[Amount | str, kinds.HOW] = "",
) -> LookResult | FilmedResult:
    """Draw the network as columns of units, and lines for what each unit gives the next.

    Units light up with their values for a test case, random or with that number. A line is as
    bright as the weight times the value it is for. Of layers with more than 12 units, those are
    shown that contribute most to the guess. With `light`, it is drawn for a white background.

    At a prompt it answers keys: left and right go through the cases, up and down through the
    layers, Tab through the units of one. Space runs the case forward, then the error signal back.
    Enter shows a unit's weights and the cases that excite it most. In a small network, w takes a
    weight of the unit, and up and down turn it; undo takes that back. q leaves.

    look train trains as t does, for one epoch or the amount given, with the network on the screen
    instead of the curves, and below it the share of guesses for each answer. Afterward, comma and
    period go back and forth through the training, Home and End to its ends.
    """
    if index == "train":
        return _filmed(session, Amount(1, "epochs") if isinstance(how, str) else how)
    if isinstance(how, Amount):
        raise CommandError("look: an amount is for look train. Example: look train 3e")
    model = session.network()
    data = session.data_for(model)
    number = case_number(session, data, None if isinstance(index, str) else index)
    view = Viewer(session, model, data, number)
    check_outputs(view.picture.scene.outputs)
    if session.interactive and not session.to_file:
        session.asker.show(view)
    return LookResult(view.index, f"{data.name} test", view.whole(), data.answers, bool(how))


def _filmed(session: Session, amount: Amount) -> FilmedResult:
    model, data = ready(session)
    film = Film(model.trainer, data, case_number(session, data, None))
    training = trained(session, amount, film.beside, film.look)
    film.take()
    view = Viewer(session, model, film.data, film.index, film=film)
    check_outputs(view.picture.scene.outputs)
    if session.interactive and not session.to_file:
        session.asker.show(view)
    name = f"{film.data.name} test"
    return FilmedResult(
        training, LookResult(view.index, name, view.whole(), film.data.answers), film, view.moment
    )

"""`n` makes a network, and `i` describes the one in hand."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, RenderResult

from digitnet.engine.costs import usual_cost
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.settings import WHOLE_SET, Settings
from digitnet.engine.shapes import units
from digitnet.recipes import DEFAULT, RECIPES, Recipe
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.set import spelled
from digitnet.repl.pictures.sheet import layer_line
from digitnet.repl.pictures.tables import counted, duration, pairs, percent, when
from digitnet.repl.result import Record, ScreenOnly
from digitnet.repl.session import Session


@dataclass(frozen=True)
class InHandResult(Record):
    """The network now in hand. said: a sentence about how it was obtained."""

    said: ScreenOnly[str]
    name: str | None
    shape: str
    recipe: str | None
    parameters: int
    trained_batches: int

    @classmethod
    def of(cls, model: Model, said: str) -> "InHandResult":
        """The result for a model."""
        return cls(
            said=said,
            name=model.name or None,
            shape=model.network.shape,
            recipe=model.recipe or None,
            parameters=model.network.size,
            trained_batches=model.trainer.progress.batches,
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.said


@command(
    "n",
    "new",
    group="First steps",
    rank=8,
    examples={
        "n": f"the recipe {DEFAULT}",
        "n relu": "a network from a recipe (? n lists them)",
        "n 784-100-10": "a network of that shape (n 784 100 10 does the same)",
        "n 28x28-16c5-p2-10": "a convolution with 16 channels and 5x5 kernels, then 2x2 pooling",
        "n 784-100-10 tanh sigmoid squared": "with these activations and this cost",
    },
)
def new(
    session: Session,
    recipe: Annotated[str, kinds.RECIPE] = DEFAULT,
    hidden: Annotated[str, kinds.HIDDEN] = "",
    output: Annotated[str, kinds.OUTPUT] = "",
    cost: Annotated[str, kinds.COST] = "",
) -> InHandResult:
    """Make a new network from a recipe or a shape.

    A shape is the size of a case, then one part for each layer: 100 is a dense layer, 32c5 a
    convolution (32 channels, kernels of 5x5), p2 max pooling and a2 average pooling (windows of
    2x2), b batch normalisation, d0.5 dropout. 100:tanh sets the layer's activation.

    A shape may be followed by the activation of the hidden layers (relu, tanh, sigmoid, linear),
    that of the output (softmax, sigmoid, tanh, relu, linear) and the cost (cross-entropy, squared).
    """
    if recipe in RECIPES and hidden:
        raise CommandError(
            f"a recipe has its own activations and cost. Example: n {recipe}, or n 784-100-10 tanh"
        )
    model = session.make(RECIPES.get(recipe) or _from_shape(recipe, hidden, output, cost))
    if not session.may_discard():
        raise CommandError("nothing was made; the network in hand is unchanged")
    session.begin(model)
    network = model.network
    return InHandResult.of(
        model,
        f"New network {network.shape}: {network.size:,} parameters, seed {model.trainer.seed}, "
        f"data {model.data}.",
    )


def _from_shape(shape: str, hidden: str, output: str, cost: str) -> Recipe:
    """A recipe for a shape, with the default settings."""
    if not shape[:1].isdigit():
        hint = nearest(shape, RECIPES) or f"The recipes: {', '.join(RECIPES)}"
        raise CommandError(
            f"{quoted(shape)} is neither a recipe nor a shape such as 784-100-10. {hint}"
        )
    shape = "-".join(re.split(r"[\s,]+", shape))
    try:
        outputs = units(shape)
    except ValueError as error:
        raise CommandError(f"{printable(str(error))}. Example: n 784-100-10") from None
    output = output or ("softmax" if outputs > 1 else "sigmoid")
    return replace(
        RECIPES[DEFAULT],
        name="",
        shape=shape,
        hidden=hidden or "relu",
        output=output,
        cost=cost or usual_cost(output),
    )


@dataclass(frozen=True)
class InfoResult(Record):
    """A description of the network in hand."""

    name: str | None
    recipe: str | None
    shape: str
    parameters: int
    layers: list[dict[str, Any]]
    cost: str
    precision: str
    seed: int
    settings: Settings
    trained_batches: int
    trained_samples: int
    trained_seconds: float
    unsaved: str | None
    data: str
    trained_on: list[str]
    accuracy: float | None
    measured_on: str | None
    measurements: int
    last_cost: float | None
    best_validation_accuracy: float | None
    best_after_batches: int | None
    saved_at: str | None

    def as_json(self) -> dict[str, Any]:
        """The fields and the settings, flat."""
        fields = super().as_json()
        del fields["settings"]
        return fields | asdict(self.settings)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        is_committee = self.layers[-1]["kind"] == "committee"  # not made or trained itself
        accuracy = "not measured yet"
        if self.accuracy is not None:
            accuracy = f"{percent(self.accuracy)} of the {self.measured_on} set"
        history = ""
        if self.measurements:
            history = (
                f"{counted(self.measurements, 'measurement')}, best validation accuracy "
                f"{percent(self.best_validation_accuracy or 0.0)} after "
                f"{self.best_after_batches:,} mini-batches; plot draws them"
            )
        layers = {f"layer {n}": layer_line(layer) for n, layer in enumerate(self.layers, 1)}
        values = {
            "name": self.name or "none yet: pas NAME gives it one",
            "recipe": "" if is_committee else self.recipe or "none: made from a shape",
            "shape": f"{self.shape}, {self.parameters:,} parameters, {self.precision}",
            **layers,
            "cost": self.cost,
            "settings": "" if is_committee else _effective(self.settings),
            "seed": "" if is_committee else str(self.seed),
            "data": self.data,
            "trained": self._trained(is_committee=is_committee),
            "accuracy": accuracy,
            "history": history,
            "saved": self._saved(),
        }
        yield pairs({name: value for name, value in values.items() if value})

    def _trained(self, *, is_committee: bool) -> str:
        """How long and on which data sets the network was trained."""
        data = f"on {', '.join(self.trained_on)}"
        if is_committee:
            return f"its members, {data}"
        if not self.trained_batches:
            return "not yet"
        amounts = (
            counted(self.trained_batches, "mini-batch"),
            counted(self.trained_samples, "case"),
            duration(self.trained_seconds),
        )
        return ", ".join([*amounts, data])

    def _saved(self) -> str:
        """When the network was saved, and what is unsaved; empty if there is nothing to save."""
        saved = f"{when(self.saved_at)} UTC" if self.saved_at else ""
        if self.unsaved:
            return f"{saved}; not saved: {self.unsaved}" if saved else f"no: {self.unsaved}"
        return saved


def _effective(settings: Settings) -> str:
    """The settings that have an effect."""
    off = {"cases": WHOLE_SET, "schedule": "constant", "pixels": "unit", "augment": "none"}
    off |= {"batch": None, "optimizer": None}  # always shown
    if not OPTIMIZERS[settings.optimizer].uses_momentum:
        off["momentum"] = settings.momentum
    values = asdict(settings).items()
    shown = [
        f"{name} {spelled(name, value)}" for name, value in values if value != off.get(name, 0)
    ]
    return ", ".join(shown)


@command("i", "info", group="Networks", examples={"i": "describe the network in hand"})
def info(session: Session) -> InfoResult:
    """Show the network in hand: layers, settings, training, accuracy."""
    model = session.network()
    trainer, network, accuracy = model.trainer, model.network, model.accuracy
    last = trainer.history[-1] if trainer.history else None
    best = max(trainer.history, key=lambda m: m.validation_accuracy, default=None)
    return InfoResult(
        name=model.name or None,
        recipe=model.recipe or None,
        shape=network.shape,
        parameters=network.size,
        layers=[
            {
                "kind": layer.kind,
                "inputs": list(layer.input_shape),
                "outputs": list(layer.shape),
                **layer.described(),
            }
            for layer in network.layers
        ],
        cost=network.cost_name,
        precision=network.dtype.name,
        seed=trainer.seed,
        settings=trainer.settings,
        trained_batches=trainer.progress.batches,
        trained_samples=trainer.progress.samples,
        trained_seconds=round(trainer.progress.seconds, 3),
        unsaved=session.unsaved or None,
        data=model.data,
        trained_on=list(model.trained_on),
        accuracy=accuracy.value if accuracy else None,
        measured_on=accuracy.on if accuracy else None,
        measurements=len(trainer.history),
        last_cost=last.cost if last else None,
        best_validation_accuracy=best.validation_accuracy if best else None,
        best_after_batches=best.batches if best else None,
        saved_at=model.saved_at or None,
    )

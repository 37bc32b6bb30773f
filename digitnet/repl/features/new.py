"""`n` makes a network."""

import re
from dataclasses import dataclass, replace
from typing import Annotated

from rich.console import Console, ConsoleOptions, RenderResult

from digitnet.engine.costs import COSTS
from digitnet.engine.shapes import units
from digitnet.recipes import DEFAULT, RECIPES, Recipe
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
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
    def of(cls, model: "Model", said: str) -> "InHandResult":
        """The result for a model."""
        return cls(
            said=said,
            name=model.name or None,
            shape=model.network.shape,
            recipe=model.recipe or None,
            parameters=model.network.size,
            trained_batches=model.trainer.progress.batches,
        )

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
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
    if recipe in RECIPES:
        if hidden:
            raise CommandError(
                f"a recipe has its own activations and cost. Example: n {recipe}, "
                "or n 784-100-10 tanh"
            )
        chosen = RECIPES[recipe]
    else:
        chosen = _from_shape(recipe, hidden, output, cost)
    model = session.make(chosen)
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
    fits = "cross-entropy" if output in COSTS["cross-entropy"] else "squared"
    return replace(
        RECIPES[DEFAULT],
        name="",
        shape=shape,
        hidden=hidden or "relu",
        output=output,
        cost=cost or fits,
    )

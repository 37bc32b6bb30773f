"""Making networks: `n`, and `i`, which tells what one is made of."""

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.recipes import DEFAULT, RECIPES, Recipe
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, quoted
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.registry.document import NamedNetwork


@dataclass(frozen=True)
class InHandResult:
    """The network now in hand. said: the sentence that tells how it came there."""

    said: str
    name: str | None
    shape: str
    recipe: str | None
    parameters: int
    trained_batches: int

    @classmethod
    def of(cls, named: "NamedNetwork", said: str) -> "InHandResult":
        """For this network."""
        return cls(
            said,
            named.name or None,
            named.network.shape,
            named.recipe or None,
            named.network.size,
            named.trainer.progress.batches,
        )

    def as_json(self) -> dict[str, Any]:
        """The fields but the sentence."""
        fields = asdict(self)
        del fields["said"]
        return fields

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.said


@command(
    "n",
    "new",
    group="Networks",
    examples={
        "n": f"the recipe {DEFAULT}",
        "n relu": "a network from a recipe (? n lists them)",
        "n 784-100-10": "a network of that shape",
        "n 784-100-10 tanh sigmoid squared": "with these hidden units, output units and cost",
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

    After a shape may stand the activation of the hidden layers (relu, tanh, sigmoid, linear), that
    of the output (softmax, sigmoid, tanh, relu, linear) and the cost (cross-entropy, squared).
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
    if not session.may_let_go():
        raise CommandError("nothing was made; the network in hand is as it was")
    named = session.new(chosen)
    network = named.network
    return InHandResult.of(
        named,
        f"New network {network.shape}: {network.size:,} parameters, seed {named.trainer.seed}, "
        f"data {named.data}.",
    )


def _from_shape(shape: str, hidden: str, output: str, cost: str) -> Recipe:
    """A recipe for a shape, with the usual settings of its kind."""
    from digitnet.engine.activations import ACTIVATIONS
    from digitnet.engine.costs import COSTS

    for word, known, what in (
        (hidden, ACTIVATIONS, "an activation"),
        (output, ACTIVATIONS, "an activation"),
        (cost, COSTS, "a cost"),
    ):
        if word and word not in known:
            raise CommandError(f"{quoted(word)} is not {what}: {', '.join(known)}")
    try:
        sizes = tuple(kinds.whole(part, 1) for part in shape.split("-"))
    except ValueError:
        sizes = ()
    if len(sizes) < 2:
        raise CommandError(
            f"{quoted(shape)} is neither a recipe ({', '.join(RECIPES)}) "
            "nor a shape. Example: n 784-100-10"
        )
    if sum(a * b for a, b in pairwise(sizes)) > LARGEST:
        raise CommandError(f"a network has at most {LARGEST:,} weights here")
    output = output or ("softmax" if sizes[-1] > 1 else "sigmoid")
    fits = "cross-entropy" if output in COSTS["cross-entropy"] else "squared"
    return replace(
        RECIPES[DEFAULT],
        name="",
        sizes=sizes,
        hidden=hidden or "relu",
        output=output,
        cost=cost or fits,
    )


LARGEST = 10_000_000
"""Weights a network may have: with everything that an optimiser keeps, they still fit a save."""


@dataclass(frozen=True)
class InfoResult:
    """Everything about the network in hand."""

    fields: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The fields, flat."""
        return self.fields

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.info import info

        yield info(self.fields)


@command("i", "info", group="Networks", examples={"i": "what the network in hand is made of"})
def info(session: Session) -> InfoResult:
    """Show the network in hand: layers, settings, training, accuracy."""
    named = session.network()
    trainer, network = named.trainer, named.network
    accuracy = named.accuracy
    last = trainer.history[-1] if trainer.history else None
    best = max(trainer.history, key=lambda m: m.validation_accuracy, default=None)
    return InfoResult(
        {
            "name": named.name or None,
            "recipe": named.recipe or None,
            "shape": network.shape,
            "parameters": network.size,
            "layers": [
                {
                    "kind": "dense",
                    "inputs": layer.inputs,
                    "outputs": layer.outputs,
                    "activation": layer.activation.name,
                    "bias": layer.biases is not None,
                }
                for layer in network.layers
            ],
            "cost": network.cost_name,
            "precision": network.dtype.name,
            "seed": trainer.seed,
            **asdict(trainer.settings),
            "trained_batches": trainer.progress.batches,
            "trained_samples": trainer.progress.samples,
            "trained_seconds": round(trainer.progress.seconds, 3),
            "unsaved": session.unsaved or None,
            "data": named.data,
            "trained_on": list(named.trained_on),
            "accuracy": accuracy.value if accuracy else None,
            "measured_on": accuracy.on if accuracy else None,
            "measurements": len(trainer.history),
            "last_cost": last.cost if last else None,
            "best_validation_accuracy": best.validation_accuracy if best else None,
            "best_after_batches": best.batches if best else None,
            "saved_at": named.saved_at or None,
        }
    )

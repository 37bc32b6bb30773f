"""Recipes: ready-made networks with the data and settings they are trained with.

One for each diary behind digitnet that needs no more than dense layers and mini-batches, and one
to begin with.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from digitnet.engine.settings import WHOLE_SET, Settings

if TYPE_CHECKING:  # numpy is first needed when a network is made, not when the prompt opens
    from digitnet.registry.document import NamedNetwork


@dataclass(frozen=True)
class Recipe:
    """A network to be made: its layers, its cost, the data it is for, and how to train it.

    data: the data set it is meant for; another of the same width serves as well.
    fresh: the initialiser; each activation's own where it is empty.
    """

    name: str
    says: str
    sizes: tuple[int, ...]
    settings: Settings
    data: str = "sample"
    hidden: str = "relu"
    output: str = "softmax"
    cost: str = "cross-entropy"
    bias: bool = True
    fresh: str = ""
    precision: Literal["float32", "float64"] = "float32"


DEFAULT = "quick"

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            DEFAULT,
            "a small network that learns in a second; the one to begin with",
            (784, 256, 10),
            Settings(rate=0.03, batch=16, momentum=0.9, l2=1e-4),
        ),
        Recipe(
            "diary",
            "16 and 16 sigmoid units and the squared error, as in a first attempt",
            (784, 16, 16, 10),
            Settings(rate=3.0, batch=10),
            hidden="sigmoid",
            output="sigmoid",
            cost="squared",
        ),
        Recipe(
            "relu",
            "1,024 ReLU units, softmax, cross-entropy and a little L2",
            (784, 1024, 10),
            Settings(rate=0.1, batch=64, momentum=0.9, l2=1e-5),
        ),
        Recipe(
            "truth",
            "one unit without a bias that learns a truth table: `t 10000`",
            (3, 1),
            Settings(rate=4.0, batch=WHOLE_SET),  # the mean of 4 cases: as a sum at rate 1
            data="truth",
            output="sigmoid",
            cost="squared",
            bias=False,
            fresh="uniform",
            precision="float64",
        ),
        Recipe(
            "mini",
            "3-3-2: small enough to follow by hand; are most of three switches on?",
            (3, 3, 2),
            Settings(rate=4.0, batch=WHOLE_SET),
            data="mini",
            hidden="sigmoid",
            output="sigmoid",
            cost="squared",
            precision="float64",
        ),
        Recipe(
            "mini3",
            "3-3-3: which of three switches is on?",
            (3, 3, 3),
            Settings(rate=4.0, batch=WHOLE_SET),
            data="mini3",
            hidden="sigmoid",
            output="sigmoid",
            cost="squared",
            precision="float64",
        ),
    )
}


def build(recipe: Recipe, seed: int) -> "NamedNetwork":
    """A fresh network as the recipe has it, its weights drawn with `seed`.

    Raises ValueError for layers and costs that do not go together.
    """
    from digitnet.engine.network import dense_network
    from digitnet.engine.trainer import Trainer
    from digitnet.registry.document import NamedNetwork

    network = dense_network(
        recipe.sizes,
        hidden=recipe.hidden,
        output=recipe.output,
        cost=recipe.cost,
        bias=recipe.bias,
        fresh=recipe.fresh,
        dtype=recipe.precision,
    )
    network.initialize(seed)
    return NamedNetwork(Trainer(network, recipe.settings, seed), recipe=recipe.name)

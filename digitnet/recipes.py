"""Recipes: predefined networks with their data and training settings.

There is one for each diary that digitnet grew from, and better ones.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

from digitnet.engine.layers import BatchNorm, Weighted
from digitnet.engine.network import Network, usual_cost
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.pictures import Pool
from digitnet.engine.settings import WHOLE_SET, Settings
from digitnet.engine.shapes import network_of, spelled_out, units
from digitnet.engine.trainer import Trainer
from digitnet.registry.model import Model


@dataclass(frozen=True)
class Recipe:
    """The description of a network: its layers, cost, data and training settings.

    settings: those that differ from the defaults. data: the data set it is meant for; another with
    the same numbers of inputs and outputs will do. initializer: of all layers; if empty, each uses
    its activation's default.
    """

    name: str
    summary: str
    shape: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = "sample"
    hidden: str = "relu"
    output: str = "softmax"
    cost: str = "cross-entropy"
    bias: bool = True
    initializer: str = ""
    precision: Literal["float32", "float64"] = "float32"


DEFAULT = "quick"

_SIGMOIDS: dict[str, Any] = {"hidden": "sigmoid", "output": "sigmoid", "cost": "squared"}

# the diaries sum the cost over the cases, digitnet averages: rate = theirs x number of cases
_TABLE: dict[str, Any] = {"optimizer": "sgd", "rate": 4.0, "batch": WHOLE_SET}

# these work for any number of epochs, so that training can be continued at any time
_ENDLESS: dict[str, Any] = {
    "optimizer": "momentum",
    "rate": 0.05,
    "batch": 64,
    "schedule": "inverse-sqrt",
    "average": 1.0,
}

# these are for the number of epochs that their schedule spans
_PLANNED: dict[str, Any] = {
    "optimizer": "nesterov",
    "rate": 0.1,
    "batch": 64,
    "l2": 1e-4,
    "smoothing": 0.02,
    "augment": "rotation=13,zoom=0.12,shear=0.1,shift=2,elastic=1.2",
}

_RECIPES = (
    Recipe(DEFAULT, "a small network that learns in a second; the one to begin with: `t 5e`",
           "784-256-10", _ENDLESS | {"batch": 16, "l2": 1e-4}),
    Recipe("diary", "16 and 16 sigmoid units and the squared error, as in a first attempt",
           "784-16-16-10", {"optimizer": "sgd", "rate": 3.0, "batch": 10}, **_SIGMOIDS),
    Recipe("relu", "1,024 ReLU units, on deformed digits: `t 20e`, 2 minutes, 98.9 % of MNIST",
           "784-1024-10",
           _ENDLESS | {"rate": 0.1, "l2": 1e-5, "smoothing": 0.05, "augment": "light"}),
    Recipe("conv", "two convolutions, on deformed digits: `t 5e`, 2 minutes, 99.2 % of MNIST",
           "28x28-32c5-p2-64c5-p2-150-10",
           _ENDLESS | {"l2": 1e-5, "smoothing": 0.02, "augment": "light"}),
    Recipe("fast",
           "small convolutions, the most accurate after a minute: `t 60s`, 99.3 % of MNIST",
           "28x28-16c5-p2-b-32c5-p2-b-64-10",
           _PLANNED | {"schedule": "one-cycle", "augment": "light"}),
    Recipe("deep", "two dense layers, on deformed digits: `t 60e`, 15 minutes, 99.5 % of MNIST",
           "784-1200-1200-10",
           _PLANNED | {"rate": 0.15, "batch": 128, "l2": 1e-5, "schedule": "one-cycle 60e"}),
    Recipe("record", "a member of the champion: `t 30e`, half an hour, 99.6 % of MNIST",
           "28x28-48c5-b-p2-64c5-b-p2-128c3-b-10", _PLANNED | {"schedule": "one-cycle 30e"}),
    Recipe("hand", "the first stage of the included network `hand`: `t 20e`",
           "28x28-32c5-p2-b-64c5-p2-b-150-10", _PLANNED | {"schedule": "one-cycle 20e"}),
    Recipe("devember", "sigmoid units and a regularized cost, all cases at once: `min 150`",
           "784-100-10", {"batch": WHOLE_SET, "rate": 1.0, "l2": 5e-5},
           hidden="sigmoid", output="sigmoid"),
    Recipe("notebook",
           "11 by 11 digits, raw pixels, weights too large: `t 500e`, as its author ran it",
           "121-100-10",
           # 1e-4 on the sum over 1,000 cases
           {"optimizer": "sgd", "rate": 0.1, "batch": WHOLE_SET, "cases": 1000, "pixels": "raw"},
           data="mnist11", hidden="sigmoid", initializer="normal"),
    Recipe("notebook-better",
           "the same network and cases, with better pixels, weights and steps: `t 100e`",
           "121-100-10",
           {"optimizer": "adamw", "rate": 0.005, "batch": 32, "l2": 0.03, "dropout": 0.4,
            "schedule": "one-cycle", "cases": 1000}, data="mnist11"),
    Recipe("truth", "one unit without a bias that learns a truth table: `t 10000`",
           "3-1", _TABLE, data="truth", output="sigmoid", cost="squared", bias=False,
           initializer="uniform", precision="float64"),
    Recipe("mini", "small enough to follow by hand: are most of three switches on?",
           "3-3-2", _TABLE, data="mini", precision="float64", **_SIGMOIDS),
    Recipe("mini3", "small enough to follow by hand: which of three switches is on?",
           "3-3-3", _TABLE, data="mini3", precision="float64", **_SIGMOIDS),
    Recipe("xor", "four hidden units learn what one cannot: is exactly one of two switches on?",
           "2-4-1", {"optimizer": "adam", "rate": 0.05, "batch": WHOLE_SET},
           data="xor", hidden="tanh", output="sigmoid"),
    Recipe("spiral", "two layers that tell two spirals apart, in the plane: `look train 100e`",
           "2-12-8-2", {"optimizer": "adam", "rate": 0.03, "batch": 10},
           data="spiral", hidden="tanh"),
)  # fmt: skip

RECIPES = {recipe.name: recipe for recipe in _RECIPES}


def recipe_for(shape: str, hidden: str = "", output: str = "", cost: str = "") -> Recipe:
    """The recipe of a shape, with the default settings; what is not given is what is usual.

    Raises ValueError for an invalid shape.
    """
    shape = "-".join(re.split(r"[\s,]+", shape))
    output = output or ("softmax" if units(shape) > 1 else "sigmoid")
    return replace(
        RECIPES[DEFAULT],
        name="",
        shape=shape,
        hidden=hidden or "relu",
        output=output,
        cost=cost or usual_cost(output),
    )


def recipe_of(network: Network) -> Recipe:
    """A recipe, without name or settings, for networks of the same structure as this one."""
    pairs = pairwise(layer for layer in network.layers if not isinstance(layer, Pool))
    normalized = {id(below) for below, above in pairs if isinstance(above, BatchNorm)}
    last = network.layers[-1]
    assert isinstance(last, Weighted)  # a committee is not made from a recipe
    return Recipe(
        "",
        "",
        spelled_out(network),
        output=last.activation.name,
        cost=network.cost_name,
        bias=all(
            layer.biases is not None or id(layer) in normalized
            for layer in network.layers
            if isinstance(layer, Weighted)
        ),
        precision=network.dtype.name,  # type: ignore[arg-type]
    )


def default_rate(recipe: str, optimizer: str) -> float:
    """The rate of a recipe; without a recipe, or with another optimizer, a default rate."""
    settings = RECIPES[recipe].settings if recipe in RECIPES else {}
    if "rate" in settings and settings.get("optimizer", "sgd") == optimizer:
        return float(settings["rate"])
    return OPTIMIZERS[optimizer].usual_rate


def build(recipe: Recipe, seed: int) -> Model:
    """Builds the network of a recipe, with initial weights drawn with `seed`.

    Raises ValueError for layers, costs and settings that do not fit together.
    """
    network = network_of(
        recipe.shape,
        hidden=recipe.hidden,
        output=recipe.output,
        cost=recipe.cost,
        bias=recipe.bias,
        initializer=recipe.initializer,
        dtype=recipe.precision,
    )
    network.initialize(seed)
    return Model(Trainer(network, Settings(**recipe.settings), seed), recipe=recipe.name)

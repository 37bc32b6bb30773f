"""Recipes: predefined networks with their data and training settings.

There is one for each diary that digitnet grew from, and better ones.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from digitnet.engine.layers import ACTIVATIONS, BatchNorm, Weighted
from digitnet.engine.network import Network, usual_cost
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.pictures import Pool
from digitnet.engine.settings import WHOLE_SET, Settings, spelled
from digitnet.engine.shapes import network_of, spelled_out, units
from digitnet.engine.trainer import Trainer
from digitnet.registry.model import Blueprint, Model


@dataclass(frozen=True)
class Recipe(Blueprint):
    """A blueprint with a name. data: the data set it is meant for; another with the same numbers of
    inputs and outputs will do.
    """

    name: str = ""
    summary: str = ""
    data: str = "sample"


def _recipe(
    name: str, summary: str, shape: str, settings: Mapping[str, Any], **others: Any
) -> Recipe:
    return Recipe(shape, settings=Settings(**settings), name=name, summary=summary, **others)


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
    _recipe(DEFAULT, "a small network that learns in a second; the one to begin with: `t 5e`",
            "784-256-10", _ENDLESS | {"batch": 16, "l2": 1e-4}),
    _recipe("diary", "16 and 16 sigmoid units and the squared error, as in a first attempt",
            "784-16-16-10", {"optimizer": "sgd", "rate": 3.0, "batch": 10}, **_SIGMOIDS),
    _recipe("relu", "1,024 ReLU units, on augmented digits: `t 20e`, 2 minutes, 98.9 % of MNIST",
            "784-1024-10",
            _ENDLESS | {"rate": 0.1, "l2": 1e-5, "smoothing": 0.05, "augment": "light"}),
    _recipe("conv", "two convolutions, on augmented digits: `t 5e`, 2 minutes, 99.2 % of MNIST",
            "28x28-32c5-p2-64c5-p2-150-10",
            _ENDLESS | {"l2": 1e-5, "smoothing": 0.02, "augment": "light"}),
    _recipe("fast",
            "small convolutions, the most accurate after a minute: `t 60s`, 99.3 % of MNIST",
            "28x28-16c5-p2-b-32c5-p2-b-64-10",
            _PLANNED | {"schedule": "one-cycle", "augment": "light"}),
    _recipe("deep", "two dense layers, on augmented digits: `t 60e`, 15 minutes, 99.5 % of MNIST",
            "784-1200-1200-10",
            _PLANNED | {"rate": 0.15, "batch": 128, "l2": 1e-5, "schedule": "one-cycle 60e"}),
    _recipe("record", "a member of the champion: `t 30e`, half an hour, 99.6 % of MNIST",
            "28x28-48c5-b-p2-64c5-b-p2-128c3-b-10", _PLANNED | {"schedule": "one-cycle 30e"}),
    _recipe("hand", "the first stage of the included network `hand`: `t 20e`",
            "28x28-32c5-p2-b-64c5-p2-b-150-10", _PLANNED | {"schedule": "one-cycle 20e"}),
    _recipe("devember", "sigmoid units and a regularized cost, all cases at once: `min 150`",
            "784-100-10", {"batch": WHOLE_SET, "rate": 1.0, "l2": 5e-5},
            hidden="sigmoid", output="sigmoid"),
    _recipe("notebook",
            "11 by 11 digits, raw pixels, weights too large: `t 500e`, as its author ran it",
            "121-100-10",
            # 1e-4 on the sum over 1,000 cases
            {"optimizer": "sgd", "rate": 0.1, "batch": WHOLE_SET, "cases": 1000, "pixels": "raw"},
            data="mnist11", hidden="sigmoid", initializer="normal"),
    _recipe("notebook-better",
            "the same network and cases, with better pixels, weights and steps: `t 100e`",
            "121-100-10",
            {"optimizer": "adamw", "rate": 0.005, "batch": 32, "l2": 0.03, "dropout": 0.4,
             "schedule": "one-cycle", "cases": 1000}, data="mnist11"),
    _recipe("truth", "one unit without a bias that learns a truth table: `t 10000`",
            "3-1", _TABLE, data="truth", output="sigmoid", cost="squared", bias=False,
            initializer="uniform", precision="float64"),
    _recipe("mini", "small enough to follow by hand: are most of three switches on?",
            "3-3-2", _TABLE, data="mini", precision="float64", **_SIGMOIDS),
    _recipe("mini3", "small enough to follow by hand: which of three switches is on?",
            "3-3-3", _TABLE, data="mini3", precision="float64", **_SIGMOIDS),
    _recipe("xor", "four hidden units learn what one cannot: is exactly one of two switches on?",
            "2-4-1", {"optimizer": "adam", "rate": 0.05, "batch": WHOLE_SET},
            data="xor", hidden="tanh", output="sigmoid"),
    _recipe("spiral", "two layers that tell two spirals apart, in the plane: `look train 100e`",
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


def blueprint_of(network: Network, settings: Settings) -> Blueprint:
    """That of networks with the same structure as this one."""
    pairs = pairwise(layer for layer in network.layers if not isinstance(layer, Pool))
    normalized = {id(below) for below, above in pairs if isinstance(above, BatchNorm)}
    last = network.layers[-1]
    assert isinstance(last, Weighted)  # a committee is not made from a recipe
    return Blueprint(
        spelled_out(network),
        output=last.activation.name,
        cost=network.cost_name,
        bias=all(
            layer.biases is not None or id(layer) in normalized
            for layer in network.layers
            if isinstance(layer, Weighted)
        ),
        precision=network.dtype.name,  # type: ignore[arg-type]
        settings=settings,
    )


def default_rate(recipe: str, optimizer: str) -> float:
    """The rate of a recipe; without a recipe, or with another optimizer, a default rate."""
    if recipe in RECIPES and RECIPES[recipe].settings.optimizer == optimizer:
        return RECIPES[recipe].settings.rate
    return OPTIMIZERS[optimizer].usual_rate


def build(blueprint: Blueprint, seed: int) -> Model:
    """Builds the network of a blueprint or a recipe, with initial weights drawn with `seed`.

    Raises ValueError for layers, costs and settings that do not fit together.
    """
    network = network_of(
        blueprint.shape,
        hidden=blueprint.hidden,
        output=blueprint.output,
        cost=blueprint.cost,
        bias=blueprint.bias,
        initializer=blueprint.initializer,
        dtype=blueprint.precision,
    )
    network.initialize(seed)
    recipe = blueprint.name if isinstance(blueprint, Recipe) else ""
    return Model(Trainer(network, blueprint.settings, seed), recipe=recipe)


def line_for(network: Network, settings: Settings, recipe: str) -> str:
    """The line that makes a new network like this one, of this recipe if any, so set."""
    known = RECIPES.get(recipe)
    if known and known.shape == network.shape and not known.initializer:
        line, base = f"n {recipe}", known.settings
    else:
        line, base = _from_shape(network), RECIPES[DEFAULT].settings
    changed = {k: v for k, v in asdict(settings).items() if v != asdict(base)[k]}
    return "; ".join([line, *(f"set {k} {spelled(k, v)}" for k, v in changed.items())])


def _from_shape(network: Network) -> str:
    """`n SHAPE` with the activations and the cost, as far as they are not the defaults."""
    spelled, output = spelled_out(network), network.layers[-1].config()["activation"]
    full, cost = spelled.removesuffix(f":{output}"), network.cost_name
    shapes = [(network.shape, name) for name in ACTIVATIONS if f":{name}" in full]
    shapes += [(full.replace(":relu", ""), "relu"), (full, "relu")]
    for shape, hidden in shapes:
        if spelled_out(network_of(shape, hidden=hidden, output=output, cost=cost)) == spelled:
            break
    words = [hidden, output, cost]
    defaults = ["relu", "softmax" if network.outputs > 1 else "sigmoid", usual_cost(output)]
    while words and words[-1] == defaults[len(words) - 1]:
        words.pop()
    return " ".join(["n", shape, *words])

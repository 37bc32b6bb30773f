"""What commands write, of networks and numbers that are always the same.

    python tests/golden/sheets.py

writes the texts in `sheets/` anew; `test_sheets.py` compares them with what is written today.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from seen import SEEN, SEEN_SHEETS
from test_looks import shown

from digitnet import recipes
from digitnet.recipes import RECIPES, Recipe
from digitnet.repl.features.step import StepResult, step
from digitnet.repl.features.why import WhyResult, why
from digitnet.repl.session import Session

HERE = Path(__file__).parent
NOWHERE = HERE / "nowhere"


def holding(recipe: Recipe) -> Session:
    """A session with a network in hand whose weights are short decimal fractions."""
    session = Session(NOWHERE, [HERE.parent.parent / "data"], NOWHERE)
    model = recipes.build(recipe, 1)
    model.data = recipe.data
    for number, p in enumerate(model.network.parameters):
        values = (np.arange(p.value.size) * 5 + 3 * number) % 13 - 6
        p.value[...] = values.reshape(p.value.shape) / 5 + 0.1
    session.take(model)
    return session


def why_mini() -> WhyResult:
    """`why 5` of 3-3-2."""
    return why(holding(RECIPES["mini"]), 5)


def why_convolution() -> WhyResult:
    """`why 11` of a network with a convolution, pooling, batch normalisation and dropout."""
    shape = "28x28-2c3:tanh-p2-a3-d0.5-12:tanh-b-10"
    return why(holding(Recipe("", "", shape, {"l2": 0.1})), 11)


def step_truth() -> StepResult:
    """`step` of 3-1."""
    return step(holding(RECIPES["truth"]))


def step_dense() -> StepResult:
    """`step` of 784-12-10."""
    recipe = Recipe("", "", "784-12-10", {"rate": 0.01}, precision="float64")
    return step(holding(recipe))


MADE: dict[str, Callable[[], object]] = {
    "why-mini": why_mini,
    "why-convolution": why_convolution,
    "step-truth": step_truth,
    "step-dense": step_dense,
}
SHEETS = [
    ("why-mini", 50, False),
    ("why-mini", 80, False),
    ("why-mini", 120, False),
    ("why-mini", 80, True),
    ("why-convolution", 50, True),
    ("why-convolution", 80, False),
    ("why-convolution", 120, False),
    ("step-truth", 50, False),
    ("step-truth", 80, True),
    ("step-dense", 80, False),
    *SEEN_SHEETS,
]
"""What is shown, how wide, and whether on a plain screen."""


def file_of(name: str, width: int, plain: bool) -> Path:
    """Where the text is kept."""
    return HERE / "sheets" / f"{name}-{width}{'-plain' if plain else ''}.txt"


def text_of(name: str, width: int, plain: bool) -> str:
    """The text as it is written today."""
    return shown((MADE | SEEN)[name](), width, plain=plain) + "\n"


def main() -> None:
    """Writes the files."""
    for sheet in SHEETS:
        file_of(*sheet).parent.mkdir(exist_ok=True)
        file_of(*sheet).write_text(text_of(*sheet), encoding="utf-8")


if __name__ == "__main__":
    main()

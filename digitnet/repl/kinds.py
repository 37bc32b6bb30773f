"""The kinds of argument that commands take."""

from digitnet.engine.amount import Amount
from digitnet.engine.settings import SETTINGS
from digitnet.recipes import RECIPES
from digitnet.repl.command import Kind
from digitnet.repl.session import SESSION_SETTINGS


def whole(text: str, low: int = 0) -> int:
    """A whole number from `low` up, of at most nine digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < low:
        raise ValueError
    return int(text)


def count_or_all(text: str) -> int | None:
    """A whole number from 1 up, or None for `all`."""
    return None if text == "all" else whole(text, 1)


AMOUNT = Kind(
    "AMOUNT",
    "an amount: mini-batches (500), epochs (3e), seconds (90s) or an accuracy (98%)",
    Amount.parse,
)
INDEX = Kind("INDEX", "the number of a case, from 0", whole)
COUNT = Kind("N", "a whole number from 1", lambda text: whole(text, 1))
COUNT_OR_ALL = Kind("N or all", "a whole number from 1, or `all`", count_or_all)
NAME = Kind("NAME", "a name", str)
OLD = Kind("OLD", "the name of a saved network", str)
NEW = Kind("NEW", "a new name", str)
RECIPE = Kind(
    "RECIPE or SHAPE",
    "a recipe or a shape like 784-100-10",
    str,
    {name: recipe.says for name, recipe in RECIPES.items()},
)
HIDDEN = Kind("HIDDEN", "the activation of the hidden layers, such as relu", str)
OUTPUT = Kind("OUTPUT", "the activation of the output, such as softmax", str)
COST = Kind("COST", "the cost, such as cross-entropy", str)
SETTING = Kind("NAME", "the name of a setting", str, SETTINGS | SESSION_SETTINGS)
VALUE = Kind("VALUE", "a value", str)
HORIZON = Kind("HORIZON", "how much training a schedule spans, such as 20e", str)
ITERATIONS = Kind("N", "how many iterations, a whole number from 1", lambda text: whole(text, 1))
METHOD = Kind("METHOD", "a method, l-bfgs or cg", str)
DATA = Kind("NAME", "the name of a data set", str)
COMMAND = Kind("COMMAND", "the name of a command", str)

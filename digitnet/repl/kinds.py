"""The kinds of argument that commands take."""

from collections.abc import Collection, Mapping, Sequence

from digitnet.engine.amount import Amount
from digitnet.engine.settings import NAMED_VALUES, SETTINGS
from digitnet.recipes import RECIPES
from digitnet.repl.command import Kind, all_commands
from digitnet.repl.session import SESSION_SETTINGS, Session


def whole(text: str, low: int = 0) -> int:
    """A whole number from `low` up, of at most nine digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < low:
        raise ValueError
    return int(text)


def count_or_all(text: str) -> int | None:
    """A whole number from 1 up, or None for `all`."""
    return None if text == "all" else whole(text, 1)


def off(text: str) -> str:
    """The word `off`."""
    if text != "off":
        raise ValueError
    return text


def activation(text: str) -> str:
    """The name of an activation."""
    from digitnet.engine.activations import ACTIVATIONS

    return _one_of(ACTIVATIONS, text)


def cost(text: str) -> str:
    """The name of a cost."""
    from digitnet.engine.costs import COSTS

    return _one_of(COSTS, text)


def _one_of(names: Collection[str], text: str) -> str:
    if text not in names:
        raise ValueError(", ".join(names))
    return text


def _activations(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    from digitnet.engine.activations import ACTIVATIONS

    return {a.name: (a.forward.__doc__ or "").partition("\n")[0] for a in ACTIVATIONS.values()}


def _costs(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    from digitnet.engine.costs import COSTS

    return dict.fromkeys(COSTS, "a cost")


def _saves(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    entries = session.registry.entries()
    return {e.name: f"{e.shape}, saved {e.saved_at[:10]}" for e in entries if not e.damaged}


def _values(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    if words[-1] == "vi":
        return {"on": "vi's keys", "off": "Emacs' keys"}
    names: Mapping[str, str] = NAMED_VALUES.get(words[-1], dict)()
    return names


def _data_sets(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    from digitnet.digits.datasets import SOURCES

    return {name: source.says for name, source in SOURCES.items()}


def _methods(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    from digitnet.engine.minimize import METHODS

    return dict.fromkeys(METHODS, "one of scipy's minimisers")


def _commands(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    return {command.name: command.summary for command in all_commands()}


AMOUNT = Kind(
    "AMOUNT",
    "an amount: mini-batches (500), epochs (3e), seconds (90s) or an accuracy (98%)",
    Amount.parse,
)
INDEX = Kind("INDEX", "the number of a case, from 0", whole)
COUNT = Kind("N", "a whole number from 1", lambda text: whole(text, 1))
COUNT_OR_ALL = Kind(
    "N or all",
    "a whole number from 1, or `all`",
    count_or_all,
    offers=lambda session, words: {"all": "every case"},
)
NAME = Kind("NAME", "a name", str, offers=_saves)
OLD = Kind("OLD", "the name of a saved network", str, offers=_saves)
NEW = Kind("NEW", "a new name", str)
FILE = Kind("FILE", "a file", str, is_path=True)
RECIPE = Kind(
    "RECIPE or SHAPE",
    "a recipe or a shape like 784-100-10",
    str,
    {name: recipe.says for name, recipe in RECIPES.items()},
)
HIDDEN = Kind("HIDDEN", "an activation, for the hidden layers", activation, offers=_activations)
OUTPUT = Kind("OUTPUT", "an activation, for the output", activation, offers=_activations)
COST = Kind("COST", "a cost", cost, offers=_costs)
SETTING = Kind("NAME", "the name of a setting", str, SETTINGS | SESSION_SETTINGS)
VALUE = Kind("VALUE", "a value", str, offers=_values)
HORIZON = Kind("HORIZON", "how much training a schedule spans, such as 20e", str)
SHOWN = Kind(
    "N or augment",
    "a whole number from 1, or `augment`",
    lambda text: text if text == "augment" else whole(text, 1),
    offers=lambda session, words: {"augment": "training cases as they are deformed"},
)
ITERATIONS = Kind("N", "how many iterations, a whole number from 1", lambda text: whole(text, 1))
METHOD = Kind("METHOD", "a method, l-bfgs or cg", str, offers=_methods)
OFF = Kind("off", "off", off, {"off": "end it"})
DATA = Kind("NAME", "the name of a data set", str, offers=_data_sets)
COMMAND = Kind("COMMAND", "the name of a command", str, offers=_commands)

"""The kinds of argument that commands take."""

import re
from collections.abc import Callable, Mapping, Sequence

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.costs import COSTS
from digitnet.engine.minimize import SUMMARIES
from digitnet.engine.schedules import UNITS, Amount
from digitnet.engine.settings import NAMED_VALUES, SETTINGS
from digitnet.recipes import RECIPES
from digitnet.repl import glossary
from digitnet.repl.command import Kind, all_commands
from digitnet.repl.errors import Unknown, nearest
from digitnet.repl.session import SESSION_SETTINGS, WATCHED, Session

_PART = re.compile(r"[pad]\d\S*|b")
"""A part of a shape that begins with a letter."""


SESSION_VALUES: Mapping[str, Mapping[str, str]] = {
    "vi": {"on": "vi's keys", "off": "Emacs' keys"},
    "epoch_lines": {"on": "a line after each epoch", "off": "no such lines"},
    "watch": WATCHED,
}
"""Settings of the session that are not numbers → their values, each with a description."""


def whole(text: str, low: int = 0) -> int:
    """Parses an integer of at least `low`, with at most nine digits. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < low:
        raise ValueError
    return int(text)


def digit(text: str) -> int:
    """Parses a digit. Raises ValueError."""
    if len(text) != 1:
        raise ValueError
    return whole(text)


def count_or_all(text: str) -> int | None:
    """Parses an integer of at least 1; None for `all`. Raises ValueError."""
    return None if text == "all" else whole(text, 1)


def only(word: str) -> Callable[[str], str]:
    """Returns a parser that accepts only this word."""

    def parse(text: str) -> str:
        if text != word:
            near = nearest(text, [word])
            raise Unknown(near) if near else ValueError
        return text

    return parse


def horizon(text: str) -> str:
    """Shortens `20 epochs` to `20e`; returns other texts unchanged, to be checked later."""
    number, _, word = text.partition(" ")
    short = {"epochs": "e", "batches": ""}.get(UNITS.get(word, ("", 1))[0], f" {word}")
    return f"{number}{short}" if word else text


def one_of(metavar: str, expects: str, names: Callable[[], Mapping[str, str]]) -> Kind:
    """A kind of argument that takes one of several names. names: name → description."""

    def parse(text: str) -> str:
        known = names()
        if text not in known:
            raise Unknown(nearest(text, known) or f"There are: {', '.join(known)}")
        return text

    return Kind(metavar, expects, parse, choices=names)


def _activations() -> Mapping[str, str]:
    return {a.name: (a.forward.__doc__ or "").partition("\n")[0] for a in ACTIVATIONS.values()}


def _costs() -> Mapping[str, str]:
    firsts = {name: next(iter(costs.values())) for name, costs in COSTS.items()}
    return {name: (c.value.__doc__ or "").partition("\n")[0] for name, c in firsts.items()}


def _saves(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    entries = session.registry.offered()
    return {e.name: f"{e.shape}, saved {e.saved_at[:10]}" for e in entries if not e.damaged}


def _study_words(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    more = {"shape": "compare shapes", "epochs": "compare lengths of training"}
    if not words:
        more["auto"] = "search for good settings"
        studies = [e for e in session.registry.offered() if e.kind == "study" and not e.damaged]
        return more | SETTINGS | {e.name: e.shape for e in studies}
    return more | SETTINGS | {"--repeat": "seeds for each", "--for": "how long each training is"}


def _undoable(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    own = dict.fromkeys(session.shelf.own.names(), "a data set of your own")
    return {"t": "the last training", **own, **_saves(session, words)}


def _values(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    name = words[-1]
    named: Mapping[str, str] = NAMED_VALUES[name]() if name in NAMED_VALUES else {}
    return SESSION_VALUES.get(name, named)


def _data_sets(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    more = {"import": "make one of files", "delete": "delete one of your own"}
    return {name: source.summary for name, source in session.shelf.sources().items()} | more


def _own(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    names = session.shelf.own.names() if words[-1:] == ["delete"] else []
    return {name: session.shelf.sources()[name].summary for name in names}


def _methods() -> Mapping[str, str]:
    return SUMMARIES


def _explained(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    return dict(glossary.words()) | {c.name: c.summary for c in all_commands()}


AMOUNT = Kind(
    "AMOUNT",
    "an amount: mini-batches (500), epochs (3e), a time (90s, 5m, 1h) or an accuracy (98%)",
    Amount.parse,
    joins=lambda word: word.lower() in (*UNITS, "total"),
)

INDEX = Kind("INDEX", "the number of a case, from 0", whole)

LAYERS = Kind(
    "layers",
    "the word `layers`, to show the outputs of the hidden layers",
    only("layers"),
    lambda: {"layers": "the outputs of each hidden layer"},
)

CASE = Kind(
    "INDEX",
    "the number of a case, from 0",
    lambda text: text if text == "layers" else whole(text),
    LAYERS.choices,
)

UNIT = Kind(
    "UNIT or case",
    "the number of a unit, from 0, or `case`",
    lambda text: text if text == "case" else whole(text),
    offers=lambda session, words: {"case": "the first layer's response to a test case"},
)

ANSWER = Kind("ANSWER", "an answer, such as 4", whole)

GUESS = Kind("GUESS", "a guess, such as 9", whole)

DIGIT_OR_VERB = Kind(
    "DIGIT, show or remove",
    "a digit, 0 to 9, `show` or `remove`",
    lambda text: text if text in ("show", "remove") else digit(text),
    offers=lambda session, words: {
        "show": "the pictures in mine, with their numbers",
        "remove": "take one out of mine again",
    },
)

COUNT = Kind("N", "a whole number from 1", lambda text: whole(text, 1))

COUNT_OR_ALL = Kind(
    "N or all",
    "a whole number from 1, or `all`",
    count_or_all,
    offers=lambda session, words: {"all": "every case"},
)

NAME = Kind("NAME", "a name", str, offers=_saves, fuzzy=True)

STUDY = Kind(
    "QUESTION or NAME",
    "what to vary and its values, or the name of a study",
    str,
    offers=_study_words,
)

UNDOABLE = Kind("NAME", "a name, or t for the last training", str, offers=_undoable)

OLD = Kind("OLD", "the name of a saved network", str, offers=_saves, fuzzy=True)

NEW = Kind("NEW", "a new name", str)

FILE = Kind("FILE", "a file", str, is_path=True)

PICTURES = Kind("FILE", "a picture, a folder of them, or a pattern", str, is_path=True)

RECIPE = Kind(
    "RECIPE or SHAPE",
    "a recipe or a shape like 784-100-10",
    str,
    lambda: {name: recipe.summary for name, recipe in RECIPES.items()},
    joins=lambda word: word[:1].isdigit() or bool(_PART.fullmatch(word)),
)

HIDDEN = one_of("HIDDEN", "an activation, for the hidden layers", _activations)

OUTPUT = one_of("OUTPUT", "an activation, for the output", _activations)

COST = one_of("COST", "a cost", _costs)

SETTING = one_of("NAME", "a setting", lambda: SETTINGS | SESSION_SETTINGS)

VALUE = Kind("VALUE", "a value", str, offers=_values)

HORIZON = Kind(
    "HORIZON",
    "the training that a schedule spans, such as 20e",
    horizon,
    joins=AMOUNT.joins,
)

SHOWN = Kind(
    "N or augment",
    "a whole number from 1, or `augment`",
    lambda text: text if text == "augment" else whole(text, 1),
    offers=lambda session, words: {"augment": "training cases as they are deformed"},
)

ITERATIONS = Kind("N", "how many iterations, a whole number from 1", lambda text: whole(text, 1))

METHOD = one_of("METHOD", "a method", _methods)

OFF = Kind("off", "off", only("off"), lambda: {"off": "end it"})

DATA = Kind("NAME, import or delete", "a data set", str, offers=_data_sets)

PATH = Kind("PATH", "a file or a folder", str, is_path=True)

OWN = Kind("NAME", "the name of a data set of your own", str, offers=_own)

WORD = Kind("WORD", "a command or a word", str, offers=_explained, joins=lambda word: True)

FOUND = one_of("WHAT", "what to find: rate", lambda: {"rate": "a learning rate"})

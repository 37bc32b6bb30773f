"""The kinds of argument that commands take."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite

from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.minimize import METHODS
from digitnet.engine.network import COSTS
from digitnet.engine.schedules import UNITS, Amount
from digitnet.engine.settings import NAMED_VALUES, SETTINGS, first_line
from digitnet.insight.doctor import FAULTS
from digitnet.recipes import RECIPES
from digitnet.repl import glossary
from digitnet.repl.command import Kind, all_commands, whole
from digitnet.repl.errors import Unknown, nearest
from digitnet.repl.session import SESSION_SETTINGS, Session

_PART = re.compile(r"[pad]\d\S*|b")  # a part of a shape that begins with a letter

SESSION_VALUES: Mapping[str, Mapping[str, str]] = {
    "vi": {"on": "vi's keys", "off": "Emacs' keys"},
    "epoch_lines": {"on": "a line after each epoch", "off": "no such lines"},
    "watch": {
        "off": "the curves alone",
        "misread": "validation cases that are misread",
        "weights": "the weights of the first layer",
        "both": "misread cases and weights",
    },
    "theme": {
        "auto": "as the terminal says in COLORFGBG, or else dark",
        "dark": "for a dark background",
        "light": "for a light background",
    },
}
"""Settings of the session that are not numbers → their values, each with a description."""

PLOT_WORDS = {
    "log": "costs on a logarithmic axis",
    "linear": "costs on a linear axis",
    "rate": "the learning rate too",
}


def number(text: str) -> float:
    """A finite number. Raises ValueError."""
    with suppress(ValueError):
        if isfinite(value := float(text.replace(",", "."))):
            return value
    raise ValueError  # without float's own words


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
            meant = [m.word for m in glossary.meanings(text) if m.word in known]
            hint = f"Did you mean {meant[0]}?" if meant else nearest(text, known)
            hint = hint or f"There are: {', '.join(known)}" * (len(known) > 1)
            raise Unknown(hint) if hint else ValueError
        return text

    return Kind(metavar, expects, parse, choices=names)


def number_or(metavar: str, expects: str, words: Mapping[str, str], low: int = 0) -> Kind:
    """A kind of argument that takes a whole number of at least `low`, or one of these words."""
    return Kind(
        metavar,
        expects,
        lambda text: text if text in words else whole(text, low),
        offers=lambda session, typed: words,
    )


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
    own = dict.fromkeys(session.data_sets.own.names(), "a data set of your own")
    return {"t": "the last training", **own, **_saves(session, words)}


def _values(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    name = words[-1]
    named: Mapping[str, str] = NAMED_VALUES[name]() if name in NAMED_VALUES else {}
    return SESSION_VALUES.get(name, named)


def _data_sets(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    more = {"import": "make one of files", "delete": "delete one of your own"}
    return {name: source.summary for name, source in session.data_sets.sources().items()} | more


def _own(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    names = session.data_sets.own.names() if words[-1:] == ["delete"] else []
    return {name: session.data_sets.sources()[name].summary for name in names}


def _explained(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    return dict(glossary.words()) | {c.name: c.summary for c in all_commands()}


AMOUNT = Kind(
    "AMOUNT",
    "an amount: mini-batches (500), epochs (3e), a time (90s, 5m, 1h) or an accuracy (98%)",
    Amount.parse,
    joins=lambda word: word.lower() in (*UNITS, "total"),
)
HORIZON = Kind("HORIZON", "the training of a schedule, such as 20e", horizon, joins=AMOUNT.joins)

_LAYERS = {"layers": "the outputs of each hidden layer"}

LAYERS = one_of("layers", "the word `layers`", lambda: _LAYERS)
INDEX = Kind("INDEX", "the number of a case (cases are numbered from 0)", whole)
CASE = number_or("INDEX", INDEX.expects, _LAYERS)
LOOKED = number_or(
    "INDEX or train",
    f"{INDEX.expects}, or `train`",
    {"train": "with the network on the screen"},
)
UNIT = number_or(
    "UNIT or case",
    "the number of a unit, from 0, or `case`",
    {"case": "the first layer's response to a test case"},
)
ANSWER = Kind("ANSWER", "an answer, such as 4", whole)
GUESS = Kind("GUESS", "a guess, such as 9", whole)
_OF_MINE = {"show": "the pictures in mine, numbered", "remove": "take one out of mine again"}
DIGITS_OR_VERB = Kind(
    "DIGITS, show or remove",
    "a digit, 0 to 9, or several, `show` or `remove`",
    lambda text: text if text in _OF_MINE else f"{whole(text, digits=1000):0{len(text)}}",
    lambda: _OF_MINE,
)
COUNT = Kind("N", "a whole number from 1", lambda text: whole(text, 1))
FINDING = Kind("N", "the number of a finding, from 1", COUNT.parse)
COUNT_OR_ALL = number_or("N or all", f"{COUNT.expects}, or `all`", {"all": "every case"}, low=1)
SHOWN = number_or(
    "N or augment",
    f"{COUNT.expects}, or `augment`",
    {"augment": "training cases as they are deformed"},
    low=1,
)
ITERATIONS = Kind("N", "how many iterations, a whole number from 1", COUNT.parse)
METHOD = one_of("METHOD", "a method", lambda: METHODS)
FOUND = one_of("WHAT", "the word `rate`", lambda: dict.fromkeys(("rate", "lr"), "a learning rate"))

NAME = Kind("NAME", "a name", str, offers=_saves, joins=lambda word: True, fuzzy=True)
PLOTTED = replace(NAME, offers=lambda session, words: {**PLOT_WORDS, **_saves(session, words)})
SAVE = replace(NAME, joins=lambda word: False)
OLD = Kind("OLD", "the name of a saved network", str, offers=_saves, fuzzy=True)
NEW = Kind("NEW", "a new name", str)
UNDOABLE = Kind("NAME", "a name, or t for the last training", str, offers=_undoable)
STUDY = Kind(
    "QUESTION or NAME", "what to vary and its values, or a study's name", str, offers=_study_words
)

FILE = Kind("FILE", "a file", str, joins=lambda word: True, is_path=True)
FILE_OF_WEIGHTS = replace(FILE, joins=lambda word: word not in ACTIVATIONS)
TABLE = Kind("TABLE", "a table of pictures", str, is_path=True)
PICTURES = Kind(
    "FILE", "a picture, a folder of them, a pattern, clipboard, or -", str, is_path=True
)
PATH = Kind("PATH", "a file or a folder", str, joins=lambda word: True, is_path=True)

RECIPE = Kind(
    "RECIPE or SHAPE",
    "a recipe or a shape like 784-100-10",
    str,
    lambda: {name: recipe.summary for name, recipe in RECIPES.items()},
    joins=lambda word: word[:1].isdigit() or bool(_PART.fullmatch(word)),
)
RECIPE_AFTER_NAME = replace(RECIPE, joins=lambda word: True)  # perhaps a name with spaces
HIDDEN, OUTPUT = (
    one_of(
        metavar,
        f"an activation for {layer}",
        lambda: {name: first_line(f.forward) for name, f in ACTIVATIONS.items()},
    )
    for metavar, layer in (("HIDDEN", "hidden layers"), ("OUTPUT", "the output"))
)
COST = one_of(
    "COST", "a cost", lambda: {name: first_line(forms[0].value) for name, forms in COSTS.items()}
)

SETTING = replace(
    one_of("NAME", "a setting", lambda: SETTINGS | SESSION_SETTINGS),
    joins=lambda word: word in ("rate", "decay"),  # learning rate: the glossary knows what is meant
)
VALUE = Kind("VALUE", "a value", str, offers=_values)
DATA = Kind("NAME, import or delete", "a data set", str, offers=_data_sets)
OWN = Kind("NAME", "the name of a data set of your own", str, offers=_own)
PART = number_or(
    "LAYER or cost",
    "the number of a layer, from 1, or `cost`",
    {"cost": "where the error signal of the outputs comes from"},
    low=1,
)
_STEPS = {"next": "skip a step", "off": "end it"}
LESSON = number_or("N, next or off", "the number of a lesson, from 1, next or off", _STEPS, low=1)
_CAUSES = one_of(
    "CAUSE",
    "a cause",
    lambda: {"hint": "a hint"} | {name: fault.what for name, fault in FAULTS.items()},
)
PATIENT = Kind(
    "N, hint or CAUSE",
    "the number of a patient, from 1, `hint`, or what is wrong with it",
    lambda text: whole(text, 1) if text.isdigit() else _CAUSES.parse(text),
    choices=_CAUSES.choices,
)
ANSWERED = Kind(
    "NUMBER or skip",
    "a number, or `skip`",
    lambda text: text if text == "skip" else number(text),
    offers=lambda session, words: {"skip": "show the answer"},
)
OFF = one_of("off", "off", lambda: {"off": "end it"})
WORD = Kind("WORD", "a command or a word", str, offers=_explained, joins=lambda word: True)

"""The kinds of argument that commands take: what a function annotates its parameters with."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Annotated, Any

from digitnet.engine.layers import ACTIVATIONS, Activation, hidden_activations
from digitnet.engine.minimize import METHODS
from digitnet.engine.network import COSTS
from digitnet.engine.schedules import UNITS, Amount, without_commas
from digitnet.engine.settings import NAMED_VALUES, SETTINGS, first_line
from digitnet.insight.doctor import FAULTS
from digitnet.recipes import RECIPES
from digitnet.repl import glossary
from digitnet.repl.command import OPTIONAL, Kind, all_commands, whole
from digitnet.repl.errors import Unknown, nearest
from digitnet.repl.session import SESSION_SETTINGS, Session
from digitnet.study.plan import AXES, STARTS

SESSION_VALUES: Mapping[str, Mapping[str, str]] = {
    "vi": {"on": "vi's keys", "off": "Emacs' keys"},
    "epoch_lines": {"on": "lines such as Epoch 3: 468 / 500", "off": "no such lines"},
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
        if isfinite(value := float(without_commas(text))):
            return value
    raise ValueError  # without float's own words


_from_1 = partial(whole, low=1)


def digits(text: str) -> str:
    """Up to 1,000 digits. Raises ValueError."""
    if not re.fullmatch("[0-9]{1,1000}", text):
        raise ValueError
    return text


def horizon(text: str) -> str:
    """Shortens `20 epochs` to `20e`; returns other texts unchanged, to be checked later."""
    number, _, word = text.partition(" ")
    short = {"epochs": "e", "batches": ""}.get(UNITS.get(word, ("", 1))[0], f" {word}")
    return f"{number}{short}" if word else text


def hint(word: str, known: Collection[str]) -> str:
    """`Did you mean rate?` for `lr` and for `ratte`; empty if nothing known is similar."""
    meant = [m.word for m in glossary.meanings(word) if m.word in known]
    return f"Did you mean {meant[0]}?" if meant else nearest(word, known)


def one_of(metavar: str, expects: str, names: Callable[[], Mapping[str, str]]) -> Kind:
    """A kind of argument that takes one of several names. names: name → description."""

    def parse(text: str) -> str:
        known = names()
        if text not in known:
            said = hint(text, known) or f"There are: {', '.join(known)}" * (len(known) > 1)
            raise Unknown(said) if said else ValueError
        return text

    return Kind(metavar, expects, parse, choices=names)


def or_word(
    metavar: str, expects: str, words: Mapping[str, str], parse: Callable[[str], Any] = whole
) -> Kind:
    """A kind of argument that takes what `parse` does, or one of these words."""
    shown, of_several = " or ".join(words), words if len(words) > 1 else {}
    return Kind(
        f"{metavar}, {shown}" if of_several else f"{metavar} or {shown}",
        f"{expects}, {'' if of_several else 'or '}`{'` or `'.join(words)}`",
        lambda text: text if text in words else parse(text),
        choices=lambda: of_several,
        offers=lambda session, typed: words,
    )


def _saves(session: Session, words: Sequence[str], *, own: bool = False) -> Mapping[str, str]:
    """own: without the included networks, which cannot be changed."""
    entries = [e for e in session.registry.offered() if not (e.damaged or (own and e.included))]
    return {e.name: f"{e.shape}, saved {e.saved_at[:10]}" for e in entries}


_own_saves = partial(_saves, own=True)

_OF_STUDY = {"show": "as it is, without continuing it", "best": "train its best network again"}
_FLAGS = {"--repeat": "seeds for each", "--for": "length", "--name": "a name", "--on": "a cluster"}


def _study_words(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    if words and words[0] not in (*STARTS, *_FLAGS):
        return _OF_STUDY if len(words) == 1 else {}
    if not words:
        studies = [e for e in session.registry.offered() if e.kind == "study" and not e.damaged]
        return AXES | {"auto": "search for good settings"} | {e.name: e.shape for e in studies}
    last = next((word for word in reversed(words) if word in STARTS), "")
    return {**NAMED_VALUES.get(last, dict)(), **AXES, **_FLAGS}


def _undoable(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    own = dict.fromkeys(session.data_sets.own.names(), "a data set of your own")
    return {"t": "the last training", **own, **_own_saves(session, words)}


def _values(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    return SESSION_VALUES.get(words[-1]) or NAMED_VALUES.get(words[-1], dict)()


def _data_sets(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    more = {"import": "make one of files", "delete": "delete one of your own"}
    return {name: source.summary for name, source in session.data_sets.sources().items()} | more


def _own(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    names = session.data_sets.own.names() if words[-1:] == ["delete"] else []
    return {name: session.data_sets.sources()[name].summary for name in names}


def _explained(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    commands = {c.name: c.summary for c in all_commands()}
    return dict(sorted((dict(glossary.words()) | commands).items()))


def _plotted(session: Session, words: Sequence[str]) -> Mapping[str, str]:
    return {**PLOT_WORDS, **_saves(session, words)}


def _activations(of: Mapping[str, Activation]) -> Mapping[str, str]:
    return {name: first_line(f.forward) for name, f in of.items()}


def _costs() -> Mapping[str, str]:
    return {n: " ".join(first_line(form.value) for form in forms) for n, forms in COSTS.items()}


def _causes() -> Mapping[str, str]:
    return {"hint": "a hint"} | {name: fault.what for name, fault in FAULTS.items()}


_AMOUNT = Kind(
    "AMOUNT",
    "an amount of mini-batches (500), epochs (3e) or time (90s, 5m, 1h), or an accuracy (98%)",
    Amount.parse,
    joins=lambda word: word.lower() in (*UNITS, "total"),
)
AMOUNT = Annotated[Amount | None, _AMOUNT]
_HORIZON = "a length of training, such as 20e"
HORIZON = Annotated[str, Kind("HORIZON", _HORIZON, horizon, joins=_AMOUNT.joins)]

_INDEX = Kind("INDEX", "the number of a case (cases are numbered from 0)", whole)
INDEX = Annotated[int | None, _INDEX]
_LAYERS = {"layers": "the outputs of each hidden layer"}
LAYERS = Annotated[str, one_of("layers", "the word `layers`", lambda: _LAYERS)]
_CASE = or_word("", "", _LAYERS)
CASE = Annotated[int | str | None, replace(_CASE, metavar="INDEX", expects=_INDEX.expects)]
_TRAIN = {"train": "with the network on the screen"}
LOOKED = Annotated[int | str | None, or_word("INDEX", _INDEX.expects, _TRAIN)]
_RESPONSE = {"case": "the first layer's response to a test case"}
UNIT = Annotated[int | str | None, or_word("UNIT", "the number of a unit, from 0", _RESPONSE)]
_ORIGIN = {"cost": "where the error signal of the outputs comes from"}
PART = Annotated[int | str, or_word("LAYER", "the number of a layer, from 1", _ORIGIN, _from_1)]
ANSWER = Annotated[int | None, Kind("ANSWER", "an answer, such as 4", whole)]
GUESS = Annotated[int | None, Kind("GUESS", "a guess, such as 9", whole)]
_OF_MINE = {"show": "the pictures in mine, numbered", "remove": "take one out of mine again"}
_DIGITS = "a digit, 0 to 9, or several"
DIGITS_OR_VERB = Annotated[str | None, or_word("DIGITS", _DIGITS, _OF_MINE, digits)]

_COUNT = Kind("N", "a whole number from 1", _from_1)
COUNT = Annotated[int, _COUNT]
FINDING = Annotated[int, replace(_COUNT, expects="the number of a finding, from 1")]
ITERATIONS = Annotated[int, replace(_COUNT, expects="a whole number of iterations, from 1")]
_ALL = {"all": "every case"}
COUNT_OR_ALL = Annotated[int | str, or_word("N", _COUNT.expects, _ALL, _from_1)]
_AUGMENT = {"augment": "training cases as they are augmented"}
SHOWN = Annotated[int | str, or_word("N", _COUNT.expects, _AUGMENT, _from_1)]
_STEPS = {"next": "skip a step", "off": "end it"}
LESSON = Annotated[int | str, or_word("N", "the number of a lesson, from 1", _STEPS, _from_1)]
METHOD = Annotated[str, one_of("METHOD", "a method", lambda: METHODS)]
_RATES = dict.fromkeys(("rate", "lr"), "a learning rate")
FOUND = Annotated[str, one_of("WHAT", "the word `rate`", lambda: _RATES)]

_NAME = Kind("NAME", "a name", str, offers=_saves, joins=lambda word: True, fuzzy=True)
NAME = Annotated[str, _NAME]
OWN_NAME = Annotated[str, replace(_NAME, offers=_own_saves)]
PLOTTED = Annotated[str, replace(_NAME, offers=_plotted), OPTIONAL]
SAVE = Annotated[str, replace(_NAME, joins=lambda word: False)]
OLD = Annotated[str, Kind("OLD", "the name of a saved network", str, offers=_own_saves, fuzzy=True)]
NEW = Annotated[str, Kind("NEW", "a new name", str)]
_UNDOABLE = "a name, or t for the last training"
UNDOABLE = Annotated[str, Kind("NAME", _UNDOABLE, str, offers=_undoable)]
_STUDY = "something to vary with its values, or the name of a study"
STUDY = Annotated[str, Kind("QUESTION or NAME", _STUDY, str, offers=_study_words)]

_FILE = Kind("FILE", "a file", str, joins=lambda word: True, is_path=True)
FILE = Annotated[str, _FILE]
FILE_OF_WEIGHTS = Annotated[str, replace(_FILE, joins=lambda word: word not in ACTIVATIONS)]
PATH = Annotated[str, replace(_FILE, metavar="PATH", expects="a file or a folder")]
TABLE = Annotated[str, Kind("TABLE", "a table of pictures", str, is_path=True)]
_PICTURES = "a picture, a folder of them, a pattern, clipboard, or -"
PICTURES = Annotated[str, Kind("FILE", _PICTURES, str, is_path=True)]

_RECIPE = Kind(
    "RECIPE or SHAPE",
    "a recipe or a shape like 784-100-10",
    str,
    lambda: {name: recipe.summary for name, recipe in RECIPES.items()},
    joins=lambda word: bool(re.fullmatch(r"\d.*|[pad]\d\S*|b", word)),  # a part of a shape
)
RECIPE = Annotated[str, _RECIPE]
RECIPE_AFTER_NAME = Annotated[str, replace(_RECIPE, joins=lambda word: True)]  # a name with spaces
_HIDDEN = one_of(
    "HIDDEN", "an activation for hidden layers", lambda: _activations(hidden_activations())
)
HIDDEN = Annotated[str, _HIDDEN]
_OUTPUT = partial(_activations, ACTIVATIONS)
OUTPUT = Annotated[str, one_of("OUTPUT", "an activation for the output", _OUTPUT)]
COST = Annotated[str, one_of("COST", "a cost", _costs)]

_SETTING = one_of("NAME", "a setting", lambda: SETTINGS | SESSION_SETTINGS)
SETTING = Annotated[str, replace(_SETTING, joins=lambda word: word in ("rate", "decay"))]
VALUE = Annotated[str, Kind("VALUE", "a value", str, offers=_values)]
DATA = Annotated[str, Kind("NAME, import or delete", "a data set", str, offers=_data_sets)]
OWN = Annotated[str, Kind("NAME", "the name of a data set of your own", str, offers=_own)]
_CAUSES = one_of("CAUSE", "a cause", _causes)
_PATIENT = Kind(
    "N, hint or CAUSE",
    "the number of a patient, from 1, `hint`, or what is wrong with it",
    lambda text: _from_1(text) if text.isdigit() else _CAUSES.parse(text),
    choices=_causes,
)
PATIENT = Annotated[int | str, _PATIENT]
_SKIP = {"skip": "show the answer"}
ANSWERED = Annotated[float | str | None, or_word("NUMBER", "a number", _SKIP, number)]
OFF = Annotated[str, one_of("off", "the word `off`", lambda: {"off": "end it"})]
_WORD = Kind("WORD", "a command or a word", str, offers=_explained, joins=lambda word: True)
WORD = Annotated[str, _WORD]

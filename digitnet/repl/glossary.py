"""The glossary of `? WORD`: the meaning of each word, with an example to type.

Settings, recipes, data sets, activations, costs, optimizers and schedules are described where they
are defined; the terms of the field are described in glossary.txt.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from digitnet.digits.datasets import SOURCES
from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.minimize import METHODS
from digitnet.engine.network import COSTS
from digitnet.engine.settings import NAMED_VALUES, SETTINGS
from digitnet.paths import PACKAGE, config_file
from digitnet.recipes import RECIPES
from digitnet.repl.errors import printable
from digitnet.repl.session import SESSION_SETTINGS


@dataclass(frozen=True)
class Meaning:
    """A meaning of a word. kind: such as `a setting`. example: a line to type."""

    word: str
    kind: str
    text: str
    example: str


def _joined(word: str) -> str:
    """A word as it is compared: mini-batch, mini batch, Mini_Batch and minibatch are one."""
    return re.sub(r"[-_\s]", "", word).lower()


# of each term of the field: `word, other words | a line to type`, and indented below, what it means
_TERMS = re.split(r"\n(?=\S)", (PACKAGE / "glossary.txt").read_text(encoding="utf-8"))

_SYNONYMS = {
    "lr": "rate", "learningrate": "rate", "stepsize": "rate", "eta": "rate", "η": "rate",
    "weightdecay": "l2", "lambda": "l2", "λ": "l2", "mu": "momentum", "μ": "momentum",
    "earlystopping": "patience", "runningmean": "average", "batchsize": "batch", "pixel": "pixels",
    "deformed": "augment", "augmentation": "augment", "mse": "squared", "squarederror": "squared",
}  # fmt: skip
for _term in _TERMS:
    _word, *_others = _term.partition(" | ")[0].split(", ")
    _SYNONYMS |= {_joined(other): _joined(_word) for other in _others}


def words() -> Mapping[str, str]:
    """Every word, with the kind of its first meaning."""
    found: dict[str, str] = {}
    for meaning in _all():
        found.setdefault(meaning.word, meaning.kind)
    return found


def meanings(text: str) -> list[Meaning]:
    """The meanings of a word; empty if it is unknown."""
    word = _joined(text)
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    asked = {*forms, *(_SYNONYMS.get(form, form) for form in forms)}
    return [meaning for meaning in _all() if _joined(meaning.word) in asked]


def in_text(text: str) -> list[str]:
    """The terms and settings that a text uses, in the order of their first use."""
    said = re.findall(r"[a-z2_-]+", text.lower())
    known = {m.word for m in _all() if m.kind in ("a term", "a setting", "an activation")}
    used = (_SYNONYMS.get(word, word) for word in said)
    forms = (next((w for w in (word, word.removesuffix("s")) if w in known), "") for word in used)
    return [word for word in dict.fromkeys(forms) if word]


def _all() -> Iterator[Meaning]:
    for name, summary in (SETTINGS | SESSION_SETTINGS).items():
        named = NAMED_VALUES.get(name, dict)()
        example = f"set {name} {_VALUES.get(name, '1')}"
        values = f" Named values: {', '.join(named)}." if named else ""
        yield Meaning(name, "a setting", f"{_sentence(summary)}{values}", example)
    for name, recipe in RECIPES.items():
        yield Meaning(name, "a recipe", f"{_sentence(recipe.summary)} {recipe.shape}.", f"n {name}")
    for name, source in SOURCES.items():
        yield Meaning(name, "a data set", _sentence(source.summary), f"data {name}")
    for name, activation in ACTIVATIONS.items():
        example = f"n 784-100-10 {'relu ' * activation.sums_to_one}{name}"
        yield Meaning(name, "an activation", _first(activation.forward), example)
    for name, form in ((name, form) for name, forms in COSTS.items() for form in forms):
        output = form.outputs[0] if form.outputs else "sigmoid"
        kind = f"a cost of {output} outputs" if form.outputs else "a cost"
        example = f"n 784-100-10 sigmoid {output} {name}"
        yield Meaning(name, kind, _first(form.value), example)
    kinds = {"optimizer": "an optimizer", "augment": "augmentation"}
    kinds["schedule"] = "a schedule: the factor of the rate, as s goes from 0 to 1"
    for setting, kind in kinds.items():
        for name, summary in NAMED_VALUES[setting]().items():
            yield Meaning(name, kind, _sentence(summary), f"set {setting} {name}")
    for name, summary in METHODS.items():
        yield Meaning(name, "a minimizer", _sentence(summary), f"min 50 {name}")
    for term in _TERMS:
        first, _, text = term.partition("\n")
        names, _, example = first.partition(" | ")
        said = " ".join(text.split()).replace("FILE", printable(str(config_file())))
        yield Meaning(names.partition(",")[0], "a term", said, example)


_VALUES = {
    "optimizer": "adam", "schedule": "cosine 20e", "augment": "light", "batch": "64",
    "rate": "0.05", "momentum": "0.9", "dropout": "0.2", "smoothing": "0.05", "l2": "1e-4",
    "l1": "1e-6", "max_norm": "3", "cases": "1000", "patience": "10", "pixels": "unit",
    "vi": "on", "epoch_lines": "on", "watch": "both", "theme": "light",
}  # fmt: skip
"""A value of each setting, for its example; 1 for the others."""


def _sentence(text: str) -> str:
    """Adds a capital letter and a full stop, and removes backticks."""
    text = re.sub("`", "", text)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def _first(thing: object) -> str:
    return " ".join((thing.__doc__ or "").partition("\n\n")[0].split())

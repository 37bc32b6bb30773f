"""The documents of networks, studies and data sets: formats 1 and 2.

Every field is checked when it is read, and what is written must pass the same checks.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from math import prod
from typing import Any
from unicodedata import normalize

import numpy as np

from digitnet.digits.datasets import HASH_BYTES
from digitnet.digits.files import BadFile
from digitnet.digits.own import FILES, MAX_ANSWERS, TABLE, WORDS, OwnCases
from digitnet.engine.arrays import Array, Shape, assign
from digitnet.engine.layers import ACTIVATIONS, INITIALIZERS, LAYERS, Layer, SetDropout
from digitnet.engine.network import COSTS, MAX_LAYERS, Committee, Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.trainer import Measurement, Progress, Trainer
from digitnet.registry.codec import (
    DTYPES,
    MAX_INTEGER,
    WRONG_SHAPE,
    Document,
    Fields,
    Reader,
    array_document,
    decode,
    encode,
    seal,
    unseal,
)
from digitnet.registry.files import MAX_BYTES, DamagedSave, RegistryError
from digitnet.registry.model import (
    OWN_NAME,
    SEEN,
    Accuracy,
    Blueprint,
    Content,
    Model,
    OwnSet,
    Result,
    StudyRecord,
)

# names and times

MAX_NAME = 64

_INVISIBLE = re.compile(
    "^[\ufe00-\ufe0f]|"
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U0001d159\U000e0100-\U000e01ef]"
)
"""What shows nothing, although `isprintable` says otherwise: fillers, variation selectors."""


def clean_name(text: str) -> str:
    """`text` in NFC and without surrounding spaces, 1 to 64 printable characters.

    Raises ValueError, with the reason, if it is not a valid name.
    """
    name = normalize("NFC", text[: 16 * MAX_NAME]).strip()
    if not name:
        raise ValueError("a name has at least one character")
    if len(name) > MAX_NAME:
        raise ValueError(f"a name has at most {MAX_NAME} characters")
    if not name.isprintable() or _INVISIBLE.search(name):
        raise ValueError("a name is made of printable characters only")
    return name


def read_name(fields: Fields, field: str) -> str:
    """Reads a name, which must be one that can be given at the prompt."""
    name = fields.text(field)
    with suppress(ValueError):
        if clean_name(name) == name:
            return name
    raise fields.bad(field, "is not a name that a network can have")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def saved_at(fields: Fields, field: str) -> str:
    """Reads the time of saving, in ISO 8601, UTC."""
    text = fields.text(field)
    with suppress(ValueError):
        when = datetime.fromisoformat(text)
        if when.utcoffset() == timedelta(0) and when.isoformat(timespec="seconds") == text:
            return text
    raise fields.bad(field, "is not a time")


# networks

MAX_UNITS = 1 << 20  # maximum number of units, channels or pixels


def network_document(network: Network) -> Document:
    return {
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.newbyteorder("<").str,
        "cost": network.cost_name,
        "layers": [
            _layer_document(layer) for layer in network.layers if not isinstance(layer, SetDropout)
        ],
    }


def _layer_document(layer: Layer) -> Document:
    if isinstance(layer, Committee):
        members = [network_document(m) | {"scale": scale} for m, scale in layer.members]
        return {"kind": layer.kind, "members": members}
    config = layer.config()
    return {
        "kind": layer.kind,
        "config": {name: config[name] for name in layer.options},
        "parameters": {p.name: array_document(p.value) for p in layer.parameters},
        "statistics": {name: array_document(s) for name, s in layer.statistics.items()},
    }


def read_network(fields: Fields, *, in_committee: bool = False) -> Network:
    documents = [*fields.inners("layers", MAX_LAYERS)]
    fields.check(documents, "layers", "is empty")
    if documents[0].has("activation"):
        sizes, dtype, documents = _from_format_1(documents)
    else:
        sizes, dtype = fields.take("input_shape", list), fields.text("dtype", DTYPES)
    few = len(sizes) <= 3 and all(type(n) is int and 1 <= n <= MAX_UNITS for n in sizes)
    fields.check(few, "input_shape", "should hold a few whole numbers within bounds")
    is_case = len(sizes) in (1, 3) and prod(sizes) <= MAX_UNITS
    fields.check(is_case, "input_shape", "is no shape of a case")
    no_committee = "has a committee beside other layers" if len(documents) > 1 else ""
    if in_committee:
        no_committee = "has a committee in a committee"
    cost, layers, shape = fields.text("cost", COSTS), list[Layer](), tuple(sizes)
    try:
        for each in documents:
            layers.append(_layer(each, shape, np.dtype(dtype), no_committee))
            shape = layers[-1].shape
        return Network(layers, cost)
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None


def _layer(fields: Fields, below: Shape, dtype: Any, no_committee: str) -> Layer:
    """Reads a layer. below: its input shape. no_committee: why it cannot be a committee."""
    kind = fields.text("kind", LAYERS)
    if kind == Committee.kind:
        fields.check(not no_committee, "members", no_committee)
        members = [_member(member) for member in fields.inners("members")]
        fields.end()
        return Committee(below, members=members)
    config = fields.inner("config")
    options = {name: OPTIONS[of](config, name) for name, of in LAYERS[kind].options.items()}
    config.end()
    # a crafted document cannot make this allocate much: new arrays are zeros, which take no
    # memory until they are written to
    layer = LAYERS[kind](below, dtype=dtype, **options)
    fields.inner("parameters").fill({p.name: p.value for p in layer.parameters})
    statistics = fields.inner("statistics")
    statistics.fill(layer.statistics)
    fields.end()
    sound = "variance" not in layer.statistics or (layer.statistics["variance"] >= 0).all()
    statistics.check(sound, "variance", "is below zero")
    return layer


OPTIONS: dict[type, Reader] = {
    int: lambda fields, name: fields.whole(name, name != "number", MAX_UNITS),
    bool: Fields.boolean,
    str: lambda fields, name: fields.text(name, ACTIVATIONS),
    float: Fields.fraction,
}
"""Reads the options of layers, by their type."""


def _member(fields: Fields) -> tuple[Network, float]:
    scale = fields.real("scale")
    fields.check(0 < scale <= MAX_UNITS, "scale", "is out of bounds")
    network = read_network(fields, in_committee=True)
    fields.end()
    return network, scale


def _from_format_1(layers: list[Fields]) -> tuple[list[int], str, list[Fields]]:
    """The input shape, dtype and layers of format 1, which had only dense ones, as in format 2."""
    matrices, documents = list[Array](), list[Fields]()
    for number, fields in enumerate(layers):
        fields.text("kind", ("dense",))
        activation = fields.text("activation", ACTIVATIONS)
        own = {name: fields.take(name, dict, type(None)) for name in ("weights", "biases")}
        fields.end()
        parameters = {name: array for name, array in own.items() if array is not None}
        weights = Fields(parameters, where := f"document.layers[{number}]").array("weights")
        fields.check(weights.ndim == 2 and weights.size, "weights", WRONG_SHAPE)
        matrices.append(weights)
        units, bias = weights.shape[1], "biases" in parameters
        document = {
            "kind": "dense",
            "config": {"units": units, "activation": activation, "bias": bias},
            "parameters": parameters,
            "statistics": {},
        }
        documents.append(Fields(document, where))
    return [len(matrices[0])], matrices[0].dtype.str, documents


# models: a network with its training

MAX_MEASUREMENTS = 100_000
"""Maximum number of history points saved, the latest ones: ten million mini-batches of training."""

MAX_WORDS, MAX_TRAINED_ON = 2_000, 100


def _model_document(model: Model) -> Document:
    trainer = model.trainer
    optimizer = {
        key: [array_document(array) for array in arrays]
        for key, arrays in trainer.optimizer.state.items()
    }
    averages, accuracy = trainer.averages, model.accuracy
    own_cases = b"".join(sorted(model.own_cases))
    return {
        "recipe": model.recipe,
        "data": model.data,
        "trained_on": list(model.trained_on),
        **({"own_cases": own_cases} if own_cases else {}),
        **({"words": list(model.words)} if model.words else {}),
        "accuracy": accuracy
        and {"value": accuracy.value, "on": measured_on(accuracy)}
        | ({"digest": accuracy.digest} if accuracy.digest else {}),
        **network_document(trainer.network),
        "settings": asdict(trainer.settings),
        "seed": trainer.seed,
        "progress": asdict(trainer.progress),
        "history": _table(trainer.history[-MAX_MEASUREMENTS:]),
        "optimizer": {"steps": trainer.optimizer.steps, **optimizer},
        "averages": averages and [array_document(array) for array in averages],
    }


def _table(records: Iterable[Any]) -> Document:
    numbers = [[float(v) for v in vars(record).values()] for record in records]
    return array_document(np.array(numbers, np.float64).reshape(-1, 4))


def _model(fields: Fields, name: str, when: str) -> Callable[[], Model]:
    network, settings = read_network(fields), read_settings(fields)
    seed, values = fields.whole("seed", high=MAX_INTEGER), [p.value for p in network.parameters]
    progress, history = _progress(fields.inner("progress")), _history(fields)
    optimizer, slots = fields.inner("optimizer"), OPTIMIZERS[settings.optimizer].slots
    steps, state = optimizer.whole("steps"), {s: optimizer.all_like(s, values) for s in slots}
    optimizer.end()
    averages = fields.maybe("averages", lambda fields, name: fields.all_like(name, values))
    fits = averages is None or settings.average
    fields.check(fits, "averages", "are there, and the settings ask for none")
    recipe, data = fields.word("recipe"), fields.word("data")
    trained_on = [one.word(item) for one, item in fields.items("trained_on", MAX_TRAINED_ON)]
    hashes = fields.take("own_cases", bytes) if fields.has("own_cases") else b""
    fields.check(len(hashes) % HASH_BYTES == 0, "own_cases", "has part of a hash")
    places = range(0, len(hashes), HASH_BYTES)
    own_cases = frozenset(hashes[k : k + HASH_BYTES] for k in places)
    words = read_words(fields)
    accuracy = fields.maybe("accuracy", _accuracy)
    fields.end()

    def build() -> Model:
        trainer = Trainer(network, settings, seed)
        trainer.progress, trainer.history = progress, history
        trainer.optimizer.steps = steps
        for slot, arrays in state.items():
            assign(trainer.optimizer.state[slot], arrays)
        trainer.averages = averages and [p.copy("K") for p in values]
        assign(trainer.averages or (), averages or ())
        origin = name, recipe, data, trained_on, accuracy, when
        return Model(trainer, *origin, own_cases=own_cases, words=words)

    return build


def read_words(fields: Fields) -> tuple[str, ...]:
    """What the answers are called; nothing where it is not said."""
    named = fields.items("words", MAX_ANSWERS) if fields.has("words") else ()
    return tuple(one.text(item) for one, item in named)


def read_settings(fields: Fields) -> Settings:
    """Missing settings have their defaults."""
    values = fields.inner("settings").rest()
    unknown = values.keys() - SETTINGS.keys()
    fields.check(not unknown, "settings", "has one that digitnet does not know")
    try:
        return Settings(**values)
    except ValueError as error:
        raise fields.bad("settings", f"cannot be: {error}") from None


def _progress(fields: Fields) -> Progress:
    progress = Progress(**fields.record(Progress))
    end = max(1, progress.cases)
    fields.check(progress.position < end, "position", "is past the end of its epoch")
    fields.check(progress.seconds >= 0, "seconds", "is below zero")
    return progress


def _history(fields: Fields) -> list[Measurement]:
    history = fields.table("history", 4, MAX_MEASUREMENTS)
    bounded = history[:, [0, 3]]  # mini-batches and accuracies
    sound = (bounded >= 0) & (bounded <= (MAX_INTEGER, 1)) & (history[:, :1] % 1 == 0)
    fields.check(sound.all(), "history", "has a point that cannot be")
    return [Measurement(int(batches), *rest) for batches, *rest in history.tolist()]


def _accuracy(fields: Fields, name: str) -> Accuracy:
    accuracy = fields.inner(name)
    value, on = accuracy.fraction("value"), accuracy.text("on")
    digest = accuracy.text("digest") if accuracy.has("digest") else ""
    accuracy.end()
    is_seen = next(seen for seen, words in SEEN.items() if on.endswith(words))
    return Accuracy(value, on.removesuffix(SEEN[is_seen]), is_seen, digest)


def measured_on(accuracy: Accuracy | None) -> str:
    """As saves have it: `sample test`, or `mini validation, seen in training`; empty for none."""
    return accuracy.on + SEEN[accuracy.is_seen] if accuracy else ""


# studies

MAX_RESULTS = 20_000
MAX_FIGURE = 1e100  # maximum cost, and number of seconds, of a result


def _study_document(study: StudyRecord) -> Document:
    blueprint = asdict(study.blueprint)
    return {
        "words": study.words,
        "settings": blueprint.pop("settings"),
        "blueprint": blueprint,
        "data": study.data,
        "seed": study.seed,
        "candidates": study.candidates,
        "results": _table(study.results[number] for number in sorted(study.results)),
        **({"digest": study.digest} if study.digest else {}),
    }


def _study(fields: Fields, name: str, when: str) -> StudyRecord:
    inner = fields.inner("study")
    fields.end()
    settings = read_settings(inner)
    blueprint = inner.inner("blueprint").record(
        Blueprint,
        **{field: partial(Fields.text, choices=names) for field, names in CHOICES.items()},
        settings=lambda *_: settings,
    )
    words = [one.text(item) for one, item in inner.items("words", MAX_WORDS)]
    data, seed = inner.word("data"), inner.whole("seed", high=MAX_INTEGER)
    candidates, results = inner.whole("candidates", 0, MAX_RESULTS), _results(inner)
    digest = inner.text("digest") if inner.has("digest") else ""
    inner.end()
    return StudyRecord(
        name, words, Blueprint(**blueprint), data, seed, candidates, results, when, digest
    )


CHOICES: dict[str, Any] = {
    "hidden": ACTIVATIONS,
    "output": ACTIVATIONS,
    "cost": COSTS,
    "initializer": ("", *INITIALIZERS),
    "precision": ("float32", "float64"),
}
"""The fields of a blueprint that can have certain values only."""


def _results(fields: Fields) -> dict[int, Result]:
    table = fields.table("results", 4, MAX_RESULTS)
    sound = (table >= 0) & (table <= (MAX_RESULTS - 1, 1, MAX_FIGURE, MAX_FIGURE))
    numbers = np.unique(table[:, 0])
    are_numbers = len(numbers) == len(table) and not (numbers % 1).any()
    fields.check(sound.all() and are_numbers, "results", "has one that cannot be")
    return {int(n): Result(int(n), *rest) for n, *rest in table.tolist()}


# data sets


def _own_set(fields: Fields, name: str, when: str) -> OwnSet:
    inner = fields.inner("cases")
    fields.end()
    fields.check(OWN_NAME.fullmatch(name), "name", "is not a name that a data set can have")
    files = {file: inner.take(file, bytes) for file in (*FILES, TABLE, WORDS) if inner.has(file)}
    inner.end()
    try:
        return OwnSet(name, OwnCases.of_files(files), when)
    except BadFile as error:
        raise DamagedSave(f"its data set {error}") from None


# whatever it is


def to_document(content: Content, name: str) -> Document:
    """The document with which something is saved under a name."""
    document = {"name": name, "saved_at": now()}
    match content:
        case Model():
            return document | _model_document(content)
        case StudyRecord():
            return document | {"study": _study_document(content)}
    return document | {"cases": content.cases.files()}


def read_document(document: Document) -> Content:
    """What is in a document. Raises DamagedSave, naming the field, for any document that
    `to_document` would not make.
    """
    return _checked(document)()


def from_document(document: Document) -> Model:
    """The network in a document. Raises DamagedSave, also if it holds something else."""
    content = read_document(document)
    if not isinstance(content, Model):
        raise DamagedSave("it holds no network")
    return content


def _checked(document: Document) -> Callable[[], Content]:
    """What builds the content of a document, all fields of which are checked first."""
    fields = Fields(document, "document")
    name, when = read_name(fields, "name"), saved_at(fields, "saved_at")
    for field, read in (("cases", _own_set), ("study", _study)):
        if fields.has(field):
            content = read(fields, name, when)
            return lambda: content
    return _model(fields, name, when)


def contents(data: bytes) -> Content:
    payload = unseal(data)
    del data  # free the memory early
    document = decode(payload)
    del payload
    return read_document(document)


def sealed(document: Document) -> bytes:
    """The bytes of the file for a document.

    Raises RegistryError if they could not be read back as the same document, or its content could
    not be built.
    """
    try:
        data = seal(encode(document))
        if len(data) > MAX_BYTES:
            raise ValueError(f"it would be larger than {MAX_BYTES >> 20} MiB")
        again = decode(unseal(data))
        _checked(again)
        if again != document:
            raise ValueError("it would be read back as something else")
    except (DamagedSave, TypeError, ValueError) as error:
        name = document["name"]
        raise RegistryError(f"{name!r} cannot be saved: {error}; nothing was saved") from None
    return data

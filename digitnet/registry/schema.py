"""The documents of networks, studies and data sets: formats 1 and 2.

Every field is checked when it is read, and what is written must pass the same checks.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from math import prod
from typing import Any
from unicodedata import normalize

import numpy as np

from digitnet.digits.files import BadFile
from digitnet.digits.own import FILES, TABLE, OwnCases
from digitnet.engine.arrays import Array, Shape
from digitnet.engine.layers import ACTIVATIONS, INITIALIZERS, LAYERS, Layer, SetDropout
from digitnet.engine.network import COSTS, Committee, Network
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
    Accuracy,
    Blueprint,
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


def read_name(fields: Fields) -> str:
    """Reads a name, which must be one that can be given at the prompt."""
    name = fields.text("name")
    try:
        if clean_name(name) == name:
            return name
    except ValueError:
        pass
    raise fields.bad("name", "is not a name that a network can have")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def saved_at(fields: Fields) -> str:
    """Reads the time of saving, in ISO 8601, UTC."""
    text = fields.text("saved_at")
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is not None and when.isoformat(timespec="seconds") == text:
            return text
    except ValueError:
        pass
    raise fields.bad("saved_at", "is not a time")


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


def _network(fields: Fields, *, in_committee: bool = False) -> Network:
    documents = fields.inners("layers")
    if not documents:
        raise fields.bad("layers", "is empty")
    if documents[0].has("activation"):
        sizes, dtype, documents = _from_format_1(documents)
    else:
        sizes, dtype = fields.take("input_shape", list), fields.text("dtype", DTYPES)
    if len(sizes) > 3 or not all(type(n) is int and 1 <= n <= MAX_UNITS for n in sizes):
        raise fields.bad("input_shape", "should hold a few whole numbers within bounds")
    if len(sizes) not in (1, 3) or prod(sizes) > MAX_UNITS:
        raise fields.bad("input_shape", "is no shape of a case")
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
        if no_committee:
            raise fields.bad("members", no_committee)
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
    if "variance" in layer.statistics and (layer.statistics["variance"] < 0).any():
        raise statistics.bad("variance", "is below zero")
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
    if not 0 < scale <= MAX_UNITS:
        raise fields.bad("scale", "is out of bounds")
    network = _network(fields, in_committee=True)
    fields.end()
    return network, scale


def _from_format_1(layers: list[Fields]) -> tuple[list[int], str, list[Fields]]:
    """The input shape, dtype and layers of format 1, which had only dense ones, as in format 2."""
    first: Array | None = None
    documents: list[Fields] = []
    for fields in layers:
        fields.text("kind", ("dense",))
        activation = fields.text("activation", ACTIVATIONS)
        own = {name: fields.take(name, dict, type(None)) for name in ("weights", "biases")}
        fields.end()
        parameters = {name: array for name, array in own.items() if array is not None}
        weights = fields.replaced(parameters).array("weights")
        if weights.ndim != 2 or not weights.size:
            raise fields.bad("weights", WRONG_SHAPE)
        first = weights if first is None else first
        units, bias = weights.shape[1], "biases" in parameters
        document = {
            "kind": "dense",
            "config": {"units": units, "activation": activation, "bias": bias},
            "parameters": parameters,
            "statistics": {},
        }
        documents.append(fields.replaced(document))
    assert first is not None
    return [len(first)], first.dtype.str, documents


# models: a network with its training

MAX_MEASUREMENTS = 100_000
"""Maximum number of history points saved, the latest ones: ten million mini-batches of training."""


def to_document(model: Model, name: str) -> Document:
    trainer = model.trainer
    optimizer = {
        key: [array_document(array) for array in arrays]
        for key, arrays in trainer.optimizer.state.items()
    }
    averages = trainer.averages
    return {
        "name": name,
        "saved_at": now(),
        "recipe": model.recipe,
        "data": model.data,
        "trained_on": list(model.trained_on),
        "accuracy": asdict(model.accuracy) if model.accuracy else None,
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


def from_document(document: Document) -> Model:
    """The model in a document. Raises DamagedSave, naming the field, for any document that
    `to_document` would not make from a valid model.
    """
    return _model(Fields(document, "document"))


def _model(fields: Fields) -> Model:
    name, when = read_name(fields), saved_at(fields)
    trainer = Trainer(_network(fields), _settings(fields), fields.whole("seed"))
    trainer.progress, trainer.history = _progress(fields.inner("progress")), _history(fields)
    optimizer, averages = fields.inner("optimizer"), fields.maybe("averages", Fields.arrays)
    trainer.optimizer.steps = optimizer.whole("steps")
    optimizer.fill(trainer.optimizer.state)
    if averages is not None:
        if not trainer.settings.average:
            raise fields.bad("averages", "are there, and the settings ask for none")
        trainer.averages = [np.empty_like(p.value) for p in trainer.network.parameters]
        fields.copy("averages", averages, trainer.averages)
    model = Model(
        trainer,
        name,
        recipe=fields.word("recipe"),
        data=fields.word("data"),
        trained_on=fields.words("trained_on"),
        accuracy=fields.maybe("accuracy", _accuracy),
        saved_at=when,
    )
    fields.end()
    return model


def _settings(fields: Fields) -> Settings:
    """Missing settings have their defaults."""
    values = fields.inner("settings").rest()
    if not values.keys() <= SETTINGS.keys():
        raise fields.bad("settings", "has one that digitnet does not know")
    try:
        return Settings(**values)
    except ValueError as error:
        raise fields.bad("settings", f"cannot be: {error}") from None


def _progress(fields: Fields) -> Progress:
    progress = Progress(**fields.record(Progress))
    if progress.position and progress.position >= progress.cases:
        raise fields.bad("position", "is past the end of its epoch")
    if progress.seconds < 0:
        raise fields.bad("seconds", "is below zero")
    return progress


def _history(fields: Fields) -> list[Measurement]:
    history = fields.table("history", 4, MAX_MEASUREMENTS)
    batches, accuracies = history[:, 0], history[:, 3]
    sound = _are_whole(batches, MAX_INTEGER) & (accuracies >= 0) & (accuracies <= 1)
    if not sound.all():
        raise fields.bad("history", "has a point that cannot be")
    return [Measurement(int(batches), *rest) for batches, *rest in history.tolist()]


def _are_whole(numbers: Any, high: int) -> Any:
    return (numbers >= 0) & (numbers <= high) & (numbers % 1 == 0)


def _accuracy(fields: Fields, name: str) -> Accuracy:
    return Accuracy(**fields.inner(name).record(Accuracy, value=Fields.fraction))


# studies

MAX_RESULTS = 20_000
MAX_WORDS = 2_000
MAX_FIGURE = 1e100  # maximum cost, and number of seconds, of a result


def study_to_document(study: StudyRecord) -> Document:
    blueprint = asdict(study.blueprint)
    return {
        "name": study.name,
        "saved_at": now(),
        "study": {
            "words": study.words,
            "settings": blueprint.pop("settings"),
            "blueprint": blueprint,
            "data": study.data,
            "seed": study.seed,
            "candidates": study.candidates,
            "results": _table(study.results[number] for number in sorted(study.results)),
        },
    }


def _study(fields: Fields) -> StudyRecord:
    name, when, inner = read_name(fields), saved_at(fields), fields.inner("study")
    fields.end()
    settings = _settings(inner)
    blueprint = inner.inner("blueprint").record(
        Blueprint,
        **{field: partial(Fields.text, choices=names) for field, names in CHOICES.items()},
        settings=lambda *_: settings,
    )
    study = StudyRecord(
        name,
        inner.texts("words", MAX_WORDS),
        Blueprint(**blueprint),
        inner.word("data"),
        inner.whole("seed"),
        inner.whole("candidates", 0, MAX_RESULTS),
        _results(inner),
        when,
    )
    inner.end()
    return study


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
    numbers, accuracies, *figures = table.T
    sound = _are_whole(numbers, MAX_RESULTS - 1) & (accuracies >= 0) & (accuracies <= 1)
    sound &= (np.array(figures) >= 0).all(0) & (np.array(figures) <= MAX_FIGURE).all(0)
    if not sound.all() or len(np.unique(numbers)) < len(numbers):
        raise fields.bad("results", "has one that cannot be")
    return {int(n): Result(int(n), *rest) for n, *rest in table.tolist()}


# data sets


def own_to_document(name: str, cases: OwnCases) -> Document:
    """The document with which a data set is saved: its gzipped IDX files."""
    return {"name": name, "saved_at": now(), "cases": cases.files()}


def _own_set(fields: Fields) -> OwnSet:
    name, when, inner = read_name(fields), saved_at(fields), fields.inner("cases")
    fields.end()
    if not OWN_NAME.fullmatch(name):
        raise fields.bad("name", "is not a name that a data set can have")
    files = {file: inner.take(file, bytes) for file in (*FILES, TABLE) if inner.has(file)}
    inner.end()
    try:
        return OwnSet(name, OwnCases.of_files(files), when)
    except BadFile as error:
        raise DamagedSave(f"its data set {error}") from None


# whatever it is

Content = Model | StudyRecord | OwnSet


def read_document(document: Document) -> Content:
    """What is in a document. Raises DamagedSave, naming the field that is not valid."""
    fields = Fields(document, "document")
    if fields.has("cases"):
        return _own_set(fields)
    return _study(fields) if fields.has("study") else _model(fields)


def contents(data: bytes) -> Content:
    payload = unseal(data)
    del data  # free the memory early
    document = decode(payload)
    del payload
    return read_document(document)


def sealed(document: Document) -> tuple[bytes, Content]:
    """The bytes of the file for a document, and what is in it.

    Raises RegistryError if they could not be read back as the same document.
    """
    try:
        data = seal(encode(document))
        if len(data) > MAX_BYTES:
            raise ValueError(f"it would be larger than {MAX_BYTES >> 20} MiB")
        content = read_document(document)
        if decode(unseal(data)) != document:
            raise ValueError("it would be read back as something else")
    except (DamagedSave, TypeError, ValueError) as error:
        name = document["name"]
        raise RegistryError(f"{name!r} cannot be saved: {error}; nothing was saved") from None
    return data, content

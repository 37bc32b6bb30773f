"""The schema of saves, formats 1 and 2: converts networks, studies and data sets to documents and
back.

Reading has two steps: each field is checked, and then what they describe is built. What is written
must pass the first step.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from math import isfinite, prod
from typing import Any
from unicodedata import normalize

import numpy as np

from digitnet.digits.idx import BadData
from digitnet.digits.own import OwnCases
from digitnet.engine.arrays import Array, Shape
from digitnet.engine.layers import ACTIVATIONS, INITIALIZERS, LAYERS, Dense, Dropout, Layer
from digitnet.engine.network import COSTS, Committee, Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.trainer import Measurement, Progress, Trainer
from digitnet.registry.codec import Document, decode, encode, seal, unseal
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

DTYPES = {"<f4": np.float32, "<f8": np.float64}
"""The dtypes an array may have: little-endian float32 and float64."""

MAX_INTEGER = 1 << 62

MAX_DIMENSIONS, MAX_SIZE = 4, 1 << 31

MAX_TEXT, MAX_TEXTS = 200, 100

MAX_NAME = 64

_WORD = re.compile(r"[A-Za-z0-9_.-]{0,40}")

Reader = Callable[["Fields", str], Any]
"""Removes a field from others, checks it and returns its value."""


def clean_name(text: str) -> str:
    """Returns `text` in NFC and without surrounding spaces, 1 to 64 printable characters.

    Raises ValueError, with the reason, if it is not a valid name.
    """
    name = normalize("NFC", text[: 16 * MAX_NAME]).strip()
    if not name:
        raise ValueError("a name has at least one character")
    if len(name) > MAX_NAME:
        raise ValueError(f"a name has at most {MAX_NAME} characters")
    if not name.isprintable():
        raise ValueError("a name is made of printable characters only")
    return name


class Fields:
    """A dict of a document. Each method removes one field and checks it; `end` checks that none is
    left.

    All raise DamagedSave, naming the field.
    """

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise DamagedSave(f"its {where} should be a dict")
        self._rest: Document = dict(value)
        self._where = where

    def _take(self, name: str, *kinds: type) -> Any:
        if name not in self._rest:
            raise DamagedSave(f"its {self._where} has no {name!r}")
        value = self._rest.pop(name)
        if type(value) not in kinds:
            expected = " or ".join(kind.__name__ for kind in kinds)
            raise DamagedSave(f"its {self._where}: {name!r} should be a {expected}")
        return value

    def bad(self, name: str, why: str) -> DamagedSave:
        """The error for a field with an invalid value."""
        return DamagedSave(f"its {self._where}: {name!r} {why}")

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._rest

    def names(self) -> list[str]:
        """The names of the fields that are left."""
        return [*self._rest]

    def rest(self) -> Document:
        """Removes and returns all remaining fields, unchecked."""
        rest, self._rest = self._rest, {}
        return rest

    def end(self) -> None:
        """Raises DamagedSave if any field is left."""
        if self._rest:
            raise DamagedSave(f"its {self._where} has fields that digitnet does not know")

    def maybe(self, name: str, read: Reader) -> Any:
        """None, or what `read` returns."""
        if self._rest.get(name, "") is None:
            return self._rest.pop(name)
        return read(self, name)

    def text(self, name: str, choices: Any = None) -> str:
        """A string, one of `choices` if given."""
        value: str = self._take(name, str)
        if len(value) > MAX_TEXT or not value.isprintable():
            raise self.bad(name, "is too long or holds control characters")
        if choices is not None and value not in choices:
            raise self.bad(name, "is not one that digitnet knows")
        return value

    def whole(self, name: str, low: int = 0, high: int = MAX_INTEGER) -> int:
        """An integer from `low` to `high`."""
        value: int = self._take(name, int)
        if not low <= value <= high:
            raise self.bad(name, "is out of bounds")
        return value

    def real(self, name: str) -> float:
        """A finite number."""
        value = float(self._take(name, int, float))
        if not isfinite(value):
            raise self.bad(name, "is not a finite number")
        return value

    def fraction(self, name: str) -> float:
        """A number from 0 to 1."""
        value = self.real(name)
        if not 0 <= value <= 1:
            raise self.bad(name, "is not between 0 and 1")
        return value

    def boolean(self, name: str) -> bool:
        """True or False."""
        value: bool = self._take(name, bool)
        return value

    def bytes(self, name: str) -> bytes:
        """Bytes."""
        value: bytes = self._take(name, bytes)
        return value

    def word(self, name: str) -> str:
        """A name that digitnet gives, such as that of a data set; or none."""
        value = self.text(name)
        if not _WORD.fullmatch(value):
            raise self.bad(name, "is not one word")
        return value

    def texts(self, name: str, maximum: int = MAX_TEXTS) -> list[str]:
        """A list of at most `maximum` strings."""
        values: list[Any] = self._take(name, list)
        if len(values) > maximum:
            raise self.bad(name, f"holds more than {maximum:,}")
        if not all(type(v) is str and len(v) <= MAX_TEXT and v.isprintable() for v in values):
            raise self.bad(name, "should hold short printable strings only")
        return values

    def inner(self, name: str) -> "Fields":
        """A dict within this one."""
        return Fields(self._take(name, dict), f"{self._where}.{name}")

    def inners(self, name: str) -> list["Fields"]:
        """A list of dicts within this one."""
        values = self._take(name, list)
        return [Fields(value, f"{self._where}.{name}[{k}]") for k, value in enumerate(values)]

    def record(self, of: type, **readers: Reader) -> dict[str, Any]:
        """The fields of a dataclass, and no others, each read according to its type or by a reader
        of its own.
        """
        by_type: dict[Any, Reader] = {
            int: Fields.whole,
            float: Fields.real,
            str: Fields.text,
            bool: Fields.boolean,
        }
        values = {
            field.name: (readers.get(field.name) or by_type[field.type])(self, field.name)
            for field in dataclasses.fields(of)
        }
        self.end()
        return values

    def array(self, name: str) -> list[Array]:
        """A list of the array in a dict of dtype, shape and data, whose memory it shares."""
        return [self._array(name, self.inner(name))]

    def arrays(self, name: str) -> list[Array]:
        """The arrays in a list of such dicts."""
        return [self._array(name, inner) for inner in self.inners(name)]

    def named(self, read: Reader) -> dict[str, Any]:
        """All remaining fields: name → what `read` returns."""
        values = {name: read(self, name) for name in self.names() if _WORD.fullmatch(name)}
        self.end()
        return values

    def table(self, name: str, columns: int, maximum: int) -> Array:
        """A float64 array with this number of columns and at most `maximum` rows."""
        (table,) = self.array(name)
        if table.ndim != 2 or table.shape[1] != columns or len(table) > maximum:
            raise self.bad(name, f"should have {columns} columns and at most {maximum:,} rows")
        if table.dtype != np.float64:
            raise self.bad(name, "does not have the precision it should have")
        return table

    def _array(self, name: str, fields: "Fields") -> Array:
        """Converts the dict `fields`, which is in this dict's field `name`, to an array of finite
        numbers. Nothing is allocated before its shape has been checked.
        """
        kind = np.dtype(fields.text("dtype", DTYPES))
        sizes, data = fields._take("shape", list), fields.bytes("data")
        fields.end()
        if any(type(n) is not int or not 0 <= n < MAX_SIZE for n in sizes):
            raise self.bad(name, "has an impossible shape")
        if not 0 < len(sizes) <= MAX_DIMENSIONS:
            raise self.bad(name, "does not have the shape it should have")
        if prod(sizes) * kind.itemsize != len(data):
            raise self.bad(name, "has not as many bytes as its shape asks for")
        result = np.frombuffer(data, kind).reshape(sizes)
        if not np.isfinite(result).all():
            raise self.bad(name, "holds something that is not a finite number")
        return result

    def check_like(self, name: str, array: Array, like: Array) -> None:
        """Raises DamagedSave if an array does not have the shape and the dtype of another."""
        if array.shape != like.shape:
            raise self.bad(name, "does not have the shape it should have")
        if array.dtype != like.dtype:
            raise self.bad(name, "does not have the precision it should have")

    def check_names(self, names: Iterable[str], expected: Iterable[str]) -> None:
        """Raises DamagedSave if names of fields of this dict are not the expected ones."""
        missing = [name for name in expected if name not in names]
        if missing:
            raise DamagedSave(f"its {self._where} has no {missing[0]!r}")
        if {*names} - {*expected}:
            raise DamagedSave(f"its {self._where} has fields that digitnet does not know")

    def fill(self, arrays: Mapping[str, list[Array]], targets: Mapping[str, list[Array]]) -> None:
        """Copies arrays, which were fields of this dict, into others of the same names."""
        self.check_names(arrays, targets)
        for name, target in targets.items():
            if len(arrays[name]) != len(target):
                raise self.bad(name, f"should hold {len(target)} arrays")
            for array, other in zip(arrays[name], target, strict=True):
                if array.shape != other.shape:
                    raise self.bad(name, "does not have the shape it should have")
                if array.dtype != other.dtype:
                    raise self.bad(name, "does not have the precision it should have")
                other[...] = array


def array_document(array: Array) -> Document:
    """An array as a dict of dtype, shape, and its numbers as little-endian bytes."""
    kind = array.dtype.newbyteorder("<")
    return {
        "dtype": kind.str,
        "shape": list(array.shape),
        "data": np.ascontiguousarray(array, kind).tobytes(),
    }


MAX_UNITS = 1 << 20
"""Maximum number of units, channels or pixels."""


def network_document(network: Network) -> Document:
    """The input shape, dtype, cost and layers of a network."""
    return {
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.newbyteorder("<").str,
        "cost": network.cost_name,
        "layers": [
            _layer_document(layer)
            for layer in network.layers
            if not (isinstance(layer, Dropout) and layer.from_setting)
        ],
    }


def _layer_document(layer: Layer) -> Document:
    """The kind, options and arrays of a layer."""
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


NewLayer = Callable[[Shape], Layer]
"""Builds a layer on top of the output shape of the one before. Raises ValueError, DamagedSave."""


def _check_network(fields: Fields, *, in_committee: bool = False) -> Callable[[], Network]:
    """Checks the fields that `network_document` writes; returns what builds the network."""
    documents = fields.inners("layers")
    if not documents:
        raise fields.bad("layers", "is empty")
    if documents[0].has("activation"):  # format 1, which had only dense layers
        below, dtype, new_layers = _check_format_1(documents)
    else:
        sizes: list[Any] = fields._take("input_shape", list)
        if len(sizes) > 3 or not all(type(n) is int and 1 <= n <= MAX_UNITS for n in sizes):
            raise fields.bad("input_shape", "should hold a few whole numbers within bounds")
        if len(sizes) not in (1, 3) or prod(sizes) > MAX_UNITS:
            raise fields.bad("input_shape", "is no shape of a case")
        below, dtype = tuple(sizes), np.dtype(fields.text("dtype", DTYPES))
        new_layers = [_check_layer(d, dtype, in_committee=in_committee) for d in documents]
    cost = fields.text("cost", COSTS)

    def build() -> Network:
        layers: list[Layer] = []
        try:
            for new_layer in new_layers:
                layers.append(new_layer(layers[-1].shape if layers else below))
            return Network(layers, cost)
        except ValueError as error:
            raise DamagedSave(f"its network is not valid: {error}") from None

    return build


def _check_layer(fields: Fields, dtype: Any, *, in_committee: bool) -> NewLayer:
    """Checks the fields of a layer."""
    kind = fields.text("kind", LAYERS)
    if kind == Committee.kind:
        if in_committee:
            raise fields.bad("members", "has a committee in a committee")
        members = [_check_member(member) for member in fields.inners("members")]
        fields.end()
        return lambda below: Committee(below, members=[(new(), scale) for new, scale in members])
    config = fields.inner("config")
    options = {name: OPTIONS[of](config, name) for name, of in LAYERS[kind].options.items()}
    config.end()
    parameters, statistics = fields.inner("parameters"), fields.inner("statistics")
    values, numbers = parameters.named(Fields.array), statistics.named(Fields.array)
    fields.end()
    if "variance" in numbers and (numbers["variance"][0] < 0).any():
        raise statistics.bad("variance", "is below zero")

    def build(below: Shape) -> Layer:
        # a crafted document cannot make this allocate much: new arrays are zeros, which take no
        # memory until they are written to
        layer = LAYERS[kind](below, dtype=dtype, **options)
        parameters.fill(values, {p.name: [p.value] for p in layer.parameters})
        statistics.fill(numbers, {name: [array] for name, array in layer.statistics.items()})
        return layer

    return build


OPTIONS: dict[type, Reader] = {
    int: lambda fields, name: fields.whole(name, name != "number", MAX_UNITS),
    bool: Fields.boolean,
    str: lambda fields, name: fields.text(name, ACTIVATIONS),
    float: Fields.fraction,
}
"""Reads the options of layers, by their type."""


def _check_member(fields: Fields) -> tuple[Callable[[], Network], float]:
    """Checks a member of a committee; returns what builds it, and the scale of its inputs."""
    scale = fields.real("scale")
    if not 0 < scale <= MAX_UNITS:
        raise fields.bad("scale", "is out of bounds")
    build = _check_network(fields, in_committee=True)
    fields.end()
    return build, scale


def _check_format_1(documents: list[Fields]) -> tuple[Shape, Any, list[NewLayer]]:
    """Checks the dense layers of format 1; returns the shape of a case, the dtype, and what builds
    the layers.
    """
    first: Array | None = None
    new_layers: list[NewLayer] = []
    for fields in documents:
        fields.text("kind", ("dense",))
        activation = fields.text("activation", ACTIVATIONS)
        arrays = {"weights": fields.array("weights")}
        if biases := fields.maybe("biases", Fields.array):
            arrays["biases"] = biases
        fields.end()
        (weights,) = arrays["weights"]
        if weights.ndim != 2 or not weights.size:
            raise fields.bad("weights", "does not have the shape it should have")
        first = weights if first is None else first
        new_layers.append(partial(_dense, fields, activation, first.dtype, arrays))
    assert first is not None
    return (len(first),), first.dtype, new_layers


def _dense(
    fields: Fields, activation: str, dtype: Any, arrays: dict[str, list[Array]], below: Shape
) -> Layer:
    """Builds a layer of format 1."""
    units, bias = arrays["weights"][0].shape[1], "biases" in arrays
    layer = Dense(below, units=units, activation=activation, bias=bias, dtype=dtype)
    fields.fill(arrays, {p.name: [p.value] for p in layer.parameters})
    return layer


def now() -> str:
    """The time, in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


MAX_MEASUREMENTS = 100_000
"""Maximum number of history points saved, the latest ones: ten million mini-batches of training."""


def to_document(model: Model, name: str) -> Document:
    """Returns the document with which a model is saved under `name`."""
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


def _table(records: list[Any]) -> Document:
    """Records of four numbers as a table."""
    numbers = [[float(v) for v in vars(record).values()] for record in records]
    return array_document(np.array(numbers, np.float64).reshape(-1, 4))


def from_document(document: Document) -> Model:
    """Returns the model in a document.

    Raises DamagedSave, naming the field, for any document that `to_document` would not make from a
    valid model.
    """
    return _check_model(Fields(document, "document"))()


def _check_model(fields: Fields) -> Callable[[], Model]:
    """Checks the fields that `to_document` writes; returns what builds the model."""
    name, when = read_name(fields), saved_at(fields)
    new_network, settings = _check_network(fields), _settings(fields)
    seed, progress = fields.whole("seed"), _progress(fields.inner("progress"))
    history, optimizer = _history(fields), fields.inner("optimizer")
    steps, state = optimizer.whole("steps"), optimizer.named(Fields.arrays)
    if kind := OPTIMIZERS.get(str(settings.get("optimizer"))):
        optimizer.check_names(state, kind.slots)
    averages = fields.maybe("averages", Fields.arrays)
    about: dict[str, Any] = {
        "recipe": fields.word("recipe"),
        "data": fields.word("data"),
        "trained_on": fields.texts("trained_on"),
        "accuracy": fields.maybe("accuracy", _accuracy),
    }
    if not all(_WORD.fullmatch(value) for value in about["trained_on"]):
        raise fields.bad("trained_on", "should hold words")
    fields.end()

    def build() -> Model:
        network = new_network()
        trainer = Trainer(network, _new_settings(fields, settings), seed)
        trainer.progress, trainer.history, trainer.optimizer.steps = progress, history, steps
        optimizer.fill(state, trainer.optimizer.state)
        if averages is not None:
            if not trainer.settings.average:
                raise fields.bad("averages", "are there, and the settings ask for none")
            trainer.averages = [np.empty_like(p.value) for p in network.parameters]
            fields.fill({"averages": averages}, {"averages": trainer.averages})
        return Model(trainer, name, saved_at=when, **about)

    return build


def read_name(fields: Fields) -> str:
    """Reads a name, which must be one that can be given at the prompt."""
    name = fields.text("name")
    try:
        if clean_name(name) == name:
            return name
    except ValueError:
        pass
    raise fields.bad("name", "is not a name that a network can have")


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


def _settings(fields: Fields) -> Document:
    """Reads the settings, whose values are not checked yet."""
    values = fields.inner("settings").rest()
    if not values.keys() <= SETTINGS.keys():
        raise fields.bad("settings", "has one that digitnet does not know")
    return values


def _new_settings(fields: Fields, values: Document) -> Settings:
    """Missing settings have their defaults."""
    try:
        return Settings(**values)
    except ValueError as error:
        raise fields.bad("settings", f"cannot be: {error}") from None


def _progress(fields: Fields) -> Progress:
    """Reads the progress of the training."""
    progress = Progress(**fields.record(Progress))
    if progress.position and progress.position >= progress.cases:
        raise fields.bad("position", "is past the end of its epoch")
    if progress.seconds < 0:
        raise fields.bad("seconds", "is below zero")
    return progress


def _history(fields: Fields) -> list[Measurement]:
    """Reads the measurements made during the training."""
    history = fields.table("history", 4, MAX_MEASUREMENTS)
    batches, accuracies = history[:, 0], history[:, 3]
    sound = (batches >= 0) & (batches <= MAX_INTEGER) & (batches % 1 == 0)
    sound &= (accuracies >= 0) & (accuracies <= 1)
    if not sound.all():
        raise fields.bad("history", "has a point that cannot be")
    return [Measurement(int(batches), *rest) for batches, *rest in history.tolist()]


def _accuracy(fields: Fields, name: str) -> Accuracy:
    """Reads the last measured accuracy."""
    return Accuracy(**fields.inner(name).record(Accuracy, value=Fields.fraction))


MAX_RESULTS = 20_000

MAX_WORDS = 2_000

MAX_FIGURE = 1e100
"""Maximum cost, and number of seconds, of a result."""


def study_to_document(study: StudyRecord) -> Document:
    """Returns the document with which a study is saved."""
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
            "results": _table([result for _, result in sorted(study.results.items())]),
        },
    }


def _check_study(fields: Fields) -> Callable[[], StudyRecord]:
    """Checks the fields that `study_to_document` writes; returns what builds the study."""
    name, when, inner = read_name(fields), saved_at(fields), fields.inner("study")
    fields.end()
    settings = _settings(inner)
    blueprint = inner.inner("blueprint").record(
        Blueprint,
        **{field: partial(Fields.text, choices=names) for field, names in CHOICES.items()},
        settings=lambda *_: None,
    )
    study: dict[str, Any] = {
        "words": inner.texts("words", MAX_WORDS),
        "data": inner.word("data"),
        "seed": inner.whole("seed"),
        "candidates": inner.whole("candidates", 0, MAX_RESULTS),
        "results": _results(inner),
    }
    inner.end()

    def build() -> StudyRecord:
        common = Blueprint(**blueprint | {"settings": _new_settings(inner, settings)})
        return StudyRecord(name, blueprint=common, saved_at=when, **study)

    return build


CHOICES: dict[str, Any] = {
    "hidden": ACTIVATIONS,
    "output": ACTIVATIONS,
    "cost": COSTS,
    "initializer": ("", *INITIALIZERS),
    "precision": ("float32", "float64"),
}
"""The fields of a blueprint that can have certain values only."""


def _results(fields: Fields) -> dict[int, Result]:
    """Reads the results: number → result."""
    table = fields.table("results", 4, MAX_RESULTS)
    numbers, accuracies, costs, seconds = table.T
    sound = (numbers >= 0) & (numbers < MAX_RESULTS) & (numbers % 1 == 0)
    sound &= (accuracies >= 0) & (accuracies <= 1)
    for figures in (costs, seconds):
        sound &= (figures >= 0) & (figures <= MAX_FIGURE)
    if not sound.all() or len(np.unique(numbers)) < len(numbers):
        raise fields.bad("results", "has one that cannot be")
    return {int(n): Result(int(n), *rest) for n, *rest in table.tolist()}


def own_to_document(name: str, cases: OwnCases) -> Document:
    """Returns the document with which a data set is saved: its gzipped IDX files."""
    return {"name": name, "saved_at": now(), "cases": cases.files()}


def _check_own_set(fields: Fields) -> Callable[[], OwnSet]:
    """Checks the fields that `own_to_document` writes, and what is in the files."""
    name, when, files = read_name(fields), saved_at(fields), fields.inner("cases")
    fields.end()
    if not OWN_NAME.fullmatch(name):
        raise fields.bad("name", "is not a name that a data set can have")
    try:
        cases = OwnCases.of_files({key: files.bytes(key) for key in files.names()})
    except BadData as error:
        raise DamagedSave(f"its data set {error}") from None
    return lambda: OwnSet(name, cases, when)


Content = Model | StudyRecord | OwnSet


def check_document(document: Document) -> Callable[[], Content]:
    """Checks every field of a document; returns what builds its content.

    Both raise DamagedSave, naming the field.
    """
    fields = Fields(document, "document")
    if fields.has("cases"):
        return _check_own_set(fields)
    return _check_study(fields) if fields.has("study") else _check_model(fields)


def read_document(document: Document) -> Content:
    """Returns what is in a document. Raises DamagedSave, naming the field."""
    return check_document(document)()


def contents(data: bytes) -> Content:
    """Returns what is in the bytes of a file. Raises DamagedSave."""
    payload = unseal(data)
    del data  # free the memory early
    document = decode(payload)
    del payload
    return read_document(document)


def sealed(document: Document) -> bytes:
    """Returns the bytes of the file for a document.

    Raises RegistryError if they could not be read back as the same document.
    """
    try:
        data = seal(encode(document))
        if len(data) > MAX_BYTES:
            raise ValueError(f"it would be larger than {MAX_BYTES >> 20} MiB")
        check_document(document)
        if decode(unseal(data)) != document:
            raise ValueError("it would be read back as something else")
    except (DamagedSave, TypeError, ValueError) as error:
        name = document["name"]
        raise RegistryError(f"{name!r} cannot be saved: {error}; nothing was saved") from None
    return data

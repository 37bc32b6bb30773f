"""The schema of saves, formats 1 and 2: converts networks and studies to documents and back."""

from dataclasses import asdict
from datetime import UTC, datetime
from math import prod
from typing import Any

import numpy as np

from digitnet.digits.idx import BadData
from digitnet.digits.own import OwnCases
from digitnet.engine.activations import ACTIVATIONS, INITIALIZERS
from digitnet.engine.arrays import Array, Shape
from digitnet.engine.costs import COSTS
from digitnet.engine.layers import LAYERS, Dropout, Layer
from digitnet.engine.network import Committee, Network
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.trainer import Measurement, Progress, Trainer
from digitnet.registry.codec import Document, decode, encode, seal, unseal
from digitnet.registry.fields import DTYPES, MAX_INTEGER, Fields, array_document
from digitnet.registry.files import MAX_BYTES, DamagedSave, RegistryError
from digitnet.registry.model import (
    OWN_NAME,
    Accuracy,
    Blueprint,
    Model,
    OwnSet,
    Result,
    StudyRecord,
    clean_name,
)

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


def read_network(fields: Fields, *, in_committee: bool = False) -> Network:
    """Builds the network in a document.

    Raises DamagedSave for anything that `network_document` does not write.
    """
    documents = fields.inners("layers")
    if not documents:
        raise fields.bad("layers", "is empty")
    if documents[0].has("activation"):  # format 1, which had only dense layers
        below = documents[0].peek_shape("weights")[:1]
        dtype = documents[0].peek_dtype("weights")
    else:
        below, dtype = _input_shape(fields), DTYPES[fields.text("dtype", DTYPES)]
    layers: list[Layer] = []
    for document in documents:
        layers.append(_read_layer(document, below, dtype, in_committee=in_committee))
        below = layers[-1].shape
    try:
        return Network(layers, fields.text("cost", COSTS))
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None


def _input_shape(fields: Fields) -> Shape:
    """The shape of a case: (numbers,) or (height, width, channels)."""
    sizes = fields.wholes("input_shape", 1, MAX_UNITS)
    if len(sizes) not in (1, 3) or prod(sizes) > MAX_UNITS:
        raise fields.bad("input_shape", "is no shape of a case")
    return tuple(sizes)


def _read_layer(fields: Fields, below: Shape, dtype: Any, *, in_committee: bool) -> Layer:
    """Builds one layer. below: the output shape of the layer before.

    A crafted document cannot make this allocate much: the new layer consists of zeros, which take
    no memory until they are written to, and its arrays are checked before that.
    """
    kind = fields.text("kind", LAYERS)
    if kind == Committee.kind:
        return _read_committee(fields, below, in_committee=in_committee)
    if fields.has("activation"):
        config, parameters, statistics = _format_1(fields)
    else:
        config = _config(fields.inner("config"), kind)
        parameters, statistics = fields.inner("parameters"), fields.inner("statistics")
    fields.end()
    try:
        layer = LAYERS[kind](below, dtype=dtype, **config)
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None
    for p in layer.parameters:
        p.value[...] = parameters.array(p.name, p.value.shape, dtype)
    for name, array in layer.statistics.items():
        array[...] = statistics.array(name, array.shape, dtype)
        if name == "variance" and (array < 0).any():
            raise statistics.bad(name, "is below zero")
    parameters.end()
    statistics.end()
    return layer


def _config(fields: Fields, kind: str) -> dict[str, Any]:
    """The options of a layer."""
    config: dict[str, Any] = {}
    for name, of in LAYERS[kind].options.items():
        if of is int:
            config[name] = fields.whole(name, 0 if name == "number" else 1, MAX_UNITS)
        elif of is bool:
            config[name] = fields.boolean(name)
        elif of is str:
            config[name] = fields.text(name, ACTIVATIONS)
        else:
            config[name] = fields.fraction(name)
    fields.end()
    return config


def _format_1(fields: Fields) -> tuple[dict[str, Any], Fields, Fields]:
    """The options, parameters and (no) statistics of a dense layer in format 1."""
    activation = fields.text("activation", ACTIVATIONS)
    units = fields.peek_shape("weights")[-1]
    bias = fields.maybe("biases")
    config = {"units": units, "activation": activation, "bias": bias}
    names = ["weights", "biases"] if bias else ["weights"]
    return config, fields.split(names), fields.split([])


def _read_committee(fields: Fields, below: Shape, *, in_committee: bool) -> Committee:
    """Builds a committee, whose members must not be committees."""
    if in_committee:
        raise fields.bad("members", "has a committee in a committee")
    members = []
    for member in fields.inners("members"):
        scale = member.real("scale")
        if not 0 < scale <= MAX_UNITS:
            raise member.bad("scale", "is out of bounds")
        members.append((read_network(member, in_committee=True), scale))
        member.end()
    fields.end()
    try:
        return Committee(below, members=members)
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None


def now() -> str:
    """The time, in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


MAX_MEASUREMENTS = 100_000
"""Maximum number of history points saved, the latest ones: ten million mini-batches of training."""


def to_document(model: Model, name: str) -> Document:
    """Returns the document with which a model is saved under `name`."""
    trainer = model.trainer
    history = [[float(v) for v in vars(m).values()] for m in trainer.history[-MAX_MEASUREMENTS:]]
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
        "history": array_document(np.array(history, np.float64).reshape(-1, 4)),
        "optimizer": {
            "steps": trainer.optimizer.steps,
            **{key: _array_documents(arrays) for key, arrays in trainer.optimizer.state.items()},
        },
        "averages": None if trainer.averages is None else _array_documents(trainer.averages),
    }


def _array_documents(arrays: list[Array]) -> list[Document]:
    return [array_document(array) for array in arrays]


def from_document(document: Document) -> Model:
    """Returns the model in a document.

    Raises DamagedSave, naming the field, for any document that `to_document` would not make from a
    valid model.
    """
    fields = Fields(document, "document")
    name = read_name(fields)
    when = saved_at(fields)
    network = read_network(fields)
    trainer = Trainer(network, read_settings(fields), fields.whole("seed"))
    trainer.progress = _progress(fields.inner("progress"))
    trainer.history = _history(fields)
    _read_optimizer(fields.inner("optimizer"), trainer)
    if fields.maybe("averages"):
        if not trainer.settings.average:
            raise fields.bad("averages", "are there, and the settings ask for none")
        trainer.averages = fields.arrays("averages", _shapes(network), network.dtype.type)
    model = Model(
        trainer,
        name=name,
        recipe=fields.word("recipe"),
        data=fields.word("data"),
        trained_on=fields.words("trained_on"),
        accuracy=_accuracy(fields),
        saved_at=when,
    )
    fields.end()
    return model


def read_name(fields: Fields, field: str = "name") -> str:
    """Reads a name, which must be one that can be given at the prompt."""
    name = fields.text(field)
    try:
        if clean_name(name) == name:
            return name
    except ValueError:
        pass
    raise fields.bad(field, "is not a name that a network can have")


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


def read_settings(fields: Fields) -> Settings:
    """Reads the settings; missing ones have their defaults."""
    values = fields.inner("settings").rest()
    if not values.keys() <= SETTINGS.keys():
        raise fields.bad("settings", "has one that digitnet does not know")
    try:
        return Settings(**values)
    except ValueError as error:
        raise fields.bad("settings", f"cannot be: {error}") from None


def _progress(fields: Fields) -> Progress:
    """Reads the progress of the training."""
    values: dict[str, Any] = {
        key: fields.real(key) if isinstance(default, float) else fields.whole(key)
        for key, default in vars(Progress()).items()
    }
    progress = Progress(**values)
    if progress.position and progress.position >= progress.cases:
        raise fields.bad("position", "is past the end of its epoch")
    if progress.seconds < 0:
        raise fields.bad("seconds", "is below zero")
    fields.end()
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


def _read_optimizer(fields: Fields, trainer: Trainer) -> None:
    """Reads the optimiser's state: arrays shaped like the parameters."""
    optimizer, network = trainer.optimizer, trainer.network
    optimizer.steps = fields.whole("steps")
    optimizer.state = {
        name: fields.arrays(name, _shapes(network), network.dtype.type) for name in optimizer.slots
    }
    fields.end()


def _shapes(network: Network) -> list[tuple[int, ...]]:
    return [parameter.value.shape for parameter in network.parameters]


def _accuracy(fields: Fields) -> Accuracy | None:
    """Reads the last measured accuracy, if any."""
    if not fields.maybe("accuracy"):
        return None
    inner = fields.inner("accuracy")
    accuracy = Accuracy(inner.fraction("value"), inner.text("on"))
    inner.end()
    return accuracy


MAX_RESULTS = 20_000

MAX_WORDS = 2_000

FORMS = ("float32", "float64")


def study_to_document(study: StudyRecord) -> Document:
    """Returns the document with which a study is saved."""
    results = [[float(v) for v in vars(r).values()] for _, r in sorted(study.results.items())]
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
            "results": array_document(np.array(results, np.float64).reshape(-1, 4)),
        },
    }


Content = Model | StudyRecord | OwnSet


def read_document(document: Document) -> Content:
    """Returns what is in a document. Raises DamagedSave, naming the field."""
    fields = Fields(document, "document")
    if fields.has("cases"):
        return _own_set(fields)
    if not fields.has("study"):
        return from_document(document)
    name, when = read_name(fields), saved_at(fields)
    inner = fields.inner("study")
    fields.end()
    words = inner.texts("words", MAX_WORDS)
    settings = read_settings(inner)
    about = inner.inner("blueprint")
    blueprint = Blueprint(
        shape=about.text("shape"),
        hidden=about.text("hidden", ACTIVATIONS),
        output=about.text("output", ACTIVATIONS),
        cost=about.text("cost", COSTS),
        bias=about.boolean("bias"),
        initializer=about.text("initializer", ("", *INITIALIZERS)),
        precision=about.text("precision", FORMS),  # type: ignore[arg-type]
        settings=settings,
    )
    about.end()
    study = StudyRecord(
        name,
        words,
        blueprint,
        data=inner.word("data"),
        seed=inner.whole("seed"),
        candidates=inner.whole("candidates", 0, MAX_RESULTS),
        results=_results(inner),
        saved_at=when,
    )
    inner.end()
    return study


def _results(fields: Fields) -> dict[int, Result]:
    """Reads the results: number → result."""
    table = fields.table("results", 4, MAX_RESULTS)
    numbers, accuracies, _, seconds = table.T
    sound = (numbers >= 0) & (numbers < MAX_RESULTS) & (numbers % 1 == 0)
    sound &= (accuracies >= 0) & (accuracies <= 1) & (seconds >= 0)
    if not sound.all() or len(np.unique(numbers)) < len(numbers):
        raise fields.bad("results", "has one that cannot be")
    return {int(n): Result(int(n), *rest) for n, *rest in table.tolist()}


def own_to_document(name: str, cases: OwnCases) -> Document:
    """Returns the document with which a data set is saved: its gzipped IDX files."""
    return {"name": name, "saved_at": now(), "cases": cases.files()}


def _own_set(fields: Fields) -> OwnSet:
    """Reads a data set."""
    name, when, files = read_name(fields), saved_at(fields), fields.inner("cases")
    fields.end()
    if not OWN_NAME.fullmatch(name):
        raise fields.bad("name", "is not a name that a data set can have")
    try:
        return OwnSet(name, OwnCases.of_files({k: files.bytes(k) for k in files.names()}), when)
    except BadData as error:
        raise DamagedSave(f"its data set {error}") from None


def contents(data: bytes) -> Content:
    """Returns what is in the bytes of a file. Raises DamagedSave."""
    payload = unseal(data)
    del data  # free the memory early
    document = decode(payload)
    del payload
    return read_document(document)


def sealed(document: Document) -> bytes:
    """Returns the bytes of the file for a document.

    Raises RegistryError if they could not be read back.
    """
    name = document["name"]
    try:
        data = seal(encode(document))
        del document  # free its arrays before the copies are read back
        if len(data) > MAX_BYTES:
            raise ValueError(f"it would be larger than {MAX_BYTES >> 20} MiB")
        contents(data)
    except (DamagedSave, TypeError, ValueError) as error:
        raise RegistryError(f"{name!r} cannot be saved: {error}; nothing was saved") from None
    return data

"""A network in hand as a document, and back: the schema of saves, format 1."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.costs import COSTS
from digitnet.engine.layers import Dense
from digitnet.engine.network import Network
from digitnet.engine.progress import Measurement, Progress
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.trainer import Trainer
from digitnet.engine.types import Array
from digitnet.registry.codec import Document
from digitnet.registry.errors import DamagedSave
from digitnet.registry.fields import LARGEST, Fields, array_document
from digitnet.registry.names import clean_name

MOST_MEASUREMENTS = 100_000
"""Points of the history that are kept, the latest: ten million mini-batches of training."""


@dataclass(frozen=True)
class Accuracy:
    """A share of answers right, and the cases it was measured on (`sample test`)."""

    value: float
    on: str


@dataclass
class NamedNetwork:
    """A network with its training, its name and where it comes from.

    name: empty until it is saved. recipe: empty if it was made from a shape. data: the data set it
    works on. trained_on: every data set it has seen training cases of. saved_at: ISO 8601, in UTC,
    empty if it has never been saved.
    """

    trainer: Trainer
    name: str = ""
    recipe: str = ""
    data: str = ""
    trained_on: list[str] = field(default_factory=list)
    accuracy: Accuracy | None = None
    saved_at: str = ""

    @property
    def network(self) -> Network:
        """The network itself."""
        return self.trainer.network


def to_document(named: NamedNetwork, name: str) -> Document:
    """Everything that is kept of a network, to be found again under `name`."""
    trainer = named.trainer
    history = [[float(v) for v in vars(m).values()] for m in trainer.history[-MOST_MEASUREMENTS:]]
    return {
        "name": name,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": named.recipe,
        "data": named.data,
        "trained_on": list(named.trained_on),
        "accuracy": asdict(named.accuracy) if named.accuracy else None,
        "cost": trainer.network.cost_name,
        "layers": [_layer_document(layer) for layer in trainer.network.layers],
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


def _layer_document(layer: Dense) -> Document:
    """One layer: its kind, how it was made, and its numbers."""
    return {
        "kind": "dense",
        "activation": layer.activation.name,
        "weights": array_document(layer.weights),
        "biases": None if layer.biases is None else array_document(layer.biases),
    }


def from_document(document: Document) -> NamedNetwork:
    """The network in a document.

    Raises DamagedSave, naming the field, for every document that `to_document` could not have
    made of a sound network.
    """
    fields = Fields(document, "document")
    name = _name(fields)
    when = saved_at(fields)
    network = _network(fields)
    trainer = Trainer(network, _settings(fields), fields.whole("seed"))
    trainer.progress = _progress(fields.inner("progress"))
    trainer.history = _history(fields)
    _read_optimizer(fields.inner("optimizer"), trainer)
    if fields.maybe("averages"):
        trainer.averages = fields.arrays("averages", _shapes(network), network.dtype.type)
    named = NamedNetwork(
        trainer,
        name=name,
        recipe=fields.text("recipe"),
        data=fields.text("data"),
        trained_on=fields.texts("trained_on"),
        accuracy=_accuracy(fields),
        saved_at=when,
    )
    fields.end()
    return named


def _name(fields: Fields) -> str:
    """A name that could have been given at the prompt."""
    name = fields.text("name")
    try:
        if clean_name(name) == name:
            return name
    except ValueError:
        pass
    raise fields.bad("name", "is not a name that a network can have")


def saved_at(fields: Fields) -> str:
    """When it was saved, as ISO 8601 in UTC."""
    text = fields.text("saved_at")
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is not None and when.isoformat(timespec="seconds") == text:
            return text
    except ValueError:
        pass
    raise fields.bad("saved_at", "is not a time")


def _network(fields: Fields) -> Network:
    """The layers, chained, with the cost."""
    layers: list[Dense] = []
    for inner in fields.inners("layers"):
        layers.append(_layer(inner, layers[-1].weights if layers else None))
    if not layers:
        raise fields.bad("layers", "is empty")
    try:
        return Network(layers, fields.text("cost", COSTS))
    except ValueError as error:
        raise DamagedSave(f"its network cannot be: {error}") from None


def _layer(fields: Fields, below: Array | None) -> Dense:
    """One layer. Its arrays are read, and so bounded by the file's size, before it is made."""
    fields.text("kind", ("dense",))
    weights = fields.array("weights", None, below.dtype.type if below is not None else None)
    inputs, outputs = weights.shape
    if inputs * outputs == 0 or (below is not None and below.shape[1] != inputs):
        raise fields.bad("weights", "does not chain with the layer below")
    has_bias = fields.maybe("biases")
    biases = fields.array("biases", (outputs,), weights.dtype.type) if has_bias else None
    activation = fields.text("activation", ACTIVATIONS)
    fields.end()
    layer = Dense(inputs, outputs, activation, bias=has_bias, dtype=weights.dtype)
    layer.weights[:] = weights
    if layer.biases is not None and biases is not None:
        layer.biases[:] = biases
    return layer


def _settings(fields: Fields) -> Settings:
    """The settings; those that are not there have their usual values."""
    values = fields.inner("settings").rest()
    if not values.keys() <= SETTINGS.keys():
        raise fields.bad("settings", "has one that digitnet does not know")
    try:
        return Settings(**values)
    except ValueError as error:
        raise fields.bad("settings", f"cannot be: {error}") from None


def _progress(fields: Fields) -> Progress:
    """How far training has come."""
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
    """What was measured on the way."""
    history = fields.table("history", 4, MOST_MEASUREMENTS)
    batches, accuracies = history[:, 0], history[:, 3]
    sound = (batches >= 0) & (batches <= LARGEST) & (batches % 1 == 0)
    sound &= (accuracies >= 0) & (accuracies <= 1)
    if not sound.all():
        raise fields.bad("history", "has a point that cannot be")
    return [Measurement(int(batches), *rest) for batches, *rest in history.tolist()]


def _read_optimizer(fields: Fields, trainer: Trainer) -> None:
    """What the optimiser remembers: arrays shaped like the parameters."""
    optimizer, network = trainer.optimizer, trainer.network
    optimizer.steps = fields.whole("steps")
    optimizer.state = {
        name: fields.arrays(name, _shapes(network), network.dtype.type) for name in optimizer.slots
    }
    fields.end()


def _shapes(network: Network) -> list[tuple[int, ...]]:
    return [parameter.value.shape for parameter in network.parameters]


def _accuracy(fields: Fields) -> Accuracy | None:
    """The last accuracy that was measured, if any."""
    if not fields.maybe("accuracy"):
        return None
    inner = fields.inner("accuracy")
    accuracy = Accuracy(inner.share("value"), inner.text("on"))
    inner.end()
    return accuracy

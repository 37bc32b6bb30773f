"""The schema of saves, formats 1 and 2: converts a model to a document and back."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

# imported now, so that checking settings imports nothing while an untrusted file is read
from digitnet.engine import augment, schedules  # noqa: F401
from digitnet.engine.network import Network
from digitnet.engine.progress import Measurement, Progress
from digitnet.engine.settings import SETTINGS, Settings
from digitnet.engine.trainer import Trainer
from digitnet.engine.types import Array
from digitnet.registry.codec import Document
from digitnet.registry.fields import MAX_INTEGER, Fields, array_document
from digitnet.registry.layer_document import network_document, read_network
from digitnet.registry.model import Accuracy, Model
from digitnet.registry.names import clean_name

MAX_MEASUREMENTS = 100_000
"""Maximum number of history points saved, the latest ones: ten million mini-batches of training."""


def to_document(model: Model, name: str) -> Document:
    """Returns the document with which a model is saved under `name`."""
    trainer = model.trainer
    history = [[float(v) for v in vars(m).values()] for m in trainer.history[-MAX_MEASUREMENTS:]]
    return {
        "name": name,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
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

"""Export to and import from the file formats of other programs.

Every format holds the same: a JSON description of the network, and its weights and biases by name.
The weights are those used for evaluation, that is the running mean if there is one. Training state
is not exported: an imported network starts a new training.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.engine.progress import Progress
from digitnet.engine.types import Array
from digitnet.registry import exchange_npz, exchange_onnx, exchange_safetensors
from digitnet.registry.codec import Document
from digitnet.registry.document import from_document
from digitnet.registry.errors import DamagedSave, RegistryError
from digitnet.registry.fields import Fields, array_document
from digitnet.registry.files import MAX_BYTES, read_bounded
from digitnet.registry.layer_document import CONFIGS
from digitnet.registry.model import Model
from digitnet.registry.outside import shown, write_outside

VERSION = 2
PARAMETERS = ("weights", "biases", "gamma", "beta")
STATISTICS = ("mean", "variance")
"""The names of the arrays that a layer may have."""


@dataclass(frozen=True)
class Format:
    """The writer and, if the format can be imported, the reader of a file format.

    write(about, arrays): returns the bytes of the file. read(data): returns the description, and
    the arrays as documents; raises DamagedSave.
    """

    write: Callable[[str, dict[str, Array]], bytes]
    read: Callable[[bytes], tuple[str, dict[str, Document]]] | None = None


FORMATS = {
    "npz": Format(exchange_npz.write, exchange_npz.read),
    "safetensors": Format(exchange_safetensors.write, exchange_safetensors.read),
    "onnx": Format(exchange_onnx.write),
}
"""File suffix → format."""


def export_network(model: Model, path: Path) -> int:
    """Writes the network to `path`, in the format of its suffix; returns the number of bytes.

    An existing file is replaced. If RegistryError is raised, it is unchanged.
    """
    chosen = _format(path, [f".{name}" for name in FORMATS])
    try:
        about, arrays = _contents(model)
        with _package_for(path):
            data = chosen.write(about, arrays)
            if len(data) > MAX_BYTES:
                raise DamagedSave(f"it would be larger than {MAX_BYTES >> 20} MiB")
            if chosen.read:
                _network(*chosen.read(data))
        write_outside(path, data)
    except DamagedSave as error:
        raise RegistryError(f"cannot export: {error}; nothing was written") from None
    return len(data)


def import_network(path: Path) -> Model:
    """Returns the network in a file written by `export_network`, without a name and with seed 0.

    Raises RegistryError for any other file.
    """
    readable = [f".{name}" for name, f in FORMATS.items() if f.read]
    chosen = _format(path, readable)
    if chosen.read is None:
        raise RegistryError(
            f"{path.suffix.lower()} files are written, not read: "
            f"import takes {' or '.join(readable)}"
        )
    try:
        data = read_bounded(path)
        with _package_for(path):
            return _network(*chosen.read(data))
    except DamagedSave as error:
        raise RegistryError(f"{shown(path)} cannot be imported: {error}") from None
    except OSError as error:
        raise RegistryError(f"{shown(path)} cannot be read: {error.strerror or error}") from None


def _format(path: Path, known: Iterable[str]) -> Format:
    """The format for the suffix of `path`. Raises RegistryError for an unknown one, with those
    known.
    """
    chosen = FORMATS.get(path.suffix[1:].lower())
    if chosen is None:
        raise RegistryError(
            f"the suffix of a file's name sets its format: {', '.join(known)}, not {shown(path)}"
        )
    return chosen


@contextmanager
def _package_for(path: Path) -> Iterator[None]:
    """Turns an ImportError into a RegistryError that says what to install."""
    try:
        yield
    except ImportError:
        raise RegistryError(
            f"{path.suffix.lower()} files need a package that is not installed: "
            f"pip install {path.suffix[1:].lower()}"
        ) from None


def _contents(model: Model) -> tuple[str, dict[str, Array]]:
    """The description of a network, and copies of its arrays by name: layers.0.weights, ...

    Raises DamagedSave for a committee.
    """
    network = model.trainer.answering()
    layers: list[Document] = []
    arrays: dict[str, Array] = {}
    if network.is_committee:
        raise DamagedSave("a committee is several networks: export its members")
    for layer in network.layers:
        numbers = {p.name: p.value for p in layer.parameters} | dict(layer.statistics)
        for name, value in numbers.items():
            kind = value.dtype.newbyteorder("<")
            arrays[f"layers.{len(layers)}.{name}"] = np.array(value, kind, order="C")
        config = layer.config()
        config = {name: config[name] for name in CONFIGS[layer.kind]}
        layers.append({"kind": layer.kind, "config": config})
    about = {
        "digitnet": VERSION,
        "shape": network.shape,
        "dtype": network.dtype.newbyteorder("<").str,
        "input_shape": list(network.input_shape),
        "layers": layers,
        "cost": network.cost_name,
        "pixels": model.trainer.settings.pixels,
        "recipe": model.recipe,
        "data": model.data,
        "trained_on": model.trained_on,
    }
    return json.dumps(about), arrays


def _network(text: str, arrays: dict[str, Document]) -> Model:
    """Builds the network from a file's content, checked like a save. Raises DamagedSave."""
    about = Fields(_json(text), "description")
    version = about.whole("digitnet")
    if not 1 <= version <= VERSION:
        raise DamagedSave(
            f"it has export format {version}, and this digitnet reads formats 1 to {VERSION}: "
            "a newer digitnet can open it"
        )
    shape = about.text("shape")
    dtype = about.text("dtype") if version == 1 else ""
    layers = _dense_layers(about, arrays) if version == 1 else _layers(about, arrays)
    if arrays:
        raise DamagedSave("it holds arrays that belong to no layer")
    settings = {"pixels": about.text("pixels")}
    # fields of a save that an export lacks get the values of a new network
    document = about.rest() | {
        "name": "imported",
        "saved_at": "1970-01-01T00:00:00+00:00",
        "accuracy": None,
        "layers": layers,
        "settings": settings,
        "seed": 0,
        "progress": asdict(Progress()),
        "history": array_document(np.empty((0, 4))),
        "optimizer": {"steps": 0},
        "averages": None,
    }
    model = from_document(document)
    model.name = model.saved_at = ""
    if model.network.shape != shape or (dtype and model.network.dtype.name != dtype):
        raise DamagedSave("its arrays do not have the shapes in its description")
    return model


def _dense_layers(about: Fields, arrays: dict[str, Document]) -> list[Document]:
    """The layers of export format 1, all dense. Removes their arrays from `arrays`."""
    layers = []
    for number, activation in enumerate(about.texts("activations")):
        if f"layers.{number}.weights" not in arrays:
            raise DamagedSave(f"it has no layers.{number}.weights")
        layers.append(
            {
                "kind": "dense",
                "activation": activation,
                "weights": arrays.pop(f"layers.{number}.weights"),
                "biases": arrays.pop(f"layers.{number}.biases", None),
            }
        )
    return layers


def _layers(about: Fields, arrays: dict[str, Document]) -> list[Document]:
    """The layers, as in a save. Removes their arrays from `arrays`."""
    layers = []
    for number, layer in enumerate(about.inners("layers")):
        found: dict[str, Document] = {"parameters": {}, "statistics": {}}
        for name in (*PARAMETERS, *STATISTICS):
            if (array := arrays.pop(f"layers.{number}.{name}", None)) is not None:
                found["parameters" if name in PARAMETERS else "statistics"][name] = array
        layers.append(layer.rest() | found)
    return layers


def _json(text: str) -> Any:
    """Parses JSON. Raises DamagedSave if the text is not valid JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedSave("its description is not JSON") from None

"""Export to and import from the file formats of other programs.

Every format holds the same: a JSON description of the network, as in a save, and its arrays by
name: `layers.0.weights`; in a committee, `members.0.layers.0.weights`. The weights are those with
which the network answers, that is their running mean if there is one. Training state is not
exported: an imported network starts a new training.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.digits.files import BadFile, read_bounded, read_npz_arrays
from digitnet.engine.arrays import Array
from digitnet.engine.report import Report, ignore
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Progress, Trainer
from digitnet.registry.codec import Document, Fields, array_document
from digitnet.registry.files import MAX_BYTES, DamagedSave, RegistryError, shown, write_outside
from digitnet.registry.foreign import network_of_weights
from digitnet.registry.model import Model
from digitnet.registry.programs import write_onnx, write_python
from digitnet.registry.schema import from_document, network_document

ABOUT = "about"

MAX_EXPANSION = 50
"""Maximum ratio of unpacked to packed bytes; trained weights hardly compress at all."""

MAX_ABOUT_BYTES = 4 * 65_536

ARRAYS = {
    "parameters": ("weights", "biases", "gamma", "beta"),
    "statistics": ("mean", "variance"),
}
"""The names of the arrays that a layer may have."""

_LAYER = rf"layers\.[0-9]{{1,4}}\.(?:{'|'.join(sum(ARRAYS.values(), ()))})"

_MEMBER = re.compile(rf"{ABOUT}|(?:members\.[0-9]{{1,3}}\.)?{_LAYER}")


def write_npz(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description as an array of one string."""
    file = io.BytesIO()
    np.savez(file, **{ABOUT: np.array(about)}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def read_npz(data: bytes) -> tuple[str, dict[str, Document]]:
    """Returns the description, empty if there is none, and the arrays in a file.

    Raises DamagedSave.
    """
    try:
        arrays = read_npz_arrays(data, _members, min(MAX_BYTES, MAX_EXPANSION * len(data)))
    except BadFile as error:
        raise DamagedSave(f"it {error}") from None
    about = arrays.pop(ABOUT, np.array(""))
    if about.dtype.kind != "U" or about.size != 1:
        raise DamagedSave("its description is not a text")
    if about.nbytes > MAX_ABOUT_BYTES:
        raise DamagedSave("its description is too long")
    if any(array.dtype.str not in DTYPES.values() for array in arrays.values()):
        raise DamagedSave("it holds an array of something other than plain numbers")
    try:
        text = about.tobytes().decode("utf-32-le").rstrip("\0")
    except UnicodeDecodeError:
        raise DamagedSave("its description is not a text") from None
    return text, {name: array_document(array) for name, array in arrays.items()}


def _members(names: list[str]) -> list[str]:
    if ABOUT in names and not all(_MEMBER.fullmatch(name) for name in names):
        raise BadFile("has members that no network has")
    return names


MAX_HEADER = 1 << 20

DTYPES = {"F32": "<f4", "F64": "<f8"}


def write_safetensors(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description in its metadata."""
    from safetensors.numpy import save

    return save(arrays, {ABOUT: about})


def read_safetensors(data: bytes) -> tuple[str, dict[str, Document]]:
    """Returns the description, empty if there is none, and the arrays. Raises DamagedSave."""
    from safetensors import SafetensorError, deserialize

    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER:
        raise DamagedSave("its header is too long")
    try:
        tensors: list[tuple[str, dict[str, Any]]] = deserialize(data)  # type: ignore[no-untyped-call]
        metadata = json.loads(data[8 : 8 + header]).get("__metadata__") or {}
    except (SafetensorError, ValueError, RecursionError):
        raise DamagedSave("it is not a whole .safetensors file") from None
    return metadata.get(ABOUT, ""), {
        name: {
            "dtype": DTYPES.get(tensor["dtype"], tensor["dtype"]),
            "shape": list(tensor["shape"]),
            "data": bytes(tensor["data"]),
        }
        for name, tensor in tensors
    }


VERSION = 2


@dataclass(frozen=True)
class Format:
    """The writer and, if the format can be imported, the reader of a file format.

    write(about, arrays): returns the bytes of the file. read(data): returns the description, and
    the arrays as documents; raises DamagedSave.
    """

    write: Callable[[str, dict[str, Array]], bytes]
    read: Callable[[bytes], tuple[str, dict[str, Document]]] | None = None


FORMATS = {
    "npz": Format(write_npz, read_npz),
    "safetensors": Format(write_safetensors, read_safetensors),
    "onnx": Format(write_onnx),
    "py": Format(write_python),
}
"""File suffix → format."""


def export_network(model: Model, path: Path) -> int:
    """Writes the network to `path`, in the format of its suffix; returns the number of bytes.

    An existing file is replaced. If RegistryError is raised, it is unchanged.
    """
    chosen = _format(path, [f".{name}" for name in FORMATS])
    try:
        with _package_for(path):
            data = chosen.write(*_contents(model, folds=chosen.write is write_onnx))
            if len(data) > MAX_BYTES:
                raise DamagedSave(f"it would be larger than {MAX_BYTES >> 20} MiB")
            if chosen.read:
                _network(*chosen.read(data))
        write_outside(path, data)
    except DamagedSave as error:
        raise RegistryError(f"cannot export: {error}; nothing was written") from None
    return len(data)


def import_network(path: Path, activation: str = "", report: Report = ignore) -> Model:
    """Returns the network in a file written by `export_network`, or that of another program's
    weights, without a name and with seed 0.

    activation, report: see `network_of_weights`. Raises RegistryError for any other file.
    """
    readable = [f".{name}" for name, f in FORMATS.items() if f.read]
    chosen = _format(path, readable)
    if chosen.read is None:
        raise RegistryError(
            f"{path.suffix.lower()} files are written, not read: "
            f"import takes {' or '.join(readable)}"
        )
    try:
        data = read_bounded(path, MAX_BYTES)
        with _package_for(path):
            about, arrays = chosen.read(data)
        if about:
            return _network(about, arrays)
        return Model(Trainer(network_of_weights(arrays, activation, report), Settings(), 0))
    except BadFile as error:
        why = f"imported: it {error}"
    except DamagedSave as error:
        why = f"imported: {error}"
    except OSError as error:
        why = f"read: {error.strerror or error}"
    raise RegistryError(f"{shown(path)} cannot be {why}")


def _format(path: Path, known: Iterable[str]) -> Format:
    """The format for the suffix of `path`. Raises RegistryError, with those known."""
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


def _contents(model: Model, *, folds: bool = False) -> tuple[str, dict[str, Array]]:
    """The description of a network, and its arrays by name.

    folds: whether batch normalization and dropout are left to the layers below, as for answering.
    """
    trainer, arrays = model.trainer, dict[str, Array]()
    network = trainer.answering() if folds else trainer.with_answering_weights()
    document = network_document(network)
    _take_arrays(document, "", arrays)
    about = {
        "digitnet": VERSION,
        "shape": network.shape,
        **document,
        "pixels": trainer.settings.pixels,
        "recipe": model.recipe,
        "data": model.data,
        "trained_on": model.trained_on,
    }
    return json.dumps(about), arrays


def _take_arrays(document: Document, start: str, arrays: dict[str, Array]) -> None:
    """Moves the arrays of a network's document into `arrays`. start: of their names."""
    for number, layer in enumerate(document["layers"]):
        for place, member in enumerate(layer.get("members", ())):
            _take_arrays(member, f"{start}members.{place}.", arrays)
        for group in ARRAYS:
            for name, array in layer.pop(group, {}).items():
                numbers = np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"])
                arrays[f"{start}layers.{number}.{name}"] = numbers


def _network(text: str, arrays: dict[str, Document]) -> Model:
    """Builds the network from a file's content, checked like a save. Raises DamagedSave."""
    try:
        about = Fields(json.loads(text), "description")
    except (ValueError, RecursionError):
        raise DamagedSave("its description is not JSON") from None
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
        own = {name: arrays.pop(f"layers.{number}.{name}", None) for name in ("weights", "biases")}
        layers.append({"kind": "dense", "activation": activation} | own)
    return layers


def _layers(about: Fields, arrays: dict[str, Document], start: str = "") -> list[Document]:
    """The layers, as in a save. Removes their arrays, whose names begin so, from `arrays`."""
    layers = []
    for number, layer in enumerate(about.inners("layers")):
        if layer.has("members") and not start:
            members = [
                {"layers": _layers(member, arrays, f"members.{place}."), **member.rest()}
                for place, member in enumerate(layer.inners("members"))
            ]
            layers.append({"members": members, **layer.rest()})
            continue
        document = layer.rest()
        for group, names in ARRAYS.items():
            own = {name: arrays.pop(f"{start}layers.{number}.{name}", None) for name in names}
            document[group] = {name: array for name, array in own.items() if array is not None}
        layers.append(document)
    return layers

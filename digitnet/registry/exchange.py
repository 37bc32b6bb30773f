"""Export to and import from the file formats of other programs.

Every format holds the same: a JSON description of the network, and its weights and biases by name.
The weights are those used for evaluation, that is the running mean if there is one. Training state
is not exported: an imported network starts a new training.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from digitnet import __version__
from digitnet.digits.files import BadFile, read_bounded, read_npz_arrays
from digitnet.engine.arrays import Array
from digitnet.engine.layers import ACTIVATIONS, LAYERS
from digitnet.engine.trainer import Progress
from digitnet.registry.codec import Document, Fields, array_document
from digitnet.registry.files import MAX_BYTES, DamagedSave, RegistryError, shown, write_outside
from digitnet.registry.model import Model
from digitnet.registry.schema import from_document

ABOUT = "about"

UNDESCRIBED = "it has no description of a network: only files written by export can be read"

MAX_EXPANSION = 50
"""Maximum ratio of unpacked to packed bytes; trained weights hardly compress at all."""

MAX_ABOUT_BYTES = 4 * 65_536

ARRAYS = {
    "parameters": ("weights", "biases", "gamma", "beta"),
    "statistics": ("mean", "variance"),
}
"""The names of the arrays that a layer may have."""

_MEMBER = re.compile(rf"{ABOUT}|layers\.[0-9]{{1,4}}\.(?:{'|'.join(sum(ARRAYS.values(), ()))})")


def write_npz(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description as an array of one string."""
    file = io.BytesIO()
    np.savez(file, **{ABOUT: np.array(about)}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def read_npz(data: bytes) -> tuple[str, dict[str, Document]]:
    """Returns the description and the arrays in a file. Raises DamagedSave."""
    try:
        arrays = read_npz_arrays(data, _members, min(MAX_BYTES, MAX_EXPANSION * len(data)))
    except BadFile as error:
        raise DamagedSave(f"it {error}") from None
    about = arrays.pop(ABOUT, None)
    if about is None:
        raise DamagedSave(UNDESCRIBED)
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
    if not all(_MEMBER.fullmatch(name) for name in names):
        raise BadFile("has members that no network has")
    return names


MAX_HEADER = 1 << 20

DTYPES = {"F32": "<f4", "F64": "<f8"}


def write_safetensors(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description in its metadata."""
    from safetensors.numpy import save

    return save(arrays, {ABOUT: about})


def read_safetensors(data: bytes) -> tuple[str, dict[str, Document]]:
    """Returns the description and the arrays in a file. Raises DamagedSave."""
    from safetensors import SafetensorError, deserialize

    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER:
        raise DamagedSave("its header is too long")
    try:
        tensors: list[tuple[str, dict[str, Any]]] = deserialize(data)  # type: ignore[no-untyped-call]
        metadata = json.loads(data[8 : 8 + header]).get("__metadata__") or {}
    except (SafetensorError, ValueError, RecursionError):
        raise DamagedSave("it is not a whole .safetensors file") from None
    if ABOUT not in metadata:
        raise DamagedSave(UNDESCRIBED)
    return metadata[ABOUT], {
        name: {
            "dtype": DTYPES.get(tensor["dtype"], tensor["dtype"]),
            "shape": list(tensor["shape"]),
            "data": bytes(tensor["data"]),
        }
        for name, tensor in tensors
    }


SCALES = {
    "unit": "a case: its pixels row by row, 0 for paper to 1 for ink (a byte divided by 255)",
    "raw": "a case: its pixels row by row, 0 for paper to 255 for ink",
}

OPERATOR_SET, FILE_VERSION = 17, 8
"""From 2022: old enough for the programs in use."""


def write_onnx(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the model, checked by the onnx library, with the description in its metadata."""
    import onnx
    from onnx import helper

    description = json.loads(about)
    number = helper.np_dtype_to_tensor_dtype(np.dtype(description["dtype"]))
    pixels = helper.make_tensor_value_info(
        "pixels", number, ["cases", prod(description["input_shape"])], SCALES[description["pixels"]]
    )
    writer = _Writer(arrays, tuple(description["input_shape"]))
    for position, layer in enumerate(description["layers"]):
        writer.add(f"layers.{position}", layer["kind"], layer["config"])
    units = description["layers"][-1]["config"]["units"]
    outputs = helper.make_tensor_value_info(
        "outputs", number, ["cases", units], "the network's answer for each case"
    )
    writer.finish()
    graph = helper.make_graph(writer.nodes, "digitnet", [pixels], [outputs], writer.constants)
    model = helper.make_model(
        graph,
        producer_name="digitnet",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPERATOR_SET)],
        ir_version=FILE_VERSION,
    )
    helper.set_model_props(model, {"about": about})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


class _Writer:
    """Converts layers to ONNX nodes, in order.

    ONNX stores pictures channels-first, digitnet channels-last: pictures are transposed at the
    beginning, and back before they are flattened.
    """

    def __init__(self, arrays: dict[str, Array], input_shape: tuple[int, ...]) -> None:
        self.arrays = arrays
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._last = "pixels"
        if len(input_shape) == 3:
            self._node("input", "Reshape", {"shape": np.array([-1, *input_shape])})
            self._node("input", "Transpose", perm=[0, 3, 1, 2])

    def add(self, name: str, kind: str, config: dict[str, Any]) -> None:
        """Appends a layer. Raises DamagedSave if ONNX cannot express it."""
        start = f"{name}."
        arrays = {k.removeprefix(start): a for k, a in self.arrays.items() if k.startswith(start)}
        try:
            LAYERS[kind].onnx(partial(self._node, name), arrays, config)
        except ValueError as error:
            raise DamagedSave(str(error)) from None
        operator = ACTIVATIONS[config["activation"]].operator if "activation" in config else ""
        if operator is None:
            raise DamagedSave(f"ONNX has no operator for {config['activation']}")
        if operator:
            self._node(name, operator)

    def finish(self) -> None:
        """Names the output of the last node."""
        del self.nodes[-1].output[:]
        self.nodes[-1].output.append("outputs")

    def _node(
        self,
        name: str,
        operator: str,
        arrays: Mapping[str, "np.ndarray[Any, Any]"] = {},
        **attributes: Any,
    ) -> None:
        from onnx import helper, numpy_helper

        inputs = [self._last]
        for key, array in arrays.items():
            inputs.append(f"{name}.{key}")
            constant = numpy_helper.from_array(np.ascontiguousarray(array), inputs[-1])
            self.constants.append(constant)
        self._last = f"{name}.{operator}"
        self.nodes.append(helper.make_node(operator, inputs, [self._last], **attributes))


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
        data = read_bounded(path, MAX_BYTES)
        with _package_for(path):
            return _network(*chosen.read(data))
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
        config = {name: config[name] for name in layer.options}
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


def _layers(about: Fields, arrays: dict[str, Document]) -> list[Document]:
    """The layers, as in a save. Removes their arrays from `arrays`."""
    layers = []
    for number, layer in enumerate(about.inners("layers")):
        document = layer.rest()
        for group, names in ARRAYS.items():
            own = {name: arrays.pop(f"layers.{number}.{name}", None) for name in names}
            document[group] = {name: array for name, array in own.items() if array is not None}
        layers.append(document)
    return layers

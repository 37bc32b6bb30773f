"""Export to and import from the file formats of other programs.

Every format holds the same: a JSON description of the network, as in a save, and its arrays by
name: `layers.0.weights`; in a committee, `members.0.layers.0.weights`. The weights are those with
which the network answers, that is their running mean if there is one. Training state is not
exported: an imported network starts a new training. Files that other programs wrote can be read as
well: the matrices and biases of a dense network, without a description.
"""

import io
import json
import re
from collections.abc import Iterable
from itertools import chain, pairwise, permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.digits.files import BadFile, read_bounded, read_npz_arrays
from digitnet.engine.arrays import Array
from digitnet.engine.network import MAX_LAYERS, Network, usual_cost
from digitnet.engine.report import Report, ignore
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.engine.trainer import Trainer
from digitnet.registry.codec import Document, Fields, array_document
from digitnet.registry.files import MAX_BYTES, DamagedSave, RegistryError, shown, write_outside
from digitnet.registry.from_onnx import read_onnx
from digitnet.registry.model import Model
from digitnet.registry.programs import ABOUT, MAX_ABOUT_BYTES, VERSION, write_onnx, write_python
from digitnet.registry.schema import (
    MAX_TRAINED_ON,
    network_document,
    read_network,
    read_settings,
    read_words,
)

MAX_EXPANSION = 50
"""Maximum ratio of unpacked to packed bytes; trained weights hardly compress at all."""

STATISTICS = ("mean", "variance")
"""The names of the arrays of a layer that are none of its parameters."""


def write_npz(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description as an array of one string."""
    file = io.BytesIO()
    np.savez(file, **{ABOUT: np.array(about)}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def read_npz(data: bytes, report: Report = ignore) -> tuple[str, dict[str, Document]]:
    """Returns the description, empty if there is none, and the arrays in a file.

    Raises DamagedSave.
    """
    try:
        arrays = read_npz_arrays(data, list, min(MAX_BYTES, MAX_EXPANSION * len(data)))
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


MAX_HEADER = 1 << 20
DTYPES = {"F32": "<f4", "F64": "<f8"}


def write_safetensors(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description in its metadata."""
    from safetensors.numpy import save

    return save(arrays, {ABOUT: about})


def read_safetensors(data: bytes, report: Report = ignore) -> tuple[str, dict[str, Document]]:
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
    arrays = {
        name: {**tensor, "dtype": DTYPES.get(tensor["dtype"], ""), "data": bytes(tensor["data"])}
        for name, tensor in sorted(tensors, key=lambda each: _natural(each[0]))  # which has none
    }
    return metadata.get(ABOUT, ""), arrays


WRITERS = {
    "npz": write_npz,
    "safetensors": write_safetensors,
    "onnx": write_onnx,
    "py": write_python,
}
READERS = {"npz": read_npz, "safetensors": read_safetensors, "onnx": read_onnx}
"""File suffix → what writes its format, and what reads it."""

NEEDS = ".{0} files need a package that is not installed: pip install {0}"


def export_network(model: Model, path: Path) -> int:
    """Writes the network to `path`, in the format of its suffix; returns the number of bytes.

    An existing file is replaced. If RegistryError is raised, it is unchanged.
    """
    suffix = _format(path, WRITERS)
    try:
        data = WRITERS[suffix](*_contents(model, folds=suffix == "onnx"))
        if len(data) > MAX_BYTES:
            raise DamagedSave(f"it would be larger than {MAX_BYTES >> 20} MiB")
        if suffix in READERS:
            _network(*READERS[suffix](data, ignore))
        write_outside(path, data)
    except ImportError:
        raise RegistryError(f"cannot export: {NEEDS.format(suffix)}") from None
    except DamagedSave as error:
        raise RegistryError(f"cannot export: {error}; nothing was written") from None
    return len(data)


def import_network(path: Path, activation: str = "", report: Report = ignore) -> Model:
    """Returns the network in a file, without a name and with seed 0.

    activation: of the hidden units, if the file holds only weights. report: called with sentences
    on how a file of another program was understood. Raises RegistryError for any other file;
    ActivationNeeded if there are hidden units and no activation.
    """
    suffix = _format(path, READERS)
    try:
        data = read_bounded(path, MAX_BYTES)
        about, arrays = READERS[suffix](data, report)
        if about:
            model = _network(about, arrays)
            if suffix == "onnx":
                top = {"unit": 1, "raw": 255}[model.trainer.settings.pixels]
                report(f"Understood as {spelled_out(model.network)}, pixels from 0 to {top}.")
            return model
        return Model(Trainer(network_of_weights(arrays, activation, report), Settings(), 0))
    except ImportError:
        why = f"imported: {NEEDS.format(suffix)}"
    except BadFile as error:
        why = f"imported: it {error}"
    except DamagedSave as error:
        why = f"imported: {error}"
    except OSError as error:
        why = f"read: {error.strerror or error}"
    raise RegistryError(f"{shown(path)} cannot be {why}")


def _format(path: Path, known: Iterable[str]) -> str:
    suffix = path.suffix[1:].lower()
    if suffix not in known:
        *names, last = (f".{name}" for name in known)
        raise RegistryError(f"{shown(path)} has no known suffix; use {', '.join(names)} or {last}")
    return suffix


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
        **({"words": model.words} if model.words else {}),
    }
    return json.dumps(about), arrays


def _take_arrays(document: Document, start: str, arrays: dict[str, Array]) -> None:
    """Moves the arrays of a network's document into `arrays`. start: of their names."""
    for number, layer in enumerate(document["layers"]):
        for place, member in enumerate(layer.get("members", ())):
            _take_arrays(member, f"{start}members.{place}.", arrays)
        for group in ("parameters", "statistics"):
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
    shape = about.text("shape") if about.has("shape") else ""
    if version == 1:  # which had dense layers only
        about.text("dtype")
        layers = [
            {"kind": "dense", "activation": fields.text(item)}
            | {name: arrays.pop(f"layers.{number}.{name}", None) for name in ("weights", "biases")}
            for number, (fields, item) in enumerate(about.items("activations"))
        ]
    else:
        layers = _layers(about, arrays)
    if arrays:
        raise DamagedSave("it holds arrays that belong to no layer")
    settings = {"pixels": about.text("pixels")}
    fields = Fields(about.rest() | {"layers": layers, "settings": settings}, "document")
    model = Model(
        Trainer(read_network(fields), read_settings(fields), 0),
        recipe=fields.word("recipe"),
        data=fields.word("data"),
        trained_on=[one.word(item) for one, item in fields.items("trained_on", MAX_TRAINED_ON)],
        words=read_words(fields),
    )
    fields.end()
    if shape not in ("", model.network.shape):
        raise DamagedSave("its arrays do not have the shapes in its description")
    return model


def _layers(about: Fields, arrays: dict[str, Document], start: str = "") -> list[Document]:
    """The layers, as in a save. Removes their arrays, whose names begin so, from `arrays`."""
    layers = []
    for number, layer in enumerate(about.inners("layers", MAX_LAYERS)):
        if layer.has("members") and not start:
            members = [
                {"layers": _layers(member, arrays, f"members.{place}."), **member.rest()}
                for place, member in enumerate(layer.inners("members"))
            ]
            layers.append({"members": members, **layer.rest()})
            continue
        document = layer.rest()
        begin = f"{start}layers.{number}."
        names = [name for name in arrays if name.startswith(begin)]
        own = {name.removeprefix(begin): arrays.pop(name) for name in names}
        document["statistics"] = {name: own.pop(name) for name in STATISTICS if name in own}
        document["parameters"] = own
        layers.append(document)
    return layers


# weights that other programs wrote

MAX_ORDERS = 6  # up to so many layers, any order is tried in which their shapes fit together

Layers = list[tuple[str, Array, Array | None]]
"""The name, the weights (inputs, outputs) and the biases of each layer, first layer first."""


class ActivationNeeded(RegistryError):
    """The file does not tell the activation of the hidden units, and it was not given."""


def network_of_weights(arrays: dict[str, Document], activation: str, report: Report) -> Network:
    """The dense network of a state dict of PyTorch, or of matrices of Keras or scikit-learn.

    activation: of the hidden units. report: called with a sentence on how the file was understood.
    Raises DamagedSave, with the reason; ActivationNeeded if there are hidden units without it.
    """
    layers, is_transposed, order = _understood(arrays)
    sizes = [len(layers[0][1]), *(weights.shape[1] for _, weights, _ in layers)]
    if len(layers) > 1 and not activation:
        raise ActivationNeeded("the file does not say which activation the hidden units have")
    output = "softmax" if sizes[-1] > 1 else "sigmoid"
    try:
        network = network_of(
            "-".join(map(str, sizes)),
            hidden=activation or "linear",
            output=output,
            cost=usual_cost(output),
            bias=layers[0][2] is not None,
            dtype=layers[0][1].dtype,
        )
    except ValueError as error:
        raise DamagedSave(f"its network is not valid: {error}") from None
    for layer, (_, weights, biases) in zip(network.layers, layers, strict=True):
        for parameter, value in zip(layer.parameters, (weights, biases), strict=False):
            parameter.value[...] = value
    names = ", ".join(f"{name} {w.shape[0]} x {w.shape[1]}" for name, w, _ in layers)
    report(
        f"Understood as weights (inputs x outputs{', transposed' * is_transposed}): {names}. "
        f"Taken to be: {output} outputs{f', {activation} hidden units' * (len(layers) > 1)}, "
        f"pixels from 0 to 1.{order}"
    )
    return network


def _understood(arrays: dict[str, Document]) -> tuple[Layers, bool, str]:
    """As `_in_order`; biases may be (n, 1) or (1, n) too, as in Nielsen's and Ng's networks."""
    thin = [name for name, each in arrays.items() if len(each["shape"]) == 2 and 1 in each["shape"]]
    called = [name for name in thin if name.rpartition(".")[2].lower().startswith("b")]

    def with_biases(names: list[str]) -> dict[str, Document]:
        return arrays | {n: {**arrays[n], "shape": [max(arrays[n]["shape"])]} for n in names}

    if 2 * len(called) == len(arrays):
        return _in_order(with_biases(called))
    try:
        return _in_order(arrays)
    except DamagedSave:
        if 2 * len(thin) != len(arrays):
            raise
    return _in_order(with_biases(thin))


def _paired(documents: dict[str, Document]) -> Layers:
    """Each matrix with its biases: that of the same name but for its end, else by their order."""
    fields = Fields(documents, "file")
    named = {name: fields.array(name) for name in documents}
    odd = [name for name, array in named.items() if array.ndim > 2 or not array.size]
    if odd:
        raise DamagedSave(f"{odd[0]!r} belongs to no dense layer, and only these are read")
    matrices = {name: array for name, array in named.items() if array.ndim == 2}
    vectors = {name: array for name, array in named.items() if array.ndim == 1}
    if not matrices:
        raise DamagedSave("it has no description of a network, and no matrices of weights")
    if len({array.dtype for array in named.values()}) > 1:
        raise DamagedSave("its arrays have two precisions")
    if vectors and len(vectors) != len(matrices):
        raise DamagedSave(
            f"it has {len(matrices)} matrices and {len(vectors)} vectors: not the weights and "
            "biases of dense layers"
        )
    biases: list[Array | None] = [*vectors.values()] or [None] * len(matrices)
    stems = [name.rpartition(".")[0] for name in matrices]
    if vectors and len({"", *stems}) > len(stems):  # each is the name of a layer
        by_stem = {name.rpartition(".")[0]: vector for name, vector in vectors.items()}
        if by_stem.keys() != {*stems}:
            raise DamagedSave(f"{[*vectors][:4]} are not named as biases of {[*matrices][:4]}")
        biases = [by_stem[stem] for stem in stems]
    return [(*named, b) for named, b in zip(matrices.items(), biases, strict=True)]


def _natural(name: str) -> list[Any]:
    """Sorts `arr_2` before `arr_10`."""
    return [(not p.isdecimal(), int(p) if p.isdecimal() else p) for p in re.split(r"(\d+)", name)]


def _in_order(arrays: dict[str, Document]) -> tuple[Layers, bool, str]:
    """The layers in an order in which they fit together, whether they had to be transposed, and
    a sentence on the order if others fit too: that of the file, of the names, or any.

    PyTorch's `fc1.weight` is (outputs, inputs); the matrices of others are (inputs, outputs).
    """
    in_file = _paired(arrays)
    by_name = _paired({name: arrays[name] for name in sorted(arrays, key=_natural)})
    is_torch = all(name.endswith(".weight") for name, *_ in by_name)
    others = permutations(by_name) if len(by_name) <= MAX_ORDERS else ()
    ways = product((is_torch, not is_torch), (in_file, by_name))
    for is_transposed, order in chain(ways, product((is_torch, not is_torch), others)):
        turned = [(name, w.T if is_transposed else w, b) for name, w, b in order]
        fits = all(a.shape[1] == len(b) for (_, a, _), (_, b, _) in pairwise(turned))
        if fits and all(b is None or len(b) == w.shape[1] for _, w, b in turned):
            if len({w.shape for _, w, _ in turned}) == len(turned):
                return turned, is_transposed, ""
            taken = "the order of the file" if order is in_file else "the first of them"
            if [name for name, *_ in order] == [name for name, *_ in by_name]:
                taken = "the order of the names"
            return turned, is_transposed, f" Other orders fit as well: this is {taken}."
    shapes = ", ".join(f"{name} {w.shape[0]} x {w.shape[1]}" for name, w, _ in by_name[:MAX_ORDERS])
    raise DamagedSave(f"its matrices do not fit together as layers: {shapes}")

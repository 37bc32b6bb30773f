"""Networks out of ONNX models: those that `export` writes, and other chains of the same operators.

The file is read field by field, from bytes in memory and with bounds, and no other file is opened.
What each value of the graph is here is followed from its input to its output, node by node.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import isclose, prod
from struct import unpack
from typing import Any, NamedTuple

import numpy as np

from digitnet.engine.arrays import Array, Shape
from digitnet.engine.layers import ACTIVATIONS, LAYERS, BatchNorm, Dense
from digitnet.engine.network import Committee, usual_cost
from digitnet.engine.report import Report
from digitnet.registry.codec import Document, array_document
from digitnet.registry.files import MAX_BYTES, DamagedSave
from digitnet.registry.programs import ABOUT, MAX_ABOUT_BYTES, VERSION

# the file: messages of protocol buffers, with the numbers that onnx.proto gives their fields

MAX_FIELDS, MAX_NODES, MAX_INPUTS = 100_000, 1000, 1 << 20

Message = dict[int, list[Any]]  # the number of a field → its values: integers, or bytes
DTYPES = {1: "<f4", 2: "|u1", 7: "<i8", 11: "<f8"}


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The integer that begins there, and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise ValueError("an integer has no end")


def _integers(values: Sequence[Any]) -> list[int]:
    """Signed integers, of which several may be packed in one value."""
    numbers = [value for value in values if isinstance(value, int)]
    for value in values:
        at = 0
        while not isinstance(value, int) and at < len(value):
            number, at = _varint(value, at)
            numbers.append(number)
            if len(numbers) > MAX_FIELDS:
                raise ValueError("too many numbers")
    return [number - (number >> 63 << 64) for number in numbers]


def _integer(values: Sequence[Any]) -> int:
    """The only one, or 0, which may be left out."""
    return (_integers(values) or [0])[0]


def _text(message: Message, number: int) -> str:
    return str(message[number][-1], "utf-8") if message[number] else ""


class _Messages:
    """Reads messages, of at most MAX_FIELDS fields together."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def read(self, data: memoryview) -> Message:
        fields: Message = defaultdict(list)
        at = 0
        while at < len(data):
            key, at = _varint(data, at)
            kind, value = key & 7, 0
            if kind in (0, 2):
                value, at = _varint(data, at)
            size = {0: 0, 1: 8, 2: value, 5: 4}[kind]
            self._left -= 1
            if size > len(data) - at or self._left < 0:
                raise ValueError("a field is too long, or one too many")
            fields[key >> 3].append(data[at : at + size] if kind else value)
            at += size
        return fields

    def all(self, message: Message, number: int) -> list[Message]:
        return [self.read(data) for data in message[number]]

    def attributes(self, node: Message) -> dict[str, Any]:
        values = {}
        for of in self.all(node, 5):
            real = unpack("<f", of[2][0])[0] if of[2] else 0.0
            by_type = {1: real, 2: _integer(of[3]), 3: _text(of, 4), 7: _integers(of[8])}
            by_type[4] = self.all(of, 5)
            values[_text(of, 1)] = by_type.get(_integer(of[20]))
        return values


def _array(tensor: Message, name: str) -> Array:
    """The numbers of a tensor. Raises DamagedSave if they are not in this file, or of others."""
    kind, sizes = _integer(tensor[2]), _integers(tensor[1])
    if tensor[13] or _integer(tensor[14]):
        raise DamagedSave(f"the numbers of {name[:60]!r} are in another file, which is not opened")
    if kind not in DTYPES:
        raise DamagedSave(f"{name[:60]!r} is not of float32 or float64 numbers")
    if tensor[7]:
        return np.array(_integers(tensor[7])).reshape(sizes)
    data = b"".join(tensor[9] or tensor[4] or tensor[10])
    return np.frombuffer(data, DTYPES[kind]).reshape(sizes)


# the graph

OPERATORS = {operator: layer for layer in LAYERS.values() for operator in layer.operators}
ACTIVE = {a.operator: a.name for a in ACTIVATIONS.values() if a.operator}
ACTIVE["LogSoftmax"] = "softmax"  # which has the same guesses
COMMUTE = ("max_pool", "flatten")
"""The layers that give the same before an activation as after it, since it never falls."""

USUAL: dict[str, list[Any]] = {
    "alpha": [1], "beta": [1], "transA": [0], "group": [1], "strides": [[1, 1]],
    "dilations": [[1, 1]], "pads": [[0, 0, 0, 0]], "auto_pad": ["NOTSET", "VALID"],
    "ceil_mode": [0], "storage_order": [0], "training_mode": [0], "spatial": [1],
}  # fmt: skip
"""What attributes that no layer reads may be."""
UNREAD = {"momentum", "count_include_pad"}
"""Attributes that change nothing in an answer, or in a pooling without margins."""


class _Node(NamedTuple):
    operator: str
    attributes: dict[str, Any]
    arrays: list[Array]


def _arranged(shape: Shape) -> Any:
    """The places of the numbers of a case in ours, as ONNX arranges them: channels first."""
    places = np.arange(prod(shape)).reshape(shape)
    return places.transpose(2, 0, 1) if len(shape) == 3 else places


class _Chain:
    """The layers that make a value of the graph of its input, multiplied by `scale`.

    places: for each number of a case of the value, as ONNX arranges them, its place in ours.
    shape, input_shape: of a case in ours; the input's is a row until a layer takes it for pictures.
    The methods follow a node. They raise ValueError, with the reason, if no layer here is like it.
    """

    def __init__(self, case: Sequence[int], dtype: str) -> None:
        self.places, self.dtype, self.scale = np.arange(prod(case)).reshape(case), dtype, 1.0
        self.shape: Shape = (self.places.size,)
        self.input_shape: Shape = self.shape
        self.layers, self.ends_in_logarithms = list[Document](), False

    def move(self, node: _Node) -> None:
        cases = self.places[np.newaxis]
        if node.operator == "Transpose":
            cases = cases.transpose(node.attributes["perm"])
        elif node.operator == "Flatten":
            cases = cases.reshape(1, -1) if node.attributes.get("axis", 1) == 1 else cases[0]
        else:
            sizes = [n or cases.shape[k] for k, n in enumerate(node.arrays[0][:9].tolist())]
            cases = cases.reshape([1, *sizes[1:]])
        if cases.shape[0] != 1:
            raise ValueError("it mixes cases")
        self.places = cases[0]
        if node.operator == "Transpose" and len(self.shape) == 1:
            with suppress(ValueError):
                self._prepare(3)

    def add(self, kind: str, config: dict[str, Any], arrays: dict[str, Array]) -> None:
        layer = LAYERS[kind](self.shape, dtype=self.dtype, **config)
        self.layers.append({"kind": kind, "config": layer.config(), "arrays": arrays})
        self.shape = layer.shape

    def layer(self, node: _Node) -> None:
        kind = OPERATORS[node.operator]
        self._prepare(1 if kind is Dense or self.places.ndim == 1 else 3)
        config, arrays = kind.of_onnx(node.attributes, *node.arrays)
        for name, value in node.attributes.items():
            if name not in UNREAD and value not in USUAL.get(name, ()):
                raise ValueError(f"{name[:30]!r} = {value!r:.60}")
        if self.places.ndim == 1:
            order = np.argsort(self.places)
            for name in arrays.keys() - {"biases"}:
                if len(arrays[name]) != len(order):
                    raise ValueError(f"its input has {len(order)} numbers")
                arrays[name] = arrays[name][order]
        self.add(kind.kind, config, arrays)
        if kind is not BatchNorm:
            self.places = _arranged(self.shape)

    def _prepare(self, dimensions: int) -> None:
        """Takes the value for rows of numbers, or for pictures, as a layer needs them."""
        if self.places.ndim != dimensions:
            raise ValueError(f"its input has {self.places.ndim} dimensions, not {dimensions}")
        if dimensions == 1 and len(self.shape) == 3:
            self.add("flatten", {}, {})
        if dimensions == 3:
            depth, height, width = self.places.shape
            shape = height, width, depth
            is_first = self.shape == self.input_shape == (self.places.size,) and not self.layers
            if is_first and np.array_equal(self.places.ravel(), np.arange(self.places.size)):
                self.places = _arranged(shape)
            is_whole = np.array_equal(self.places, _arranged(shape))
            if not is_whole or not (is_first or self.shape == shape):
                raise ValueError("its input is no picture with the channels first")
            if is_first:
                self.shape = self.input_shape = shape

    def activate(self, node: _Node) -> None:
        name = ACTIVE[node.operator]
        layers = [layer for layer in self.layers if layer["kind"] not in COMMUTE]
        if not layers or layers[-1]["config"].get("activation") != "linear":
            raise ValueError("no layer before it takes an activation")
        is_row = layers[-1]["kind"] == Dense.kind and node.attributes.get("axis", 1) in (1, -1)
        if ACTIVATIONS[name].sums_to_one and not is_row:
            raise ValueError("it is not over the outputs of a dense layer")
        layers[-1]["config"]["activation"] = name
        self.ends_in_logarithms = node.operator == "LogSoftmax"

    def plus(self, node: _Node) -> None:
        (biases,), last = node.arrays, self.layers[-1] if self.layers else {"config": {}}
        if last["config"] != {"units": biases.size, "activation": "linear", "bias": False}:
            raise ValueError("it does not follow a MatMul")
        last["config"]["bias"], last["arrays"]["biases"] = True, biases.reshape(-1)

    def times(self, node: _Node) -> None:
        (factor,) = node.arrays
        if self.layers or factor.size != 1 or not factor.all():
            raise ValueError("only the input is multiplied, by one number")
        self.scale *= factor.item() if node.operator == "Mul" else 1 / factor.item()

    def cast(self, node: _Node) -> None:
        if not self.layers:
            self.dtype = DTYPES[node.attributes["to"]]

    def described(self, start: str, arrays: dict[str, Document]) -> Document:
        """The network, as in an export. Adds its arrays, with names that begin so."""
        for number, layer in enumerate(self.layers):
            for name, array in layer["arrays"].items():
                arrays[f"{start}layers.{number}.{name}"] = array_document(array)
        layers = [{"kind": layer["kind"], "config": layer["config"]} for layer in self.layers]
        cost = usual_cost(layers[-1]["config"].get("activation", "") if layers else "")
        head = {"input_shape": list(self.input_shape), "dtype": self.dtype}
        return head | {"cost": cost, "layers": layers}


FOLLOW: dict[str, Callable[[_Chain, _Node], None]] = {
    **dict.fromkeys(OPERATORS, _Chain.layer),
    **dict.fromkeys(ACTIVE, _Chain.activate),
    **dict.fromkeys(("Reshape", "Flatten", "Transpose"), _Chain.move),
    "Add": _Chain.plus,
    **dict.fromkeys(("Mul", "Div"), _Chain.times),
    "Cast": _Chain.cast,
    "Mean": lambda *_: None,
}
"""What follows a node, by its operator."""


class _Graph:
    """The values of a graph by name, made node by node: a chain each, or those of a mean."""

    def __init__(self, messages: _Messages, graph: Message) -> None:
        self.messages, self.values, self.left = messages, dict[str, list[_Chain]](), MAX_BYTES
        self.tensors = {_text(tensor, 8): tensor for tensor in messages.all(graph, 5)}
        inputs = [each for each in messages.all(graph, 11) if _text(each, 1) not in self.tensors]
        if len(inputs) != 1 or len(graph[12]) != 1 or len(graph[1]) > MAX_NODES:
            raise DamagedSave(f"it has not one input, one output and at most {MAX_NODES:,} nodes")
        self.input = _text(inputs[0], 1)
        (kind,) = messages.all(inputs[0], 2)
        (tensor,) = messages.all(kind, 1)
        sizes = [size[1] for shape in messages.all(tensor, 2) for size in messages.all(shape, 1)]
        self.case = [_integer(size) for size in sizes[1:]]  # 0 for one that is not told
        self.dtype = DTYPES[_integer(tensor[1])]
        if min(self.case, default=0) < 1 or prod(self.case) > MAX_INPUTS:
            raise DamagedSave("it does not tell how many numbers a case has, or has too many")
        for node in messages.all(graph, 1):
            self._do(node)
        self.output = self.values[_text(messages.all(graph, 12)[0], 1)]

    def _do(self, message: Message) -> None:
        node = _Node(_text(message, 4), self.messages.attributes(message), [])
        made = _text(message, 2)
        if node.operator == "Constant" and "value" in node.attributes:
            (self.tensors[made],) = node.attributes["value"]
            return
        names = [str(name, "utf-8") for name in message[1] if name]
        chains = self._taken(names, node.arrays)
        try:
            if node.operator not in FOLLOW or _text(message, 7):
                raise ValueError("an unknown operator")
            if names and names[0] in self.tensors and node.operator not in ("Add", "Mul"):
                raise ValueError("its first input is a constant")
            if not chains or len(chains) != (len(names) if node.operator == "Mean" else 1):
                raise ValueError("it takes no value, or several, of the layers, or averages others")
            for chain in chains:
                FOLLOW[node.operator](chain, node)
        except (ValueError, IndexError, KeyError, TypeError) as error:
            name = f"{(_text(message, 3) or made)[:60]!r} ({node.operator[:30]!r})"
            reason = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise DamagedSave(f"{name} is not a layer that digitnet has: {reason}") from None
        self.values[made] = chains

    def _taken(self, names: list[str], arrays: list[Array]) -> list[_Chain]:
        """The chains that a node takes, each of which no other takes. Adds its constants."""
        chains = list[_Chain]()
        for name in names:
            if name in self.tensors:
                arrays.append(_array(self.tensors[name], name))
                self.left -= arrays[-1].nbytes
            elif name == self.input:
                chains.append(_Chain(self.case, self.dtype))
                self.left -= chains[-1].places.nbytes
            else:
                chains += self.values.pop(name, [])
            if self.left < 0:
                raise DamagedSave("its nodes take the same numbers again and again")
        return chains


def read_onnx(data: bytes, report: Report) -> tuple[str, dict[str, Document]]:
    """The description of the network in a model, and its arrays, as in an export.

    report: called with a sentence if its outputs were not taken as they are. Raises DamagedSave.
    """
    messages, arrays, known = _Messages(), dict[str, Document](), dict[str, Any]()
    try:
        model = messages.read(memoryview(data))
        for entry in messages.all(model, 14):
            if _text(entry, 1) == ABOUT and len(entry[2][0]) <= MAX_ABOUT_BYTES:
                with suppress(TypeError, ValueError, RecursionError):  # another's may be anything
                    known |= json.loads(_text(entry, 2))
        chains = _Graph(messages, *messages.all(model, 7)).output
    except (ValueError, IndexError, KeyError, TypeError, OverflowError):
        raise DamagedSave("it is not a whole .onnx file") from None
    if not known:
        _of_another(chains, report)
    about = chains[0].described("", arrays)
    if len(chains) > 1 or chains[0].scale != 1:
        arrays.clear()
        members = [
            chain.described(f"members.{k}.", arrays) | {"scale": chain.scale}
            for k, chain in enumerate(chains)
        ]
        about |= {"input_shape": [prod(about["input_shape"])], "cost": "cross-entropy"}
        about["layers"] = [{"kind": Committee.kind, "members": members}]
    origin = {"pixels": "unit", "recipe": "", "data": "", "trained_on": [], "cost": about["cost"]}
    about |= {name: known.get(name, usual) for name, usual in origin.items()}
    return json.dumps(about | {"digitnet": VERSION}), arrays


def _of_another(chains: list[_Chain], report: Report) -> None:
    """Gives another program's networks probabilities as outputs, and inputs from 0 to 1.

    Raises DamagedSave if their outputs are averaged before they are probabilities.
    """
    for chain in chains:
        last = chain.layers[-1]["config"] if chain.layers else {}
        is_linear = "units" in last and last["activation"] == "linear"
        if is_linear or chain.ends_in_logarithms:
            what = "linear" if is_linear else "logarithmic"
            if len(chains) > 1:
                raise DamagedSave(f"it averages {what} outputs; a committee averages probabilities")
            last["activation"] = "softmax" if last["units"] > 1 else "sigmoid"
            so = (
                "which changes no guess" if last["units"] > 1 else "so that above 0, the guess is 1"
            )
            report(f"Its outputs are {what}: a {last['activation']} is added, {so}.")
    if any(isclose(chain.scale, 1 / 255, rel_tol=5e-3) for chain in chains):  # or 1 / 256
        for chain in chains:
            chain.scale = round(255 * chain.scale, 6)
        report("It takes pixels from 0 to 255 and divides them; here they are from 0 to 1.")

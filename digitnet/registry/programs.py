"""Networks as programs that need no digitnet: an ONNX model, and a file of Python.

Both are written from an export: the description of a network, as JSON, and its arrays by name.
"""

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from digitnet import __version__
from digitnet.engine.arrays import Array
from digitnet.engine.layers import ACTIVATIONS, LAYERS
from digitnet.registry.files import DamagedSave

ABOUT, VERSION = "about", 2  # the name of the description in a file, and the version of its fields
MAX_ABOUT_BYTES = 4 * 65_536

SCALES = {"unit": "1 for ink (a byte divided by 255)", "raw": "255 for ink"}
SQUARES = ([784], [121])  # the shapes of cases in a row that are pictures all the same


def _said(description: Mapping[str, Any]) -> str:
    shape = description["input_shape"]
    if len(shape) == 3 or shape in SQUARES:
        return f"its pixels row by row, 0 for paper to {SCALES[description['pixels']]}"
    return f"its {prod(shape)} numbers"


def _networks(description: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], float]]:
    """The network, or the members of a committee: how the names of its arrays begin, its
    description, and the scale of its inputs.
    """
    members = description["layers"][-1].get("members")
    if not members:
        return [("", description, 1.0)]
    return [(f"members.{k}.", member, member["scale"]) for k, member in enumerate(members)]


def _layers(
    network: Mapping[str, Any], start: str, arrays: Mapping[str, Array]
) -> Iterator[tuple[str, Mapping[str, Any], dict[str, str]]]:
    """Each layer: its name, its description, and each of its arrays' names within all arrays."""
    for number, layer in enumerate(network["layers"]):
        name = f"{start}layers.{number}"
        its = [key for key in arrays if key.startswith(f"{name}.")]
        yield name, layer, {key.removeprefix(f"{name}."): key for key in its}


OPERATOR_SET, FILE_VERSION = 17, 8  # from 2022: old enough for the programs in use


def write_onnx(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the model, checked by the onnx library, with the description in its metadata.

    Its input is called `pixels`, or `inputs` if a case is no picture. The members of a committee
    stand side by side, and their outputs are averaged.
    """
    import onnx
    from onnx import helper

    description = json.loads(about)
    number = helper.np_dtype_to_tensor_dtype(np.dtype(description["dtype"]))
    said, width = _said(description), prod(description["input_shape"])
    name = "pixels" if said.startswith("its pixels") else "inputs"
    given = helper.make_tensor_value_info(name, number, ["cases", width], f"a case: {said}")
    graph, networks = _Graph(arrays), _networks(description)
    ends = [graph.network(name, *network, description["dtype"]) for network in networks]
    if len(ends) > 1:
        graph.nodes.append(helper.make_node("Mean", ends, ["mean"], name="mean"))
    graph.nodes[-1].output[:] = ["outputs"]
    units = networks[0][1]["layers"][-1]["config"]["units"]
    outputs = helper.make_tensor_value_info(
        "outputs", number, ["cases", units], "the network's answer for each case"
    )
    model = helper.make_model(
        helper.make_graph(graph.nodes, "digitnet", [given], [outputs], graph.constants),
        producer_name="digitnet",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPERATOR_SET)],
        ir_version=FILE_VERSION,
    )
    helper.set_model_props(model, {ABOUT: about})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


class _Graph:
    """Nodes of ONNX, and the constants that they take.

    ONNX stores pictures channels-first, digitnet channels-last: pictures are transposed at the
    beginning, and back before they are flattened.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays, self.nodes, self.constants = arrays, list[Any](), list[Any]()

    def network(
        self, last: str, start: str, description: Mapping[str, Any], scale: float, dtype: str
    ) -> str:
        """Appends a network; returns the name of its output.

        last, dtype: the name and type of its input. Raises DamagedSave if ONNX cannot express it.
        """
        from onnx import helper

        def node(operator: str, arrays: Mapping[str, Any] = {}, **attributes: Any) -> None:
            nonlocal last
            last = self._node(last, name, operator, arrays, **attributes)

        shape, of = description["input_shape"], description["dtype"]
        name = f"{start}input"
        if scale != 1:
            node("Mul", {"factor": np.array(scale, dtype)})
        if of != dtype:
            node("Cast", to=helper.np_dtype_to_tensor_dtype(np.dtype(of)))
        if len(shape) == 3:
            node("Reshape", {"shape": np.array([-1, *shape])})
            node("Transpose", perm=[0, 3, 1, 2])
        for place, layer, names in _layers(description, start, self.arrays):
            name, config = place, layer["config"]
            try:
                arrays = {key: self.arrays[of] for key, of in names.items()}
                LAYERS[layer["kind"]].onnx(node, arrays, config)
            except ValueError as error:
                raise DamagedSave(str(error)) from None
            operator = ACTIVATIONS[config["activation"]].operator if "activation" in config else ""
            if operator is None:
                raise DamagedSave(f"ONNX has no operator for {config['activation']}")
            if operator:
                node(operator)
        name = f"{start}outputs"
        if of != dtype:
            node("Cast", to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        return last

    def _node(
        self, last: str, name: str, operator: str, arrays: Mapping[str, Any], **attributes: Any
    ) -> str:
        """Appends an operator; returns the name of its output."""
        from onnx import helper, numpy_helper

        inputs, output = [last], f"{name}.{operator}"
        for key, array in arrays.items():
            inputs.append(f"{name}.{key}")
            constant = numpy_helper.from_array(np.ascontiguousarray(array), inputs[-1])
            self.constants.append(constant)
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


PROGRAM = '''\
"""The network {shape}, as digitnet {version} wrote it, with numpy alone."""

import sys
from pathlib import Path

import numpy as np

w = np.load(Path(__file__).with_suffix(".npz"))


def answer(cases):
    """The outputs, (cases, {units}), for cases of {width} numbers, in any shape.

    A case is {said}.
    """
    cases = np.asarray(cases).reshape(-1, {width})
    cases = np.asarray(cases{divided}, "{dtype}")
{lines}


if __name__ == "__main__":  # the digits in a .npy file
    a = answer(np.load(sys.argv[1]))
    print(a.argmax(axis=1) if a.shape[1] > 1 else (a[:, 0] >= 0.5).astype(int))
'''


def write_python(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns a file of Python that answers with the arrays in an .npz export beside it."""
    description = json.loads(about)
    networks, lines = _networks(description), list[str]()
    for start, network, scale in networks:
        lines.append("x = cases" + f" * {scale!r}" * (scale != 1))
        if len(network["input_shape"]) == 3:
            lines.append(f"x = x.reshape(-1, {', '.join(map(str, network['input_shape']))})")
        lines += _lines(network, start, arrays)
        if len(networks) > 1:
            lines.append("total = x" if start == "members.0." else "total = total + x")
    lines.append(f"return total / {len(networks)}" if len(networks) > 1 else "return x")
    return PROGRAM.format(
        shape=description["shape"],
        version=__version__,
        units=networks[0][1]["layers"][-1]["config"]["units"],
        width=prod(description["input_shape"]),
        said=(said := _said(description)),
        divided=" / 255 if cases.dtype == np.uint8 else cases" * ("divided" in said),
        dtype=np.dtype(description["dtype"]).name,
        lines="\n".join(f"    {line}" for line in lines),
    ).encode()


def _lines(network: Mapping[str, Any], start: str, arrays: Mapping[str, Array]) -> Iterator[str]:
    for _, layer, names in _layers(network, start, arrays):
        config, named = layer["config"], {key: f'w["{of}"]' for key, of in names.items()}
        lines = LAYERS[layer["kind"]].numpy
        active = ACTIVATIONS[config.get("activation", "linear")].numpy
        if lines is None or active is None:
            raise DamagedSave(f"a {layer['kind']} layer like this has no lines of numpy")
        for line in lines:
            text = line.format(**named, **config)
            yield text + (f" + {named['biases']}" if "@" in text and "biases" in named else "")
        yield from active

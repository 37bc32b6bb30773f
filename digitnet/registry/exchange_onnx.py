"""Networks as ONNX models, for onnxruntime and others: export only.

The model maps `pixels`, (cases, inputs), to `outputs`, (cases, outputs), for any number of cases.
It does not scale its input; the description of the input gives the expected range.
"""

import json
from math import prod
from typing import Any

import numpy as np

from digitnet import __version__
from digitnet.engine.layers.normalization import EPSILON
from digitnet.engine.types import Array

OPERATORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}
"""activation → ONNX operator; linear needs none."""
SCALES = {
    "unit": "a case: its pixels row by row, 0 for paper to 1 for ink (a byte divided by 255)",
    "raw": "a case: its pixels row by row, 0 for paper to 255 for ink",
}
OPERATOR_SET, FILE_VERSION = 17, 8
"""From 2022: old enough for the programs in use."""


def write(about: str, arrays: dict[str, Array]) -> bytes:
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
    outputs = helper.make_tensor_value_info(
        "outputs", number, ["cases", writer.units], "the network's answer for each case"
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
        self.units = 0
        self._last = "pixels"
        if len(input_shape) == 3:
            shape = self._constant("input_shape", np.array([-1, *input_shape]))
            self._node("Reshape", "pictures", shape)
            self._node("Transpose", "channels_first", perm=[0, 3, 1, 2])

    def add(self, name: str, kind: str, config: dict[str, Any]) -> None:
        """Appends a layer."""
        if kind == "dense":
            self._dense(name)
            self.units = config["units"]
        elif kind == "convolution":
            self._convolution(name, config)
        elif kind in ("max_pool", "average_pool"):
            operator = "MaxPool" if kind == "max_pool" else "AveragePool"
            window = [config["size"]] * 2
            self._node(operator, f"{name}.pooled", kernel_shape=window, strides=window)
        elif kind == "batch_norm":
            names = [f"{name}.{array}" for array in ("gamma", "beta", "mean", "variance")]
            constants = [self._constant(array, self.arrays[array]) for array in names]
            self._node("BatchNormalization", f"{name}.normalized", *constants, epsilon=EPSILON)
        else:
            self._node("Transpose", f"{name}.channels_last", perm=[0, 2, 3, 1])
            self._node("Flatten", f"{name}.flat", axis=1)
        operator = OPERATORS.get(config.get("activation", ""), "")
        if operator:
            self._node(operator, f"{name}.outputs")

    def finish(self) -> None:
        """Names the output of the last node."""
        del self.nodes[-1].output[:]
        self.nodes[-1].output.append("outputs")

    def _dense(self, name: str) -> None:
        """x W + b."""
        terms = [term for term in (f"{name}.weights", f"{name}.biases") if term in self.arrays]
        constants = [self._constant(term, self.arrays[term]) for term in terms]
        self._node("Gemm" if len(terms) > 1 else "MatMul", f"{name}.sums", *constants)

    def _convolution(self, name: str, config: dict[str, Any]) -> None:
        """x ∗ W + b, with W (channels, depth, rows, columns), as in ONNX."""
        k = config["kernel"]
        kernels = self.arrays[f"{name}.weights"].reshape(k, k, -1, config["channels"])
        turned = np.ascontiguousarray(kernels.transpose(3, 2, 0, 1))
        constants = [self._constant(f"{name}.weights", turned)]
        if config["bias"]:
            constants.append(self._constant(f"{name}.biases", self.arrays[f"{name}.biases"]))
        self._node("Conv", f"{name}.sums", *constants, kernel_shape=[k, k])

    def _constant(self, name: str, array: "np.ndarray[Any, Any]") -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def _node(self, operator: str, output: str, *inputs: str, **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, [self._last, *inputs], [output], **attributes))
        self._last = output

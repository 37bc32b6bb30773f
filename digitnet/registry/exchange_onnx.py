"""Networks as ONNX models, which onnxruntime and others run: written, never read.

The model takes `pixels` (cases, inputs) and gives `outputs` (cases, outputs), for any number of
cases. Its input is not scaled by the model: what it expects stands in the input's description.
"""

import json
from typing import Any

from digitnet import __version__
from digitnet.engine.types import Array

OPERATORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}
"""activation → what ONNX calls it; linear needs none."""
SCALES = {
    "unit": "a case: its pixels row by row, 0 for paper to 1 for ink (a byte divided by 255)",
    "raw": "a case: its pixels row by row, 0 for paper to 255 for ink",
}
OPERATOR_SET, FILE_VERSION = 17, 8
"""Of the year 2022: old enough for the programs that are about."""


def write(about: str, arrays: dict[str, Array]) -> bytes:
    """The model, checked by the onnx library; the text is among its metadata."""
    import onnx
    from onnx import helper, numpy_helper

    description = json.loads(about)
    sizes = [int(size) for size in description["shape"].split("-")]
    number = helper.np_dtype_to_tensor_dtype(arrays["layers.0.weights"].dtype)
    pixels = helper.make_tensor_value_info(
        "pixels", number, ["cases", sizes[0]], SCALES[description["pixels"]]
    )
    outputs = helper.make_tensor_value_info(
        "outputs", number, ["cases", sizes[-1]], "the network's answer for each case"
    )
    graph = helper.make_graph(
        _nodes(description["activations"], arrays),
        "digitnet",
        [pixels],
        [outputs],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
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


def _nodes(activations: list[str], arrays: dict[str, Array]) -> list[Any]:
    """The nodes: x W + b, then the activation, layer after layer."""
    from onnx import helper

    nodes, before = [], "pixels"
    for number, activation in enumerate(activations):
        name = f"layers.{number}"
        last = number == len(activations) - 1
        after = "outputs" if last else f"{name}.outputs"
        operator = OPERATORS.get(activation)
        sums = f"{name}.sums" if operator else after
        terms = [term for term in (f"{name}.weights", f"{name}.biases") if term in arrays]
        product = "Gemm" if len(terms) > 1 else "MatMul"
        nodes.append(helper.make_node(product, [before, *terms], [sums]))
        if operator:
            nodes.append(helper.make_node(operator, [sums], [after]))
        before = after
    return nodes

"""Networks that go to other programs and come back: the same answers, whole files or none."""

import json
import os
import re
import sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession
from registry_helpers import everything, plain, rich
from safetensors.numpy import load, save

from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.network import COSTS, Committee, Network
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.engine.trainer import Trainer
from digitnet.registry.exchange import READERS, ActivationNeeded, export_network, import_network
from digitnet.registry.files import RegistryError
from digitnet.registry.model import Model

CASES = np.random.default_rng(5).normal(size=(50, 4))
CHOICES = [
    {"hidden": hidden, "output": output, "cost": cost}
    for hidden in ACTIVATIONS
    if hidden != "softmax"
    for cost, forms in COSTS.items()
    for form in forms
    for output in form.outputs or ACTIVATIONS
]
TYPES = cycle([(np.float32, True), (np.float64, True), (np.float32, False)])
KINDS: list[dict[str, Any]] = [
    choice | {"dtype": dtype, "bias": bias}
    for choice, (dtype, bias) in zip(CHOICES, TYPES, strict=False)
]


def answers(named: Model) -> Any:
    network = named.trainer.answering()
    return network.forward(CASES.astype(network.dtype)).copy()


def test_every_kind_comes_back_to_the_bit_and_programs_answer_the_same(tmp_path: Path) -> None:
    for number, kinds in enumerate(KINDS):
        named = rich(**kinds)
        before, expected = everything(named), answers(named)
        x = CASES.astype(kinds["dtype"])
        named.trainer.change(replace(named.trainer.settings, pixels=("unit", "raw")[number % 2]))
        for suffix in READERS:
            path = tmp_path / f"x.{suffix}"
            assert export_network(named, path) == path.stat().st_size
            back = import_network(path)
            assert np.array_equal(answers(back), expected)
            assert back.network.cost_name == kinds["cost"]
            assert back.trainer.settings.pixels == named.trainer.settings.pixels
            assert (back.recipe, back.data) == ("good", "sample11")
            assert back.trained_on == ["sample", "mnist"]
            assert (back.name, back.saved_at, back.trainer.averages) == ("", "", None)
            assert back.trainer.progress.batches == 0
        assert np.abs(onnx_answers(path, x) - expected).max() <= 1e-5
        assert np.abs(numpy_answers(tmp_path, named, x) - expected).max() <= 1e-5
        named.trainer.change(replace(named.trainer.settings, pixels="unit"))
        assert everything(named) == before


def onnx_answers(path: Path, x: Any) -> Any:
    model = InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (outputs,) = model.get_inputs(), model.get_outputs()
    assert given.shape == ["cases", x.shape[1]]
    assert outputs.name == "outputs"
    return model.run(["outputs"], {given.name: x})[0]


def numpy_answers(folder: Path, named: Model, x: Any) -> Any:
    """The answers of the program that `export x.py` writes."""
    for suffix in ("npz", "py"):
        export_network(named, folder / f"x.{suffix}")
    program = {"__file__": str(folder / "x.py"), "__name__": "x"}
    exec((folder / "x.py").read_text(encoding="utf-8"), program)
    return program["answer"](x)  # type: ignore[operator]


def layered(shape: str, dropout: float = 0.0, pixels: str = "unit") -> tuple[Model, Any]:
    network = network_of(shape)
    network.initialize(1)
    x = np.random.default_rng(3).normal(size=(7, network.inputs)).astype(np.float32)
    network.measure_statistics([x])
    return Model(Trainer(network, Settings(dropout=dropout, pixels=pixels), 1)), x


ACTIVE = st.sampled_from(["", ":tanh", ":linear", ":sigmoid"])
PICTURED = st.sampled_from(["p2", "a2", "b", "d0.5", "4c2", "3c3"])
ROWED = st.sampled_from(["b", "d0.25", "5", "7"])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([["12"], ["9x8"], ["9x8x2"]]),
    st.lists(st.tuples(PICTURED, ACTIVE), max_size=4),
    st.lists(st.tuples(ROWED, ACTIVE), max_size=3),
    st.sampled_from([0.0, 0.5]),
)
@example(["9x8x2"], [("3c2", ""), ("b", ""), ("p2", ""), ("4c2", "")], [("7", ""), ("b", "")], 0.5)
def test_networks_of_any_layers_come_back_whole_and_answer_the_same(
    tmp_path: Path, first: list[str], pictured: Any, rowed: Any, dropout: float
) -> None:
    parts = [*pictured, *rowed] if "x" in first[0] else rowed
    texts = [kind + active * (kind[0] not in "pad") for kind, active in parts]
    try:
        named, x = layered("-".join([*first, *texts, "3"]), dropout)
    except ValueError:
        return  # a window that does not fit, for one
    expected = named.network.forward(x).copy()
    for suffix in READERS:
        path = tmp_path / f"x.{suffix}"
        export_network(named, path)
        back = import_network(path).network
        kept = named.network if suffix != "onnx" else named.trainer.answering()
        assert spelled_out(back) == spelled_out(kept)
        np.testing.assert_allclose(back.forward(x), kept.forward(x), atol=1e-6)
    np.testing.assert_allclose(onnx_answers(path, x), expected, atol=1e-5)
    np.testing.assert_allclose(numpy_answers(tmp_path, named, x), expected, atol=1e-5)


@pytest.mark.parametrize("shapes", [["12-5-3", "12-7-b-3"], ["6x5-3c2-p2-3", "30-4-3", "30-3"]])
def test_a_committee_leaves_with_its_members_side_by_side(
    tmp_path: Path, shapes: list[str]
) -> None:
    models, cases = zip(*[layered(shape) for shape in shapes], strict=True)
    members = [
        (model.network, scale) for model, scale in zip(models, (1.0, 255.0, 1.0), strict=False)
    ]
    x = cases[0]
    committee = Model(Trainer(Network([Committee((x.shape[1],), members=members)], "cross-entropy"),
                              Settings(), 0), trained_on=["sample"])  # fmt: skip
    expected = committee.network.forward(x).copy()
    for suffix in READERS:
        export_network(committee, tmp_path / f"x.{suffix}")
        back = import_network(tmp_path / f"x.{suffix}")
        assert np.array_equal(back.network.forward(x), expected)
        assert (back.network.shape, back.trained_on) == (f"committee of {len(shapes)}", ["sample"])
    export_network(committee, tmp_path / "x.onnx")
    np.testing.assert_allclose(onnx_answers(tmp_path / "x.onnx", x), expected, atol=1e-5)
    np.testing.assert_allclose(numpy_answers(tmp_path, committee, x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "pixels", "name", "words"),
    [
        ("784-3-2", "unit", "pixels", "a case: its pixels row by row, 0 for paper to 1 for ink"),
        ("784-3-2", "raw", "pixels", "0 for paper to 255 for ink"),
        ("4-3-2", "unit", "inputs", "a case: its 4 numbers"),
    ],
)
def test_an_onnx_model_says_what_it_is_given_and_its_nodes_have_names(
    tmp_path: Path, shape: str, pixels: str, name: str, words: str
) -> None:
    export_network(layered(shape, pixels=pixels)[0], tmp_path / "x.onnx")
    graph = onnx.load(tmp_path / "x.onnx").graph
    assert graph.input[0].name == name
    assert words in graph.input[0].doc_string
    nodes = [node.name for node in graph.node]
    assert nodes == ["layers.0.Gemm", "layers.0.Relu", "layers.1.Gemm", "layers.1.Softmax"]


W, V, SQUARE = (
    np.random.default_rng(2).normal(size=s).astype("f") for s in ((4, 3), (3, 2), (3, 3))
)
B, C = np.arange(3, dtype="f"), np.arange(2, dtype="f")
WEIGHTS = ("npz", "safetensors")
FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "Keras": ({"arr_0": W, "arr_1": B, "arr_2": V, "arr_3": C}, "arr_0 4 x 3, arr_2 3 x 2"),
    "scikit-learn": ({"arr_0": W, "arr_1": V, "arr_2": B, "arr_3": C}, "arr_0 4 x 3, arr_1 3 x 2"),
    "PyTorch": (
        {"fc1.weight": W.T, "fc1.bias": B, "fc2.weight": V.T, "fc2.bias": C},
        "transposed): fc1.weight 4 x 3, fc2.weight 3 x 2",
    ),
    "PyTorch, numbered": (
        {"10.weight": V.T, "2.weight": W.T, "10.bias": C, "2.bias": B},
        "transposed): 2.weight 4 x 3, 10.weight 3 x 2",
    ),
    "Nielsen": (
        {"arr_0": W.T, "arr_1": V.T, "arr_2": B[:, None], "arr_3": C[:, None]},
        "transposed): arr_0 4 x 3, arr_1 3 x 2",
    ),
    "Ng": (
        {"W1": W.T, "b1": B[:, None], "W2": V.T, "b2": C[:, None]},
        "transposed): W1 4 x 3, W2 3 x 2",
    ),
    "one name before all": (
        {"net.W1": W, "net.b1": B, "net.W2": V, "net.b2": C},
        "outputs): net.W1 4 x 3, net.W2 3 x 2",
    ),
    "biases as rows": (
        {"W1": W, "b1": B[None], "W2": V, "b2": C[None]},
        "outputs): W1 4 x 3, W2 3 x 2",
    ),
    "names in another order": (
        {"out.weight": V.T, "zin.weight": W.T, "out.bias": C, "zin.bias": B},
        "transposed): zin.weight 4 x 3, out.weight 3 x 2",
    ),
}


ORDERS = {
    "npz": (["in", "one", "two", "head"], "the order of the file"),
    "safetensors": (["head", "in", "one", "two"], "the order of the names"),
}


@pytest.mark.parametrize("suffix", WEIGHTS)
def test_of_several_orders_that_fit_one_is_taken_and_told(tmp_path: Path, suffix: str) -> None:
    names, words = ORDERS[suffix]
    rng = np.random.default_rng(3)
    arrays = {f"{name}.weight": rng.normal(size=(3, 3)).astype("f") for name in ORDERS["npz"][0]}
    path, said = tmp_path / f"x.{suffix}", list[str]()
    path.write_bytes(save(arrays)) if suffix == "safetensors" else np.savez(path, **arrays)
    network = import_network(path, "relu", said.append).network
    for layer, name in zip(network.layers, names, strict=True):
        assert (layer.parameters[0].value == arrays[f"{name}.weight"].T).all()
    assert said[0].endswith(f"Other orders fit as well: this is {words}.")


@pytest.mark.parametrize("suffix", WEIGHTS)
@pytest.mark.parametrize("what", FOREIGN)
def test_weights_of_other_programs_are_understood(tmp_path: Path, suffix: str, what: str) -> None:
    arrays, words = FOREIGN[what]
    path, said = tmp_path / f"x.{suffix}", list[str]()
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    path.write_bytes(save(contiguous)) if suffix == "safetensors" else np.savez(path, **arrays)
    with pytest.raises(ActivationNeeded, match="which activation"):
        import_network(path)
    network = import_network(path, "tanh", said.append).network
    x = CASES.astype("f")
    z = np.tanh(x @ W + B) @ V + C
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.forward(x), expected, rtol=1e-5)
    assert words in said[0]
    assert "softmax outputs, tanh hidden units" in said[0]


def onnx_file(
    path: Path, case: list[int], *steps: Any, kind: int = TensorProto.FLOAT, **arrays: Any
) -> None:
    """A model of steps, each (operator, names of arrays, attributes), one after the other.

    The value before stands in the place of `_` among the names, or first.
    """
    nodes, last = [], "x"
    for number, (operator, names, attributes) in enumerate(steps):
        taken = names.split() if "_" in names.split() else ["_", *names.split()]
        inputs, last = [last if name == "_" else name for name in taken], f"v{number}"
        nodes.append(helper.make_node(operator, inputs, [last], **attributes))
    ends = [
        helper.make_tensor_value_info(name, number, ["n", *sizes])
        for name, number, sizes in (
            ("x", kind, case),
            (last, 1, [None]),
        )
    ]
    kept = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


RNG = np.random.default_rng(4)
KERNELS, DEEP = (RNG.normal(size=s).astype("f") for s in ((3, 2, 3, 3), (27, 5)))
NORM = {name: RNG.uniform(0.5, 2, 3).astype("f") for name in ("gamma", "beta", "mean", "var")}
CONV = ("Conv", "k", {"kernel_shape": [3, 3], "group": 1, "auto_pad": "VALID"})
POOL = ("MaxPool", "", {"kernel_shape": [2, 2], "strides": [2, 2]})
NORMED = ("BatchNormalization", " ".join(NORM), {"epsilon": 1e-3, "momentum": 0.9})
OF_OTHERS: dict[str, tuple[str, list[int], list[Any], dict[str, Any]]] = {
    "Linear": (
        "4-3:relu-2:softmax", [4],
        [("Gemm", "w b", {"transB": 1}), ("Relu", "", {}), ("Gemm", "v c", {}),
         ("Softmax", "", {"axis": 1})],
        {"w": np.ascontiguousarray(W.T), "b": B, "v": V, "c": C},
    ),
    "without biases, then with, and logits": (
        "4-3:tanh-2:softmax", [1, 2, 2],
        [("Reshape", "s", {}), ("MatMul", "w", {}), ("Tanh", "", {}), ("MatMul", "v", {}),
         ("Add", "c", {})],
        {"s": np.array([-1, 4]), "w": W, "v": V, "c": C},
    ),
    "bytes, which it divides by 255": (
        "4-2:softmax", [4], [("Mul", "f", {}), ("Gemm", "v c", {}), ("Softmax", "", {})],
        {"f": np.float32(1 / 255), "v": W[:, :2], "c": C},
    ),
    "bytes, divided by 255 as they are": (
        "4-2:softmax", [4],
        [("Cast", "", {"to": 1}), ("Mul", "f", {}), ("Gemm", "v c", {}), ("LogSoftmax", "", {})],
        {"f": np.float32(1 / 255), "v": W[:, :2], "c": C},
    ),
    "one logit": (
        "4-3:tanh-1:sigmoid", [4],
        [("Gemm", "w b", {}), ("Tanh", "", {}), ("Gemm", "v", {})],
        {"w": W, "b": B, "v": V[:, :1]},
    ),
    "bytes, divided by 256": (
        "committee of 1", [4], [("Div", "f", {}), ("Gemm", "v c", {}), ("Softmax", "", {})],
        {"f": np.float32(256), "v": W[:, :2], "c": C},
    ),
    "pictures, of which rows are made with the channels first": (
        "8x8x2-3c3:sigmoid-p2-5:softmax", [2, 8, 8],
        [CONV, POOL, ("Sigmoid", "", {}), ("Flatten", "", {}), ("Gemm", "d", {}),
         ("LogSoftmax", "", {})],
        {"k": KERNELS, "d": DEEP},
    ),
    "pictures with the channels last, as in TensorFlow": (
        "8x8x2-3c3:relu-p2-5:softmax", [8, 8, 2],
        [("Transpose", "", {"perm": [0, 3, 1, 2]}), CONV, ("Relu", "", {}), POOL,
         ("Transpose", "", {"perm": [0, 2, 3, 1]}), ("Reshape", "s", {}), ("MatMul", "d", {}),
         ("Add", "e", {}), ("Softmax", "", {})],
        {"k": KERNELS, "d": DEEP, "e": DEEP[0], "s": np.array([-1, 27])},
    ),
    "another epsilon, before and after rows are made": (
        "8x8x2-3c3:linear-b:relu-a2-b:linear-5:softmax", [2, 8, 8],
        [CONV, NORMED, ("Relu", "", {}), ("AveragePool", "", POOL[2]), ("Flatten", "", {}),
         ("BatchNormalization", "g g g g", {}), ("Gemm", "d", {}), ("Softmax", "", {})],
        {"k": KERNELS, "d": DEEP, "g": RNG.uniform(0.5, 2, 27).astype("f"), **NORM},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OF_OTHERS)
def test_onnx_models_of_other_programs_are_understood(tmp_path: Path, what: str) -> None:
    shape, case, steps, arrays = OF_OTHERS[what]
    path, said = tmp_path / "x.onnx", list[str]()
    x = np.random.default_rng(1).normal(size=(6, *case)).astype("f")
    kind = TensorProto.FLOAT
    if steps[0][0] == "Cast":
        x, kind = np.arange(x.size, dtype=np.uint8).reshape(x.shape), TensorProto.UINT8
    onnx_file(path, case, *steps, kind=kind, **arrays)
    network = import_network(path, "", said.append).network
    model = InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = model.run(None, {"x": x})[0]
    if expected.shape[1] == 1:
        expected = 1 / (1 + np.exp(-expected))
    elif steps[-1][0] != "Softmax":
        expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    ours = (
        x.transpose(0, 2, 3, 1)
        if len(case) == 3 and case[2] != 2
        else (x / (255 if "f" in arrays else 1)).astype("f")
    )
    np.testing.assert_allclose(network.forward(ours.reshape(6, -1)), expected, rtol=1e-4, atol=1e-5)
    assert said[-1] == f"Understood as {shape}, pixels from 0 to 1."
    added = {"Softmax": "Understood|pixels", "LogSoftmax": "logarithmic: a softmax is added"}
    assert re.search(added.get(steps[-1][0], "linear: a (softmax|sigmoid) is added"), said[0])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"w": np.zeros(3, "f")}, "no matrices"),
        ({"w": W, "v": SQUARE[:2]}, "do not fit together"),
        ({"0.weight": W, "1.weight": B, "1.bias": B, "3.weight": SQUARE}, "as biases of .'0.wei"),
        ({"w": W, "b": B, "c": B}, "1 matrices and 2 vectors"),
        ({"conv1.weight": np.zeros((2, 1, 3, 3), "f"), "w": W}, "only these are read"),
        ({"w": W, "v": V.astype(float)}, "two precisions"),
        ({"w": W, "v": V * np.inf}, "not a finite number"),
        ({"w": np.zeros((4, 0), "f")}, "no dense layer"),
        ({"w": np.zeros((4, 3), np.int64)}, "plain numbers"),
    ],
)
def test_what_is_no_dense_network_is_refused(
    tmp_path: Path, arrays: dict[str, Any], words: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(RegistryError, match=words):
        import_network(tmp_path / "x.npz", "relu")


def test_numpy_and_safetensors_read_what_is_written(tmp_path: Path) -> None:
    weights = plain().network.layers[1].weights
    for suffix in WEIGHTS:
        export_network(plain(), tmp_path / f"x.{suffix}")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert json.loads(str(file["about"]))["layers"][0] == {
            "kind": "dense",
            "config": {"units": 3, "activation": "relu", "bias": True},
        }
        assert np.array_equal(file["layers.1.weights"], weights)
    tensors = load((tmp_path / "x.safetensors").read_bytes())
    assert np.array_equal(tensors["layers.1.weights"], weights)


def test_what_cannot_be_imported_again_or_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged, path = plain(), tmp_path / "x.npz"
    damaged.network.layers[0].weights[0, 0] = np.nan
    path.write_bytes(b"before")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(RegistryError, match="nothing was written"):
        export_network(damaged, path)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RegistryError, match="No space left on device; nothing was written"):
        export_network(plain(), path)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x.npz"]  # noqa: PTH208


@pytest.mark.parametrize("package", ["safetensors", "onnx"])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for module in (package, f"{package}.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / f"x.{package}"
    with pytest.raises(RegistryError, match=f"pip install {package}"):
        export_network(plain(), path)
    assert not path.exists()

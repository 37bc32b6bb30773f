"""Networks that go to other programs and come back: the same answers, whole files or none."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime import InferenceSession
from registry_helpers import everything, plain, rich
from safetensors.numpy import load

from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.network import COSTS
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Trainer
from digitnet.registry.exchange import FORMATS, export_network, import_network
from digitnet.registry.files import RegistryError
from digitnet.registry.model import Model

READ = [name for name, chosen in FORMATS.items() if chosen.read]
CASES = np.random.default_rng(5).normal(size=(50, 4))
KINDS: list[dict[str, Any]] = [
    {"hidden": hidden, "output": output, "cost": cost, "dtype": dtype, "bias": bias}
    for hidden in ACTIVATIONS
    if hidden != "softmax"
    for cost, forms in COSTS.items()
    for form in forms
    for output in form.outputs or ACTIVATIONS
    for dtype, bias in ((np.float32, True), (np.float64, True), (np.float32, False))
]


def answers(named: Model) -> Any:
    network = named.trainer.answering()
    return network.forward(CASES.astype(network.dtype)).copy()


@pytest.mark.parametrize("suffix", READ)
def test_every_kind_comes_back_and_answers_to_the_bit(tmp_path: Path, suffix: str) -> None:
    for kinds in KINDS:
        named = rich(**kinds)
        before = everything(named)
        path = tmp_path / f"x.{suffix}"
        assert export_network(named, path) == path.stat().st_size
        assert everything(named) == before
        back = import_network(path)
        assert np.array_equal(answers(back), answers(named))
        assert back.network.cost_name == kinds["cost"]
        assert (back.recipe, back.data, back.trained_on) == (
            "good",
            "sample11",
            ["sample", "mnist"],
        )
        assert (back.name, back.saved_at, back.trainer.averages) == ("", "", None)
        assert back.trainer.progress.batches == 0


@pytest.mark.parametrize("suffix", READ)
def test_the_scale_of_the_pixels_comes_along(tmp_path: Path, suffix: str) -> None:
    named = plain()
    named.trainer.settings = named.trainer.settings.changed("pixels", "raw")
    export_network(named, tmp_path / f"x.{suffix}")
    assert import_network(tmp_path / f"x.{suffix}").trainer.settings.pixels == "raw"


def test_onnxruntime_answers_the_same(tmp_path: Path) -> None:
    for kinds in KINDS:
        named = rich(**kinds)
        export_network(named, tmp_path / "x.onnx")
        model = InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
        (pixels,), (outputs,) = model.get_inputs(), model.get_outputs()
        assert (pixels.name, pixels.shape) == ("pixels", ["cases", 4])
        assert (outputs.name, outputs.shape) == ("outputs", ["cases", 2])
        for count in (1, 50):
            given = {"pixels": CASES[:count].astype(kinds["dtype"])}
            (got,) = model.run(["outputs"], given)
            assert np.abs(got - answers(named)[:count]).max() <= 1e-5
    about = json.loads(model.get_modelmeta().custom_metadata_map["about"])
    assert about["shape"] == "4-3-2"


LAYERED = [
    "9x8-4c3-p2-3",
    "9x8-4c3:tanh-a2-6-3",
    "9x8x2-3c2-b-p2-4c2-b-7-b-3",
    "9x8-p2-4c2-d0.5-3",
    "9x8-4c3:linear-p3-5:sigmoid-d0.25-3",
    "12-b-5-3",
    "12-5-d0.5-b-3",
]


@pytest.mark.parametrize("shape", LAYERED)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_networks_of_any_layers_answer_the_same(tmp_path: Path, shape: str, dropout: float) -> None:
    network = network_of(shape)
    network.initialize(1)
    x = np.random.default_rng(3).normal(size=(7, network.inputs)).astype(np.float32)
    network.measure_statistics([x])
    named = Model(Trainer(network, Settings(dropout=dropout), 1))
    expected = network.forward(x).copy()
    np.testing.assert_allclose(named.trainer.answering().forward(x), expected, atol=1e-6)
    for suffix in READ:
        export_network(named, tmp_path / f"x.{suffix}")
        back = import_network(tmp_path / f"x.{suffix}").network
        np.testing.assert_allclose(back.forward(x), expected, atol=1e-6)
    export_network(named, tmp_path / "x.onnx")
    model = InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (got,) = model.run(["outputs"], {"pixels": x[:count]})
        np.testing.assert_allclose(got, expected[:count], atol=1e-5)


def test_the_scale_of_the_pixels_stands_in_the_onnx_model(tmp_path: Path) -> None:
    import onnx

    for scale, words in (("unit", "divided by 255"), ("raw", "255 for ink")):
        named = plain()
        named.trainer.settings = named.trainer.settings.changed("pixels", scale)
        export_network(named, tmp_path / "x.onnx")
        assert words in onnx.load(tmp_path / "x.onnx").graph.input[0].doc_string


def test_numpy_and_safetensors_read_what_is_written(tmp_path: Path) -> None:
    named = plain()
    export_network(named, tmp_path / "x.npz")
    export_network(named, tmp_path / "x.safetensors")
    weights = named.network.layers[1].weights
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert json.loads(str(file["about"]))["layers"] == [
            {"kind": "dense", "config": {"units": 3, "activation": "relu", "bias": True}},
            {"kind": "dense", "config": {"units": 2, "activation": "softmax", "bias": True}},
        ]
        assert np.array_equal(file["layers.1.weights"], weights)
    tensors = load((tmp_path / "x.safetensors").read_bytes())
    assert np.array_equal(tensors["layers.1.weights"], weights)


def test_what_cannot_be_imported_again_is_not_written(tmp_path: Path) -> None:
    named = plain()
    named.network.layers[0].weights[0, 0] = np.nan
    path = tmp_path / "x.npz"
    path.write_bytes(b"before")
    with pytest.raises(RegistryError, match="nothing was written"):
        export_network(named, path)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x.npz"]  # noqa: PTH208


def test_a_failing_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"before")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RegistryError, match="No space left on device; nothing was written"):
        export_network(plain(), path)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x.npz"]  # noqa: PTH208


@pytest.mark.parametrize(("suffix", "package"), [("safetensors", "safetensors"), ("onnx", "onnx")])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, package: str
) -> None:
    for module in (package, f"{package}.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / f"x.{suffix}"
    with pytest.raises(RegistryError, match="pip install"):
        export_network(plain(), path)
    assert not path.exists()

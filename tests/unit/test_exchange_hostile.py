"""Files to be imported that nobody vouches for: each is refused in one line, and nothing runs."""

import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from registry_helpers import make_loop, make_pipe, plain, soon
from safetensors.numpy import save
from test_exchange import KERNELS, WEIGHTS, onnx_file

from digitnet.digits import files
from digitnet.registry import exchange
from digitnet.registry.exchange import READERS, import_network
from digitnet.registry.files import RegistryError


def parts() -> tuple[dict[str, Any], dict[str, Any]]:
    about, arrays = exchange._contents(plain())
    return json.loads(about), arrays


def parts_1() -> tuple[dict[str, Any], dict[str, Any]]:
    """The same network as export format 1 had it."""
    about, arrays = parts()
    del about["layers"], about["input_shape"]
    old = {"digitnet": 1, "dtype": "float32", "activations": ["relu", "softmax"]}
    return about | old, arrays


def npz(about: Any, arrays: dict[str, Any]) -> bytes:
    text = about if isinstance(about, str) else json.dumps(about)
    file = io.BytesIO()
    np.savez(file, about=np.array(text), **arrays)
    return file.getvalue()


def tensors(about: Any, arrays: dict[str, Any]) -> bytes:
    return save(arrays, {"about": about if isinstance(about, str) else json.dumps(about)})


def changed(**fields: Any) -> Callable[[Any, Any], Any]:
    return lambda about, arrays: (about | fields, arrays)


def with_array(name: str, array: Any) -> Callable[[Any, Any], Any]:
    return lambda about, arrays: (about, arrays | {name: array})


ZEROS = np.zeros((4, 3), np.float32)
FLAT = ("Flatten", "", {})
WRONG: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a newer format": (changed(digitnet=3), "export format 3"),
    "not JSON": (lambda about, arrays: ("{", arrays), "not JSON"),
    "deep JSON": (lambda about, arrays: ("[" * 60_000, arrays), "not JSON"),
    "a huge number": (lambda about, arrays: ('{"digitnet": ' + "9" * 5000 + "}", arrays), "JSON"),
    "no layers": (changed(layers=[]), "no layer"),
    "another shape": (changed(shape="4-3-3"), "not have the shape"),
    "a scale nobody knows": (changed(pixels="inverted"), "pixels"),
    "a field too many": (changed(extra=1), "does not know"),
    "escapes in a name": (changed(data="\x1b[31mx"), "control characters"),
    "an array too many": (with_array("layers.7.weights", ZEROS), "no layer"),
    "infinite weights": (with_array("layers.0.weights", ZEROS + np.inf), "finite"),
}
WRONG_1: list[tuple[Callable[[Any, Any], Any], str]] = [
    (changed(activations=[]), "no layer"),
    (changed(activations=[1, 2]), "should be a str"),
    (changed(activations=["relu"] * 3), "has no 'weights'"),
    (with_array("layers.0.weights", np.ones((4, 5), "f")), "shape"),
]


@pytest.mark.parametrize("suffix", WEIGHTS)
@pytest.mark.parametrize("what", WRONG)
def test_what_no_network_is_like_is_refused(tmp_path: Path, suffix: str, what: str) -> None:
    change, words = WRONG[what]
    data = {"npz": npz, "safetensors": tensors}[suffix](*change(*parts()))
    assert re.search(words, refused(tmp_path, f"x.{suffix}", data))


def test_export_format_1_is_read_and_what_no_network_of_it_is_like_is_refused(
    tmp_path: Path,
) -> None:
    for change, words in WRONG_1:
        assert words in refused(tmp_path, "x.npz", npz(*change(*parts_1())))
    path = tmp_path / "x.npz"
    path.write_bytes(npz(*parts_1()))
    weights = import_network(path).network.parameters[0].value
    assert weights.tobytes() == plain().network.parameters[0].value.tobytes()


def refused(folder: Path, name: str, data: bytes) -> str:
    """The reason for which a file is refused, which is one line."""
    path = folder / name
    path.write_bytes(data)
    with pytest.raises(RegistryError) as caught:
        import_network(path)
    assert path.read_bytes() == data
    reason = str(caught.value).removeprefix(f"{str(path)!r} cannot be imported: ")
    assert "\n" not in reason
    return reason


def zipped(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npy(text: str, content: bytes = b"", how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of one member with this header."""
    header = (text + "\n").encode()
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    return zipped({FIRST: start + header + content}, how)


def claiming(descr: str, shape: str, content: bytes = b"", **how: int) -> bytes:
    fields = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return npy(fields, content, **how)


class Evil:
    ran = False

    def __reduce__(self) -> Any:
        return exec, ("import test_exchange_hostile; test_exchange_hostile.Evil.ran = True",)


FIRST = "layers.0.weights.npy"
BAD_NPZ: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a whole"),
    "a pickle": (pickle.dumps(Evil()), "not a whole"),
    "no description": (zipped({FIRST: b""}), "plain numbers"),
    "another's member": (npz("{}", {"w1": ZEROS}), "has no 'digitnet'"),
    "an empty zip file": (zipped({}), "no matrices of weights"),
    "traversal": (npz(*with_array("../x", ZEROS)(*parts())), "belong to no layer"),
    "objects": (npz(*with_array("x", np.array([Evil()]))(*parts())), "plain numbers"),
    "a pickled member": (zipped({FIRST: pickle.dumps(Evil())}), "plain numbers"),
    "a header that is code": (npy("__import__('os').system('x')"), "plain numbers"),
    "a header without end": (npy("(" * 60_000, how=zipfile.ZIP_STORED), "plain numbers"),
    "a structured type": (claiming("[('a', '<f4')]", "(1,)"), "plain numbers"),
    "a type of no size": (claiming("'<U0'", "(9999999999,)"), "plain numbers"),
    "a shape of terabytes": (claiming("'<f4'", "(9999999999, 999)"), "not what its shape asks"),
    "a bomb": (claiming("'<f4'", "(9, 9)", bytes(5 << 20)), "would unpack to more than"),
    "more than its shape": (claiming("'<f4'", "(9, 9)", bytes(1000)), "not what its shape asks"),
    "a long description": (npz("x" * 65_537, {}), "description is too long"),
    "members without number": (zipped({f"{k}.npy": b"" for k in range(2001)}), "too many members"),
    "another packing": (
        claiming("'<f4'", "(1, 1)", bytes(4), how=zipfile.ZIP_LZMA), "numpy does not use",
    ),
    "half a file": (npz(*parts())[:-300], "not a whole"),
    "a member twice": (npz(*parts()).replace(b"layers.1.w", b"layers.0.w"), "member twice"),
}  # fmt: skip


def test_what_would_run_does_run_where_it_is_unpickled() -> None:
    pickle.loads(pickle.dumps(Evil()))
    assert Evil.ran
    Evil.ran = False


@pytest.mark.parametrize("what", BAD_NPZ)
def test_hostile_npz_files_are_refused(tmp_path: Path, what: str) -> None:
    data, words = BAD_NPZ[what]
    assert words in refused(tmp_path, "x.npz", data)
    assert not Evil.ran


def test_a_description_that_is_no_text_and_a_flipped_bit_are_refused(tmp_path: Path) -> None:
    for array in (np.zeros(()), np.frombuffer(b"\xff" * 4, "<U1")):
        file = io.BytesIO()
        np.savez(file, about=array)
        assert "not a text" in refused(tmp_path, "x.npz", file.getvalue())
    data = npz(*parts())
    where = data.index(b"\n", data.index(FIRST.encode())) + 5
    flipped = data[:where] + bytes([data[where] ^ 1]) + data[where + 1 :]
    assert "not a whole" in refused(tmp_path, "x.npz", flipped)


BAD_TENSORS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a whole"),
    "a pickle": (pickle.dumps(Evil()), "header is too long"),
    "a header of gigabytes": ((1 << 40).to_bytes(8, "little") + b"{}", "header is too long"),
    "a deep header": ((9000).to_bytes(8, "little") + b"[" * 9000, "not a whole"),
    "no description": (save({"x": ZEROS[0]}), "no description of a network, and no matrices"),
    "another's type": (save({"x": ZEROS.astype(np.float16)}, {"format": "pt"}), "not one that"),
    "whole numbers": (
        tensors(*with_array("layers.0.weights", np.ones((4, 3), np.int64))(*parts())),
        "not one that",
    ),
    "half a file": (tensors(*parts())[:-3], "not a whole"),
    "something after the end": (tensors(*parts()) + b"x", "not a whole"),
}


@pytest.mark.parametrize("what", BAD_TENSORS)
def test_hostile_safetensors_files_are_refused(tmp_path: Path, what: str) -> None:
    data, words = BAD_TENSORS[what]
    assert words in refused(tmp_path, "x.safetensors", data)


LAYER = ("Gemm", "w b", {})
BAD_ONNX: dict[str, tuple[list[int], list[Any], dict[str, Any], str]] = {
    # size of a case, steps, arrays, why
    "an operator of none": ([4], [LAYER, ("Erf\x1b[2J", "", {})], {}, "an unknown operator"),
    "one of a stranger": ([4], [("Gemm", "w b", {"domain": "x"})], {}, "an unknown operator"),
    "margins": ([2, 8, 8], [("Conv", "k", {"pads": [1] * 4})], {}, "'pads' = [1, 1, 1, 1]"),
    "an attribute of none": ([4], [("Gemm", "w b", {"y\x1b": [9] * 999})], {}, "'y\\x1b' = [9, 9"),
    "windows that overlap": (
        [2, 8, 8], [("MaxPool", "", {"kernel_shape": [3, 3], "strides": [2, 2]})], {}, "side by",
    ),
    "a kernel of another depth": (
        [3, 8, 8], [("Conv", "k", {}), FLAT, ("Gemm", "deep", {})], {}, "not have the shape",
    ),
    "rows as pictures": ([8, 8], [("Conv", "k", {})], {}, "its input has 2 dimensions"),
    "pictures on their side": (
        [2, 8, 8],
        [("Transpose", "", {"perm": [0, 1, 3, 2]}), ("Conv", "k", {}), FLAT, LAYER],
        {}, "no picture with",
    ),
    "mixed cases": ([4], [("Transpose", "", {"perm": [1, 0]}), LAYER], {}, "it mixes cases"),
    "a softmax within": ([4], [LAYER, ("Softmax", "", {}), ("Gemm", "v", {})], {}, "not valid"),
    "two activations": ([4], [LAYER, ("Relu", "", {}), ("Relu", "", {})], {}, "no layer before"),
    "an activation of nothing": ([4], [("Relu", "", {}), LAYER], {}, "no layer before it"),
    "a softmax over cases": ([4], [LAYER, ("Softmax", "", {"axis": 0})], {}, "over the outputs"),
    "a sum of nothing": ([4], [LAYER, ("Add", "b", {})], {}, "not follow a MatMul"),
    "a factor within": ([4], [LAYER, ("Mul", "b", {})], {}, "only the input is multiplied"),
    "a layer of a mean": ([4], [LAYER, ("Mean", "x", {}), LAYER], {}, "takes no value, or several"),
    "a mean of linear outputs": ([4], [LAYER, ("Mean", "x", {})], {}, "averages linear outputs"),
    "a mean of logarithms": (
        [4], [LAYER, ("LogSoftmax", "", {}), ("Mean", "x", {})], {}, "averages logarithmic",
    ),
    "a mean of a mean": ([4], [("Mean", "x", {})] * 2, {}, "or averages others"),
    "a mean with a constant": ([4], [LAYER, ("Mean", "b", {})], {}, "or averages others"),
    "weights times cases": ([4], [("MatMul", "w _", {})], {}, "first input is a constant"),
    "one divided by cases": ([4], [("Div", "b _", {}), LAYER], {}, "first input is a constant"),
    "weights of bytes": ([4], [LAYER], {"w": ZEROS.astype("u1")}, "not one that"),
    "weights that do not fit": ([5], [LAYER], {}, "its input has 5 numbers"),
    "weights that are not finite": ([4], [LAYER], {"w": ZEROS * np.nan}, "not a finite number"),
    "a variance below zero": (
        [4], [("BatchNormalization", "n n n n", {}), LAYER], {}, "'variance' is below zero",
    ),
    "another's variance": (
        [4], [("BatchNormalization", "n n n n", {"epsilon": 2.0}), LAYER], {}, "not a finite",
    ),
    "half precision": ([4], [LAYER], {"w": ZEROS.astype("e")}, "not of float32 or float64"),
    "nothing": ([4], [("Flatten", "", {})], {}, "is empty"),
    "too many numbers": ([1 << 21], [LAYER], {}, "has too many"),
    "a size that is not told": ([None], [LAYER], {}, "does not tell how many numbers"),  # type: ignore[list-item]
    "nodes without end": ([4], [("Flatten", "", {})] * 1001, {}, "at most 1,000 nodes"),
    "one array again and again": (
        [4], [("Reshape", "row large", {})] * 130, {"large": np.zeros(1 << 19, "f")}, "again",
    ),
    "a mean without end": ([1 << 20], [("Mean", "x " * 99, {})], {}, "again and"),
    "sizes that are no sizes": ([4], [("Reshape", "s", {})], {}, "cannot reshape"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_ONNX)
def test_models_that_no_network_is_like_are_refused(tmp_path: Path, what: str) -> None:
    case, steps, arrays, words = BAD_ONNX[what]
    usual = {"w": ZEROS, "b": ZEROS[0], "v": ZEROS[:3], "n": -np.ones(4, "f"), "k": KERNELS}
    usual |= {"deep": np.zeros((108, 5), "f"), "s": np.array([-5]), "row": np.array([-1, 4])}
    onnx_file(tmp_path / "x.onnx", case, *steps, **usual | arrays)
    reason = refused(tmp_path, "x.onnx", (tmp_path / "x.onnx").read_bytes())
    assert words in reason
    assert reason.isprintable()


def test_numbers_in_another_file_are_not_opened_and_a_damaged_model_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.onnx"
    onnx_file(path, [4], LAYER, w=ZEROS, b=ZEROS[0])
    data, model = path.read_bytes(), onnx.load(path)
    for end in range(0, len(data), 7):
        refused(tmp_path, "x.onnx", data[:end])
    assert "not a whole" in refused(tmp_path, "x.onnx", b"\x08\x00" * 200_000)
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd", 0, 48)
    assert "another file" in refused(tmp_path, "x.onnx", model.SerializeToString())


@pytest.mark.parametrize("suffix", READERS)
def test_what_is_no_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    for make, words in (
        (lambda: None, "No such file"),
        (lambda: make_loop(path), "symbolic link"),
        (lambda: (path.unlink(), path.symlink_to("/dev/zero")), "not a regular file"),
        (lambda: (path.unlink(), make_pipe(path)), "not a regular file"),
        (lambda: (path.unlink(), path.mkdir()), "is a folder"),
    ):
        make()
        with pytest.raises(RegistryError, match=words):
            soon(lambda: import_network(path))


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with path.open("wb") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(RegistryError, match="larger than 256 MiB"):
        import_network(path)


def test_an_array_of_objects_is_not_unpickled_even_where_its_header_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = pickle.dumps(Evil())
    header = io.BytesIO()
    fields = {"descr": "|O", "fortran_order": False, "shape": (1, len(payload))}
    np.lib.format.write_array_header_1_0(header, fields)
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("layers.0.weights.npy", header.getvalue() + payload)
    lax = rb"\x93NUMPY\x01\x00..\{.*\|(O)'.*'shape': \((1), ([0-9]+)\), \} *\n"
    monkeypatch.setattr(files, "_HEADER", re.compile(lax, re.DOTALL))
    with pytest.raises(RegistryError):
        import_network(path)
    assert not Evil.ran

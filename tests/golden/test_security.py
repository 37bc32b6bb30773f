"""SECURITY.md says what is true: its tests are there, and its bounds are the code's."""

import re

from transcript import ROOT

from digitnet.digits import files as digit_files
from digitnet.registry import codec, exchange, files, from_onnx, recovery, saves
from digitnet.repl.terminal import history

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
BOUNDS = [
    f"at most {files.MAX_BYTES >> 20} MiB, {codec.MAX_DEPTH} levels, {codec.MAX_VALUES:,} values, "
    f"{codec.MAX_ITEMS:,} items in a list and {codec.MAX_STRING:,} bytes in a string",
    f"no file may stand for more than {exchange.MAX_EXPANSION} times its size",
    f"a header of at most {exchange.MAX_HEADER >> 20} MiB",
    f"at most {from_onnx.MAX_FIELDS:,} fields and {from_onnx.MAX_NODES:,} nodes",
    f"MNIST's files have at most {digit_files.MAX_IDX >> 20} MiB",
    f"the last {saves.KEPT_VERSIONS} overwritten versions",
    f"waited for up to {saves.LOCK_SECONDS} seconds",
    f"every {recovery.BUSY_SECONDS:.0f} seconds of a training",
    f"the last {history.MAX_BYTES // 1000} kB",
]


def test_the_tests_that_it_names_are_there_and_it_names_all_of_faults() -> None:
    named = set(re.findall(r"`(\w+/test_\w+\.py)`", SECURITY))
    there = {f"{path.parent.name}/{path.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    assert named <= there
    assert {name for name in there if name.startswith("faults/")} <= named


def test_its_bounds_are_those_of_the_code() -> None:
    assert [bound for bound in BOUNDS if bound not in SECURITY] == []


def test_the_readme_leads_to_it() -> None:
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")

"""What saves cost: no command takes more than a gibibyte, or 50 times the size of a large save."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Tally
from hostile_helpers import CHILDS_ENVIRONMENT

from digitnet.engine.network import Committee, Network
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Trainer
from digitnet.registry.model import Model
from digitnet.registry.saves import Registry

CHILD = Path(__file__).with_name("memory_child_helpers.py")
SHAPES = {
    "many wide layers": "-".join(["28x28", "334c1", *["a1"] * 55, "p28", "10"]),
    "many units": "-".join(["784", "1", *["200000", "1"] * 5, "10"]),
    "many channels": "-".join(["28x28", *["64c1"] * 55, "p28", "10"]),
    "many norms": "-".join(["28x28", "64c3", *["b"] * 55, "p26", "10"]),
    "many dropouts": "-".join(["784", "1", "200000", *["d0.5"] * 50, "1", "10"]),
    "large kernels": "28x28-300c14-p15-10",
    "many weights": "784-6000-700-10",
}
LIMIT = 1024  # MiB
PER_SIZE = 50  # MiB for each MiB of a save
pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")


def network(kind: str) -> Network:
    made = network_of(SHAPES[kind.removeprefix("a committee of ")])
    made.initialize(1)
    if kind.startswith("a committee"):
        return Network([Committee((784,), members=[(made, 1.0)])], "cross-entropy")
    return made


@pytest.mark.full
@pytest.mark.parametrize("kind", [*SHAPES, "a committee of many wide layers"])
def test_no_command_takes_more_than_is_promised(tmp_path: Path, tally: Tally, kind: str) -> None:
    model = Model(Trainer(network(kind), Settings(), 1), data="sample")
    entry = Registry(tmp_path).save(model, "x").entry
    limit = max(LIMIT, PER_SIZE * entry.bytes / (1 << 20))
    done = subprocess.run(
        [sys.executable, CHILD, tmp_path], env=CHILDS_ENVIRONMENT, capture_output=True, check=False
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr[-1000:]
    large = [each for each in told if each["mib"] > limit or each["unforeseen"]]
    assert large == []
    tally(f"memory of every command: {kind}", len(told), len(told) - len(large))

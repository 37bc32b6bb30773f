"""Training cut in two, with a save between, is training in one go, to the bit."""

import json
import subprocess

from conftest import Program
from terminal_helpers import command


def test_200_and_another_200_in_a_new_process_are_400(
    program: Program, environment: dict[str, str]
) -> None:
    """unit/test_registry_layers.py has every optimizer and setting."""
    begin = "n 784-24-10; set optimizer adamw; set rate 0.001; set schedule one-cycle 3e"
    whole = program("--json", "-c", f"{begin}; t 400; c 3; ch all").stdout
    program("-c", f"{begin}; t 200; pas half")
    line = command(("--json", "-c", "l half; t 200; c 3; ch all"))
    rest = subprocess.check_output(line, env=environment, text=True)
    *_, case, checked = whole.splitlines()
    assert rest.splitlines()[-2:] == [case, checked]
    assert json.loads(checked)["accuracy"] > 0.5

"""Training cut in two, with a save between, is training in one go, to the bit."""

import json
import subprocess

import pytest
from conftest import Program
from terminal_helpers import command

SETTINGS = {
    "sgd": "set optimizer sgd; set rate 0.1",
    "momentum": "set optimizer momentum",
    "nesterov": "set optimizer nesterov",
    "rmsprop": "set optimizer rmsprop; set rate 0.001",
    "adam": "set optimizer adam; set rate 0.001; set schedule cosine 600",
    "adamw": "set optimizer adamw; set rate 0.001; set schedule one-cycle 3e",
    "dropout": "set dropout 0.3; set schedule step 2e",
    "average": "set average 0.99; set schedule exponential 500",
    "penalties": "set l1 0.0001; set l2 0.001; set clip 1; set max_norm 2",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_200_and_200_are_400(program: Program, environment: dict[str, str], name: str) -> None:
    begin = f"n 784-24-10; set schedule constant; {SETTINGS[name]}"
    whole = program("--json", "-c", f"{begin}; t 400; c 3; ch all")
    program("-c", f"{begin}; t 200; pas half")
    line = ("--json", "-c", "l half; t 200; c 3; ch all")
    rest = program(*line).stdout
    if name == "adamw":  # in a process that shares nothing with this one
        rest = subprocess.check_output(command(line), env=environment, text=True)
    *_, case, checked = whole.stdout.splitlines()
    assert rest.splitlines()[-2:] == [case, checked]
    assert json.loads(checked)["accuracy"] > 0.5

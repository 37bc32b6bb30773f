"""The diaries' networks that need more than mini-batches: scipy's minimisers, and the notebook."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Program

from digitnet.digits.datasets import SOURCES
from digitnet.engine.evaluate import evaluate
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.insight.rehearsal import untrained_copy
from digitnet.recipes import RECIPES, build

SEEDS = ["1", *(pytest.param(s, marks=pytest.mark.full) for s in "23")]


def results(program: Program, commands: str, *flags: str) -> dict[str, dict[str, Any]]:
    """The last result of each command."""
    done = program("--json", *flags, "-c", commands)
    assert done.returncode == 0, done.stderr
    return {line["command"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("method", ["l-bfgs", "cg"])
def test_a_minimiser_lowers_the_cost_of_all_cases(program: Program, method: str) -> None:
    found = results(program, f"n devember; set cases 800; min 20 {method}; ch all; i")
    assert found["min"]["iterations"] == 20
    assert found["min"]["method"] == method
    assert found["min"]["cost"] < 0.5
    assert found["ch"]["accuracy"] > 0.85
    assert found["i"]["trained_on"] == ["sample"]
    assert found["i"]["trained_batches"] >= 20


def test_a_minimised_network_can_be_saved_and_trained_further(program: Program) -> None:
    found = results(program, "n devember; min 5; pas one; l one; set batch 32; t 1e; ch all")
    assert found["t"]["samples"] == 3500
    assert found["ch"]["accuracy"] > 0.5


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_untrained_copy_has_the_initial_weights_of_its_recipe(recipe: str) -> None:
    trainer = build(RECIPES[recipe], 1).trainer
    pairs = zip(trainer.network.parameters, untrained_copy(trainer).network.parameters, strict=True)
    assert all(np.array_equal(p.value, copied.value) for p, copied in pairs)


@pytest.mark.parametrize("recipe", ["diary", "devember", "notebook", "truth", "mini"])
def test_the_gradient_of_every_recipe_is_right(program: Program, recipe: str) -> None:
    found = results(program, f"n {recipe}; set l1 0.001; set l2 0.01; grad")
    assert found["grad"]["checked"] == 20
    assert found["grad"]["max_relative_error"] <= 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_is_checked_where_the_cost_is_not_cut_off(program: Program, seed: str) -> None:
    for shape in ("784-30-10", "relu"):
        found = results(program, f"n {shape}; set pixels raw; grad", "--seed", seed)
        assert found["grad"]["max_relative_error"] <= 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_notebook_on_the_sample(program: Program, seed: str) -> None:
    done = program("--json", "--seed", seed, "-c", "n notebook; t 1; t 399e; t 100e; ch all")
    first, at_400, _, checked = map(json.loads, done.stdout.splitlines()[1:])
    assert 6 < first["cost"] < 13
    assert 1.2 < at_400["cost"] < 1.8
    assert 0.54 < at_400["train_accuracy"] < 0.66
    assert 0.42 < checked["accuracy"] < 0.57


@pytest.mark.full
def test_the_better_notebook_is_far_better(program: Program) -> None:
    assert results(program, "n notebook-better; t 100e; ch all")["ch"]["accuracy"] > 0.87


def test_the_notebook_as_others_reproduced_it(mnist: Path) -> None:
    """Over 20 seeds elsewhere: cost 1.53 +- 0.07, 60.7 +- 1.3 % and 46.0 +- 2.3 %. Here cases and
    weights are drawn otherwise: within two of these, or of our own spreads (docs/figures.md).
    """
    data = SOURCES["mnist11"].read([mnist]).as_seen(1000, "raw")
    costs, on_train, on_test = [], [], []
    for seed in range(10):
        named = build(RECIPES["notebook"], seed)
        for amount in ("400e", "100e"):
            run(named.trainer, data.train, data.validation, Amount.parse(amount))
            if amount == "400e":
                measured = named.trainer.measure(data.train)
                costs.append(measured.cost)
                on_train.append(measured.accuracy)
        on_test.append(evaluate(named.network, data.test, np.arange(1000)).accuracy)
    assert np.mean(costs) == pytest.approx(1.53, abs=0.14)
    assert np.mean(on_train) == pytest.approx(0.607, abs=0.05)
    assert np.mean(on_test) == pytest.approx(0.46, abs=0.05)


@pytest.mark.parametrize(
    ("commands", "least", "most"),
    [
        ("n devember; min 150", 0.977, 1),
        ("n devember; min 150 cg", 0.97, 1),
        ("n relu; t 2e", 0.982, 1),
        ("n relu; t 20e", 0.989, 1),
        ("n fast; t 60s", 0.99, 1),
        ("n conv; t 5e", 0.992, 1),
        ("l champion", 0.9968, 0.9972),  # the last bits differ between machines
    ],
)
def test_accuracy_on_mnist(
    program: Program, mnist: Path, commands: str, least: float, most: float
) -> None:
    found = results(program, f"data mnist; {commands}; ch all", "--data", str(mnist))
    assert found["ch"]["set"] == "mnist test"
    assert least <= found["ch"]["accuracy"] <= most

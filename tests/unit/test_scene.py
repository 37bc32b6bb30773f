"""`look`: the numbers in the picture are the engine's, the lines are what adds up to them."""

import re
from math import ceil

import numpy as np
import pytest
from conftest import ROOT
from engine_helpers import made

from digitnet.digits.datasets import SOURCES
from digitnet.engine.arrays import Array
from digitnet.engine.layers import LAYERS, Weighted
from digitnet.engine.network import Committee, Network
from digitnet.engine.pictures import Flatten
from digitnet.insight.inside import numbers_of, scene_of
from digitnet.insight.why import backpropagate
from digitnet.repl.pictures.grid import Grid
from digitnet.repl.pictures.network import (
    NetworkPicture,
    Phase,
    number_of,
    phases,
    picture_of,
    resized,
)

SAMPLE = SOURCES["sample"].read([ROOT / "data"])
SHAPES = [
    "784-12-10",
    "784-40-d0.5-30-b-10",
    "28x28-20-10",
    "28x28-4c5-p2-6c3-10",
    "28x28-4c5:tanh-a2-b-d0.1-12-10",
    "28x28-p2-3c3-b-a2-10",
]


def engine_values(of: Network, x: Array) -> list[Array]:
    """What the engine's layers make of a case: for each with weights, after those it has above."""
    values: list[Array] = []
    a = x[np.newaxis].astype(of.dtype).reshape(1, *of.input_shape)
    for layer in of.layers:
        a = layer.forward(a)
        if isinstance(layer, Weighted):
            values.append(a[0].copy())
        elif values and not isinstance(layer, Flatten):
            values[-1] = a[0].copy()
    return values


def texts(picture: NetworkPicture, width: int = 200, height: int = 60) -> list[str]:
    picture.draw(grid := Grid(width, height))
    return ["".join(text for _, text in line) for line in grid.lines()]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", [3, 17])
def test_the_number_beside_each_unit_is_the_engines_to_the_last_digit(
    shape: str, case: int
) -> None:
    net = made(shape)
    picture = picture_of(net, SAMPLE, case)
    lines = texts(picture)
    for values in engine_values(net, SAMPLE.test.inputs[case] * np.float32(1 / 255)):
        numbers = [number_of(value) for value in numbers_of(values).tolist()]
        shown = [
            unit
            for unit, number in enumerate(numbers)
            if any(re.search(rf"\b{unit} +[█▀]+ +{re.escape(number)}\b", line) for line in lines)
        ]
        assert len(shown) >= min(len(numbers), 4)
    assert numbers == [number_of(value) for value in picture.scene.outputs]


def test_every_kind_of_layer_is_among_them() -> None:
    kinds = {layer.kind for shape in SHAPES for layer in made(shape).layers}
    assert kinds | {"committee"} == set(LAYERS)


def test_the_members_of_a_committee_stand_beside_their_answers() -> None:
    members = [made("784-12-10"), made("28x28-4c5-p2-10")]
    committee = Network([Committee((784,), members=[(m, 1.0) for m in members])], "cross-entropy")
    picture = picture_of(committee, SAMPLE, 3)
    x = SAMPLE.test.inputs[3:4] * np.float32(1 / 255)
    outputs = np.concatenate([m.forward(x).copy() for m in members])
    guess = int(outputs.mean(axis=0).argmax())
    np.testing.assert_allclose(picture.scene.outputs, outputs.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(picture.scene.columns[1].values, outputs[:, guess], rtol=1e-6)
    np.testing.assert_allclose(
        picture.scene.columns[2].links(range(10)).sum(axis=0), picture.scene.outputs, rtol=1e-6
    )
    assert [phase.kind for phase in phases(picture.scene)] == ["forward"] * 3
    title, *lines = texts(picture, 60, 20)
    at = title.index("2 members")
    numbers = [line[at] for line in lines if line[at].isdigit()]
    assert numbers == ["1", "2"]  # as `l` and `c` number them


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_and_bias_add_up_to_z(shape: str) -> None:
    net = made(shape)
    x, y = SAMPLE.test.inputs[5] / 255, SAMPLE.test.targets[5].astype(float)
    columns = scene_of(net, x, y).columns[1:]
    passes = [p for p in backpropagate(net, x, y).passes if isinstance(p.layer, Weighted)]
    for column, p in zip(columns, passes, strict=True):
        sums = column.links(range(p.z.shape[-1])).sum(axis=0)
        np.testing.assert_allclose(sums, p.z.reshape(-1, p.z.shape[-1]).sum(axis=0), atol=1e-9)
        gradient = column.links(range(p.z.shape[-1]), "change").sum(axis=0)
        np.testing.assert_allclose(gradient, -p.gradients["weights"].sum(axis=0), atol=1e-12)


def test_the_error_signal_is_what_why_shows() -> None:
    net = made("784-12-11-10")
    x, y = SAMPLE.test.inputs[5] / 255, SAMPLE.test.targets[5].astype(float)
    scene, page = scene_of(net, x, y), backpropagate(net, x, y)
    for column, p in zip(scene.columns[1:], page.passes, strict=True):
        np.testing.assert_array_equal(column.signal, p.delta)
    np.testing.assert_allclose(
        scene.columns[2].links(range(11), "backward").sum(1), page.passes[1].dx
    )


def test_the_units_that_are_shown_give_the_guess_most() -> None:
    net = made("784-100-10")
    scene = picture_of(net, SAMPLE, 5).scene
    guess = int(scene.outputs.argmax())
    given = np.abs(scene.columns[2].links([guess])[:, 0])
    shown = scene.chosen([784, 7, 10])[1]
    assert sorted(shown) == sorted(np.argsort(-given)[:7].tolist())


@pytest.mark.parametrize("side", [1, 6, 10, 23, 24, 30])
def test_a_map_is_drawn_with_its_strongest_places_in_any_size(side: int) -> None:
    for value, place in ((3.0, (7, 7)), (-2.0, (22, 1)), (0.5, (23, 23))):
        values = np.zeros((24, 24))
        values[place] = value
        drawn = resized(values, side)
        assert drawn.shape == (side, side)
        assert drawn.flat[np.abs(drawn).argmax()] == value
        assert np.count_nonzero(drawn) <= ceil(side / 24) ** 2


@pytest.mark.parametrize("width", [40, 50, 80, 120])
@pytest.mark.parametrize("height", [10, 22, 34])
@pytest.mark.parametrize(
    "shape", ["784-16-16-10", "28x28-4c5-p2-6c3-p2-150-10", "784-9-9-9-9-9-10"]
)
def test_every_size_of_screen_has_a_picture_and_says_what_is_left_out(
    shape: str, width: int, height: int
) -> None:
    lines = texts(picture_of(made(shape), SAMPLE, 5), width, height)
    assert (len(lines), {len(line) for line in lines}) == (height, {width})
    hidden = shape.count("-") - shape.count("-p2") - 1
    named = re.sub(r"\+\d+ layers?|\(\+\d+\)", "", lines[0]).split()[1:-1]
    left_out = re.search(r"\+(\d+)", lines[0])
    assert len(named) + (int(left_out[1]) if left_out else 0) == hidden


def test_phases_light_up_one_layer_after_the_other_and_show_the_signal() -> None:
    net = made("784-5-4-10")
    picture = picture_of(net, SAMPLE, 5)
    scene = picture.scene
    seen = [texts(NetworkPicture(scene, picture.case, 0, phase=phase)) for phase in phases(scene)]
    numbers = [sum(len(re.findall(r"██ +-?\d", line)) for line in lines) for lines in seen]
    assert numbers == [0, 5, 9, 19, 19, 19, 19, 19]
    assert [phase.kind for phase in phases(scene)][-1] == "change"
    signal = number_of(float(scene.columns[1].signal[2]))
    assert any(f"2 ██ {signal.rjust(6)}" in line for line in seen[-2])
    assert Phase("backward", 1) in phases(scene)

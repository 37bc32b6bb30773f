"""The tables small enough to follow by hand, and what every source of data tells."""

from pathlib import Path

import pytest

from digitnet.digits.datasets import SOURCES
from digitnet.engine.arrays import Cases

DATA = Path(__file__).parents[2] / "data"


def table(cases: Cases) -> list[tuple[list[float], list[float]]]:
    return list(zip(cases.inputs.tolist(), cases.targets.tolist(), strict=True))


TABLES = {
    "truth": [
        ([0, 0, 1], [0]),
        ([0, 1, 1], [0]),
        ([1, 0, 1], [1]),
        ([1, 1, 1], [1]),
    ],
    # no, yes: whether two or three of the switches are on
    "mini": [
        ([0, 0, 0], [1, 0]),
        ([0, 0, 1], [1, 0]),
        ([0, 1, 0], [1, 0]),
        ([0, 1, 1], [0, 1]),
        ([1, 0, 0], [1, 0]),
        ([1, 0, 1], [0, 1]),
        ([1, 1, 0], [0, 1]),
        ([1, 1, 1], [0, 1]),
    ],
    "mini3": [
        ([1, 0, 0], [1, 0, 0]),
        ([0, 1, 0], [0, 1, 0]),
        ([0, 0, 1], [0, 0, 1]),
    ],
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_cases_in_every_part(name: str) -> None:
    data = SOURCES[name].read([])
    assert table(data.train) == table(data.validation) == table(data.test) == TABLES[name]
    assert data.train.scale == 1


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_what_is_loaded(name: str) -> None:
    data = SOURCES[name].read([])
    assert str(data) == f"{name}: a table of {len(TABLES[name])} cases, 3 numbers each"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_always_here_and_its_cases_are_rows(name: str) -> None:
    source = SOURCES[name]
    assert source.is_here([])
    data = source.read([])
    assert data.picture_of(data.test, 1).tolist() == TABLES[name][1][0]


@pytest.mark.parametrize("name", ["sample", *TABLES])
def test_a_source_tells_the_size_of_its_data_before_it_is_read(name: str) -> None:
    source = SOURCES[name]
    data = source.read([DATA])
    assert (source.name, source.inputs, source.outputs) == (name, data.inputs, data.outputs)
    assert data.name == name


def test_every_data_set_knows_where_its_test_cases_are_trained_on() -> None:
    assert SOURCES["sample"].read([DATA]).tests_are_in == {"mnist"}
    for name in TABLES:
        assert SOURCES[name].read([]).tests_are_in == {name}

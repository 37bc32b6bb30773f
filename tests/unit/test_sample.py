"""That the sample, MNIST and the small tables hold the cases they should."""

import gzip
import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from digits_helpers import SAMPLE_DIGESTS

from digitnet.digits.datasets import SOURCES, DataSet, NotHere
from digitnet.engine.arrays import Cases, answers_of

DATA = Path(__file__).parents[2] / "data"


def rows(*sets: Cases) -> set[bytes]:
    return {row.tobytes() for cases in sets for row in cases.inputs}


@pytest.fixture(scope="module")
def sample() -> DataSet:
    return SOURCES["sample"].read([DATA])


@pytest.fixture(scope="module")
def mnist() -> DataSet:
    folder = os.environ.get("DIGITNET_DATA")
    if not folder:
        pytest.skip("needs all of MNIST: DIGITNET_DATA names no folder with its four files")
    try:
        return SOURCES["mnist"].read([Path(folder)])
    except NotHere:
        pytest.skip("needs all of MNIST: the folder DIGITNET_DATA has none of its files")


@pytest.mark.parametrize(("name", "of_each"), [("train", 350), ("validation", 50), ("test", 100)])
def test_each_set_of_the_sample_has_as_many_of_each_digit_shuffled(
    sample: DataSet, name: str, of_each: int
) -> None:
    cases: Cases = getattr(sample, name)
    answers = answers_of(cases.targets)
    assert np.bincount(answers).tolist() == [of_each] * 10
    assert (cases.targets.sum(axis=1) == 1).all()
    assert len(set(answers[:20].tolist())) > 5
    assert (cases.inputs.dtype, cases.inputs.shape[1]) == (np.uint8, 784)
    assert (cases.inputs.min(), cases.inputs.max()) == (0, 255)
    assert cases.inputs.max() * cases.scale == pytest.approx(1)


def test_the_files_of_the_sample_are_the_original_ones_and_no_others_are_there() -> None:
    files = {path.name.removesuffix(".gz"): path for path in DATA.glob("*ubyte*")}
    assert {
        stem: sha256(gzip.decompress(path.read_bytes())).hexdigest() for stem, path in files.items()
    } == SAMPLE_DIGESTS


def test_the_sample_is_of_pictures_its_tests_of_mnist(sample: DataSet) -> None:
    picture = sample.picture_of(sample.test, 5)
    assert picture.shape == sample.picture == (28, 28)
    assert picture.tobytes() == sample.test.inputs[5].tobytes()
    says = "3,500 cases to train, 500 to validate, 1,000 to test; 28 x 28 pixels each"
    assert str(sample) == f"sample, with {says}"
    assert sample.tests_are_in == {"mnist"}


def test_mnist_has_70000_cases(mnist: DataSet) -> None:
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (55_000, 5_000, 10_000)
    assert str(mnist) == (
        "mnist, with 55,000 cases to train, 5,000 to validate, 10,000 to test; 28 x 28 pixels each"
    )
    assert (mnist.inputs, mnist.outputs) == (SOURCES["mnist"].inputs, SOURCES["mnist"].outputs)


def test_all_of_the_sample_is_in_the_training_set_of_mnist_and_none_in_its_test_set(
    mnist: DataSet, sample: DataSet
) -> None:
    cases = rows(sample.train, sample.validation, sample.test)
    assert cases <= rows(mnist.train, mnist.validation)
    assert not cases & rows(mnist.test)
    assert mnist.tests_are_in == set()


TABLES = {
    "truth": [([0, 0, 1], [0]), ([0, 1, 1], [0]), ([1, 0, 1], [1]), ([1, 1, 1], [1])],
    "mini": [  # no, yes: whether two or three of the switches are on
        *(([0, 0, 0], [1, 0]), ([0, 0, 1], [1, 0]), ([0, 1, 0], [1, 0]), ([0, 1, 1], [0, 1])),
        *(([1, 0, 0], [1, 0]), ([1, 0, 1], [0, 1]), ([1, 1, 0], [0, 1]), ([1, 1, 1], [0, 1])),
    ],
    "mini3": [([1, 0, 0], [1, 0, 0]), ([0, 1, 0], [0, 1, 0]), ([0, 0, 1], [0, 0, 1])],
    "xor": [([0, 0], [0]), ([0, 1], [1]), ([1, 0], [1]), ([1, 1], [0])],
}


@pytest.mark.parametrize("name", ["sample", *TABLES])
def test_the_size_of_a_network_for_a_set_is_known_before_it_is_read(name: str) -> None:
    source = SOURCES[name]
    data = source.read([DATA])
    assert (source.name, source.inputs, source.outputs) == (name, data.inputs, data.outputs)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_always_here_and_has_its_cases_in_every_set(name: str) -> None:
    assert SOURCES[name].is_here([])
    data = SOURCES[name].read([])
    count, numbers = len(TABLES[name]), data.inputs
    assert str(data) == (
        f"{name}, with {count} cases to train, {count} to validate, {count} to test; "
        f"{numbers} numbers each"
    )
    assert data.tests_are_in == {name}
    for cases in (data.train, data.validation, data.test):
        pairs = zip(cases.inputs.tolist(), cases.targets.tolist(), strict=True)
        assert list(pairs) == TABLES[name]
    assert data.train.scale == 1
    assert data.picture_of(data.test, 1).tolist() == TABLES[name][1][0]


@pytest.mark.parametrize("name", ["circle", "spiral", "moons"])
def test_points_of_a_plane_are_always_the_same_and_no_line_divides_them(name: str) -> None:
    data, again = (SOURCES[name].read([]) for _ in range(2))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [300, 100, 100]
    np.testing.assert_array_equal(data.train.inputs, again.train.inputs)
    assert not rows(data.train) & rows(data.validation, data.test)
    x = np.column_stack([data.train.inputs, np.ones(300)])
    line, *_ = np.linalg.lstsq(x, data.train.targets, rcond=None)
    assert ((x @ line).argmax(axis=1) == data.train.targets.argmax(axis=1)).mean() < 0.92
    assert np.abs(data.train.inputs).max() < 6
    assert data.train.targets.mean(axis=0).tolist() == [0.5, 0.5]

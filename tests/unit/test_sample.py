"""That the sample and MNIST hold the cases they should."""

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


def rows(cases: Cases) -> set[bytes]:
    return {row.tobytes() for row in cases.inputs}


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


def test_the_sample_has_5000_cases(sample: DataSet) -> None:
    assert (len(sample.train), len(sample.validation), len(sample.test)) == (3500, 500, 1000)


@pytest.mark.parametrize(
    ("part", "of_each"), [("train", 350), ("validation", 50), ("test", 100)], ids=str
)
def test_every_part_of_the_sample_has_as_many_of_each_digit(
    sample: DataSet, part: str, of_each: int
) -> None:
    cases: Cases = getattr(sample, part)
    assert np.bincount(answers_of(cases.targets)).tolist() == [of_each] * 10
    assert (cases.targets.sum(axis=1) == 1).all()


def test_the_cases_of_the_sample_are_shuffled(sample: DataSet) -> None:
    for cases in (sample.train, sample.validation, sample.test):
        assert len(set(answers_of(cases.targets)[:20].tolist())) > 5


def test_no_case_of_the_sample_is_in_two_of_its_parts(sample: DataSet) -> None:
    parts = [rows(sample.train), rows(sample.validation), rows(sample.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 5000


def test_the_pixels_of_the_sample_are_bytes_that_the_network_sees_as_0_to_1(
    sample: DataSet,
) -> None:
    for cases in (sample.train, sample.validation, sample.test):
        assert cases.inputs.dtype == np.uint8
        assert cases.inputs.shape[1] == 784
        assert (cases.inputs.min(), cases.inputs.max()) == (0, 255)
        assert cases.inputs.max() * cases.scale == pytest.approx(1)


def test_the_pictures_of_the_sample_have_ink_in_the_middle_on_an_empty_ground(
    sample: DataSet,
) -> None:
    mean = sample.train.inputs.mean(axis=0).reshape(28, 28)
    assert mean[10:18, 10:18].mean() > 80
    assert mean[[0, -1], :].mean() < 1
    assert mean[:, [0, -1]].mean() < 1


def test_the_sample_says_what_is_loaded(sample: DataSet) -> None:
    assert str(sample) == (
        "sample: 3,500 cases to train, 500 to validate, 1,000 to test; 28 x 28 pixels each"
    )


@pytest.mark.parametrize("stem", SAMPLE_DIGESTS)
def test_the_files_of_the_sample_are_the_original_ones(stem: str) -> None:
    content = gzip.decompress((DATA / f"{stem}.gz").read_bytes())
    assert sha256(content).hexdigest() == SAMPLE_DIGESTS[stem]


def test_the_data_folder_has_no_idx_files_but_those_of_the_sample() -> None:
    assert {p.name for p in DATA.glob("*ubyte*")} == {f"{stem}.gz" for stem in SAMPLE_DIGESTS}


def test_a_case_of_the_sample_is_a_picture(sample: DataSet) -> None:
    picture = sample.picture_of(sample.test, 5)
    assert picture.shape == sample.picture == (28, 28)
    assert picture.tobytes() == sample.test.inputs[5].tobytes()


def test_mnist_has_70000_cases(mnist: DataSet) -> None:
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (55_000, 5_000, 10_000)
    assert str(mnist) == (
        "mnist: 55,000 cases to train, 5,000 to validate, 10,000 to test; 28 x 28 pixels each"
    )
    assert (mnist.inputs, mnist.outputs) == (SOURCES["mnist"].inputs, SOURCES["mnist"].outputs)


def test_all_of_the_sample_is_in_the_training_set_of_mnist_and_none_in_its_test_set(
    mnist: DataSet, sample: DataSet
) -> None:
    cases = rows(sample.train) | rows(sample.validation) | rows(sample.test)
    assert cases <= rows(mnist.train) | rows(mnist.validation)
    assert not cases & rows(mnist.test)
    assert mnist.tests_are_in == set()

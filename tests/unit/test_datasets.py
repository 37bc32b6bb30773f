"""That sets of files are found, and those that are not as they should be are refused."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from digits_helpers import SAMPLE_DIGESTS, idx
from numpy.typing import NDArray

from digitnet.digits import datasets
from digitnet.digits.datasets import MNIST_DIGESTS, SOURCES, DataSet, NotHere
from digitnet.digits.files import BadFile, read_idx
from digitnet.engine.arrays import Cases, answers_of, one_hot

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = SAMPLE_DIGESTS

Files = dict[str, NDArray[np.uint8]]


def small(brightness: int = 7) -> Files:
    """A stand-in for the sample: 503 cases to train and validate, 2 to test, all of one grey."""
    return {
        TRAIN_IMAGES: np.full((503, 28, 28), brightness, np.uint8),
        TRAIN_LABELS: np.arange(503).astype(np.uint8) % 10,
        TEST_IMAGES: np.full((2, 28, 28), brightness, np.uint8),
        TEST_LABELS: np.array([3, 9], np.uint8),
    }


def folder_with(folder: Path, files: Mapping[str, NDArray[np.uint8]], packed: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, array in files.items():
        path = folder / (f"{stem}.gz" if packed else stem)
        path.write_bytes(gzip.compress(idx(array), 1) if packed else idx(array))
    return folder


def refused(*folders: Path) -> str:
    """Why a data set cannot be used: one line."""
    with pytest.raises(BadFile) as caught:
        SOURCES["sample"].read(folders)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def brightness_of(data: DataSet) -> int:
    return int(data.train.inputs[0, 0])


def test_the_last_500_training_cases_validate(tmp_path: Path) -> None:
    files = small()
    files[TRAIN_IMAGES] = np.zeros((503, 28, 28), np.uint8)
    files[TRAIN_IMAGES][:3] = 1
    data = SOURCES["sample"].read([folder_with(tmp_path, files)])
    assert (len(data.train), len(data.validation)) == (3, 500)
    assert (data.train.inputs == 1).all()
    assert (data.validation.inputs == 0).all()
    assert answers_of(data.train.targets).tolist() == [0, 1, 2]
    assert answers_of(data.validation.targets)[:3].tolist() == [3, 4, 5]
    assert answers_of(data.test.targets).tolist() == [3, 9]


Spoil = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

SPOILED: list[tuple[str, Spoil, str]] = [
    (TRAIN_LABELS, lambda a: np.append(a[:-1], np.uint8(10)), "has the label 10; digits are 0 to"),
    (TEST_LABELS, lambda a: np.append(a[:-1], np.uint8(27)), "has the label 27; digits are 0 to"),
    (TRAIN_LABELS, lambda a: a[:-1], "502 labels for 503 pictures"),
    (TEST_LABELS, lambda a: np.append(a, a[:1]), "3 labels for 2 pictures"),
    (TRAIN_IMAGES, lambda a: a[:, :1, :1], "has pictures of 1 x 1 pixels, not of 28 x 28"),
    (TEST_IMAGES, lambda a: a.reshape(-1, 784, 1), "has pictures of 784 x 1 pixels, not of 28 x"),
    (TEST_IMAGES, lambda a: a.reshape(-1, 14, 56), "has pictures of 14 x 56 pixels, not of 28 x"),
    (TRAIN_IMAGES, lambda a: a[:, 0, 0], "has 1 dimensions, not 3"),
]


@pytest.mark.parametrize(("stem", "spoil", "says"), SPOILED)
def test_a_set_with_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, stem: str, spoil: Spoil, says: str
) -> None:
    files = small()
    files[stem] = spoil(files[stem])
    assert refused(folder_with(tmp_path, files)).startswith(f"{tmp_path / stem}.gz: {says}")


def test_too_few_cases_to_train_on_are_refused(tmp_path: Path) -> None:
    files = small() | {name: small()[name][:500] for name in (TRAIN_IMAGES, TRAIN_LABELS)}
    message = refused(folder_with(tmp_path, files))
    assert message == f"{tmp_path / TRAIN_IMAGES}.gz: has 500 cases, too few to train on"


@pytest.mark.parametrize("stem", SAMPLE_DIGESTS)
def test_a_damaged_file_of_a_set_is_refused_by_name(tmp_path: Path, stem: str) -> None:
    path = folder_with(tmp_path, small()) / f"{stem}.gz"
    path.write_bytes(path.read_bytes()[:-4])
    assert refused(tmp_path) == f"{path}: is cut short: its gzip data stops early"


@pytest.mark.parametrize(
    "present",
    [*map(set, combinations(SAMPLE_DIGESTS, 3)), {TRAIN_IMAGES, TRAIN_LABELS}, {TEST_LABELS}],
)
def test_what_is_missing_of_a_set_is_named_and_not_taken_from_another_folder(
    tmp_path: Path, present: set[str]
) -> None:
    files, missing = small(), [stem for stem in SAMPLE_DIGESTS if stem not in present]
    first = folder_with(tmp_path / "a", {stem: files[stem] for stem in present})
    second = folder_with(tmp_path / "b", {stem: files[stem] for stem in missing})
    message = f"{first}: has some files of sample, but not {', '.join(missing)}"
    assert refused(first, second) == refused(first) == message


@pytest.mark.parametrize("name", ["sample", "mnist"])
def test_digits_that_are_in_no_folder_are_not_here(tmp_path: Path, name: str) -> None:
    (tmp_path / "train-images.gz").write_bytes(b"another file")
    for folders in ([], [tmp_path], [tmp_path / "missing", tmp_path]):
        assert not SOURCES[name].is_here(folders)
        with pytest.raises(NotHere):
            SOURCES[name].read(folders)


def test_what_cannot_be_looked_into_or_is_no_file_is_no_crash(tmp_path: Path) -> None:
    for stem in SAMPLE_DIGESTS:
        (tmp_path / f"{stem}.gz").mkdir()
    for folder in (tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(NotHere):
            SOURCES["sample"].read([folder])


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    empty = folder_with(tmp_path / "empty", {})
    first = folder_with(tmp_path / "first", small(11))
    second = folder_with(tmp_path / "second", small(22))
    assert brightness_of(SOURCES["sample"].read([empty, first, second])) == 11
    assert brightness_of(SOURCES["sample"].read([second, first])) == 22


PLACES = {
    "without packing": "{stem}",
    "with dots": "{dotted}",
    "with dots, gzipped": "{dotted}.gz",
    "in folders of their names": "{stem}/{stem}",
    "in folders of their names, with dots": "{stem}/{dotted}",
    "in folders of their packed names": "{stem}.gz/{stem}",
    "as torchvision keeps them": "MNIST/raw/{stem}",
    "in a folder of its name": "mnist/{stem}.gz",
}


@pytest.fixture
def four_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Small files in place of MNIST's."""
    files = small() | {
        TRAIN_IMAGES: np.ones((5001, 28, 28), np.uint8),
        TRAIN_LABELS: np.zeros(5001, np.uint8),
    }
    contents = {stem: idx(array) for stem, array in zip(MNIST_DIGESTS, files.values(), strict=True)}
    monkeypatch.setattr(
        datasets, "read_idx", lambda path, dimensions, *_, **__: read_idx(path, dimensions)
    )
    return contents


@pytest.mark.parametrize("kind", PLACES)
def test_mnist_is_found_however_it_was_unpacked(
    tmp_path: Path, four_files: dict[str, bytes], kind: str
) -> None:
    for stem, content in four_files.items():
        path = tmp_path / PLACES[kind].format(stem=stem, dotted=stem.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    assert SOURCES["mnist"].is_here([tmp_path])
    assert len(SOURCES["mnist"].read([tmp_path / "none", tmp_path]).train) == 1


def test_what_is_not_here_says_what_was_looked_for_and_where(tmp_path: Path) -> None:
    with pytest.raises(NotHere) as caught:
        SOURCES["mnist"].read([tmp_path / "a", tmp_path / "b"])
    assert str(caught.value).endswith(
        f"looked for train-images-idx3-ubyte and so on in {tmp_path / 'a'}, {tmp_path / 'b'}"
    )


@pytest.mark.parametrize(("count", "seed"), [(50, 1), (200, 2), (499, 3)])
def test_some_of_the_cases_are_an_even_sample_drawn_from_the_seed(count: int, seed: int) -> None:
    answers = np.sort(np.repeat(np.arange(10), [20, 80, *[50] * 8]))
    cases = Cases(np.arange(500)[:, None] * np.ones((1, 784)), one_hot(answers, 10))
    data = replace(SOURCES["truth"].read([]), train=cases)
    seen = data.as_seen(count, "raw", seed).train
    assert len(seen) == count
    counts = np.bincount(answers_of(seen.targets), minlength=10)
    assert np.abs(counts - np.bincount(answers) * count / 500).max() <= 1
    assert (answers[seen.inputs[:, 0].astype(int)] == answers_of(seen.targets)).all()
    assert (seen.inputs == data.as_seen(count, "raw", seed).train.inputs).all()
    assert (seen.inputs != data.as_seen(count, "raw", seed + 1).train.inputs).any()
    assert data.as_seen(500, "raw", seed).train.inputs is cases.inputs


def test_every_file_of_mnist_is_read_against_its_own_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def reader(path: Path, dimensions: int, digest: str, **_: object) -> NDArray[np.uint8]:
        asked[path.name] = (dimensions, digest)
        return np.zeros((5001, 28, 28)[:dimensions], np.uint8)

    folder_with(tmp_path, dict(zip(MNIST_DIGESTS, small().values(), strict=True)), packed=False)
    monkeypatch.setattr(datasets, "read_idx", reader)
    SOURCES["mnist"].read([tmp_path])
    assert asked == {
        stem: (3 if "idx3" in stem else 1, digest) for stem, digest in MNIST_DIGESTS.items()
    }
    assert [digest[:8] for digest in MNIST_DIGESTS.values()] == [
        "ba891046", "65a50cbb", "0fa7898d", "ff7bcfd4"
    ]  # fmt: skip

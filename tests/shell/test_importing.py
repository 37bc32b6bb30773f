"""Data sets of one's own: imported, trained on, checked, deleted, brought back."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from digits_helpers import idx
from handwriting_helpers import Stroke, as_file
from session_helpers import Answers, do, refusal

from digitnet.digits.datasets import SOURCES
from digitnet.digits.own import TEST, TRAIN, VALIDATION, OwnCases, parts_of
from digitnet.engine.arrays import answers_of
from digitnet.registry.files import RegistryError
from digitnet.repl.session import NonInteractive, Session

SAMPLE = SOURCES["sample"].read([ROOT / "data"]).test
PICTURES = SAMPLE.inputs[:200].reshape(-1, 28, 28)
ANSWERS = answers_of(SAMPLE.targets[:200]).astype(np.uint8)


def as_pair(folder: Path) -> Path:
    folder.mkdir()
    (folder / "some-images-idx3-ubyte").write_bytes(idx(PICTURES))
    (folder / "some-labels-idx1-ubyte").write_bytes(idx(ANSWERS))
    return folder


def as_images_file(folder: Path) -> Path:
    return as_pair(folder) / "some-images-idx3-ubyte"


def as_four_files(folder: Path) -> Path:
    folder.mkdir()
    for stem, rows in (("train", slice(150)), ("t10k", slice(150, 200))):
        images, labels = idx(PICTURES[rows]), idx(ANSWERS[rows])
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return folder


def as_npz(folder: Path) -> Path:
    folder.mkdir()
    np.savez_compressed(folder / "some.npz", images=PICTURES, labels=ANSWERS)
    return folder / "some.npz"


def as_floats(folder: Path) -> Path:
    folder.mkdir()
    flat = PICTURES.reshape(200, -1).astype(np.float32) / 255
    np.savez(folder / "some.npz", x=flat, y=ANSWERS.astype(np.int64))
    return folder / "some.npz"


WAYS = [as_pair, as_images_file, as_four_files, as_npz, as_floats]


@pytest.mark.parametrize("make", WAYS)
def test_files_become_a_data_set(
    session: Session, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    (made,) = do(session, f"data import some {make(tmp_path / 'files')}")
    assert made["name"] == session.shelf.name == "some"
    assert made["train"] + made["validation"] + made["test"] == 200
    assert made["test"] >= 10
    data = session.data("some")
    seen = np.concatenate([p.inputs for p in (data.train, data.validation, data.test)])
    assert sorted(map(bytes, seen)) == sorted(map(bytes, PICTURES.reshape(200, -1)))
    other = Session(session.saves, [ROOT / "data"], tmp_path)
    again = other.data("some")
    assert (again.test.inputs == data.test.inputs).all()  # the split is kept
    assert "some" in do(other, "data")[0]["available"]


def test_the_four_files_keep_their_test_set(session: Session, tmp_path: Path) -> None:
    (made,) = do(session, f"data import some {as_four_files(tmp_path / 'files')}")
    assert made["test"] == 50


SPLITS: dict[str, tuple[dict[str, int], list[int]]] = {
    "all": ({"x_train y_train": 100, "x_val y_val": 40, "x_test y_test": 60}, [100, 40, 60]),
    "keras": ({"train_images train_labels": 100, "validation_images validation_labels": 40},
              [90, 40, 10]),
    "sklearn": ({"X_train y_train": 100, "X_valid y_valid": 40}, [90, 40, 10]),
    "no validation": ({"x_train y_train": 100, "x_test y_test": 60}, [90, 10, 60]),
    "unnamed": ({"images labels": 100, "x_val y_val": 40}, [90, 40, 10]),
}  # fmt: skip
"""The arrays in a file and how many cases each has → how many cases each part has then."""


@pytest.mark.parametrize("kind", SPLITS)
def test_an_npz_file_keeps_the_parts_that_it_names(
    session: Session, tmp_path: Path, kind: str
) -> None:
    sizes, counts = SPLITS[kind]
    arrays, start = {}, 0
    for names, size in sizes.items():
        images, labels = names.split()
        arrays[images] = PICTURES[start : start + size]
        arrays[labels] = np.arange(size) % 10
        start += size
    bad_npz(tmp_path / "some.npz", **arrays)
    (made,) = do(session, f"data import some {tmp_path / 'some.npz'}")
    assert [made[part] for part in ("train", "validation", "test")] == counts
    if "x_val y_val" in sizes:
        assert (session.data("some").validation.inputs == arrays["x_val"].reshape(40, -1)).all()


def test_a_tenth_of_each_digit_is_set_aside() -> None:
    parts = parts_of(np.repeat(np.arange(10, dtype=np.uint8), 40))
    assert [(parts == part).sum() for part in (TRAIN, VALIDATION, TEST)] == [320, 40, 40]


def write_pictures(folder: Path, rows: range) -> None:
    for row in rows:
        inner = folder / str(ANSWERS[row])
        inner.mkdir(parents=True, exist_ok=True)
        ink = Stroke.of(PICTURES[row]).drawn(60, 5)
        (inner / f"{row}.png").write_bytes(as_file(255 - 255 * ink))


def test_a_folder_of_pictures_is_trained_on_and_checked(session: Session, tmp_path: Path) -> None:
    write_pictures(tmp_path / "scans", range(30))
    (tmp_path / "scans" / "3" / "bad.png").write_bytes(b"no picture")
    *_, trained, checked = do(session, f"data import scans {tmp_path / 'scans'}; n; t 20; ch all")
    assert trained["batches"] == 20
    assert checked["set"] == "scans test"
    assert session.hand is not None
    assert session.hand.trained_on == ["scans"]
    assert session.data().train.inputs.shape[0] >= 20


def test_delete_asks_and_undo_brings_back(session: Session, tmp_path: Path) -> None:
    do(session, f"data import some {as_pair(tmp_path / 'files')}")
    session.asker = Answers(["n", "y"])
    assert "nothing was deleted" in refusal(session, "data delete some")
    assert do(session, "data delete some")[0]["name"] == "sample"
    assert "not a data set" in refusal(session, "data some")
    assert do(session, "undo")[0] == {"command": "undo", "restored": "some", "cases": 200}
    assert do(session, "data some")[0]["test"] > 0


def test_undo_takes_back_what_was_changed_last(session: Session, tmp_path: Path) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, f"n mini; pas one; data import some {as_pair(tmp_path / 'files')}; del one")
    assert do(session, "undo")[0]["restored"] == "one"


def test_an_import_over_a_set_is_asked_about(session: Session, tmp_path: Path) -> None:
    path = as_pair(tmp_path / "files")
    do(session, f"data import some {path}")
    session.asker = Answers(["n"])
    assert "nothing was imported" in refusal(session, f"data import some {path}")


REFUSED = {
    "data import": "needs a name and a path",
    "data import mine x": "mine is taken",
    "data import sample x": "sample is taken",
    "data import ../x x": "cannot be the name",
    "data import some nowhere": "is not there",
    "data import some EMPTY": "no subfolders 0 to 9",
    "data import some EMPTY/a.txt": "or an .npz file",
    "data import some EMPTY/b.npz": "not a whole .npz file",
    "data delete sample": "no data set of your own",
    "data sample more": "unexpected",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_is_refused(session: Session, tmp_path: Path, line: str) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a.txt", "b.npz"):
        (tmp_path / "empty" / name).write_bytes(b"?")
    assert REFUSED[line] in refusal(session, line.replace("EMPTY", str(tmp_path / "empty")))
    assert session.shelf.own.names() == []


def bad_npz(path: Path, **arrays: object) -> None:
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"images": np.array([{}]), "labels": ANSWERS}, "plain numbers"),
        ({"images": PICTURES, "labels": ANSWERS[:-1]}, "199 answers for 200 pictures"),
        ({"images": PICTURES, "labels": ANSWERS + 91}, "other than 0 to 99"),
        ({"images": PICTURES[:, :20], "labels": ANSWERS}, "not of 28 x 28"),
        ({"images": PICTURES - 300.0, "labels": ANSWERS}, "not 0 to 255"),
        ({"a": PICTURES}, "no arrays called images"),
    ],
)
def test_npz_files_that_cannot_be_data_sets(
    session: Session, tmp_path: Path, arrays: dict[str, object], says: str
) -> None:
    bad_npz(tmp_path / "x.npz", **arrays)
    assert says in refusal(session, f"data import some {tmp_path / 'x.npz'}")


def test_two_programs_that_change_a_set_at_once_lose_nothing(
    session: Session, tmp_path: Path
) -> None:
    own = session.shelf.own
    one, two, three = (
        OwnCases(PICTURES[:n], ANSWERS[:n], parts_of(ANSWERS[:n])) for n in (1, 2, 3)
    )
    own.keep("some", one, None)
    place = own.place("some")
    own.keep("some", two, place)
    with pytest.raises(RegistryError, match="another program"):
        own.keep("some", three, place)
    assert len(own.read("some")) == 2
    assert [path.name for path in own.folder.iterdir()].count("some.2") == 1

"""Data sets of one's own: imported, trained on, checked, deleted, brought back."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from digits_helpers import idx
from handwriting_helpers import Stroke, as_file
from importing_helpers import (
    ANSWERS,
    COUNT,
    EIGHT,
    FLAT,
    HEADER,
    IRIS,
    LABEL_FIRST,
    ONE_HOT,
    PARTS,
    PICTURES,
    SAME,
    SWITCHES,
    UNIT,
    XOR,
    Make,
    counted,
    csv,
    files,
    npz,
    pngs,
    positional,
    resampled,
    text,
)
from scipy.spatial.distance import cdist
from session_helpers import Answers, do, refusal, shown

from digitnet.digits.datasets import SOURCES, DataSet
from digitnet.digits.importing import import_from
from digitnet.digits.own import MINE, TEST, TRAIN, VALIDATION, OwnCases, parts_of
from digitnet.engine.arrays import answers_of
from digitnet.engine.report import Stopped
from digitnet.paths import included_folder
from digitnet.registry.saves import Registry
from digitnet.repl.session import NonInteractive, Session


def nearly(data: DataSet, level: int) -> bool:
    """Whether all pictures are PICTURES, in any order, up to so much in a pixel."""
    seen = np.concatenate([p.inputs for p in (data.train, data.validation, data.test)])
    farthest = cdist(FLAT, seen, "chebyshev").min(axis=1).max()
    return len(seen) == COUNT and farthest <= level


@pytest.mark.parametrize("kind", SAME)
def test_files_of_every_kind_become_the_same_data_set(
    session: Session, tmp_path: Path, kind: str
) -> None:
    make, says = SAME[kind]
    (tmp_path / "files").mkdir()
    (made,) = do(session, f"data import some '{make(tmp_path / 'files')}'")
    assert made["name"] == session.data_sets.name == "some"
    assert says in "; ".join(made["understood"])
    assert made["left_out"] == []
    data = session.data("some")
    assert nearly(data, 2)
    assert made["validation"] >= 10
    assert made["test"] >= 10
    for part in (data.train, data.validation, data.test):  # answers still belong to the pictures
        nearest = ANSWERS[cdist(part.inputs, FLAT, "cityblock").argmin(axis=1)]
        first = 30 if kind == "EMNIST in a folder" else 0
        np.testing.assert_array_equal(nearest + first, answers_of(part.targets))


def test_a_set_is_the_same_in_another_session_and_after_another_import(
    session: Session, tmp_path: Path
) -> None:
    path = npz(images=PICTURES, labels=ANSWERS)(tmp_path)
    do(session, f"data import some {path}; data import more {path}")
    other = Session(session.saves, [ROOT / "data"], tmp_path)
    for data in (other.data("some"), session.data("more")):
        assert (data.train.inputs == session.data("some").train.inputs).all()
        assert (data.test.inputs == session.data("some").test.inputs).all()
    for told in do(other, "data; data more"):
        assert "some" in told["available"] and not {"mnist", "mine"} & {*told["available"]}


@pytest.mark.parametrize("kind", PARTS)
def test_parts_that_files_name_are_kept_apart(session: Session, tmp_path: Path, kind: str) -> None:
    make, counts = PARTS[kind]
    (tmp_path / "files").mkdir()
    (made,) = do(session, f"data import some {make(tmp_path / 'files')}")
    for part, count in zip(("train", "validation", "test"), counts, strict=True):
        assert made[part] == count or (count == 0 < made[part])
    assert made["train"] + made["validation"] + made["test"] == COUNT
    test = {bytes(row) for row in session.data("some").test.inputs}
    assert test == {bytes(row) for row in FLAT[-counts[2] :]}


def test_columns_in_another_order_are_put_in_that_of_the_first_table(
    session: Session, tmp_path: Path
) -> None:
    (tmp_path / "train.csv").write_bytes(b"p,q,label\n1,2,0\n3,4,1\n")
    (tmp_path / "test.csv").write_bytes(b"label,q,p\n1,6,5\n0,8,7\n")
    do(session, f"data import some {tmp_path}")
    data = session.data("some")
    assert sorted(data.train.inputs.tolist() + data.test.inputs.tolist()) == [
        [2, 1], [4, 3], [6, 5], [8, 7]]  # fmt: skip
    (tmp_path / "test.csv").write_bytes(b"label,q,r\n1,6,5\n0,8,7\n")
    assert "tables that differ in the columns p, r" in refusal(session, f"data import b {tmp_path}")


@pytest.mark.parametrize("kind", ["sorted", "by folders"])
def test_every_part_of_a_sorted_set_has_every_answer(
    session: Session, tmp_path: Path, kind: str
) -> None:
    order = np.argsort(ANSWERS, kind="stable")
    make = npz(images=PICTURES[order], labels=ANSWERS[order]) if kind == "sorted" else pngs(".")
    do(session, f"data import some {make(tmp_path)}; n 784-10; set cases 50")
    data = session.data_for(session.network())
    for cases, least in ((data.train, 3), (data.test, 1)):
        assert np.bincount(answers_of(cases.targets), minlength=10).min() >= least


NORMAL = np.random.default_rng(1).normal(size=(30, 64))
LETTERS = np.array([[k // 5, k % 5, chr(97 + k)] for k in range(24)], object)

TABLES = {
    "xor": (XOR.encode(), [2, 2], "a table of 2 numbers"),
    "three switches": (text(SWITCHES), [3, 2], "answers from the last column"),
    "words as answers": (IRIS.encode(), [4, 3], "answers 0 setosa, 1 versicolor, 2 virginica"),
    "words as Windows writes them": ("1,2,é\n3,4,è\n".encode("cp1252"), [2, 2], "0 è, 1 é"),
    "-1 and 1": (b"x,y,target\n-1,-1,-1\n-1,1,1\n1,-1,1\n1,1,-1\n", [2, 2], "answers 0 -1, 1 1"),
    "places": (b"x,y,name\n0.5,1.5,a\n1.5,2,b\n", [2, 2], "from column 'name'"),
    "places in whole numbers": (b"x,y,name\n0,1,a\n1,2,b\n", [2, 2], "from column 'name'"),
    "places with numbers": (b"y,x,class\n3,1.5,0\n4,2,1\n", [2, 2], "from column 'class'"),
    "columns that are only counted": (b"0,1,2,3\n8,6,7,0\n5,9,5,1\n",
        [3, 2], "0 to 3 in the first"),
    "two columns of answers": (b"a,b,digit,class\n1,2,1,0\n3,4,0,1\n",
        [2, 2], "column 'digit' left out: answers too"),
    "answers in numbers and words": (b"x,y,target,species\n1,2,1,no\n3,4,0,yes\n",
        [2, 2], "column 'target' left out"),
    "with decimal commas": (b"p;q;class\n1,5;0;1\n-0,25;1;0\n", [2, 2], "for decimal points"),
    "with points where there are no numbers": (
        b"id;p;1.000;class\n"
        + b"".join(b"%d.001;0,5;%d;%d\n" % (k, k, k % 2) for k in range(1, 9)),
        [2, 2], "for decimal points"),
    "with commas in words": (b"p;class\n1,5;1,2 abc\n2;0\n", [1, 2], "answers 0 0, 1 1,2 abc"),
    "one column": (b"p,class\n1,1\n2,0\n", [1, 2], "a table of 1 number a case: p"),
    "a y that is no answer": (b"number,y,class\n1,0.5,0\n2,0.25,1\n",
        [2, 2], "from column 'class'"),
    "as many columns as a picture": (
        (",".join([f"f{k}" for k in range(63)] + ["outcome"]) + "\n").encode()
        + b"".join(f"{k % 9},".encode() * 63 + b"%d\n" % (k % 2) for k in range(12)),
        [63, 2], "answers from column 'outcome'"),
    "named in the middle": (b"p,class,q\n0.5,0,1\n1.5,1,2\n", [2, 2], "from column 'class'"),
    "answers that rise by one": (
        text([[k >> 2, k >> 1 & 1, k & 1, k] for k in range(24)], "b2,b1,b0,decimal"),
        [3, 24], "from column 'decimal'"),
    "a letter in each row": (text(LETTERS, form="%s"), [2, 24], "answers 0 a, 1 b"),
    "a letter in each row first": (text(LETTERS[:, ::-1], form="%s"), [2, 24], "answers 0 a, 1 b"),
    "a time that rises by one": (text([[k, k % 7, k % 2] for k in range(24)], "time,p,label"),
        [2, 2], "from column 'label'"),
    "columns counted beside words": (b"0,1,2,label\n5,1,2,yes\n4,1,3,no\n",
        [3, 2], "answers 0 no, 1 yes"),
    "true and false beside others": (b"p,smoker,label\n1,TRUE,0\n2,FALSE,1\n",
        [2, 2], "from column 'label'"),
    "true and false": (b"True,False,True\nFalse,False,False\n", [2, 2], "answers 0 False, 1 True"),
    "a remark": (b"# hello\n3,2,0\n1,4,1\n", [2, 2], "from the last column"),
    "as R writes rows": (b"p q kind\n1 5 2 a\n2 6 1 b\n", [2, 2], "column 1 left out"),
    "rows of delimiters": (b"p,q,won\n1,2,0\n2,1,1\n,,\n", [2, 2], "numbers a case: p, q"),
    "large answers": (b"p,q,zip\n1,2,1000\n2,1,3000\n", [2, 2], "answers 0 1000, 1 3000"),
    "answers first, and last what is none": (
        text([[k % 3, 2.5 * k, 1000 + k] for k in range(120)], form="%g"),
        [2, 3], "answers from the first column"),
    "standardised, with headings by pandas": (
        text(np.column_stack([NORMAL, ANSWERS[:30] % 2]), counted(64) + ",target", form="%.3f"),
        [64, 2], "a table of 64 numbers"),
    "16 columns called x": (
        text(
            np.column_stack([NORMAL[:, :16], ANSWERS[:30] % 2]),
            ",".join(f"x{k}" for k in range(16)) + ",class",
            form="%.3f",
        ),
        [16, 2], "a table of 16 numbers a case: x0, x1, x2, x3, x4, ..."),
    "names beside words": (b"sample,p,q,group\ns1,1,2,a\ns2,2,1,b\ns3,1,1,a\n",
        [2, 2], "column 'sample' left out: it names the rows"),
    "few names": (b"name,p,q,won\nx,1,2,0\ny,2,1,1\nz,2,2,1\n",
        [2, 2], "column 'name' left out: it names the rows"),
    "names beside a label": (b"who,p,label\nx,1,0\ny,2,1\n", [1, 2], "column 'who' left out"),
    "identities": (b"PassengerId,p,q,won\n7,1,2,0\n3,2,1,1\n", [2, 2], "'passengerid' left out"),
    "rows numbered, without headings": (text([[k, k % 7, k % 5, k % 2] for k in range(24)]),
        [2, 2], "column 1 left out: it names the rows"),
    "a delimiter after the headings": (b"p,q,won,\n1,2,0\n2,1,1\n", [2, 2], "column 'won'"),
    "many delimiters": (b"p,q,won,,,,,,,\n1,2,0,,,,,,,\n2,1,1,,,,,,,\n",
        [2, 2], "2 other columns left out"),
    "a delimiter after the rows": (b"p,q,won\n1,2,0,\n2,1,1,\n", [2, 2], "it is empty"),
    "an answer that is rare": (
        text([[k % 7, k % 5, k // 1999] for k in range(2000)], "p,q,fraud"),
        [2, 2], "from column 'fraud'"),
    "whole numbers, too large for pixels": (
        text([[*range(900 - k, 963 - k), k // 9 % 3] for k in range(0, 900, 9)]),
        [63, 3], "answers from the last column"),
    "a label that is badly written": (b"p,label\n1,10%\n2,20%\n", [1, 2], "answers 0 10%, 1 20%"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_other_numbers_is_trained_on(
    session: Session, tmp_path: Path, kind: str
) -> None:
    content, sizes, says = TABLES[kind]
    (tmp_path / "some.csv").write_bytes(content)
    path, (inputs, outputs) = tmp_path / "some.csv", sizes
    line = f"data import some {path}; n {inputs}-8-{outputs}; set batch 2; t 9; c"
    made, *_, checked, answered = do(session, f"{line}; answer {path} {tmp_path / 'out.csv'}")
    assert [made["pixels"], made["outputs"]] == sizes
    assert says in "; ".join(made["understood"])
    assert checked["set"].startswith("some")
    columns = {note for note in made["understood"] if "column" in note}
    assert columns <= {*answered["understood"]}  # read alike
    assert answered["correct"] is not None
    assert Session(session.saves, [], tmp_path).data("some").picture is None


def test_small_digits_are_enlarged_and_read(session: Session, tmp_path: Path) -> None:
    path = npz(data=EIGHT.reshape(COUNT, 64), target=ANSWERS, images=EIGHT)(tmp_path)
    session.hand = Registry(included_folder()).load("champion")
    made, checked = do(session, f"data import small {path}; ch all")
    assert made["understood"] == ["pixels 0 to 16, light on dark", "resized from 8 x 8 to 28 x 28",
                                  "order shuffled"]  # fmt: skip
    assert checked["accuracy"] > 0.4  # of the test digits, at an eighth of the pixels


@pytest.mark.parametrize(("side", "order"), [(28, 1), (32, 3), (40, 3), (20, 1)])
def test_resized_pictures_keep_their_scale(
    session: Session, tmp_path: Path, side: int, order: int
) -> None:
    path = npz(x=resampled(side, order), y=ANSWERS)(tmp_path)
    made = do(session, f"data import some {path}")[0]
    assert made["understood"][0] == "pixels 0 to 1, light on dark"
    assert session.data("some").train.inputs.reshape(-1, 28, 28)[:, 0].mean() < 3  # paper is 0


def test_more_answers_than_ten_are_kept(session: Session, tmp_path: Path) -> None:
    letters = np.arange(COUNT) % 13 + 1
    path = npz("emnist-letters.npz", x=PICTURES.transpose(0, 2, 1), y=letters)(tmp_path)
    made = do(session, f"data import letters {path}")[0]
    assert made["outputs"] == 14
    assert "turned upright" in made["understood"]
    assert nearly(session.data("letters"), 0)


@pytest.mark.parametrize("each", [1000, 40, 10, 4, 1])
def test_about_a_tenth_is_set_aside_to_validate_and_to_test(each: int) -> None:
    cases = np.arange(10 * each, dtype=np.float32)[:, None]
    answers = np.repeat(np.arange(10, dtype=np.uint8), each)
    parts = parts_of(cases, answers)
    for part in (VALIDATION, TEST):
        counts = np.bincount(answers[parts == part], minlength=10)
        assert counts.sum() == pytest.approx(each, abs=1 + 3 * each**0.5)
        assert counts.min() >= (each >= 10)
    twice = parts_of(np.tile(cases, (2, 1)), np.tile(answers, 2))
    assert twice.tolist() == parts.tolist() * 2  # copies are not apart
    assert (parts_of(cases[:9].repeat(9, 0), answers[:9].repeat(9)) == TRAIN).all()


def test_no_case_that_was_trained_on_tests_after_another_import(
    session: Session, tmp_path: Path
) -> None:
    session.asker = NonInteractive(yes=True)
    seen = set[bytes]()
    for count in (160, 180, COUNT):
        path = npz(images=PICTURES[:count], labels=ANSWERS[:count])(tmp_path)
        do(session, f"data import some {path}")
        data = session.data("some")
        assert not seen & {*map(bytes, data.validation.inputs), *map(bytes, data.test.inputs)}
        seen |= {*map(bytes, data.train.inputs)}
    assert len(seen) < COUNT


KNOWN = SOURCES["sample"].read([ROOT / "data"]).train.inputs[:COUNT].reshape(-1, 28, 28)
FIRST, LAST = slice(COUNT // 2), slice(COUNT // 2, None)


@pytest.mark.parametrize(
    ("trained_on", "data", "seen"),
    [
        ("some", "sample", True),
        ("judge", "sample", True),  # an own set with the name of one that was made
        ("sample", "some", False),
        ("sample", "known", True),
        ("some", "some", False),
        ("one", "other", True),
        ("one", "one", False),
        ("mnist", "some", None),  # not here
        ("gone", "sample", None),
        ("hand", "some", False),
        ("hand", "sample", False),
        ("mnist", "mine", False),
        ("Python", "mine", None),
    ],
)
def test_cases_that_were_trained_on_in_another_data_set_are_seen(
    session: Session, tmp_path: Path, trained_on: str, data: str, *, seen: bool | None
) -> None:
    for name, make in {
        "some": npz(x=PICTURES, y=ANSWERS),
        "judge": npz(x=PICTURES, y=ANSWERS),
        "known": npz(x=KNOWN, y=np.arange(COUNT) % 10),
        "one": positional(PICTURES[FIRST], ANSWERS[FIRST], PICTURES[LAST], ANSWERS[LAST]),
        "other": positional(PICTURES[LAST], ANSWERS[LAST], PICTURES[FIRST], ANSWERS[FIRST]),
    }.items():
        if name in (trained_on, data):
            do(session, f"data import {name} {make(tmp_path)}")
    session.data_sets.own.keep(MINE, OwnCases(PICTURES, ANSWERS, parts_of(PICTURES, ANSWERS)), None)
    do(session, f"n 784-10; data {data}")
    hand = session.network()
    hand.trained_on = [trained_on]
    if trained_on in session.data_sets.own.names():
        hand.own_cases = session.data(trained_on).hashes["train"]
    assert do(session, "ch all")[0]["seen_in_training"] is seen
    hand.own_cases = frozenset()  # as in saves of earlier versions
    unknown = trained_on == data == "some" or trained_on == data == "one"
    assert do(session, "ch all")[0]["seen_in_training"] is (None if unknown else seen)


def test_cases_that_were_trained_on_are_seen_where_their_data_set_was_replaced_or_deleted(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.asker = NonInteractive(yes=True)
    one, other = (
        positional(PICTURES[a], ANSWERS[a], PICTURES[b], ANSWERS[b])
        for a, b in ((FIRST, LAST), (LAST, FIRST))
    )
    do(session, f"data import one {one(tmp_path)}; n 784-10; t 1; ch all; pas x")
    monkeypatch.setattr("digitnet.registry.schema.now", lambda: "2099-01-01T00:00:00+00:00")
    path = other(tmp_path)
    for line, seen in {
        "l x": False,
        f"data import one {path}; l x": True,
        "vote x x": True,
        f"data import other {path}; data delete one; l x; data other": True,
    }.items():
        do(session, line)
        assert do(session, "ch all")[0]["seen_in_training"] is seen
    assert "right on the one test set, as it was then" in shown(session, "undo one; l x", width=300)
    do(session, "t 1")
    assert session.unfinished.autosave(session.network())
    session.unfinished.release()
    told = shown(session, "data delete one; n 784-10; recover", width=300)
    assert "Its data set, one, is not here: t and checks use sample." in told


def test_a_part_without_cases_has_those_to_train() -> None:
    parts = np.array([TRAIN, TEST, TRAIN, TEST], np.uint8)
    data = OwnCases(PICTURES[:4], ANSWERS[:4], parts).data_set("x")
    assert np.array_equal(data.validation.inputs, data.train.inputs)
    assert (data.validations_are_in, data.tests_are_in) == ({"x"}, set())


def test_the_line_of_t_says_that_validation_cases_were_trained_on(session: Session) -> None:
    assert "100.00 % (cases seen in training)" in shown(session, "n truth; t 2000")
    do(session, "pas truth")
    for line in ("l truth", "i"):
        assert "validation set, seen in training" in shown(session, line).replace("\n", " ")
    assert "seen in training" not in shown(session, "n 784-4-10; t 10")


def test_drawings_in_folders_are_prepared_trained_on_and_checked(
    session: Session, tmp_path: Path
) -> None:
    for row in range(30):
        inner = tmp_path / "scans" / str(ANSWERS[row])
        inner.mkdir(parents=True, exist_ok=True)
        ink = Stroke.of(PICTURES[row]).drawn(60, 5)
        (inner / f"{row}.png").write_bytes(as_file(255 - 255 * ink))
    three = tmp_path / "scans" / "3"
    (three / "bad.png").write_bytes(b"no picture")
    (three / "two.png").write_bytes(as_file(np.tile((255 - 255 * ink).astype(np.uint8), 2)))
    for folder in (tmp_path / "scans" / "A", three / "more"):
        folder.mkdir()
        (folder / "a.png").write_bytes((inner / f"{row}.png").read_bytes())
    made, *_, trained, checked = do(
        session, f"data import scans {tmp_path / 'scans'}; n; t 20; ch all"
    )
    assert "pictures in colour or not 28 x 28 prepared as MNIST's were" in made["understood"]
    assert [reason.removeprefix(f"{three.parent}/")[:15] for reason in made["left_out"]] == [
        "3/bad.png: is n", "3/two.png: has ", "3/more: not one", "A: not one of t"]  # fmt: skip
    assert "A: not one of the folders 0 to 9 in scans; pictures in it: 1" in made["left_out"][-1]
    assert trained["batches"] == 20
    assert checked["set"] == "scans test"
    assert session.network().trained_on == ["scans"]
    assert session.data().train.inputs.shape[0] >= 20


@pytest.mark.parametrize("scale", [1, 3])
def test_few_pictures_that_look_otherwise_are_told_and_prepared_ones_have_no_say(
    session: Session, tmp_path: Path, scale: int
) -> None:
    dark = 255 - PICTURES
    made = [*np.kron(dark, np.ones((1, scale, scale), np.uint8)), *(dark, PICTURES)[scale == 1][:9]]
    contents = {f"{ANSWERS[k % COUNT]}/{k}.png": as_file(each) for k, each in enumerate(made)}
    path = files("", contents)(tmp_path)
    said = "; ".join(do(session, f"data import some {path}")[0]["understood"])
    light = (session.data("some").train.inputs.reshape(-1, 28, 28)[:, 0] > 127).all(1).sum()
    if scale == 3:
        assert ("the others dark on light, inverted" in said, light) == (True, 0)
    else:
        assert "dark on light, inverted, also 9 of 209 that look otherwise" in said
        assert light


def test_ctrl_c_leaves_nothing_behind(session: Session, tmp_path: Path) -> None:
    path = pngs(".")(tmp_path / "files")
    before = sorted(session.saves.rglob("*"))
    reports = []

    def stop(done: Any) -> None:
        reports.append(done)
        if len(reports) == 50:
            raise Stopped

    session.show = stop
    with pytest.raises(Stopped):
        import_from(path, stop)
    assert reports[-1].total == COUNT
    assert session.data_sets.own.names() == []
    assert sorted(session.saves.rglob("*")) == before


def test_delete_asks_and_undo_brings_back(session: Session, tmp_path: Path) -> None:
    do(session, f"data import some {npz(x=PICTURES, y=ANSWERS)(tmp_path)}")
    session.asker = Answers(["n", "y"])
    assert "nothing was deleted" in refusal(session, "data delete some")
    told = do(session, "data delete some")[0]
    assert (told["name"], told["deleted"]) == ("sample", ["some"])
    assert "not a data set" in refusal(session, "data some")
    assert do(session, "undo")[0] == {"command": "undo", "restored": "some", "cases": 200}
    assert do(session, "n 784-10; data some")[1]["test"] > 0
    other = Session(session.saves, [ROOT / "data"], tmp_path, asker=NonInteractive(yes=True))
    do(other, "data delete some")
    assert "undo some restores a deleted one" in refusal(session, "t 1")
    assert do(session, "data")[0]["name"] == "sample"
    do(other, "undo")
    entry = session.data_sets.own.store.find("some", data=True)
    assert entry
    (session.saves / entry.file).write_bytes((session.saves / entry.file).read_bytes()[:-1])
    session.asker = Answers(["y"])
    assert "the data set some: it is damaged; " in shown(session, "data delete some; undo")


def test_an_import_over_a_set_is_asked_about(session: Session, tmp_path: Path) -> None:
    path = npz(x=PICTURES, y=ANSWERS)(tmp_path)
    do(session, f"data import some {path}")
    session.asker = Answers(["n"])
    assert "nothing was imported" in refusal(session, f"data import some {path}")


REFUSED = {
    "data import": "needs a name and a path",
    "data import mine x": "mine is taken",
    "data import sample x": "sample is taken",
    "data import ../x x": "cannot be the name",
    "data import some nowhere": "no such file",
    "data import some FILES/none": "holds nothing that digitnet reads. It reads a folder with "
    "pictures in subfolders 0 to 9, IDX files with images in their name, .npz and .npy files and "
    "tables (.csv)",
    "data import some FILES/a.doc": "is a .doc file, which digitnet does not read",
    "data import some FILES/a.zip": "must be unpacked first",
    "data import some FILES/a.pkl": "which might run any program: save its arrays",
    "data import some FILES/b.npz": "not a whole .npz file",
    "data delete sample": "no data set of your own",
    "data sample more": "unexpected",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_is_refused(session: Session, tmp_path: Path, line: str) -> None:
    (tmp_path / "none").mkdir()
    for name in ("a.doc", "a.zip", "a.pkl", "b.npz"):
        (tmp_path / name).write_bytes(b"?")
    assert REFUSED[line] in refusal(session, line.replace("FILES", str(tmp_path)))
    assert session.data_sets.own.names() == []


CANNOT: dict[str, tuple[Make, str]] = {
    "objects": (npz(images=np.array([{}]), labels=ANSWERS), "plain numbers"),
    "too few answers": (npz(x=PICTURES, y=ANSWERS[:-1]), "199 answers for 200 cases"),
    "many answers": (npz(x=PICTURES, y=ANSWERS + 91), "answers other than 0 to 99: 100"),
    "answers below 0": (npz(x=PICTURES, y=ANSWERS - 1.0), "other than 0 to 99: -1"),
    "1 to 10": (npz(x=PICTURES, y=ANSWERS + 1), "unclear which is 0"),
    "an answer that is none": (npz(x=UNIT, y=np.where(ANSWERS, ANSWERS, np.nan)), "answer nan"),
    "an infinite answer": (npz(x=UNIT, y=np.where(ANSWERS, ANSWERS, np.inf)), "answer"),
    "an answer between two": (npz(x=UNIT, y=ANSWERS + 0.5), "answers are whole numbers"),
    "several answers": (npz(x=UNIT, y=(ONE_HOT + ONE_HOT[::-1]) > 0), "not one-hot"),
    "tiny pictures": (npz(images=PICTURES[:, :5, :5], labels=ANSWERS), "pictures of 5 x 5 pixels"),
    "long pictures": (npz(images=np.ones((9, 8, 300)), labels=ANSWERS[:9]), "8 x 300 pixels"),
    "five dimensions": (npz(x=np.ones((9, 2, 2, 2, 2)), y=ANSWERS[:9]), "9 x 2 x 2 x 2 x 2"),
    "one grey": (npz(x=np.full((9, 28, 28), 7), y=ANSWERS[:9]), "whose pixels are all 7"),
    "no numbers": (npz(x=np.where(UNIT, UNIT, np.nan), y=ANSWERS), "not finite numbers"),
    "standardised pixel by pixel": (
        npz(x=np.nan_to_num((UNIT - UNIT.mean(0)) / (UNIT.std(0) + 1e-9)), y=ANSWERS),
        "cannot be undone"),
    "standardised picture by picture": (
        npz(x=(UNIT - UNIT.mean((1, 2), keepdims=True)) / UNIT.std((1, 2), keepdims=True),
            y=ANSWERS), "no scale"),
    "noise": (npz(x=np.random.default_rng(0).normal(size=(200, 28, 28)), y=ANSWERS), "no scale"),
    "numbers": (npz(x=np.float64(3), y=np.float64(1)), "an array of 1, not of cases"),
    "answers before their cases": (positional(ANSWERS, PICTURES), "of 200, not of cases, called a"),
    "parts that lack answers": (npz(x_train=PICTURES, y_train=ANSWERS, x_test=PICTURES),
                                "has no answers to some or all"),
    "answers alone": (files("", {"a.csv": b"label\n1\n2\n"}), "no column of numbers but"),
    "other names": (npz(a=PICTURES, b=ANSWERS, c=ANSWERS), "no arrays called images"),
    "no answers": (npz(images=PICTURES), "has no answers"),
    "pictures alone": (files("", {"some-images-idx3-ubyte": idx(PICTURES)}),
                       "no file of answers beside it: looked for some-labels-idx1-ubyte"),
    "a table without answers": (csv(FLAT, HEADER.partition(",")[2]), "has no answers"),
    "pixels alone, which are counted": (csv(FLAT + np.eye(784)[-1] * ANSWERS[:, None]),
                                        "has no answers to some or all cases; answer reads"),
    "a short row": (files("", {"a.csv": b"1,2,0\n3,4,1\n5,1\n"}), "2 columns in row 3, not 3"),
    "an answer missing": (files("", {"a.csv": b"label,p,q\n,1,2\n1,3,4\n"}),
                          "nothing in column 1 of row 1, not a number"),
    "a word missing": (files("", {"a.csv": b"p,q,label\n1,2,\n3,4,yes\n5,6,no\n"}),
                       "has no answer in row 1"),
    "an answer that goes on": (
        files("", {"a.csv": b"p,q,label\n1,2,no\n3,4," + b"y" * 201 + b"\n5,6,no\n"}),
        "has an answer of over 200 characters in row 2"),
    "answers that begin alike": (
        files("", {"a.csv": b"p,q,label\n" + b"".join(
            b"%d,2,%s%d\n" % (n, b"y" * 40, n % 2) for n in range(9))}),
        "has different answers whose first 40 characters are the same"),
    "a pixel missing": (files("", {"a.csv": text(LABEL_FIRST, HEADER).replace(b",0,", b",,", 1)}),
                        "nothing in column 2 of row 1, not a number"),
    "numbered pixels": (csv(np.column_stack([np.arange(60), FLAT[:60]])), "has no answers"),
    "dummy variables": (files("", {"a.csv": b"survived,age,port_c,port_q,port_s\n"
                                   + b"1,30,0,0,1\n0,40,0,1,0\n1,50,1,0,0\n"}), "has no answers"),
    "two dummies": (files("", {"a.csv": b"age,sex_f,sex_m\n3,0,1\n4,1,0\n"}), "has no answers"),
    "countless columns": (files("", {"a.csv": b"1," * 200_000}), "more than 100,000 columns"),
    "a cell that is long": (files("", {"a.csv": b"1,2,a\n3,4," + b"b" * 200_000}), "too long"),
    "a quote that does not end": (files("", {"a.csv": b'1,yes\n2,no\n3,"no\n4,yes\n'}),
                                  "a quoted cell that does not end in its line"),
    "a hole": (files("", {"a.csv": b"1,2,0\n3,,1\n"}), "nothing in column 2 of row 2"),
    "a word": (files("", {"a.csv": b"1,2,0\n3,x,1\n"}), "'x' in column 2 of row 2, not a number"),
    "thousands with commas": (
        files("", {"a.csv": b'p,q,label\n"1,100",1,0\n"1,200",2,1\n'}),
        "has '1,100' in column 1 of row 1, not a number"),
    "thousands beside hundreds": (
        files("", {"a.csv": b"p;q;label\n900;1;0\n1,100;2;1\n"}), "has '1,100' in column 1"),
    "thousands with points": (
        files("", {"a.csv": b"p;q;label\n1,5;900;0\n1,6;1.005;1\n"}),
        "has decimal commas, and '1.005': write thousands without points"),
    "prices": (
        files("", {"a.csv": b"p,q,label\n$1.5,1,0\n$2.5,2,1\n"}), "has '$1.5' in column 1"),
    "a long row where a column is left out": (
        files("", {"a.csv": b"id,p,q,label\n1,0,0.5,0\n2,1,0,47,1\n3,1,0.5,1\n"}),
        "has 5 columns in row 2, not 4"),
    "per cent signs": (
        files("", {"a.csv": b"p,q,good\n40%,1,0\n50%,2,1\n"}), "has '40%' in column 1 of row 1"),
    "several words": (npz(x=UNIT, y=np.array([["a", "b"]] * COUNT)), "2 words as the answer"),
    "words": (files("", {"a.csv": b"a,b,c\nd,e,f\n"}), "not numbers"),
    "names of files": (
        files("", {"a.csv": b"filename,label\n1.png,1\n2.png,2\n"}), "no column of numbers but"),
    "nothing but words": (files("", {"a.csv": b"who,label\nx,1\nx,2\n"}), "words in column 'who'"),
    "LibSVM": (files("", {"mnist.scale": b"5 153:0.01 154:0.07\n"}, "mnist.scale"), ".scale file"),
    "a header alone": (files("", {"a.csv": b"a,b,label\n"}), "has headings but no rows"),
    "an empty table": (files("", {"a.csv": b"\n"}), "holds no table"),
    "no text": (files("", {"a.csv": bytes(range(256))}), "is not text"),
    "half of a packed table": (files("", {"a.csv.gz": gzip.compress(text(SWITCHES))[:-9]}),
                               "nor a whole gzip file"),
    "regression": (files("", {"a.csv": b"1,2,0.25\n3,4,1\n"}), "answer 0.25"),
    "a number too large": (files("", {"a.csv": b"1,2,0\n3,1e99,1\n"}), "not finite"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CANNOT)
def test_what_is_no_data_set_is_refused_in_one_line(
    session: Session, tmp_path: Path, kind: str
) -> None:
    make, says = CANNOT[kind]
    message = refusal(session, f"data import some {make(tmp_path)}")
    assert says in message
    assert len(message.splitlines()) == 1
    assert session.data_sets.own.names() == []

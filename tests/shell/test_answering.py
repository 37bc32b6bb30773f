"""`answer` writes what a network says to a table of pictures, as Kaggle takes it."""

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from importing_helpers import (
    ANSWERS,
    COUNT,
    FLAT,
    HEADER,
    LABEL_FIRST,
    ONE_HOT,
    PICTURES,
    UNIT,
    XOR,
    Make,
    counted,
    csv,
    files,
    named_rows,
    npz,
    text,
)
from scipy import ndimage
from session_helpers import Answers, do, refusal, shown

from digitnet.digits.recognize import DIGITS
from digitnet.engine.arrays import answers_of
from digitnet.paths import included_folder
from digitnet.registry.saves import Registry
from digitnet.repl.session import NonInteractive, Session


@pytest.fixture
def reader(session: Session) -> Session:
    """A session with the network that is included in hand."""
    session.hand = Registry(included_folder()).load("champion")
    return session


PIXELS = HEADER.partition(",")[2]

TABLES: dict[str, tuple[Make, int | None]] = {
    "Kaggle's test.csv": (csv(FLAT, PIXELS, "test.csv"), None),
    "without a header": (csv(FLAT, name="test.csv"), None),
    "dark on light": (csv(255 - FLAT, PIXELS), None),
    "0 to 1": (csv(UNIT.reshape(COUNT, -1), PIXELS, form="%.6g"), None),
    "numbered": (csv(np.column_stack([np.arange(COUNT), FLAT]), f"ImageId,{PIXELS}"), None),
    "columns counted": (csv(FLAT, counted(784)), None),
    "columns and rows counted": (
        csv(np.column_stack([np.arange(COUNT), FLAT]), f",{counted(784)}"),
        None,
    ),
    "numbered from 5": (csv(np.column_stack([np.arange(COUNT) + 5, FLAT]), f"nr,{PIXELS}"), None),
    "rows numbered, without a header": (csv(np.column_stack([np.arange(COUNT), FLAT])), None),
    "rows named": (named_rows(LABEL_FIRST, f"image_name,{HEADER}"), COUNT),
    "sideways": (csv(PICTURES.transpose(0, 2, 1).reshape(COUNT, -1), PIXELS), None),
    "with answers": (csv(LABEL_FIRST, HEADER), COUNT),
    "with answers that are one-hot": (csv(np.column_stack([FLAT, ONE_HOT])), COUNT),
    "with words": (npz(x=PICTURES, y=np.array(DIGITS)[ANSWERS]), COUNT),
    "with words that are other ones": (npz(x=PICTURES, y=np.array([*"abcdefghij"])[ANSWERS]), None),
    "Kaggle's folder": (
        files(
            "",
            {
                "train.csv": text(LABEL_FIRST[:9], HEADER),
                "test.csv": text(FLAT, PIXELS),
                "sample_submission.csv": b"ImageId,Label\n1,0\n2,0\n",
            },
        ),
        None,
    ),
    "arrays without answers": (npz(images=PICTURES), None),
    "arrays with answers": (npz(x_test=PICTURES, y_test=ANSWERS), COUNT),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_answered_in_its_order(reader: Session, tmp_path: Path, kind: str) -> None:
    make, known = TABLES[kind]
    line = f"answer {make(tmp_path)} {tmp_path / 'submission.csv'}"
    (result,) = do(reader, line)
    heading, *rows = (tmp_path / "submission.csv").read_text().splitlines()
    assert heading == "ImageId,Label"
    names, answers = zip(*(row.split(",") for row in rows), strict=True)
    first = 5 if "from 5" in kind else 0 if "rows" in kind or "number" in kind else 1
    name = "img_{}.png" if "named" in kind else "{}"
    assert [*names] == [name.format(k) for k in range(first, first + COUNT)]
    assert (np.array(answers, int) == ANSWERS).mean() > 0.98
    assert result["answers"] == COUNT
    assert (result["correct"] or COUNT) > 0.98 * COUNT
    assert (result["correct"] is None) == (known is None)
    assert "pixels" in "; ".join(result["understood"])


def test_small_pictures_are_answered_as_ch_checks_them(session: Session, tmp_path: Path) -> None:
    (*_, checked) = do(session, "data sample11; n 121-30-10; t 300; ch all")
    test = session.data("sample11").test
    path = csv(np.column_stack([answers_of(test.targets), test.inputs]), "")(tmp_path)
    (answered,) = do(session, f"answer {path} {tmp_path / 'out.csv'}")
    assert (answered["answers"], answered["correct"]) == (1000, checked["correct"])


def test_words_are_those_of_the_data_set(session: Session, tmp_path: Path) -> None:
    words = np.array(["cat", "dog, or wolf", "fish"])[ANSWERS % 3]
    some, train = words != "cat", npz(x=PICTURES, y=words)(tmp_path)
    test = npz("test.npz", x=PICTURES[some], y=words[some])(tmp_path)
    do(session, f"data import some {train}; n 784-30-10; t 300; pas some")
    other = Session(session.saves, [ROOT / "data"], tmp_path)
    answered = do(other, f"l some; answer {test} {tmp_path / 'out.csv'}")[1]
    assert answered["correct"] > 0.9 * some.sum()
    assert '1,"dog, or wolf"' in (tmp_path / "out.csv").read_text()
    assert "0 cat, 1 dog, or wolf, 2 fish" in shown(other, "cm")


def test_upright_pictures_are_not_taken_for_swapped_ones(session: Session, tmp_path: Path) -> None:
    ones = np.tile(PICTURES[ANSWERS == 1], (4, 1, 1))
    leaning = ndimage.rotate(ones, 40, (1, 2), reshape=False, order=1)
    session.asker = NonInteractive(yes=True)
    do(session, "n; t 300")
    for pictures in (np.roll(PICTURES, 4, 2), leaning):
        flat = pictures.reshape(len(pictures), -1)
        answered = np.column_stack([np.ones(len(flat)), flat])
        for make in (csv(flat, PIXELS), csv(answered, HEADER)):
            (result,) = do(session, f"answer {make(tmp_path)} {tmp_path / 'out.csv'}")
            assert "swapped" not in "; ".join(result["understood"])


GATES = "a,b,c\n0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n"
OTHERS = {
    "the same answers in other words": "a,b,c\n0,0,sí\n0,1,da\n1,0,da\n1,1,sí\n",
    "numbers": "a,b,c\n0,0,1\n0,1,0\n",
    "more answers": "a,b,c\n0,0,x\n0,1,y\n1,0,z\n",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_words_and_accuracies_are_those_of_the_set_that_was_trained_on(
    session: Session, tmp_path: Path, kind: str
) -> None:
    session.asker = NonInteractive(yes=True)
    ask, out, gates, other = (tmp_path / f"{name}.csv" for name in ("ask", "out", "gates", "other"))
    gates.write_text(GATES)
    other.write_text(OTHERS[kind])
    ask.write_text("a,b,c\n0,0,0\n1,1,1\n")
    first, second = f"data import some {gates}", f"data import some {other}"
    trained, then = "n 2-4-2; t 1; ch all; pas x", "of the some test set, seen in training"
    for line, is_replaced in {
        f"{first}; {trained}": False,
        second: True,
        f"{second}; {first}; {trained}": False,
        "undo some": True,  # to an older one
        "data delete some": False,
    }.items():
        do(session, line)
        for how in ("i", "l x"):
            said, end = shown(session, how, width=300), ", as it was then" * is_replaced
            assert f"{then}{end}" in said.replace("right on", "of")
            assert ("as it was then" in said) == is_replaced
        (answered,) = do(session, f"answer {ask} {out}")
        assert {*out.read_text().split()[1:]} <= {"1,no", "1,yes", "2,no", "2,yes"}
        assert answered["correct"] is None
        assert "not compared: the network has no answer '0'" in "; ".join(answered["understood"])
    assert do(session, "vote x x; i")[1]["answers"] == ["no", "yes"]
    do(session, f"l x; export {tmp_path / 'x.npz'}; import {tmp_path / 'x.npz'}")
    assert session.network().words == ("no", "yes")
    session.network().words = ()  # as in saves of earlier versions
    (answered,) = do(session, f"{first}; answer {ask} {out}")[1:]
    assert answered["correct"] is not None
    assert "answers written as numbers: the network has not" in "; ".join(answered["understood"])
    do(session, f"data xor; n 2-4-1; t 1; answer {ask} {out}")
    assert {*out.read_text().split()[1:]} <= {"1,0", "1,1", "2,0", "2,1"}


def test_an_answer_in_other_words_than_those_trained_on_is_told(
    session: Session, tmp_path: Path
) -> None:
    session.asker = NonInteractive(yes=True)
    for name, rows in {"one": GATES, "two": OTHERS["the same answers in other words"]}.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(rows)
        do(session, f"data import {name} {path}")
    answer = do(session, "data one; n 2-4-2; t 1; c 0")[-1]["answer"]
    assert f"answer {answer} {'yes' if answer else 'no'}: " in shown(session, "c 0")
    now = "0 da (trained as no): " if answer else "1 sí (trained as yes): "
    assert f"answer {now}" in shown(session, "data two; c 0")
    for line in ("ch all", "pas old; vote old", "data two; n 2-4-2; t 1; diff old"):
        assert "0 da (trained as no), 1 sí (trained as yes)\n" in shown(session, line)
    do(session, "l old; data two")
    assert f"answer {now[:4]}: " in shown(session, "t 1; c 0")


def test_a_table_of_other_numbers_is_answered(session: Session, tmp_path: Path) -> None:
    (tmp_path / "gates.csv").write_text(XOR)
    (tmp_path / "ask.csv").write_text("0,0\n0,1\n1,0\n1,1\n0,1\n")
    do(session, f"data import gates {tmp_path / 'gates.csv'}; n 2-8-2; set batch 4; set rate 0.1")
    line = f"t 2000; answer {tmp_path / 'ask.csv'} {tmp_path / 'out.csv'}"
    assert do(session, line)[1]["correct"] is None
    rows = (tmp_path / "out.csv").read_text().split()[1:]
    assert rows == ["1,0", "2,1", "3,1", "4,0", "5,1"]


NUMBERED = np.array([[k, k % 7, k % 5, k % 2] for k in range(24)])

ROWS = {
    "told by the heading": ("PassengerId,p,q,won", "PassengerId,p,q\n8,1,2\n5,2,1\n", "8 5"),
    "a time": ("time,p,q,won", "time,p,q\n0,1,2\n1,2,1\n", "1 2"),
    "told by the number of columns": ("", "3,1.5,2.5\n5,2,1.25\n", "3 5"),
    "with answers": ("", "3,1,2,0\n5,2,1,0\n", "3 5"),
    "answers alone": ("", "3,1,2\n3,2,1\n", "1 2"),
    "words that differ": ("", "a,1,2\nb,2,1\n", "a b"),
    "numbers or answers": ("", "3,1,2\n5,2,1\n", "head them with id and label"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_inputs_are_those_that_were_trained_on_and_rows_have_their_names(
    session: Session, tmp_path: Path, kind: str
) -> None:
    headings, asked, expected = ROWS[kind]
    path, ask, out = csv(NUMBERED, headings)(tmp_path), tmp_path / "ask.csv", tmp_path / "out.csv"
    ask.write_text(asked)
    (made, *_) = do(session, f"data import some {path}")
    do(session, f"n {made['pixels']}-2-2")
    if len(expected) > 3:
        assert expected in refusal(session, f"answer {ask} {out}")
        return
    do(session, f"answer {ask} {out}")
    assert [row.partition(",")[0] for row in out.read_text().split()[1:]] == expected.split()


def test_what_cannot_be_answered_is_refused_and_nothing_is_written(
    reader: Session, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    (tmp_path / "gates.csv").write_text(XOR)
    path = csv(FLAT, PIXELS, "test.csv")(tmp_path)
    assert "takes 784 numbers" in refusal(reader, f"answer {tmp_path / 'gates.csv'} {out}")
    assert "there is no such file" in refusal(reader, f"answer {tmp_path / 'none.csv'} {out}")
    assert "cannot write" in refusal(reader, f"answer {path} {tmp_path / 'none' / 'out.csv'}")
    assert not out.exists()
    folder = files("all", {"a.csv": text(FLAT, PIXELS), "b.csv": text(FLAT, PIXELS)})(tmp_path)
    assert "several tables of cases" in refusal(reader, f"answer {folder / 'all'} {out}")
    out.write_text("kept")
    reader.asker = Answers(["n"])
    assert "nothing was written" in refusal(reader, f"answer {path} {out}")
    assert out.read_text() == "kept"

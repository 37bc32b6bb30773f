"""`mine`: what was drawn is kept, trained on and checked."""

from pathlib import Path

import numpy as np
import pytest
from board_helpers import DIGITS, draw
from mouse_helpers import Hand
from PIL import Image
from session_helpers import Answers, do, refusal, shown

from digitnet.digits.drawing import Drawing
from digitnet.registry.own_sets import ROWS
from digitnet.repl.command import COMMANDS
from digitnet.repl.session import Session


def drawn(session: Session, digit: int, line: str, answer: int | None = None) -> dict[str, object]:
    """Draws a digit, says its answer, and does a line; the last result."""
    session.asker = Hand(digit, answer)
    return do(session, f"d; {line}")[-1]


def test_drawings_become_a_data_set_that_is_trained_on_and_checked(session: Session) -> None:
    do(session, "n diary; set batch 4; set rate 0.5")
    for count, digit in enumerate(list(DIGITS) * 4, 1):
        added = drawn(session, digit, "mine", digit)
        assert (added["answer"], added["total"]) == (digit, count)
    assert added["of_it"] == 4
    chosen, trained, checked = do(session, "data mine; t 300; ch all")
    assert chosen["train"] + chosen["validation"] + chosen["test"] == 16
    assert trained["train_accuracy"] == 1
    assert checked["correct"] == checked["total"] == chosen["test"]
    assert checked["set"] == "mine test"
    again = Session(session.saves, session.data_sets.folders, session.saves, seed=1)
    assert do(again, "data mine")[0]["train"] == chosen["train"]


NONE_READ = "no digit was read: d draws one, img reads a picture of one"


def test_the_answer_is_said_on_the_board_or_afterwards_and_can_be_changed(session: Session) -> None:
    do(session, "n diary")
    session.asker = Hand(7)
    assert refusal(session, "d; mine") == "which digit is it? Example: mine 7"
    assert drawn(session, 7, "mine 7")["total"] == 1
    assert do(session, "mine 1")[0] == {
        "command": "mine", "answer": 1, "total": 1, "of_it": 1, "was": 7,
    }  # fmt: skip
    assert shown(session, "mine 3") == "The digit just added is a 3 now; it was a 1.\n"
    assert shown(session, "mine 3") == "The digit just added is a 3 already.\n"
    assert drawn(session, 1, "mine 7", 1)["of_it"] == 1


def test_a_reading_that_was_left_or_failed_leaves_no_digit_to_add(
    session: Session, tmp_path: Path
) -> None:
    do(session, "n diary")
    drawn(session, 7, "mine", 7)
    session.asker = Hand(3, done=False)
    assert refusal(session, "d; mine 3") == NONE_READ
    drawn(session, 7, "mine", 7)
    Image.new("L", (40, 40), 255).save(tmp_path / "blank.png")
    refusal(session, f"img {tmp_path / 'blank.png'}")
    assert refusal(session, "mine 3") == NONE_READ
    assert do(session, "mine show")[0]["cases"][0]["answer"] == 7


def test_what_is_in_use_grows_and_shrinks_at_once(session: Session) -> None:
    def count() -> int:
        data = do(session, "data")[0]
        return sum(data[part] for part in ("train", "validation", "test"))

    do(session, "n diary")
    for digit in list(DIGITS) * 2:
        drawn(session, digit, "mine", digit)
    do(session, "data mine")
    for number, digit in enumerate(DIGITS, 2 * len(DIGITS)):
        assert count() == number
        drawn(session, digit, "mine", digit)
    session.asker = Answers([])
    do(session, "mine remove")
    assert count() == 3 * len(DIGITS) - 1


def test_what_cannot_be_added(session: Session, tmp_path: Path) -> None:
    assert refusal(session, "mine 7") == NONE_READ
    assert "d draws a digit, mine adds it" in refusal(session, "data mine")
    do(session, "n diary")
    assert "no digits in mine" in refusal(session, "mine remove")
    drawn(session, 7, "mine 7")
    assert "no number 1: it has 0 to 0" in refusal(session, "mine remove 1")
    assert "no number 1" in refusal(session, "mine 3 1")
    assert "no number 1" in refusal(session, "mine show 1")
    assert "a digit, 0 to 9, or several, `show` or `remove`" in refusal(session, "mine away")
    assert do(session, "mine show")[0]["total"] == 1


def test_a_wrong_one_is_found_corrected_removed_and_brought_back(session: Session) -> None:
    do(session, "n diary")
    for digit in list(DIGITS)[:3]:
        drawn(session, digit, "mine", digit)
    first, second, third = list(DIGITS)[:3]
    shown = do(session, "mine show")[0]
    assert shown["total"] == 3
    assert [(c["index"], c["answer"]) for c in shown["cases"]] == [
        *enumerate((first, second, third))
    ]
    assert {case["set"] for case in shown["cases"]} == {"train", "validation", "test"}
    changed = do(session, "mine 9 0")[0]
    assert (changed["index"], changed["answer"], changed["was"]) == (0, 9, first)
    removed = do(session, "mine remove 1")[0]
    assert (removed["removed"], removed["answer"], removed["total"]) == (1, second, 2)
    assert [c["answer"] for c in do(session, "mine show")[0]["cases"]] == [9, third]
    assert do(session, "undo")[0] == {"command": "undo", "restored": "mine", "cases": 3}
    assert do(session, "mine remove")[0]["answer"] == third
    assert do(session, "mine show 1")[0]["cases"][0]["answer"] == second
    assert do(session, "undo mine")[0]["cases"] == 3
    assert do(session, "undo mine")[0]["cases"] == 2


def test_undo_and_delete_offer_it(session: Session) -> None:
    do(session, "n diary")
    drawn(session, 7, "mine", 7)
    undone, _ = COMMANDS["undo"].arguments
    _, deleted, _ = COMMANDS["data"].arguments
    assert "mine" in undone.kind.offered(session, [])
    assert "mine" in deleted.kind.offered(session, ["delete"])


def test_an_undo_and_its_redo_are_told_apart(session: Session) -> None:
    do(session, "n diary")
    drawn(session, 7, "mine", 7)
    do(session, "mine 5 0")
    took = "Took back the last change of the data set mine: it has 1 case; undo again redoes it."
    redid = "Redid the last change of the data set mine: it has 1 case; undo takes it back."
    for line, said in [
        ("undo", took),
        ("redo", redid),
        ("undo mine", took),
        ("undo", redid),
        ("undo", took),
        ("undo", redid),
        ("undo mine", took),
        ("redo", redid),
    ]:
        assert shown(session, line) == f"{said}\n"


@pytest.mark.parametrize(
    "lines",
    ["mine remove", "undo", "data delete mine", "undo; redo; undo", "data delete mine; undo"],
)
def test_where_the_set_in_use_is_gone_it_is_said_which_is_in_use(
    session: Session, lines: str
) -> None:
    do(session, "n diary")
    drawn(session, 7, "mine", 7)
    session.asker = Answers(["y"])
    assert "In use: sample" in shown(session, f"data mine; {lines}", width=200).splitlines()[-1]
    assert session.data().name == session.network().data == "sample"


def test_undo_of_a_name_after_another_undo_is_no_redo(session: Session) -> None:
    do(session, "n diary")
    drawn(session, 7, "mine", 7)
    drawn(session, 1, "mine", 1)
    session.asker = Answers(["y"])
    assert "it has 2 cases; undo again" in shown(session, "data delete mine; undo")
    assert "Took back" in shown(session, "undo mine")
    assert "Redid the last change of the data set mine: it has 2" in shown(session, "redo")
    do(session, "mine 5 0")
    assert "Brought back an earlier version" in shown(session, "undo mine 2")


def test_all_of_it_is_deleted_after_a_yes_and_comes_back(session: Session) -> None:
    do(session, "n diary")
    for digit in DIGITS:
        drawn(session, digit, "mine", digit)
    session.asker = Answers(["n", "y"])
    assert "nothing was deleted" in refusal(session, "data mine; data delete mine")
    assert do(session, "data delete mine")[0]["name"] == "sample"
    assert session.asker.asked[1] == f"Delete the data set mine with {len(DIGITS)} cases?"
    assert "d draws a digit, mine adds it" in refusal(session, "data mine")
    assert do(session, "undo")[0]["cases"] == len(DIGITS)
    assert do(session, "data mine")[0]["name"] == "mine"


@pytest.mark.parametrize("name", ["digits", ".trash", ".lock"])
def test_a_link_in_the_folder_leads_nowhere(session: Session, tmp_path: Path, name: str) -> None:
    do(session, "n diary")
    elsewhere = tmp_path / "elsewhere"
    if name == ".lock":
        elsewhere.write_text("kept")
    else:
        elsewhere.mkdir()
    session.saves.mkdir(exist_ok=True)
    (session.saves / name).symlink_to(elsewhere)
    session.asker = Hand(7)
    if name == ".lock":
        assert "symbolic link" in refusal(session, "d; mine 7")
    else:
        do(session, "d; mine 7")
    if name == ".trash":
        assert "symbolic link" in refusal(session, "mine 8")
    assert elsewhere.read_text() == "kept" if name == ".lock" else not list(elsewhere.iterdir())


def test_a_damaged_file_is_left_as_it_is(session: Session) -> None:
    do(session, "n diary")
    path = session.saves / "digits" / ROWS
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no digits")
    session.asker = Hand(7)
    assert "too short to be an IDX file" in refusal(session, "d; mine 7")
    assert path.read_bytes() == b"no digits"


def test_the_digits_in_a_picture_are_added_all_at_once(session: Session, tmp_path: Path) -> None:
    drawings = []
    for digit in (7, 0, 3):
        drawing = Drawing()
        draw(drawing, digit)
        drawings.append(drawing.picture())
    Image.fromarray(255 - drawings[0]).save(tmp_path / "seven.png")
    do(session, f"n diary; img {tmp_path / 'seven.png'}")
    assert "has 1 digit, not 2" in refusal(session, "mine 70")
    Image.fromarray(255 - np.concatenate(drawings, axis=1)).save(tmp_path / "line.png")
    read, added = do(session, f"img {tmp_path / 'line.png'}; mine 703")
    assert [page["unread"] for page in read["pages"]] == [0]
    assert (added["answers"], added["total"]) == ([7, 0, 3], 3)
    assert [case["answer"] for case in do(session, "mine show")[0]["cases"]] == [7, 0, 3]
    for line, said in [
        ("mine 703", "The digits just added are 703 already.\n"),
        ("mine 153", "The digits just added are 153 now; they were 703.\n"),
    ]:
        assert shown(session, line) == said
    assert do(session, "mine 703")[0]["was"] == [1, 5, 3]
    assert "has 3 digits, not 2; nothing was added" in refusal(session, "mine 70")
    assert do(session, "mine show")[0]["total"] == 3
    do(session, f"mine remove; img {tmp_path / 'line.png'}")
    assert "as a 3, the last of the 3 digits read: " in shown(session, "mine 3")
    assert "one case is one digit" in refusal(session, "mine 70 1")

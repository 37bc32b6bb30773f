"""Pages, numbers and what is no digit are read as a person would; what is not read is told."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from handwriting_helpers import as_file
from pages_helpers import (
    ANSWERS,
    LETTERS,
    PAGES,
    SAMPLE,
    amount,
    letter,
    number,
    on_paper,
    page,
    pasted,
    read_right,
    stroke,
    touching,
)
from session_helpers import Kept, do, refusal, shown

import digitnet
from digitnet.digits.cuts import area_between, seams
from digitnet.digits.page import UNSURE, page_of
from digitnet.digits.prepare import NoDigit
from digitnet.paths import included_folder
from digitnet.registry.saves import Registry
from digitnet.repl.features.img import boxed, judge
from digitnet.repl.loop import do_line
from digitnet.repl.session import Session

Share = Callable[[int, int], int]


@pytest.fixture
def reader(session: Session) -> Session:
    """A session with the network for people's digits in hand."""
    session.hand = Registry(included_folder()).load("hand")
    return session


def rows_read(session: Session, folder: Path, data: bytes) -> list[str]:
    (folder / "page").write_bytes(data)
    output = Kept()
    do_line(f"img {folder / 'page'}", session, output)  # fails if no digit was read
    return list(output.results[0]["pages"][0]["rows"])


def some_cases(count: int, seed: int = 3) -> list[int]:
    return np.random.default_rng(seed).integers(0, len(ANSWERS), count).tolist()


OFTEN = ("scan", "table", "sideways", "leaning")
"""The pages that are read in every run; the others with --full."""

KINDS = [name if name in OFTEN else pytest.param(name, marks=pytest.mark.full) for name in PAGES]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_read_row_by_row(reader: Session, tmp_path: Path, kind: str) -> None:
    data, text = PAGES[kind](some_cases(20), np.random.default_rng(3))
    rows = rows_read(reader, tmp_path, data)
    assert len(rows) == len(text.split("\n"))
    assert read_right("".join(rows), text.replace("\n", "")) >= 18, rows


@pytest.mark.full
def test_hundreds_of_digits(reader: Session, tmp_path: Path) -> None:
    data, text = PAGES["photo"](some_cases(300), np.random.default_rng(3))
    rows = rows_read(reader, tmp_path, data)
    assert read_right("".join(rows), text.replace("\n", "")) >= 0.9 * 300


@pytest.mark.parametrize(
    ("digits", "count", "right"), [(2, 30, 0.8), pytest.param(3, 60, 0.65, marks=pytest.mark.full)]
)
def test_digits_that_touch_are_cut_apart(
    reader: Session, tmp_path: Path, digits: int, count: int, right: float
) -> None:
    rng = np.random.default_rng(digits)
    made = [touching(digits, rng) for _ in range(count)]
    read = ["".join(rows_read(reader, tmp_path, data)) for data, _ in made]
    assert sum(r == text for r, (_, text) in zip(read, made, strict=True)) >= right * count


def test_points_and_lines_are_not_read_but_counted(reader: Session, tmp_path: Path) -> None:
    ink = np.pad(
        number([ANSWERS.index(d) for d in (2, 0, 6)], np.random.default_rng(1), overlap=-20), 40
    )
    pasted(ink, np.ones((9, 8)), 100, ink.shape[1] - 25)  # a point
    pasted(ink, np.ones((4, ink.shape[1] - 40)), ink.shape[0] - 15, 20)  # a line
    (tmp_path / "amount.png").write_bytes(as_file(on_paper(ink, np.random.default_rng(1))))
    (page,) = do(reader, f"img {tmp_path / 'amount.png'}")[0]["pages"]
    assert (page["rows"], page["unread"]) == (["206"], 2)


@pytest.mark.full
def test_amounts(reader: Session, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    made = [amount(rng) for _ in range(40)]
    read = ["".join(rows_read(reader, tmp_path, data)).replace("?", "") for data, _ in made]
    assert sum(r == text for r, (_, text) in zip(read, made, strict=True)) >= 20


def test_letters_are_refused_and_digits_are_not(
    reader: Session, tmp_path: Path, share: Share
) -> None:
    rng = np.random.default_rng(5)
    for name in LETTERS[:: share(3, 1)]:
        (tmp_path / f"{ord(name)}.png").write_bytes(letter(name, rng))
    output = Kept()
    do_line(f"img {tmp_path}", reader, output)
    guesses = [read["guess"] for read in output.results[0]["results"]]
    assert guesses.count(None) >= 0.9 * len(guesses)
    ask = judge()
    assert ask
    outputs = ask(list(SAMPLE.inputs.reshape(-1, 28, 28)))
    assert (outputs[:, :10].sum(axis=1) >= UNSURE).mean() >= 0.99


def test_a_doubtful_piece_is_what_the_others_on_its_page_are() -> None:
    page = np.zeros((20, 180))
    page[2:18, (np.arange(180) - 4) % 20 < 12] = 1  # nine squares
    page[6:14, 87:93] = 0  # the fifth is a ring

    def of_the_ring(others: float) -> float:
        def judge(pictures: Sequence[np.ndarray]) -> np.ndarray:
            digit = np.array([others if picture[14, 14] else 0.3 for picture in pictures])
            return np.stack([digit, *9 * [0 * digit], 1 - digit, 0 * digit], axis=1)

        return page_of(page, judge).digits[4].probability

    assert of_the_ring(others=1) > UNSURE > 0.3 > of_the_ring(others=0)


def test_what_is_no_digit_is_a_failure_that_says_what_it_would_be(
    reader: Session, tmp_path: Path
) -> None:
    (tmp_path / "k.png").write_bytes(letter("K", np.random.default_rng(5)))
    said = refusal(reader, f"img {tmp_path / 'k.png'}")
    assert re.fullmatch(r".*k\.png: no digit \(an? \d if it were one\)", said)


def test_a_program_reads_what_img_reads(
    reader: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    ink, _ = page(some_cases(12), 4, rng)
    upside_down, k = tmp_path / "page.png", tmp_path / "k.png"
    upside_down.write_bytes(as_file(np.rot90(on_paper(ink, rng), 2)))
    k.write_bytes(letter("K", np.random.default_rng(5)))
    results = do(reader, f"img {upside_down}")[0]["results"]
    do(reader, "n 784-9-10; pas hand")  # which is not the included one
    monkeypatch.setenv("DIGITNET_SAVES", str(reader.saves))
    read = digitnet.read(upside_down)
    assert [each.guess for each in read] == [result["guess"] for result in results]
    outputs = [result["outputs"] for result in results]
    np.testing.assert_allclose([each.outputs for each in read], outputs, atol=1e-6)
    with pytest.raises(NoDigit):
        digitnet.read(k)


def test_what_a_person_sees_of_a_page(reader: Session, tmp_path: Path) -> None:
    ink, text = page(some_cases(12), 4, np.random.default_rng(3))
    (tmp_path / "page.png").write_bytes(as_file(on_paper(ink, np.random.default_rng(3))))
    lines = shown(reader, f"img {tmp_path / 'page.png'} steps", plain=False).splitlines()
    assert lines[0] == f"{tmp_path / 'page.png'}: 12 digits"
    assert lines[1:4] == [f"  {row}" for row in text.split("\n")]
    assert "each digit in its box; what has none was not read" in lines
    assert sum("12: " in line for line in lines) == 1
    box = boxed(np.zeros((9, 9)), [(0.0, 0.0, 1.0, 1.0)], 9)
    assert box[0].min() >= 128  # ink, where there are no shades of grey


def test_a_box_is_where_its_digit_is(reader: Session, tmp_path: Path) -> None:
    sheet = np.zeros((200, 400))
    pasted(sheet, stroke(ANSWERS.index(0)).drawn(60, 6), 100, 300)
    pasted(sheet, stroke(ANSWERS.index(3)).drawn(60, 6), 100, 40)
    (tmp_path / "two.png").write_bytes(as_file(255 - 255 * sheet))
    three, nought = do(reader, f"img {tmp_path / 'two.png'}")[0]["results"]
    assert (three["guess"], nought["guess"], three["row"], nought["row"]) == (3, 0, 0, 0)
    assert three["box"][:2] == pytest.approx([40 / 400, 100 / 200], abs=0.02)
    assert nought["box"][0] == pytest.approx(300 / 400, abs=0.02)
    assert nought["box"][3] == pytest.approx(160 / 200, abs=0.05)


def _cropped_with_gaps() -> np.ndarray:
    ink = stroke(ANSWERS.index(7)).drawn(50, 5)
    rows, columns = (np.flatnonzero((ink >= 0.5).any(axis=a)) for a in (1, 0))
    ink[rows[0] + np.array([14, 15, 32, 33])] = 0
    return 1 - ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _with_a_long_foot() -> np.ndarray:
    ink = np.pad(stroke(67).drawn(40, 3), ((20, 20), (20, 60)))
    row = np.flatnonzero((ink >= 0.5).any(axis=1))[-1] - 3
    column = np.flatnonzero(ink[row] >= 0.5)[-1]
    ink[row : row + 3, column : column + 30] = 1
    return 1 - ink


def _on_a_table(side: int, table: np.ndarray) -> np.ndarray:
    """A light sheet, dark where the table is: True in an array (side, side)."""
    ink = np.zeros((side, side))
    pasted(ink, stroke(ANSWERS.index(3)).drawn(side // 3, side / 40), side // 3, side // 3)
    return np.where(table, 0.35, 0.96 - 0.8 * ink)


SINGLE = {
    "on a small sheet": (3, _on_a_table(120, ~np.pad(np.ones((92, 92), bool), 14))),
    "beside a corner of the table": (
        3,
        _on_a_table(400, np.add.outer(*[np.arange(400)] * 2) < 110),
    ),
    "small and light on dark": (8, np.pad(stroke(ANSWERS.index(8)).drawn(14, 2), (5, 6))),
    "cropped to its edges, with gaps": (7, _cropped_with_gaps()),
    "wide": (2, _with_a_long_foot()),
}
"""Digits that are alone, and their pictures from 0 to 1."""


@pytest.mark.parametrize(("digit", "picture"), SINGLE.values(), ids=SINGLE)
def test_a_digit_alone_is_read_whole(
    reader: Session, tmp_path: Path, digit: int, picture: np.ndarray
) -> None:
    (tmp_path / "one.png").write_bytes(as_file(255 * picture))
    assert [r["guess"] for r in do(reader, f"img {tmp_path / 'one.png'}")[0]["results"]] == [digit]


@pytest.mark.parametrize(("wave", "thick"), [(0, 1), (0, 10), (30, 8)])
def test_a_line_across_a_picture_is_no_digit(
    reader: Session, tmp_path: Path, wave: int, thick: int
) -> None:
    ink, x = np.zeros((120, 1000)), np.arange(20, 980)
    for row in range(thick):
        ink[(50 + row + wave * np.sin(x / 40) / 2).astype(int), x] = 1
    (tmp_path / "line.png").write_bytes(as_file(255 - 255 * ink))
    said = refusal(reader, f"img {tmp_path / 'line.png'}")
    assert "a line or a filled shape, not a drawn digit" in said


def test_a_cut_goes_where_there_is_no_ink() -> None:
    ink = np.zeros((40, 60))
    ink[5:35, 10:25] = ink[5:35, 32:50] = 1
    cut = next(seam for seam in seams(ink) if 25 <= seam.min() <= seam.max() <= 32)
    left, right = (ink[area_between(cut[None], i, i + 1, ink.shape)].sum() for i in (0, 1))
    assert (left, right) == (30 * 15, 30 * 18)

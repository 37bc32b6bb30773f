"""`img` reads people's pictures: any pen, size, colour, paper; files, folders, patterns."""

import re
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from handwriting_helpers import KINDS, Stroke, as_file, light, read_digits
from pages_helpers import ANSWERS, stroke
from PIL import Image, ImageDraw, ImageFont, ImageGrab
from session_helpers import Kept, do, refusal, shown

from digitnet.digits.files import BadFile
from digitnet.digits.prepare import NoDigit
from digitnet.paths import included_folder
from digitnet.registry.saves import Registry
from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput


def first_of(digit: int) -> Stroke:
    return stroke(ANSWERS.index(digit))


@pytest.fixture
def reader(session: Session) -> Session:
    """A session with the network that is included in hand."""
    session.hand = Registry(included_folder()).load("champion")
    return session


def as_drawn(ink: np.ndarray) -> bytes:
    return as_file(255 - 255 * ink)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_read(
    reader: Session, tmp_path: Path, kind: str, share: Callable[[int, int], int]
) -> None:
    rng, count = np.random.default_rng(5), share(4, 12)
    for row in range(count):
        folder = tmp_path / kind / str(ANSWERS[row])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row}.png").write_bytes(KINDS[kind](stroke(row), rng))
    (result,) = do(reader, f"img {tmp_path / kind}")
    assert result["total"] == count
    assert result["correct"] >= count - 1, result


def printed(digit: int, height: int, rng: np.random.Generator) -> bytes:
    """A digit in a font, somewhere on a sheet; turned, inverted, in uneven light or grainy."""
    image = Image.new("L", (2 * height, 2 * height))
    font = ImageFont.load_default(height)
    ImageDraw.Draw(image).text((0.7 * height, 0.4 * height), str(digit), 255, font=font)
    image = image.rotate(rng.uniform(-15, 15), resample=Image.Resampling.BILINEAR)
    picture = 255 - 235 * (np.asarray(image) / 255)
    changes = (
        picture,
        255 - picture,
        picture * light(rng, picture.shape, 0.5),
        picture + rng.normal(size=picture.shape) * 10,
    )
    return as_file(changes[rng.integers(len(changes))])


def test_a_font_at_sizes_from_20_to_2000(
    reader: Session, tmp_path: Path, share: Callable[[int, int], int]
) -> None:
    rng = np.random.default_rng(3)
    heights = (20, 24, 35, 60, 100, 180, 300, 500, 700, 990)  # one more than there are digits
    for number, height in enumerate(heights * (tries := share(1, 4))):
        digit = "023456789"[number % 9]  # MNIST's 1 has no flag; with one it is taken for a 7
        folder = tmp_path / digit
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").write_bytes(printed(int(digit), height, rng))
    (result,) = do(reader, f"img {tmp_path}")
    assert result["total"] == 10 * tries
    assert result["correct"] >= 10 * tries - 1, result


def test_a_file_that_cannot_be_read_is_a_failure_and_the_others_are_read(
    reader: Session, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(as_drawn(first_of(7).drawn(90, 9)))
    (tmp_path / "b.png").write_bytes(b"no picture")
    output = Kept()
    line = f"img {tmp_path}/a.png {tmp_path}/b.png {tmp_path}/c.png"
    assert not do_line(line, reader, output)
    assert output.errors == ["no digit was read in 2 of 3 files"]
    (result,) = output.results
    seven, bad, missing = result["results"]
    assert (seven["file"], seven["guess"], seven["error"]) == (f"{tmp_path}/a.png", 7, None)
    assert len(seven["outputs"]) == 10
    assert sum(seven["outputs"]) == pytest.approx(1, abs=1e-4)
    assert (bad["guess"], bad["outputs"]) == (None, [])
    assert "is not a picture" in bad["error"]
    assert missing["error"] == "there is no such file"
    missing = f"{tmp_path}/c.png: there is no such file"
    assert refusal(reader, f"img {tmp_path}/c.png") == missing
    assert refusal(reader, f"img {tmp_path}/c.png {tmp_path}/a.png") == missing
    (tmp_path / "closed").mkdir()
    denied = PermissionError(13, "Not yours")
    with patch("digitnet.digits.pictures.os.scandir", side_effect=denied):
        closed = refusal(reader, f"img {tmp_path}/closed")
    assert closed == f"{tmp_path}/closed: Not yours"
    file = StringIO()
    assert not do_line(f"img {tmp_path}/c.png", reader, ScreenOutput(Screen(file, plain=True)))
    assert file.getvalue() == ""  # the error is told once


def test_relative_and_absolute_names_of_many_pictures_are_shown_in_a_table(
    reader: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "abcdef":
        Path(f"{name}.png").write_bytes(as_drawn(first_of(7).drawn(90, 9)))
    lines = shown(reader, f"img {tmp_path}/a.png b.png c.png d.png e.png f.png").splitlines()
    assert [line.split()[0] for line in lines[1:7]] == [f"{name}.png" for name in "abcdef"]


def test_in_folders_of_answers_what_cannot_be_read_counts_as_misread(
    reader: Session, tmp_path: Path
) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "a.png").write_bytes(as_drawn(first_of(7).drawn(90, 9)))
    (tmp_path / "7" / "b.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (result,) = do(reader, f"img {tmp_path}")
    assert (result["correct"], result["total"]) == (1, 2)
    assert result["results"][1]["error"].startswith("is HEIC; save it as JPEG or PNG")


def test_folders_and_patterns(reader: Session, tmp_path: Path) -> None:
    for name in ("two.png", "two.txt", "one.PNG"):
        (tmp_path / name).write_bytes(as_drawn(first_of(2).drawn(60, 6)))
    for word in (tmp_path, tmp_path / "*.[pP][nN][gG]"):
        (result,) = do(reader, f"img {word}")
        assert [Path(r["file"]).name for r in result["results"]] == ["one.PNG", "two.png"]
    for name in ("2/three.jfif", "2/four.jpe"):  # beside which the others count, without an answer
        (tmp_path / "2").mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((tmp_path / "two.png").read_bytes())
    (result,) = do(reader, f"img {tmp_path}")
    assert [r.get("answer") for r in result["results"]] == [None, None, 2, 2]
    assert not result["interrupted"]
    output = Kept()
    with patch.object(output, "report", lambda _: setattr(reader.interrupts, "asked", True)):
        do_line(f"img {tmp_path}", reader, output)
    assert output.results[0]["interrupted"]
    (tmp_path / "empty").mkdir()
    assert "there are no pictures" in refusal(reader, f"img {tmp_path / 'empty'}")


def test_a_picture_may_come_from_the_clipboard_or_standard_input(
    reader: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two.png").write_bytes(two := as_drawn(first_of(2).drawn(60, 6)))

    def no_program() -> None:
        raise NotImplementedError("wl-paste or xclip is required")

    for copied in (lambda: Image.open(BytesIO(two)), lambda: [str(tmp_path / "two.png")]):
        monkeypatch.setattr(ImageGrab, "grabclipboard", copied)
        assert do(reader, "img clipboard")[0]["results"][0]["guess"] == 2
    for copied, said in ((no_program, "cannot be read: wl-paste"), (list, "holds no picture")):
        monkeypatch.setattr(ImageGrab, "grabclipboard", copied)
        assert f"clipboard: {said}" in refusal(reader, "img clipboard")
    for data, said in ((b"", "-: is empty"), (b"no", "-: is not a picture")):
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(data)))
        assert said in refusal(reader, "img -")
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(two)))
    assert do(reader, "img -")[0]["results"][0]["guess"] == 2


def beside(*inks: np.ndarray, gap: int = 14) -> np.ndarray:
    """Drawings in a line."""
    height = max(len(ink) for ink in inks) + 20
    parts = [np.zeros((height, gap))]
    for ink in inks:
        top = (height - len(ink)) // 2
        parts += [np.pad(ink, ((top, height - top - len(ink)), (0, 0))), np.zeros((height, gap))]
    return np.concatenate(parts, axis=1)


def test_several_digits_are_read_in_order(reader: Session, tmp_path: Path) -> None:
    line = beside(*(first_of(digit).drawn(90, 8) for digit in (6, 0, 7, 1)))
    other = beside(*(first_of(digit).drawn(90, 8) for digit in (2, 9)))
    other = np.pad(other, ((0, 0), (0, line.shape[1] - other.shape[1])))
    (tmp_path / "lines.png").write_bytes(as_drawn(np.concatenate([line, other])))
    (result,) = do(reader, f"img {tmp_path / 'lines.png'}")
    assert [r["guess"] for r in result["results"]] == [6, 0, 7, 1, 2, 9]


@pytest.mark.parametrize(
    ("files", "firsts"),
    [("one line", ["one", "line"]), ("line one", ["line", "one"]),
     ("one " * 5 + "line", ["one"] * 5 + ["line"]),
     ("one line " + "one " * 4, ["line"] + ["one"] * 5)],
)  # fmt: skip
def test_files_are_shown_in_their_order_as_mine_adds_the_last(
    reader: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: str, firsts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.png").write_bytes(as_drawn(first_of(7).drawn(90, 9)))
    line = beside(*(first_of(digit).drawn(90, 8) for digit in (6, 0)))
    Path("line.png").write_bytes(as_drawn(line))
    named = " ".join(f"{name}.png" for name in files.split())
    told = re.findall(r"^(one|line)\.png", shown(reader, f"img {named}"), re.MULTILINE)
    assert told == firsts


def test_strokes_of_one_digit_stay_together() -> None:
    five = np.zeros((140, 120))
    five[20:28, 60:100] = 1  # the bar, a little off
    five[34:70, 40:48] = five[62:70, 40:80] = five[70:110, 80:88] = five[110:118, 30:84] = 1
    four = np.zeros((140, 120))
    four[20:75, 30:38] = four[70:78, 30:68] = 1
    four[15:125, 74:82] = 1  # the stem does not touch
    for drawing in (five, four):
        assert len(read_digits(as_drawn(drawing))) == 1
    assert len(read_digits(as_drawn(beside(four[:, 20:90], four[:, 20:90], gap=25)))) == 2


def saved(image: Image.Image, tmp_path: Path, name: str, **options: object) -> bytes:
    path = tmp_path / name
    image.save(path, **options)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "a.tif"])
@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P", "RGBA", "I;16", "F", "CMYK"])
def test_formats_and_modes_make_no_difference(tmp_path: Path, name: str, mode: str) -> None:
    ink = np.pad(first_of(3).drawn(100, 10), 20)
    grey = Image.fromarray((255 - 255 * ink).astype(np.uint8))
    if mode == "I;16" and name in ("a.png", "a.tif"):
        image = Image.fromarray((60000 - 50000 * ink).astype(np.uint16))
    elif (mode, name) == ("F", "a.tif"):
        image = Image.fromarray((1 - ink).astype(np.float32))
    else:
        image = grey.convert(mode.removesuffix(";16"))
    try:
        data = saved(image, tmp_path, name)
    except (OSError, ValueError, KeyError):
        return  # the format has no such mode
    reference = read_digits(as_drawn(ink))[0].astype(float)
    read = read_digits(data)[0].astype(float)
    assert np.corrcoef(reference.ravel(), read.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways(tmp_path: Path, orientation: int) -> None:
    ink = np.pad(first_of(7).drawn(100, 10), 20)
    undone = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    image = Image.fromarray((255 - 255 * ink).astype(np.uint8))
    stored = image if undone is None else image.transpose(Image.Transpose(undone))
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_digits(saved(stored, tmp_path, "a.jpg", exif=exif, quality=95))[0]
    reference = read_digits(as_drawn(ink))[0]
    assert np.corrcoef(reference.ravel(), read.ravel())[0, 1] > 0.97


def test_a_sheet_on_a_dark_table() -> None:
    ink = np.pad(first_of(4).drawn(120, 8), 60)
    picture = np.pad(230 - 190 * ink, 80, constant_values=40.0)
    read = read_digits(as_file(picture))
    assert len(read) == 1
    assert np.corrcoef(read[0].ravel(), read_digits(as_drawn(ink))[0].ravel())[0, 1] > 0.9


def square(side: int) -> np.ndarray:
    picture = np.full((200, 200), 255.0)
    picture[50 : 50 + side, 60 : 60 + side] = 0
    return picture


def disc() -> np.ndarray:
    rows, columns = np.mgrid[:150, :150]
    return np.where(np.hypot(rows - 70, columns - 70) < 40, 20.0, 240.0)


NO_DIGITS = {
    "white": np.full((100, 100), 255.0),
    "black": np.zeros((64, 64)),
    "grain": 128 + 20 * np.random.default_rng(0).normal(size=(200, 200)),
    "a ramp": np.tile(np.linspace(0, 255, 300), (200, 1)),
    "a square": square(80),
    "a small square": square(30),
    "a large square": square(140),
    "a disc": disc(),
}


@pytest.mark.parametrize("name", NO_DIGITS)
def test_what_is_no_digit_is_refused(name: str) -> None:
    with pytest.raises(NoDigit):
        read_digits(as_file(NO_DIGITS[name]))


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 30_000), (3, 90), (6000, 6000)])
def test_sizes_that_no_digit_has(size: tuple[int, int]) -> None:
    with pytest.raises(BadFile, match="pixels"):
        read_digits(as_file(np.zeros(size)))


def test_what_a_person_sees(reader: Session, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(as_drawn(first_of(0).drawn(90, 9)))
    (tmp_path / "b\x1b[2J.png").write_bytes(b"no picture")
    file = StringIO()
    do_line(f"img {tmp_path}", reader, ScreenOutput(Screen(file, width=300)))
    lines = file.getvalue().splitlines()
    assert lines[0] == f"{tmp_path}/a.png, as the network sees it"
    assert any("0 ████" in line and line.endswith("guess") for line in lines)
    assert lines[-2] == "guess 0"
    assert lines[-1].startswith(f"{tmp_path}/b\\x1b[2J.png: is not a picture")

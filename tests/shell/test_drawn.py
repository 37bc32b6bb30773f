"""Results as files: `--svg`, `--html` and `--png` at the end of a line, and `plot FILE`."""

import json
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from conftest import Program
from PIL import Image
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from session_helpers import Answers, Kept, do, refusal

from digitnet.repl.loop import do_line
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import Offers


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own, and a terminal of 60 columns without colours."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    yield folder


def test_svg_shows_the_result_in_all_colours_under_the_line_typed(session: Session) -> None:
    (result,) = do(session, "show 1 --svg 'a digit.svg'")
    data = Path("a digit.svg").read_bytes()
    assert result["picture"] == {"file": "a digit.svg", "bytes": len(data)}
    assert result["cases"]
    drawn = ET.fromstring(data)
    words = [
        "".join(e.itertext()).replace("\xa0", " ").strip() for e in drawn.iter() if "text" in e.tag
    ]
    assert "show 1" in words
    assert f"case {result['cases'][0]['index']}" in words
    assert not any("▀" in word for word in words)  # pictures are of rectangles
    assert {e.get("fill") for e in drawn.findall("{*}path")} >= {"#000000", "#ffffff"}


def test_html_and_png_show_the_result_in_all_colours(session: Session) -> None:
    do(session, "show 1 --html a.html; show 1 --png a.png")
    page = Path("a.html").read_text("utf-8")
    assert "<title>show 1</title>" in page
    assert 'fill="#ffffff"' in page
    with Image.open(BytesIO(Path("a.png").read_bytes())) as image:
        assert image.width == 60 * 12 + 32
        colours = {colour for _, colour in image.getcolors(100_000)}
    assert {(0, 0, 0), (255, 255, 255)} <= colours


@pytest.mark.parametrize("name", ["curves.svg", "curves.png", "CURVES.HTML"])
def test_plot_takes_a_file_without_a_flag(session: Session, name: str) -> None:
    do(session, "n mini; t 300")
    assert do(session, f"plot {name}")[0]["picture"]["file"] == name
    assert Path(name).stat().st_size > 1000
    assert "picture" not in do(session, "plot")[0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "show 1 --svg",
            "--svg takes one file, at the end of the line. Example: show --svg picture.svg",
        ),
        ("show --svg a.svg 1", "--svg takes one file"),
        ("show --svg a.svg --png a.png", "--svg takes one file"),
        ("show 1 --svg ''", "'' cannot be a file. Example: show --svg picture.svg"),
        ("show 1 --svg .", "'.' exists and is not a file; nothing was written"),
        ("show 1 --jpg a.jpg", "show: unexpected '--jpg a.jpg'"),
        ("show 1 --png a.jpg", "'a.jpg': a picture's name ends in .png. Example: show picture.png"),
        ("cm a.jpg", "ends in .svg, .html, .png or .pdf. Example: cm picture.svg"),
        ("show x.svg", "show: 'x.svg' is not"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused(session: Session, line: str, says: str) -> None:
    assert says in refusal(session, line)
    assert not os.listdir()  # noqa: PTH208


def test_a_picture_that_cannot_be_written_withholds_no_result(session: Session) -> None:
    output = Kept()
    assert not do_line("n mini; t 5 --svg no/where.svg; i", session, output)
    assert [result["command"] for result in output.results] == ["n", "t"]
    assert output.results[-1]["batches"] == 5
    why = "cannot write 'no/where.svg': No such file or directory"
    assert output.errors == [f"{why}; nothing was written"]


def test_a_script_shows_the_result_and_fails(program: Program) -> None:
    done = program("-c", "n; c 3 --svg no/x.svg; ls")
    assert done.returncode == 1
    assert "answer" in done.stdout
    assert done.stderr.startswith("digitnet: cannot write")
    assert len(done.stderr.splitlines()) == 1
    done = program("--json", "-c", "n; c 3 --svg no/x.svg; ls")
    _, failed = map(json.loads, done.stdout.splitlines())
    assert (failed["ok"], failed["index"]) == (False, 3)
    assert failed["error"].endswith("nothing was written")


def test_a_file_that_is_there_is_written_over_only_after_a_yes(session: Session) -> None:
    Path("a.svg").write_text("mine")
    assert "no terminal to ask at" in refusal(session, "n mini; t 5 --svg a.svg")
    assert session.network().trainer.progress.batches == 0  # asked before any work
    session.asker = Answers(["n", "y"])
    assert refusal(session, "t 5 --svg a.svg") == "nothing was written"
    assert Path("a.svg").read_text() == "mine"
    do(session, "t 5 --svg a.svg")
    assert Path("a.svg").read_text("utf-8").startswith("<svg")
    assert os.listdir() == ["a.svg"]  # noqa: PTH208


def test_a_script_draws_in_its_folder(program: Program, tmp_path: Path) -> None:
    done = program("-c", "show 1 --svg a.svg; ls")
    assert done.returncode == 0, done.stderr
    assert "\nDrawn in a.svg (" in done.stdout
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<svg")


def test_nothing_untrusted_is_markup_in_a_picture(session: Session) -> None:
    do(session, "n mini; pas '<b>&\"'; ls --svg a.svg; ls --html a.html")
    ET.fromstring(Path("a.svg").read_bytes())
    assert "<b>" not in Path("a.html").read_text("utf-8")


@pytest.mark.parametrize("line", ["c 11 --svg di", "t 5 --png di"])
def test_files_are_offered_after_a_flag(session: Session, line: str) -> None:
    Path("digit.svg").write_text("")
    found = Offers(session).get_completions(Document(line, len(line)), CompleteEvent())
    assert [offer.text for offer in found] == ["digit.svg"]

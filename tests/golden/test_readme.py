"""The README and docs/ say what is true: the session, tables, commands and links."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
from tables import BLOCK, PAGES, TABLES, filled
from transcript import LINES, ROOT, transcript

from digitnet import engine
from digitnet.repl.command import COMMANDS, find, split

README = (ROOT / "README.md").read_text(encoding="utf-8")
PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b|\.\.\.")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def masked(text: str) -> list[str]:
    """The lines without their numbers and bars, which differ from machine to machine."""
    lines = [re.sub(r"[█▏▎▍▌▋▊▉]*( |$)", " ", line) for line in text.splitlines()]
    return [" ".join(re.sub(r"\d[\d.,:-]*", "#", line).split()) for line in lines]


def test_the_session_is_what_a_person_sees(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown
    assert masked(shown[1]) == masked(transcript(LINES, tmp_path))


def test_the_examples_of_docs_end_as_a_person_sees_them(tmp_path: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    examples = re.findall(r"^ {4}digitnet> (.*)\n((?: {4}.*\n)+)", text, re.MULTILINE)
    assert examples
    for line, shown in examples:
        ending = masked(shown)
        assert masked(transcript(line.split("; "), tmp_path))[-len(ending) :] == ending


@each_page
def test_its_tables_are_those_of_the_program(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "python tests/golden/tables.py writes them anew"


def test_every_table_is_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {block[2] for block in BLOCK.finditer(text)} == set(TABLES)


def lines_to_type(text: str) -> list[str]:
    """The lines of commands in a page, but for those with placeholders such as NAME."""
    text = re.sub(r"```.*?```|<!-- generated.*?<!-- end -->", "", text, flags=re.DOTALL)
    spans = re.findall(r"(?<!`)`([^`\n]+)`|<code>(.*?)</code>|^ {4}(.+)", text, re.MULTILINE)
    whole = re.compile(r'.*digitnet .*-c "(.*)".*|digitnet> |( light)?( --svg)? \S+\.svg$')
    lines = [whole.sub(lambda found: found[1] or "", "".join(span)) for span in spans]
    return [
        line
        for line in lines
        if line.partition(" ")[0] in COMMANDS and " " in line and not PLACEHOLDER.search(line)
    ]


def test_the_program_understands_every_line_that_the_pages_tell_to_type() -> None:
    lines = [line for page in PAGES for line in lines_to_type(page.read_text(encoding="utf-8"))]
    assert "n mini; t 20; why 5" in lines
    for name, *words in (command for line in lines for command in split(line)):
        find(name).parse(words)


def test_the_two_commands_are_there_and_ci_runs_the_second() -> None:
    start = "    python3 -m venv .venv && .venv/bin/pip install -e"
    assert f"{start} . && .venv/bin/digitnet\n" in README
    first = next(line for line in README.splitlines() if "bin/pytest" in line)
    assert first == f"{start} '.[test]' && .venv/bin/pytest"


def anchors(page: Path) -> set[str]:
    """What a link to a part of a page may say after its #."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("*/README.md"), ROOT / "SECURITY.md"], ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in (link for link in links if not link.startswith("https://")):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_fits_on_two_screens_and_leads_to_every_page_of_docs() -> None:
    assert len(README.splitlines()) <= 150
    assert all(f"](docs/{page.name}" in README for page in (ROOT / "docs").iterdir())


def test_an_index_of_packages_shows_the_readme_without_links_that_lead_nowhere_there() -> None:
    shown = metadata("digitnet")["Description"]
    assert shown.startswith("# digitnet\n")
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert [link for link in links if not link.startswith("https://")] == []
    assert "SECURITY.md" in shown and "](SECURITY.md)" in README
    assert metadata("digitnet")["License-Expression"] == "MIT AND CC-BY-SA-3.0"


def test_the_reading_list_of_the_engine_omits_no_file() -> None:
    listed = set(re.findall(r"`(\w+\.py)`", engine.__doc__ or ""))
    there = {path.name for path in (ROOT / "digitnet" / "engine").glob("*.py")}
    assert listed == there - {"__init__.py"}

"""The README says what is true: its session, its tables, its commands, its links."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from transcript import LINES, ROOT, transcript

from digitnet.engine.settings import Settings
from digitnet.recipes import RECIPES
from digitnet.repl.command import all_commands

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").iterdir()]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def masked(text: str) -> list[str]:
    """The lines without their numbers and bars, which differ from machine to machine."""
    lines = [re.sub(r"[█▏▎▍▌▋▊▉]*( |$)", " ", line) for line in text.splitlines()]
    return [" ".join(re.sub(r"\d[\d.,:-]*", "#", line).split()) for line in lines]


def test_the_session_is_what_a_person_sees(tmp_path: Path) -> None:
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown
    assert masked(shown[1]) == masked(transcript(LINES, tmp_path))


def test_every_command_and_recipe_is_in_its_table() -> None:
    for command in all_commands():
        usage = command.usage.removeprefix(command.name).strip()
        names = ", ".join(f"`{name}`" for name in (command.name, *command.aliases))
        cell = f" `{usage}`" if usage else ""
        assert f"| {names} |{cell} | {command.summary}" in README
    for setting in fields(Settings):
        assert f"| `{setting.name}` |" in README
        assert f"| {setting.metadata['meaning']} |" in README
    for recipe in RECIPES.values():
        assert f"| `{recipe.name}` | {recipe.shape} | {recipe.summary}" in README


def test_the_two_commands_are_there_and_ci_runs_the_second() -> None:
    start = "    python3 -m venv .venv && .venv/bin/pip install -e"
    assert f"{start} . && .venv/bin/digitnet\n" in README
    assert f"{start} '.[test]' && .venv/bin/pytest\n" in README
    first = next(line for line in README.splitlines() if "bin/pytest" in line)
    assert first == f"{start} '.[test]' && .venv/bin/pytest"


def anchors(page: Path) -> set[str]:
    """What a link to a part of a page may say after its #."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in (link for link in links if not link.startswith("https://")):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_leads_to_every_page_of_docs() -> None:
    assert all(f"](docs/{page.name}" in README for page in (ROOT / "docs").iterdir())

"""Names of files as terminals give them, and names with spaces without quotes."""

import getpass
import os
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from unittest.mock import patch

import pytest
from handwriting_helpers import as_file
from importing_helpers import PICTURES, npz
from session_helpers import do

from digitnet.repl.command import as_typed, path_of, split, typing
from digitnet.repl.session import Session

WORDS = {
    r"my\ digits/7.png": "my digits/7.png",
    r"'it'\''s.png'": "it's.png",
    r'"a b".png': "a b.png",
    r"a\;b\#c\"d\\e": 'a;b#c"d\\e',
    r"'a\b'": r"a\b",
    "a\\": "a\\",
    r"\(1\).png": "(1).png",
    r"a\'b\"c": "a'b\"c",
}


@pytest.mark.parametrize("typed", WORDS)
def test_a_dragged_name_is_one_word(typed: str) -> None:
    assert split(f"img {typed}") == [["img", WORDS[typed]]]
    assert split(f"img {as_typed(WORDS[typed])}") == [["img", WORDS[typed]]]


def test_a_dragged_name_is_completed_as_it_is_typed() -> None:
    assert typing(r"img my\ dig").word == "my dig"
    assert typing("img my\\ ").word == "my "
    assert typing("img my ").word == ""


def test_backslashes_are_letters_of_paths_on_windows() -> None:
    spec = find_spec("digitnet.repl.command")
    assert spec and spec.loader
    on_windows = module_from_spec(spec)
    with patch.object(os, "name", "nt"):
        spec.loader.exec_module(on_windows)
    assert on_windows.split(r"img C:\new\7.png") == [["img", r"C:\new\7.png"]]


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("file:///home/x/my%20digits/7.png", "/home/x/my digits/7.png"),
        ("file://localhost/a/%23b.png", "/a/#b.png"),
        ("~/a.png", str(Path.home() / "a.png")),
        (f"~{getpass.getuser()}/a.png", str(Path(f"~{getpass.getuser()}/a.png").expanduser())),
        ("~nobody-of-that-name/a.png", "~nobody-of-that-name/a.png"),
    ],
)
def test_an_address_or_a_home_is_a_path(typed: str, path: str) -> None:
    assert str(path_of(typed, "img a.png")) == path


def test_names_with_spaces_need_no_quotes_where_nothing_else_can_be_meant(
    session: Session, tmp_path: Path
) -> None:
    folder = tmp_path / "my digits"
    folder.mkdir()
    npz("some of them.npz", images=PICTURES, labels=PICTURES[:, 0, 0])(folder)
    (folder / "a 7.png").write_bytes(as_file(PICTURES[0]))
    assert do(session, "n mini; pas my own; n; l my own")[-1]["name"] == "my own"
    assert do(session, "l my 784-10; p")[0]["name"] == "my"
    assert do(session, f"export {folder}/a net.npz; import {folder}/a net.npz")[0]["file"] == str(
        folder / "a net.npz"
    )
    assert do(session, f"img {folder}/a 7.png")[0]["results"][0]["error"] is None
    assert do(session, f"data import some {folder}/some of them.npz")[0]["name"] == "some"

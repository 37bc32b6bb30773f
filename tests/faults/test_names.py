"""Hostile names: each is a save of its own or refused, and nothing steers the terminal.

The names come from a person, from a file's content, or are those of folders.
"""

import shutil
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from document_helpers import WHOLE, places, with_change
from registry_helpers import batches_of, plain, put
from session_helpers import Answers, do

from digitnet.registry import saves
from digitnet.registry.codec import Fields, decode, encode, seal, unseal
from digitnet.registry.saves import IS_FILE, LIST
from digitnet.registry.schema import clean_name
from digitnet.repl import errors
from digitnet.repl.conversation import Conversation
from digitnet.repl.loop import do_command
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal import output
from digitnet.repl.terminal.output import JsonOutput, ScreenOutput

ESCAPES = ["\x1b[31mred", "\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "a\rb", "a\nb", "\x07", "\x08"]
"""What steers a terminal."""

MARKS = "\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
"""What turns the direction of writing."""
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\u2028\u2029\ufffe\uffff\ue000\ud800\udc80\udfff"
CODES = (*range(0, 32, 3), 0x7F, 0x80, 0x85, 0x90, 0x9B, 0x9C, 0x9F, 0xE0041, 0xE007F)


def words(text: str) -> list[str]:
    return text.split()


HOSTILE = {
    "paths": words(r"../x /x ..\x ../../etc/passwd ..%00/x ~/x C:x \\host\x . .. / saves/.lock"),
    "reserved": [
        *words(
            "con NUL lpt1.txt registry.pickle .lock .trash x-0123456789abcdef.pickle * ? -1 NaN"
        ),
        *words("a|b a;b $(id) `id` a&b a>b ' #a &lt; %s {0} [bold]x[/bold] :smile: <b>x</b>"),
        *('"', "a b  c", "a\u3000b"),
    ],
    "length": [
        *("x" * length for length in (1, 63, 64, 65, 255, 256, 4096, 1_000_000)),
        *(char * 64 for char in ("é", "e\u0301", "\U0001f600", "\ufdfa", "ﬃ", "/", ".", "-", " ")),
        *("e\u0301" * 65, "\U0001f600" * 65, "a" + "\u0301" * 63, "a" + "\u0301" * 64),
        *("y" * 64, "Y" * 64, "y" * 63 + "z", "x" * 64 + " " * 900),
    ],
    "control": [*ESCAPES, "\0", "a\tb", "a\vb", "a\fb", *(f"a{chr(code)}b" for code in CODES)],
    "invisible": [f"a{char}b" for char in INVISIBLE],
    "bidi": [
        *(f"a{mark}b" for mark in MARKS),
        *(f"{mark}elkcip" for mark in MARKS),
        *("שלום", "سلام", "abc שלום 123"),
    ],
    "homoglyphs": [
        *words("paypal pаypal раураl ρaypal ｐａｙｐａｌ 𝐩aypal 𝓅aypal ⓟaypal"),
        *words("one οne оne 0ne Οne օne l1 ll lI 1l ⅼl ǀl |l a-b a‐b a‑b a–b a—b a−b a_b a.b"),
        *("a b", "a\u00a0b", "a\u2009b"),
    ],
    "twins": [
        *words("First first FIRST fIRST ﬁrst f\u0131rst f\u0130rst first. é e\u0301 É E\u0301"),
        *words("Å A\u030a \u212b Ω \u2126 ñ n\u0303 ß ss SS ẞ ſs ς σ Σ ǆ ǅ Ǆ ﬀ ff ½ 1⁄2 ² 2"),
        *words("가 \u1100\u1161 が か\u3099 ｶﾞ ガ q\u0307\u0323 q\u0323\u0307 new-york new/york"),
        *(" first", "first ", "first\t", "\u3000first", "new York", "new  York"),
    ],
    "leading dash": words("- -- -x --yes --help -c -rf --saves=/ -\u0301 --json"),
    "emoji": words("😀 👍🏽 👍 ❤️ ❤ 🇦🇹 🏳️‍🌈 👨‍👩‍👧 1️⃣ ☺ ☺︎ 🤷‍♀️ 𓀀 🫠"),
}
"""kind → names."""

BIDI = "\u202e"


class Terminal:
    """A screen and a standard error that are terminals without colours, and what reaches them."""

    def __init__(self) -> None:
        self.file = StringIO()
        results = Screen(self.file, width=200, force_terminal=False)
        failures = Screen(self.file, width=2000, force_terminal=True, no_color=True)
        self.output = ScreenOutput(results, failures)

    def do(self, session: Session, *words: str) -> bool:
        return do_command(list(words), session, self.output)

    @property
    def is_clean(self) -> bool:
        """Whether nothing reached it that could steer it."""
        return all(line.isprintable() for line in self.file.getvalue().split("\n"))


@pytest.fixture
def here(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session with a network in hand, in a folder of its own."""
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    session.saves = inside / "saves"
    session.asker = Answers(["y"] * 1000)
    do(session, "n mini; pas registry")
    return session


def strange_files(session: Session) -> list[str]:
    """Files that came to be outside the saves."""
    top = session.saves.parents[2]
    allowed = {session.saves, *session.saves.parents}
    strange = []
    for path in top.rglob("*"):
        inside = path.parent == session.saves and path.name in (LIST, ".lock", ".trash")
        kept = path.parent == session.saves / ".trash"
        save = path.parent == session.saves and IS_FILE.fullmatch(path.name)
        if not (inside or kept or save or path in allowed):
            strange.append(str(path))
    return strange


def survives(session: Session, name: str) -> bool:
    """Whether a name is a save of its own or refused, and all commands take it so."""
    shutil.rmtree(session.saves, ignore_errors=True)
    session.asker = Answers(["y"] * 9)
    registry, terminal = session.registry, Terminal()
    saved = terminal.do(session, "pas", name)
    expected = [clean_name(name)] if saved else []
    right = saved == is_name(name) and registry.names() == expected
    for words in (("l", name), ("ren", name, "other"), ("ren", "other", name), ("del", name)):
        right &= terminal.do(session, *words) == saved
    right &= registry.names() == []
    right &= terminal.do(session, "undo") == saved
    right &= registry.names() == expected and all(batches_of(registry, n) == 0 for n in expected)
    right &= (
        terminal.do(session, "ls")
        and Conversation(session, terminal.output).message().isprintable()
    )
    for command in ("n", "set", "data", "?", "c", "ch", "t", "export", "import"):
        terminal.do(session, command, name)
    terminal.do(session, name)
    do(session, "n mini")
    return right and strange_files(session) == [] and terminal.is_clean


def is_name(name: str) -> bool:
    try:
        return bool(clean_name(name))
    except ValueError:
        return False


def test_hostile_names(here: Session, share: Any, tally: Any) -> None:
    for kind, every in HOSTILE.items():
        names = every[:: share(5, 1)]
        survived = [name for name in names if survives(here, name)]
        tally(f"names: {kind}", len(names), len(survived))


def test_no_two_names_are_on_one_file(here: Session) -> None:
    some = HOSTILE["twins"] + HOSTILE["homoglyphs"]
    names = sorted({clean_name(name) for name in some if is_name(name)})
    for number, name in enumerate(names):
        here.registry.save(plain(batches=number), name)
    assert [batches_of(here.registry, name) for name in names] == [*range(len(names))]


def failing(session: Session, names: Iterable[str]) -> int:
    return sum(not survives(session, name) for name in names)


@pytest.mark.full
def test_without_escaping_the_terminal_would_be_steered(
    here: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    steering = [text for text in ESCAPES if text[0] in "\x1b\x9b"]
    assert failing(here, steering) == 0
    for module in (errors, output):
        monkeypatch.setattr(module, "printable", lambda text, longest=0: text)
    assert failing(here, steering) == len(steering) == 4


# escapes from a file's content

TEXTS = [path for path, value in places(WHOLE) if isinstance(value, str)]


def shown(session: Session, *lines: tuple[str, ...]) -> Terminal:
    terminal = Terminal()
    for words in lines:
        terminal.do(session, *words)
    return terminal


def test_escapes_in_a_save_do_not_reach_the_terminal(here: Session, share: Any, tally: Any) -> None:
    texts = [*share(ESCAPES[:2], ESCAPES), BIDI]
    tried = survived = 0
    for text in texts:
        documents = [with_change(path, f"x{text}") for path in TEXTS] + [WHOLE | {text: text}]
        for document in documents:
            shutil.rmtree(here.saves)
            here.saves.mkdir()
            put(here.saves, document, "x")
            put(here.saves, document, document["name"])
            terminal = shown(here, ("ls",), ("l", "x"), ("ren", "x", "y"), ("del", "x"), ("undo",))
            tried += 1
            survived += terminal.is_clean and "damaged" in terminal.file.getvalue()
    tally("escapes in what a save holds", tried, survived)


def test_escapes_in_the_list_of_saves_do_not_reach_the_terminal(here: Session, tally: Any) -> None:
    path = here.saves / LIST
    (entry,) = decode(unseal(path.read_bytes()))["networks"]
    texts = [key for key, value in entry.items() if isinstance(value, str)]
    survived = 0
    for key in texts:
        for text in (*ESCAPES, BIDI):
            path.write_bytes(seal(encode({"networks": [entry | {key: f"x{text}"}]})))
            terminal = shown(here, ("ls",), ("l", "registry"))
            survived += terminal.is_clean and "3-3-2" in terminal.file.getvalue()
    tally("escapes in the list of saves", len(texts) * (len(ESCAPES) + 1), survived)


def test_escapes_in_the_names_of_folders_and_files_do_not_reach_the_terminal(
    here: Session, capfd: pytest.CaptureFixture[str], tally: Any
) -> None:
    texts = [text for text in (*ESCAPES, BIDI) if "\0" not in text]
    survived = 0
    for text in texts:
        folder = Path(f"folder{text}")
        folder.write_bytes(b"not a folder")
        session = Session(folder / "saves", [folder], folder)
        do(session, "n mini")
        terminal = shown(session, ("pas", "x"), ("ls",), ("l", "x"), ("data", "sample"))
        for suffix in ("npz", "safetensors", "onnx"):
            file = f"file{text}.{suffix}"
            terminal.do(here, "export", file)
            terminal.do(here, "export", file)
            terminal.do(here, "import", file)
            Path(file).write_bytes(b"damaged")
            terminal.do(here, "import", file)
        json = JsonOutput()
        do_command(["pas", "x"], session, json)
        do_command(["export", f"other{text}.npz"], here, json)
        said = "".join(capfd.readouterr())
        survived += terminal.is_clean and all(line.isprintable() for line in said.split("\n"))
    tally("escapes in the names of folders and files", len(texts), survived)


@pytest.mark.full
def test_without_the_check_of_texts_a_save_would_steer_the_terminal(
    here: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here.saves, with_change(("accuracy", "on"), "x\x1b[31m"), "x")
    assert shown(here, ("ls",), ("l", "x")).is_clean
    monkeypatch.setattr(Fields, "text", lambda self, name, choices=None: self.take(name, str))
    monkeypatch.setattr(Fields, "word", lambda self, name: self.take(name, str))
    saves._known.cache_clear()
    assert not shown(here, ("ls",), ("l", "x")).is_clean

"""Names of networks: every one has a file of its own, and none leaves the folder."""

import re
from unicodedata import normalize

import pytest
import registry_helpers
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_helpers import batches_of, plain

from digitnet.registry.files import RegistryError
from digitnet.registry.saves import LIST, Registry
from digitnet.registry.schema import clean_name

registry = registry_helpers.registry


NAMES = [
    *("Net", "net", "nET", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", ".", "..", ".hidden"),
    *("-rf", "--help", "~", "con", "nul.txt", "a:b", "registry.pickle", ".trash", ".lock", "🦆"),
    *("名前", "é", "ﬁ", "fi", "Å", "x" * 64, "é" * 64, "a b", "'", '"', "$HOME", "%s", "{}"),
    *("network", "a-b", "a_b", "00000001.deleted.x", ".writing-1-x", "*", "?"),
]


def test_every_name_can_be_saved_and_none_is_seen_in_the_folder(registry: Registry) -> None:
    assert len({name.casefold() for name in NAMES}) < len(set(NAMES)) == len(NAMES)
    for batches, name in enumerate(NAMES):
        assert clean_name(name) == name
        registry.save(plain(batches=batches), name)
    files = {path.name for path in registry.folder.iterdir()} - {LIST, ".lock"}
    assert len(files) == len(NAMES)
    assert all(re.fullmatch(r"[0-9a-f]{16}\.pickle", file) for file in files)
    assert list(registry.folder.parent.iterdir()) == [registry.folder]
    for batches, name in enumerate(NAMES):
        assert batches_of(registry, name) == batches
    assert sorted(registry.names()) == sorted(NAMES)


def test_names_that_look_the_same_are_the_same(registry: Registry) -> None:
    composed, decomposed = (normalize(form, "Zoë, Å") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert clean_name(decomposed) == clean_name(f"  {composed}\t") == composed
    registry.save(plain(batches=1), clean_name(composed))
    registry.save(plain(batches=2), clean_name(decomposed))
    assert registry.names() == [composed]
    assert batches_of(registry, composed) == 2


BAD_NAMES = [
    *("", " ", "\t\n", "x" * 65, "x" * 255, "x" * 100_000, "a\nb", "a\tb", "\x00", "a\x00b"),
    *("\x1b[2J", "\x7f", "a\u202eb", "a\u200bb", "a\u2028b", "\ud800", "\ufeffx", "🦆" * 65),
    *("\u3164", "a\u3164b", "\u115f", "\uffa0", "\u2800", "a\u034fb", "\ufe0f", "a\U000e0101"),
]


@pytest.mark.parametrize("text", BAD_NAMES, ids=lambda text: ascii(text)[:20])
def test_what_cannot_be_a_name_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a name (has|is made of)"):
        clean_name(text)


@pytest.mark.parametrize(
    "text", ["", " x", "x" * 65, "a\nb", "\ud800", normalize("NFD", "é")], ids=ascii
)
def test_nothing_is_saved_under_what_cannot_be_a_name(registry: Registry, text: str) -> None:
    with pytest.raises((RegistryError, ValueError)):
        registry.save(plain(), text)
    assert registry.entries() == []


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80))
def test_any_text_is_no_name_or_a_clean_one(text: str) -> None:
    try:
        name = clean_name(text)
    except ValueError:
        return
    assert clean_name(name) == name == normalize("NFC", name)
    assert 1 <= len(name) <= 64
    assert name.isprintable()

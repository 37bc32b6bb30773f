"""Names of networks: what can be one, and in what form; faults/test_names.py has the hostile."""

from unicodedata import normalize

import pytest
import registry_helpers
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_helpers import plain

from digitnet.registry.files import RegistryError
from digitnet.registry.saves import Registry
from digitnet.registry.schema import clean_name

registry = registry_helpers.registry

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

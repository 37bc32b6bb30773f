"""The document of a network: every field is there, of its kind, and none more."""

import copy
import math
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
import registry_helpers
from document_helpers import WHOLE, Place, holder_of, places, refused, with_change
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_helpers import everything, put, rich

from digitnet.engine.trainer import Measurement
from digitnet.registry import schema as document
from digitnet.registry.codec import decode, encode, unseal
from digitnet.registry.files import DamagedSave, RegistryError
from digitnet.registry.saves import Registry
from digitnet.registry.schema import clean_name, from_document, to_document

registry = registry_helpers.registry


def test_the_whole_document_is_accepted() -> None:
    assert everything(from_document(decode(encode(WHOLE)))) == everything(rich())


def last_name(path: Place) -> str:
    """The field that a complaint about this place names."""
    return next(str(key) for key in reversed(path) if isinstance(key, str))


OTHER_KINDS = [None, True, 3, -1.5, "text", b"bytes", [], {}, [[]], [{}], {"a": 1}]
MAY_BE_NONE = {("accuracy",), ("averages",)}
PLACES = {path: value for path, value in places(WHOLE) if not {1, 2, 3} & set(path)}
"""Every place, of lists only what is in their first."""


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_no_field_may_be_of_another_kind(path: Place) -> None:
    value = PLACES[path]
    for other in OTHER_KINDS:
        fits = type(other) is type(value) or (type(value), type(other)) == (float, int)
        if not fits and not (other is None and path in MAY_BE_NONE):
            reason = refused(with_change(path, other))
            assert last_name(path) in reason or "softmax" in reason


def test_no_dict_may_have_a_field_more() -> None:
    for path in [(), *(path for path, value in PLACES.items() if isinstance(value, dict))]:
        reason = refused(with_change((*path, "more"), 1))
        assert "that digitnet does not know" in reason or "'more' should be a" in reason


def test_no_field_may_be_missing() -> None:
    optional = {("own_cases",), ("words",), ("accuracy", "digest")}
    for path in PLACES:
        if isinstance(path[-1], str) and path[:-1] != ("settings",) and path not in optional:
            document = copy.deepcopy(WHOLE)
            del holder_of(document, path)[path[-1]]
            assert repr(path[-1]) in refused(document)


def test_of_a_history_that_is_too_long_the_latest_points_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document, "MAX_MEASUREMENTS", 2)
    named = rich()
    named.trainer.history.insert(0, Measurement(1, 9.0, 9.0, 0.0))
    assert len(named.trainer.history) == 3
    kept = from_document(decode(encode(to_document(named, "x")))).trainer.history
    assert kept == named.trainer.history[1:]


def test_settings_that_older_saves_do_not_have_are_the_usual_ones() -> None:
    document = copy.deepcopy(WHOLE)
    del document["settings"]["l2"]
    assert from_document(document).trainer.settings == replace(rich().trainer.settings, l2=0.0)


def test_a_reason_is_short_whatever_is_in_the_file() -> None:
    for path in [*PLACES, ("settings", "x" * 60_000), ("optimizer", "x" * 60_000)]:
        for value in ("x" * 60_000, bytes(100_000), ["x" * 60_000] * 5):
            document = with_change(path, value)
            if not isinstance(PLACES.get(path), bytes) or not isinstance(value, bytes):
                assert len(refused(document)) < 500, path


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 1 << 62, -(1 << 63), (1 << 63) - 1, math.nan, math.inf, 1e308])
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=16),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dtype", "shape", "data", "value", "on"]), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_is_put_into_a_document_it_is_accepted_or_refused_as_damaged(data: Any) -> None:
    document = copy.deepcopy(WHOLE)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([path for path, _ in places(document)]))
        holder_of(document, path)[path[-1]] = data.draw(plain_values)
    try:
        named = from_document(decode(encode(document)))
    except DamagedSave:
        return
    again = from_document(to_document(named, named.name))
    assert everything(again) == everything(named)


# wrong in one place, and sealed as it should be


def f4(*numbers: float) -> bytes:
    """Numbers as a float32 array keeps them."""
    return np.array(numbers, "<f4").tobytes()


def point(*numbers: float) -> bytes:
    """A history of two points, of which the second is this."""
    return np.array([(0, 0, 0, 0), numbers]).tobytes()


def zeros(dtype: str, *shape: int) -> dict[str, Any]:
    """An array of zeros as a document; one of an impossible size has no data."""
    data = b"" if 0 in shape else bytes(np.zeros(shape, dtype).nbytes)
    return {"dtype": dtype, "shape": list(shape), "data": data}


W0: Place = ("layers", 0, "parameters", "weights")
W1: Place = ("layers", 1, "parameters", "weights")
B0: Place = ("layers", 0, "parameters", "biases")
V0: Place = ("optimizer", "velocity", 0)
HUGE = 1 << 62
NOT_FINITE = "holds something that is not a finite number"
OUT = "out of bounds"
ARRAY_OF_FOUR = zeros("<f4", 4)
WRONG: list[tuple[Place, Any, str]] = [
    (("trained_on",), ["sample"] * 101, "more than 100"),
    (("trained_on",), ["sample, all of it"], r"'trained_on\[0\]' is not one word"),
    (("own_cases",), b"7 bytes", "'own_cases' has part of a hash"),
    (("words",), ["cat"] * 101, "more than 100"),
    (("words", 0), "x" * 201, r"'words\[0\]' is too long or holds control"),
    (("words", 0), "\x1b[2J", r"'words\[0\]' is too long or holds control"),
    (("accuracy", "digest"), "\x1b[2J", "'digest' is too long or holds control"),
    (("data",), "sample; del x", "is not one word"),
    (("recipe",), "quick> yes", "is not one word"),
    (("settings", "average"), 0.0, "the settings ask for none"),
    (("name",), "", "'name' is not a name"),
    (("name",), " x", "'name' is not a name"),
    (("name",), "a\nb", "'name' is too long or holds control"),
    (("name",), "e\u0301", "'name' is not a name"),
    (("saved_at",), "", "'saved_at' is not a time"),
    (("saved_at",), "2024-01-31T12:00:00", "'saved_at' is not a time"),
    (("saved_at",), "2024-02-31T12:00:00+00:00", "'saved_at' is not a time"),
    (("saved_at",), "2024-01-31\x1b12:00:00+00:00", "'saved_at' is too long or holds"),
    (("cost",), "vibes", "'cost' is not one that"),
    (("layers",), [], "'layers' is empty"),
    (("layers",), [1], r"'layers\[0\]' should be a dict"),
    (("layers", 0, "kind"), "hologram", "'kind' is not one that"),
    (("layers", 0, "config", "activation"), "zigzag", "'activation' is not one that"),
    (("layers", 0, "config", "activation"), "softmax", "softmax .* is for the last layer"),
    (("layers", 1, "config", "activation"), "relu", "cross-entropy takes the logarithm"),
    ((*W0, "dtype"), "<f2", "'dtype' is not one that"),
    ((*W0, "dtype"), "|O", "'dtype' is not one that"),
    ((*W0, "dtype"), "<f8", "'weights' has not as many bytes"),
    ((*W0, "shape"), [3, 4], "'weights' does not have the shape"),
    ((*W0, "shape"), [4, 4], "'weights' has not as many bytes"),
    ((*W0, "shape"), [12], "'weights' does not have the shape"),
    ((*W0, "shape"), [], "'weights' does not have the shape"),
    ((*W0, "shape"), [-4, -3], "'weights' has an impossible shape"),
    ((*W0, "shape"), [HUGE, HUGE], "'weights' has"),
    (W0, zeros("<f4", 0, 3), "'weights'"),
    (W0, zeros("<f4", 5, 2), "'weights' does not have the shape"),
    ((*W0, "data"), bytes(47), "'weights' has not as many bytes"),
    ((*W0, "data"), f4(*[0.0] * 11, math.nan), f"'weights' {NOT_FINITE}"),
    (W1, zeros("<f8", 3, 2), "'weights' does not have the precision"),
    (("settings", "rate"), 0, "'settings' cannot be: rate must be above 0"),
    (("settings", "rate"), math.nan, "'settings' cannot be: rate"),
    (("settings", "vigour"), 1, "'settings' has one that digitnet does not know"),
    (("settings", "optimizer"), "newton", "'settings' cannot be: optimizer is one of"),
    (("settings", "optimizer"), "sgd", "optimizer has fields that digitnet does not know"),
    (("settings", "optimizer"), "adam", "optimizer has no 'means'"),
    (("settings", "schedule"), "cosine 3s", "'settings' cannot be: schedule"),
    (("seed",), -1, f"'seed' is {OUT}"),
    (("seed",), HUGE + 1, f"'seed' is {OUT}"),
    (("progress", "batches"), -1, f"'batches' is {OUT}"),
    *((("progress", name), 1 << 53, f"'{name}' is {OUT}") for name in ("epoch", "samples")),
    (("progress", "seconds"), math.nan, "'seconds' is not a finite number"),
    (("progress", "cost_sum"), math.inf, "'cost_sum' is not a finite number"),
    (("history",), zeros("<f8", 2, 3), "'history' should have 4 columns"),
    (("history", "data"), point(-1, 0, 0, 0.5), "'history' has a point that cannot be"),
    (("history", "data"), point(1.5, 0, 0, 0.5), "'history' has a point that cannot be"),
    (("history", "data"), point(1, 0, 0, -0.1), "'history' has a point that cannot be"),
    (("history", "data"), point(1, 0, 0, 1.1), "'history' has a point that cannot be"),
    (("progress", "seconds"), -0.5, "'seconds' is below zero"),
    (("history",), zeros("<f8", 100_001, 4), "4 columns and at most 100,000 rows"),
    (("progress", "position"), 30, "'position' is past the end of its epoch"),
    (("history",), zeros("<f4", 1, 4), "'history' does not have the precision"),
    (("history",), zeros("<f8", HUGE, 0), "'history'"),
    (("history", "data"), np.full(8, np.nan).tobytes(), f"'history' {NOT_FINITE}"),
    (("accuracy", "value"), -0.1, "'value' is not between 0 and 1"),
    (("accuracy", "value"), math.nan, "'value' is not a finite number"),
    (("optimizer", "vigour"), [], "optimizer has fields that digitnet does not know"),
    (("optimizer", "velocity"), [], "'velocity' should hold 4 arrays"),
    (("optimizer", "velocity"), [1] * 4, r"'velocity\[0\]' should be a dict"),
    (V0, ARRAY_OF_FOUR, r"'velocity\[0\]' does not have the shape"),
    (V0, zeros("<f8", 4, 3), r"'velocity\[0\]' does not have the precision"),
    (("optimizer", "steps"), -1, f"'steps' is {OUT}"),
    (("averages",), [], "'averages' should hold 4 arrays"),
    (("averages", 0), ARRAY_OF_FOUR, r"'averages\[0\]' does not have the shape"),
    (("recipe",), "x" * 201, "'recipe' is too long or holds control characters"),
    (("accuracy", "on"), "a\nb", "'on' is too long or holds control characters"),
    (("trained_on",), ["sample", 1], r"'trained_on\[1\]' should be a str"),
    (("trained_on", 1), "x" * 201, r"'trained_on\[1\]' is too long"),
]


@pytest.mark.parametrize(("path", "value", "reason"), WRONG, ids=lambda value: ascii(value)[:40])
def test_a_document_that_is_wrong_in_one_place_is_refused_and_the_place_is_named(
    registry: Registry, path: Place, value: Any, reason: str
) -> None:
    registry.folder.mkdir()
    file = put(registry.folder, with_change(path, value))
    data = file.read_bytes()
    with pytest.raises(DamagedSave, match=reason):
        from_document(decode(unseal(data)))
    (entry,) = registry.entries()
    assert entry.damaged
    assert path == ("name",) or entry.name == "x"
    with pytest.raises(RegistryError, match=reason):
        registry.load(entry.name)
    assert file.read_bytes() == data


def test_the_longest_text_is_accepted() -> None:
    accuracy = from_document(with_change(("accuracy", "on"), "x" * 200)).accuracy
    assert accuracy is not None
    assert accuracy.on == "x" * 200


# names; faults/test_names.py has the hostile

BAD_NAMES = [
    *("", " ", "\t\n", "x" * 65, "x" * 255, "x" * 100_000, "a\nb", "a\tb", "\x00", "a\x00b"),
    *("\x1b[2J", "\x7f", "a\u202eb", "a\u200bb", "a\u2028b", "\ud800", "\ufeffx", "🦆" * 65),
    *("\u3164", "a\u3164b", "\u115f", "\uffa0", "\u2800", "a\u034fb", "\ufe0f", "a\U000e0101"),
]


@pytest.mark.parametrize("text", BAD_NAMES, ids=lambda text: ascii(text)[:20])
def test_what_cannot_be_a_name_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a name (has|is made of)"):
        clean_name(text)


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

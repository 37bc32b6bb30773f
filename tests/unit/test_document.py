"""The document of a network: every field is there, of its kind, and none more."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import registry_helpers
from document_helpers import WHOLE, Place, holder_of, places, refused, with_change
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_helpers import everything, rich

from digitnet.engine.trainer import Measurement
from digitnet.registry import schema as document
from digitnet.registry.codec import decode, encode
from digitnet.registry.files import DamagedSave
from digitnet.registry.schema import from_document, to_document

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
    for path in PLACES:
        if isinstance(path[-1], str) and path[:-1] != ("settings",):
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


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("settings", "rate"), bytes(1_000_000)),
        (("settings", "batch"), ["x" * 60_000] * 20),
        (("settings", "x" * 60_000), 1),
        (("settings", "optimizer"), "x" * 60_000),
        (("settings", "schedule"), "x" * 60_000),
        (("optimizer", "x" * 60_000), 1),
        (("recipe",), "x" * 60_000),
        (("name",), "x" * 60_000),
        (("saved_at",), "x" * 60_000),
        (("cost",), "x" * 60_000),
        (("layers", 0, "config", "activation"), "x" * 60_000),
        (("layers", 0, "parameters", "weights", "dtype"), "x" * 60_000),
        (("layers", 0, "parameters", "weights", "shape"), ["x" * 60_000]),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_reason_is_short_whatever_is_in_the_file(path: Place, value: Any) -> None:
    assert len(refused(with_change(path, value))) < 500


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


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("trained_on",), ["sample"] * 101, "more than 100"),
        (("trained_on",), ["sample, all of it"], "should hold words"),
        (("data",), "sample; del x", "is not one word"),
        (("recipe",), "quick> yes", "is not one word"),
        (("settings", "average"), 0.0, "the settings ask for none"),
    ],
)
def test_what_no_digitnet_writes_is_refused(path: Place, value: Any, reason: str) -> None:
    assert reason in refused(with_change(path, value))

"""A study in a file: found again as it was, and refused where anything in it cannot be."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from document_helpers import holder_of
from registry_helpers import rich

from digitnet.engine.settings import Settings
from digitnet.registry.codec import array_document, decode, encode
from digitnet.registry.files import DamagedSave, RegistryError
from digitnet.registry.model import Blueprint, Model, Result, StudyRecord
from digitnet.registry.saves import Registry
from digitnet.registry.schema import read_document, to_document

BLUEPRINT = Blueprint(
    "784-8-10", "tanh", "softmax", "cross-entropy", False, "he", "float64", Settings(rate=0.3)
)
STUDY = StudyRecord(
    "rates",
    ["rate", "0.1", "1", "--repeat", "2"],
    BLUEPRINT,
    data="sample",
    seed=7,
    results={0: Result(0, 0.9, 1.5, 2.0), 3: Result(3, 0.25, 1e9, 0.0)},
)
WHOLE = to_document(STUDY, STUDY.name)


def table(*rows: tuple[float, ...]) -> Any:
    return array_document(np.array(rows, np.float64).reshape(-1, 4))


def test_a_study_is_found_again_as_it_was() -> None:
    found = read_document(decode(encode(WHOLE)))
    assert isinstance(found, StudyRecord)
    assert replace(found, saved_at="") == STUDY


def test_a_network_is_still_a_network() -> None:
    assert isinstance(read_document(decode(encode(to_document(rich(), "x")))), Model)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("name",), "a\nb", "'name'"),
        (("study",), [], "dict"),
        (("study", "words"), ["x\x1b[2J"], r"'words\[0\]'"),
        (("study", "words"), ["x"] * 3000, "'words'"),
        (("study", "settings", "rate"), -1.0, "rate"),
        (("study", "settings", "colour"), 1, "settings"),
        (("study", "blueprint", "hidden"), "exec", "'hidden'"),
        (("study", "blueprint", "shape"), "x" * 201, "'shape'"),
        (("study", "blueprint", "precision"), "float16", "'precision'"),
        (("study", "blueprint", "more"), 1, "fields"),
        (("study", "seed"), -1, "'seed'"),
        (("study", "candidates"), 1 << 40, "'candidates'"),
        (("study", "results"), table((0.5, 0.9, 1, 1)), "'results'"),
        (("study", "results"), table((1, 0.9, 1, 1), (1, 0.8, 1, 1)), "'results'"),
        (("study", "results"), table((1, 1.1, 1, 1)), "'results'"),
        (("study", "results"), table((1, 0.9, 1, -1)), "'results'"),
        (("study", "results"), table((1e9, 0.9, 1, 1)), "'results'"),
        (("study", "results"), table((1, 0.9, np.inf, 1)), "finite"),
        (("study", "more"), 1, "fields"),
        (("more",), 1, "fields"),
    ],
)
def test_what_cannot_be_is_refused(place: tuple[str, ...], value: Any, says: str) -> None:
    document = copy.deepcopy(WHOLE)
    holder_of(document, place)[place[-1]] = value
    with pytest.raises(DamagedSave, match=says):
        read_document(decode(encode(document)))


def test_studies_and_networks_share_the_names(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.save(STUDY, STUDY.name)
    registry.save(rich(), "net")
    assert [(e.name, e.kind) for e in registry.entries()] == [
        ("net", "network"),
        ("rates", "study"),
    ]
    assert registry.names() == ["net"]
    with pytest.raises(RegistryError, match="is a study"):
        registry.load("rates")
    with pytest.raises(RegistryError, match="is a network"):
        registry.load_study("net")

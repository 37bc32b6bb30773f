"""The schema of studies: converts a study to a document and back."""

from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from digitnet.engine.activations import ACTIVATIONS
from digitnet.engine.costs import COSTS
from digitnet.engine.initializers import INITIALIZERS
from digitnet.registry.codec import Document
from digitnet.registry.document import from_document, read_name, read_settings, saved_at
from digitnet.registry.fields import Fields, array_document
from digitnet.registry.model import Model
from digitnet.registry.study_record import Blueprint, Result, StudyRecord

MAX_RESULTS = 20_000
MAX_WORDS = 2_000
FORMS = ("float32", "float64")


def study_to_document(study: StudyRecord) -> Document:
    """Returns the document with which a study is saved."""
    results = [[float(v) for v in vars(r).values()] for _, r in sorted(study.results.items())]
    blueprint = asdict(study.blueprint)
    return {
        "name": study.name,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": {
            "words": study.words,
            "settings": blueprint.pop("settings"),
            "blueprint": blueprint,
            "data": study.data,
            "seed": study.seed,
            "candidates": study.candidates,
            "results": array_document(np.array(results, np.float64).reshape(-1, 4)),
        },
    }


def read_document(document: Document) -> Model | StudyRecord:
    """Returns the network or the study in a document. Raises DamagedSave, naming the field."""
    fields = Fields(document, "document")
    if not fields.has("study"):
        return from_document(document)
    name, when = read_name(fields), saved_at(fields)
    inner = fields.inner("study")
    fields.end()
    words = inner.texts("words", MAX_WORDS)
    settings = read_settings(inner)
    about = inner.inner("blueprint")
    blueprint = Blueprint(
        shape=about.text("shape"),
        hidden=about.text("hidden", ACTIVATIONS),
        output=about.text("output", ACTIVATIONS),
        cost=about.text("cost", COSTS),
        bias=about.boolean("bias"),
        initializer=about.text("initializer", ("", *INITIALIZERS)),
        precision=about.text("precision", FORMS),  # type: ignore[arg-type]
        settings=settings,
    )
    about.end()
    study = StudyRecord(
        name,
        words,
        blueprint,
        data=inner.word("data"),
        seed=inner.whole("seed"),
        candidates=inner.whole("candidates", 0, MAX_RESULTS),
        results=_results(inner),
        saved_at=when,
    )
    inner.end()
    return study


def _results(fields: Fields) -> dict[int, Result]:
    """Reads the results: number → result."""
    table = fields.table("results", 4, MAX_RESULTS)
    numbers, accuracies, _, seconds = table.T
    sound = (numbers >= 0) & (numbers < MAX_RESULTS) & (numbers % 1 == 0)
    sound &= (accuracies >= 0) & (accuracies <= 1) & (seconds >= 0)
    if not sound.all() or len(np.unique(numbers)) < len(numbers):
        raise fields.bad("results", "has one that cannot be")
    return {int(n): Result(int(n), *rest) for n, *rest in table.tolist()}

"""Rehearsals with one setting changed, on the same mini-batches."""

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from digitnet.engine.cases import Cases
from digitnet.engine.trainer import Trainer
from digitnet.insight.diagnosis.measure import probe_of
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import (
    Rehearsal,
    Stop,
    rehearse,
    report_progress,
    training_copy,
    without_dropout,
)

LOWER, HIGHER = (1, 2, 3), (1, 2, 3, 4, 5)
"""Powers of ten for the lower and higher rates, tried in this order until one is good, or worse."""
ENOUGH, A_LITTLE = 0.5, 0.05
"""A rate is good if the cost falls by the first fraction of the baseline, and worse than the one
before if the cost is higher by the second."""
LEARNS = 0.2
"""A network learns if its cost falls below this fraction of the baseline."""


def try_alternatives(
    m: Measurements, trainer: Trainer, train: Cases, stop: Stop
) -> Generator[str, None, Measurements]:
    """Adds rehearsals of alternative settings if the network does not learn with its own."""
    probe = probe_of(train)
    if m.current.after <= LEARNS * m.baseline or (
        m.learned and m.current.gain > -LEARNS * m.baseline
    ):
        return m
    alternatives: dict[str, Rehearsal] = {}

    def rehearsed(copy: Trainer, name: str) -> Generator[str, None, Rehearsal]:
        alternatives[name] = yield from report_progress(
            rehearse(copy, train, probe, stop), f"rehearsal, {name}"
        )
        return alternatives[name]

    settings = trainer.settings
    if settings.l2 or settings.l1 or settings.max_norm:
        yield from rehearsed(training_copy(trainer, l2=0.0, l1=0.0, max_norm=0.0), "no decay")
    if m.dropout:
        copy = training_copy(trainer)
        copy.network = without_dropout(copy.network)
        copy.forget()
        yield from rehearsed(copy, "no dropout")
    for sign, powers in (("/", LOWER), ("x", HIGHER)):
        best = m.current.after if sign == "x" else np.inf
        for power in powers:
            rate = settings.rate * (10.0**power if sign == "x" else 10.0**-power)
            other = yield from rehearsed(
                training_copy(trainer, rate=rate), f"rate {sign} {10**power:,}"
            )
            worse = other.after > best + A_LITTLE * m.baseline
            if worse or other.gain > ENOUGH * m.baseline:
                break
            best = other.after
    return replace(m, alternatives=alternatives)

"""What if a setting were otherwise? Rehearsals with one thing changed, on the same mini-batches."""

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
    told,
    twin,
    without_dropout,
)

LOWER, HIGHER = (1, 2, 3), (1, 2, 3, 4, 5)
"""Powers of ten by which lower and higher rates are rehearsed, until one is good, or worse."""
ENOUGH, A_LITTLE = 0.5, 0.05
"""A rate is good with which the cost falls by this part of the baseline's, and worse than the one
before where the cost is higher by that."""
LEARNS = 0.2
"""A network learns whose cost comes below this part of the cost of the baseline."""


def what_if(
    m: Measurements, trainer: Trainer, train: Cases, stop: Stop
) -> Generator[str, None, Measurements]:
    """Where the network does not learn as its settings are: what if one of them were otherwise?"""
    probe = probe_of(train)
    if m.as_set.after <= LEARNS * m.baseline or (
        m.learned and m.as_set.gain > -LEARNS * m.baseline
    ):
        return m
    others: dict[str, Rehearsal] = {}

    def rehearsed(copy: Trainer, name: str) -> Generator[str, None, Rehearsal]:
        others[name] = yield from told(rehearse(copy, train, probe, stop), f"rehearsal, {name}")
        return others[name]

    settings = trainer.settings
    if settings.l2 or settings.l1 or settings.max_norm:
        yield from rehearsed(twin(trainer, l2=0.0, l1=0.0, max_norm=0.0), "no decay")
    if m.dropout:
        copy = twin(trainer)
        copy.network = without_dropout(copy.network)
        copy.forget()
        yield from rehearsed(copy, "no dropout")
    for sign, powers in (("/", LOWER), ("x", HIGHER)):
        best = m.as_set.after if sign == "x" else np.inf
        for power in powers:
            rate = settings.rate * (10.0**power if sign == "x" else 10.0**-power)
            other = yield from rehearsed(twin(trainer, rate=rate), f"rate {sign} {10**power:,}")
            worse = other.after > best + A_LITTLE * m.baseline
            if worse or other.gain > ENOUGH * m.baseline:
                break
            best = other.after
    return replace(m, others=others)

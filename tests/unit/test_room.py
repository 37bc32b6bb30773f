"""The memory of a mini-batch is known before it is begun."""

import tracemalloc

import numpy as np
import pytest
from session_helpers import do, refusal

from digitnet.engine import evaluate as room
from digitnet.engine.arrays import Cases
from digitnet.engine.network import Committee, Network
from digitnet.engine.shapes import network_of
from digitnet.repl.session import Session


def test_a_mini_batch_that_would_take_too_much_is_refused_with_the_figure(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_BYTES", 3 << 24)
    message = refusal(session, "n 784-1-5000-1-10; set batch all; t 2")
    assert "a mini-batch of 3,500 cases takes 0.2 GiB" in message
    assert "Example: set batch 100" in message
    assert "GiB" in refusal(session, "step")
    do(session, "set batch 10; step")


def test_a_minimiser_takes_fewer_cases_at_a_time_where_they_are_large(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(session, "n diary")
    per_case = room.bytes_per_case(session.network().network)
    monkeypatch.setattr(room, "MAX_BYTES", 400 * per_case)
    seen, forward = [], Network.forward
    monkeypatch.setattr(
        Network,
        "forward",
        lambda self, x, step=None: (
            seen.append(len(x)) if step is not None else None,
            forward(self, x, step),
        )[1],
    )
    do(session, "min 2")
    assert max(seen) == 100


def test_a_small_save_of_many_wide_layers_takes_little_memory() -> None:
    """Its chunks are sized by all layers, those of a committee's members included."""
    wide = network_of("-".join(["28x28", "334c1", *["a1"] * 55, "p28", "10"]))
    committee = Network([Committee((784,), members=[(wide, 1.0)])], "cross-entropy")
    assert room.bytes_per_case(committee) > 12 * 14_000_000
    cases = Cases(np.zeros((4, 784), np.uint8), np.eye(10, dtype=np.float32)[:4])
    for network in (wide, committee):
        tracemalloc.start()
        room.evaluate(network, cases)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 300 << 20
        assert room.max_cases(network) < 5

"""Deformations: what each amount does, and that they depend on the seed and the case alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from digitnet.engine import augment as module
from digitnet.engine.augment import LIMITS, NAMED, Augment, deform
from digitnet.engine.batches import MiniBatches
from digitnet.engine.cases import Cases, one_hot
from digitnet.engine.progress import Progress


def pictures(count: int = 40, height: int = 28, width: int = 28) -> np.ndarray:
    return np.random.default_rng(1).random((count, height, width), dtype=np.float32)


def deformed(given: np.ndarray, augment: Augment, *, seed: int = 1, first: int = 0) -> np.ndarray:
    out = np.full_like(given, np.nan)
    deform(given, first + np.arange(len(given)), seed, augment, out)
    return out


def places(augment: Augment, count: int = 2000, size: int = 28) -> np.ndarray:
    """How far each pixel of each case is moved, (cases, 2, pixels)."""
    found = np.stack(module._places((size, size), np.arange(count), 1, augment), axis=1)
    return found - np.mgrid[:size, :size].reshape(1, 2, -1)


def test_without_any_amount_nothing_changes() -> None:
    np.testing.assert_allclose(deformed(pictures(), Augment()), pictures(), atol=1e-5)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("size", [(28, 28), (11, 11), (9, 12)])
def test_the_pictures_are_looked_up_where_scipy_looks(name: str, size: tuple[int, int]) -> None:
    given = pictures(20, *size)
    found = deformed(given, NAMED[name])
    rows, columns = module._places(size, np.arange(20), 1, NAMED[name])
    for picture, mine, row, column in zip(given, found, rows, columns, strict=True):
        expected = ndimage.map_coordinates(
            np.pad(picture, 30), [row + 30, column + 30], order=1, prefilter=False
        )
        np.testing.assert_allclose(mine.ravel(), expected, atol=2e-4)
    assert 0 <= found.min() <= found.max() <= 1


@pytest.mark.parametrize("amount", [0.5, 1.2, 3.0])
def test_the_elastic_displacement_has_the_root_mean_square_asked_for(amount: float) -> None:
    moved = places(Augment(elastic=amount))
    assert np.sqrt((moved**2).sum(axis=1).mean()) == pytest.approx(amount, rel=0.02)
    by_pixel = np.sqrt((moved**2).sum(axis=1).mean(axis=0))
    assert by_pixel.min() > 0.9 * amount  # as much at the border as in the middle


def test_an_elastic_field_is_smooth() -> None:
    moved = places(Augment(elastic=1.0), 200).reshape(200, 2, 28, 28)
    steps = np.abs(np.diff(moved, axis=3))
    assert steps.max() < 1  # a line is bent, and not torn or folded


@pytest.mark.parametrize(
    ("augment", "largest"),
    [
        (Augment(shift=2), 2 * np.sqrt(2)),
        (Augment(rotation=90), np.sqrt(2) * 13.5 * np.sqrt(2)),
        (Augment(zoom=0.2), 0.2 * 13.5 * np.sqrt(2)),
        (Augment(shear=0.5), 0.5 * 13.5),
    ],
    ids=str,
)
def test_an_amount_is_the_most_and_is_nearly_reached(augment: Augment, largest: float) -> None:
    moved = np.sqrt((places(augment) ** 2).sum(axis=1))
    assert 0.9 * largest < moved.max() <= largest * 1.0001


def test_what_leaves_the_picture_is_lost() -> None:
    found = deformed(np.ones((500, 28, 28), np.float32), Augment(shift=20))
    assert found.mean() < 0.6
    assert (found.mean(axis=(1, 2)) > 0).all()


def test_a_deformation_depends_on_the_seed_and_the_case_alone() -> None:
    given, strong = np.repeat(pictures(1), 40, axis=0), NAMED["strong"]
    together = deformed(given, strong)
    alone = np.concatenate([deformed(given[:1], strong, first=k) for k in range(40)])
    assert together.tobytes() == alone.tobytes()
    assert len({case.tobytes() for case in together}) == 40
    other = deformed(given, strong, seed=2)
    assert all((a != b).any() for a, b in zip(together, other, strict=True))


@pytest.mark.parametrize("augment", [*NAMED.values(), Augment(zoom=0.25, elastic=2)], ids=str)
def test_a_strength_is_written_as_it_is_read(augment: Augment) -> None:
    assert Augment.parse(str(augment)) == augment


@pytest.mark.parametrize(
    "text",
    ["", "much", "rotation", "rotation=", "rotation=x", "rotation=-1", "shift=nan", "zoom=inf",
     "shift=1,shift=2", "shift=1,", *(f"{name}={most * 1.1}" for name, most in LIMITS.items())],
)  # fmt: skip
def test_what_is_no_strength_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Augment.parse(text)


def batches(progress: Progress, augment: Augment, **more: float) -> MiniBatches:
    answers = np.arange(50) % 3
    given = (255 * pictures(50, 6, 6)).astype(np.uint8).reshape(50, -1)
    cases = Cases(given, one_hot(answers, 3), 1 / 255)
    return MiniBatches(
        cases, 8, np.float32, seed=3, progress=progress, augment=augment, **more
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_mini_batches_go_on_where_the_training_was(name: str) -> None:
    whole, parts = Progress(), Progress()
    one, seen = batches(whole, NAMED[name]), []
    for _ in range(20):
        x, y = one.next()
        seen.append((x.tobytes(), y.tobytes()))
        one.done(len(x), 0.0)
    for number in range(20):
        if number % 6 == 0:
            again = batches(parts, NAMED[name])
        x, y = again.next()
        assert (x.tobytes(), y.tobytes()) == seen[number]
        again.done(len(x), 0.0)
    assert replace(whole) == replace(parts)


def test_a_mini_batch_is_kept_while_the_next_is_made() -> None:
    progress = Progress()
    one = batches(progress, NAMED["strong"])
    for _ in range(10):
        x, _ = one.next()
        before = x.copy()
        assert one._ahead is not None
        one._ahead[1].result()
        np.testing.assert_array_equal(x, before)
        one.done(len(x), 0.0)


def test_no_thread_is_left_when_training_is_over() -> None:
    one = batches(Progress(), NAMED["strong"])
    one.next()
    assert one._worker is not None
    (thread,) = one._worker._threads
    assert thread.is_alive()
    del one
    thread.join(5)
    assert not thread.is_alive()


def test_label_smoothing_spreads_a_part_of_each_target() -> None:
    _, y = batches(Progress(), Augment(), smoothing=0.3).next()
    np.testing.assert_allclose(np.unique(y), [0.1, 0.8], rtol=1e-6)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)


def test_rows_of_numbers_are_not_deformed() -> None:
    cases = Cases(np.zeros((4, 3), np.float32), np.eye(4, dtype=np.float32))
    with pytest.raises(ValueError, match="square pictures"):
        MiniBatches(cases, 2, np.float32, seed=1, progress=Progress(), augment=NAMED["light"])

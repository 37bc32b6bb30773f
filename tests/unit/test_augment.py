"""Deformations: what each amount does, and that they depend on the seed and the case alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from digitnet.engine import augment as deform
from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.augment import BLOCK, LIMITS, NAMED, Augment, Deformer, uniform
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import MiniBatches, Progress, Trainer


def pictures(count: int = 40, height: int = 28, width: int = 28) -> np.ndarray:
    return np.random.default_rng(1).random((count, height, width), dtype=np.float32)


def deformed(given: np.ndarray, augment: Augment, *, seed: int = 1, first: int = 0) -> np.ndarray:
    out = np.full(given.shape, np.nan, np.float32)
    deformer = Deformer(*given.shape[1:], seed, augment)
    deformer(given, first + np.arange(len(given)), out)
    return out


def found_places(augment: Augment, count: int, height: int, width: int) -> np.ndarray:
    """Where each pixel of each case is looked up, (cases, 2, pixels)."""
    deformer = Deformer(height, width, 1, augment)
    blocks = np.array_split(np.arange(count), -(-count // BLOCK))
    return np.concatenate([deformer.positions(block).swapaxes(0, 1).copy() for block in blocks])


def places(augment: Augment, count: int = 2000, size: int = 28) -> np.ndarray:
    """How far each pixel of each case is moved, (cases, 2, pixels)."""
    found = found_places(augment, count, size, size)
    return found - np.mgrid[:size, :size].reshape(1, 2, -1)


def test_without_any_amount_nothing_changes() -> None:
    np.testing.assert_array_equal(deformed(pictures(), Augment()), pictures())


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("size", [(28, 28), (11, 11), (9, 12)])
def test_the_pictures_are_looked_up_where_scipy_looks(name: str, size: tuple[int, int]) -> None:
    given = pictures(20, *size)
    found = deformed(given, NAMED[name])
    looked_up = found_places(NAMED[name], 20, *size)
    for picture, mine, place in zip(given, found, looked_up, strict=True):
        expected = ndimage.map_coordinates(picture, place, order=1, mode="grid-constant")
        np.testing.assert_allclose(mine.ravel(), expected, atol=1e-5)
    assert 0 <= found.min() <= found.max() <= 1


def drawn(monkeypatch: pytest.MonkeyPatch, draw: int, values: Sequence[float]) -> None:
    """From now on these numbers are drawn, from `draw` on, and 0 for everything else."""

    def uniform(seed: int, numbers: np.ndarray, draws: int) -> np.ndarray:
        result = np.zeros((len(numbers), draws), np.float32)
        result[:, draw : draw + len(values)] = values
        return result

    monkeypatch.setattr(deform, "uniform", uniform)


@pytest.mark.parametrize("degrees", [-170, -30, 5, 45, 90])
def test_a_rotation_is_scipys(degrees: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, 0, [np.sign(degrees)])
    found = deformed(pictures(5, 28, 20), Augment(rotation=abs(degrees)))
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix, centre = np.array([[cos, -sin], [sin, cos]]), np.array([13.5, 9.5])
    for picture, mine in zip(pictures(5, 28, 20), found, strict=True):
        expected = ndimage.affine_transform(
            picture, matrix, centre - matrix @ centre, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(mine, expected, atol=1e-5)


def test_a_shift_by_whole_pixels_moves_the_picture_and_what_leaves_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for down, right in [(2, 0), (-3, 3), (0, -10), (20, 20)]:
        drawn(monkeypatch, 4, [-down / 20, -right / 20])
        found = deformed(pictures(3), Augment(shift=20))
        expected = np.pad(pictures(3), [(0, 0), (20, 20), (20, 20)])
        expected = expected[:, 20 - down : 48 - down, 20 - right : 48 - right]
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_bytes_and_rows_of_pixels_are_deformed_too() -> None:
    given, strong = (255 * pictures()).astype(np.uint8), NAMED["strong"]
    found = deformed(given, strong)
    np.testing.assert_array_equal(found, deformed(given.astype(np.float32), strong))
    rows = np.empty((40, 28 * 28), np.float32)
    Deformer(28, 28, 1, strong)(given.reshape(40, -1), np.arange(40), rows)
    np.testing.assert_array_equal(rows, found.reshape(40, -1))


@pytest.mark.parametrize(
    ("amount", "smooth", "size"), [(0.5, 2.0, 28), (3.0, 8.0, 28), (1.2, 4.0, 11), (3.0, 2.0, 11)]
)
def test_the_elastic_displacement_has_the_root_mean_square_asked_for(
    amount: float, smooth: float, size: int
) -> None:
    moved = places(Augment(elastic=amount, smooth=smooth), 6000, size)
    assert np.sqrt((moved**2).sum(axis=1).mean()) == pytest.approx(amount, rel=0.02)
    by_pixel = np.sqrt((moved**2).sum(axis=1).mean(axis=0))
    assert by_pixel.min() > 0.95 * amount  # as much at the border as in the middle


@pytest.mark.parametrize("smooth", [2.0, 3.0, 4.0])
def test_an_elastic_field_is_as_smooth_as_asked(smooth: float) -> None:
    moved = places(Augment(elastic=1.0, smooth=smooth)).reshape(-1, 28, 28)
    # of noise smoothed by a Gaussian of σ, values d apart have the correlation exp(−d² / 4σ²)
    middle = moved[:, 6:22, 6:22]
    for distance in (1, 3, 6):
        found = (middle[:, :, :-distance] * middle[:, :, distance:]).mean() / (middle**2).mean()
        assert found == pytest.approx(np.exp(-((distance / smooth) ** 2) / 4), abs=0.05)


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


def test_shear_slants_as_handwriting_does() -> None:
    """Rows stay where they are, and each is moved in proportion to its distance from the middle."""
    rows, columns = places(Augment(shear=0.5)).swapaxes(0, 1).reshape(2, -1, 28, 28)
    np.testing.assert_allclose(rows, 0, atol=1e-5)
    np.testing.assert_allclose(columns[:, 0], -columns[:, 27], atol=1e-4)
    assert np.abs(columns[:, 0]).max() > 6


@pytest.mark.parametrize("size", [(28, 28), (11, 11), (9, 12)])
def test_a_deformation_depends_on_the_seed_and_the_case_alone(size: tuple[int, int]) -> None:
    count, strong = 2 * BLOCK + 5, NAMED["strong"]
    given = np.repeat(pictures(1, *size), count, axis=0)
    together = deformed(given, strong)
    for length in (1, 2, 3, 7, BLOCK - 1, BLOCK + 1):
        parts = [deformed(given[k : k + length], strong, first=k) for k in range(0, count, length)]
        assert np.concatenate(parts).tobytes() == together.tobytes()
    assert len({case.tobytes() for case in together}) == count
    other = deformed(given, strong, seed=2)
    assert all((a != b).any() for a, b in zip(together, other, strict=True))


def test_what_is_drawn_is_uniform_and_unrelated() -> None:
    found = uniform(5, np.arange(20_000), 7).astype(float)
    assert found.shape == (20_000, 7)
    assert -1 < found.min() < -0.999 < 0.999 < found.max() < 1
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose((found**2).mean(axis=0), 1 / 3, rtol=0.03)
    following = np.corrcoef(np.hstack([found[:-1], found[1:]]).T)  # draws, cases, one after another
    np.testing.assert_allclose(following, np.eye(14), atol=0.04)
    np.testing.assert_array_equal(found[[9, 3]], uniform(5, np.array([9, 3]), 7))
    numbers = np.array([0, 2**40, 2**63 - 1])
    seeds = [0, 1, 2**63, 2**64 - 1]
    assert len({row.tobytes() for seed in seeds for row in uniform(seed, numbers, 5)}) == 12


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, "is none, light, strong, or amounts of rotation, zoom, shear, shift,")
          for text in ("", "much", "rotation", "shift=1,shift=2", "shift=1,", "turn=3", "=1")),
        ("rotation=", "has a number for rotation, as in rotation="),
        ("zoom=x", "has a number for zoom, as in zoom=0.1"),
        ("rotation=-1", "has rotation from 0 to 180, not -1"),
        ("shift=nan", "has shift from 0 to 20, not nan"),
        ("zoom=inf", "has zoom from 0 to 0.9, not inf"),
        ("elastic=1,smooth=0", "has smooth from 1 to 20, not 0"),
        *((f"{name}={most * 1.1}", f"has {name} from {least:g} to {most:g}, not {most * 1.1:g}")
          for name, (least, most) in LIMITS.items()),
    ],
)  # fmt: skip
def test_what_is_no_strength_is_refused_with_what_would_be_right(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}[^\n]*$"):
        Augment.parse(text)


def batches(progress: Progress, augment: str = "none", smoothing: float = 0.0) -> MiniBatches:
    answers = np.arange(50) % 3
    given = (255 * pictures(50, 6, 6)).astype(np.uint8).reshape(50, -1)
    cases = Cases(given, one_hot(answers, 3), 1 / 255)
    settings = Settings(batch=8, augment=augment, smoothing=smoothing)
    return MiniBatches(Trainer(network_of("6x6-3"), settings, 3), cases, progress)


@pytest.mark.parametrize("name", NAMED)
def test_mini_batches_go_on_where_the_training_was_and_are_kept_until_the_next(name: str) -> None:
    whole, parts = Progress(), Progress()
    one, seen = batches(whole, name), []
    for _ in range(20):
        x, y = one.next()
        seen.append((x.tobytes(), y.tobytes()))
        if one._prefetched:
            one._prefetched[1].result()
            assert x.tobytes() == seen[-1][0]
        one.done(len(x), 0.0)
    for number in range(20):
        if number % 6 == 0:
            again = batches(parts, name)
        x, y = again.next()
        assert (x.tobytes(), y.tobytes()) == seen[number]
        again.done(len(x), 0.0)
    assert replace(whole) == replace(parts)


def test_no_thread_is_left_when_training_is_over() -> None:
    one = batches(Progress(), "strong")
    one.next()
    assert one._worker is not None
    (thread,) = one._worker._threads
    del one
    thread.join(5)
    assert not thread.is_alive()


def test_label_smoothing_spreads_a_part_of_each_target() -> None:
    _, y = batches(Progress(), smoothing=0.3).next()
    np.testing.assert_allclose(np.unique(y), [0.1, 0.8], rtol=1e-6)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)


def test_rows_of_numbers_are_not_deformed() -> None:
    cases = Cases(np.zeros((4, 3), np.float32), np.eye(4, dtype=np.float32))
    with pytest.raises(ValueError, match="square pictures"):
        MiniBatches(Trainer(network_of("3-4"), Settings(augment="light"), 1), cases)

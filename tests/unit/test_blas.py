"""Products and sums are written in place, for every way of transposing."""

import numpy as np
import pytest

from digitnet.engine import blas


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_a_product_is_accumulated_in_place(
    dtype: type, transpose_a: bool, transpose_b: bool
) -> None:
    rng = np.random.default_rng(3)
    a = rng.standard_normal((7, 4) if transpose_a else (4, 7)).astype(dtype)
    b = rng.standard_normal((5, 7) if transpose_b else (7, 5)).astype(dtype)
    into = np.ones((4, 5), dtype)
    blas.product(a, b, into, transpose_a=transpose_a, transpose_b=transpose_b, scale=2.0, keep=3.0)
    expected = 2 * (a.T if transpose_a else a) @ (b.T if transpose_b else b) + 3
    np.testing.assert_allclose(into, expected, rtol=1e-5)


def test_what_cannot_be_written_in_place_is_refused() -> None:
    square = np.ones((4, 4), np.float32)
    with pytest.raises(ValueError, match="in place"):
        blas.product(square, square, np.ones((4, 8), np.float32)[:, ::2])
    with pytest.raises(ValueError, match="in place"):
        blas.add_scaled(1.0, square, np.ones((4, 8), np.float32)[:, ::2])


def test_a_scaled_array_is_added_in_place() -> None:
    x, into = np.full((3, 2), 2.0, np.float32), np.ones((3, 2), np.float32)
    blas.add_scaled(-0.25, x, into)
    assert (into == 0.5).all()


def test_the_number_of_threads_can_be_set() -> None:
    before = blas.threads()
    try:
        blas.set_threads(1)
        assert blas.threads() == 1
    finally:
        blas.set_threads(before)
    assert blas.threads() == before

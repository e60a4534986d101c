"""The compiled eigendecomposition against LAPACK, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from lmf import _native
from tests.conftest import RunPython

Matrix = NDArray[np.float64]
SIZES = [1, 2, 3, 4, 7, 8, 9, 16, 17, 31, 33, 64, 65, 100, 128, 150, 193, 256, 300]


def symmetric(matrix: Matrix) -> Matrix:
    return np.ascontiguousarray(np.triu(matrix) + np.triu(matrix, 1).T)


def check(matrix: Matrix, n_threads: int = 0) -> tuple[Matrix, Matrix]:
    """Everything that must hold of the eigendecomposition of any symmetric matrix."""
    d = len(matrix)
    before = matrix.copy()
    values, vectors = _native.eigen_symmetric(matrix, n_threads)
    np.testing.assert_array_equal(matrix, before)
    assert values.shape == (d,)
    assert vectors.shape == (d, d)
    assert (np.diff(values) >= 0).all()
    # LAPACK is off by 1e-12 beside numbers whose squares are below the normal ones, and which are
    # too small to change a digit: it is not told of them (test_beside_a_number_...).
    told = np.where(np.abs(matrix) < 1e-140 * np.abs(matrix).max(), 0.0, matrix)
    exact = np.linalg.eigvalsh(told)
    # Numbers below the normal ones have no digits to lose: their rounding is what it is.
    close = 1e-12 * np.abs(exact).max() + d * np.finfo(np.float64).smallest_subnormal
    np.testing.assert_allclose(values, exact, rtol=0, atol=close)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(d), rtol=0, atol=1e-12 * d)
    rebuilt = (vectors.T * values) @ vectors
    np.testing.assert_allclose(rebuilt, matrix, rtol=0, atol=close)
    return values, vectors


@pytest.mark.parametrize("d", SIZES)
def test_gram_matrix(d: int) -> None:
    rng = np.random.default_rng(d)
    factors = rng.standard_normal((2 * d, d))
    check(factors.T @ factors)


@pytest.mark.parametrize("d", SIZES)
def test_indefinite_matrix(d: int) -> None:
    check(symmetric(np.random.default_rng(d).standard_normal((d, d))))


@pytest.mark.parametrize("d", [1, 5, 20, 100, 200])
@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_any_scale(d: int, scale: float) -> None:
    factors = np.random.default_rng(d).standard_normal((d, d))
    matrix = symmetric(factors.T @ factors)
    values, vectors = check(matrix)
    scaled, same = check(matrix * scale)
    np.testing.assert_allclose(scaled, values * scale, rtol=1e-10, atol=1e-13 * scale * values[-1])
    assert same.shape == vectors.shape


@pytest.mark.parametrize("d", [1, 2, 9, 64, 130, 200])
def test_diagonal_matrices_are_exact(d: int) -> None:
    diagonal = np.random.default_rng(d).permutation(d) - d / 3
    for entries in (diagonal, np.ones(d), np.zeros(d)):
        values, vectors = check(np.diag(entries))
        np.testing.assert_array_equal(values, np.sort(entries))
        np.testing.assert_array_equal(np.abs(vectors).sum(axis=1), 1)


@pytest.mark.parametrize("d", [2, 10, 64, 100, 160, 256])
@pytest.mark.parametrize("rank", [1, 2, 7])
def test_low_rank(d: int, rank: int) -> None:
    factors = np.random.default_rng(d).standard_normal((rank, d))
    values, _ = check(factors.T @ factors)
    assert np.abs(values[:-rank]).max(initial=0) <= 1e-14 * d * values[-1]


@pytest.mark.parametrize("d", [4, 50, 128, 200])
def test_repeated_eigenvalues(d: int) -> None:
    rng = np.random.default_rng(d)
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    values = rng.integers(0, 3, d).astype(float)
    found, _ = check(symmetric((basis * values) @ basis.T))
    np.testing.assert_allclose(found, np.sort(values), rtol=0, atol=1e-12)


@pytest.mark.parametrize("d", [30, 100, 200])
@pytest.mark.parametrize("reverse", [False, True])
def test_graded_down_to_rounding(d: int, reverse: bool) -> None:
    scale = 10.0 ** -np.linspace(0, 20, d)
    if reverse:
        scale = scale[::-1]
    noise = np.random.default_rng(d).standard_normal((d, d))
    check(symmetric(noise * np.sqrt(np.outer(scale, scale))))


def test_second_difference_matrix_has_known_values() -> None:
    d = 100
    matrix = 2 * np.eye(d) - np.eye(d, k=1) - np.eye(d, k=-1)
    values, _ = check(matrix)
    exact = 2 - 2 * np.cos(np.arange(1, d + 1) * np.pi / (d + 1))
    np.testing.assert_allclose(values, exact, rtol=0, atol=1e-14 * d)


def test_beside_a_number_whose_square_underflows() -> None:
    """Its values are 925 and -925; LAPACK 3.12 says 925.000000000693."""
    matrix = np.zeros((19, 19))
    matrix[6, 18] = matrix[18, 6] = 925.0
    matrix[0, 18] = matrix[18, 0] = 9.44526635e-154
    values, _ = check(matrix)
    np.testing.assert_allclose(values[[0, -1]], [-925, 925], rtol=1e-15)


# Elements from a few magnitudes, many of them equal or zero: where an iteration may get stuck.
elements = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 2.0, 1e-16, -1e-16, 1e-8, 1e-300]),
    st.floats(-1e6, 1e6, allow_nan=False),
)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 24).flatmap(
        lambda d: npst.arrays(np.float64, (d, d), elements=elements, fill=st.just(0.0))
    )
)
def test_any_small_matrix(matrix: Matrix) -> None:
    check(symmetric(matrix))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 160),
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([1.0, 1e-8, 1e-15, 1e-16, 1e-17, 1e-30]), min_size=1, max_size=8),
    st.booleans(),
)
def test_tridiagonal_with_stretches_of_noise(
    d: int, seed: int, levels: list[float], dense: bool
) -> None:
    rng = np.random.default_rng(seed)
    level = np.repeat(levels, -(-d // len(levels)))[:d]
    matrix = np.diag(rng.standard_normal(d) * level)
    matrix += np.diag((rng.standard_normal(d) * level)[1:], k=1)
    if dense:
        matrix += 1e-16 * rng.standard_normal((d, d))
    check(symmetric(matrix))


@pytest.mark.parametrize("d", [5, 64, 127, 128, 200, 333])
def test_same_bits_for_any_number_of_threads(d: int) -> None:
    factors = np.random.default_rng(d).standard_normal((d, d))
    matrix = symmetric(factors.T @ factors)
    values, vectors = check(matrix, n_threads=1)
    for n_threads in (0, 2, 3, 8):
        again, rows = _native.eigen_symmetric(matrix, n_threads)
        assert again.tobytes() == values.tobytes()
        assert rows.tobytes() == vectors.tobytes()


def test_only_the_upper_triangle_counts() -> None:
    matrix = symmetric(np.random.default_rng(3).standard_normal((40, 40)))
    other = np.triu(matrix) + np.tril(np.ones((40, 40)), -1)
    for mine, theirs in zip(
        _native.eigen_symmetric(matrix), _native.eigen_symmetric(other), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0), (3, 7), (7, 3), (9, 9)])
def test_refuses_what_is_not_finite(bad: float, at: tuple[int, int]) -> None:
    matrix = np.eye(10)
    matrix[at] = bad
    with pytest.raises(ValueError, match="finite"):
        _native.eigen_symmetric(matrix)


@pytest.mark.parametrize(
    "matrix",
    [
        np.ones((2, 3)),
        np.ones((0, 0)),
        np.ones(4),
        np.eye(3, dtype=np.float32),
        np.ones((6, 6))[::2, ::2],
    ],
)
def test_refuses_other_shapes_and_types(matrix: NDArray[np.generic]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _native.eigen_symmetric(matrix)


def test_ctrl_c(run_python: RunPython) -> None:
    """A signal's exception comes out while there is still much to do, by the clock of the CPU."""
    told = run_python("""
import numpy as np, signal, time
from lmf import _native
from tests.conftest import RunPython
def stop(*_): raise KeyboardInterrupt
signal.signal(signal.SIGPROF, stop)
half = np.random.default_rng(0).standard_normal((1200, 1200))
matrix = half + half.T
for after in (0, 0.1):
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, after)
    try:
        _native.eigen_symmetric(matrix, n_threads=1)
    except KeyboardInterrupt:
        print("interrupted")
    print(time.process_time() - start)
""")
    whole, word, part = told.split()
    assert word == "interrupted"
    assert float(part) < max(0.3, float(whole) / 2)

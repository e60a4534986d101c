"""Draws of rows and of their prior: exact distributions, by moments and by the whole chain."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lmf import _native

COPIES = 20_000


def problem(n: int, d: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features and targets of one row with n interactions."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((max(1, n), d)).astype(np.float32)
    return features, random.standard_normal(n).astype(np.float32)


def swept(
    n: int, d: int, precision: float, seed: int = 3, n_threads: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Draw one row many times; return the draws, and mean and covariance that they should have."""
    features, targets = problem(n, d)
    indptr = np.arange(COPIES + 1, dtype=np.int64) * n
    indices = np.tile(np.arange(n, dtype=np.int32), COPIES)
    out = np.random.default_rng(1).standard_normal((COPIES, d)).astype(np.float32)
    to, mean, _ = _native.gibbs_sweep(
        indptr, indices, np.tile(targets, COPIES), features, out, precision, seed, n_threads
    )
    prior_precision = np.linalg.inv(to @ to.T)
    rows = features[:n].astype(np.float64)
    posterior = np.linalg.inv(prior_precision + precision * rows.T @ rows)
    expected = posterior @ (prior_precision @ (to @ mean) + precision * rows.T @ targets)
    return out, expected, posterior


@pytest.mark.parametrize("d", [1, 3, 8, 17])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 30])
def test_draws_have_the_posterior_mean_and_covariance(n: int, d: int) -> None:
    """Few interactions go the dual way, many the primal."""
    draws, mean, covariance = swept(n, d, precision=2.5)
    root = np.linalg.cholesky(covariance)
    standard = np.linalg.solve(root, (draws - mean).T)  # N(0, I) if all is well
    assert np.abs(standard.mean(axis=1)).max() < 5 / np.sqrt(COPIES)
    found = standard @ standard.T / COPIES
    assert np.abs(found - np.eye(d)).max() < 6 * np.sqrt(2 / COPIES)
    # The fourth moment and the tails: no normal number is made of a handful of bits.
    assert (standard**4).mean() == pytest.approx(3, rel=0.05)
    assert 3.2 < np.abs(standard).max() < 6.5


def test_rows_are_drawn_independently() -> None:
    draws, mean, covariance = swept(2, 4, precision=1.0)
    standard = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T)
    for shift in (1, 2, 8):
        together = (standard[:, shift:] * standard[:, :-shift]).mean()
        assert abs(together) < 5 / np.sqrt(4 * COPIES)


def test_the_prior_has_the_gauss_wishart_mean() -> None:
    """E Lambda = nu W, and mu ~ N(mean, (beta Lambda)^-1)."""
    random = np.random.default_rng(2)
    n, d = 50, 3
    rows = random.standard_normal((n, d)) + np.array([1.0, 0.0, -2.0])
    sums, gram = rows.sum(axis=0), rows.T @ rows
    beta, degrees, center = 1 + n, d + n, sums / (1 + n)
    scale = np.linalg.inv(np.eye(d) + gram - beta * np.outer(center, center))
    precisions, means = [], []
    for seed in range(3000):
        to, mean = _native.draw_prior(n, sums, np.ascontiguousarray(gram), seed)
        precisions.append(np.linalg.inv(to @ to.T))
        means.append(to @ mean)
    expected = degrees * scale
    spread = np.sqrt(2 / degrees / 3000) * np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert (np.abs(np.mean(precisions, axis=0) - expected) < 5 * spread).all()
    assert np.abs(np.mean(means, axis=0) - center).max() < 0.02
    covariance = np.cov(np.array(means).T)
    assert covariance == pytest.approx(np.linalg.inv(expected) / beta, abs=2e-3)


def test_same_bits_for_any_number_of_threads() -> None:
    one, _, _ = swept(5, 9, 1.0, n_threads=1)
    for threads in (2, 3, 8):
        assert (swept(5, 9, 1.0, n_threads=threads)[0] == one).all()
    assert (swept(5, 9, 1.0, seed=4)[0] != one).any()


def test_what_does_not_fit_is_refused() -> None:
    features, targets = problem(2, 3)
    indptr, indices = np.array([0, 2], np.int64), np.array([0, 1], np.int32)
    out = np.zeros((1, 3), np.float32)
    with pytest.raises(ValueError, match="precision"):
        _native.gibbs_sweep(indptr, indices, targets, features, out, 0.0, 1)
    with pytest.raises(ValueError, match="targets"):
        _native.gibbs_sweep(indptr, indices, targets[:1], features, out, 1.0, 1)
    with pytest.raises(ValueError, match="index"):
        _native.gibbs_sweep(indptr, indices + np.int32(7), targets, features, out, 1.0, 1)
    with pytest.raises(ValueError, match="finite"):
        _native.gibbs_sweep(indptr, indices, targets, features, out * np.nan, 1.0, 1)


def test_the_bias_of_the_other_side_is_taken_from_the_targets() -> None:
    features, targets = problem(40, 4)
    indptr, indices = np.array([0, 25, 40], np.int64), np.arange(40, dtype=np.int32)
    bias = np.linspace(-1, 1, 40, dtype=np.float32)
    left, right = np.ones((2, 4), np.float32), np.ones((2, 4), np.float32)
    _native.gibbs_sweep(indptr, indices, targets, features, left, 2.0, 5, bias=bias)
    _native.gibbs_sweep(indptr, indices, targets - bias, features, right, 2.0, 5)
    assert (left == right).all()
    with pytest.raises(ValueError, match="bias"):
        _native.gibbs_sweep(indptr, indices, targets, features, left, 2.0, 5, bias=bias[:-1])


@pytest.mark.parametrize("d", [1, 2, 5, 33, 49])
@pytest.mark.parametrize("noise", [1.0, 1e-4])
def test_the_squared_error_is_that_of_the_new_rows(d: int, noise: float) -> None:
    """Rows of all lengths, and targets that the rows explain but for the noise."""
    random = np.random.default_rng(0)
    counts = np.array([0, 1, 2, 10, 30, 60, 700, 3000])
    indptr = np.concatenate([[0], counts.cumsum()])
    fixed = random.standard_normal((500, d), dtype=np.float32)
    bias = random.standard_normal(500, dtype=np.float32)
    indices = random.integers(0, 500, indptr[-1]).astype(np.int32)
    row = np.repeat(np.arange(len(counts)), counts)
    out = random.standard_normal((len(counts), d), dtype=np.float32)
    targets = (out[row] * fixed[indices]).sum(axis=1) + bias[indices]
    targets += np.float32(noise) * random.standard_normal(len(targets), dtype=np.float32)
    for last in (fixed[:, -1].copy(), 1.0):  # any last column, and that of a bias
        fixed[:, -1] = last
        *_, error = _native.gibbs_sweep(
            indptr, indices, targets, fixed, out, 1 / noise**2, 5, bias=bias
        )
        scores = (out[row].astype(float) * fixed[indices]).sum(axis=1) + bias[indices]
        assert error == pytest.approx(((targets - scores) ** 2).sum(), rel=2e-3)


@pytest.mark.parametrize("d", [1, 15, 20])
def test_rows_without_interactions_have_no_error(d: int) -> None:
    """Found by the fuzzer: the prior's terms cancelled but for a rounding error, below zero."""
    random = np.random.default_rng(d)
    out = random.standard_normal((50, d)).astype(np.float32)
    features = random.standard_normal((23, d)).astype(np.float32)
    indptr = np.zeros(51, dtype=np.int64)
    none = np.array([], dtype=np.int32), np.array([], dtype=np.float32)
    *_, error = _native.gibbs_sweep(indptr, *none, features, out, 1.6875, 3, 1)
    assert error == 0
    assert np.isfinite(out).all()


@pytest.mark.parametrize("d", [2, 3, 17, 33])
@pytest.mark.parametrize("n", [1, 7, 60, 400])
def test_a_last_column_of_one_number_changes_the_way_and_not_the_posterior(n: int, d: int) -> None:
    """The same draw, but for rounding, as with a column that differs in its last digit."""
    features, targets = problem(n, d)
    features[:, -1] = 2
    nearly = features.copy()
    nearly[-1, -1] = np.nextafter(np.float32(2), np.float32(3))
    draws = []
    for fixed in (features, nearly):
        out = np.ones((1, d), np.float32)
        indptr, indices = np.array([0, n], np.int64), np.arange(n, dtype=np.int32)
        _native.gibbs_sweep(indptr, indices, targets, fixed, out, 0.7, 11)
        draws.append(out)
    assert draws[0] == pytest.approx(draws[1], rel=1e-3, abs=1e-4)


def test_the_map_is_lower_triangular() -> None:
    gram = np.eye(4) * 5 + 1
    to, _ = _native.draw_prior(20, np.arange(4.0), gram, 3)
    assert (np.triu(to, 1) == 0).all()
    assert (np.diag(to) > 0).all()

"""PureSVD against the dense decomposition and scipy's svds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

import lmf
from lmf import _native
from lmf.errors import InputError, ParameterError


def sparse(m: int, n: int, share: float = 0.1, seed: int = 0) -> Any:
    """A random matrix with a few strong directions, in scipy's CSR."""
    random = np.random.default_rng(seed)
    strong = random.standard_normal((m, 3)) @ random.standard_normal((3, n))
    mask = random.random((m, n)) < share
    return sp.csr_array(np.where(mask, 3 + strong + random.standard_normal((m, n)), 0.0))


def dense_of(model: lmf.PureSVD) -> NDArray[np.float64]:
    factors = model.factors_
    return factors.user_factors.astype(np.float64) @ factors.item_factors.T.astype(np.float64)


@pytest.mark.parametrize("shape", [(900, 700), (500, 1100), (60, 40), (1000, 300)])
def test_equal_to_svds(shape: tuple[int, int]) -> None:
    matrix = sparse(*shape)
    u, s, vt = svds(matrix, 12, rng=0)
    model = lmf.PureSVD(n_factors=12, tolerance=1e-3).fit(matrix)
    assert model.history_.stopped == "converged"
    assert model.singular_values_ == pytest.approx(s[::-1], rel=1e-5)
    assert dense_of(model) == pytest.approx((u * s) @ vt, abs=6e-3)
    best = np.linalg.norm(matrix.toarray() - (u * s) @ vt)
    assert np.linalg.norm(matrix.toarray() - dense_of(model)) == pytest.approx(best, rel=1e-5)
    assert model.history_[-1].objective == pytest.approx(best**2, rel=1e-5)


def test_the_default_tolerance_gives_five_digits() -> None:
    matrix = sparse(900, 700)
    s = svds(matrix, 32, return_singular_vectors=False, rng=0)
    model = lmf.PureSVD(n_factors=32).fit(matrix)
    assert model.singular_values_ == pytest.approx(np.sort(s)[::-1], rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 40), n=st.integers(1, 40), d=st.integers(1, 40), share=st.floats(0.02, 1),
    rank=st.integers(1, 5),
)  # fmt: skip
def test_any_shape_and_rank(m: int, n: int, d: int, share: float, rank: int) -> None:
    random = np.random.default_rng(m * 41 + n)
    low = random.standard_normal((m, rank)) @ random.standard_normal((rank, n))
    matrix = np.where(random.random((m, n)) < share, low, 0)
    matrix[0, 0] = 1.0
    model = lmf.PureSVD(n_factors=min(d, m, n), tolerance=1e-4).fit(sp.csr_array(matrix))
    s = np.linalg.svd(matrix, compute_uv=False)[: min(d, m, n)]
    assert model.singular_values_ == pytest.approx(s, rel=1e-4, abs=1e-3 * s[0])
    best = np.sqrt(max(0.0, (matrix**2).sum() - (s**2).sum()))
    assert np.linalg.norm(matrix - dense_of(model)) == pytest.approx(best, abs=2e-4 * s[0] + 1e-5)


@pytest.mark.parametrize("center", ["global", "user", "item"])
def test_centred_on_means_of_what_was_observed(center: str, tmp_path: Path) -> None:
    matrix = sparse(70, 50, 0.3)
    dense, mask = matrix.toarray(), matrix.toarray() != 0
    axis = {"global": None, "user": 1, "item": 0}[center]
    means = dense.sum(axis=axis, keepdims=True) / np.maximum(1, mask.sum(axis=axis, keepdims=True))
    centred = np.where(mask, dense - means, 0)
    u, s, vt = np.linalg.svd(centred)
    model = lmf.PureSVD(n_factors=6, center=center, tolerance=1e-4).fit(matrix)
    assert model.singular_values_ == pytest.approx(s[:6], rel=1e-5)
    expected = (u[:, :6] * s[:6]) @ vt[:6] + means
    users, items = np.nonzero(mask)
    found = model.predict((users.tolist(), items.tolist()))
    assert found == pytest.approx(expected[users, items], abs=1e-3)
    folded = model.fold_in(matrix)
    assert folded.user_factors == pytest.approx(model.factors_.user_factors, abs=1e-3)
    if center == "user":
        assert folded.user_bias == pytest.approx(model.factors_.user_bias, abs=1e-5)
    model.save(tmp_path / "m.lmf")
    twin = lmf.load(tmp_path / "m.lmf")
    assert isinstance(twin, lmf.PureSVD)
    assert (twin.singular_values_ == model.singular_values_).all()
    assert (twin.predict((users.tolist(), items.tolist())) == found).all()


def test_shares_of_the_matrix_sum_to_one_at_full_rank() -> None:
    model = lmf.PureSVD(n_factors=30).fit(sparse(40, 30))
    assert model.explained_variance_ratio_.sum() == pytest.approx(1, rel=1e-5)


def test_folding_in_gives_the_trained_row() -> None:
    matrix = sparse(900, 700)
    model = lmf.PureSVD(n_factors=8).fit(matrix)
    folded = model.fold_in(matrix).user_factors
    scale = np.abs(model.factors_.user_factors).max()
    assert np.abs(folded - model.factors_.user_factors).max() < 1e-4 * scale


@pytest.mark.parametrize(
    ("counts", "d"), [((50, 0, 1500), 64), ((40, 40, 1500), 64), ((50, 40, 1500), 128)]
)
def test_values_that_come_more_often_than_a_block_is_wide(
    counts: tuple[int, int, int], d: int
) -> None:
    """A random block of 32 columns can find 32 copies of a value, and its residuals are small."""
    often, second, others = counts
    likes = [2.0] * often + [1.5] * second + np.linspace(1, 0.1, others).tolist()
    matrix = sp.csr_array(sp.block_diag([sp.coo_array(np.full((1, 2), like)) for like in likes]))
    model = lmf.PureSVD(n_factors=d).fit(matrix)
    assert model.history_.stopped == "converged"
    assert model.singular_values_ == pytest.approx(np.array(likes[:d]) * np.sqrt(2), rel=2e-5)


def test_two_values_and_no_others() -> None:
    """The iteration comes to its end before it has found all copies, and rounding is no value."""
    likes = [2.0] * 50 + [1.0] * 350
    matrix = sp.csr_array(sp.block_diag([sp.coo_array(np.full((1, 2), like)) for like in likes]))
    model = lmf.PureSVD(n_factors=64).fit(matrix)
    assert model.history_.stopped == "converged"
    assert model.singular_values_ == pytest.approx(np.array(likes[:64]) * np.sqrt(2), rel=1e-5)


def test_same_bits_for_any_number_of_threads() -> None:
    matrix = sparse(900, 700)
    bits = {
        lmf.PureSVD(n_factors=8, n_threads=threads).fit(matrix).factors_.user_factors.tobytes()
        for threads in (1, 2, 3, 8)
    }
    assert len(bits) == 1


@pytest.mark.parametrize("kernel", ["sparse_product", "cross", "gram", "eigen_symmetric"])
def test_an_epoch_cut_short_leaves_the_last_whole_one(
    kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second epoch, when the basis has grown and the vectors have not."""
    users, items = np.random.default_rng(3).integers(0, 400, (2, 8000))
    data = lmf.Interactions.from_arrays(users, items)
    wanted = lmf.PureSVD(4, tolerance=0, epochs=1).fit(data).factors_
    unharmed = getattr(_native, kernel)

    def pressed(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(_native, kernel, unharmed)
        raise KeyboardInterrupt

    model = lmf.PureSVD(4, tolerance=0, epochs=9)
    with pytest.raises(KeyboardInterrupt):
        model.fit(data, callback=lambda _: monkeypatch.setattr(_native, kernel, pressed))
    assert len(model.history_) == 1
    np.testing.assert_array_equal(model.factors_.user_factors, wanted.user_factors)


def test_what_cannot_be() -> None:
    with pytest.raises(ParameterError, match="n_factors"):
        lmf.PureSVD(n_factors=31).fit(sparse(40, 30))
    with pytest.raises(ParameterError, match="center"):
        lmf.PureSVD(n_factors=3, center="row").fit(sparse(40, 30))
    with pytest.raises(InputError, match="no ratings"):
        lmf.PureSVD(n_factors=1, center="user").fit({"user": [1, 2], "item": [1, 2]})

"""Products with sparse matrices and with tall ones in blocks, against float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lmf import _native


@pytest.mark.parametrize("width", [1, 7, 16, 32, 48, 64, 100, 128])
@pytest.mark.parametrize("binary", [True, False])
def test_sparse_times_dense(width: int, binary: bool) -> None:
    random = np.random.default_rng(width)
    matrix = sp.random(300, 200, 0.07, format="csr", dtype=np.float32, rng=random)
    if binary:
        matrix.data[:] = 1
    dense = random.standard_normal((200, width), dtype=np.float32)
    arrays = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32),
              None if binary else matrix.data)  # fmt: skip
    product = _native.sparse_product(*arrays, dense, 1)
    assert product == pytest.approx(matrix.astype(float) @ dense.astype(float), abs=1e-5)
    assert (product == _native.sparse_product(*arrays, dense, 3, check=False)).all()


def test_indices_are_looked_at() -> None:
    indptr, dense = np.array([0, 1], np.int64), np.zeros((2, 16), np.float32)
    with pytest.raises(ValueError, match="out of range"):
        _native.sparse_product(indptr, np.array([2], np.int32), None, dense)


@pytest.mark.parametrize(("count", "n"), [(1, 5), (3, 700), (2, 3000), (0, 40)])
def test_blocks(count: int, n: int) -> None:
    random = np.random.default_rng(n)
    blocks = random.standard_normal((count, n, 32), dtype=np.float32)
    block = random.standard_normal((n, 16), dtype=np.float32)
    whole = np.concatenate([np.zeros((n, 0)), *blocks.astype(float)], axis=1)
    found = [_native.cross(blocks, block, threads) for threads in (1, 3)]
    assert found[0] == pytest.approx(whole.T @ block.astype(float), abs=1e-3)
    assert (found[0] == found[1]).all()
    wanted = block - whole @ found[0]
    left = [block.copy(), block.copy()]
    for one, threads in zip(left, (1, 3), strict=True):
        _native.subtract_product(one, blocks, found[0], threads)
    assert left[0] == pytest.approx(wanted, rel=1e-4, abs=1e-2)
    assert (left[0] == left[1]).all()


def test_blocks_must_fit() -> None:
    block = np.zeros((8, 16), np.float32)
    with pytest.raises(ValueError, match="multiples of 16"):
        _native.cross(np.zeros((1, 8, 8), np.float32), block)
    with pytest.raises(ValueError, match="number of rows"):
        _native.cross(np.zeros((1, 9, 16), np.float32), block)
    with pytest.raises(ValueError, match="q x w"):
        _native.subtract_product(block, np.zeros((1, 8, 16), np.float32), np.zeros((32, 16)))

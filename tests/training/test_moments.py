"""Moments in slices are those of all at once."""

from __future__ import annotations

import numpy as np
import pytest

from lmf.training import moments


@pytest.mark.parametrize("size", [1, 3, 999, 1000, 1001])
def test_slices_make_no_difference(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "_SLICE", 1000 // 3)
    values = np.random.default_rng(size).normal(1e3, 2.0, 1001).astype(np.float32)[:size]
    exact = values.astype(np.float64)
    assert moments.variance(values) == pytest.approx(exact.var(), rel=1e-12, abs=1e-12)
    assert moments.sum_of_squares(values) == pytest.approx((exact**2).sum(), rel=1e-12)


def test_one_slice_has_the_bits_of_numpy() -> None:
    values = np.random.default_rng(0).normal(3, 1, 9000).astype(np.float32)
    assert moments.variance(values) == float(values.var(dtype=np.float64))
    assert moments.variance(values, np.float32) == float(values.var())

"""Alternating least squares with biases, against the dense definition."""

from __future__ import annotations

from functools import partialmethod

import numpy as np
import pytest

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.training.biased import BiasedAlternation, biased_rows
from lmf.training.objective import Objective


def ratings(seed: int = 0, m: int = 20, n: int = 15, share: float = 0.4) -> Interactions:
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((m, n)) < share)
    values = random.integers(1, 6, len(users)) + 0.0
    return Interactions.from_arrays(users, items, values)


def objective_of(fit: BiasedAlternation, data: Interactions) -> float:
    """The definition, in float64 and entry by entry."""
    factors = {k: v.astype(np.float64) for k, v in fit.arrays().items()}
    u, i = data.by_user.row_index(), data.by_user.indices
    scores = np.einsum("ek,ek->e", factors["user_factors"][u], factors["item_factors"][i])
    scores += fit.offset + factors["user_bias"][u] + factors["item_bias"][i]
    assert data.values is not None
    total = ((data.values - scores) ** 2).sum()
    for rows, side in ((data.by_user, "user"), (data.by_item, "item")):
        penalties = fit.objective.penalties(rows)
        lengths = (factors[f"{side}_factors"] ** 2).sum(axis=1) + factors[f"{side}_bias"] ** 2
        total += (penalties * lengths).sum()
    return float(total)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_factors", [0, 1, 4, 30])
def test_the_objective_is_the_definition_and_never_rises(n_factors: int, exponent: float) -> None:
    data = ratings()
    fit = BiasedAlternation(
        data.by_user, data.by_item, Objective(0.0, 0.3, exponent), n_factors, 3.0, seed=0
    )
    before = np.inf
    for number in range(1, 6):
        reported = fit.epoch(number)
        assert reported == pytest.approx(objective_of(fit, data), rel=1e-5)
        assert reported <= before * (1 + 1e-6)
        before = reported
    assert fit.finish() == pytest.approx(objective_of(fit, data), rel=1e-5)


def test_factors_and_bias_are_the_joint_optimum() -> None:
    """No step in any coordinate of any user lowers the objective."""
    data = ratings()
    fit = BiasedAlternation(data.by_user, data.by_item, Objective(0.0, 0.3, 0.5), 3, 3.0, seed=0)
    fit.epoch(1)
    least = fit.finish()
    for name in ("user_factors", "user_bias"):
        flat = fit.arrays()[name].reshape(-1)
        for place in range(0, len(flat), 7):
            kept = flat[place]
            for step in (-1e-2, 1e-2):
                flat[place] = kept + np.float32(step)
                assert objective_of(fit, data) > least * (1 - 1e-6)
            flat[place] = kept


def test_folding_in_gives_the_trained_rows() -> None:
    data = ratings(3)
    fit = BiasedAlternation(data.by_user, data.by_item, Objective(0.0, 0.3, 0.5), 3, 3.0, seed=0)
    fit.epoch(1)
    fit.finish()
    arrays = fit.arrays()
    factors, bias = biased_rows(
        data.by_user, arrays["item_factors"], arrays["item_bias"], 3.0, fit.objective
    )
    assert factors == pytest.approx(arrays["user_factors"], abs=1e-4)
    assert bias == pytest.approx(arrays["user_bias"], abs=1e-4)


def test_biases_alone_solve_the_linear_system() -> None:
    data = ratings(5)
    fit = BiasedAlternation(data.by_user, data.by_item, Objective(0.0, 2.0, 0.0), 0, 3.0, seed=0)
    for number in range(1, 60):
        fit.epoch(number)
    m, n = data.by_user.shape
    design = np.zeros((data.nnz + m + n, m + n))
    entries = np.arange(data.nnz)
    design[entries, data.by_user.row_index()] = 1
    design[entries, m + data.by_user.indices] = 1
    design[data.nnz :] = np.sqrt(2.0) * np.eye(m + n)
    assert data.values is not None
    right = np.concatenate([data.values - 3.0, np.zeros(m + n)])
    exact = np.linalg.lstsq(design, right, rcond=None)[0]
    assert fit.arrays()["user_bias"] == pytest.approx(exact[:m], abs=1e-5)
    assert fit.arrays()["item_bias"] == pytest.approx(exact[m:], abs=1e-5)


def test_same_bits_for_any_number_of_threads() -> None:
    data = ratings(1, 60, 40)
    found = []
    for threads in (1, 2, 3, 8):
        fit = BiasedAlternation(
            data.by_user, data.by_item, Objective(0.0, 0.3, 0.5), 6, 3.0, 0, threads
        )
        for number in (1, 2):
            fit.epoch(number)
        found.append(b"".join(a.tobytes() for a in fit.arrays().values()))
    assert len(set(found)) == 1


def test_parts_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are solved in parts to save memory; how many there are is nobody's business."""
    data = ratings(1, 60, 40)
    found = []
    for entries in (1 << 22, 60):
        monkeypatch.setattr(CSR, "parts", partialmethod(CSR.parts, entries=entries))
        fit = BiasedAlternation(data.by_user, data.by_item, Objective(0.0, 0.3, 0.5), 6, 3.0, 0)
        found.append((fit.epoch(1), b"".join(a.tobytes() for a in fit.arrays().values())))
    assert found[0] == found[1]

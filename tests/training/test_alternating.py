"""Alternating least squares against the dense definition in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.errors import LmfError, ParameterError
from lmf.training.alternating import Alternation, RowSolver, initial_factors
from lmf.training.objective import Objective
from tests.oracles import DenseProblem, Matrix, random_rows, relative

W0 = (0.0, 0.01, 0.5, 1.0, 2.0)


def dense_of(rows: CSR, objective: Objective) -> DenseProblem:
    return DenseProblem.of(
        rows,
        unobserved_weight=objective.unobserved_weight,
        alpha=objective.alpha,
        regularization=objective.regularization,
        regularization_exponent=objective.regularization_exponent,
        popularity_exponent=objective.popularity_exponent,
        user_discount=objective.user_discount,
        item_discount=objective.item_discount,
    )


@pytest.mark.parametrize("discounts", [(0.0, 0.0), (0.3, 0.0), (0.2, 0.5)])
@pytest.mark.parametrize("popularity", [0.0, 0.6])
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("unobserved_weight", W0)
@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("alpha", [None, 3.0])
def test_objective_is_the_dense_definition_and_every_half_sweep_its_optimum(
    alpha: float | None, values: bool, unobserved_weight: float, exponent: float, popularity: float,
    discounts: tuple[float, float],
) -> None:  # fmt: skip
    rows = random_rows(np.random.default_rng(1), 25, 18, values=values)
    objective = Objective(unobserved_weight, 0.05, exponent, alpha, popularity, *discounts)
    dense = dense_of(rows, objective)
    fit = Alternation(rows, rows.transpose(), objective, n_factors=5, seed=0)
    before = np.inf
    for _ in range(4):
        reported = fit.epoch(1)
        true = dense.objective(fit.user_factors, fit.item_factors)
        assert reported == pytest.approx(true, rel=1e-5)
        assert true <= before * (1 + 1e-6)
        assert relative(fit.item_factors, dense.best_items(fit.user_factors)) < 1e-5
        before = true
    reported = fit.finish()
    true = dense.objective(fit.user_factors, fit.item_factors)
    assert reported == pytest.approx(true, rel=1e-5)
    assert true <= before * (1 + 1e-6)
    assert relative(fit.user_factors, dense.best_users(fit.item_factors)) < 1e-5


@pytest.mark.parametrize("relaxation", [0.3, 1.0, 1.5, 1.9])
@pytest.mark.parametrize("scale", [None, 0.5])
@pytest.mark.parametrize("unobserved_weight", W0)
@pytest.mark.parametrize("alpha", [None, 3.0])
def test_a_relaxed_epoch_goes_past_its_optima_and_knows_its_objective(
    alpha: float | None, unobserved_weight: float, scale: float | None, relaxation: float
) -> None:
    rows = random_rows(np.random.default_rng(1), 25, 18, values=True)
    objective = Objective(unobserved_weight, 0.05, 0.5, alpha)
    dense = dense_of(rows, objective)
    fit = Alternation(rows, rows.transpose(), objective, 5, 0, 1, scale, relaxation)
    before = np.inf
    for number in range(1, 8):
        was = fit.user_factors.astype(np.float64) @ fit.item_factors.T
        reported = fit.epoch(number)
        true = dense.objective(fit.user_factors, fit.item_factors)
        assert reported == pytest.approx(true, rel=1e-5)
        assert true <= before * (1 + 1e-6)
        best = dense.best_items(fit.user_factors)
        is_best = relative(fit.item_factors, best) < 1e-5
        assert is_best == (number == 1 or relaxation == 1.0)
        assert relative(was, fit.user_factors.astype(np.float64) @ fit.item_factors.T) > 1e-5
        before = true
    reported = fit.finish()
    assert reported == pytest.approx(dense.objective(fit.user_factors, fit.item_factors), rel=1e-5)
    assert relative(fit.user_factors, dense.best_users(fit.item_factors)) < 1e-5


def conjugate_epoch(steps: int, relaxation: float = 1.0, **objective: float):
    """An epoch of a fit whose rows are long enough, and the dense problem of it."""
    rows = random_rows(np.random.default_rng(2), 120, 90, density=0.6, values=True)
    wanted = Objective(**{"unobserved_weight": 0.2, "regularization": 0.01, **objective})
    fit = Alternation(
        rows, rows.transpose(), wanted, 64, 0, 1, relaxation=relaxation, cg_steps=steps
    )
    return fit, dense_of(rows, wanted)


@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize(
    "objective",
    [
        {},
        {"alpha": 3.0},
        {"popularity_exponent": 0.5},
        {"user_discount": 0.3, "item_discount": 0.2},
    ],
)
def test_steps_never_raise_the_objective_and_know_it(
    objective: dict[str, float], steps: int, relaxation: float
) -> None:
    fit, dense = conjugate_epoch(steps, relaxation, **objective)
    exact, _ = conjugate_epoch(0, relaxation, **objective)
    before = np.inf
    for number in range(1, 7):
        reported = fit.epoch(number)
        exact.epoch(number)
        true = dense.objective(fit.user_factors, fit.item_factors)
        assert reported == pytest.approx(true, rel=1e-5)
        assert true <= before * (1 + 1e-6)
        before = true
    assert relative(fit.item_factors, exact.item_factors) > 1e-3  # steps have been made
    reported = fit.finish()
    assert reported == pytest.approx(dense.objective(fit.user_factors, fit.item_factors), rel=1e-5)
    assert relative(fit.user_factors, dense.best_users(fit.item_factors)) < 1e-5


def test_more_steps_lead_nearer_to_the_optimum() -> None:
    far = []
    for steps in (1, 2, 4, 8):
        fit, dense = conjugate_epoch(steps)
        fit.epoch(1)
        far.append(relative(fit.item_factors, dense.best_items(fit.user_factors)))
    assert far[0] > 2 * far[1] > 4 * far[2] > 16 * far[3]
    assert far[3] < 1e-2


@pytest.mark.parametrize(
    ("unobserved_weight", "alpha"),
    [(0.99, None), (0.9999, None), (0.999999, None), (1.0, 1e-2), (1.0, 1e-4), (1.0, 1e-6)],
)
def test_objective_where_observed_entries_weigh_hardly_more_than_others(
    unobserved_weight: float, alpha: float | None
) -> None:
    rows = random_rows(np.random.default_rng(1), 40, 60)
    objective = Objective(unobserved_weight, 0.1, 1.0, alpha)
    fit = Alternation(rows, rows.transpose(), objective, n_factors=24, seed=0)
    for _ in range(3):
        assert fit.epoch(1) == pytest.approx(
            dense_of(rows, objective).objective(fit.user_factors, fit.item_factors), rel=1e-6
        )


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    density=st.floats(0, 1),
    values=st.booleans(),
    d=st.integers(1, 24),
    objective=st.builds(
        Objective,
        st.sampled_from([0.0, 1e-3, 0.3, 1.0, 5.0]),
        st.floats(0.01, 10),
        st.floats(-1, 1.5),
        st.none() | st.floats(0, 50),
        st.sampled_from([0.0, 0.4, 1.0]),
    ),
)
def test_objective_for_any_shape_and_parameters(
    seed: int, shape: tuple[int, int], density: float, values: bool, d: int, objective: Objective
) -> None:
    """However ill-conditioned a row is, it solves its equations to the digits of float32.

    And an objective is what is left of sum c y^2: where next to nothing is left, it has the digits
    that float32 has of the whole.
    """
    rows = random_rows(np.random.default_rng(seed), *shape, density=density, values=values)
    dense = dense_of(rows, objective)
    noise = 3e-6 * (dense.weights * dense.targets**2).sum() * max(1, objective.unobserved_weight)
    fit = Alternation(rows, rows.transpose(), objective, d, seed)
    before = np.inf
    for _ in range(2):
        reported = fit.epoch(1)
        true = dense.objective(fit.user_factors, fit.item_factors)
        assert reported == pytest.approx(true, abs=noise)
        assert true <= before + noise
        assert dense.items_are_off_by(fit.item_factors, fit.user_factors) < 1e-6
        before = true
    assert fit.finish() <= before + noise
    assert dense.users_are_off_by(fit.user_factors, fit.item_factors) < 1e-6


@pytest.mark.parametrize("unobserved_weight", [0.0, 0.1])
def test_rows_without_entries_get_zeros(unobserved_weight: float) -> None:
    rows = CSR(np.array([0, 2, 2, 3]), np.array([0, 1, 1], np.int32), None, 4)
    objective = Objective(unobserved_weight, 0.1)
    fit = Alternation(rows, rows.transpose(), objective, 3, seed=0)
    fit.epoch(1)
    fit.finish()
    assert not fit.user_factors[1].any()
    assert not fit.item_factors[2:].any()
    assert fit.user_factors[[0, 2]].any()


def test_values_that_weigh_nothing_are_allowed() -> None:
    """c = 1 + alpha * value is 0 for value = -1 / alpha: an entry that counts less than none."""
    rows = random_rows(np.random.default_rng(0), 12, 10, values=True)
    assert rows.values is not None
    values = np.where(rows.values == 3, np.float32(-0.5), rows.values)
    rows = CSR(rows.indptr, rows.indices, values, 10)
    fit = Alternation(rows, rows.transpose(), Objective(0.3, 0.1, 1.0, 2.0), 4, seed=0)
    dense = dense_of(rows, fit.objective)
    for _ in range(3):
        assert fit.epoch(1) == pytest.approx(
            dense.objective(fit.user_factors, fit.item_factors), rel=1e-5
        )


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, -1.0])
@pytest.mark.parametrize("alpha", [None, 2.0])
def test_penalties_by_hand(alpha: float | None, exponent: float) -> None:
    rows = CSR(np.array([0, 2, 3]), np.array([0, 2, 1], np.int32), np.float32([3, 1, 2]), 5)
    objective = Objective(0.1, 0.5, exponent, alpha)
    c = [2.0, 1.0] if alpha is None else [(1 + 2 * 3) + (1 + 2 * 1), 1 + 2 * 2]
    expected = [0.5 * (c[0] + 0.1 * 3) ** exponent, 0.5 * (c[1] + 0.1 * 4) ** exponent]
    np.testing.assert_allclose(objective.penalties(rows), expected, rtol=1e-12)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 1.0])
def test_a_row_without_any_weight_has_the_plain_penalty(exponent: float) -> None:
    rows = CSR(np.array([0, 1, 1]), np.array([0], np.int32), None, 1)
    assert Objective(0.0, 0.5, exponent).penalties(rows).tolist() == [0.5, 0.5]


def test_a_huge_row_does_not_disturb_the_penalty_of_the_next() -> None:
    rows = CSR(np.array([0, 1, 2]), np.zeros(2, np.int32), np.float32([1e25, 1]), 1)
    objective = Objective(0.0, 1.0, 1.0, alpha=1.0)
    assert objective.penalties(rows)[1] == 2.0


def test_penalties_beyond_reach_are_refused() -> None:
    rows = random_rows(np.random.default_rng(0), 5, 5)
    with pytest.raises(ParameterError, match="regularization"):
        Objective(0.1, 1e29, 2.0).penalties(rows)


def test_finished_factors_stand_in_their_principal_axes() -> None:
    rows = random_rows(np.random.default_rng(3), 60, 40)
    fit = Alternation(rows, rows.transpose(), Objective(0.1, 0.01), 8, seed=0)
    for _ in range(3):
        fit.epoch(1)
    fit.finish()
    gram = fit.item_factors.astype(np.float64).T @ fit.item_factors
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-5 * gram.max()
    assert (np.diff(np.diag(gram)) <= 1e-6 * gram.max()).all()


def test_factors_that_are_not_finite_are_an_error() -> None:
    rows = random_rows(np.random.default_rng(0), 6, 6)
    fit = Alternation(rows, rows.transpose(), Objective(0.1, 0.01), 2, seed=0)
    fit.item_factors[0, 0] = np.nan
    with pytest.raises(LmfError, match="finite"):
        fit.epoch(1)


# ---- starting factors -----------------------------------------------------------------------


def test_starting_factors_have_mean_0_and_variance_1_over_d() -> None:
    drawn = initial_factors(20_000, 16, seed=3).astype(np.float64)
    assert drawn.mean() == pytest.approx(0, abs=2e-3)
    assert drawn.var() == pytest.approx(1 / 16, rel=0.02)
    assert np.abs(drawn).max() <= np.sqrt(3 / 16) * (1 + 1e-6)


def test_starting_factors_depend_on_the_seed_alone() -> None:
    assert (initial_factors(50, 3, 1) == initial_factors(50, 3, 1)).all()
    assert (initial_factors(50, 3, 1) != initial_factors(50, 3, 2)).mean() > 0.99
    assert (initial_factors(50, 3, 2**64 - 1) != initial_factors(50, 3, 0)).mean() > 0.99


# ---- rows against factors that stay -----------------------------------------------------------


@pytest.mark.parametrize("with_prior", [False, True])
@pytest.mark.parametrize("unobserved_weight", W0)
@pytest.mark.parametrize("rotated", [False, True])
def test_rows_are_solved_against_any_factors(
    rotated: bool, unobserved_weight: float, with_prior: bool
) -> None:
    """Also where the fixed factors do not stand in their eigenbasis, and with a prior mean."""
    rng = np.random.default_rng(5)
    rows, d = random_rows(rng, 30, 22, values=True), 7
    fixed = rng.standard_normal((22, d)).astype(np.float32)
    if rotated:
        fixed = np.ascontiguousarray(fixed @ np.linalg.svd(fixed)[2].T)
    kept = fixed.copy()
    prior = rng.standard_normal((30, d)).astype(np.float32) if with_prior else None
    found = RowSolver(fixed, Objective(unobserved_weight, 0.2)).solve(rows, prior)
    dense = DenseProblem.of(rows, unobserved_weight=unobserved_weight, regularization=0.2)
    if prior is None:
        expected = dense.best_users(fixed)
    else:  # shift by the prior: x = prior + z, and z is pulled to zero
        v, mu = fixed.astype(np.float64), prior.astype(np.float64)
        rest = DenseProblem(
            dense.weights, dense.targets - mu @ v.T, dense.user_penalties, dense.item_penalties
        )
        expected = mu + rest.best_users(v)
    assert relative(found, expected) < 1e-5
    assert (fixed == kept).all()


def test_no_rows_are_solved_too() -> None:
    solver = RowSolver(np.ones((4, 2), np.float32), Objective(0.1, 0.1))
    nobody = CSR(np.zeros(1, np.int64), np.zeros(0, np.int32), None, 4)
    assert solver.solve(nobody).shape == (0, 2)


# ---- the conventions of others -----------------------------------------------------------------


@dataclass(frozen=True)
class RendleIals:
    """iALS as Rendle et al. 2021 write it, dense and in float64.

    sum_S (1 - x)^2 + alpha0 sum_all x^2 + sum_u penalty (|S_u| + alpha0 n)^nu |p_u|^2 + ...
    """

    observed: NDArray[np.bool_]
    alpha0: float
    penalty: float
    nu: float

    def penalties(self, axis: int) -> Matrix:
        n = self.observed.shape[axis]
        return self.penalty * (self.observed.sum(axis) + self.alpha0 * n) ** self.nu

    def best(self, axis: int, fixed: Matrix) -> Matrix:
        """The users' optimum for axis 1, the items' for axis 0."""
        gram = self.alpha0 * fixed.T @ fixed
        rows = self.observed if axis == 1 else self.observed.T
        found = []
        for mine, scale in zip(rows, self.penalties(axis), strict=True):
            v = fixed[mine]
            found.append(
                np.linalg.solve(v.T @ v + gram + scale * np.eye(v.shape[1]), v.sum(axis=0))
            )
        return np.array(found)

    def balanced_epoch(self, items: Matrix) -> tuple[Matrix, Matrix]:
        """An epoch that scales each principal axis of the items so that both penalties agree."""
        items = items @ np.linalg.eigh(items.T @ items)[1]
        users = self.best(1, items)
        ratio = (self.penalties(0) @ items**2) / (self.penalties(1) @ users**2)
        users = users * ratio**0.25
        return users, self.best(0, users)


def in_both_conventions(alpha0: float, nu: float) -> tuple[RendleIals, Alternation, float]:
    """Their problem, our fit of the same, and what their factors are, as a share of ours."""
    rows = random_rows(np.random.default_rng(11), 50, 35)
    observed = np.zeros(rows.shape, bool)
    observed[rows.row_index(), rows.indices] = True
    penalty = 0.03
    objective = Objective(alpha0 / (1 + alpha0), penalty * (1 + alpha0) ** nu, nu)
    fit = Alternation(rows, rows.transpose(), objective, 6, seed=4)
    return RendleIals(observed, alpha0, penalty, nu), fit, 1 / np.sqrt(1 + alpha0)


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("alpha0", [0.02, 0.4, 3.0])
def test_rendles_ials_is_this_model_with_other_names(alpha0: float, nu: float) -> None:
    """From starting factors in proportion every epoch keeps them in proportion."""
    theirs, ours, share = in_both_conventions(alpha0, nu)
    items = ours.item_factors.astype(np.float64) * share
    for _ in range(5):
        ours.epoch(1)
        _, items = theirs.balanced_epoch(items)
    ours.finish()
    users = theirs.best(1, items)
    expected = users @ items.T
    scores = ours.user_factors.astype(np.float64) @ ours.item_factors.T
    assert relative(scores * share**2, expected) < 2e-5
    # The factors are theirs but for a rotation, which inner products do not show.
    for one, other in ((ours.user_factors, users), (ours.item_factors, items)):
        one = one.astype(np.float64) * share
        assert relative(one @ one.T, other @ other.T) < 1e-4
    assert (np.argsort(-scores, axis=1)[:, :10] == np.argsort(-expected, axis=1)[:, :10]).all()


@pytest.mark.parametrize("nu", [0.0, 1.0])
@pytest.mark.parametrize("alpha0", [0.02, 3.0])
def test_rendles_ials_stays_where_this_model_ends(alpha0: float, nu: float) -> None:
    """Without any balance of theirs: what is best for us is best for them."""
    theirs, ours, share = in_both_conventions(alpha0, nu)
    for _ in range(600):
        ours.epoch(1)
    ours.finish()
    items = ours.item_factors.astype(np.float64) * share
    users = theirs.best(1, items)
    assert relative(ours.user_factors * share, users) < 1e-5
    moved = theirs.best(0, users)
    assert relative(moved, items) < 1e-4


def test_the_scale_of_the_starting_factors_does_not_matter() -> None:
    """Because each epoch balances the sides."""
    rows = random_rows(np.random.default_rng(2), 120, 80)
    last = []
    for scale in (0.1, 1.0, 10.0):
        fit = Alternation(rows, rows.transpose(), Objective(0.1, 0.05), 8, seed=0)
        fit.item_factors *= np.float32(scale)
        last.append([fit.epoch(1) for _ in range(8)][-1])
    assert max(last) < min(last) * 1.01

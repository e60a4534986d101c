"""The row solver against float64 NumPy: every form, every size, every kind of weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf import _native


@dataclass(repr=False)
class Problem:
    """One row: fixed factors in the eigenbasis of their Gram matrix, and interactions with them."""

    fixed: NDArray[np.float32]
    gram: NDArray[np.float64]
    indices: NDArray[np.int32]
    targets: NDArray[np.float32] | None
    weights: NDArray[np.float32] | None
    unobserved_weight: float
    regularization: float
    prior: NDArray[np.float32] | None

    def __repr__(self) -> str:
        return (
            f"Problem(d={self.fixed.shape[1]}, n={len(self.indices)}, "
            f"w0={self.unobserved_weight}, lambda={self.regularization}, "
            f"weighted={self.weights is not None}, valued={self.targets is not None}, "
            f"prior={self.prior is not None})"
        )

    def solve(self, form: str = "cheapest", n_threads: int = 1):
        d = self.fixed.shape[1]
        out = np.full((1, d), np.nan, np.float32)
        minimum = np.full(1, np.nan)
        counts = _native.solve_rows(
            np.array([0, len(self.indices)], np.int64), self.indices, self.targets, self.weights,
            self.unobserved_weight, np.array([self.regularization]), self.fixed, out,
            gram=self.gram if self.unobserved_weight > 0 else None, objective=minimum,
            prior=None if self.prior is None else self.prior[None], form=form,
            n_threads=n_threads,
        )  # fmt: skip
        return out[0], minimum[0], counts

    def oracle(self):
        """The solution in float64 by least squares on stacked rows, which squares no condition."""
        n, d = len(self.indices), self.fixed.shape[1]
        v = self.fixed[self.indices].astype(np.float64)
        y = np.ones(n) if self.targets is None else self.targets.astype(np.float64)
        c = np.ones(n) if self.weights is None else self.weights.astype(np.float64)
        mu = np.zeros(d) if self.prior is None else self.prior.astype(np.float64)
        excess = c - self.unobserved_weight
        diagonal = self.unobserved_weight * self.gram + self.regularization
        right = v.T @ (c * y) + self.regularization * mu
        scale = 1 / np.sqrt(diagonal)
        if n and (excess > 0).all():
            s = np.sqrt(excess)
            stacked = np.vstack([(s[:, None] * v) * scale, np.eye(d)])
            goal = np.concatenate([c * y / s, self.regularization * mu * scale])
            x = scale * np.linalg.lstsq(stacked, goal, rcond=None)[0]
        else:
            matrix = np.diag(diagonal) + (v.T * excess) @ v
            x = scale * np.linalg.solve(scale[:, None] * matrix * scale, scale * right)
        energy = (c * y * y).sum() + self.regularization * (mu @ mu)
        return x, energy - right @ x, energy

    def check(self, form: str = "cheapest", tolerance: float = 1e-5) -> None:
        x, minimum, counts = self.solve(form)
        expected, least, energy = self.oracle()
        error = np.linalg.norm(x - expected)
        # Where the data pull a row from its prior to nearly 0, the parts are larger than the sum.
        size = max(np.linalg.norm(part) for part in (expected, self.prior) if part is not None)
        assert error <= tolerance * size + 1e-30, (error, counts)
        assert abs(minimum - least) <= tolerance * max(energy, 1e-30), (minimum, least)


def make_problem(
    rng: np.random.Generator,
    d: int,
    n: int,
    *,
    n_fixed: int | None = None,
    unobserved_weight: float = 0.1,
    regularization: float = 0.1,
    weighted: bool = False,
    valued: bool = False,
    prior: bool = False,
    scale: float = 1.0,
    lowest_weight: float = 0.0,
) -> Problem:
    n_fixed = n_fixed or max(n, 1) + 20
    fixed = (rng.standard_normal((n_fixed, d)) * scale).astype(np.float32)
    gram = fixed.astype(np.float64).T @ fixed
    values, basis = np.linalg.eigh(gram)
    fixed = np.ascontiguousarray((fixed @ basis).astype(np.float32))
    return Problem(
        fixed,
        np.maximum(values, 0),
        # A weight below w0 takes away what the Gram matrix holds once: such an item may not repeat.
        np.sort(rng.choice(n_fixed, n, replace=not weighted or lowest_weight >= 1)).astype(
            np.int32
        ),
        rng.standard_normal(n).astype(np.float32) if valued else None,
        (unobserved_weight * lowest_weight + rng.random(n) * 3).astype(np.float32)
        if weighted
        else None,
        unobserved_weight,
        regularization,
        rng.standard_normal(d).astype(np.float32) if prior else None,
    )


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("unobserved_weight", [0.0, 0.3])
@pytest.mark.parametrize(("d", "n"), [(5, 40), (40, 12)])
def test_weights_on_a_line(d: int, n: int, unobserved_weight: float, counted: bool) -> None:
    """c = base + slope w is what it would be if it were written down; without w, w is 1."""
    problem = make_problem(
        np.random.default_rng(d), d, n, unobserved_weight=unobserved_weight, weighted=counted
    )
    counts = np.ones(n, np.float32) if problem.weights is None else problem.weights
    found, told = np.zeros((1, d), np.float32), np.zeros(1)
    _native.solve_rows(
        np.array([0, n]), problem.indices, None, problem.weights, unobserved_weight,
        np.array([problem.regularization]), problem.fixed, found, gram=problem.gram,
        objective=told, weight_base=1.0, weight_slope=2.5,
    )  # fmt: skip
    problem.weights = 1 + np.float32(2.5) * counts
    expected, least, energy = problem.oracle()
    assert np.linalg.norm(found[0] - expected) <= 1e-5 * np.linalg.norm(expected)
    assert abs(told[0] - least) <= 1e-5 * energy


@pytest.mark.parametrize(("base", "slope"), [(-1.0, 1.0), (0.0, np.nan), (np.inf, 1.0)])
def test_a_line_of_no_weights_is_refused(base: float, slope: float) -> None:
    problem = make_problem(np.random.default_rng(0), 2, 3, unobserved_weight=0.0)
    with pytest.raises(ValueError, match="weight_base"):
        _native.solve_rows(
            np.array([0, 3]), problem.indices, None, None, 0.0, np.array([1.0]), problem.fixed,
            np.zeros((1, 2), np.float32), weight_base=base, weight_slope=slope,
        )  # fmt: skip


FORMS = ["cheapest", "primal", "dual", "conjugate"]


@st.composite
def problems(draw) -> Problem:
    d = draw(st.integers(1, 96))
    n = draw(st.sampled_from([0, 1, max(d - 1, 0), d, d + 1, 2 * d]) | st.integers(0, 3 * d))
    return make_problem(
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        d,
        n,
        unobserved_weight=draw(st.sampled_from([0.0, 1e-3, 0.1, 0.9])),
        regularization=10.0 ** draw(st.integers(-6, 6)),
        weighted=draw(st.booleans()),
        valued=draw(st.booleans()),
        prior=draw(st.booleans()),
        scale=10.0 ** draw(st.integers(-2, 1)),
        lowest_weight=draw(st.sampled_from([1.0, 1.0, 0.0])),
    )


@settings(max_examples=800, deadline=None)
@given(problem=problems(), form=st.sampled_from(FORMS))
def test_solution_and_minimum_agree_with_float64(problem: Problem, form: str) -> None:
    problem.check(form)


@pytest.mark.parametrize("d", [1, 2, 15, 16, 17, 31, 63, 64, 65, 127, 200, 255, 256, 333, 1024])
def test_sizes_around_the_change_of_form(d: int) -> None:
    rng = np.random.default_rng(d)
    for n in sorted({0, 1, d // 2, max(d - 1, 0), d, d + 1}):
        for form in FORMS:
            make_problem(rng, d, n, weighted=True, lowest_weight=1.0).check(form)


@pytest.mark.parametrize("d", [1, 16, 65])
def test_a_hundred_thousand_interactions(d: int) -> None:
    make_problem(np.random.default_rng(0), d, 100_000, valued=True, n_fixed=5000).check()


@pytest.mark.parametrize("regularization", [1e-8, 1e-4, 1e8, 1e20])
@pytest.mark.parametrize("n", [5, 40, 200])
def test_tiny_and_huge_regularization(regularization: float, n: int) -> None:
    rng = np.random.default_rng(n)
    make_problem(rng, 40, n, regularization=regularization, unobserved_weight=0.0).check()


def test_items_that_occur_again_and_again() -> None:
    problem = make_problem(np.random.default_rng(3), 32, 20, regularization=1e-4)
    problem.indices = np.repeat(problem.indices[:4], 5)
    for form in FORMS:
        problem.check(form)


@pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("form", FORMS)
def test_opposite_items_whose_sum_is_small(form: str, apart: float) -> None:
    """Found by the fuzzer: the terms of the right side cancel though every target is 1."""
    problem = make_problem(np.random.default_rng(6), 6, 2, regularization=2.0)
    problem.unobserved_weight = 0.0
    first, second = problem.indices = np.array([3, 6], np.int32)
    problem.fixed[second] = -problem.fixed[first]
    problem.fixed[second, 2] += np.float32(apart)
    problem.check(form)


def test_zero_weights_count_as_zero() -> None:
    problem = make_problem(np.random.default_rng(4), 12, 30, weighted=True)
    problem.weights[::2] = 0.0
    problem.check()
    problem.unobserved_weight = 0.0
    problem.check()


def test_weights_equal_to_the_unobserved_weight_leave_a_diagonal_problem() -> None:
    problem = make_problem(np.random.default_rng(5), 12, 8, unobserved_weight=1.0)
    _, _, counts = problem.solve()
    assert counts["diagonal"] == 1
    problem.check()


def test_no_interactions_and_no_prior_give_zero() -> None:
    x, minimum, _ = make_problem(np.random.default_rng(6), 7, 0).solve()
    assert (x == 0).all()
    assert minimum == 0


@pytest.mark.parametrize("n", [3, 8, 50])
def test_without_any_regularization_the_answer_is_finite_and_as_good_as_any(n: int) -> None:
    problem = make_problem(
        np.random.default_rng(7), 8, n, regularization=0.0, unobserved_weight=0.0, valued=True
    )
    x, _, _ = problem.solve()
    v = problem.fixed[problem.indices].astype(np.float64)
    best = np.linalg.lstsq(v, problem.targets.astype(np.float64), rcond=None)[0]
    loss = np.square(v @ x - problem.targets).sum()
    assert np.isfinite(x).all()
    assert (
        loss
        <= np.square(v @ best - problem.targets).sum() + 1e-6 * np.square(problem.targets).sum()
    )


def make_side(rng: np.random.Generator, n_rows: int, n_fixed: int, d: int):
    lengths = np.minimum(rng.zipf(1.5, n_rows), n_fixed)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices = np.concatenate(
        [np.sort(rng.choice(n_fixed, k, replace=False)) for k in lengths]
    ).astype(np.int32)
    fixed = rng.standard_normal((n_fixed, d)).astype(np.float32)
    return indptr, indices, fixed


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("relaxation", [1.0, 1.5])
@pytest.mark.parametrize("d", [8, 33, 64])
def test_bits_do_not_depend_on_the_threads(d: int, relaxation: float, steps: int) -> None:
    rng = np.random.default_rng(8)
    indptr, indices, fixed = make_side(rng, 700, 500, d)
    results = []
    for n_threads in (1, 2, 3, 8):
        rotated, out = fixed.copy(), np.full((700, d), 0.1, np.float32)
        objective, _ = _native.half_sweep(
            indptr, indices, None, None, 0.1, np.full(700, 0.3), rotated, out, n_threads,
            relaxation=relaxation, steps=steps,
        )  # fmt: skip
        results.append((rotated.tobytes(), out.tobytes(), objective))
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("relaxation", [1.0, 0.5, 1.7])
def test_half_sweep_minimises_the_weighted_objective(relaxation: float) -> None:
    rng = np.random.default_rng(9)
    indptr, indices, fixed = make_side(rng, 60, 40, 6)
    penalties = rng.random(60) + 0.1
    begun = rng.standard_normal((60, 6)).astype(np.float32)
    rotated, out = fixed.copy(), begun.copy()
    objective, _ = _native.half_sweep(
        indptr, indices, None, None, 0.2, penalties, rotated, out, 2, relaxation=relaxation
    )
    # the rotation changes no product of factors
    gram = rotated.astype(np.float64).T @ rotated
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-5 * gram.max()
    v = fixed.astype(np.float64)
    total = 0.0
    for row in range(60):
        seen = indices[indptr[row] : indptr[row + 1]]
        matrix = 0.2 * v.T @ v + 0.8 * v[seen].T @ v[seen] + penalties[row] * np.eye(6)
        x = np.linalg.solve(matrix, v[seen].sum(0))
        wanted = v @ begun[row] + relaxation * (v @ x - v @ begun[row])
        np.testing.assert_allclose(rotated @ out[row], wanted, rtol=1e-4, atol=2e-5)
        total += len(seen) - v[seen].sum(0) @ x
    assert objective == pytest.approx(total, rel=1e-5)


def bad(**changes):
    """Arguments of solve_rows with something wrong."""
    arguments = {
        "indptr": np.array([0, 2], np.int64), "indices": np.array([0, 1], np.int32),
        "targets": None, "weights": None, "unobserved_weight": 0.0,
        "regularization": np.ones(1), "fixed": np.ones((3, 2), np.float32),
        "out": np.zeros((1, 2), np.float32),
    }  # fmt: skip
    return arguments | changes


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (bad(indptr=np.array([0, 3], np.int64)), ValueError),
        (bad(indptr=np.array([1, 2], np.int64)), ValueError),
        (bad(indptr=np.array([0, 2, 2], np.int64)), ValueError),
        (bad(indptr=np.array([0, 2], np.int32)), TypeError),
        (bad(indices=np.array([0, 3], np.int32)), ValueError),
        (bad(indices=np.array([0, -1], np.int32)), ValueError),
        (bad(indices=np.array([0, 1], np.int64)), TypeError),
        (bad(targets=np.ones(3, np.float32)), ValueError),
        (bad(weights=np.ones(1, np.float32)), ValueError),
        (bad(unobserved_weight=-1.0), ValueError),
        (bad(unobserved_weight=float("nan")), ValueError),
        (bad(unobserved_weight=1.0), ValueError),
        (bad(regularization=np.ones(2)), ValueError),
        (bad(fixed=np.ones((3, 3), np.float32)), ValueError),
        (bad(fixed=np.ones((3, 2), np.float64)), TypeError),
        (bad(fixed=np.asfortranarray(np.ones((3, 2), np.float32))), TypeError),
        (bad(out=np.zeros((2, 2), np.float32)), ValueError),
        (bad(form="best"), ValueError),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error) -> None:
    with pytest.raises(error):
        _native.solve_rows(**arguments)


# ---- conjugate gradients ------------------------------------------------------------------------


def dense_rows(rng: np.random.Generator, n_rows: int, n_fixed: int, d: int, length: int):
    """Rows of equal length, and factors that fall off as those of a fit do."""
    indices = [np.sort(rng.choice(n_fixed, length, replace=False)) for _ in range(n_rows)]
    fixed = rng.standard_normal((n_fixed, d)) * np.geomspace(1, 0.05, d)
    indptr = np.arange(n_rows + 1, dtype=np.int64) * length
    return indptr, np.concatenate(indices).astype(np.int32), fixed.astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("d", "length"), [(256, 200), (256, 600), (300, 250), (520, 100)])
def test_where_it_is_cheapest_rows_are_solved_by_conjugate_gradients(
    d: int, length: int, weighted: bool
) -> None:
    rng = np.random.default_rng(d + length)
    indptr, indices, fixed = dense_rows(rng, 6, 1000, d, length)
    weights = 1 + rng.random(len(indices)).astype(np.float32) / 4 if weighted else None
    rotated, out = fixed.copy(), np.zeros((6, d), np.float32)
    told, counts = _native.half_sweep(
        indptr, indices, None, weights, 0.2, np.full(6, 1.0), rotated, out, 1
    )
    assert counts["conjugate"] == 6, counts
    v = rotated.astype(np.float64)
    total = 0.0
    for row in range(6):
        seen = indices[indptr[row] : indptr[row + 1]]
        c = np.ones(length) if weights is None else weights[indptr[row] : indptr[row + 1]]
        excess = np.asarray(c, np.float64) - 0.2
        matrix = 0.2 * v.T @ v + (v[seen].T * excess) @ v[seen] + np.eye(d)
        x = np.linalg.solve(matrix, v[seen].T @ c)
        assert np.linalg.norm(out[row] - x) <= 3e-6 * np.linalg.norm(x)
        total += c.sum() - (v[seen].T @ c) @ x
    assert told == pytest.approx(total, rel=1e-5)


def exact(v: np.ndarray, seen: np.ndarray, w0: float) -> np.ndarray:
    """The row for factors v, of ones that weigh 1 and a penalty of 1, in float64."""
    matrix = w0 * v.T @ v + (1 - w0) * v[seen].T @ v[seen] + np.eye(v.shape[1])
    return np.linalg.solve(matrix, v[seen].sum(0))


def test_long_rows_are_solved_side_by_side_to_the_bits_of_each_alone() -> None:
    rng = np.random.default_rng(3)
    d, length = 160, 1400  # so many numbers that a row does not stay in a second-level cache
    indptr, indices, fixed = dense_rows(rng, 70, 2000, d, length)
    short = np.sort(rng.choice(2000, 90, replace=False)).astype(np.int32)
    indptr, indices = np.append(indptr, indptr[-1] + 90), np.append(indices, short)
    results = []
    for n_threads in (1, 2, 5):
        rotated, out = fixed.copy(), np.zeros((71, d), np.float32)
        told, counts = _native.half_sweep(
            indptr, indices, None, None, 0.2, np.ones(71), rotated, out, n_threads
        )
        assert counts["conjugate"] >= 70, counts
        results.append((out.tobytes(), told))
    assert all(result == results[0] for result in results)
    v = rotated.astype(np.float64)
    for row in (0, 35, 69, 70):
        x = exact(v, indices[indptr[row] : indptr[row + 1]], 0.2)
        assert np.linalg.norm(out[row] - x) <= 3e-6 * np.linalg.norm(x)
    alone, gram = np.zeros((1, d), np.float32), (v**2).sum(0)
    beside = np.zeros((71, d), np.float32)
    for rows, to in ((slice(35, 36), alone), (slice(0, 71), beside)):
        first, last = indptr[rows.start], indptr[rows.stop]
        _native.solve_rows(
            indptr[rows.start : rows.stop + 1] - first, indices[first:last], None, None, 0.2,
            np.ones(len(to)), rotated, to, gram,
        )  # fmt: skip
    assert alone[0].tobytes() == beside[35].tobytes()


@pytest.mark.parametrize("length", [200, 1300])
@pytest.mark.parametrize("begun", ["near", "the solution", "anything", "huge", "nothing", "nan"])
def test_rows_that_begin_where_they_are_end_at_their_solution(begun: str, length: int) -> None:
    rng = np.random.default_rng(4)
    indptr, indices, fixed = dense_rows(rng, 5, 2000, 256, length)
    arguments = (indptr, indices, None, None, 0.2, np.ones(5))
    cold = np.zeros((5, 256), np.float32)
    turned = fixed.copy()
    _native.half_sweep(*arguments, turned, cold, 1)
    noise = rng.standard_normal(cold.shape).astype(np.float32)
    starts = {
        "near": cold * (1 + noise / 100), "the solution": cold, "anything": noise,
        "huge": noise * np.float32(1e37), "nothing": 0 * cold, "nan": np.full_like(cold, np.nan),
    }  # fmt: skip
    out = starts[begun].copy()
    rotated = turned.copy()  # from here to here is all but no turn
    told, counts = _native.half_sweep(*arguments, rotated, out, 1, warm=True)
    assert counts["conjugate"] == 5, counts
    from_zero, again = np.zeros_like(out), turned.copy()
    _native.half_sweep(*arguments, again, from_zero, 1)
    dropped = begun not in ("near", "the solution")  # a start no better than 0
    assert (out.tobytes() == from_zero.tobytes()) == dropped
    v = rotated.astype(np.float64)
    total = 0.0
    for row in range(5):
        seen = indices[indptr[row] : indptr[row + 1]]
        x = exact(v, seen, 0.2)
        assert np.linalg.norm(out[row] - x) <= 3e-6 * np.linalg.norm(x)
        total += len(seen) - v[seen].sum(0) @ x
    assert told == pytest.approx(total, rel=1e-5)


def test_rows_that_would_take_many_steps_are_solved_in_another_way() -> None:
    indptr, indices, fixed = dense_rows(np.random.default_rng(0), 4, 1000, 256, 600)
    arguments = (indptr, indices, None, None, 1e-5, np.full(4, 1e-5))
    out = np.zeros((4, 256), np.float32)
    _, counts = _native.half_sweep(*arguments, fixed, out, 1)
    assert counts["primal"] == 4
    assert counts["conjugate"] == 0


def test_steps_are_made_where_they_are_cheaper_than_a_solution() -> None:
    rng = np.random.default_rng(1)
    for length, made in ((3, 0), (200, 5)):
        indptr, indices, fixed = dense_rows(rng, 5, 400, 64, length)
        for w0, expected in ((0.1, made), (0.0, 0)):
            out = np.zeros((5, 64), np.float32)
            _, counts = _native.half_sweep(
                indptr, indices, None, None, w0, np.ones(5), fixed.copy(), out, 1, steps=2
            )
            assert counts["conjugate"] == expected


def test_negative_steps_are_refused() -> None:
    indptr, indices, fixed = dense_rows(np.random.default_rng(2), 1, 9, 4, 3)
    with pytest.raises(ValueError, match="steps"):
        _native.half_sweep(
            indptr, indices, None, None, 0.1, np.ones(1), fixed, np.zeros((1, 4), np.float32),
            1, steps=-1,
        )  # fmt: skip

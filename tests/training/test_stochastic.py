"""Stochastic gradient descent, replayed step by step in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmf
from lmf.data.interactions import Interactions
from lmf.errors import LmfError, ParameterError
from lmf.training import stochastic
from lmf.training.biased import BiasedAlternation
from lmf.training.objective import Objective
from lmf.training.stochastic import RULES, StochasticBiased, rate_of
from tests.training.test_biased import ratings

RATES = {"sgd": 0.02, "adagrad": 0.05, "adam": 0.005}


def trainer(
    data: Interactions, rule: str, d: int = 5, rate: float | None = None, seed: int = 0,
    n_threads: int = 0,
) -> StochasticBiased:  # fmt: skip
    return StochasticBiased(
        data.by_user, Objective(0.0, 0.5, 0.5), d, 3.0, rule,
        RATES[rule] if rate is None else rate, "inverse", 0.1, seed, n_threads,
    )  # fmt: skip


class Replay:
    """The rules in float64, in the order that the kernel says it took."""

    def __init__(self, fit: StochasticBiased, rule: str) -> None:
        self.fit, self.rule = fit, rule
        self.sides: list[dict[str, Any]] = []
        for side in fit._sides:
            n = len(side["bias"])
            x = np.hstack([side["factors"][:, : fit.n_factors], side["bias"][:, None]])
            self.sides.append({
                "x": x.astype(np.float64), "penalty": side["penalty"].astype(np.float64),
                "G": np.zeros((n, 2)), "m": np.zeros_like(x, float), "v": np.zeros_like(x, float),
                "t": np.zeros(n),
            })  # fmt: skip

    def step(self, side: dict[str, Any], row: int, g: np.ndarray, rate: float) -> None:
        if self.rule == "sgd":
            side["x"][row] -= rate * g
        elif self.rule == "adagrad":
            side["G"][row] += [np.mean(g[:-1] ** 2), g[-1] ** 2]
            side["x"][row, :-1] -= rate / np.sqrt(side["G"][row, 0]) * g[:-1]
            side["x"][row, -1] -= rate / np.sqrt(side["G"][row, 1] + 1e-12) * g[-1]
        else:
            side["t"][row] += 1
            side["m"][row] = 0.9 * side["m"][row] + 0.1 * g
            side["v"][row] = 0.999 * side["v"][row] + 0.001 * g**2
            m = side["m"][row] / (1 - 0.9 ** side["t"][row])
            v = side["v"][row] / (1 - 0.999 ** side["t"][row])
            side["x"][row] -= rate * m / (np.sqrt(v) + 1e-8)

    def epoch(self, number: int) -> list[int]:
        fit, visited = self.fit, []
        rate = rate_of(fit.schedule, fit.learning_rate, fit.decay, number)
        # Blocks of a round are disjoint and rounds only differ by a shift, so any order of the
        # blocks that keeps the rounds apart is the kernel's: the rounds follow from the seed.
        for block in self.rounds(number):
            begin, end = fit._blocks[block], fit._blocks[block + 1]
            for place in fit._order[begin:end]:
                at = begin + int(place)
                visited.append(int(at))
                u, i, y = fit._user[at], fit._item[at], float(fit._target[at])
                left, right = self.sides
                p, q = left["x"][u].copy(), right["x"][i].copy()
                e = y - p[-1] - q[-1] - p[:-1] @ q[:-1]
                gp = left["penalty"][u] * p - e * np.append(q[:-1], 1.0)
                gq = right["penalty"][i] * q - e * np.append(p[:-1], 1.0)
                self.step(left, u, gp, rate)
                self.step(right, i, gq, rate)
        return visited

    def rounds(self, number: int) -> list[int]:
        assert self.fit._grid == 1
        return [0]


@pytest.mark.parametrize("d", [1, 5, 16, 20, 40])
@pytest.mark.parametrize("rule", RULES)
def test_steps_are_the_rules(rule: str, d: int) -> None:
    data = ratings(m=12, n=9, share=0.5)
    fit = trainer(data, rule, d)
    replay = Replay(fit, rule)
    for number in (1, 2):
        fit.epoch(number)
        visited = replay.epoch(number)
        assert sorted(visited) == list(range(data.nnz))
    for side, truth in zip(fit._sides, replay.sides, strict=True):
        assert side["factors"][:, :d] == pytest.approx(truth["x"][:, :-1], abs=2e-5)
        assert side["bias"] == pytest.approx(truth["x"][:, -1], abs=2e-5)
        assert (side["factors"][:, d:] == 0).all()


def test_blocks_of_a_round_share_nothing_and_hold_every_rating() -> None:
    data = ratings(m=300, n=200, share=0.3)
    fit = trainer(data, "sgd")
    assert fit._grid > 4
    p = fit._grid
    for shift in range(p):
        users: set[int] = set()
        items: set[int] = set()
        for row in range(p):
            block = row * p + (row + shift) % p
            part = slice(fit._blocks[block], fit._blocks[block + 1])
            mine, theirs = set(fit._user[part].tolist()), set(fit._item[part].tolist())
            assert not users & mine
            assert not items & theirs
            users |= mine
            items |= theirs
    pairs = {(int(u), int(i)) for u, i in zip(fit._user, fit._item, strict=True)}
    assert len(pairs) == data.nnz
    fit.epoch(1)
    first = fit._order.copy()
    for block in range(p * p):
        part = slice(fit._blocks[block], fit._blocks[block + 1])
        assert sorted(fit._order[part].tolist()) == list(range(part.stop - part.start))
    fit.epoch(2)
    assert (first != fit._order).mean() > 0.5


@pytest.mark.parametrize("rule", RULES)
def test_the_objective_is_the_definition_and_falls_towards_least_squares(rule: str) -> None:
    data = ratings(m=60, n=40, share=0.4)
    fit = trainer(data, rule, 4, rate={"sgd": 0.04, "adagrad": 0.5, "adam": 0.01}[rule])
    fit.decay = 0.02
    course = [fit.epoch(number) for number in range(1, 600)]
    factors = fit.factors(data.users, data.items)
    u, i = data.by_user.row_index(), data.by_user.indices
    assert factors.user_bias is not None
    assert factors.item_bias is not None
    assert data.values is not None
    scores = (
        np.einsum("ek,ek->e", factors.user_factors[u], factors.item_factors[i])
        + 3.0 + factors.user_bias[u] + factors.item_bias[i]
    )  # fmt: skip
    total = ((data.values - scores) ** 2).sum()
    for rows, x, b in (
        (data.by_user, factors.user_factors, factors.user_bias),
        (data.by_item, factors.item_factors, factors.item_bias),
    ):
        total += (fit.objective.penalties(rows) * ((x**2).sum(axis=1) + b**2)).sum()
    assert course[-1] == pytest.approx(total, rel=1e-4)
    exact = BiasedAlternation(data.by_user, data.by_item, fit.objective, 4, 3.0, seed=0)
    least = [exact.epoch(number) for number in range(1, 200)][-1]
    assert course[-1] < 1.08 * least
    assert course[-1] < course[0]


@pytest.mark.parametrize("rule", RULES)
def test_same_bits_for_any_number_of_threads(rule: str) -> None:
    data = ratings(m=300, n=200, share=0.3)
    found = set()
    for threads in (1, 2, 3, 8):
        fit = trainer(data, rule, n_threads=threads)
        course = [fit.epoch(number) for number in (1, 2, 3)]
        found.add((tuple(course), *(a.tobytes() for a in fit.arrays().values())))
    assert len(found) == 1


@pytest.mark.parametrize("rule", RULES)
def test_going_on_from_kept_arrays_is_never_having_stopped(rule: str) -> None:
    data = ratings(m=80, n=50)
    whole, stopped = trainer(data, rule), trainer(data, rule)
    for number in (1, 2, 3, 4):
        whole.epoch(number)
    for number in (1, 2):
        stopped.epoch(number)
    kept = {name: array.copy() for name, array in stopped.arrays().items()}
    resumed = trainer(data, rule)
    resumed.restore(kept)
    for number in (3, 4):
        resumed.epoch(number)
    for name, array in resumed.arrays().items():
        assert (array == whole.arrays()[name]).all(), name


@settings(max_examples=60, deadline=None)
@given(m=st.integers(1, 30), n=st.integers(1, 30), d=st.integers(1, 40), seed=st.integers(0, 9))
def test_any_shape(m: int, n: int, d: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    nnz = int(random.integers(1, m * n + 1))
    chosen = random.choice(m * n, nnz, replace=False)
    data = Interactions.from_arrays(chosen // n, chosen % n, random.integers(1, 6, nnz))
    for rule in RULES:
        fit = trainer(data, rule, d, seed=seed)
        assert np.isfinite([fit.epoch(number) for number in (1, 2, 3)]).all()


def test_divergence_is_an_error_that_names_the_rate() -> None:
    data = ratings(m=60, n=40)
    with pytest.raises(LmfError, match="learning_rate"):
        lmf.BiasedMF(solver="sgd", learning_rate=50.0).fit(data)


@pytest.mark.parametrize("rule", RULES)
def test_the_model_with_its_defaults(rule: str) -> None:
    data = ratings(m=200, n=100, share=0.4)
    model = lmf.BiasedMF(n_factors=4, solver=rule).fit(data)
    assert len(model.history_) > 3
    assert model.history_[-1].objective < model.history_[0].objective
    assert model.predict(data.to_frame())["prediction"].is_finite().all()
    huge = Interactions.from_arrays(
        *(data.to_frame()[c] for c in ("user", "item")), data.to_frame()["value"] * 20
    )
    assert np.isfinite(lmf.BiasedMF(n_factors=4, solver=rule).fit(huge).history_[-1].objective)


@pytest.mark.parametrize(
    "wrong",
    [{"solver": "newton"}, {"learning_rate": 0.0}, {"learning_rate_schedule": "cosine"},
     {"learning_rate_decay": -1.0}],
)  # fmt: skip
def test_wrong_parameters(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        lmf.BiasedMF(**{"solver": "sgd", **wrong}).fit(ratings())


def test_blocks_filled_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ratings(m=300, n=200, share=0.3)
    whole = trainer(data, "sgd")
    monkeypatch.setattr(stochastic, "_TOGETHER", 500)
    parts = trainer(data, "sgd")
    for name in ("_blocks", "_user", "_item", "_target"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))

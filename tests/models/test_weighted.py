"""Weighted matrix factorization: its limits, fold-in, determinism, and Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from lmf import _native
from lmf.data.interactions import Interactions
from lmf.errors import InputError, LmfError, ParameterError
from lmf.models import WeightedMF
from lmf.training.history import EpochRecord
from tests.conftest import RunPython
from tests.oracles import DenseProblem, random_rows, relative


def interactions(seed: int = 0, *, values: bool = False, n_users: int = 60) -> Interactions:
    rows = random_rows(np.random.default_rng(seed), n_users, 35, values=values)
    return Interactions.of(rows.to_scipy(), value=None if values else False)


def long_tailed(n_users: int, n_items: int, nnz: int, seed: int = 0) -> Interactions:
    """Interactions of the shape of real ones: few popular items, few busy users."""
    rng = np.random.default_rng(seed)
    users = (n_users * rng.random(nnz) ** 1.6).astype(np.int64)
    items = (n_items * rng.random(nnz) ** 2.5).astype(np.int64)
    return Interactions.from_arrays(users, items)


# ---- the definition ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"unobserved_weight": 0.2},
        {"unobserved_weight": 0.0, "regularization": 0.1},
        {"unobserved_weight": 1.0, "alpha": 5.0},
        {"unobserved_weight": 0.05, "alpha": 2.0, "regularization_exponent": 0.5},
        {"unobserved_weight": 0.2, "popularity_exponent": 0.5},
        {"unobserved_weight": 0.05, "alpha": 2.0, "popularity_exponent": 1.0},
        {"unobserved_weight": 0.1, "user_discount": 0.3, "item_discount": 0.4},
        {"unobserved_weight": 0.0, "alpha": 2.0, "item_discount": 1.0},
    ],
)
@pytest.mark.parametrize("values", [False, True])
def test_history_is_the_objective_of_the_docstring(values: bool, params: dict[str, float]) -> None:
    """For every number of epochs, of the model as a caller gets it."""
    data = interactions(values=values)
    whole = WeightedMF(n_factors=6, epochs=5, tolerance=0, **params).fit(data)
    dense = DenseProblem.of(data.by_user, **params)
    for epochs in range(1, 6):
        model = WeightedMF(n_factors=6, epochs=epochs, tolerance=0, **params).fit(data)
        assert list(map(objective, model.history_)) == list(map(objective, whole.history_))[:epochs]
        factors = model.factors_
        true = dense.objective(factors.user_factors, factors.item_factors)
        # After the last epoch the users are solved once more.
        assert true <= model.history_[-1].objective * (1 + 1e-6)
        assert relative(factors.user_factors, dense.best_users(factors.item_factors)) < 1e-5
    assert [record.epoch for record in whole.history_] == [1, 2, 3, 4, 5]
    assert (np.diff(list(map(objective, whole.history_))) < 0).all()


def objective(record: EpochRecord) -> float:
    return record.objective


def test_weight_1_everywhere_is_the_truncated_svd() -> None:
    """Eckart & Young 1936: no matrix of rank d is closer than the truncated SVD."""
    data = interactions(1, values=True)
    matrix = data.by_user.to_scipy().toarray().astype(np.float64)
    d = 6
    left = np.linalg.svd(matrix, compute_uv=False)[d:]
    model = WeightedMF(
        n_factors=d, unobserved_weight=1, regularization=1e-7, epochs=400, tolerance=1e-9
    ).fit(data)
    factors = model.factors_
    error = ((matrix - factors.user_factors @ factors.item_factors.T.astype(np.float64)) ** 2).sum()
    assert error == pytest.approx((left**2).sum(), rel=1e-4)
    assert error >= (left**2).sum() * (1 - 1e-6)


@pytest.mark.parametrize("values", [False, True])
def test_weight_0_is_the_limit_of_small_weights(values: bool) -> None:
    data = interactions(2, values=values)
    params = {"n_factors": 4, "regularization": 0.1, "epochs": 300, "tolerance": 1e-7}
    observed = WeightedMF(unobserved_weight=0, **params).fit(data).history_[-1].objective
    distances = []
    for weight in (1e-2, 1e-4, 1e-6, 1e-9):
        weighted = WeightedMF(unobserved_weight=weight, **params).fit(data)
        distances.append(abs(weighted.history_[-1].objective / observed - 1))
    assert distances[0] > 1e-2
    assert distances[-1] < 1e-3
    assert distances == sorted(distances, reverse=True)
    # And it is the objective over the observed entries alone.
    dense = DenseProblem.of(data.by_user, unobserved_weight=0, regularization=0.1)
    factors = WeightedMF(unobserved_weight=0, **params).fit(data).factors_
    assert dense.objective(factors.user_factors, factors.item_factors) == pytest.approx(
        observed, rel=1e-4
    )


@pytest.mark.parametrize("alpha0", [0.05, 1.5])
def test_rendles_parameters_as_the_docstring_translates_them(alpha0: float) -> None:
    """The stationary point in their terms: the gradient of their objective vanishes there."""
    data, penalty, nu = interactions(3), 0.02, 0.7
    model = WeightedMF(
        n_factors=5,
        unobserved_weight=alpha0 / (1 + alpha0),
        regularization=penalty * (1 + alpha0) ** nu,
        regularization_exponent=nu,
        epochs=40,
    ).fit(data)
    scale = 1 / np.sqrt(1 + alpha0)
    p, q = (
        factors.astype(np.float64) * scale
        for factors in (model.factors_.user_factors, model.factors_.item_factors)
    )
    seen = data.by_user.to_scipy().toarray()
    scores = p @ q.T
    weight = penalty * (seen.sum(1) + alpha0 * data.n_items) ** nu
    gradient = (seen * (scores - 1)) @ q + alpha0 * scores @ q + weight[:, None] * p
    assert np.linalg.norm(gradient) < 1e-5 * np.linalg.norm(seen @ q)


# ---- fold-in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("alpha", [None, 4.0])
@pytest.mark.parametrize("unobserved_weight", [0.0, 1e-3, 0.1, 1.0, 2.0])
def test_fold_in_of_a_training_user_is_the_trained_row(
    unobserved_weight: float, alpha: float | None, values: bool
) -> None:
    data = interactions(4, values=values)
    model = WeightedMF(n_factors=8, unobserved_weight=unobserved_weight, alpha=alpha, epochs=6).fit(
        data
    )
    found = model.fold_in(data)
    assert found.users == data.users
    assert relative(found.user_factors, model.factors_.user_factors) < 3e-6
    one = data.keep(data.by_user.row_index() == 7)
    alone = model.fold_in(one).user_factors
    assert relative(alone[7], model.factors_.user_factors[7]) < 3e-6
    assert not np.delete(alone, 7, axis=0).any()


@pytest.mark.parametrize("d", [1, 30, 64])
@pytest.mark.parametrize("regularization", [1e-6, 1e-2, 10.0])
def test_fold_in_however_weak_the_regularization(d: int, regularization: float) -> None:
    """With more factors than a user has items, and factors that hardly matter."""
    data = long_tailed(400, 150, 6000)
    model = WeightedMF(n_factors=d, regularization=regularization, epochs=4).fit(data)
    found, trained = model.fold_in(data).user_factors, model.factors_.user_factors
    errors = np.linalg.norm(found - trained, axis=1)
    assert (errors <= 1e-4 * np.linalg.norm(trained, axis=1)).all()


@pytest.mark.parametrize("source", ["ml_1m", "ncf_train", "gowalla_train"])
def test_fold_in_of_everybody_in_real_data(source: str, request: pytest.FixtureRequest) -> None:
    data: Interactions = request.getfixturevalue(source)
    model = WeightedMF(n_factors=32, epochs=2).fit(data)
    found, trained = model.fold_in(data).user_factors, model.factors_.user_factors
    errors = np.linalg.norm(found - trained, axis=1)
    assert (errors <= 1e-4 * np.linalg.norm(trained, axis=1)).all()
    assert model.history_[1].objective < model.history_[0].objective


def test_histories_without_values_count_as_average_ones() -> None:
    data = interactions(5, values=True)
    assert data.values is not None
    model = WeightedMF(n_factors=4, epochs=5).fit(data)
    mean = float(data.values.mean(dtype=np.float64))
    plain = model.fold_in([1, 2, 3]).user_factors
    matrix = np.zeros((1, data.n_items), np.float32)
    matrix[0, [1, 2, 3]] = mean
    assert relative(model.fold_in(scipy.sparse.csr_array(matrix)).user_factors, plain) < 1e-6


# ---- determinism ------------------------------------------------------------------------------


def digest(model: WeightedMF) -> str:
    found = hashlib.sha256()
    for array in (model.factors_.user_factors, model.factors_.item_factors):
        found.update(array.tobytes())
    found.update(repr([record.objective for record in model.history_]).encode())
    found.update(model.fold_in([0, 1, 2, 3]).user_factors.tobytes())
    for array in model.recommend_indices(n=5):
        found.update(array.tobytes())
    return found.hexdigest()


THREADS = (1, 2, 3, 4, 8)


def fit_for_bits(unobserved_weight: float, threads: int) -> WeightedMF:
    """Fit a model whose half sweeps are shared out in some 10 to 20 chunks, in both exact forms."""
    return WeightedMF(
        n_factors=48, unobserved_weight=unobserved_weight, epochs=2, seed=5, n_threads=threads
    ).fit(long_tailed(1500, 500, 30_000))


@pytest.mark.parametrize("unobserved_weight", [0.0, 0.1])
def test_the_same_seed_gives_the_same_bits_for_any_threads(unobserved_weight: float) -> None:
    assert len({digest(fit_for_bits(unobserved_weight, threads)) for threads in (*THREADS, 0)}) == 1


SAME_BITS = """
from lmf import _native
from tests.models.test_weighted import THREADS, digest, fit_for_bits
print(_native.isa())
for weight in (0.0, 0.1):
    for threads in THREADS:
        model = fit_for_bits(weight, threads)
        print(weight, digest(model), model.history_[-1].objective)
"""


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_the_same_bits_for_any_threads_with_every_instruction_set(
    isa: str, run_python: RunPython
) -> None:
    level, *lines = run_python(SAME_BITS, LMF_ISA=isa).splitlines()
    if level != isa:
        pytest.skip(f"this processor has no {isa}")
    assert len(lines) == 2 * len(THREADS)
    assert len(set(lines)) == 2
    for line in set(lines):
        weight, found, last = line.split()
        here = fit_for_bits(float(weight), 2)
        assert float(last) == pytest.approx(here.history_[-1].objective, rel=1e-5)
        if level == _native.isa():
            assert found == digest(here)


def test_another_seed_gives_other_factors_of_the_same_worth() -> None:
    data = interactions(6)
    one, other = (WeightedMF(n_factors=4, epochs=30, seed=seed).fit(data) for seed in (0, 1))
    assert digest(one) != digest(other)
    assert digest(one) == digest(WeightedMF(n_factors=4, epochs=30, seed=0).fit(data))
    assert one.history_[-1].objective == pytest.approx(other.history_[-1].objective, rel=0.02)


def test_seeds_as_numpy_has_them() -> None:
    data = interactions(6)

    def fit(seed: object) -> str:
        return digest(WeightedMF(n_factors=4, epochs=1, seed=seed).fit(data))  # type: ignore[arg-type]

    assert fit(np.random.default_rng(3)) == fit(np.random.default_rng(3))
    assert fit(np.random.SeedSequence(3)) == fit(np.random.SeedSequence(3))
    assert fit(np.int64(3)) == fit(3)
    assert fit(np.random.default_rng(3)) != fit(np.random.default_rng(4))
    assert fit(None) != fit(None)


def test_the_order_of_the_rows_does_not_matter() -> None:
    data = interactions(7)
    users, items = data.by_user.row_index(), data.by_user.indices
    order = np.random.default_rng(0).permutation(len(users))
    shuffled = Interactions.from_arrays(users[order], items[order])
    one, other = (WeightedMF(n_factors=4, epochs=3).fit(each) for each in (data, shuffled))
    assert digest(one) == digest(other)


# ---- stopping ---------------------------------------------------------------------------------


def test_epochs_tolerance_and_callback_stop_a_fit() -> None:
    data = interactions(8)
    assert WeightedMF(n_factors=3, epochs=4, tolerance=0).fit(data).history_.stopped == "epochs"
    model = WeightedMF(n_factors=3, epochs=500, tolerance=1e-3).fit(data)
    assert model.history_.stopped == "converged"
    changes = [record.relative_change for record in model.history_]
    assert changes[0] is None
    assert changes[-1] < 1e-3
    assert min(changes[1:-1]) >= 1e-3
    seen: list[int] = []

    def callback(record: EpochRecord) -> bool:
        seen.append(record.epoch)
        return record.epoch == 2

    model = WeightedMF(n_factors=3, epochs=9).fit(data, callback=callback)
    assert seen == [1, 2]
    assert model.history_.stopped == "callback"
    dense = DenseProblem.of(data.by_user)
    best = dense.best_users(model.factors_.item_factors)
    assert relative(model.factors_.user_factors, best) < 1e-5


def test_a_fit_that_fails_leaves_the_model_as_it_was() -> None:
    data = interactions(9)
    model = WeightedMF(n_factors=3, epochs=2).fit(data)
    before, state = digest(model), model.state()

    def callback(_: EpochRecord) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(interactions(10), callback=callback)
    huge = replace(data, by_user=replace(data.by_user, values=np.full(data.nnz, 1e38, np.float32)))
    with pytest.raises(LmfError, match="large"):
        model.fit(huge)
    assert digest(model) == before
    assert model.state().extra == state.extra


# ---- Ctrl-C -----------------------------------------------------------------------------------


def check_interrupted(model: WeightedMF, data: Interactions, **params: float) -> None:
    """What a model must be after Ctrl-C: usable, and no worse than its history says."""
    assert model.history_.stopped == "interrupted"
    factors = model.factors_
    users = factors.user_factors.astype(np.float64)
    items = factors.item_factors.astype(np.float64)
    rows, weight = data.by_user, params.get("unobserved_weight", 0.1)
    scores = np.einsum("nd,nd->n", users[rows.row_index()], items[rows.indices])
    # sum over all of x^2 is tr(P'P Q'Q): the objective without a dense matrix
    total = weight * ((users.T @ users) * (items.T @ items)).sum()
    total += ((1 - scores) ** 2 - weight * scores**2).sum()
    for side, each in ((rows, users), (data.by_item, items)):
        lengths = side.row_lengths()
        total += 0.01 * (lengths + weight * (side.n_cols - lengths)) @ (each**2).sum(1)
    assert total <= model.history_[-1].objective * (1 + 1e-5)
    index, scores = model.recommend_indices([0, 1, 2], n=5)
    assert (index >= 0).all()
    assert np.isfinite(scores).all()
    some = np.arange(0, rows.n_rows, max(rows.n_rows // 20, 1))
    best = DenseProblem.of(rows.select_rows(some), unobserved_weight=weight).best_users(items)
    assert relative(model.fold_in(data).user_factors[some], best) < 1e-5


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("unobserved_weight", [0.0, 0.1])
def test_ctrl_c_in_a_callback(epoch: int, unobserved_weight: float) -> None:
    data = interactions(11)
    model = WeightedMF(n_factors=4, unobserved_weight=unobserved_weight, epochs=9, tolerance=0)

    def callback(record: EpochRecord) -> None:
        if record.epoch == epoch:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.fit(data, callback=callback)
    assert len(model.history_) == epoch
    check_interrupted(model, data, unobserved_weight=unobserved_weight)
    assert model.recommend(0, n=3).height == 3
    assert model.similar_items(0, n=3).height == 3
    again = WeightedMF.from_state(model.state())
    assert again.history_.stopped == "interrupted"
    assert (again.predict(([0], [0])) == model.predict(([0], [0]))).all()


def test_ctrl_c_before_the_first_epoch_is_over_leaves_the_model_as_it_was() -> None:
    data = long_tailed(6000, 3700, 1_000_000)
    model = WeightedMF(n_factors=256, n_threads=1)  # some seconds an epoch
    send_soon(0.15)
    with pytest.raises(KeyboardInterrupt):
        model.fit(data)
    assert not model.is_fitted


@pytest.mark.parametrize("unobserved_weight", [0.0, 0.1])
@pytest.mark.parametrize("moment", [0.2, 0.6])
def test_ctrl_c_in_the_middle_of_native_work(moment: float, unobserved_weight: float) -> None:
    """A signal from outside, in the users' or the items' half of an epoch as large as ML-1M's."""
    data = _as_large_as_ml_1m()
    model = WeightedMF(n_factors=48, unobserved_weight=unobserved_weight, epochs=99, tolerance=0)
    sent: list[float] = []

    def callback(record: EpochRecord) -> None:
        if record.epoch == 1:
            sent.append(send_soon(moment * record.seconds))

    with pytest.raises(KeyboardInterrupt):
        model.fit(data, callback=callback)
    assert time.perf_counter() - sent[0] < 1.0
    check_interrupted(model, data, unobserved_weight=unobserved_weight)


def _as_large_as_ml_1m() -> Interactions:
    if not _large:
        _large.append(long_tailed(6040, 3706, 1_300_000))
    return _large[0]


_large: list[Interactions] = []


def send_soon(seconds: float) -> float:
    """Have another thread send SIGINT to this process; return when that will be."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()
    return time.perf_counter() + seconds


# ---- parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_factors", 0),
        ("n_factors", -1),
        ("n_factors", 2.5),
        ("n_factors", 16385),
        ("n_factors", True),
        ("unobserved_weight", -0.1),
        ("unobserved_weight", float("nan")),
        ("alpha", float("nan")),
        ("alpha", -1.0),
        ("alpha", "much"),
        ("regularization", -1e-9),
        ("regularization", float("inf")),
        ("regularization", None),
        ("regularization_exponent", 5),
        ("epochs", 0),
        ("tolerance", -1),
        ("seed", -1),
        ("seed", 1.5),
        ("n_threads", -5),
        ("n_threads", 10**6),
    ],
)
def test_parameters_out_of_range_are_refused_before_any_work(name: str, value: object) -> None:
    model = WeightedMF(**{name: value})  # the constructor only stores, as scikit-learn's do
    with pytest.raises(ParameterError, match=f"^{name}="):
        model.fit(interactions(), callback=lambda _: pytest.fail("there was work"))
    assert not model.is_fitted


def test_a_confidence_below_0_is_refused() -> None:
    data = Interactions.from_arrays([1, 2], [1, 2], [3.0, -2.0])
    with pytest.raises(InputError, match=r"-2 is negative .*'value'"):
        WeightedMF(n_factors=1, alpha=1.0).fit(data)
    model = WeightedMF(n_factors=1, alpha=0.5).fit(data)  # 1 - 0.5 * 2 = 0 weighs nothing
    with pytest.raises(InputError, match="negative"):
        model.fold_in(Interactions.from_arrays([9], [1], [-9.0]))


def test_more_factors_than_users_or_items() -> None:
    model = WeightedMF(n_factors=100, epochs=3).fit(Interactions.from_arrays([1, 2], [1, 2]))
    assert np.isfinite(model.factors_.user_factors).all()
    assert model.recommend(1, n=9)["item"].to_list() == [2]


def test_one_user_and_one_item() -> None:
    model = WeightedMF(n_factors=3).fit(Interactions.from_arrays(["ann"], ["Heat"]))
    assert 0.9 < model.predict((["ann"], ["Heat"]))[0] <= 1
    assert model.recommend("ann").height == 0
    assert model.recommend("ann", exclude_seen=False).height == 1


# ---- unobserved entries weighed by popularity ---------------------------------------------------


def test_items_of_one_popularity_weigh_alike() -> None:
    """Whatever the exponent: each item is taken by four of the twelve users."""
    users = [(item + step) % 12 for item in range(9) for step in range(4)]
    data = Interactions.from_arrays(users, np.repeat(np.arange(9), 4))
    plain = WeightedMF(n_factors=3, epochs=4, tolerance=0).fit(data)
    weighed = WeightedMF(n_factors=3, epochs=4, tolerance=0, popularity_exponent=1.5).fit(data)
    # Not the same bits: V' diag(1) V is summed over a scaled copy of V.
    assert relative(weighed.factors_.item_factors, plain.factors_.item_factors) < 1e-5


def test_popularity_weighs_against_popular_items() -> None:
    """The more an absence counts, the lower the score; with the mean weight as it was."""
    data = long_tailed(400, 120, 6000)
    popular = np.argsort(-data.by_item.row_lengths())[:10]
    scores = []
    for exponent in (0.0, 0.5, 1.0):
        model = WeightedMF(n_factors=8, epochs=10, popularity_exponent=exponent).fit(data)
        factors = model.factors_
        scores.append(float((factors.user_factors @ factors.item_factors[popular].T).mean()))
    assert scores[0] > scores[1] > scores[2]


def test_folding_in_weighs_as_training_did() -> None:
    data = long_tailed(300, 90, 4000, seed=3)
    model = WeightedMF(n_factors=70, epochs=3, popularity_exponent=0.7).fit(data)
    folded = model.fold_in(data)
    assert relative(folded.user_factors, model.factors_.user_factors) < 1e-5


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_do_not_change_the_bits_of_a_model_weighed_by_popularity(n_threads: int) -> None:
    data = long_tailed(500, 200, 8000)
    params = {"n_factors": 16, "epochs": 3, "popularity_exponent": 0.5}
    one = WeightedMF(**params, n_threads=1).fit(data).factors_
    other = WeightedMF(**params, n_threads=n_threads).fit(data).factors_
    assert one.user_factors.tobytes() == other.user_factors.tobytes()
    assert one.item_factors.tobytes() == other.item_factors.tobytes()


# ---- discounts, and a start that is not forgotten -----------------------------------------------


def test_items_of_one_popularity_are_discounted_alike() -> None:
    """And so are users of one activity: what is 1 on average is then 1 throughout."""
    users = [(item + step) % 12 for item in range(12) for step in range(4)]
    data = Interactions.from_arrays(users, np.repeat(np.arange(12), 4))
    plain = WeightedMF(n_factors=3, epochs=4, tolerance=0).fit(data)
    discounted = WeightedMF(
        n_factors=3, epochs=4, tolerance=0, user_discount=0.7, item_discount=1.3
    ).fit(data)
    assert relative(discounted.factors_.item_factors, plain.factors_.item_factors) < 1e-5


def test_discounted_popular_items_say_less_of_a_user() -> None:
    """Who has one popular and one rare item is moved away from what goes with the popular one."""
    data = long_tailed(400, 120, 6000)
    by_popularity = np.argsort(-data.by_item.row_lengths(), kind="stable")
    popular, rare = by_popularity[0], by_popularity[60]
    newcomer = Interactions.from_arrays([0, 0], data.items.ids(np.array([popular, rare])))
    closeness = []
    for discount in (0.0, 0.5, 1.0):
        model = WeightedMF(n_factors=8, epochs=10, item_discount=discount).fit(data)
        vector = model.fold_in(newcomer).user_factors[0]
        scores = model.factors_.item_factors @ vector
        closeness.append(float(scores[popular] / scores[rare]))
    assert closeness[0] > closeness[1] > closeness[2]


@pytest.mark.parametrize("unobserved_weight", [0.0, 0.1])
@pytest.mark.parametrize("alpha", [None, 3.0])
def test_folding_in_discounts_as_training_did(
    alpha: float | None, unobserved_weight: float
) -> None:
    data = long_tailed(300, 90, 4000, seed=3)
    model = WeightedMF(
        n_factors=20, epochs=3, alpha=alpha, unobserved_weight=unobserved_weight,
        popularity_exponent=0.7, user_discount=0.4, item_discount=0.6,
    ).fit(data)  # fmt: skip
    folded = model.fold_in(data)
    assert relative(folded.user_factors, model.factors_.user_factors) < 1e-5


def test_a_training_error_is_told_only_where_errors_count_alike() -> None:
    data = interactions(values=True)
    params = {"n_factors": 3, "epochs": 2, "unobserved_weight": 0.0}
    assert WeightedMF(**params).fit(data).history_[0].training is not None
    assert WeightedMF(**params, item_discount=0.5).fit(data).history_[0].training is None


def test_a_small_start_is_not_forgotten_unless_the_sides_are_balanced() -> None:
    """The first sweeps from a small start find the strongest directions, and the rest later."""
    data = long_tailed(300, 90, 4000, seed=5)
    balanced = WeightedMF(n_factors=12, epochs=2, tolerance=0).fit(data)
    small = WeightedMF(n_factors=12, epochs=2, tolerance=0, initial_scale=0.1).fit(data)
    assert small.history_[0].objective > balanced.history_[0].objective

    def weakest(model: WeightedMF) -> float:
        strength = (model.factors_.item_factors.astype(np.float64) ** 2).sum(axis=0)
        return float(strength.min() / strength.max())

    assert weakest(small) < weakest(balanced)
    many = [
        WeightedMF(n_factors=12, epochs=400, tolerance=0, **start).fit(data).history_[-1].objective
        for start in ({}, {"initial_scale": 0.1})
    ]
    assert many[1] == pytest.approx(many[0], rel=1e-3)


@pytest.mark.parametrize("unobserved_weight", [0.02, 0.1, 0.5])
def test_relaxed_epochs_are_worth_about_two(unobserved_weight: float) -> None:
    data = long_tailed(300, 90, 4000, seed=5)
    params = {"n_factors": 12, "unobserved_weight": unobserved_weight, "tolerance": 0.0}
    plain = WeightedMF(epochs=18, **params).fit(data).history_
    relaxed = WeightedMF(epochs=18, relaxation=1.5, **params).fit(data)
    objectives = [record.objective for record in relaxed.history_]
    assert objectives[0] == plain[0].objective  # nothing has been before the first epoch
    assert (np.diff(objectives) < 0).all()
    assert objectives[9] < plain[17].objective
    folded = relaxed.fold_in(data)
    assert relative(folded.user_factors, relaxed.factors_.user_factors) < 1e-5


@pytest.mark.parametrize(
    ("name", "value"),
    [("user_discount", -0.1), ("item_discount", 3), ("initial_scale", 0.0), ("item_discount", "x"),
     ("relaxation", 0), ("relaxation", 2), ("relaxation", None), ("cg_steps", 0),
     ("cg_steps", 1.5)],
)  # fmt: skip
def test_discounts_and_scales_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        WeightedMF(**{name: value}).fit(interactions())

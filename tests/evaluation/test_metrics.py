"""Metrics against independent implementations, and what can be asked for."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmf.data.csr import CSR
from lmf.errors import InputError, ParameterError
from lmf.evaluation.measure import measure_users
from lmf.evaluation.metrics import Metric, metrics, select_metrics

CUTS = (1, 5, 10, 20)
NAMES = [metric.name for metric in metrics() if metric.per_user]


def random_case(
    seed: int, n_users: int = 500, n_items: int = 60, width: int = 20
) -> tuple[NDArray[np.int32], CSR, NDArray[np.float64]]:
    """Lists, test items and the scores that the lists follow; some lists end early."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(n_items, dtype=float), (n_users, 1)), axis=1)
    lists = np.argsort(-scores, axis=1)[:, :width].astype(np.int32)
    lists[np.arange(width) >= rng.integers(1, 2 * width, n_users)[:, None]] = -1
    relevant = rng.random((n_users, n_items)) < rng.random((n_users, 1)) ** 3
    relevant[np.arange(n_users), rng.integers(0, n_items, n_users)] = True
    indptr = np.concatenate([[0], np.cumsum(relevant.sum(1))])
    return lists, CSR(indptr, np.nonzero(relevant)[1].astype(np.int32), None, n_items), scores


def by_name(lists: NDArray[np.int32], test: CSR) -> dict[str, NDArray[np.float64]]:
    return dict(zip(NAMES, measure_users(lists, test, CUTS), strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_ir_measures(seed: int) -> None:
    """A thousand users each: ten thousand rankings in all, to 1e-9."""
    import ir_measures as ir

    lists, test, _ = random_case(seed, n_users=1000, n_items=40 + 5 * seed)
    qrels = [
        ir.Qrel(str(user), str(item), 1)
        for user in range(test.n_rows)
        for item in test.row(user)[0].tolist()
    ]
    run = [
        ir.ScoredDoc(str(user), str(item), float(-rank))
        for user, row in enumerate(lists.tolist())
        for rank, item in enumerate(row)
        if item >= 0
    ]
    names = {
        ir.R: "recall",
        ir.P: "precision",
        ir.nDCG: "ndcg",
        ir.AP: "map",
        ir.RR: "mrr",
        ir.Success: "hit_rate",
    }
    asked = {measure @ k: (name, c) for measure, name in names.items() for c, k in enumerate(CUTS)}
    found = by_name(lists, test)
    n_test = test.row_lengths()
    compared = 0
    for value in ir.iter_calc(list(asked), qrels, run):
        name, c = asked[value.measure]
        user = int(value.query_id)
        ours = found[name][c, user]
        if name == "map":  # trec_eval divides by |T| where we divide by min(k, |T|)
            ours *= min(CUTS[c], n_test[user]) / n_test[user]
        assert ours == pytest.approx(value.value, abs=1e-9)
        compared += 1
    assert compared == len(asked) * test.n_rows


def by_the_definitions(
    row: list[int], wanted: set[int], k: int
) -> tuple[float, float, float, float, float, float, float]:
    """Every metric of one user as its equation reads, in the order of the definitions."""
    first = [item for item in row[:k] if item >= 0]
    ranks = [rank for rank, item in enumerate(first, start=1) if item in wanted]
    reach = min(k, len(wanted))
    ideal = math.fsum(1 / math.log2(rank + 1) for rank in range(1, reach + 1))
    return (
        len(ranks) / len(wanted),
        len(ranks) / reach,
        len(ranks) / k,
        math.fsum(1 / math.log2(rank + 1) for rank in ranks) / ideal,
        math.fsum(hits / rank for hits, rank in enumerate(ranks, start=1)) / reach,
        1 / ranks[0] if ranks else 0.0,
        float(bool(ranks)),
    )


@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_small_cases_agree_with_the_definitions(part: int) -> None:
    """A thousand a part, of any catalogue, width, cuts and number of test items, to 1e-9.

    ``LMF_METRIC_CASES`` takes more of each.
    """
    cases = int(os.environ.get("LMF_METRIC_CASES", "1000"))
    rng = np.random.default_rng(part)
    done = 0
    while done < cases:
        n_users, n_items = min(20, cases - done), int(rng.integers(1, 30))
        width = int(rng.integers(1, n_items + 1))
        cuts = np.unique(rng.integers(1, n_items + 6, 3)).tolist()
        lists, test, _ = random_case(int(rng.integers(2**32)), n_users, n_items, width)
        found = measure_users(lists, test, cuts)
        for user in range(n_users):
            wanted = set(test.row(user)[0].tolist())
            for c, k in enumerate(cuts):
                expected = by_the_definitions(lists[user].tolist(), wanted, k)
                assert found[:, c, user] == pytest.approx(expected, rel=0, abs=1e-9)
        done += n_users


def test_ndcg_agrees_with_scikit_learn() -> None:
    """scikit-learn scores the whole ranking, so only full lists can be compared."""
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    _, test, scores = random_case(seed=9)
    lists = np.argsort(-scores, axis=1)[:, : max(CUTS)].astype(np.int32)
    relevant = np.zeros(scores.shape)
    relevant[test.row_index(), test.indices] = 1
    found = by_name(lists, test)["ndcg"]
    for c, k in enumerate(CUTS):
        expected = [
            sklearn_metrics.ndcg_score(relevant[user : user + 1], scores[user : user + 1], k=k)
            for user in range(test.n_rows)
        ]
        assert found[c] == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**32))
def test_what_must_hold_between_the_metrics(seed: int) -> None:
    lists, test, _ = random_case(seed, n_users=20)
    found = by_name(lists, test)
    n_test, k = test.row_lengths(), np.array(CUTS)[:, None]
    hits = found["recall"] * n_test
    assert np.allclose(hits, found["precision"] * k)
    assert np.allclose(hits, found["recall_capped"] * np.minimum(k, n_test))
    assert np.array_equal(found["hit_rate"], (hits > 0.5).astype(float))
    assert (found["recall"] <= found["recall_capped"]).all()
    assert (found["mrr"] <= found["hit_rate"]).all()
    for values in found.values():
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    for grows in ("recall", "mrr", "hit_rate"):
        assert (np.diff(found[grows], axis=0) >= 0).all()


def test_a_perfect_list_reaches_one_wherever_one_can_be_reached() -> None:
    test = CSR(np.array([0, 2, 7]), np.array([3, 4, 0, 1, 2, 3, 4], np.int32), None, 9)
    lists = np.array([[4, 3, 8, 7], [2, 0, 4, 1]], np.int32)
    found = dict(zip(NAMES, measure_users(lists, test, [4])[:, 0], strict=True))
    for name in ("recall_capped", "ndcg", "map", "mrr", "hit_rate"):
        assert found[name] == pytest.approx([1, 1])
    assert found["recall"] == pytest.approx([1, 4 / 5])
    assert found["precision"] == pytest.approx([2 / 4, 1])


def test_the_native_order_is_the_order_of_the_definitions() -> None:
    from lmf import _native

    assert list(_native.ranking_metric_names) == NAMES


def test_every_metric_says_what_it_is() -> None:
    for metric in metrics():
        assert metric.equation in metric.definition
        assert metric.convention in metric.definition
        assert metric.source[-4:].isdecimal()
        assert str(metric) == f"{metric.title}@k"
        assert str(metric.at(7)) == f"{metric.title}@7"


def test_metrics_are_chosen_by_name_and_cut() -> None:
    def chosen(*args: object, **kwargs: object) -> list[str]:
        return [str(metric) for metric in select_metrics(*args, **kwargs)]  # type: ignore[arg-type]

    assert chosen("ndcg") == ["NDCG@20"]
    assert chosen("NDCG@5", k=3) == ["NDCG@5"]
    assert chosen(["mrr", "map@7"], k=(10, 2)) == ["MRR@10", "MRR@2", "MAP@7"]
    assert chosen(["ndcg@5", "ndcg"], k=5) == ["NDCG@5"]
    assert chosen(metrics()[0].at(4)) == ["Recall@4"]
    assert chosen([metrics()[0]], k=np.array([3])) == ["Recall@3"]
    assert len(chosen(k=(10, 20))) == 2 * len(metrics())


@pytest.mark.parametrize("k", [0, -1, 2.0, True, "20", None, [], [5, 0], 2**31, np.float64(3)])
def test_cuts_out_of_range_are_refused(k: object) -> None:
    with pytest.raises(ParameterError, match="k="):
        select_metrics(["ndcg"], k=k)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", ["auc", ["ndcg", "auc"], "ndcg@", "ndcg@x", "ndcg@-1", "@5", []])
def test_unknown_metrics_are_refused(names: str | list[str]) -> None:
    with pytest.raises(ParameterError, match="metrics="):
        select_metrics(names)


def test_a_metric_without_a_cut_has_none_to_give() -> None:
    metric: Metric = metrics()[0]
    assert metric.at(3).cut == 3
    with pytest.raises(ParameterError, match="recall@20"):
        _ = metric.cut


def test_lists_that_do_not_fit_are_refused() -> None:
    test = CSR(np.array([0, 1, 2]), np.array([0, 1], np.int32), None, 3)
    with pytest.raises(InputError, match="recommended"):
        measure_users(np.zeros((3, 2), np.int32), test, [2])
    with pytest.raises(InputError, match="recommended"):
        measure_users(np.zeros(2, np.int32), test, [2])
    with pytest.raises(InputError, match="row 1"):
        measure_users(np.array([[0, 1], [2, 3]], np.int32), test, [2])
    with pytest.raises(InputError, match="row 0"):
        measure_users(np.array([[-2, 1], [2, 2]], np.int32), test, [2])

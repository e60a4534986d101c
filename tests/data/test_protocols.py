"""Protocols of papers: what they hold out, whom they rank, and that nothing leaks."""

from __future__ import annotations

import numpy as np
import pytest

import lmf
from lmf.data.interactions import Interactions
from lmf.data.protocols import ncf, vae_cf
from lmf.errors import InputError, ParameterError


def sample(seed: int = 0, n_users: int = 40, n_items: int = 60, share: float = 0.3) -> Interactions:
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((n_users, n_items)) < share)
    times = random.integers(0, 1000, len(users))
    return Interactions.from_arrays(users, items, random.integers(1, 6, len(users)), times)


@pytest.mark.parametrize("n_negatives", [1, 10, 30])
def test_ncf_ranks_the_last_one_among_items_never_had(n_negatives: int) -> None:
    data = sample()
    split = ncf(data, n_negatives, seed=3)
    last = lmf.split_last(data)
    assert split.test.fingerprint() == last.test.fingerprint()
    assert split.metrics == ("hit_rate@10", "ndcg@10")
    for user in range(data.n_users):
        candidates = split.sampled.row(user)[0].tolist()
        had = set(data.by_user.row(user)[0].tolist())
        wanted = split.test.by_user.row(user)[0].tolist()
        assert len(candidates) == len(set(candidates)) == n_negatives + 1
        assert candidates == sorted(candidates)
        assert set(candidates) & had == set(wanted)
    assert ncf(data, n_negatives, seed=3).sampled.indices.tolist() == (
        split.sampled.indices.tolist()
    )
    assert ncf(data, n_negatives, seed=4).sampled.indices.tolist() != (
        split.sampled.indices.tolist()
    )


def test_negatives_are_drawn_alike() -> None:
    """Each of the 50 items that nobody had is drawn equally often: chi-squared."""
    users, items = np.repeat(np.arange(500), 2), np.tile([0, 1], 500)
    data = Interactions.from_arrays(
        np.append(users, np.full(50, 500)), np.append(items, np.arange(2, 52)),
        timestamps=np.arange(1050),
    )  # fmt: skip
    drawn = ncf(data.keep(data.by_user.row_index() < 500), 10, seed=1).sampled.indices
    counts = np.bincount(drawn, minlength=52)[2:]
    expected = 500 * 10 / 50
    assert ((counts - expected) ** 2 / expected).sum() < 50 + 6 * np.sqrt(100)


def test_somebody_who_had_nearly_everything() -> None:
    users = np.append(np.zeros(300, np.int64), [1, 1])
    data = Interactions.from_arrays(
        users, np.append(np.arange(300), [300, 301]), timestamps=np.arange(302)
    )
    negatives = ncf(data, 2).sampled.row(0)[0].tolist()
    assert set(negatives) == {299, 300, 301}
    with pytest.raises(ParameterError, match="at most 2"):
        ncf(data, 3)


def test_sampled_metrics_against_a_sort() -> None:
    split = ncf(sample(), 20)
    model = lmf.WeightedMF(n_factors=4, epochs=3).fit(split.train, progress=False)
    report = lmf.evaluate(model, split)
    factors = model.factors_
    scores = factors.user_factors @ factors.item_factors.T
    hits = []
    for user in range(factors.n_users):
        (wanted,) = split.test.by_user.row(user)[0]
        others = [i for i in split.sampled.row(user)[0] if i != wanted]
        hits.append(sum(scores[user, i] >= scores[user, wanted] for i in others) < 10)
    assert report.value("hit_rate@10") == pytest.approx(np.mean(hits))
    assert [str(one) for one in report.metrics] == ["HitRate@10", "NDCG@10"]
    assert report.sampled == 21
    for text in (str(report), report.to_markdown(), report.to_html()):
        assert "SAMPLED METRICS" in text
        assert "NDCG@10, sampled" in text
        assert "Every item of the catalogue competes" not in text


def test_a_tie_goes_against_the_test_item() -> None:
    """A model that scores everything alike finds nothing."""
    split = ncf(sample(), 20)
    model = lmf.WeightedMF(n_factors=2, epochs=1).fit(split.train, progress=False)
    model.factors_.user_factors[:] = 0
    assert lmf.evaluate(model, split, baseline=False).value("hit_rate@10") == 0


def test_vae_cf_holds_out_whole_users() -> None:
    data = sample()
    split = vae_cf(data, 12, min_value=3, seed=2)
    assert split.checked() is split
    likes = data.binarize(3)
    held = split.fold_in.by_user.row_lengths() + split.test.by_user.row_lengths()
    assert (held > 0).sum() == 12
    assert not (split.train.by_user.row_lengths()[held > 0]).any()
    assert np.array_equal(split.test.by_user.row_lengths(), held // 5)
    trained = np.unique(split.train.by_user.indices)
    assert np.isin(split.test.by_user.indices, trained).all()
    assert (likes.by_user.row_lengths()[held > 0] >= 5).all()
    assert split.metrics == ("recall_capped@20", "recall_capped@50", "ndcg@100")
    model = lmf.WeightedMF(n_factors=3, epochs=2).fit(split.train, progress=False)
    report = lmf.evaluate(model, split)
    assert [str(m) for m in report.metrics] == ["RecallCapped@20", "RecallCapped@50", "NDCG@100"]
    assert vae_cf(data, 12, min_value=3, seed=2).test.fingerprint() == split.test.fingerprint()


def test_refusals() -> None:
    without = Interactions.from_arrays([1, 1], [1, 2])
    with pytest.raises(InputError, match="timestamps"):
        ncf(without)
    with pytest.raises(ParameterError, match="n_negatives"):
        ncf(sample(), 0)
    with pytest.raises(InputError, match="two at least"):
        vae_cf(without)
    with pytest.raises(ParameterError, match="fewer than"):
        vae_cf(sample(), 10_000)

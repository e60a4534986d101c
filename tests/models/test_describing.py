"""What factors are made of, beside the SVD of the whole product by NumPy."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lmf
from lmf.data.interactions import Interactions
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ColumnError, NotFittedError, ParameterError
from lmf.factors import Factors
from lmf.models.describing import weights

RATINGS = {"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 8], "rating": [5, 1, 4, 2, 1]}


def factors(seed: int, m: int = 30, n: int = 20, d: int = 4, shift: float = 0.0) -> Factors:
    rng = np.random.default_rng(seed)
    user, item = (np.float32(rng.normal(size=(rows, d)) + shift) for rows in (m, n))
    if shift:
        user, item = np.abs(user), np.abs(item)
    return Factors(Vocabulary.range(m), Vocabulary.range(n), user, item)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(30, 20, 4), (3, 20, 5), (20, 3, 5), (1, 1, 1), (8, 8, 8)])
def test_weights_are_the_singular_vectors_of_the_product(
    seed: int, shape: tuple[int, int, int]
) -> None:
    one = factors(seed, *shape)
    if shape == (1, 1, 1):  # whose two numbers may be positive: then they are parts
        one = Factors(one.users, one.items, -np.abs(one.user_factors), np.abs(one.item_factors))
    product = one.user_factors.astype(float) @ one.item_factors.T.astype(float)
    x, sigma, yt = np.linalg.svd(product, full_matrices=False)
    items, users = weights(one, "items"), weights(one, "users")
    d = min(shape)
    np.testing.assert_allclose(items.share[:d], sigma[:d] ** 2 / (sigma**2).sum(), atol=1e-6)
    wanted = sigma[:d, None] * yt[:d] / np.sqrt(shape[0])
    np.testing.assert_allclose(np.abs(items.values.T[:d]), np.abs(wanted), atol=2e-5)
    wanted = (sigma[:d] * x[:, :d]).T / np.sqrt(shape[1])
    np.testing.assert_allclose(np.abs(users.values.T[:d]), np.abs(wanted), atol=2e-5)
    # Signs fit together: the two sides make the product again.
    scale = np.sqrt(shape[0] * shape[1]) / sigma[:d]
    again = (users.values[:, :d] * scale) @ items.values[:, :d].T
    np.testing.assert_allclose(again, product, atol=1e-4)
    strongest = items.values[np.abs(items.values).argmax(axis=0), range(shape[2])]
    assert (strongest[:d] > 0).all()


def test_a_rotation_of_the_factors_changes_nothing() -> None:
    one = factors(3)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0].astype(np.float32)
    other = Factors(one.users, one.items, one.user_factors @ turn, one.item_factors @ turn)
    np.testing.assert_allclose(weights(one).values, weights(other).values, atol=1e-5)


def test_parts_stay_parts() -> None:
    one = factors(0, shift=0.5)
    found = weights(one)
    size = np.linalg.norm(one.user_factors, axis=0) / np.sqrt(30)
    energy = (
        np.linalg.norm(one.user_factors, axis=0) * np.linalg.norm(one.item_factors, axis=0)
    ) ** 2
    order = np.argsort(-energy)
    np.testing.assert_allclose(found.values, (one.item_factors * size)[:, order], rtol=1e-5)
    np.testing.assert_allclose(found.share, energy[order] / energy.sum(), rtol=1e-6)


def test_factors_of_zeros() -> None:
    zeros = np.zeros((3, 2), np.float32)
    found = weights(Factors(Vocabulary.range(3), Vocabulary.range(3), zeros, zeros))
    assert found.share.tolist() == [0, 0]


def test_ends_are_the_largest_and_the_least(film_model: lmf.WeightedMF) -> None:
    found = weights(film_model.factors_)
    frame = film_model.describe_factors(n=4, n_factors=3)
    assert frame.columns == ["factor", "share", "side", "rank", "film", "weight"]
    assert frame["factor"].unique(maintain_order=True).to_list() == [1, 2, 3]
    assert frame["share"].is_sorted(descending=True)
    for factor in range(3):
        column = found.values[:, factor]
        for side, sign in (("high", -1), ("low", 1)):
            order = np.argsort(sign * column, kind="stable")[:4].tolist()
            order = [place for place in order if -sign * column[place] > 0]
            part = frame.filter((pl.col("factor") == factor + 1) & (pl.col("side") == side))
            assert part["film"].to_list() == film_model.factors_.items.tolist(order)
            assert part["rank"].to_list() == list(range(1, len(order) + 1))
            np.testing.assert_array_equal(part["weight"].to_numpy(), column[order])


def test_users_and_the_least_interactions(film_model: lmf.WeightedMF) -> None:
    counts = dict(enumerate(film_model.seen_.row_lengths().tolist()))
    frame = film_model.describe_factors(n=100, of="users", min_interactions=6)
    index = film_model.factors_.users.index(frame["person"])
    assert min(counts[one] for one in index) >= 6
    assert film_model.describe_factors(min_interactions=10**6).height == 0


def test_a_non_negative_model_has_no_low_end() -> None:
    model = lmf.NMF(n_factors=2).fit(RATINGS)
    assert set(model.describe_factors()["side"]) == {"high"}


def test_labels() -> None:
    model = lmf.BiasedMF(n_factors=1, regularization=0.1).fit(RATINGS)
    titles = {7: "Heat", 8: "Up"}
    plain = model.describe_factors(labels=titles)
    assert dict(zip(plain["item"], plain["label"], strict=True)) == {7: "Heat", 8: "Up", 9: None}
    frame = pl.DataFrame({"item": [7, 8], "title": ["Heat", "Up"]})
    for given in (frame, frame.to_pandas()):
        assert model.describe_factors(labels=given).equals(plain)
    with pytest.raises(ColumnError, match="no column 'item'"):
        model.describe_factors(labels=frame.rename({"item": "film"}))
    with pytest.raises(ColumnError, match="found 2"):
        model.describe_factors(labels=frame.with_columns(year=1))
    with pytest.raises(ParameterError, match="labels"):
        model.describe_factors(labels=["Heat"])


def test_ids_of_all_kinds_and_frames_of_the_user() -> None:
    ids = [uuid.UUID(int=one) for one in range(3)]
    model = lmf.WeightedMF(n_factors=2).fit(
        Interactions.from_arrays([0, 0, 1, 1], [ids[0], ids[1], ids[1], ids[2]])
    )
    assert set(model.describe_factors()["item"].to_list()) <= set(ids)
    model = lmf.WeightedMF(n_factors=2).fit(pd.DataFrame(RATINGS))
    assert isinstance(model.describe_factors(), pd.DataFrame)


def test_what_is_refused() -> None:
    with pytest.raises(NotFittedError):
        lmf.WeightedMF().describe_factors()
    with pytest.raises(ParameterError, match="latent factors"):
        lmf.Popularity().fit(RATINGS).describe_factors()
    model = lmf.WeightedMF(n_factors=1).fit(RATINGS)
    for words in ({"n": 0}, {"n_factors": 0}, {"of": "films"}, {"min_interactions": -1}):
        with pytest.raises(ParameterError, match=next(iter(words))):
            model.describe_factors(**words)
    weight = pl.DataFrame({"user": [1, 2], "weight": [1, 2]})
    named = lmf.WeightedMF(n_factors=1).fit(weight, user="user", item="weight", value=False)
    with pytest.raises(ColumnError, match="rename yours"):
        named.describe_factors()

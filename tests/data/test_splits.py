from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmf.data.interactions import Interactions
from lmf.data.splits import split_by_time, split_items, split_last, split_random, split_users
from lmf.errors import InputError, ParameterError


def triples(data):
    rows = data.by_user.row_index().tolist()
    return set(zip(rows, data.by_user.indices.tolist(), data.values.tolist(), strict=True))


def sample(seed=0, n_users=60, n_items=40, share=0.3):
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((n_users, n_items)) < share)
    order = random.permutation(len(users))
    return Interactions.from_arrays(
        users[order], items[order], random.random(len(users)), random.integers(0, 50, len(users))
    )


def check_parts(data, *parts):
    """Every interaction is in exactly one part, and ids mean the same everywhere."""
    assert sum(part.nnz for part in parts) == data.nnz
    assert set().union(*(triples(part) for part in parts)) == triples(data)
    for part in parts:
        assert (part.users, part.items) == (data.users, data.items)
        part.by_user.checked()
        assert len(part.timestamps) == part.nnz
    times = [t for part in parts for t in part.timestamps.tolist()]
    assert sorted(times) == sorted(data.timestamps.tolist())


@given(st.integers(0, 2**32), st.floats(0.05, 0.99), st.booleans())
def test_random_splits_part_the_data(seed, fraction, per_user):
    data = sample(1)
    split = split_random(data, fraction, seed=seed, per_user=per_user)
    train, test = split
    check_parts(data, train, test)
    assert split.seed == seed
    if per_user:
        n = data.by_user.row_lengths()
        wanted = np.minimum(np.floor(n * fraction + 0.5), np.maximum(n - 1, 0))
        assert np.array_equal(test.by_user.row_lengths(), wanted)
    else:
        assert test.nnz == max(1, min(data.nnz - 1, int(data.nnz * fraction + 0.5)))


def test_the_same_seed_gives_the_same_split_in_any_order_of_rows():
    data, again = sample(2), sample(2)
    frame = again.to_frame()
    again = Interactions.of(frame.sample(fraction=1, shuffle=True, seed=5))
    for per_user in (True, False):
        one = split_random(data, seed=3, per_user=per_user)
        other = split_random(again, seed=3, per_user=per_user)
        assert one.test.fingerprint() == other.test.fingerprint()
        assert (
            one.test.fingerprint()
            != split_random(data, seed=4, per_user=per_user).test.fingerprint()
        )
    generator = np.random.default_rng(3)
    moved = [split_random(data, seed=generator).test.fingerprint() for _ in range(2)]
    assert moved[0] != moved[1]
    assert split_random(data, seed=generator).seed is None


def test_every_interaction_is_as_likely_to_be_held_out():
    """Chi-squared over 2,000 splits of rows of 10: 600 cells of 400 expected hits each."""
    data = Interactions.from_arrays(np.repeat(np.arange(60), 10), np.tile(np.arange(10), 60))
    hits = np.zeros((60, 10))
    for seed in range(2_000):
        test = split_random(data, 0.2, seed=seed).test.by_user
        hits[test.row_index(), test.indices] += 1
    statistic = float(((hits - 400) ** 2 / 400).sum())
    # Two of ten without replacement: variance 2000 * .2 * .8, so the mean is 600 * .8.
    assert abs(statistic - 480) < 6 * np.sqrt(2 * 480)


def test_users_with_one_interaction_are_trained_on():
    data = Interactions.from_arrays([1, 2, 2, 2, 2], [1, 1, 2, 3, 4])
    assert split_random(data, 0.9).test.by_user.row_lengths().tolist() == [0, 3]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), "0.2", True, None])
def test_fractions_out_of_range(fraction):
    data = sample()
    for split in (
        lambda: split_random(data, fraction),
        lambda: split_by_time(data, test_fraction=fraction),
        lambda: split_users(data, test_fraction=fraction),
        lambda: split_users(data, fraction=fraction),
    ):
        with pytest.raises(ParameterError, match="fraction"):
            split()


def test_wrong_seeds_and_flags():
    with pytest.raises(ParameterError, match="seed"):
        split_random(sample(), seed=-1)
    with pytest.raises(ParameterError, match="per_user"):
        split_random(sample(), per_user=1)


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_the_last_ones_against_a_sort(seed, n):
    data = sample(seed % 7, n_users=12, n_items=9, share=0.8)
    expected = set()
    for user in range(data.n_users):
        part = slice(*data.by_user.indptr[user : user + 2].tolist())
        entries = sorted(
            zip(data.timestamps[part].tolist(), data.by_user.indices[part].tolist(), strict=True)
        )
        if len(entries) > n:
            expected |= {(user, item) for _, item in entries[-n:]}
    train, test = split_last(data, n)
    check_parts(data, train, test)
    assert {(u, i) for u, i, _ in triples(test)} == expected


def test_ties_go_by_item():
    data = Interactions.from_arrays([1, 1, 1], ["c", "a", "b"], timestamps=[5, 5, 4])
    assert split_last(data).test.to_frame()["item"].to_list() == ["c"]
    assert split_last(data, 2).test.to_frame()["item"].to_list() == ["a", "c"]


def test_without_timestamps_there_is_no_last():
    data = Interactions.from_arrays([1, 1], [1, 2])
    for split in (split_last, split_by_time):
        with pytest.raises(InputError, match=r"no timestamps.*timestamp="):
            split(data)


@pytest.mark.parametrize("n", [0, -1, 1.0, True, "1"])
def test_impossible_numbers_of_last_ones(n):
    with pytest.raises(ParameterError, match="n="):
        split_last(sample(), n)


def test_nothing_to_hold_out_or_to_train_on():
    single = Interactions.from_arrays([1, 2], [1, 1], timestamps=[1, 2])
    with pytest.raises(InputError, match="nothing can be held out"):
        split_last(single)
    with pytest.raises(InputError, match="nothing can be held out"):
        split_random(single)
    assert split_random(single, per_user=False).test.nnz == 1
    same = Interactions.from_arrays([1, 2], [1, 1], timestamps=[5, 5])
    with pytest.raises(InputError, match="nothing would be left"):
        split_by_time(same)
    one = Interactions.from_arrays([1], [1])
    for per_user in (True, False):
        with pytest.raises(InputError):
            split_random(one, per_user=per_user)


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_by_time_the_past_is_before_the_future(seed, fraction):
    data = sample(seed % 5)
    train, test = split_by_time(data, test_fraction=fraction)
    check_parts(data, train, test)
    assert train.timestamps.max() < test.timestamps.min()
    at = int(test.timestamps.min())
    assert split_by_time(data, at).test.fingerprint() == test.fingerprint()
    # The share is met as closely as whole moments allow.
    counts = np.count_nonzero(data.timestamps == at)
    assert test.nnz - counts < data.nnz * fraction + 1


def test_by_time_from_a_moment_on():
    days = [dt.date(2024, 1, day) for day in (1, 2, 3)]
    data = Interactions.from_arrays([1, 2, 3], [1, 1, 1], timestamps=days)
    assert split_by_time(data, dt.date(2024, 1, 2)).test.nnz == 2
    moments = [dt.datetime(2024, 1, 1, hour) for hour in (1, 2, 3)]
    data = Interactions.from_arrays([1, 2, 3], [1, 1, 1], timestamps=moments)
    assert split_by_time(data, dt.datetime(2024, 1, 1, 3)).test.nnz == 1
    with pytest.raises(InputError, match="nothing can be held out"):
        split_by_time(data, dt.date(2024, 1, 2))
    with pytest.raises(InputError, match="nothing would be left"):
        split_by_time(data, dt.date(2024, 1, 1))
    for wrong in (5, "2024-01-01", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)):
        with pytest.raises(ParameterError, match="at="):
            split_by_time(data, wrong)


@given(st.integers(0, 2**32), st.integers(1, 30), st.floats(0.01, 0.99))
def test_held_out_users_are_known_partly_and_trained_on_not_at_all(seed, n_users, fraction):
    data = sample(3)
    split = split_users(data, n_users, test_fraction=fraction, seed=seed)
    train, fold_in, test = split
    check_parts(data, train, fold_in, test)
    trained, known, tested = (part.by_user.row_lengths() for part in split)
    held_out = tested > 0
    assert np.count_nonzero(held_out) == n_users
    assert np.array_equal(split.user_index, np.flatnonzero(held_out))
    assert split.user_index.dtype == np.int32
    assert np.array_equal(known > 0, held_out)
    assert np.array_equal(trained > 0, (data.by_user.row_lengths() > 0) & ~held_out)
    n = data.by_user.row_lengths()[held_out]
    wanted = np.clip(np.floor(n * fraction + 0.5), 1, n - 1)
    assert np.array_equal(tested[held_out], wanted)


def test_a_fraction_of_the_users():
    data = sample(3)
    assert len(split_users(data).user_index) == round(data.n_users * 0.1)
    assert len(split_users(data, fraction=0.5).user_index) == round(data.n_users * 0.5)
    one, other = split_users(data, seed=1), split_users(data, seed=1)
    assert one.test.fingerprint() == other.test.fingerprint()
    assert not np.array_equal(one.user_index, split_users(data, seed=2).user_index)


def test_too_few_users():
    data = Interactions.from_arrays([1, 1, 2, 2, 3], [1, 2, 1, 2, 1])
    assert split_users(data, 2).train.nnz == 1
    with pytest.raises(ParameterError, match="at most 2"):
        split_users(data, 3)
    for wrong in (0, -1, 1.0, True):
        with pytest.raises(ParameterError, match="n_users"):
            split_users(data, wrong)
    with pytest.raises(InputError, match="no user can be held out"):
        split_users(Interactions.from_arrays([1, 2], [1, 2]))
    with pytest.raises(InputError, match="no user can be held out"):
        split_users(Interactions.from_arrays([1, 1], [1, 2]))


def test_tables_may_be_split_as_they_are():
    train, test = split_random({"user": [1, 1, 1, 1], "item": [1, 2, 3, 4]}, 0.5)
    assert (train.nnz, test.nnz) == (2, 2)


@given(st.integers(0, 2**32), st.floats(0.05, 0.95), st.sampled_from(["all", "held_out"]))
def test_items_are_held_out_whole(seed, fraction, among):
    data = sample(4)
    split = split_items(data, fraction, seed=seed, among=among)
    check_parts(data, *split)
    tested = set(split.test.by_user.indices.tolist())
    assert not tested & set(split.train.by_user.indices.tolist())
    had = len(set(data.by_user.indices.tolist()))
    assert len(tested) == max(1, min(had - 1, int(had * fraction + 0.5)))
    if among == "all":
        assert split.candidates is None
    else:
        assert set(split.candidates.tolist()) == tested


def test_items_that_cannot_be_held_out():
    with pytest.raises(InputError, match="two"):
        split_items(Interactions.from_arrays([1, 2], [1, 1]))
    with pytest.raises(ParameterError, match="test_fraction"):
        split_items(sample(), 1.0)
    with pytest.raises(ParameterError, match="among"):
        split_items(sample(), 0.2, among="some")

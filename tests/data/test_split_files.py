"""Splits as files: the same again, whatever the ids, and nothing but what was saved."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse

import lmf
from lmf.data.interactions import Interactions
from lmf.data.split import Split, UserSplit
from lmf.errors import InputError

IDS = {
    "integers": [3, 1, 2, 7],
    "text": ["ann", "böb", "c\n,'\"", ""],
    "bytes": [b"a", b"b", b"\x00", b"d"],
    "uuid": [uuid.UUID(int=n) for n in (5, 4, 3, 2)],
    "dates": [dt.date(2020, 1, n) for n in (1, 2, 3, 4)],
}


def data_of(ids: list[object]) -> Interactions:
    users = [ids[n] for n in (0, 0, 0, 1, 1, 2, 2, 2)]
    items = [ids[n] for n in (0, 1, 2, 1, 3, 0, 2, 3)]
    return Interactions.from_arrays(users, items, np.arange(8.0), np.arange(100, 108))


def same(one: Split | UserSplit, other: Split | UserSplit) -> None:
    assert type(one) is type(other)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.fingerprint() == theirs.fingerprint()
        assert mine.columns == theirs.columns
        assert mine.timestamp_dtype == theirs.timestamp_dtype
    for name in ("method", "seed", "metrics"):
        assert getattr(one, name) == getattr(other, name)
    among = [None if (c := getattr(s, "candidates", None)) is None else c.tolist()
             for s in (one, other)]  # fmt: skip
    assert among[0] == among[1]


@pytest.mark.parametrize("kind", IDS)
def test_every_kind_of_split_with_ids_of_every_type(kind: str, tmp_path: Path) -> None:
    data = data_of(IDS[kind])
    splits = [
        lmf.split_random(data, 0.4, seed=3),
        lmf.split_last(data),
        lmf.split_by_time(data),
        lmf.split_users(data, 1),
        lmf.split_items(data, 0.5, among="held_out"),
        *lmf.split_folds(data, 2),
        lmf.protocols.ncf(data, 1),
    ]
    for number, split in enumerate(splits):
        split.save(tmp_path / f"{number}")
        again = lmf.load_split(tmp_path / f"{number}")
        same(split, again)
        assert again.train.users.tolist() == data.users.tolist()
    assert again.sampled.indices.tolist() == splits[-1].sampled.indices.tolist()
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_rows_of_a_matrix_times_of_every_type_and_columns(tmp_path: Path) -> None:
    matrix = scipy.sparse.csr_array(np.eye(6) + np.eye(6, k=1))
    frame = pl.DataFrame({"who": [1, 1, 2], "value": ["a", "b", "a"], "user": [1.0, 2.0, 3.0]})
    for number, data in enumerate([
        Interactions.of(matrix),
        Interactions.of(frame, user="who", item="value", value="user"),
        Interactions.of(frame.with_columns(day=pl.date(2020, 1, 1)), user="who", item="value",
                        value=False, timestamp="day"),
        Interactions.of(frame.with_columns(at=pl.datetime(2020, 1, 1, time_zone="UTC")),
                        user="who", item="value", value=False, timestamp="at"),
    ]):  # fmt: skip
        split = lmf.split_random(data, 0.5)
        split.save(tmp_path / str(number))
        same(split, lmf.load_split(tmp_path / str(number)))


def test_a_loaded_split_measures_the_same(film_data: Interactions, tmp_path: Path) -> None:
    split = lmf.split_random(film_data, 0.3)
    split.save(tmp_path / "half")
    model = lmf.WeightedMF(n_factors=3, epochs=3).fit(split.train)
    again = lmf.load_split(tmp_path / "half")
    assert lmf.evaluate(model, again).to_json() == lmf.evaluate(model, split).to_json()


def test_a_split_replaces_a_split_and_nothing_else(tmp_path: Path) -> None:
    data = data_of(IDS["text"])
    first, second = lmf.split_random(data, 0.4, seed=0), lmf.split_last(data)
    first.save(tmp_path / "x")
    second.save(tmp_path / "x")
    same(second, lmf.load_split(tmp_path / "x"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is no split"):
        first.save(tmp_path / "mine")
    (tmp_path / "file").write_text("dear")
    with pytest.raises(InputError, match="is no split"):
        first.save(tmp_path / "file")
    with pytest.raises(InputError, match="no directory"):
        first.save(tmp_path / "no" / "x")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "mine", "x"]


def test_leaks_are_refused(tmp_path: Path) -> None:
    data = data_of(IDS["integers"])
    some = data.keep(np.arange(8) < 5)
    with pytest.raises(InputError, match="5 interactions are in both train and test"):
        Split(data, some, "wrong").save(tmp_path / "x")
    with pytest.raises(InputError, match="different ids"):
        Split(some, data_of(IDS["dates"]), "wrong").checked()
    one, two, three = (data.keep(np.arange(8) == at) for at in range(3))
    with pytest.raises(InputError, match="held-out users are in train"):
        UserSplit(one, two, three, "all of one user").checked()
    assert not list(tmp_path.iterdir())


def test_what_somebody_changed_is_refused(tmp_path: Path) -> None:
    split, folder = lmf.split_random(data_of(IDS["text"]), 0.4), tmp_path / "x"

    def refused(told: str) -> None:
        with pytest.raises(InputError, match=told):
            lmf.load_split(folder)
        split.save(folder)

    refused("no folder with a split")
    train = pl.read_parquet(folder / "train.parquet")
    train.with_columns(value=pl.lit(3.0, pl.Float32)).write_parquet(folder / "train.parquet")
    refused("changed since")
    train.head(2).write_parquet(folder / "train.parquet")
    refused("changed since")
    train.with_columns(user=pl.lit("stranger")).write_parquet(folder / "train.parquet")
    refused("ids that the split does not have")
    train.reverse().write_parquet(folder / "train.parquet")
    refused("not in order")
    train.drop("item").write_parquet(folder / "train.parquet")
    refused("no whole split")
    (folder / "test.parquet").unlink()
    refused("no whole split")
    (folder / "users.parquet").write_bytes(b"PAR1 nonsense")
    refused("no whole split")
    for wrong in ("", "[]", "{}", '{"format": "lmf split", "version": 9}'):
        (folder / "split.json").write_text(wrong)
        refused("no whole split|format version")
    told = json.loads((folder / "split.json").read_text())
    (folder / "split.json").write_text(json.dumps(told | {"kind": "os.system"}))
    refused("no whole split")

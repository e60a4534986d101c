"""Model files: the same bits back, and nothing believed that the file only claims."""

from __future__ import annotations

import datetime as dt
import gc
import json
import resource
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

import lmf
from lmf.data.vocabulary import Vocabulary
from lmf.errors import ModelFileError, NotFittedError
from lmf.models.load import load
from lmf.state import ModelState
from lmf.store import describe, read, save
from tests.store.strategies import states

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def assert_same(found: ModelState, wanted: ModelState) -> None:
    assert (found.name, found.params, found.extra) == (wanted.name, wanted.params, wanted.extra)
    for side in ("users", "items"):
        ours, theirs = getattr(found, side), getattr(wanted, side)
        assert ours == theirs
        assert ours.dtype == theirs.dtype
        assert ours.tolist() == theirs.tolist()
    assert found.arrays.keys() == wanted.arrays.keys()
    for name, array in wanted.arrays.items():
        assert found.arrays[name].dtype == array.dtype, name
        assert found.arrays[name].shape == array.shape, name
        assert found.arrays[name].tobytes() == array.tobytes(), name


@QUICK
@given(state=states())
def test_every_bit_comes_back(tmp_path_factory: pytest.TempPathFactory, state: ModelState) -> None:
    path = tmp_path_factory.mktemp("files") / "model.lmf"
    save(state, path)
    assert_same(read(path), state)
    assert_same(load(path).state(), state_as_loaded(state))
    again = path.with_name("again.lmf")
    save(read(path), again)
    assert again.read_bytes() == path.read_bytes()


def state_as_loaded(state: ModelState) -> ModelState:
    """A loaded model has all parameters, also those that the file did not name."""
    params = {**lmf.Model.registry[state.name]().get_params(), **state.params}
    return ModelState(state.name, params, state.users, state.items, state.arrays, state.extra)


IDS: dict[str, list[Any]] = {
    "int": [3, 1, 2**62],
    "str": ["zoe", "ann", "ünï\n,"],
    "uuid": [uuid.UUID(int=k) for k in (5, 1, 9)],
    "date": [dt.date(2026, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)],
}


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize("model", [lmf.WeightedMF(n_factors=3, epochs=4), lmf.Popularity()])
def test_a_loaded_model_answers_as_the_saved_one(
    tmp_path: Path, kind: str, model: lmf.Model
) -> None:
    ids = IDS[kind]
    data = {"user": ids + ids[:2], "item": [*ids[::-1], ids[0], ids[0]]}
    path = tmp_path / "model.lmf"
    model.fit(data).save(path)
    loaded = lmf.load(path)
    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)
    for question in ({"users": ids, "unknown": "popular"}, {"history": [ids[0]]}, {}):
        answer = loaded.recommend(**question).to_dict(as_series=False)
        assert answer == model.recommend(**question).to_dict(as_series=False)
        assert set(answer["item"]) <= set(ids)
    assert list(loaded.history_) == list(model.history_)
    assert loaded.state().extra == model.state().extra


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "duckdb"])
def test_answers_come_in_the_frames_of_the_training(tmp_path: Path, library: str) -> None:
    pytest.importorskip(library)
    frame = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "x"]})
    native = lmf.Interactions.of(frame).to_frame(library)
    lmf.Popularity().fit(native).save(tmp_path / "model.lmf")
    answer = lmf.load(tmp_path / "model.lmf").recommend("b")
    assert type(answer).__module__.partition(".")[0].lstrip("_").startswith(library[:6])


def test_a_model_that_is_not_fitted_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        lmf.WeightedMF().save(tmp_path / "model.lmf")
    assert not list(tmp_path.iterdir())


def test_a_description_needs_the_header_only(path: Path, state: ModelState) -> None:
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    path.write_bytes(whole[:header] + bytes(len(whole) - header))  # the arrays wiped out
    found = describe(path)
    assert (found.model, found.params) == ("weighted", state.params)
    assert (found.n_users, found.n_items) == (3, 3)
    assert (found.user_ids, found.item_ids) == ("text", "integers")
    assert found.arrays["user_factors"] == ("float32", (3, 2))
    assert found.n_bytes == len(whole)
    with pytest.raises(ModelFileError, match="does not match its checksum"):
        read(path)


def test_the_file_is_safetensors_for_everybody(path: Path, state: ModelState) -> None:
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata()["format"] == "lmf"
        assert json.loads(file.metadata()["document"])["model"] == "weighted"
        assert (file.get_tensor("item_factors") == state.arrays["item_factors"]).all()


def test_a_long_history_fits(tmp_path: Path, state: ModelState) -> None:
    epoch = {"objective": 0.1234567890123, "relative_change": 0.1, "seconds": 1.5}
    state.extra["history"]["records"] = [{"epoch": k, **epoch} for k in range(30_000)]
    save(state, tmp_path / "model.lmf")
    history = load(tmp_path / "model.lmf").history_
    assert len(history) == 20_000, "the last ones are kept"
    assert history[-1].epoch == 29_999


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_saved(tmp_path: Path, state: ModelState, bad: float) -> None:
    state.arrays["item_factors"] = state.arrays["item_factors"].copy()
    state.arrays["item_factors"][1, 1] = bad
    with pytest.raises(ModelFileError, match=r"'item_factors' has values that are not finite"):
        save(state, tmp_path / "model.lmf")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.params.update(alpha=object()), "not JSON"),
        (lambda s: s.extra.update(offset=float("nan")), "not JSON"),
        (lambda s: s.arrays.update(x=np.zeros(2, "M8[s]")), "cannot be stored"),
        (lambda s: s.arrays.update({"users.ids": np.zeros(2)}), "the store's own"),
    ],
)
def test_what_cannot_be_saved_leaves_the_old_file(
    path: Path, state: ModelState, change: Callable[[ModelState], None], words: str
) -> None:
    before = path.read_bytes()
    change(state)
    with pytest.raises(ModelFileError, match=words) as caught:
        save(state, path)
    assert caught.value.path == path
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["model.lmf"]


def test_where_nothing_can_be_saved(tmp_path: Path, state: ModelState) -> None:
    for place, words in [
        (tmp_path, "is a directory"),
        (tmp_path / "none" / "model.lmf", "No such file or directory"),
        (Path("/dev/null"), "not a regular file"),
        (tmp_path / "a\0b", "null"),
        (tmp_path / ("x" * 300), "too long"),
    ]:
        with pytest.raises(ModelFileError, match=words):
            save(state, place)


def test_saving_keeps_what_others_may_do(path: Path, state: ModelState) -> None:
    path.chmod(0o640)
    save(state, str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_every_single_byte_changed_is_noticed(path: Path, state: ModelState) -> None:
    """All bytes of the header's numbers and every tenth of the rest: refused, or the same model."""
    whole = path.read_bytes()
    for place in [*range(64), *range(64, len(whole), 10)]:
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(bytes(content))
        try:
            found = load(path).state()
        except ModelFileError:
            continue
        assert_same(found, state)


def test_loading_runs_and_imports_nothing(path: Path) -> None:
    """Under an audit hook: no import, exec, compile, subprocess or socket while a model loads."""
    code = f"""
import sys, lmf
lmf.load({str(path)!r})
seen = []
watched = ("import", "exec", "compile", "subprocess", "os.system", "socket", "pickle", "ctypes")
def hook(event, arguments):
    if event.startswith(watched):
        seen.append((event, arguments[:1]))
sys.addaudithook(hook)
lmf.load({str(path)!r})
print(seen)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_descriptors_stay_flat(path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    broken = path.with_name("broken.lmf")
    broken.write_bytes(path.read_bytes()[:-1])
    for _ in range(20):
        load(path)
        with pytest.raises(ModelFileError):
            load(broken)
        with pytest.raises(ModelFileError):
            load(path.parent)
    gc.collect()
    assert descriptors() == before


def test_loading_takes_the_size_of_the_file_and_little_more(tmp_path: Path) -> None:
    """The peak of a fresh process, against one that loads a small model."""
    n, d, path = 100_000, 256, tmp_path / "model.lmf"
    users = Vocabulary(pl.Series("ids", [f"user {k:07d}" for k in range(n)]))
    random = np.random.default_rng(0)
    arrays = {
        "user_factors": random.random((n, d), np.float32),
        "item_factors": random.random((1, d), np.float32),
        "seen_indptr": np.arange(n + 1),
        "seen_indices": np.zeros(n, np.int32),
    }
    small = lmf.WeightedMF(n_factors=2).fit({"user": ["a"], "item": ["b"]})
    small.save(tmp_path / "small.lmf")
    params = {**small.get_params(), "n_factors": d}
    extra = small.state().extra
    save(ModelState("weighted", params, users, Vocabulary(["x"]), arrays, extra), path)
    code = "import sys, resource, lmf; lmf.load(sys.argv[1]); "
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"

    def peak(of: Path) -> int:
        done = subprocess.run(
            [sys.executable, "-c", code, str(of)], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert peak(path) - peak(tmp_path / "small.lmf") < path.stat().st_size + 64 * 2**20
    assert resource.getpagesize()

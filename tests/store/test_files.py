"""Model files: the same bits back, and nothing believed that the file only claims."""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
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
from lmf.errors import ModelFileError, NotFittedError
from lmf.state import ModelState
from lmf.store import describe, load, read, save
from lmf.vocabulary import Vocabulary
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
    return ModelState(
        state.name, params, state.users, state.items, state.arrays, state.extra
    )


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


@pytest.fixture
def state() -> ModelState:
    data = {"user": ["ann", "ann", "bob", "zoe"], "item": [7, 9, 7, 12], "rating": [1, 5, 2, 3]}
    return lmf.WeightedMF(n_factors=2, epochs=3).fit(data).state()


@pytest.fixture
def path(tmp_path: Path, state: ModelState) -> Path:
    save(state, tmp_path / "model.lmf")
    return tmp_path / "model.lmf"


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


# ---- what a file only claims -------------------------------------------------------------------


def change_document(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the document of a file and make its checksum right again."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    document = json.loads(header["__metadata__"]["document"])
    change(document)
    text = json.dumps(document)
    header["__metadata__"].update(
        document=text, sha256=hashlib.sha256(text.encode()).hexdigest()
    )
    new = json.dumps(header).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :])


def at(*place: Any) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    """A change that puts a value at a place of the document."""

    def put(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(document: dict[str, Any]) -> None:
            inner: Any = document
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value

        return change

    return put


CLAIMS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a model nobody knows": (at("model")("os.system"), "'os.system' is no model of this lmf"),
    "a model of no text": (at("model")(3), "'model' is missing"),
    "the base of all models": (at("model")("Model"), "no model"),
    "parameters a list": (at("params")([1]), "'params' is missing"),
    "a parameter too many": (at("params", "evil")(1), "no parameter 'evil'"),
    "a parameter self": (at("params", "self")(1), "no parameter 'self'"),
    "a parameter a list": (at("params", "alpha")([1]), "no single value"),
    "a parameter out of range": (at("params", "unobserved_weight")(-1), "unobserved_weight"),
    "a parameter of text": (at("params", "regularization")("x"), "regularization"),
    "no extra": (lambda d: d.pop("extra") and None, "'extra' is missing"),
    "no offset": (lambda d: d["extra"].pop("offset") and None, "offset is missing"),
    "an offset of text": (at("extra", "offset")("0"), "offset is missing or impossible"),
    "an offset of truth": (at("extra", "offset")(True), "offset is missing or impossible"),
    "an offset beyond floats": (at("extra", "offset")(10**400), "offset"),
    "columns missing": (at("extra", "columns")(["a", "b"]), "columns is missing"),
    "columns of numbers": (at("extra", "columns")([1, 2, None, None]), "columns"),
    "a column of a megabyte": (at("extra", "columns")(["x" * 2000, "b", None, None]), "columns"),
    "a frame type a list": (at("extra", "frame_type")(["polars"]), "frame type"),
    "a fingerprint a number": (at("extra", "data_fingerprint")(3), "data fingerprint"),
    "history a list": (at("extra", "history")([]), "history"),
    "history with more": (at("extra", "history", "more")(1), "history"),
    "history stopped by a list": (at("extra", "history", "stopped")([]), "history"),
    "no users": (at("users")(None), "no description of the users"),
    "users of no kind": (at("users", "kind")("pickle"), "no kind of ids"),
    "users of kind uuid": (at("users", "kind")("uuid"), "lower-case text"),
    "users a range": (at("users", "kind")("range"), "users"),
    "users of another type": (at("users", "type")("Int64"), "'users.ids' is uint8"),
    "users of an unknown type": (at("users", "type")("Object"), "unknown type 'Object'"),
    "users of a type a list": (at("users", "type")(["String"]), "type of the users is missing"),
    "users wide": (at("users", "type")("Int128"), "ids of the users are not valid"),
    "users as times of no unit": (at("users", "type")("Datetime"), "unknown type"),
    "more users": (at("users", "n")(4), "'users.offsets' is int64 of shape"),
    "minus one user": (at("users", "n")(-1), "incomplete"),
    "true users": (at("users", "n")(True), "incomplete"),
    "many users": (at("users", "n")(2**62), "'users.offsets'"),
    "items as dates": (at("items", "type")("Date"), "'items.ids' is int64"),
    "items as a range": (at("items", "kind")("range"), "'items.ids' is int64 of shape"),
    "items in an evil time zone": (
        at("items")({"kind": "plain", "n": 3, "type": "Datetime", "unit": "us",
                     "zone": "../../etc/passwd"}),
        "impossible time zone",
    ),
    "items in an unknown time zone": (
        at("items")({"kind": "plain", "n": 3, "type": "Datetime", "unit": "us",
                     "zone": "Mars/Olympus"}),
        "ids of the items are not valid",
    ),
    "items of a unit a list": (
        at("items")({"kind": "plain", "n": 3, "type": "Datetime", "unit": ["us"]}),
        "unknown type",
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
def test_false_claims_are_refused(path: Path, claim: str) -> None:
    change, words = CLAIMS[claim]
    change_document(path, change)
    with pytest.raises(ModelFileError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


I32, I64, F32 = np.int32, np.int64, np.float32

ARRAYS: dict[str, tuple[str, Any, str]] = {
    "no factors": ("user_factors", None, "user_factors"),
    "factors of another type": ("user_factors", np.zeros((3, 2)), "float64, expected float32"),
    "factors of another width": ("user_factors", np.zeros((3, 3), F32), "item_factors"),
    "factors of one dimension": ("user_factors", np.zeros(6, F32), "shape"),
    "factors of no dimension": ("user_factors", np.zeros((), F32), "shape"),
    "too few factors": ("user_factors", np.zeros((2, 2), F32), "shape"),
    "a bias too long": ("item_bias", np.zeros(4, F32), "item_bias"),
    "no rows": ("seen_indptr", None, "seen_indptr"),
    "empty rows": ("seen_indptr", np.zeros(0, I64), "indptr"),
    "rows of another type": ("seen_indptr", np.zeros(4, I32), "expected int64"),
    "rows that start late": ("seen_indptr", np.array([1, 2, 3, 4]), "start at 0"),
    "rows that fall": ("seen_indptr", np.array([0, 3, 2, 4]), "indptr falls"),
    "rows before the first": ("seen_indptr", np.array([0, -1, 2, 4]), "indptr falls"),
    "rows beyond the last": ("seen_indptr", np.array([0, 2, 3, 5]), "ends at 5"),
    "a row too few": ("seen_indptr", np.array([0, 2, 4]), "one row a user"),
    "a column too far": ("seen_indices", np.array([0, 1, 0, 3], I32), "out of range"),
    "a column before the first": ("seen_indices", np.array([-1, 1, 0, 2], I32), "out of range"),
    "columns that fall": ("seen_indices", np.array([1, 0, 0, 2], I32), "not sorted"),
    "a column twice": ("seen_indices", np.array([1, 1, 0, 2], I32), "twice"),
    "users that fall": ("users.ids", np.frombuffer(b"zoebobann", np.uint8), "rise"),
    "a user twice": ("users.ids", np.frombuffer(b"annannzoe", np.uint8), "rise"),
    "users of no text": ("users.ids", np.frombuffer(b"ann\xff\xfe\xfdzoe", np.uint8), "utf-?8"),
    "a user cut in a letter": ("users.ids", np.frombuffer("aaüüaaa".encode(), np.uint8), "utf-?8"),
    "offsets that fall": ("users.offsets", np.array([0, 6, 3, 9]), "offsets of the users"),
    "offsets before": ("users.offsets", np.array([0, -3, 6, 9]), "offsets of the users"),
    "offsets from 1": ("users.offsets", np.array([1, 3, 6, 9]), "offsets of the users"),
    "offsets beyond": ("users.offsets", np.array([0, 3, 6, 10]), "offsets of the users"),
    "offsets that overflow": (
        "users.offsets", np.array([0, 2**63 - 1, -(2**63), 9]), "offsets of the users",
    ),
    "items that fall": ("items.ids", np.array([12, 9, 7]), "rise"),
    "an item twice": ("items.ids", np.array([7, 7, 9]), "rise"),
    "history of words": ("history.epoch", np.zeros(3, np.uint8), "history"),
    "a history too short": ("history.epoch", np.zeros(2, I64), "history"),
    "a history of a column too many": ("history.evil", np.zeros(3), "evil"),
    "a history without objective": ("history.objective", None, "history"),
    "a history of squares": ("history.epoch", np.zeros((3, 3), I64), "history"),
    "an objective of nothing": ("history.objective", np.full(3, np.nan), "history"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ARRAYS)
def test_arrays_that_make_no_model_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    """As somebody would make them who can compute checksums too."""
    from lmf.store import files

    name, array, words = ARRAYS[attack]
    real = files._packable

    def with_changed_array(state: ModelState) -> Any:
        arrays, document = real(state)
        if array is None:
            del arrays[name]
        else:
            arrays[name] = array
        return arrays, document

    state = read(path)
    with monkeypatch.context() as patch:
        patch.setattr(files, "_packable", with_changed_array)
        save(state, path)
    with pytest.raises(ModelFileError, match=f"(?i){words}") as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: damaged")


@pytest.mark.parametrize("side", ["users", "items"])
def test_billions_of_ids_in_no_bytes_are_refused(
    tmp_path: Path, state: ModelState, side: str
) -> None:
    empty = {"users": Vocabulary.range(0), "items": Vocabulary.range(0)}
    vocabularies = {**empty, side: Vocabulary.range(2**31 - 1)}
    arrays = {
        "user_factors": np.zeros((len(vocabularies["users"]), 0), np.float32),
        "item_factors": np.zeros((len(vocabularies["items"]), 0), np.float32),
        "seen_indptr": np.zeros(1, np.int64),
        "seen_indices": np.zeros(0, np.int32),
    }
    save(
        ModelState("popularity", {}, **vocabularies, arrays=arrays, extra=state.extra),
        tmp_path / "model.lmf",
    )
    with pytest.raises(ModelFileError, match="2,147,483,647"):
        load(tmp_path / "model.lmf")


def test_every_single_byte_changed_is_noticed(path: Path, state: ModelState) -> None:
    """All bytes of the header's numbers and every tenth of the rest: refused, or the same model."""
    whole = path.read_bytes()
    for place in [*range(0, 64), *range(64, len(whole), 10)]:
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

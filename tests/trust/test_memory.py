"""Memory: what docs/memory.md says a fit and its answers take at most, and that nothing leaks.

LMF_TRUST=full measures on ML-1M (where it is) and on power-law sets of one and ten million
interactions, and lets the soak run for an hour; LMF_TRUST=short lets it run for a minute.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from benchmarks.trust.record import record
from tests.conftest import RunPython
from tests.trust.form import FULL, amount

pytestmark = pytest.mark.trust

SETS = amount((("powerlaw-s", 64),), (("powerlaw-s", 64), ("ml-1m", 256), ("powerlaw-m", 64)))
SOAK = 3600 if FULL else 60 if os.environ.get("LMF_TRUST") == "short" else 8
THREADS, TOGETHER, N = 2, 50_000, 10
MB = 2**20

# What is there before, and the peak above it of a fit and of lists for everybody.
PEAK = """
import ctypes, json, re
from pathlib import Path
import numpy as np, lmf
from benchmarks.data import SETS
def told(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
matrix = SETS[{name!r}]()
users = np.repeat(np.arange(matrix.n_users), np.diff(matrix.indptr))
values = {values} and (1 + (users + matrix.indices) % 5).astype(np.float32)
data = lmf.Interactions.from_arrays(users, matrix.indices, *([] if values is False else [values]))
if {features}:  # eight words an item, of three thousand, some more often than others
    words = (3000 * np.random.default_rng(0).random((data.n_items, 8)) ** 2).astype(int)
    titles = [" ".join(f"w{{one}}" for one in row) for row in words]
    data = data.with_item_features({{"item": data.items.tolist(), "title": titles}})
    del words, titles
del matrix, users, values
data.fingerprint()
lmf.WeightedMF(2, epochs=1).fit({{"user": [1, 2], "item": [1, 1]}}).recommend(1, exclude_seen=False)
ctypes.CDLL(None).malloc_trim(0)  # what was freed and kept would hide what a fit takes
Path("/proc/self/clear_refs").write_text("5")
before = told("VmRSS")
model = {model}
model.fit(data, progress=False)
fit = told("VmHWM") - before
ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")
before = told("VmRSS")
n = 0
for start in range(0, data.n_users, {together}):
    items, _ = model.recommend_indices(
        np.arange(start, min(data.n_users, start + {together})), {n}, n_threads={threads})
    n += len(items)
assert n == data.n_users
print(json.dumps({{
    "fit": fit, "recommend": told("VmHWM") - before, "users": data.n_users, "items": data.n_items,
    "terms": data.item_features.n_features if {features} else 0,
    "features": data.item_features.rows.nnz if {features} else 0,
    "entries": data.nnz, "epochs": len(model.history_), "width": model.factors_.n_factors,
}}))
"""


@dataclass(frozen=True)
class Fit:
    """A model and what its fit takes: so many times R, F, I, P and Q, and W (docs/memory.md).

    Attributes
    ----------
    code : str
        The model; {d} and {t} stand for its factors and threads.
    values : bool
        Whether it is given ratings.
    takes : dict
        How often each of R, F, I, P and Q.
    features : bool
        Whether it is told what the items are.
    """

    code: str
    values: bool
    takes: dict[str, float]
    features: bool = False

    def limit(self, told: dict[str, int], d: int) -> float:
        """Bytes, by the formulas of the page."""
        m, n = told["users"], told["items"]
        least = min(n, told["terms"] if self.features else m)
        sizes = {
            "R": told["entries"] * (8 if self.values else 4) + 8 * (m + n),
            "F": 4 * d * (m + n),
            "I": 4 * d * n,
            "P": 8 * (told["features"] + n + told["terms"]),
            "Q": 4 * least * columns(d, least, told["epochs"]),
        }
        taken = sum(times * sizes[name] for name, times in self.takes.items())
        return taken + (40 + 8 * THREADS) * MB + 8 * (6 + THREADS) * d * d

    def formula(self) -> str:
        """As the page has it."""
        parts = [f"{times:g} {name}".removeprefix("1 ") for name, times in self.takes.items()]
        return " + ".join([*parts, "W"])


def columns(d: int, n: int, epochs: int) -> int:
    """How many columns the search space of an SVD has after so many epochs."""
    width = 4 * (d + 32)
    for _ in range(epochs - 1):
        width += max(32, d // 2, width // 8)
    return min(n, width + 32)


FITS = {
    "WeightedMF": Fit(
        "lmf.WeightedMF({d}, epochs=2, relaxation=1.5, n_threads={t})", False, {"R": 1, "F": 2}
    ),
    "WeightedMF(alpha=...)": Fit(
        "lmf.WeightedMF({d}, alpha=1.5, popularity_exponent=0.5, epochs=2, n_threads={t})", True,
        {"R": 1, "F": 2},
    ),
    'BiasedMF(solver="als")': Fit(
        "lmf.BiasedMF({d}, epochs=2, n_threads={t})", True, {"R": 1, "F": 2}
    ),
    "SVDPlusPlus": Fit(
        "lmf.SVDPlusPlus({d}, epochs=2, n_threads={t})", True, {"R": 1, "F": 2, "I": 6}
    ),
    "NMF": Fit("lmf.NMF({d}, epochs=2, n_threads={t})", True, {"R": 1, "F": 2}),
    "NMF(unobserved_weight=1)": Fit(
        "lmf.NMF({d}, unobserved_weight=1, epochs=2, n_threads={t})", False,
        {"R": 1, "F": 2, "I": 2, "Q": 2},
    ),
    "PureSVD": Fit("lmf.PureSVD({d}, n_threads={t})", False, {"R": 1, "F": 2, "Q": 2}),
    "PureSVD(center=...)": Fit(
        "lmf.PureSVD({d}, center='user', n_threads={t})", True, {"R": 2, "F": 2, "Q": 2}
    ),
    'BiasedMF(solver="sgd")': Fit(
        "lmf.BiasedMF({d}, solver='sgd', epochs=2, n_threads={t})", True, {"R": 2, "F": 2}
    ),
    'BiasedMF(solver="adagrad")': Fit(
        "lmf.BiasedMF({d}, solver='adagrad', epochs=2, n_threads={t})", True, {"R": 2, "F": 2}
    ),
    'BiasedMF(solver="adam")': Fit(
        "lmf.BiasedMF({d}, solver='adam', epochs=2, n_threads={t})", True, {"R": 2, "F": 4}
    ),
    "BayesianMF": Fit(
        "lmf.BayesianMF({d}, samples=3, burn_in=1, n_threads={t})", True,
        {"R": 2, "F": 3 + 3, "I": 3},
    ),
    "BiasOnly": Fit("lmf.BiasOnly(n_threads={t})", True, {"R": 1}),
    "Popularity": Fit("lmf.Popularity()", False, {}),
    "ContentBased": Fit(
        "lmf.ContentBased({d}, center='user', n_threads={t})", True,
        {"R": 4, "F": 2, "P": 1, "Q": 2}, features=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize(("data", "d"), SETS)
def test_peaks_are_within_what_the_page_says(
    run_python: RunPython, data: str, d: int, name: str
) -> None:
    if data == "ml-1m":
        folder = Path(os.environ.get("LMF_DATA") or Path(__file__).parents[3] / "shared" / "data")
        if not (folder / "ml-1m").exists():
            pytest.skip("no ML-1M: LMF_DATA says where it is")
    fit = FITS[name]
    program = PEAK.format(
        name=data, threads=THREADS, values=fit.values, features=fit.features,
        model=fit.code.format(d=d, t=THREADS), together=TOGETHER, n=N,
    )  # fmt: skip
    told = json.loads(run_python(program, timeout=900))
    limit = fit.limit(told, d)
    lists = 4 * told["width"] * (told["items"] + TOGETHER) + 24 * N * TOGETHER + 16 * MB * THREADS
    record("memory", {name: {f"{data}, d = {d}": {
        "fit_mb": round(told["fit"] / MB), "limit_mb": round(limit / MB),
        "recommend_mb": round(told["recommend"] / MB), "recommend_limit_mb": round(lists / MB),
    }}})  # fmt: skip
    assert told["fit"] <= limit, told
    assert told["recommend"] <= lists, told


def test_the_page_states_what_is_measured() -> None:
    page = (Path(__file__).parents[2] / "docs" / "memory.md").read_text()
    for name, fit in FITS.items():
        wanted = fit.formula().replace("6 F", "(3 + K) F").replace("3 I", "K I")
        assert f"| `{name}` | {wanted} |" in page


# Writes lists for everybody to a file, and prints the peak above what one user's list leaves.
STREAM = """
import ctypes, re, sys
from pathlib import Path
import numpy as np, lmf
from benchmarks.data import SETS
from lmf.cli import main
def told(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
matrix = SETS[{name!r}]()
users = np.repeat(np.arange(matrix.n_users), np.diff(matrix.indptr))
lmf.WeightedMF({d}, epochs=1).fit(
    lmf.Interactions.from_arrays(users, matrix.indices), progress=False).save({model!r})
del matrix, users
main(["recommend", {model!r}, "--user", "1", "-o", {answer!r}])
ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")
before = told("VmRSS")
main(["recommend", {model!r}, "--all-users", "-n", "{n}", "-o", {answer!r}])
print(told("VmHWM") - before)
"""
STREAMED = amount((("powerlaw-s", 200),), (("powerlaw-s", 200), ("powerlaw-m", 10)))
STREAMS = 128 * MB


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize(("data", "n"), STREAMED)
def test_lists_for_everybody_are_written_piece_by_piece(
    run_python: RunPython, tmp_path: Path, data: str, n: int, form: str
) -> None:
    model, answer = tmp_path / "model.lmf", tmp_path / f"answer.{form}"
    program = STREAM.format(name=data, d=64, n=n, model=str(model), answer=str(answer))
    peak = int(run_python(program, timeout=900).split()[-1])
    rows = pl.scan_parquet(answer) if form == "parquet" else None
    assert rows is None or rows.select(pl.len()).collect().item() > 1_000_000
    assert answer.stat().st_size > 5_000_000
    limit = model.stat().st_size + STREAMS
    record("memory", {"lmf recommend --all-users": {f"{data}, {form}": {
        "recommend_mb": round(peak / MB), "recommend_limit_mb": round(limit / MB),
    }}})  # fmt: skip
    assert peak <= limit


# Prints resident bytes and open descriptors, a line every half second.
SOAKER = """
import gc, os, sys, tempfile, time
from pathlib import Path
import lmf
from tests.trust.problems import MODELS, fresh, small_data
page = os.sysconf("SC_PAGE_SIZE")
data, folder = small_data(), Path(tempfile.mkdtemp())
pairs = (data.users.ids(data.by_user.row_index()[:500]), data.items.ids(data.by_user.indices[:500]))
end, shown, turn = time.monotonic() + {seconds}, 0.0, 0
names = list(MODELS)
while time.monotonic() < end:
    name = names[turn % len(names)]
    model = fresh(name, n_threads=2).fit(data, checkpoint=folder / "fit")
    (folder / "fit").unlink(missing_ok=True)
    model.save(folder / "model.lmf")
    model = lmf.load(folder / "model.lmf")
    model.recommend(n=5)
    model.recommend(history=data.items.ids(data.by_user.indices[:4]).to_list())
    model.predict(pairs)
    turn += 1
    if time.monotonic() - shown > 0.5 and turn >= 2 * len(names):
        gc.collect()
        shown = time.monotonic()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * page
        print(shown, resident, len(os.listdir("/proc/self/fd")), flush=True)
print("turns", turn)
"""


def test_nothing_leaks(run_python: RunPython) -> None:
    """A straight line through the second half: its slope in ten minutes."""
    lines = run_python(SOAKER.format(seconds=SOAK), timeout=SOAK + 300).splitlines()
    turns = int(lines.pop().split()[1])
    seen = [tuple(float(word) for word in line.split()) for line in lines]
    half = seen[len(seen) // 2 :]
    if len(half) < 8:
        pytest.skip("the machine is too busy for a soak this short")
    times, sizes, files = zip(*half, strict=True)
    middle = sum(times) / len(times)
    slope = sum((t - middle) * s for t, s in zip(times, sizes, strict=True))
    slope /= sum((t - middle) ** 2 for t in times)
    growth = slope * 600 / 2**20
    record("soak", {
        "seconds": SOAK, "turns": turns, "mb_in_10_min": round(growth, 3),
        "rss_mb": [round(min(sizes) / 2**20, 1), round(max(sizes) / 2**20, 1)],
        "descriptors": [int(min(files)), int(max(files))],
    })  # fmt: skip
    assert min(files) == max(files), "descriptors are left open"
    if FULL:
        assert growth < 1.0
    else:  # a slope from seconds is noise: nothing may grow by more than caches settle
        assert max(sizes) - min(sizes) < 24 * 2**20

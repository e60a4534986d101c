"""Memory: what docs/memory.md says a fit and its answers take at most, and that nothing leaks.

LMF_TRUST=full measures on ML-1M (where it is) and on a power-law set of ten million interactions,
and lets the soak run for an hour; LMF_TRUST=short lets it run for a minute.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.trust.record import record
from tests.conftest import RunPython
from tests.trust.form import FULL, amount

pytestmark = pytest.mark.trust

SETS = amount(("powerlaw-s",), ("powerlaw-s", "ml-1m", "powerlaw-m"))
SOAK = 3600 if FULL else 60 if os.environ.get("LMF_TRUST") == "short" else 8
D, THREADS = 64, 2

# Prints the bytes of R and F (docs/memory.md) and the peak above what was there before.
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
del matrix, users, values
data.fingerprint()
rows = data.by_user
R = rows.indices.nbytes + rows.indptr.nbytes + (0 if rows.values is None else rows.values.nbytes)
F = 4 * {d} * (data.n_users + data.n_items)
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
for start in range(0, data.n_users, 50_000):
    items, _ = model.recommend_indices(np.arange(start, min(data.n_users, start + 50_000)), 10,
                                       n_threads={threads})
    n += len(items)
assert n == data.n_users
print(json.dumps({{"R": R, "F": F, "fit": fit, "recommend": told("VmHWM") - before}}))
"""

#: Multiples of R and of F that a fit takes beside 64 MB a thread: the table of docs/memory.md.
FITS = {
    "WeightedMF": (3, 2, "lmf.WeightedMF({d}, epochs=2, n_threads={t})", False),
    "BiasedMF als": (4, 6, "lmf.BiasedMF({d}, epochs=2, n_threads={t})", True),
    "BiasedMF sgd": (9, 3, "lmf.BiasedMF({d}, solver='sgd', epochs=2, n_threads={t})", True),
    "SVDPlusPlus": (9, 9, "lmf.SVDPlusPlus({d}, epochs=2, n_threads={t})", True),
    "NMF": (3, 3, "lmf.NMF({d}, epochs=2, n_threads={t})", True),
    "PureSVD": (3, 8, "lmf.PureSVD({d}, n_threads={t})", False),
}
THREAD = 64 * 2**20


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("data", SETS)
def test_peaks_are_within_what_the_page_says(run_python: RunPython, data: str, name: str) -> None:
    if data == "ml-1m":
        folder = Path(os.environ.get("LMF_DATA") or Path(__file__).parents[3] / "shared" / "data")
        if not (folder / "ml-1m").exists():
            pytest.skip("no ML-1M: LMF_DATA says where it is")
    of_rows, of_factors, model, values = FITS[name]
    program = PEAK.format(
        name=data, d=D, threads=THREADS, values=values, model=model.format(d=D, t=THREADS)
    )
    told = json.loads(run_python(program, timeout=900))
    limit = of_rows * told["R"] + of_factors * told["F"] + THREADS * THREAD
    used = {"fit": told["fit"] / limit, "recommend": told["recommend"] / (2 * THREAD)}
    record("memory", {name: {data: {
        "fit_mb": round(told["fit"] / 2**20), "limit_mb": round(limit / 2**20),
        "R_mb": round(told["R"] / 2**20), "F_mb": round(told["F"] / 2**20),
        "recommend_mb": round(told["recommend"] / 2**20),
    }}})  # fmt: skip
    assert used["fit"] <= 1, told
    assert used["recommend"] <= 1, told


def test_the_page_states_what_is_measured() -> None:
    page = (Path(__file__).parents[2] / "docs" / "memory.md").read_text()
    for name, (of_rows, of_factors, _, _) in FITS.items():
        kind, _, solver = name.partition(" ")
        called = f'{kind}(solver="{solver}")' if solver else kind
        assert f"| `{called}` | {of_rows} | {of_factors} | 64 MB a thread |" in page


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

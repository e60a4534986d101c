"""NMF beside scikit-learn on the whole matrix, and masked NMF on held-out ratings.

    python -m benchmarks.speed.nmf                            everything, writes speed/nmf.json
    python -m benchmarks.speed.nmf --only full --data ml-1m --factors 64 --add
                                                              one case; the file keeps the others

Full objective ‖A − P Qᵀ‖², no penalty. For each seed scikit-learn runs as it comes (coordinate
descent, 200 iterations, tolerance 1e-4), then lmf for 200 epochs, in turns; the figure is the time
until lmf's loss is at or under the one scikit-learn ended with, what lmf's start costs included.
Both end in local optima, so a seed may never get there: it is counted, and the final losses stand
beside each other. The same race once beside scikit-learn's `init="nndsvda"`. One evaluator
computes every loss from the factors, in float64. What makes lmf's two copies of the matrix (by user
and by item) is timed apart.

Masked: RMSE on a random tenth of ML-1M's ratings, beside the same model that takes every missing
rating for a zero, and beside Surprise's NMF.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks import machine, results
from benchmarks.data import SETS
from benchmarks.peers import python_of
from benchmarks.places import ROOT, real_data
from benchmarks.speed.turns import short

WANTED = 3.0
EPOCHS = 200
FIRST_SEED = 100  # the numbers of passes were chosen on seeds 0 to 5
MASKED = {"n_factors": 8, "regularization": 0.05}  # as records/ratings.json chose
RATINGS = (1.0, 5.0)


def matrix_of(name: str):
    """Ratings of ML-1M as they are; ones for every other set."""
    if name != "ml-1m":
        return SETS[name]().scipy()
    import scipy.sparse

    users, items, values = ratings()
    return scipy.sparse.csr_matrix((values, (users, items)))


def ratings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.loadtxt(real_data("ml-1m", "ratings.csv.gz"), delimiter=",", skiprows=1)
    users, items = (np.unique(table[:, k], return_inverse=True)[1] for k in (0, 1))
    return users, items, table[:, 2].astype(np.float32)


def loss(matrix, user_factors: np.ndarray, item_factors: np.ndarray) -> float:
    """‖A − P Qᵀ‖² in float64, without making P Qᵀ."""
    wide, p, q = (part.astype(np.float64) for part in (matrix, user_factors, item_factors))
    return float((wide.data**2).sum() - 2 * (p * (wide @ q)).sum() + ((p.T @ p) * (q.T @ q)).sum())


def sklearn_run(matrix, d: int, seed: int, **settings) -> dict:
    from sklearn.decomposition import NMF

    model = NMF(d, random_state=seed, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 200 iterations did not converge
        started = perf_counter()
        users = model.fit_transform(matrix)
        seconds = perf_counter() - started
    reached = loss(matrix, users, model.components_.T)
    return {"seconds": short(seconds), "iterations": model.n_iter_, "loss": reached}


def lmf_run(matrix, data, d: int, seed: int, target: float) -> dict:
    import lmf

    curve: list[tuple[float, float]] = []
    model = lmf.NMF(
        n_factors=d, unobserved_weight=1.0, regularization=0.0, epochs=EPOCHS, tolerance=0.0,
        seed=seed, n_threads=2,
    )  # fmt: skip
    started = perf_counter()
    model.fit(
        data, progress=False,
        callback=lambda record: curve.append((perf_counter() - started, record.objective)),
    )  # fmt: skip
    there = next((k for k, (_, value) in enumerate(curve) if value <= target), None)
    return {
        "seconds_to_reach": None if there is None else short(curve[there][0]),
        "epochs_to_reach": None if there is None else there + 1,
        "seconds_of_all_epochs": short(curve[-1][0]),
        "loss": loss(matrix, model.factors_.user_factors, model.factors_.item_factors),
        "curve": [[short(curve[k - 1][0]), round(curve[k - 1][1], 1)] for k in
                  (1, 2, 5, 10, 20, 50, 100, 150, 200)],
    }  # fmt: skip


def full_case(name: str, d: int, seeds: int) -> dict:
    import lmf

    matrix = matrix_of(name)
    started = perf_counter()
    data = lmf.Interactions.of(matrix)
    reading = perf_counter() - started
    sklearn_run(matrix, 2, 0, max_iter=2)  # warm-up: imports, thread pools
    lmf_run(matrix, data, 2, 0, 0.0)

    def race(seed: int, init: str) -> dict:
        theirs = sklearn_run(matrix, d, seed, init=init)
        ours = lmf_run(matrix, data, d, seed, theirs["loss"])
        there = ours["seconds_to_reach"]
        ratio = None if there is None else short(theirs["seconds"] / there)
        return {"seed": seed, "scikit_learn": theirs, "lmf": ours, "times_as_fast": ratio}

    runs = [race(seed, "random") for seed in range(FIRST_SEED, FIRST_SEED + seeds)]
    ratios = [run["times_as_fast"] or 0.0 for run in runs]  # never there counts as no speed at all
    return {
        "data": name, "n_factors": d, "shape": list(matrix.shape), "stored": int(matrix.nnz),
        "seconds_to_read": short(reading),
        "times_as_fast": short(median(ratios)),
        "seeds_not_there": sum(ratio == 0 for ratio in ratios),
        "median_final_loss": {key: median(run[key]["loss"] for run in runs)
                              for key in ("scikit_learn", "lmf")},
        "runs": runs,
        "beside_nndsvda": race(FIRST_SEED, "nndsvda"),
        "scikit_learn_float64": sklearn_run(matrix.astype(np.float64), d, 0, init="random"),
        "scikit_learn_curve": [sklearn_run(matrix, d, 0, init="random", max_iter=n, tol=0)
                               for n in (10, 50)],
    }  # fmt: skip


def masked_case() -> dict:
    """RMSE on held-out ratings: masked, full, and Surprise's NMF."""
    users, items, values = ratings()
    test = np.random.default_rng(0).random(len(values)) < 0.1
    rows = [_masked_row(test, users, items, values, unobserved) for unobserved in (0.0, 1.0)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.npz"
        np.savez(path, **{f"{part}_{column}": array[mask] for part, mask in
                          (("train", ~test), ("test", test)) for column, array in
                          (("user", users), ("item", items), ("rating", values))})  # fmt: skip
        command = [str(python_of("surprise")), "-m", "benchmarks.records.rating_peers"]
        done = subprocess.run([*command, "surprise-nmf", str(path)], cwd=ROOT, check=True,
                              capture_output=True, text=True)  # fmt: skip
    theirs = json.loads(done.stdout.splitlines()[-1])
    rows.append({"model": "Surprise NMF", "settings": "its defaults: 15 factors, 50 epochs",
                 "rmse": round(theirs["rmse"], 4), "fit_seconds": short(theirs["seconds"]),
                 "seconds_an_epoch": short(theirs["seconds"] / 50)})  # fmt: skip
    return {"data": "ml-1m", "held_out": int(test.sum()), "rows": rows}


def _masked_row(test, users, items, values, unobserved: float) -> dict:
    import lmf

    data = lmf.Interactions.from_arrays(users[~test], items[~test], values[~test])
    penalty = MASKED["regularization"] if unobserved == 0 else 0.0
    model = lmf.NMF(MASKED["n_factors"], unobserved, penalty, n_threads=2)
    seconds = []
    for _ in range(5):
        started = perf_counter()
        model.fit(data, progress=False)
        seconds.append(perf_counter() - started)
    factors = model.factors_
    user, item = (
        factors.users.index(users[test].tolist()),
        factors.items.index(items[test].tolist()),
    )
    known = (user >= 0) & (item >= 0)
    scores = np.full(test.sum(), values[~test].mean(), np.float64)
    scores[known] = np.einsum(
        "nk,nk->n", factors.user_factors[user[known]], factors.item_factors[item[known]]
    )
    errors = np.clip(scores, *RATINGS) - values[test]
    return {
        "model": "lmf NMF, masked" if unobserved == 0 else "lmf NMF, full",
        "settings": f"{MASKED['n_factors']} factors, regularization {penalty}, else its defaults",
        "rmse": round(float(np.sqrt(np.mean(errors**2))), 4),
        "fit_seconds": short(median(seconds)), "all_fit_seconds": [short(s) for s in seconds],
        "epochs": len(model.history_),
        "seconds_an_epoch": short(median(seconds) / len(model.history_)),
    }  # fmt: skip


def _print_case(case: dict) -> None:
    final = case["median_final_loss"]
    print(
        f"{case['data']:8} d = {case['n_factors']:3}: {case['times_as_fast']:6.2f} times as fast, "
        f"{case['seeds_not_there']} of {len(case['runs'])} seeds never there; final losses "
        f"{final['scikit_learn']:.0f} and {final['lmf']:.0f}; "
        f"beside nndsvda {case['beside_nndsvda']['times_as_fast']}",
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.nmf",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=["full", "masked"], default=["full", "masked"])
    add("--data", nargs="+", choices=SETS, default=["ml-1m", "gowalla"])
    add("--factors", nargs="+", type=int, default=[16, 32, 64])
    add("--seeds", type=int, default=5)
    add("--add", action="store_true", help="keep what the file holds and is not measured now")
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    # Two threads of BLAS for scikit-learn, of this machine's own kind: it is read once, at import.
    wanted = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    hints = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    if any(os.environ.get(k) != v for k, v in wanted.items()) or any(
        h in os.environ for h in hints
    ):
        kept = {name: value for name, value in os.environ.items() if name not in hints}
        command = [sys.executable, "-m", "benchmarks.speed.nmf", *sys.argv[1:]]
        raise SystemExit(subprocess.run(command, env=kept | wanted).returncode)
    before = json.loads(given.out.read_text()) if given.add and given.out.exists() else {}
    cases = {(case["data"], case["n_factors"]): case for case in before.get("cases", [])}
    masked = before.get("masked")
    described = machine.describe()
    for name in given.data if "full" in given.only else []:
        for d in given.factors:
            cases[name, d] = full_case(name, d, given.seeds)
            _print_case(cases[name, d])
    if "masked" in given.only:
        masked = masked_case()
        for row in masked["rows"]:
            print(f"{row['model']:16} RMSE {row['rmse']:.4f}, {row['seconds_an_epoch']} s an epoch")
    claims = [
        {"claim": f"{name}, d={d}: scikit-learn's loss in a third of its time",
         "measured": case["times_as_fast"], "holds": case["times_as_fast"] >= WANTED}
        for (name, d), case in cases.items()
    ]  # fmt: skip
    described["load_average_after"] = machine.load_average()
    from sklearn import __version__ as sklearn_version

    results.write(
        given.out, command="python -m benchmarks.speed.nmf", machine=described,
        versions={"scikit-learn": sklearn_version, "numpy": np.__version__},
        settings={"n_threads": 2, "epochs": EPOCHS, "regularization": 0.0, "dtype": "float32"},
        cases=list(cases.values()), masked=masked, claims=claims,
    )  # fmt: skip
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()

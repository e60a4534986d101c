"""Everything around a sweep, beside the sweep: reading, transposing, measuring, folding in, files.

    python -m benchmarks.speed.around                  20 million rows, writes speed/around.json
    python -m benchmarks.speed.around --rows 1000000 --repeats 1 --out .bench/look.json

The rows of `benchmarks.intake` in random order, in a Parquet file as users have it, become
interactions without values, and WeightedMF with d = 64 is fitted to them. Each thing is done in
turn, round after round in one process, files being in the memory of the system; the first round
is not counted. A figure is the median of the others, its ratio that to the sweep (an epoch: both
half sweeps). Nothing should take longer than a sweep; why something does stands in `CAUSES`.

    sweep             an epoch of the alternation, as `fit` does it
    read              the Parquet file to Interactions
    read-everything   the same with its ratings and times
    read-text         the same Parquet file with ids such as "user-17" and "item-4"
    read-csv          the same as CSV
    intake            a Polars frame in memory to Interactions
    transpose         by user to by item
    fingerprint       the SHA-256 of the interactions, of which a fit makes one
    objective         what an epoch's history costs: the penalties; the minima are by-products
    objective-anew    the objective from factors alone: a score for each interaction, two Grams
    metrics           nine metrics at two cuts of given lists, all users with something held out
    evaluate          `lmf.evaluate` of them: lists, metrics, slices, curves
    fold-in           100,000 newcomers with all their interactions
    fold-in-few       100,000 newcomers with up to ten each
    save, load        the model file: written, synced and renamed; read and checked
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import polars as pl

import lmf
from benchmarks import intake, machine, results
from benchmarks.places import CACHE
from benchmarks.speed.turns import middle, ratio_of, short
from lmf import _native
from lmf.data.csr import CSR
from lmf.retrieval import score_pairs
from lmf.training.alternating import Alternation
from lmf.training.objective import Objective

D, SEED, HELD_OUT, NEWCOMERS, FEW = 64, 0, 0.1, 100_000, 10
OBJECTIVE = Objective(unobserved_weight=0.1, regularization=1.0, regularization_exponent=0.0)
SETTINGS = {"unobserved_weight": 0.1, "regularization": 1.0, "regularization_exponent": 0.0}
#: At most so many times the sweep.
WANTED = 1.0
#: Why a thing takes longer than a sweep where it does, as a profile shows.
CAUSES = {
    "read-csv": "half of it is Polars' parsing; a third goes into ids, which are read as text, "
    "lest 007 become 7, and then made integers where nothing is lost",
    "read-text": "every id is hashed, coded, and compared with what its code stands for, since two "
    "ids of one hash must not become one: nine tenths of it",
    "evaluate": "it ranks the whole catalogue for every user, work that does not shrink with the "
    "interactions as a sweep does (`speed/evaluation.json` has its part in it)",
}

Things = dict[str, Callable[[], object]]


def people(data: lmf.Interactions, count: int, most: int | None = None) -> lmf.Interactions:
    """The first `count` users with all their interactions, or so many each at most."""
    rows = data.by_user.select_rows(np.arange(min(count, data.n_users)))
    if most is not None:
        place = np.arange(rows.nnz) - np.repeat(rows.indptr[:-1], rows.row_lengths())
        rows = rows.keep(place < most)
    return lmf.Interactions(lmf.Vocabulary.range(rows.n_rows), data.items, rows)


def other_forms(path: Path) -> tuple[Path, Path]:
    """The same rows with ids that are text, and as CSV; made once, beside the file."""
    text, csv = path.with_name(f"{path.stem}-text.parquet"), path.with_suffix(".csv")
    if not (text.exists() and csv.exists()):
        frame = pl.read_parquet(path)
        ids = [pl.format(f"{name}-{{}}", pl.col(name)).alias(name) for name in ("user", "item")]
        partial = path.with_suffix(".part")
        frame.select(ids).write_parquet(partial)
        partial.replace(text)
        frame.write_csv(partial)
        partial.replace(csv)
    return text, csv


def objective_anew(model: lmf.Model, rows: CSR, n_threads: int) -> float:
    """The objective of a model with plain L2, from its factors alone."""
    factors, w0 = model.factors_, OBJECTIVE.unobserved_weight
    missed = seen = 0.0
    for part_of, part in rows.parts():
        users = np.repeat(
            np.arange(part_of.start, part_of.stop, dtype=np.int32), part.row_lengths()
        )
        scores = score_pairs(factors, users, part.indices, n_threads=n_threads)
        missed += float(np.sum((1 - scores) ** 2, dtype=np.float64))
        seen += float(np.sum(scores**2, dtype=np.float64))
    user_gram = _native.gram(factors.user_factors, n_threads)
    item_gram = _native.gram(factors.item_factors, n_threads)
    norms = float(np.trace(user_gram) + np.trace(item_gram))
    everywhere = float((user_gram * item_gram).sum())
    return missed + w0 * (everywhere - seen) + OBJECTIVE.regularization * norms


def things(path: Path, folder: Path, n_threads: int) -> tuple[Things, dict]:
    """What is timed, by name, and what the data are."""
    whole = lmf.Interactions.of(path, value=False, timestamp=False)
    text, csv = other_forms(path)
    train, test = lmf.split_random(whole, HELD_OUT)
    model = lmf.WeightedMF(n_factors=D, epochs=2, n_threads=n_threads, **SETTINGS)
    model.fit(train, progress=False)
    alternation = Alternation(whole.by_user, whole.by_item, OBJECTIVE, D, SEED, n_threads)
    factors = model.factors_
    weights = [np.full(len(side), 1.0) for side in (factors.user_factors, factors.item_factors)]
    frame = pl.read_parquet(path, columns=["user", "item"])
    with_test = np.flatnonzero(test.by_user.row_lengths()).astype(np.int32)
    lists, _ = model.recommend_indices(with_test, 20, n_threads=n_threads)
    relevant = test.by_user.select_rows(with_test)
    cuts = np.int32([10, 20])
    newcomers, few = (people(whole, NEWCOMERS, most) for most in (None, FEW))
    saved = folder / "around.lmf"
    found: Things = {
        "sweep": lambda: alternation.epoch(0),
        "read": lambda: lmf.Interactions.of(
            path, value=False, timestamp=False, n_threads=n_threads
        ),
        "read-everything": lambda: lmf.Interactions.of(path, n_threads=n_threads),
        "read-text": lambda: lmf.Interactions.of(text, n_threads=n_threads),
        "read-csv": lambda: lmf.Interactions.of(
            csv, value=False, timestamp=False, n_threads=n_threads
        ),
        "intake": lambda: lmf.Interactions.of(frame, n_threads=n_threads),
        "transpose": lambda: whole.by_user.transpose(n_threads),
        "fingerprint": lambda: lmf.Interactions(
            whole.users, whole.items, whole.by_user
        ).fingerprint(),
        "objective": lambda: [
            _native.column_energies(side, weight, n_threads)
            for side, weight in zip(
                (factors.user_factors, factors.item_factors), weights, strict=True
            )
        ],
        "objective-anew": lambda: objective_anew(model, train.by_user, n_threads),
        "metrics": lambda: _native.ranking_metrics(
            lists, relevant.indptr, relevant.indices, relevant.n_cols, cuts, n_threads
        ),
        "evaluate": lambda: lmf.evaluate(model, test, baseline=False, n_threads=n_threads),
        "fold-in": lambda: model.fold_in(newcomers),
        "fold-in-few": lambda: model.fold_in(few),
        "save": lambda: model.save(saved),
        "load": lambda: lmf.load(saved),
    }
    about = {
        "users": whole.n_users,
        "items": whole.n_items,
        "interactions": whole.nnz,
        "held_out": test.nnz,
        "users_with_test": len(with_test),
        "of_newcomers": newcomers.nnz,
        "of_few": few.nnz,
        "parquet_bytes": path.stat().st_size,
    }
    model.save(saved)
    return found, about | {"model_bytes": saved.stat().st_size}


def timed(parts: Things, repeats: int) -> dict[str, list[dict]]:
    """Seconds, and seconds of processors, by name and a round each; the first round warms up."""
    turns: dict[str, list[dict]] = {name: [] for name in parts}
    for turn in range(repeats + 1):
        for name, part in parts.items():
            start, cpu = perf_counter(), process_time()
            part()
            took = {"seconds": perf_counter() - start, "cpu_seconds": process_time() - cpu}
            if turn:
                turns[name].append(took)
    return turns


def table(turns: dict[str, list[dict]]) -> list[dict]:
    """One row a thing; the ratio is the median over the rounds of its time by that of the sweep."""
    return [
        {
            "thing": name,
            **middle(found),
            "cpu_seconds": short(median(one["cpu_seconds"] for one in found)),
            "by_sweep": ratio_of(turns["sweep"], found),
        }
        for name, found in turns.items()
    ]


def claims(rows: list[dict]) -> list[dict]:
    """Each thing takes no longer than a sweep; where it does, the cause."""
    found = []
    for row in rows:
        if row["thing"] == "sweep":
            continue
        holds = row["by_sweep"] <= WANTED
        claim = {
            "claim": f"{row['thing']}: no longer than a sweep",
            "measured": row["by_sweep"],
            "holds": holds,
        }
        if not holds:
            claim["cause"] = CAUSES.get(row["thing"], "not known: profile it")
        found.append(claim)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.around",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=5, help="counted rounds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--only", nargs="+", metavar="THING", help="beside the sweep; writes nothing"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    if given.repeats < 1 or given.rows < 1:
        parser.error("--rows and --repeats must be at least 1")
    return given


def main() -> None:
    given = _arguments()
    path = intake.prepared(given.rows)["shuffled"]
    described = machine.describe()
    with TemporaryDirectory(dir=CACHE) as folder:
        parts, about = things(path, Path(folder), given.threads)
        if given.only:
            parts = {name: parts[name] for name in ("sweep", *given.only)}
        rows = table(timed(parts, given.repeats))
    for row in rows:
        print(f"{row['thing']:16}{row['seconds']:9.3f} s{row['by_sweep']:8.2f} sweeps "
              f"{row['cpu_seconds']:9.3f} s of processors  {row['all_seconds']}")  # fmt: skip
    promised = claims(rows)
    results.tell(promised)
    if given.only:
        return
    described["load_average_after"] = machine.load_average()
    results.write(
        given.out,
        command="python -m benchmarks.speed.around",
        machine=described,
        settings={"rows": given.rows, "repeats": given.repeats, "n_factors": D,
                  "n_threads": given.threads, "polars": pl.__version__, **SETTINGS},
        data=about,
        rows=rows,
        claims=promised,
    )  # fmt: skip
    print(f"written: {os.path.relpath(given.out)}")


if __name__ == "__main__":
    main()

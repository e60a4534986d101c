"""Top-10 lists of all users, and of one user at a time, beside the peers.

    python -m benchmarks.speed.topn                          everything, writes speed/topn.json
    python -m benchmarks.speed.topn --part one --data million-equal --factors 64
                                                             this anew, the other cases stay
    python -m benchmarks.speed.topn --prepare                only makes the factors

`many`: one call for as many users as a contender answers in `--seconds` (all, if it can). `one`:
user after user. Everybody has the same factors and a process of its own; they go in turns, medians
of `--repeats`. faiss and usearch know nothing of seen items: they are compared with our lists that
leave nothing out. `recall` is what share of our lists theirs contain: 1 for the exact ones, but for
ties and the last bit of a sum.

The factors: WeightedMF on real and on power-law sets; and a million items made up, users and
directions normal, norms log-normal (sigma 0.5) or all equal, which is the hardest for a bound. How
easy a set is shows in `items_listed`, how many different items all the lists name.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np

from benchmarks import machine, results
from benchmarks.data import prepared
from benchmarks.matrix import Matrix
from benchmarks.places import MATRICES
from benchmarks.speed.topn_runs import N_THREADS, RUNS, Case, K, lmf_filtered
from benchmarks.speed.turns import Player, in_turns, middle, ratio_of, short

#: What somebody may have set to steer BLAS: every library runs with its own choice here.
STEERING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
SETS = ("powerlaw-s", "ml-1m", "powerlaw-m", "gowalla", "million-lognormal", "million-equal")
PARTS = {
    "many": ("lmf", "lmf-unfiltered", "numpy", "implicit", "irspack", "faiss"),
    "one": ("lmf", "lmf-unfiltered", "lmf-recommend", "numpy", "implicit", "faiss", "usearch"),
}
#: To make usearch's index of more takes minutes; it is measured where `--only` names it.
MOST_FOR_USEARCH = 100_000
#: Of the kind that ranks well on Gowalla. The defaults shrink most of its items to nothing, all
#: lists then name the same 178 items, and a bound on norms has too easy a time of it.
SETTINGS = {"unobserved_weight": 0.01, "regularization": 0.002, "epochs": 8}
#: Users whose lists are compared.
COMPARED = 40
WANTED = {"peer": 5.0, "numpy": 1.5, "faiss": 1.0}
WANTED_ONE = {"powerlaw-m": 2.0, "gowalla": 2.0, "million-lognormal": 10.0, "million-equal": 10.0}


def made(data: str, d: int) -> Path:
    """Path of the factors and seen items of a case, made once."""
    path = MATRICES / f"topn-{data}-{d}.npz"
    if not path.exists():
        users, items, seen = million(data, d) if data.startswith("million") else fitted(data, d)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        lists = lmf_filtered(Case(users, items, seen))(np.arange(len(users), dtype=np.int32))
        listed = len(np.unique(lists))
        np.savez(
            partial, users=users, items=items, indptr=seen.indptr, indices=seen.indices,
            listed=listed,
        )  # fmt: skip
        partial.replace(path)
    return path


def fitted(data: str, d: int) -> tuple[np.ndarray, np.ndarray, Matrix]:
    import lmf

    seen = Matrix.load(prepared(data))
    model = lmf.WeightedMF(n_factors=d, **SETTINGS, seed=0, n_threads=N_THREADS)
    model.fit(lmf.Interactions.of(seen.scipy(np.int64), value=False), progress=False)
    return model.factors_.user_factors, model.factors_.item_factors, seen


def million(data: str, d: int) -> tuple[np.ndarray, np.ndarray, Matrix]:
    n_users, n_items, each = 4_000, 1_000_000, 20
    random = np.random.default_rng(0)
    users = random.standard_normal((n_users, d), dtype=np.float32)
    items = random.standard_normal((n_items, d), dtype=np.float32)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    if data == "million-lognormal":
        items *= np.exp(0.5 * random.standard_normal((n_items, 1), dtype=np.float32))
    seen = random.integers(n_items, size=n_users * each)
    owners = np.repeat(np.arange(n_users), each)
    return users, items, Matrix.from_pairs(owners, seen, n_users, n_items)


def measure(part: str, data: str, d: int, names: list[str], given: argparse.Namespace) -> dict:
    path = made(data, d)
    with np.load(path) as file:
        n_users, n_items, listed = len(file["users"]), len(file["items"]), int(file["listed"])
    if not given.only and n_items > MOST_FOR_USEARCH:
        names = [name for name in names if name != "usearch"]
    load = machine.load_average()
    players: list[Player] = []
    try:
        for name in names:
            run = RUNS[name]
            module = "benchmarks.speed.topn_runs"
            players.append(Player(name, module, run.peer, str(path), environment=run.environment))
        checked = {
            player.name: player.ask(do="lists", part=part, users=COMPARED) for player in players
        }
        answers = in_turns(players, given.repeats, do=part, seconds=given.seconds)
    finally:
        for player in players:
            player.stop()
    rows = []
    for name, found in answers.items():
        ours = "lmf" if RUNS[name].filtered else "lmf-unfiltered"
        row = {"contender": name, "seen_left_out": RUNS[name].filtered,
               **middle(found, "microseconds"),
               "users_a_turn": found[0]["users"],
               "versions": checked[name]["versions"]}  # fmt: skip
        row["users_per_second"] = short(1e6 / row["microseconds"])
        row["gflops"] = short(2e-3 * d * n_items / row["microseconds"])
        if ours in answers:
            row["by_ours"] = ratio_of(answers[ours], found, "microseconds")
            row["recall"] = recall(checked[ours]["lists"], checked[name]["lists"])
        rows.append(row)
    return {"part": part, "data": data, "n_factors": d, "users": n_users, "items": n_items,
            "items_listed": listed, "seconds_a_turn": given.seconds, "repeats": given.repeats,
            "load_average": load, "rows": rows}  # fmt: skip


def recall(ours: list[list[int]], theirs: list[list[int]]) -> float:
    hits = sum(len(set(a) & set(b)) for a, b in zip(ours, theirs, strict=True))
    return round(hits / (K * len(ours)), 4)


def claims(cases: list[dict]) -> list[dict]:
    """What the project promises about these figures, each with what was measured."""
    found = []

    def promise(text: str, measured: float, wanted: float) -> None:
        found.append({"claim": text, "measured": measured, "holds": measured >= wanted})

    for case in cases:
        ratios = {row["contender"]: row["by_ours"] for row in case["rows"] if "by_ours" in row}
        where = f"{case['data']}, d={case['n_factors']}"
        if case["part"] == "one":
            wanted = WANTED_ONE.get(case["data"])
            if wanted and "numpy" in ratios:
                text = f"{where}, one user: at least {wanted:g} times as fast as NumPy"
                promise(text, ratios["numpy"], wanted)
            continue
        peers = {name: ratios[name] for name in ("implicit", "irspack") if name in ratios}
        if peers:
            fastest = min(peers, key=lambda name: peers[name])
            text = f"{where}, all users: at least {WANTED['peer']:g} times as fast as {fastest}"
            promise(text, peers[fastest], WANTED["peer"])
        for name in ("numpy", "faiss"):
            if name in ratios:
                text = f"{where}, all users: at least {WANTED[name]:g} times as fast as {name}"
                promise(text, ratios[name], WANTED[name])
    return found


def _print_case(case: dict) -> None:
    print(f"\n{case['part']}: {case['data']}, d = {case['n_factors']}")
    for row in case["rows"]:
        print(
            f"  {row['contender']:16}{row['microseconds']:11.1f} us a user"
            f"{row['users_per_second']:11.0f} users/s{row['gflops']:8.1f} GFLOP/s"
            f"{row.get('by_ours', float('nan')):8.2f} x ours   recall {row.get('recall')}"
            f"   ({row['users_a_turn']} users a turn)",
            flush=True,
        )


def _place(case: dict) -> tuple:
    return (list(PARTS).index(case["part"]), SETS.index(case["data"]), case["n_factors"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.topn",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--part", nargs="+", choices=PARTS, default=list(PARTS))
    add("--data", nargs="+", choices=SETS, default=list(SETS))
    add("--factors", nargs="+", type=int, help="default: 64 and 128; one user at a time: 64")
    add("--only", nargs="+", choices=RUNS, help="contenders")
    add("--repeats", type=int, default=5, help="counted turns of each contender")
    add("--seconds", type=float, default=1.0, help="of one turn")
    add("--prepare", action="store_true", help="make the factors and measure nothing")
    add("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    for name in STEERING:
        os.environ.pop(name, None)
    wanted = [
        (part, data, d)
        for part in given.part
        for data in given.data
        for d in given.factors or ([64, 128] if part == "many" else [64])
    ]
    if given.prepare:
        for _, data, d in wanted:
            print(made(data, d).name, flush=True)
        return
    described = machine.describe()
    known = json.loads(given.out.read_text())["cases"] if given.out.exists() else []
    anew = [
        measure(part, data, d, [n for n in PARTS[part] if n in (given.only or RUNS)], given)
        for part, data, d in wanted
    ]
    for case in anew:
        _print_case(case)
    cases = [case for case in known if _place(case) not in map(_place, anew)] + anew
    cases.sort(key=_place)
    promised = claims(cases)
    results.tell(promised)
    described["load_average_after"] = machine.load_average()
    results.write(
        given.out,
        command="python -m benchmarks.speed.topn",
        machine=described,
        settings={"k": K, "n_threads": N_THREADS, "fitted": SETTINGS},
        cases=cases,
        claims=promised,
    )
    print(f"written: {os.path.relpath(given.out)}")


if __name__ == "__main__":
    main()

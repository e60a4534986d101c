"""RMSE against time on MovieLens 1M: BiasedMF beside LIBMF, Surprise and Cornac.

    python -m benchmarks.speed.ratings                writes speed/ratings.json
    python -m benchmarks.speed.ratings --choose       only tries GRID on a part of the training data

One random split, 90 % to learn from; test ratings of users or items that are not learned from are
left out. A point of a curve is a whole fit of so many epochs from scratch: its seconds, and the
RMSE of its predictions; so nothing is counted twice and nobody is asked to stop in between. The
seconds of an epoch are the difference of two such fits by the difference of their epochs. Two
threads each, every library a process of its own, in turns: medians of five, of
three for the points of a curve and where a fit takes seconds.

LIBMF is built from source with the AVX flags of its own Makefile (`benchmarks.peers.FLAGS`).
Surprise's SVD has its defaults (100 factors, 20 epochs); Cornac's MF its own beside d.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import machine, results
from benchmarks.peers import FLAGS
from benchmarks.places import MATRICES
from benchmarks.records.ratings import Ratings, _ml_1m, _take
from benchmarks.speed.rating_runs import RUNS, SETTINGS
from benchmarks.speed.turns import PAUSE, Player, in_turns, middle, ratio_of, short

MODULE = "benchmarks.speed.rating_runs"
#: Epochs of the points of a curve at d = 64; Surprise has its 100 factors.
POINTS = {
    "lmf-sgd": (2, 4, 8, 12, 20),
    "lmf-adagrad": (2, 4, 8, 12, 20),
    "lmf-adam": (2, 4, 8, 20),
    "lmf-als": (2, 4, 8),
    "libmf": (4, 8, 12, 20, 30),
    "cornac-mf": (4, 20),
    "surprise-svd": (20,),
}
SLOW = ("surprise-svd", "cornac-mf")  # their points are measured once, their races three times
ONCE, THRICE = 1, 3
#: Small d is where the stochastic solvers reach a good RMSE first.
SHORT = {"lmf-sgd-16": ("lmf-sgd", (4, 6, 8, 10, 12, 16, 20)),
         "libmf-16": ("libmf", (4, 8, 12, 20, 30))}  # fmt: skip
EPOCHS_OF_RATES = (4, 20)
#: Tried by --choose, at d = 64 and 20 epochs.
GRID = {
    "lmf-sgd": {"regularization": (0.03, 0.045, 0.06, 0.15, 0.25, 1.0, 1.2),
                "regularization_exponent": (0.5, 0.75, 1.0), "learning_rate": (0.02, 0.03, 0.045)},
    "lmf-adagrad": {"regularization": (1.0, 1.2, 1.4), "learning_rate": (0.05, 0.1, 0.15)},
    "lmf-adam": {"regularization": (1.0, 1.2, 1.4), "learning_rate": (0.002, 0.005)},
    "lmf-als": {"regularization": (1.0, 1.2, 1.4, 1.6)},
    "libmf": {"lambda": (0.02, 0.03, 0.04, 0.05, 0.07, 0.1), "eta": (0.05, 0.1, 0.15)},
}  # fmt: skip


def write_split(name: str, data: Ratings, share: float, seed: int) -> tuple[Path, Ratings]:
    """A file with both parts, users and items numbered; and the training part."""
    test = np.random.default_rng(seed).random(len(data["rating"])) < share
    train, held_out = _take(data, ~test), _take(data, test)
    known = np.isin(held_out["user"], train["user"]) & np.isin(held_out["item"], train["item"])
    held_out = _take(held_out, known)
    columns = {}
    for side in ("user", "item"):
        ids = np.unique(train[side])
        for part, ratings in (("train", train), ("test", held_out)):
            columns[f"{part}_{side}"] = np.searchsorted(ids, ratings[side])
    path = MATRICES / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, train_rating=train["rating"], test_rating=held_out["rating"], **columns)
    return path, train


def players(names: list[str], path: Path) -> list[Player]:
    return [
        Player(name, MODULE, RUNS[name][2], str(path), environment={"OMP_NUM_THREADS": "2"})
        for name in names
    ]


def choose(path: Path) -> None:
    """Print the RMSE of each setting of GRID on a tenth of the training part."""
    for player in players(list(GRID), path):
        names, tried = list(GRID[player.name]), []
        for values in itertools.product(*GRID[player.name].values()):
            settings = dict(zip(names, values, strict=True))
            answer = player.ask(n_factors=64, epochs=20, settings=settings)
            tried.append((answer["rmse"], settings))
        player.stop()
        for error, settings in sorted(tried, key=lambda one: one[0])[:3]:
            print(f"{player.name:14}{error:.4f}  {settings}", flush=True)


def epoch_rows(found: list[Player], d: int, repeats: int) -> list[dict]:
    """Seconds of an epoch, from the difference of two fits in the same turn."""
    few, many = EPOCHS_OF_RATES
    short_fits = in_turns(found, repeats, n_factors=d, epochs=few)
    long_fits = in_turns(found, repeats, n_factors=d, epochs=many)
    rates = {
        name: [
            {"seconds": (b["seconds"] - a["seconds"]) / (many - few)}
            for a, b in zip(short_fits[name], long_fits[name], strict=True)
        ]
        for name in short_fits
    }
    return [
        {
            "contender": name, "n_factors": d, "epochs": many, **middle(rates[name]),
            "by_ours": ratio_of(rates["lmf-sgd"], rates[name]),
            "rmse": round(median(one["rmse"] for one in long_fits[name]), 4),
        }
        for name in rates
    ]  # fmt: skip


def curve(player: Player, label: str, d: int, points: tuple[int, ...], repeats: int) -> dict:
    """The points of one contender. It has its turns alone; claims are measured in turns."""
    found, answers = [], []
    for epochs in points:
        answers = in_turns([player], repeats, player.name not in SLOW, n_factors=d, epochs=epochs)[
            player.name
        ]
        found.append({"epochs": epochs, **middle(answers),
                      "rmse": round(median(one["rmse"] for one in answers), 4)})  # fmt: skip
    return {
        "contender": label, "n_factors": d, "settings": SETTINGS[player.name],
        "versions": answers[-1]["versions"], **middle(answers, "build_seconds"), "points": found,
    }  # fmt: skip


def first_at(row: dict, wanted: float) -> dict | None:
    """The cheapest point of a curve that is at or below an RMSE."""
    good = [point for point in row["points"] if point["rmse"] <= wanted]
    return min(good, key=lambda point: point["seconds"]) if good else None


def race(rows: list[dict], found: dict[str, Player], peer: str, repeats: int) -> dict:
    """Our fastest way to the RMSE at the end of a peer's curve, in turns with the peer's."""
    theirs = [row for row in rows if row["contender"].startswith(peer)]
    best = min((row["points"][-1]["rmse"], at) for at, row in enumerate(theirs))
    goal_row, goal = theirs[best[1]], best[0]
    goal_point = first_at(goal_row, goal)
    ways = [(first_at(row, goal), row) for row in rows if row["contender"].startswith("lmf")]
    reached = [way for way in ways if way[0] is not None]
    point, row = min(reached, key=lambda way: way[0]["seconds"])
    ours, their = [], []
    us, them = (found[r["contender"].removesuffix("-16")] for r in (row, goal_row))
    for _ in range(repeats):
        for player, of, at, answers in (
            (them, goal_row, goal_point, their), (us, row, point, ours)
        ):  # fmt: skip
            time.sleep(PAUSE)
            answers.append(player.ask(n_factors=of["n_factors"], epochs=at["epochs"]))
    return {
        "goal_rmse": goal,
        "theirs": {"contender": goal_row["contender"], "epochs": goal_point["epochs"],
                   **middle(their), "rmse": round(median(one["rmse"] for one in their), 4)},
        "ours": {"contender": row["contender"], "n_factors": row["n_factors"],
                 "epochs": point["epochs"], **middle(ours), **middle(ours, "build_seconds"),
                 "rmse": round(median(one["rmse"] for one in ours), 4)},
        "by_ours": ratio_of(ours, their),
        "by_ours_with_building": short(median(
            t["seconds"] / (o["seconds"] + o["build_seconds"])
            for o, t in zip(ours, their, strict=True))),
    }  # fmt: skip


def curves_and_races(found: dict[str, Player], repeats: int) -> tuple[list[dict], dict[str, dict]]:
    rows = []
    for name, points in POINTS.items():
        d = 100 if name == "surprise-svd" else 64
        rows.append(
            curve(found[name], name, d, points, ONCE if name in SLOW else min(THRICE, repeats))
        )
    rows += [curve(found[name], label, 16, points, min(THRICE, repeats))
             for label, (name, points) in SHORT.items()]  # fmt: skip
    peers = ("surprise-svd", "libmf", "cornac-mf")
    return rows, {
        peer: race(rows, found, peer, min(THRICE, repeats) if peer in SLOW else repeats)
        for peer in peers
    }


def claims(epochs: list[dict], races: dict[str, dict]) -> list[dict]:
    found = []
    of = {(row["contender"], row["n_factors"]): row for row in epochs}
    for name, d in of:
        if name == "libmf":
            ratio = of[name, d]["by_ours"]
            text = f"d={d}: an SGD epoch at least as fast as LIBMF's"
            found.append({"claim": text, "measured": ratio, "holds": ratio >= 1})
            least = of["lmf-sgd", d]["rmse"]
            text = f"d={d}: RMSE after {EPOCHS_OF_RATES[1]} epochs at or under LIBMF's"
            text += f" {of[name, d]['rmse']:.4f}"
            found.append({"claim": text, "measured": least, "holds": least <= of[name, d]["rmse"]})
    for peer, least in (("surprise-svd", 20), ("libmf", 1)):
        if peer not in races:
            continue
        ratio = races[peer]["by_ours"]
        text = f"RMSE {races[peer]['goal_rmse']} at least {least} times as soon as {peer}"
        found.append({"claim": text, "measured": ratio, "holds": ratio >= least})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.ratings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--part", nargs="+", choices=["epochs", "curves"],
                        default=["epochs", "curves"], help="one: the other stays")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, help="counted turns")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    path, train = write_split("ml-1m-90-10", _ml_1m(), 0.1, seed=0)
    if given.choose:
        choose(write_split("ml-1m-inner", train, 0.1, seed=1)[0])
        return
    described = machine.describe()
    known = json.loads(given.out.read_text()) if len(given.part) < 2 and given.out.exists() else {}
    epochs, rows = known.get("epochs", []), known.get("curves", [])
    races = known.get("races", {})
    found = {player.name: player for player in players(list(RUNS), path)}
    try:
        if "epochs" in given.part:
            three = [found[name] for name in ("lmf-sgd", "lmf-adagrad", "libmf")]
            epochs = [row for d in (32, 64, 128) for row in epoch_rows(three, d, given.repeats)]
        if "curves" in given.part:
            rows, races = curves_and_races(found, given.repeats)
    finally:
        for player in found.values():
            player.stop()
    _print(epochs, rows, races)
    promised = claims(epochs, races)
    results.tell(promised)
    described["load_average_after"] = machine.load_average()
    results.write(
        given.out,
        command="python -m benchmarks.speed.ratings",
        machine=described,
        settings={"n_threads": 2, "repeats": given.repeats, "compiler_flags": FLAGS,
                  "contenders": SETTINGS, "split": "90 % of ML-1M to learn from, at random"},
        epochs=epochs, curves=rows, races=races, claims=promised,
    )  # fmt: skip
    print(f"written: {given.out}")


def _print(epochs: list[dict], rows: list[dict], races: dict[str, dict]) -> None:
    for row in epochs:
        print(f"d={row['n_factors']:<5}{row['contender']:14}{1e3 * row['seconds']:8.2f} ms an epoch"
              f"{row['by_ours']:7.2f} x ours   RMSE {row['rmse']:.4f}")  # fmt: skip
    for row in rows:
        points = "  ".join(f"{p['epochs']}: {p['seconds']:.3f} s {p['rmse']:.4f}"
                           for p in row["points"])  # fmt: skip
        print(f"{row['contender']:14}{points}")
    for peer, one in races.items():
        print(f"{peer}: {one}")


if __name__ == "__main__":
    main()

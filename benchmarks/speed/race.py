"""The objective against seconds: how soon each reaches what the fastest peer ends with.

    python -m benchmarks.speed.race                      everything, writes speed/race.json
    python -m benchmarks.speed.race --data gowalla --factors 64 --add     this part only, anew

The contenders, problems and processes are those of `epoch`, and they train in turns, an epoch a
turn, sixteen epochs each. After each epoch, while its clock stands still, one evaluator computes
the objective from the factors as they are. Seconds are those of the epochs alone, the first
included: neither what brings the data into a library's form nor the evaluation counts. Who has no
epochs to be asked for is measured by fits of 1, 2, 4, 8 and 16 from the start, less what a straight
line through them gives to no epochs.

Ours runs twice: as it stands, and as `lmf-cg` with `cg_steps=3, relaxation=1.6`, which is what
peers are compared with. The goal is the objective that the fastest peer, be it exact or not, holds
after its sixteen epochs. A contender is there after the first epoch that ends at or below it.
Beside that each peer has its own goal, what it ends with itself, and the seconds in which ours gets
there. Ours goes on after its sixteen epochs until it has been at each of these goals, 64 at most.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.speed import pieces
from benchmarks.speed.contenders import CONTENDERS, FAST_NAME, OUR_NAME, OURS, Problem
from benchmarks.speed.runners import Runner, begun, stop_all
from benchmarks.speed.turns import PAUSE, short

MODULE = "benchmarks.speed.race"
EPOCHS = 16
#: Epochs that ours may take for the goals, as a multiple of what each has.
LONGER = 4

Curve = list[tuple[int, float, float]]  # epochs, seconds, objective


def wanted(n_factors: int) -> float:
    """How many times as soon as the fastest peer ours is to be at its objective."""
    return 2.0 if n_factors < 256 else 5.0


def measure(names: list[str], matrix: Path, problem: Problem, epochs: int, patience: float) -> dict:
    """The curves of one data set and d, and who was left out."""
    runners, left_out = begun(names, matrix, problem, patience, curve=True)
    try:
        for done in range(1, epochs + 1):
            for runner in runners:
                time.sleep(PAUSE)
                runner.advance(done)
        curves = {runner.name: runner.curve() for runner in runners}
        theirs = (curve[-1][2] for name, curve in curves.items() if name not in OURS)
        lowest = min(theirs, default=0.0)
        for runner in runners if lowest else ():
            if runner.name in OURS:
                curves[runner.name] = _until(runner, lowest, epochs)
        about = [runner.describe() for runner in runners]
    finally:
        stop_all(runners)
    rows = [one | {"curve": curves[one["contender"]]} for one in about]
    return {**compare(rows, epochs), "rows": rows, "left_out": left_out}


def _until(ours: Runner, goal: float, epochs: int) -> Curve:
    """Our curve, gone on with until it is at the goal."""
    done = epochs
    while ours.curve()[-1][2] > goal and done < LONGER * epochs:
        done += 1
        ours.advance(done)
    return ours.curve()


def there(curve: Curve, goal: float) -> float | None:
    """Seconds until a curve is at the goal or below; None: it never is."""
    return next((seconds for _, seconds, reached in curve if reached <= goal), None)


def at(curve: Curve, epochs: int) -> tuple[int, float, float]:
    """The point after so many epochs, or the last one before them."""
    return [point for point in curve if point[0] <= epochs][-1]


def compare(rows: list[dict], epochs: int) -> dict:
    """Add to each row when it is at the goal; return the goal of this case."""
    curves = {row["contender"]: row["curve"] for row in rows}
    ours = curves.get(FAST_NAME, curves.get(OUR_NAME))
    peers = [name for name in curves if name not in OURS]
    if not peers:
        return {"goal": None}
    fastest = min(peers, key=lambda name: at(curves[name], epochs)[1] / at(curves[name], epochs)[0])
    goal = at(curves[fastest], epochs)[2]
    our_seconds = None if ours is None else there(ours, goal)
    for row in rows:
        curve = row["curve"]
        row["seconds_to_goal"] = there(curve, goal)
        row["by_ours"] = _ratio(row["seconds_to_goal"], our_seconds)
        if row["contender"] not in OURS and ours is not None:
            _, seconds, own = at(curve, epochs)
            row["its_own"] = {"objective": own, "seconds": seconds, "ours": there(ours, own)}
            row["its_own"]["by_ours"] = _ratio(seconds, row["its_own"]["ours"])
    return {"goal": {"peer": fastest, "epochs": epochs, "objective": goal}}


def _ratio(theirs: float | None, ours: float | None) -> float | None:
    return None if theirs is None or ours is None else short(theirs / ours)


def claims(cases: list[dict]) -> list[dict]:
    """What the project promises about these figures; who never gets there counts as 0."""
    found = []
    for case in cases:
        rows = {row["contender"]: row for row in case["rows"]}
        if case["goal"] is None or not any(name in rows for name in OURS):
            continue
        d, fastest = case["n_factors"], case["goal"]["peer"]
        text = f"{case['data']}, d={d}: the objective that the fastest peer ({fastest}) has after "
        text += f"{case['goal']['epochs']} epochs, {wanted(d):g} times as soon"
        ratio = rows[fastest]["its_own"]["by_ours"] or 0.0
        found.append({"claim": text, "measured": ratio, "holds": ratio >= wanted(d)})
    return found


def show(case: dict) -> None:
    print(f"\n{case['data']}, d = {case['n_factors']}, goal {case['goal']}")
    print(f"  {'':18}{'s to goal':>10}{'x ours':>8}{'s in all':>10}{'ends at':>13}{'own x':>8}")
    for row in case["rows"]:
        _, seconds, reached = row["curve"][-1]
        own = _cell(row["its_own"]["by_ours"], 8) if "its_own" in row else ""
        print(
            f"  {row['contender']:18}{_cell(row.get('seconds_to_goal'), 10)}"
            f"{_cell(row.get('by_ours'), 8)}{seconds:10.4g}{reached:13.7g}{own}",
            flush=True,
        )
    pieces.say_left_out(case)


def _cell(value: float | None, width: int) -> str:
    return f"{'never' if value is None else f'{value:.4g}':>{width}}"


def main() -> None:
    given = pieces.arguments(
        MODULE, __doc__, list(CONTENDERS), "epochs", EPOCHS, "epochs of each contender"
    )
    pieces.run(
        MODULE,
        given,
        {"epochs": given.count},
        LONGER * given.count if OUR_NAME in given.only else given.count,
        lambda matrix, problem: measure(given.only, matrix, problem, given.count, given.patience),
        claims,
        show,
    )


if __name__ == "__main__":
    main()

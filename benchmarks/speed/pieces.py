"""Benchmarks of data sets by numbers of factors, measured piece by piece into one file.

`epoch` and `race` measure the same contenders on the same problems; what they share of the command
line, of a file's parts and of writing it stands here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine, results
from benchmarks.data import SETS, prepared
from benchmarks.matrix import Matrix
from benchmarks.speed.contenders import CONTENDERS, OUR_NAME, Problem

#: d = 256 of ten million interactions takes minutes an epoch for most: only if asked for.
SIZES = {"powerlaw-s": (64, 128, 256), "ml-1m": (64, 128, 256), "gowalla": (64, 128, 256),
         "powerlaw-m": (64, 128)}  # fmt: skip

Measure = Callable[[Path, Problem], dict]  # rows, left_out, and whatever else a case has
Claims = Callable[[list[dict]], list[dict]]


def arguments(
    module: str, text: str, contenders: list[str], count: str, usual: int, of_what: str
) -> argparse.Namespace:
    """The command line of both; `count` names what there are `usual` of."""
    parser = argparse.ArgumentParser(
        prog=module, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", nargs="+", choices=SETS, default=list(SIZES))
    add("--factors", nargs="+", type=int, help="64 128 256, but 64 128 on powerlaw-m")
    add("--only", nargs="+", choices=contenders, default=contenders, help="contenders")
    add("--without", nargs="+", choices=contenders, default=[], help="contenders left out")
    add(
        "--patience",
        type=float,
        default=20.0,
        help="times our seconds that a first epoch may take; who takes more is asked no more",
    )
    add(f"--{count}", dest="count", type=int, default=usual, help=of_what)
    add("--threads", type=int, default=2)
    add("--unobserved-weight", type=float, default=0.1)
    add("--regularization", type=float, default=1.0)
    add("--seed", type=int, default=0)
    add("--add", action="store_true", help="keep the other parts of the file that is there")
    add("--out", type=Path, default=Path(__file__).with_name(f"{module.rpartition('.')[2]}.json"))
    given = parser.parse_args()
    given.only = [name for name in given.only if name not in given.without]
    given.not_asked = [name for name in contenders if name not in given.only]
    if given.count < 1:
        parser.error(f"--{count} must be at least 1")
    if not given.patience > 0:
        parser.error("--patience must be above 0")
    if OUR_NAME not in given.only:
        print(f"without {OUR_NAME} there are no ratios, no patience and no claims")
    return given


def run(module: str, given: argparse.Namespace, settings: dict, epochs: int, measure: Measure,
        claims: Claims, show: Callable[[dict], None]) -> None:  # fmt: skip
    """Measure what is asked for, and write the file with it after each part."""
    described = machine.describe()
    settings = {
        "n_threads": given.threads,
        "unobserved_weight": given.unobserved_weight,
        "regularization": given.regularization,
        "regularization_exponent": 0.0,
        "seed": given.seed,
        **settings,
    }
    parts = [(name, d) for name in given.data for d in given.factors or SIZES.get(name, (64,))]
    before = kept(given.out, described, settings, set(parts)) if given.add else {}
    data, cases = before.get("data", {}), before.get("cases", [])
    for name, n_factors in parts:
        path = prepared(name)
        data[name] = Matrix.load(path).describe()
        problem = Problem(
            n_factors=n_factors,
            epochs=epochs,
            n_threads=given.threads,
            unobserved_weight=given.unobserved_weight,
            regularization=given.regularization,
            seed=given.seed,
        )
        loaded = machine.load_average()
        case = {"data": name, "n_factors": n_factors, "patience": given.patience,
                "load_average": loaded, **measure(path, problem)}  # fmt: skip
        case["left_out"] += [
            {"contender": absent, **CONTENDERS[absent].describe(), "reason": "not asked for"}
            for absent in given.not_asked
        ]
        show(case)
        cases.append(case)
        cases.sort(key=lambda case: (list(SETS).index(case["data"]), case["n_factors"]))
        described["load_average_after"] = machine.load_average()
        results.write(  # after each part: what is measured is not lost with the next
            given.out, command=f"python -m {module}", machine=described, settings=settings,
            data=data, cases=cases, claims=claims(cases),
        )  # fmt: skip
    results.tell(claims(cases))
    print(f"written: {given.out}")


def kept(path: Path, described: dict, settings: dict, again: set[tuple[str, int]]) -> dict:
    """What a file already holds of other parts, if measured on this CPU with these settings.

    `again` are the parts (data set, d) that are measured anew. A file of another machine or of
    other settings is a `SystemExit`: figures of two machines never share a table.
    """
    if not path.exists():
        return {"data": {}, "cases": []}
    found = json.loads(path.read_text())
    if found["machine"]["cpu"] != described["cpu"] or found["settings"] != settings:
        raise SystemExit(
            f"--add: {path.name} is of another machine or other settings; without --add it is "
            "replaced, with --out another file is written"
        )
    rest = [case for case in found["cases"] if (case["data"], case["n_factors"]) not in again]
    return {"data": found.get("data", {}), "cases": rest}


def say_left_out(case: dict) -> None:
    for absent in case["left_out"]:
        print(f"  {absent['contender']:18}left out: {absent['reason']}", flush=True)

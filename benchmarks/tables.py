"""The tables of docs/performance.md and README.md, written from the JSON files of the benchmarks.

    python -m benchmarks.tables                rewrites what stands between its markers
    python -m benchmarks.tables --check        only says whether that would change anything

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; no figure in it is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.places import ROOT

PAGES = (ROOT / "docs" / "performance.md", ROOT / "README.md")
BETWEEN = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
#: The files that say what was promised, and whether it was kept.
WITH_CLAIMS = (
    "speed/epoch.json", "speed/race.json", "speed/phases.json", "speed/ratings.json",
    "speed/gibbs.json", "speed/svd.json", "speed/topn.json", "speed/evaluation.json",
    "speed/around.json", "speed/scaling.json", "intake.json", "records/ncf.json",
    "records/tune_ncf.json", "records/gowalla.json", "records/tuning.json",
)  # fmt: skip


def _result(name: str, place: str = "") -> dict:
    return json.loads((ROOT / "benchmarks" / place / name).read_text())


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _source(document: dict, name: str) -> str:
    machine = document["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores"
    return f"\n`benchmarks/{name}`, {document['date'][:10]}, {where}.\n"


def _seconds(value: float) -> str:
    return f"{1e3 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def _by_contender(document: dict, title: str, cells_of: Callable[[dict], dict[str, str]]) -> str:
    """A row for each contender of a data set, a column for each d; who was left out, with why."""
    cases = {(case["data"], case["n_factors"]): case for case in document["cases"]}
    factors = sorted({d for _, d in cases})
    rows = []
    for data in dict.fromkeys(data for data, _ in cases):
        here = {d: cells_of(cases[data, d]) for d in factors if (data, d) in cases}
        names = dict.fromkeys(name for found in here.values() for name in found)
        rows += [[f"{data}, {name}", *(here.get(d, {}).get(name, "") for d in factors)]
                 for name in names]  # fmt: skip
    return _table([title, *(f"d = {d}" for d in factors)], rows) + _absent(document)


def epoch() -> str:
    """Seconds and ratio of each contender; in brackets where there is a first epoch only."""
    document = _result("speed/epoch.json")

    def cells(case: dict) -> dict[str, str]:
        probes = [row for row in case.get("left_out", []) if "seconds" in row]
        found = {row["contender"]: _beside(row["seconds"], row) for row in case["rows"]}
        return found | {row["contender"]: f"({_beside(row['seconds'], row)})" for row in probes}

    return _by_contender(document, "one epoch", cells) + _source(document, "speed/epoch.json")


def epoch_in_short() -> str:
    """Ours beside the fastest peer that solves every row exactly, and the fastest that does not."""
    return _epoch_in_short(_result("speed/epoch.json"))


def _epoch_in_short(document: dict) -> str:
    table = []
    for case in document["cases"]:
        rows = {row["contender"]: row for row in (*case["rows"], *case.get("left_out", []))
                if "seconds" in row}  # fmt: skip
        line = [f"{case['data']}, d = {case['n_factors']}"]
        for ours, exact in (("lmf", True), ("lmf-cg", False)):
            peers = [row for name, row in rows.items() if not name.startswith("lmf")]
            alike = [row for row in peers if row["exact"] == exact]
            if ours not in rows or not alike:
                line += [_seconds(rows[ours]["seconds"]) if ours in rows else "", "not asked"]
                continue
            fastest = min(alike, key=lambda row: row["by_ours"])
            # Of who was asked for one epoch only: by our first one.
            ratio = fastest["by_ours"] / rows[ours]["by_ours"]
            theirs = f"{fastest['contender']}: {_seconds(fastest['seconds'])}, {ratio:.3g}"
            line += [_seconds(rows[ours]["seconds"]), theirs]
        table.append(line)
    return _table(["one epoch", "lmf, exact", "fastest exact peer, times ours",
                   "lmf, `cg_steps=3`", "fastest approximate peer, times ours"], table)  # fmt: skip


def race_goal() -> str:
    """Seconds to what the fastest peer ends with, and ratio of each contender."""
    document = _result("speed/race.json")

    def cells(case: dict) -> dict[str, str]:
        return {row["contender"]: _beside(row.get("seconds_to_goal"), row) for row in case["rows"]}

    return _by_contender(document, "to the goal", cells) + _source(document, "speed/race.json")


def _beside(seconds: float | None, row: dict) -> str:
    """Seconds of a contender, and how many times ours they are."""
    if seconds is None:
        return "never"
    ratio = row.get("by_ours")
    beside = "" if ratio in (None, 1.0) else f", {ratio:.3g}"
    return f"{_seconds(seconds)}{beside}"


def _absent(document: dict) -> str:
    """Who has no figure at all, with the reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for case in document["cases"]:
        for row in case.get("left_out", []):
            if "seconds" not in row:
                where = f"{case['data']}, d = {case['n_factors']}"
                reasons.setdefault((row["contender"], row["reason"]), []).append(where)
    lines = [f"* no figure of {name} on {'; '.join(where)}: {reason}\n"
             for (name, reason), where in reasons.items()]  # fmt: skip
    return "\n" + "".join(lines) if lines else ""


def race() -> str:
    """When ours is where the fastest peer ends, and the peer that stays closest to it."""
    document = _result("speed/race.json")
    picture = "![the objective against seconds](pictures/race.svg)\n\n"
    return picture + _race(document) + _source(document, "speed/race.json")


def _race(document: dict) -> str:
    rows = []
    for case in document["cases"]:
        peers = {row["contender"]: row["its_own"] for row in case["rows"] if "its_own" in row}
        if not peers:
            continue
        fastest = case["goal"]["peer"]
        closest = min(peers, key=lambda name: peers[name]["by_ours"] or 0.0)
        rows.append([f"{case['data']}, d = {case['n_factors']}", *_sooner(fastest, peers[fastest]),
                     *_sooner(closest, peers[closest])])  # fmt: skip
    head = ["", "fastest peer", "its time", "ours to there", "times as soon",
            "hardest peer", "its time", "ours to there", "times as soon"]  # fmt: skip
    return _table(head, rows)


def _sooner(name: str, own: dict) -> list[str]:
    ours, ratio = own["ours"], own["by_ours"]
    return [name, _seconds(own["seconds"]), "never" if ours is None else _seconds(ours),
            "" if ratio is None else f"{ratio:.2f}"]  # fmt: skip


def rating_epochs() -> str:
    document = _result("speed/ratings.json")
    rows = [
        [f"{row['contender']}, d = {row['n_factors']}", _seconds(row["seconds"]),
         f"{row['by_ours']:.2f}", f"{row['rmse']:.4f}"]
        for row in document["epochs"]
    ]  # fmt: skip
    head = ["solver", "one epoch", "by lmf-sgd", "RMSE after 20"]
    return _table(head, rows) + _source(document, "speed/ratings.json")


def rating_races() -> str:
    document = _result("speed/ratings.json")
    rows = []
    for race in document["races"].values():
        ours, theirs = race["ours"], race["theirs"]
        rows.append([theirs["contender"], f"{race['goal_rmse']:.4f}", _seconds(theirs["seconds"]),
                     f"{ours['contender']}, d = {ours['n_factors']}, {ours['epochs']} epochs",
                     _seconds(ours["seconds"]), f"{race['by_ours']:.1f}"])  # fmt: skip
    head = ["peer", "its RMSE", "its time", "ours", "our time", "times sooner"]
    return _table(head, rows) + _source(document, "speed/ratings.json")


def gibbs() -> str:
    document = _result("speed/gibbs.json")
    rows = [
        [f"{row['contender']}, d = {case['n_factors']}", _seconds(row["seconds"]),
         f"{row['by_ours']:.1f}"]
        for case in document["cases"] for row in case["rows"]
    ]  # fmt: skip
    return _table(["sampler", "one sample", "by ours"], rows) + _source(
        document, "speed/gibbs.json"
    )


def svd() -> str:
    document = _result("speed/svd.json")
    rows = [
        [f"{row['contender']}, d = {case['n_factors']}", _seconds(row["seconds"]),
         f"{row['by_ours']:.2f}", f"{row['singular_value_error']:.1e}",
         f"{row['error_above_least']:.1e}"]
        for case in document["cases"] for row in case["rows"]
    ]  # fmt: skip
    head = ["", "seconds", "by ours", "error of singular values", "error above the least"]
    return _table(head, rows) + _source(document, "speed/svd.json")


def _topn(part: str, show: Callable[[dict], str]) -> str:
    document = _result("speed/topn.json")
    cases = [case for case in document["cases"] if case["part"] == part]
    names = list(dict.fromkeys(row["contender"] for case in cases for row in case["rows"]))
    rows = []
    for case in cases:
        found = {row["contender"]: show(row) for row in case["rows"]}
        title = f"{case['data']}, {case['items']:,} items, d = {case['n_factors']}"
        cells = [found.get(name, "") for name in names]
        rows.append([title, f"{case['items_listed']:,}", *cells])
    return _table(["", "items listed", *names], rows) + _source(document, "speed/topn.json")


def _three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.10g}"


def topn_many() -> str:
    """Users per second."""
    return _topn("many", lambda row: _three_digits(row["users_per_second"]))


def topn_one() -> str:
    """Microseconds of a question; the recall of who is not exact."""

    def show(row: dict) -> str:
        recall = row.get("recall", 1.0)
        lost = "" if recall > 0.995 else f" (recall {recall:.2f})"
        return _three_digits(row["microseconds"]) + lost

    return _topn("one", show)


def intake() -> str:
    document = _result("intake.json")
    rows = [
        [f"{case['order']}, {row['reader']}", _seconds(row["seconds"]),
         f"{row['peak_bytes'] / 1e9:.2f} GB"]
        for case in document["cases"] for row in case["rows"]
    ]  # fmt: skip
    return _table(["20 million rows of Parquet", "seconds", "peak memory"], rows) + _source(
        document, "intake.json"
    )


def around() -> str:
    document = _result("speed/around.json")
    rows = [[row["thing"], _seconds(row["seconds"]), f"{row['by_sweep']:.2f}"]
            for row in document["rows"]]  # fmt: skip
    head = [f"{document['data']['interactions']:,} interactions, d = 64", "seconds", "in sweeps"]
    causes = [f"\n{claim['claim'].split(':')[0]} takes longer: {claim['cause']}\n"
              for claim in document["claims"] if "cause" in claim]  # fmt: skip
    return _table(head, rows) + "".join(causes) + _source(document, "speed/around.json")


def bf16() -> str:
    """Of each kind of kernel the fastest."""
    document = _result("speed/bf16.json")
    rows = []
    for case in document["cases"]:
        best: dict[str, dict] = {}
        for row in sorted(case["rows"], key=lambda row: row["gflops"]):
            best["amx" if "amx" in row["kernel"] else row["kernel"].split("-")[0]] = row
        for row in best.values():
            rows.append([f"{row['kernel']}, d = {case['n_factors']}", f"{row['gflops']:.0f}",
                         f"{row['gflops'] / best['fma']['gflops']:.2f}",
                         f"{row['gflops_of_update']:.0f}",
                         *(f"{error:.1e}" for error in row["errors"].values())])  # fmt: skip
    head = ["kernel", "GFLOP/s", "by FMA", "without packing", "error of C", "of a solution",
            "of a hard one"]  # fmt: skip
    said = f"\nbf16x3 {document['verdict']}.\n"
    return _table(head, rows) + said + _source(document, "speed/bf16.json")


def phases() -> str:
    """Shares of a sweep, and what the machine would need for its operations or bytes alone."""
    document = _result("speed/phases.json")
    return _phases(document) + _source(document, "speed/phases.json")


def _phases(document: dict) -> str:
    names = ["rank-n update", "factorization", "solves", "conjugate gradients", "gathering", "Gram",
             "rotation", "eigen", "other"]  # fmt: skip
    rows = [
        [f"{case['data']}, d = {case['n_factors']}", _seconds(case["seconds"]),
         *(f"{case['shares'].get(name, 0):.0%}" for name in names),
         _seconds(case["seconds_by_operations"]), _seconds(case["seconds_by_bytes"]),
         f"{case['primal_by_sgemm']:.0%}" if case["primal_gflops"] else ""]
        for case in document["cases"]
    ]  # fmt: skip
    head = ["", "one sweep", *names, "operations alone", "bytes alone", "primal by sgemm"]
    return _table(head, rows)


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def scaling() -> str:
    document = _result("speed/scaling.json")
    rows = [
        [f"{case['part']}: {case['interactions']:,} of {case['users']:,} x {case['items']:,}, "
         f"d = {case['n_factors']}, {case['n_threads']} threads".replace("1 threads", "1 thread"),
         _seconds(case["seconds"]), _seconds(case["read_seconds"]),
         _gigabytes(case["fit_peak_bytes"]), _gigabytes(case["fit_limit_bytes"]),
         _gigabytes(case["whole_peak_bytes"])]
        for case in document["cases"]
    ]  # fmt: skip
    head = ["", "one sweep", "reading", "peak of the fit", "docs/memory.md", "of the process"]
    return _table(head, rows) + _source(document, "speed/scaling.json")


def scaling_pictures() -> str:
    """What scaling_pictures.py drew."""
    told = {
        "scaling": "Seconds of a sweep and peak memory against interactions, users and items",
        "scaling-factors": "Seconds of a sweep against d from 16 to 2048, beside peers",
    }
    for name in told:
        (ROOT / "docs" / "pictures" / f"{name}.svg").stat()  # or it is said that there is none
    return "\n".join(f"![{text}](pictures/{name}.svg)\n" for name, text in told.items())


def scaling_exponents() -> str:
    document = _result("speed/scaling.json")
    measured = {"seconds": "seconds of a sweep", "fit_peak_bytes": "peak memory of a fit"}
    rows = [
        [f"{measured[line['y']]} against {line['x']}"
         + (f", {line['name']}" if line["part"] == "factors" else ""),
         f"{line['from']:,} to {line['to']:,}", f"{line['exponent']:.2f}",
         f"{line['exponent_of_last_two']:.2f}"]
        for line in document["series"]
    ]  # fmt: skip
    head = ["", "measured", "exponent", "of the last two points"]
    speedups = "".join(f"\nTwo threads are {ratio:.2f} times as fast as one at d = {d}.\n"
                       for d, ratio in document["speedup_of_two_threads"].items())  # fmt: skip
    return _table(head, rows) + speedups + _source(document, "speed/scaling.json")


def scaling_far() -> str:
    """What the law says of data that this machine does not hold."""
    document = _result("speed/scaling.json")
    if "law" not in document:
        return "Not enough points yet.\n"
    law = document["law"]
    told = (
        f"A sweep takes {1e9 * law['seconds_an_interaction']:.3g} ns an interaction and "
        f"{1e6 * law['seconds_a_row']:.3g} us a user or item; the worst of {law['points']} points "
        f"measured is {100 * law['largest_relative_error']:.0f} % off. Measured up to "
        f"{document['measured_up_to']:,} interactions; what is beyond is extrapolated.\n\n"
    )
    rows = [
        [f"{row['interactions']:,}", f"{row['users']:,} x {row['items']:,}",
         *(f"{row['gigabytes'][part]:,.4g} GB" for part in ("reading", "fit")),
         f"{row['sweep_seconds']:,.4g} s", f"{row['hours']:,.3g}",
         f"{row['hours_of_many_threads']:,.3g}" if "hours_of_many_threads" in row else ""]
        for row in document["extrapolated"]
    ]  # fmt: skip
    head = ["interactions", "users x items", "reading", "interactions and fit", "a sweep here",
            "hours of 16 epochs here", "with 64 threads"]  # fmt: skip
    last = [
        [f"{row['memory_gib']:,} GiB", f"{row['interactions']:,.2g}",
         f"{row['sweep_seconds']:,.3g} s"]
        for row in document["ends"]
    ]  # fmt: skip
    ends = _table(["one machine of", "ends at so many interactions", "a sweep of them here"], last)
    return told + _table(head, rows) + "\n" + ends + _source(document, "speed/scaling.json")


def rmse() -> str:
    document = _result("records/ratings.json")
    protocols = list(dict.fromkeys(row["protocol"] for row in document["rows"]))
    models = dict.fromkeys(row["model"] for row in document["rows"])
    found = {(row["protocol"], row["model"]): f"{row['rmse']:.4f}" for row in document["rows"]}
    rows = [[model, *(found.get((protocol, model), "") for protocol in protocols)]
            for model in models]  # fmt: skip
    return _table(["RMSE", *protocols], rows) + _source(document, "records/ratings.json")


def claims() -> str:
    """What was promised and missed, of every file that says so."""
    return _table(["file", "targets met", "missed"], [_kept(name) for name in WITH_CLAIMS])


def _kept(name: str, place: str = "") -> list[str]:
    try:
        told = _result(name, place)["claims"]
    except FileNotFoundError:
        return [f"`{name}`", "", "not measured yet"]
    missed = [f"{claim['claim']}: {claim['measured']:.3g}" for claim in told
              if not claim["holds"]]  # fmt: skip
    return [f"`{name}`", f"{len(told) - len(missed)} of {len(told)}", "; ".join(missed) or "none"]


def elsewhere() -> str:
    """The machines that benchmarks were run on besides, what held there, and epochs in short."""
    told = ""
    for folder in sorted((ROOT / "benchmarks" / "elsewhere").iterdir()):
        place = f"elsewhere/{folder.name}"
        found = {name: _result(name, place) for name in WITH_CLAIMS if (folder / name).exists()}
        if not found:
            continue
        dates = sorted({document["date"][:10] for document in found.values()})
        machines = [document["machine"] for document in found.values()]
        machine = machines[0]
        one, two = (_range([each["sgemm_gflops"][n] for each in machines]) for n in ("1", "2"))
        told += (
            f"**{folder.name}**: {machine['cpu']}, {machine['cores']} cores, sgemm {one} GFLOP/s "
            f"on one thread and {two} on two; `benchmarks/{place}`, {', '.join(dates)}.\n\n"
        )
        told += _table(["file", "targets met", "missed"], [_kept(name, place) for name in found])
        for name, drawn in IN_SHORT.items():
            told += "\n" + drawn(found[name]) if name in found else ""
    return told


def _range(rates: list[float]) -> str:
    """The one number that all of them are, or from the least to the largest."""
    least, largest = f"{min(rates):.0f}", f"{max(rates):.0f}"
    return least if least == largest else f"{least} to {largest}"


#: What is drawn of another machine's files.
IN_SHORT: dict[str, Callable[[dict], str]] = {
    "speed/epoch.json": _epoch_in_short, "speed/race.json": _race, "speed/phases.json": _phases,
}  # fmt: skip

TABLES: dict[str, Callable[[], str]] = {
    "epoch": epoch, "epoch-in-short": epoch_in_short, "race": race, "race-goal": race_goal,
    "rating-epochs": rating_epochs, "rating-races": rating_races,
    "gibbs": gibbs, "svd": svd, "topn-many": topn_many, "topn-one": topn_one, "intake": intake,
    "rmse": rmse, "claims": claims,
    "elsewhere": elsewhere, "around": around, "bf16": bf16, "phases": phases,
    "scaling": scaling,
    "scaling-pictures": scaling_pictures, "scaling-exponents": scaling_exponents,
    "scaling-far": scaling_far,
}  # fmt: skip


def table(name: str) -> str:
    """The table, or that nobody has measured it."""
    try:
        return TABLES[name]()
    except FileNotFoundError as error:
        return f"Not measured yet: there is no `{Path(error.filename).relative_to(ROOT)}`.\n"


def fresh(page: str) -> str:
    """The text of a page with its tables as the files have them now."""
    return BETWEEN.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[4]}", page)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    stale = []
    for page in PAGES:
        text = page.read_text()
        stale += [page.name] if fresh(text) != text else []
        if not given.check:
            page.write_text(fresh(text))
    if given.check:
        raise SystemExit(f"not what the JSON files say: {', '.join(stale)}" if stale else 0)


if __name__ == "__main__":
    main()

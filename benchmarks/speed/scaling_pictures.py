"""Draws speed/scaling.json as log-log plots: docs/pictures/scaling.svg and scaling-factors.svg.

python -m benchmarks.speed.scaling_pictures
python -m benchmarks.speed.scaling_pictures --source .bench/look.json --folder .bench
"""

from __future__ import annotations

import argparse
import json
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.places import ROOT
from benchmarks.speed.scaling import REAL
from lmf import drawing

HERE = Path(__file__).parent
SIDES = ("interactions", "users", "items")
QUANTITIES = {"seconds": ("seconds of a sweep", 1.0), "fit_peak_bytes": ("peak of a fit, GB", 1e9)}
#: Peers by contender, in the order of their grey.
MARKERS = "sv^DPX<>dph*H8"


def sizes(document: dict) -> Any:
    """Seconds and memory against interactions, users and items."""
    from matplotlib.figure import Figure

    with drawing.style():
        figure = Figure(figsize=(9.6, 5.6), layout="constrained")
        places = figure.subplots(len(QUANTITIES), len(SIDES), sharex="col", sharey="row")
        for row, (quantity, (_, unit)) in zip(places, QUANTITIES.items(), strict=True):
            for axes, part in zip(row, SIDES, strict=True):
                cases = [case for case in document["cases"] if case["part"] == part]
                x = [case[part] for case in cases]
                y = [case[quantity] / unit for case in cases]
                line(axes, x, y, drawing.POSITIVE, exponent_of(document, part, part, quantity))
                if quantity == "fit_peak_bytes":
                    bound = [case["fit_limit_bytes"] / unit for case in cases]
                    axes.plot(x, bound, color=drawing.QUIET, ls="--", lw=1, label="docs/memory.md")
                if cases:
                    axes.legend(fontsize=6.5, loc="lower right")
        for axes, part in zip(places[-1], SIDES, strict=True):
            axes.set_xlabel(part)
        for row, (label, _) in zip(places, QUANTITIES.values(), strict=True):
            row[0].set_ylabel(label)
    return figure


def factors(document: dict, peers: dict | None) -> Any:
    """Seconds of a sweep against d, beside the epochs of peers measured on the same CPU."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator, ScalarFormatter

    with drawing.style():
        figure = Figure(figsize=(9.6, 3.8), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(REAL), sharey=True), REAL, strict=True):
            cases = [c for c in document["cases"] if c["part"] == "factors" and c["data"] == name]
            x, y = ([case[key] for case in cases] for key in ("n_factors", "seconds"))
            line(axes, x, y, drawing.POSITIVE,
                 "lmf, " + exponent_of(document, "factors", name, "seconds"))  # fmt: skip
            others, markers = peers_on(peers, name), cycle(MARKERS)
            for marker, (peer, points) in zip(markers, others.items(), strict=False):
                axes.plot(*zip(*points, strict=True), marker=marker, ms=4, lw=0.8,
                          color=drawing.QUIET, label=peer)  # fmt: skip
            axes.set_title(name)
            axes.set_xlabel("factors d")
            ticks = sorted({*x, *(d for line in others.values() for d, _ in line)})
            if ticks:
                axes.set_xticks(ticks)
                axes.legend(fontsize=6.5, loc="lower right")
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_locator(NullLocator())
        figure.axes[0].set_ylabel("seconds of a sweep")
    return figure


def line(axes: Any, x: list, y: list, colour: str, label: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    if x:
        axes.plot(x, y, marker="o", ms=4, color=colour, label=label)


def exponent_of(document: dict, part: str, name: str, quantity: str) -> str:
    for found in document["series"]:
        if (found["part"], found["name"], found["y"]) == (part, name, quantity):
            return f"exponent {found['exponent']:.2f}"
    return "measured"


def peers_on(epochs: dict | None, data: str) -> dict[str, list[tuple[int, float]]]:
    """Points (d, seconds) of each peer on one data set."""
    found: dict[str, list[tuple[int, float]]] = {}
    for case in [] if epochs is None else epochs["cases"]:
        for row in case["rows"]:
            if case["data"] == data and row["contender"] != "lmf":
                point = (case["n_factors"], row["seconds"])
                found.setdefault(row["contender"], []).append(point)
    return {name: sorted(points) for name, points in sorted(found.items())}


def of_same_cpu(document: dict, path: Path) -> dict | None:
    """Another result, or None if it is not there or of another CPU: they share no plot."""
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return found if found["machine"]["cpu"] == document["machine"]["cpu"] else None


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.scaling_pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--source", type=Path, default=HERE / "scaling.json")
    parser.add_argument("--peers", type=Path, default=HERE / "epoch.json")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    if not given.source.exists():
        print(f"not measured yet: {given.source.name}")
        return
    document = json.loads(given.source.read_text())
    peers = of_same_cpu(document, given.peers)
    if peers is None:
        print(f"no peers beside lmf: {given.peers.name} is not there or of another CPU")
    for name, figure in (
        ("scaling", sizes(document)),
        ("scaling-factors", factors(document, peers)),
    ):
        path = given.folder / f"{name}.svg"
        with drawing.style():  # its salt makes the same picture the same file
            figure.savefig(path, metadata={"Date": None})
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

"""The pictures of docs/performance.md, drawn from the JSON files beside the benchmarks.

    python -m benchmarks.pictures

`docs/pictures/race.svg`: for each data set and d, how far everybody's objective is above the lowest
that anybody reached, against seconds of training.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.places import ROOT
from benchmarks.speed.contenders import OURS
from lmf import drawing

FOLDER = ROOT / "docs" / "pictures"
#: A distance below that is drawn as that: the logarithm has no zero.
LEAST = 1e-4


def race(document: dict) -> Any:
    """A row of panels a data set, a column a d; both axes logarithmic."""
    drawing.matplotlib()
    from matplotlib import pyplot

    cases = {(case["data"], case["n_factors"]): case for case in document["cases"]}
    sets = list(dict.fromkeys(data for data, _ in cases))
    factors = sorted({d for _, d in cases})
    names = list(dict.fromkeys(row["contender"] for case in cases.values() for row in case["rows"]))
    with drawing.style():
        figure, panels = pyplot.subplots(
            len(sets), len(factors), squeeze=False, layout="constrained",
            figsize=(1.5 + 3.4 * len(factors), 0.8 + 2.4 * len(sets)),
        )  # fmt: skip
        for data, row in zip(sets, panels, strict=True):
            for d, axes in zip(factors, row, strict=True):
                if (data, d) in cases:
                    _curves(axes, cases[data, d], names)
                else:
                    axes.set_axis_off()
        for axes in panels[-1]:
            axes.set_xlabel("seconds of training")
        for axes in panels[:, 0]:
            axes.set_ylabel("above the lowest, %")
        lines = {line.get_label(): line for axes in panels.flat for line in axes.get_lines()}
        figure.legend(
            [lines[name] for name in names], names, loc="outside right upper", handlelength=2.5
        )
    return figure


def _curves(axes: Any, case: dict, names: list[str]) -> None:
    lowest = min(point[2] for row in case["rows"] for point in row["curve"])
    for row in case["rows"]:
        _, seconds, reached = zip(*row["curve"], strict=True)
        above = [100 * max(one / lowest - 1, LEAST) for one in reached]
        axes.plot(seconds, above, label=row["contender"], **_look(row["contender"], names))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(f"{case['data']}, d = {case['n_factors']}")


def _look(name: str, names: list[str]) -> dict:
    """Ours in the colour of the house; a colour a library, a stroke a solver of it."""
    if name in OURS:
        stroke = ("--", "-")[OURS.index(name)]
        return {"color": drawing.POSITIVE, "linestyle": stroke, "linewidth": 2.4, "zorder": 3}
    from matplotlib import colormaps

    libraries = list(dict.fromkeys(one.split("-")[0] for one in names if one not in OURS))
    library = name.split("-")[0]
    solvers = [one for one in names if one.split("-")[0] == library]
    colour = colormaps["Dark2"](libraries.index(library) % 8)
    stroke = ("-", "--", ":", "-.")[solvers.index(name) % 4]
    return {"color": colour, "linestyle": stroke, "linewidth": 1.2}


def main() -> None:
    source = ROOT / "benchmarks" / "speed" / "race.json"
    if not source.exists():
        print(f"not measured yet: {source.relative_to(ROOT)}")
        return
    path = FOLDER / "race.svg"
    race(json.loads(source.read_text())).savefig(path, metadata={"Date": None})
    print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

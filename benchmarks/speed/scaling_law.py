"""What measured sweeps and peaks say about larger data: exponents, a law, and where it leads.

* **Exponent**: the slope of log y on log x by least squares, over the points of one series.
* **Law** of a sweep at one d: a N + b (m + n) seconds for N interactions, m users, n items, a and b
  not negative, of least relative squared error (Lawson & Hanson 1974). How far the worst measured
  point is from it is told beside it.
* **Memory**: docs/memory.md. Interactions R by user; a fit takes R + 2 F + W besides.
* **Growth**: 200 interactions a user, and items as the square root of N.

What is extrapolated assumes that a larger machine is like this one: factors that lie further
outside the caches and on several memory controllers are not in the law.
"""

from __future__ import annotations

from math import log2, sqrt

import numpy as np
from scipy.optimize import nnls

from benchmarks.speed.turns import short

MB, GB = 2**20, 1e9
#: Of a whole fit.
EPOCHS = 16
#: Interactions that a table asks about; those of `MEASURED` at most can be measured here.
ASKED = (100_000_000, 1_000_000_000, 10_000_000_000)
#: GiB of memory of some machines; a tenth is left to the system.
MACHINES = (24, 256, 1024, 4096)
USABLE = 0.9
MANY_THREADS = 64


def exponent(x: list[float], y: list[float]) -> float:
    """The slope of log y on log x."""
    return round(float(np.polyfit(np.log(x), np.log(y), 1)[0]), 3)


def rows_bytes(users: float, items: float, interactions: float) -> float:
    """R of docs/memory.md, without values."""
    return 4 * interactions + 8 * (users + items)


def fit_limit(users: float, items: float, interactions: float, d: int, n_threads: int) -> float:
    """What a fit of WeightedMF takes at most beside its interactions: R + 2 F + W."""
    factors = 4 * d * (users + items)
    work = (40 + 8 * n_threads) * MB + 8 * (6 + n_threads) * d * d
    return rows_bytes(users, items, interactions) + 2 * factors + work


def grown(interactions: float) -> tuple[float, float]:
    """Users and items of so many interactions, as `Growth` says."""
    return interactions / 200, 30_000 * sqrt(interactions / 1e7)


def law(cases: list[dict]) -> dict:
    """a and b of a sweep's seconds, from cases of one d and one number of threads."""
    terms = np.array([[c["interactions"], c["users"] + c["items"]] for c in cases], np.float64)
    seconds = np.array([c["seconds"] for c in cases])
    (a, b), _ = nnls(terms / seconds[:, None], np.ones(len(cases)))
    off = np.abs(terms @ [a, b] / seconds - 1)
    return {
        "seconds_an_interaction": short(float(a)),
        "seconds_a_row": short(float(b)),
        "points": len(cases),
        "largest_relative_error": short(float(off.max())),
    }


def memory(interactions: float, d: int, n_threads: int, read_bytes: float) -> dict[str, float]:
    """Bytes of the whole, from the file to the factors: the larger of reading and fitting.

    `read_bytes`: the peak of reading by interaction.
    """
    users, items = grown(interactions)
    rows = rows_bytes(users, items, interactions)
    fit = rows + fit_limit(users, items, interactions, d, n_threads)
    reading = read_bytes * interactions
    return {"reading": reading, "fit": fit, "whole": max(reading, fit)}


def extrapolated(
    found: dict, d: int, n_threads: int, read: tuple[float, float], speedup: float | None
) -> list[dict]:
    """Memory and time of `ASKED` interactions, by the law `found`.

    `read`: seconds and peak bytes of reading by interaction; `speedup`: of two threads over one.
    """
    rows = []
    for interactions in ASKED:
        users, items = grown(interactions)
        sweep = found["seconds_an_interaction"] * interactions
        sweep += found["seconds_a_row"] * (users + items)
        hours = (EPOCHS * sweep + read[0] * interactions) / 3600
        row = {
            "interactions": interactions,
            "users": round(users),
            "items": round(items),
            "gigabytes": {
                name: short(size / GB)
                for name, size in memory(interactions, d, n_threads, read[1]).items()
            },
            "sweep_seconds": short(sweep),
            "hours": short(hours),
        }
        if speedup:
            row["hours_of_many_threads"] = short(hours / speedup ** log2(MANY_THREADS / n_threads))
        rows.append(row)
    return rows


def ends(found: dict, d: int, n_threads: int, read_bytes: float) -> list[dict]:
    """The most interactions that the memory of some machines holds, and a sweep of them here."""
    rows = []
    for gibibytes in MACHINES:
        room = USABLE * gibibytes * 2**30
        low, high = 1.0, 1e13
        while high / low > 1.001:
            middle = sqrt(low * high)
            fits = memory(middle, d, n_threads, read_bytes)["whole"] <= room
            low, high = (middle, high) if fits else (low, middle)
        users, items = grown(low)
        sweep = found["seconds_an_interaction"] * low + found["seconds_a_row"] * (users + items)
        rows.append(
            {
                "memory_gib": gibibytes,
                "interactions": float(f"{low:.2g}"),
                "sweep_seconds": short(sweep),
            }
        )
    return rows

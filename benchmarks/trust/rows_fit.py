"""Fits: killed, repeated, checked against float64, run beside each other, and what they hold."""

from __future__ import annotations

from typing import Any

from benchmarks.trust.row import Row

_PYTEST = "python -m pytest -q -p no:cacheprovider"


def _kills(found: dict[str, Any]) -> str:
    kills = sum(one["kills"] for one in found.values())
    lost = max(one["epochs_lost"] for one in found.values())
    return f"{kills:,} kills over {len(found)} fits: the same bits, at most {lost} epoch lost"


def _bits(found: dict[str, Any]) -> str:
    models = [one for name, one in found.items() if name != "golden"]
    seeds = max(one["seeds"] for one in models)
    repeats = min(one["repeats"] for one in models)
    levels = len(found.get("golden", {}))
    return (
        f"{len(models)} fits, up to {seeds} seeds by 5 numbers of threads, {repeats} repeats: one "
        f"hash each; {levels} instruction sets as kept in git"
    )


def _truth(found: dict[str, Any]) -> str:
    ill = found["ill-conditioned"]
    solvers = [one for name, one in found.items() if name != "ill-conditioned"]
    problems = min(one["problems"] for one in solvers)
    refused = sum(one["refused"] for one in ill.values())
    return (
        f"{problems:,} problems for each of {len(solvers)} solvers: none wrong; ill-conditioned "
        f"for {len(ill)} models: finite, or in {refused:,} an error"
    )


def _threads(found: dict[str, Any]) -> str:
    pressed = sum(one["pressed"] for one in found["interrupts"].values())
    exits = sum(one["exits"] for one in found["exits"].values())
    text = f"0 crashes, hangs or wrong bits; {exits:,} exits during fits, Ctrl-C {pressed:,} times"
    if "answer" in found:
        worst = max(one["worst_seconds"] for one in found["answer"].values())
        text += f", answered in {worst:.2f} s at worst on ML-1M at d = 128"
    return text


def _memory(found: dict[str, Any]) -> str:
    cases = [one for sets in found.values() for one in sets.values()]
    fits = [100 * one["fit_mb"] / one["limit_mb"] for one in cases if "fit_mb" in one]
    lists = max(100 * one["recommend_mb"] / one["recommend_limit_mb"] for one in cases)
    return (
        f"{len(fits)} fits took {min(fits):.0f} to {max(fits):.0f} % of what the page allows, "
        f"lists for everybody {lists:.0f} % at most"
    )


def _soak(found: dict[str, Any]) -> str:
    return (
        f"{found['turns']:,} turns in {found['seconds'] / 60:.0f} min: "
        f"{found['mb_in_10_min']:+.2f} MB in 10 min, {found['descriptors'][1]} descriptors"
    )


ROWS = [
    Row(
        "kill-fit",
        "A fit that is killed goes on from its checkpoint to the same bits.",
        "kill -9 at random moments, every trainer, resumed ones too; at most one epoch lost.",
        f"{_PYTEST} tests/trust/test_kill_fit.py",
        _kills,
    ),
    Row(
        "bits",
        "The same seed gives the same bits.",
        "Hashes of all factors for 1, 2, 3, 4, 8 threads, repeats, and each instruction set.",
        f"{_PYTEST} tests/trust/test_bits.py",
        _bits,
    ),
    Row(
        "truth",
        "Solutions are within 1e-5 of float64, objectives never rise.",
        "Random problems against oracles in NumPy and SciPy; hopeless ones give an error by name.",
        f"{_PYTEST} tests/trust/test_truth.py",
        _truth,
    ),
    Row(
        "threads",
        "Threads, fork, exit and Ctrl-C do no harm.",
        "16 fits and questions at once, fits in forked children, exit and Ctrl-C during fits.",
        f"{_PYTEST} tests/trust/test_threads.py",
        _threads,
    ),
    Row(
        "memory",
        "A fit and its answers stay within the memory that docs/memory.md states.",
        "Peak of the process (VmHWM) above what it held before, in fresh processes.",
        f"{_PYTEST} tests/trust/test_memory.py -k 'peaks or everybody'",
        _memory,
    ),
    Row(
        "soak",
        "Nothing leaks.",
        "Fit, save, load, recommend, predict, fold in, over and over; slope of resident memory.",
        f"{_PYTEST} tests/trust/test_memory.py -k leaks",
        _soak,
    ),
]

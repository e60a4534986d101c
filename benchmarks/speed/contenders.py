"""Who is measured, and how one problem is said in each library's own parameters.

The problem has constant regularization (exponent 0), because that is what nearly all can express:

* lmf        as it stands: observed weight 1, unobserved weight w0, λ; once with every row solved
             and once, as `lmf-cg`, with `cg_steps=3, relaxation=1.6`
* implicit   observed weight `alpha`, unobserved weight 1: the objective divided by w0, so
             alpha = 1/w0 and λ/w0
* buffalo, LensKit, cmfrec   observed weight 1 + alpha (LensKit calls it `weight`), unobserved
             weight 1: alpha = 1/w0 − 1 and λ/w0
* irspack    observed (y−1)² plus α0·y² over all pairs, so w0 = α0/(1+α0) and the same λ; its
             factors are ours divided by √(1+α0)
* Spark      weights as buffalo; its penalty is always λ times the interactions of the row, so it
             minimises something else: λ/w0 by the mean number of them, and `objective` says so

`epoch_runs` calls them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.matrix import Matrix
from benchmarks.speed import epoch_runs as runs
from benchmarks.speed.problem import Factors, Now, Problem, Tick

__all__ = [
    "CONTENDERS", "FAST_NAME", "OURS", "OUR_NAME", "Contender", "Problem", "restrict_to", "version",
]  # fmt: skip

OUR_NAME, FAST_NAME = OURS = ("lmf", "lmf-cg")


@dataclass(frozen=True)
class Contender:
    """A library with one of its solvers; `peer` names its environment, None is our own.

    Either `train` or `fits` is there (see `epoch_runs`).
    """

    solver: str
    exact: bool
    train: Callable[[Matrix, Problem, Tick], Factors] | None = None
    fits: Callable[[Matrix, Problem], Callable[[int], Now]] | None = None
    peer: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    #: what it minimises instead of the one objective
    objective: str = ""

    @property
    def library(self) -> str:
        return self.peer or "lmf"

    @property
    def in_whole_fits(self) -> bool:
        """Whether it has no epochs to be asked for, one after the other."""
        return self.fits is not None

    def describe(self) -> dict:
        other = {"minimises": self.objective} if self.objective else {}
        return {"solver": self.solver, "exact": self.exact, **other}


def _implicit(solver: str, *, use_cg: bool, exact: bool) -> Contender:
    return Contender(
        solver,
        exact,
        train=partial(runs.implicit_als, use_cg=use_cg),
        peer="implicit",
        # implicit's documentation asks for it: it threads over rows and calls BLAS in each.
        environment={"OPENBLAS_NUM_THREADS": "1"},
    )


def _irspack(name: str, solver: str, *, exact: bool, block: int = 64) -> Contender:
    train = partial(runs.irspack_ials, solver=solver, block=block)
    return Contender(name, exact, train=train, peer="irspack")


def _buffalo(solver: str, optimizer: str, *, exact: bool) -> Contender:
    return Contender(
        solver,
        exact,
        train=partial(runs.buffalo_als, optimizer=optimizer),
        peer="buffalo",
        # It trains with Eigen. The OpenBLAS in its NumPy, which judges it, is older than some CPUs.
        environment={"OPENBLAS_CORETYPE": "Haswell"},
    )


def _cmfrec(solver: str, *, use_cg: bool, exact: bool) -> Contender:
    fits = partial(runs.cmfrec_fits, use_cg=use_cg)
    return Contender(solver, exact, fits=fits, peer="cmfrec")


CONTENDERS = {
    OUR_NAME: Contender("exact", exact=True, train=runs.lmf_als),
    FAST_NAME: Contender(
        "CG, 3 steps, relaxation 1.6", exact=False,
        train=partial(runs.lmf_als, cg_steps=3, relaxation=1.6),
    ),
    "implicit-cg": _implicit("CG, 3 steps (its default)", use_cg=True, exact=False),
    "implicit-cholesky": _implicit("Cholesky", use_cg=False, exact=True),
    "irspack-cg": _irspack("CG, 3 steps (its default)", "CG", exact=False),
    "irspack-cholesky": _irspack("Cholesky", "CHOLESKY", exact=True),
    "irspack-ialspp": _irspack("iALS++, blocks of 64 (its default)", "IALSPP", exact=False),
    "irspack-ialspp-32": _irspack("iALS++, blocks of 32", "IALSPP", exact=False, block=32),
    "buffalo-cg": _buffalo("CG, 3 steps (its default)", "manual_cg", exact=False),
    "buffalo-cholesky": _buffalo("Cholesky (llt)", "llt", exact=True),
    "buffalo-ialspp": _buffalo("iALS++, blocks of 32 (its default)", "ialspp", exact=False),
    "cmfrec-cg": _cmfrec("CG, 3 steps (its default)", use_cg=True, exact=False),
    "cmfrec-cholesky": _cmfrec("Cholesky", use_cg=False, exact=True),
    "lenskit": Contender("Cholesky", exact=True, train=runs.lenskit_als, peer="lenskit"),
    "spark": Contender(
        "Cholesky, local mode", exact=True, fits=runs.spark_fits, peer="pyspark",
        objective="a penalty of each row that grows with its interactions; the mean is λ",
    ),
}  # fmt: skip


def version(contender: Contender) -> dict[str, str]:
    """Versions in the running process: of the library, and of NumPy and SciPy below it."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in (contender.library, "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name == "lmf":  # our own, run from the source tree
                found[name] = "source tree"
    return found


def restrict_to(n_threads: int) -> None:
    """Keep this process on the first `n_threads` cores: nobody gets more by a hidden pool."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])

"""Who is measured, and how one problem is said in each library's own parameters.

Each contender is a function `(matrix, problem, tick) -> (user_factors, item_factors)`. It calls
`tick()` once when training is about to begin and once after each epoch, `problem.epochs` times;
the time between two ticks is one epoch, both half sweeps and nothing else. It returns factors in
the scale of `objective`.

The problem has constant regularization (exponent 0), because that is what all three can express:

* lmf        as it stands: observed weight 1, unobserved weight w0, λ
* implicit   observed weight `alpha`, unobserved weight 1: the objective divided by w0, so
             alpha = 1/w0 and λ/w0
* irspack    observed (y−1)² plus α0·y² over all pairs, so w0 = α0/(1+α0) and the same λ; its
             factors are ours divided by √(1+α0)

Only public calls of the libraries are used, and their defaults wherever nothing is said.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.matrix import Matrix

Factors = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """One training run, in lmf's terms."""

    n_factors: int
    epochs: int
    n_threads: int
    unobserved_weight: float
    regularization: float
    seed: int = 0


@dataclass(frozen=True)
class Contender:
    """A library with one of its solvers; `peer` names its environment, None is our own."""

    train: Callable[[Matrix, Problem, Callable[[], None]], Factors]
    solver: str
    exact: bool
    peer: str | None = None
    #: in the run unless asked otherwise
    default: bool = True
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def library(self) -> str:
        return self.peer or "lmf"


def lmf_exact(matrix: Matrix, problem: Problem, tick: Callable[[], None]) -> Factors:
    import lmf

    data = lmf.Interactions.of(matrix.scipy(np.int64), value=False)
    model = lmf.WeightedMF(
        n_factors=problem.n_factors,
        unobserved_weight=problem.unobserved_weight,
        regularization=problem.regularization,
        regularization_exponent=0.0,
        epochs=problem.epochs,
        tolerance=0.0,  # every epoch asked for is run
        seed=problem.seed,
        n_threads=problem.n_threads,
    )
    tick()
    model.fit(data, progress=False, callback=lambda _record: tick())
    return model.factors_.user_factors, model.factors_.item_factors


def implicit_als(
    matrix: Matrix, problem: Problem, tick: Callable[[], None], *, use_cg: bool
) -> Factors:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=problem.n_factors,
        alpha=1.0 / problem.unobserved_weight,
        regularization=problem.regularization / problem.unobserved_weight,
        iterations=problem.epochs,
        num_threads=problem.n_threads,
        random_state=problem.seed,
        use_cg=use_cg,
        use_gpu=False,
    )
    tick()
    model.fit(matrix.scipy(), show_progress=False, callback=lambda *_record: tick())
    return model.user_factors, model.item_factors


def irspack_ials(
    matrix: Matrix, problem: Problem, tick: Callable[[], None], *, solver: str
) -> Factors:
    from irspack import IALSRecommender

    alpha0 = problem.unobserved_weight / (1.0 - problem.unobserved_weight)
    model = IALSRecommender(
        matrix.scipy(),
        n_components=problem.n_factors,
        alpha0=alpha0,
        reg=problem.regularization,
        nu=0.0,
        solver_type=solver,
        random_seed=problem.seed,
        n_threads=problem.n_threads,
    )
    model.start_learning()
    tick()
    for _ in range(problem.epochs):
        model.run_epoch()
        tick()
    scale = np.float32(np.sqrt(1.0 + alpha0))
    return model.get_user_embedding() * scale, model.get_item_embedding() * scale


def _implicit(solver: str, *, use_cg: bool, exact: bool, default: bool = True) -> Contender:
    return Contender(
        lambda *given: implicit_als(*given, use_cg=use_cg),
        solver,
        exact,
        peer="implicit",
        default=default,
        # implicit's documentation asks for it: it threads over rows and calls BLAS in each.
        environment={"OPENBLAS_NUM_THREADS": "1"},
    )


def _irspack(solver: str, *, exact: bool) -> Contender:
    return Contender(
        lambda *given: irspack_ials(*given, solver=solver), solver, exact, peer="irspack"
    )


CONTENDERS = {
    "lmf": Contender(lmf_exact, "exact", exact=True),
    "implicit-cg": _implicit("CG, 3 steps (its default)", use_cg=True, exact=False),
    "implicit-cholesky": _implicit("Cholesky", use_cg=False, exact=True, default=False),
    "irspack-cholesky": _irspack("CHOLESKY", exact=True),
    "irspack-cg": _irspack("CG", exact=False),  # its default, 3 steps
    "irspack-ialspp": _irspack("IALSPP", exact=False),
}


def version(contender: Contender) -> dict[str, str]:
    """Versions in the running process: of the library, and of NumPy and SciPy below it."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in (contender.library, "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # our own, run from the source tree
            found[name] = "source tree"
    return found


def restrict_to(n_threads: int) -> None:
    """Keep this process on the first `n_threads` cores: nobody gets more by a hidden pool."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])

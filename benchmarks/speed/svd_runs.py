"""One way to a truncated SVD in one process (started by `svd`, under the library's interpreter).

    {"n_factors"}  ->  {"seconds", "singular_values", "error", "versions"}

`error` is ‖A − U Vᵀ‖_F of what came out, in float64.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from time import perf_counter

import numpy as np

from benchmarks.places import real_data
from benchmarks.speed.turns import serve

Result = tuple[np.ndarray, np.ndarray, np.ndarray]  # U (scaled), V, singular values


def ratings(dtype: type):
    """MovieLens 1M, users by items, the ratings as they are."""
    import scipy.sparse as sp

    columns = np.loadtxt(
        real_data("ml-1m", "ratings.csv.gz"), delimiter=",", skiprows=1, usecols=(0, 1, 2)
    )
    users, items = (np.unique(columns[:, k], return_inverse=True)[1] for k in (0, 1))
    return sp.csr_matrix((columns[:, 2].astype(dtype), (users, items)))


def lmf_svd(data, n_factors: int) -> Result:
    import lmf

    model = lmf.PureSVD(n_factors=n_factors, n_threads=2).fit(data, progress=False)
    factors = model.factors_
    return factors.user_factors, factors.item_factors, model.singular_values_


def sklearn_svd(algorithm: str):
    def run(matrix, n_factors: int) -> Result:
        from sklearn.decomposition import TruncatedSVD

        model = TruncatedSVD(n_factors, algorithm=algorithm, random_state=0)
        users = model.fit_transform(matrix)
        return users, model.components_.T, model.singular_values_

    return run


def scipy_svds(matrix, n_factors: int) -> Result:
    from scipy.sparse.linalg import svds

    u, s, vt = svds(matrix, k=n_factors, rng=0)
    return (u * s)[:, ::-1], vt[::-1].T, s[::-1]


#: Name: what runs, in which precision, in whose environment, and the libraries behind it.
RUNS = {
    "lmf": (lmf_svd, np.float32, None, ("numpy",)),
    "sklearn-randomized-float64": (sklearn_svd("randomized"), np.float64, "sklearn",
                                   ("scikit-learn", "numpy", "scipy")),
    "sklearn-randomized-float32": (sklearn_svd("randomized"), np.float32, "sklearn",
                                   ("scikit-learn", "numpy", "scipy")),
    "sklearn-arpack-float64": (sklearn_svd("arpack"), np.float64, "sklearn",
                               ("scikit-learn", "numpy", "scipy")),
    "sklearn-arpack-float32": (sklearn_svd("arpack"), np.float32, "sklearn",
                               ("scikit-learn", "numpy", "scipy")),
    "scipy-svds-float64": (scipy_svds, np.float64, "sklearn", ("scipy", "numpy")),
    "scipy-svds-float32": (scipy_svds, np.float32, "sklearn", ("scipy", "numpy")),
}  # fmt: skip


def error_of(matrix, users: np.ndarray, items: np.ndarray) -> float:
    """‖A − U Vᵀ‖_F without making the dense difference."""
    u, v = users.astype(np.float64), items.astype(np.float64)
    wide = matrix.astype(np.float64)
    inner = float(((wide @ v) * u).sum())
    square = float((wide.data**2).sum()) - 2 * inner + float(((u.T @ u) * (v.T @ v)).sum())
    return float(np.sqrt(square))


def main() -> None:
    run, dtype, peer, libraries = RUNS[sys.argv[1]]
    matrix = data = ratings(dtype)
    if peer is None:
        import lmf

        data = lmf.Interactions.of(matrix)
    found = {library: version(library) for library in libraries}

    def answer(n_factors: int) -> dict:
        started = perf_counter()
        users, items, values = run(data, n_factors)
        seconds = perf_counter() - started
        return {
            "seconds": seconds, "singular_values": values.astype(float).tolist(),
            "error": error_of(matrix, users, items), "versions": found,
        }  # fmt: skip

    serve(answer)


if __name__ == "__main__":
    main()

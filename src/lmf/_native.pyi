"""
Compiled kernels of lmf. Arrays in, arrays out; everything is checked before it gets here.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy
from numpy.typing import NDArray


def isa() -> str:
    """The instruction set in use: baseline, avx2 or avx512."""

def cpu_isa() -> str:
    """The highest instruction set that this CPU has."""

def compiler() -> str:
    """What compiled this module, such as gcc 12."""

def available_threads() -> int:
    """
    Threads this process may use: its CPU affinity, lowered by a cgroup quota.
    """

def release_free_memory() -> None:
    """
    Give memory that the process holds free back to the system, as far as that can be done.
    """

def encode_integers(values: Sequence[numpy.ndarray], n_threads: int = 0) -> tuple[numpy.ndarray, numpy.ndarray]:
    """
    Codes int32[n] of runs of int32 or int64, and the distinct values int64[k], rising.
    """

def csr_from_coo(rows: numpy.ndarray, cols: numpy.ndarray, values: Sequence[numpy.ndarray] | None, times: Sequence[numpy.ndarray] | None, n_rows: int, n_cols: int, policy: str, n_threads: int = 0) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray | None, numpy.ndarray | None, int, int]:
    """
    Sorted rows (indptr, indices, values, times), how many entries were merged, and where the policy is error the position of the first that repeats another (else -1).
    """

def csr_transpose(indptr: numpy.ndarray, indices: numpy.ndarray, values: numpy.ndarray | None, n_cols: int, n_threads: int = 0) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray | None]:
    """(indptr, indices, values) of the transposed matrix."""

def solve_rows(indptr: numpy.ndarray, indices: numpy.ndarray, targets: numpy.ndarray | None, weights: numpy.ndarray | None, unobserved_weight: float, regularization: numpy.ndarray, fixed: numpy.ndarray, out: numpy.ndarray, gram: numpy.ndarray | None = None, objective: numpy.ndarray | None = None, prior: numpy.ndarray | None = None, row_share: numpy.ndarray | None = None, fixed_share: numpy.ndarray | None = None, form: str = 'cheapest', n_threads: int = 0, weight_base: float = 0.0, weight_slope: float = 1.0) -> dict[str, int]:
    """
    Solves each row of out float32[n_rows, d] exactly, given fixed float32[n, d] whose Gram matrix (weighed by fixed_share) is diag(gram); native/rows.hpp has the equation. An entry weighs weight_base + weight_slope times its element of weights (None: 1). Returns how many rows were solved in which way.
    """

def half_sweep(indptr: numpy.ndarray, indices: numpy.ndarray, targets: numpy.ndarray | None, weights: numpy.ndarray | None, unobserved_weight: float, regularization: numpy.ndarray, fixed: numpy.ndarray, out: numpy.ndarray, n_threads: int = 0, row_share: numpy.ndarray | None = None, fixed_share: numpy.ndarray | None = None, weight_base: float = 0.0, weight_slope: float = 1.0, relaxation: float = 1.0, steps: int = 0, warm: bool = False) -> tuple[float, dict[str, int]]:
    """
    Rotates fixed into the eigenbasis of its Gram matrix, in place, and solves every row of out there; with a relaxation it goes so many times as far from where it was, and with steps makes so many of conjugate gradients from there where that is cheaper; if warm, those that solve a row begin there. Returns the sum of the rows' minima, without relaxation, and how they were solved.
    """

def nonnegative_rows(indptr: numpy.ndarray, indices: numpy.ndarray, targets: numpy.ndarray | None, weights: numpy.ndarray | None, unobserved_weight: float, regularization: numpy.ndarray, fixed: numpy.ndarray, out: numpy.ndarray, gram: numpy.ndarray | None, objective: numpy.ndarray, passes: int, tolerance: float, n_threads: int = 0) -> None:
    """
    Improves each row of out float32[n_rows, d], which stays >= 0, by coordinate descent; native/nonnegative.hpp has the equations. gram is the full V'V, float64[d, d].
    """

def stochastic_epoch(users: dict[str, numpy.ndarray], items: dict[str, numpy.ndarray], d: int, blocks: numpy.ndarray, user: numpy.ndarray, item: numpy.ndarray, target: numpy.ndarray, grid: int, rule: str, rate: float, seed: int, order: numpy.ndarray, check: bool = True, n_threads: int = 0) -> float:
    """
    One epoch of stochastic gradient descent over ratings in a grid of blocks, in place; native/stochastic.hpp has the rules. Returns the sum of squared errors after it. `check` looks whether the blocks of a round share no user and no item.
    """

def sparse_product(indptr: numpy.ndarray, indices: numpy.ndarray, values: numpy.ndarray | None, dense: numpy.ndarray, n_threads: int = 0, check: bool = True) -> numpy.ndarray:
    """
    Returns A X, float32[m, b]: A is m x n in CSR (values None: all 1), X float32[n, b]. `check` looks at every index first: needed once for a matrix that does not change.
    """

def gibbs_sweep(indptr: numpy.ndarray, indices: numpy.ndarray, targets: numpy.ndarray, fixed: numpy.ndarray, out: numpy.ndarray, precision: float, seed: int, n_threads: int = 0, bias: numpy.ndarray | None = None, check: bool = True) -> tuple[numpy.ndarray, numpy.ndarray, float]:
    """
    Draws the Gauss-Wishart prior of the rows of out float32[n_rows, d] and then the rows, given fixed float32[n, d], whose bias[n] is taken from the targets; native/gibbs.hpp has the model. Returns T float64[d, d] and m float64[d], a row is x = T z, z ~ N(m, I) a priori, and the squared error of the targets under the new rows. `check` looks at every index first: needed once for rows that do not change.
    """

def draw_prior(n: int, sums: numpy.ndarray, gram: numpy.ndarray, seed: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """
    Draws the Gauss-Wishart prior given the sums and the Gram matrix of n rows, as T and m.
    """

def cross(left: numpy.ndarray, right: numpy.ndarray, n_threads: int = 0) -> numpy.ndarray:
    """
    Q'W in float64, q x w, for W float32[n, w] and Q given as blocks of its columns, float32[k, n, b], q = k b; w and b multiples of 16.
    """

def subtract_product(from_: numpy.ndarray, left: numpy.ndarray, coefficients: numpy.ndarray, n_threads: int = 0) -> None:
    """W -= Q C in place, W float32[n, w], Q as for cross, C float64[q, w]."""

def gram(factors: numpy.ndarray, n_threads: int = 0) -> numpy.ndarray:
    """V'V in float64 for factors float32[n, d]."""

def rotate(factors: numpy.ndarray, basis: numpy.ndarray, skip: numpy.ndarray | None = None, n_threads: int = 0) -> None:
    """
    Replaces each row v of factors float32[n, d] by basis v, basis float64[d, d].
    """

def column_energies(factors: numpy.ndarray, weights: numpy.ndarray, n_threads: int = 0) -> numpy.ndarray:
    """Sum over rows of weight * factor^2 for each column: float64[d]."""

def balance(users: numpy.ndarray, user_weights: numpy.ndarray, items: numpy.ndarray, item_weights: numpy.ndarray, n_threads: int = 0) -> None:
    """
    Scales each factor up on one side and down on the other, in place, so that the weighted squares of both sides are equal; no product of factors changes.
    """

def eigen_symmetric(matrix: numpy.ndarray, n_threads: int = 0) -> tuple[numpy.ndarray, numpy.ndarray]:
    """
    Eigenvalues, ascending, and unit eigenvectors, one a row, of symmetric float64[d, d].

    The upper triangle is read. ValueError if an element is not finite.
    """

class TopnIndex:
    """
    Items prepared for topn of few queries at a time: as bytes, by falling norm. The arrays
    of items must not change as long as it is used. Beyond most_bytes of codes they are kept in half
    a byte as well, which is read first.
    """

    def __init__(self, queries: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], items: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], item_bias: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, most_bytes: int = 16777216, n_threads: int = 0) -> None: ...

    @staticmethod
    def pays(n_queries: int, n: int, n_items: int) -> bool:
        """Whether topn asks an index for so many queries and lists of n."""

    @property
    def nbytes(self) -> int: ...

def topn(queries: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], items: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], n: int, item_bias: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, exclude_indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, exclude_indices: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, exclude_rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, allowed: Annotated[NDArray[numpy.uint8], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, index: TopnIndex | None = None, n_threads: int = 0) -> tuple:
    """
    The n items of highest score x.v + item_bias for each row x of queries (float32[q, d]),
    v being the rows of items (float32[m, d]): (items int32[q, n], scores float32[q, n]), by
    falling score, equal scores by rising item; -1 and NaN where items run out. Not listed:
    the items in the query's row of the CSR exclude_indptr, exclude_indices (row
    exclude_rows[query], -1: none; absent: its own), items where allowed (uint8[m]) is 0, and
    items whose score is NaN. The same bits for any n_threads (0: all) and any set of queries,
    with an index of these items or without.
    """

def score_pairs(users: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], items: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], user_index: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], item_index: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], item_bias: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, n_threads: int = 0) -> Annotated[NDArray[numpy.float32], dict(shape=(None,))]:
    """
    The score users[user_index].items[item_index] + item_bias[item_index] of each pair:
    float32[len(user_index)], with the bits that topn gives the same pair.
    """

ranking_metric_names: tuple = ...

def ranking_metrics(recommended: Annotated[NDArray[numpy.int32], dict(shape=(None, None), order='C', device='cpu', writable=False)], test_indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], test_indices: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], n_items: int, cuts: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int = 0) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None))]:
    """
    Ranking metrics of each user (row) of recommended (int32[q, width], -1: nothing) against
    the CSR of test items, whose rows increase, at each of the increasing cuts: float64[7 *
    len(cuts), q], metrics in the order of ranking_metric_names and cuts within each metric;
    NaN for a user with no test item. The same bits for any n_threads (0: all).
    """

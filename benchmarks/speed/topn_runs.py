"""One way from factors to top-10 lists in one process (started by `topn`, in its environment).

    {"do": "many", "seconds"}  ->  {"microseconds", "users"}      one call for as many users as
                                   it answers in that time; microseconds a user
    {"do": "one", "seconds"}   ->  {"microseconds", "users"}      user after user; the median
    {"do": "lists", "part", "users"}  ->  {"lists", "versions"}   of the first so many users, asked
                                   for as that part does

All have the same factors; a peer that would train its own is given them in their place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from types import SimpleNamespace

import numpy as np

from benchmarks.matrix import Matrix
from benchmarks.speed.contenders import restrict_to
from benchmarks.speed.turns import serve

K = 10
N_THREADS = 2
#: Scores that NumPy and irspack hold at once (32 MiB), at least of 64 users.
SCORES = 1 << 23


@dataclass(frozen=True, eq=False)
class Case:
    """Factors, and the items that each user has seen."""

    users: np.ndarray
    items: np.ndarray
    seen: Matrix

    @classmethod
    def load(cls, path: Path) -> Case:
        with np.load(path, allow_pickle=False) as file:
            seen = Matrix(file["indptr"], file["indices"], len(file["items"]))
            return cls(file["users"], file["items"], seen)

    def blocks(self, users: np.ndarray) -> list[np.ndarray]:
        size = max(64, SCORES // len(self.items))
        return [users[start : start + size] for start in range(0, len(users), size)]


#: Row numbers of users to what a library answers for them.
Ask = Callable[[np.ndarray], object]


def _factors(case: Case):
    import lmf
    from lmf.factors import Factors

    users, items = (lmf.Vocabulary.range(len(rows)) for rows in (case.users, case.items))
    return Factors(users, items, case.users, case.items)


def lmf_filtered(case: Case) -> Ask:
    from lmf.data.csr import CSR
    from lmf.retrieval import top_items

    factors = _factors(case)
    seen = CSR(case.seen.indptr, case.seen.indices, None, case.seen.n_items)
    return lambda users: top_items(factors, users, K, seen=seen, n_threads=N_THREADS)[0]


def lmf_unfiltered(case: Case) -> Ask:
    from lmf.retrieval import top_items

    factors = _factors(case)
    return lambda users: top_items(factors, users, K, n_threads=N_THREADS)[0]


def lmf_recommend(case: Case) -> Ask:
    """The call by id that answers with a frame, everything included."""
    import lmf

    factors = _factors(case)
    seen = lmf.Interactions.of(case.seen.scipy(np.int64), value=False)
    model = lmf.WeightedMF(n_factors=1, epochs=1, unobserved_weight=1.0, n_threads=N_THREADS)
    model.fit(seen, progress=False).factors_ = factors
    return lambda users: model.recommend(users.tolist(), n=K)


def numpy_argpartition(case: Case) -> Ask:
    """gemm, or gemv for one user, seen items to −inf, argpartition, and the ten sorted."""

    def best(users: np.ndarray) -> np.ndarray:
        if len(users) == 1:
            scores = (case.items @ case.users[users[0]])[None, :]
        else:
            scores = case.users[users] @ case.items.T
        for row, user in enumerate(users):
            seen = case.seen.indices[case.seen.indptr[user] : case.seen.indptr[user + 1]]
            scores[row, seen] = -np.inf
        found = np.argpartition(scores, -K, axis=1)[:, -K:]
        order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1)
        return np.take_along_axis(found, order, axis=1)

    return lambda users: np.concatenate([best(block) for block in case.blocks(users)])


def implicit_recommend(case: Case) -> Ask:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=case.users.shape[1], num_threads=N_THREADS, use_gpu=False
    )
    model.user_factors, model.item_factors = case.users, case.items
    seen = case.seen.scipy()

    def ask(users: np.ndarray) -> np.ndarray:
        return model.recommend(users, seen[users], N=K, filter_already_liked_items=True)[0]

    return ask


def irspack_recommend(case: Case) -> Ask:
    """What its IDMapper does below the ids: masked scores of a block, then its own retrieval."""
    from irspack import IALSRecommender
    from irspack.utils.id_mapping import retrieve_recommend_from_score

    model = IALSRecommender(case.seen.scipy(), n_threads=N_THREADS)
    core = SimpleNamespace(user=case.users, item=case.items)
    model.trainer = SimpleNamespace(core_trainer=core)

    def ask(users: np.ndarray) -> list:
        found = []
        for block in case.blocks(users):
            scores = model.get_score_remove_seen(block)
            found += retrieve_recommend_from_score(scores, [], K, N_THREADS)
        return found

    return ask


def faiss_flat(case: Case) -> Ask:
    import faiss

    faiss.omp_set_num_threads(N_THREADS)
    index = faiss.IndexFlatIP(case.items.shape[1])
    index.add(case.items)
    return lambda users: index.search(case.users[users], K)[1]


def usearch_hnsw(case: Case) -> Ask:
    """Approximate, with its defaults; the recall stands beside its time."""
    from usearch.index import Index

    index = Index(ndim=case.items.shape[1], metric="ip", dtype="f32")
    index.add(np.arange(len(case.items)), case.items, threads=N_THREADS)
    return lambda users: index.search(case.users[users], K, threads=N_THREADS).keys


@dataclass(frozen=True)
class Run:
    """A way to lists; `peer` names its environment, None is our own."""

    make: Callable[[Case], Ask]
    libraries: tuple[str, ...]
    peer: str | None = None
    #: leaves out what a user has seen
    filtered: bool = True
    #: item numbers out of its answer
    items: Callable[[object], object] = lambda answer: answer
    environment: dict[str, str] = field(default_factory=dict)


RUNS = {
    "lmf": Run(lmf_filtered, ("numpy",)),
    "lmf-unfiltered": Run(lmf_unfiltered, ("numpy",), filtered=False),
    "lmf-recommend": Run(lmf_recommend, ("numpy",), items=lambda frame: [list(frame["item"])]),
    "numpy": Run(numpy_argpartition, ("numpy",)),
    "implicit": Run(implicit_recommend, ("implicit", "numpy"), peer="implicit",
                    # as its documentation asks
                    environment={"OPENBLAS_NUM_THREADS": "1"}),
    "irspack": Run(irspack_recommend, ("irspack", "numpy"), peer="irspack",
                   items=lambda answer: [[item for item, _ in row] for row in answer]),
    "faiss": Run(faiss_flat, ("faiss-cpu", "numpy"), peer="faiss", filtered=False),
    "usearch": Run(usearch_hnsw, ("usearch", "numpy"), peer="usearch", filtered=False,
                   items=np.atleast_2d),
}  # fmt: skip


def affordable(ask: Ask, everybody: np.ndarray, seconds: float) -> np.ndarray:
    """As many users as are answered in about that time, by calls of rising size; 64 at least."""
    n = least = min(64, len(everybody))
    while True:
        start = perf_counter()
        ask(everybody[:n])
        took = perf_counter() - start
        if n == len(everybody) or took > seconds / 4:
            return everybody[: max(least, int(n * seconds / took))]
        n = min(4 * n, len(everybody))


def one_by_one(ask: Ask, everybody: np.ndarray, seconds: float) -> list[float]:
    """Seconds of each question until the time is up, at least three; others each time."""
    took: list[float] = []
    until = perf_counter() + seconds
    while len(took) < 3 or perf_counter() < until:
        user = everybody[(7919 * len(took)) % len(everybody)][None]
        start = perf_counter()
        ask(user)
        took.append(perf_counter() - start)
    return took


def main() -> None:
    restrict_to(N_THREADS)
    run, case = RUNS[sys.argv[1]], Case.load(Path(sys.argv[2]))
    ask = run.make(case)
    everybody = np.arange(len(case.users), dtype=np.int32)
    asked: list[np.ndarray] = []

    def answer(do: str, seconds: float = 0.0, part: str = "", users: int = 0) -> dict:
        if do == "lists":
            size = 1 if part == "one" else users  # one by one often enough for our index
            calls = (everybody[start : start + size] for start in range(0, users, size))
            lists = [row for call in calls for row in run.items(ask(call))]
            return {
                "lists": [[int(item) for item in row] for row in lists],
                "versions": {library: version(library) for library in run.libraries},
            }
        if do == "one":
            took = one_by_one(ask, everybody, seconds)
            return {"microseconds": 1e6 * median(took), "users": len(took)}
        if not asked:
            asked.append(affordable(ask, everybody, seconds))
        start = perf_counter()
        ask(asked[0])
        took = perf_counter() - start
        return {"microseconds": 1e6 * took / len(asked[0]), "users": len(asked[0])}

    serve(answer, N_THREADS)


if __name__ == "__main__":
    main()

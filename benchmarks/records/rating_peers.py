"""One peer on one fold, in its own environment for `ratings`; prints RMSE and seconds as JSON."""

from __future__ import annotations

import json
import sys
from functools import partial
from time import perf_counter, process_time

import numpy as np


def surprise(algorithm: str, **params: object):
    """One of Surprise's algorithms at its defaults."""

    def run(train: tuple, test: tuple):
        import surprise

        data = surprise.Dataset(surprise.Reader(rating_scale=(1, 5)))
        trainset = data.construct_trainset(
            [(u, i, float(r), None) for u, i, r in zip(*(c.tolist() for c in train), strict=True)]
        )
        model = getattr(surprise, algorithm)(**params)
        model.fit(trainset)
        pairs = list(zip(test[0].tolist(), test[1].tolist(), strict=True))
        return lambda: np.array([model.predict(u, i).est for u, i in pairs])

    return run


def myfm(train: tuple, test: tuple, rank: int = 16, samples: int = 300):
    import myfm as library
    import scipy.sparse as sp

    users = {u: k for k, u in enumerate(np.unique(train[0]).tolist())}
    items = {i: k for k, i in enumerate(np.unique(train[1]).tolist())}

    def matrix(user: np.ndarray, item: np.ndarray) -> sp.csr_matrix:
        rows, columns = [], []
        for row, (u, i) in enumerate(zip(user.tolist(), item.tolist(), strict=True)):
            for place in (users.get(u), len(users) + items[i] if i in items else None):
                if place is not None:
                    rows.append(row)
                    columns.append(place)
        shape = (len(user), len(users) + len(items))
        return sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)

    model = library.MyFMRegressor(rank=rank, random_seed=42)
    model.fit(
        matrix(train[0], train[1]), train[2].astype(float), n_iter=samples,
        n_kept_samples=samples - 5, group_shapes=[len(users), len(items)],
    )  # fmt: skip
    return lambda: model.predict(matrix(test[0], test[1]))


RUNS = {
    "surprise-svd": surprise("SVD", random_state=0),
    "surprise-svdpp": surprise("SVDpp", random_state=0),
    "surprise-nmf": surprise("NMF", random_state=0),
    "surprise-knnbaseline": surprise("KNNBaseline", verbose=False),
    "myfm": myfm,
    "myfm-32": partial(myfm, rank=32, samples=100),
}


def main() -> None:
    name, path = sys.argv[1:]
    with np.load(path, allow_pickle=False) as file:
        train, test = (
            tuple(file[f"{part}_{column}"] for column in ("user", "item", "rating"))
            for part in ("train", "test")
        )
    started, cpu_started = perf_counter(), process_time()
    predict = RUNS[name](train, test)
    seconds, cpu_seconds = perf_counter() - started, process_time() - cpu_started
    errors = np.clip(predict(), 1, 5) - test[2]
    rmse = float(np.sqrt(np.mean(errors**2)))
    print(json.dumps({"rmse": rmse, "seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main()

"""One library fitting ratings in one process (started by `ratings`, under its interpreter).

    {"n_factors", "epochs"}  ->  {"seconds", "build_seconds", "rmse", "versions"}

`seconds` is the library's fit from its own form of the ratings in memory, `build_seconds` what that
form cost; LIBMF takes a plain array of triples. RMSE is on the test part, clipped to 1..5.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.speed.turns import serve

Triples = tuple[np.ndarray, np.ndarray, np.ndarray]  # user, item, rating
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
Fit = Callable[[object, int, int, dict], Predict]  # data, n_factors, epochs, settings

#: Of each contender, beside the number of factors and epochs. Those of lmf and LIBMF are the best
#: of `ratings.GRID` on a tenth of the training part; the others have their defaults.
SETTINGS: dict[str, dict] = {
    "lmf-sgd": {"regularization": 0.15, "regularization_exponent": 0.75, "learning_rate": 0.02},
    "lmf-adagrad": {"regularization": 1.2, "learning_rate": 0.1},
    "lmf-adam": {"regularization": 1.0, "learning_rate": 0.002},
    "lmf-als": {"regularization": 1.2},
    "libmf": {"lambda": 0.05, "eta": 0.05},
    "surprise-svd": {},
    "cornac-mf": {},
}


def lmf_data(train: Triples):
    import lmf

    return lmf.Interactions.of(dict(zip(("user", "item", "rating"), train, strict=True)))


def lmf_fit(solver: str) -> Fit:
    def fit(data, n_factors: int, epochs: int, settings: dict) -> Predict:
        import lmf

        model = lmf.BiasedMF(
            n_factors=n_factors,
            solver=solver,
            epochs=epochs,
            tolerance=0.0,
            n_threads=2,
            **settings,
        ).fit(data, progress=False)
        return lambda users, items: model.predict((users, items))

    return fit


def libmf_data(train: Triples) -> np.ndarray:
    return np.column_stack(train).astype(np.float32)


def libmf_fit(data: np.ndarray, n_factors: int, epochs: int, settings: dict) -> Predict:
    from libmf import mf

    model = mf.MF(
        k=n_factors, nr_iters=epochs, nr_threads=2, quiet=True, eta=settings["eta"],
        lambda_p2=settings["lambda"], lambda_q2=settings["lambda"], lambda_p1=0.0, lambda_q1=0.0,
    )  # fmt: skip
    model.fit(data)
    users, items = model.p_factors(), model.q_factors()  # its own predict() reads the pairs wrongly
    return lambda u, i: np.einsum("nd,nd->n", users[u], items[i])


def surprise_data(train: Triples):
    import surprise

    data = surprise.Dataset(surprise.Reader(rating_scale=(1, 5)))
    return data.construct_trainset(
        [(u, i, r, None) for u, i, r in zip(*(c.tolist() for c in train), strict=True)]
    )


def surprise_fit(data, n_factors: int, epochs: int, settings: dict) -> Predict:
    import surprise

    model = surprise.SVD(n_factors=n_factors, n_epochs=epochs, random_state=0, **settings)
    model.fit(data)

    def predict(users: np.ndarray, items: np.ndarray) -> np.ndarray:
        u = np.array([data.to_inner_uid(one) for one in users.tolist()])
        i = np.array([data.to_inner_iid(one) for one in items.tolist()])
        return (
            data.global_mean + model.bu[u] + model.bi[i] + (model.pu[u] * model.qi[i]).sum(axis=1)
        )

    return predict


def cornac_data(train: Triples):
    import cornac

    return cornac.data.Dataset.from_uir(list(zip(*(c.tolist() for c in train), strict=True)))


def cornac_fit(data, n_factors: int, epochs: int, settings: dict) -> Predict:
    import cornac

    model = cornac.models.MF(k=n_factors, max_iter=epochs, num_threads=2, **settings)
    model.fit(data)

    def predict(users: np.ndarray, items: np.ndarray) -> np.ndarray:
        u = np.array([data.uid_map[one] for one in users.tolist()])
        i = np.array([data.iid_map[one] for one in items.tolist()])
        products = np.einsum("nd,nd->n", model.u_factors[u], model.i_factors[i])
        return model.global_mean + model.u_biases[u] + model.i_biases[i] + products

    return predict


#: Name: its form of the data, its fit, whose environment, its distribution.
RUNS: dict[str, tuple[Callable, Fit, str | None, str]] = {
    **{f"lmf-{solver}": (lmf_data, lmf_fit(solver), None, "lmf")
       for solver in ("sgd", "adagrad", "adam", "als")},
    "libmf": (libmf_data, libmf_fit, "libmf", "libmf"),
    "surprise-svd": (surprise_data, surprise_fit, "surprise", "scikit-surprise"),
    "cornac-mf": (cornac_data, cornac_fit, "cornac", "cornac"),
}  # fmt: skip


def split(path: Path) -> tuple[Triples, Triples]:
    """Training and test part; `ratings` wrote them."""
    with np.load(path, allow_pickle=False) as file:
        train, test = (
            tuple(file[f"{part}_{column}"] for column in ("user", "item", "rating"))
            for part in ("train", "test")
        )
    return train, test


def timed(call: Callable, *arguments: object) -> tuple:
    started = perf_counter()
    made = call(*arguments)
    return made, perf_counter() - started


def rmse(predict: Predict, test: Triples) -> float:
    errors = np.clip(predict(test[0], test[1]), 1, 5) - test[2]
    return float(np.sqrt(np.mean(np.square(errors, dtype=np.float64))))


def versions(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # our own, run from the source tree
            found[name] = "source tree"
    return found


def main() -> None:
    name, path = sys.argv[1:]
    build, fit, _, library = RUNS[name]
    train, test = split(Path(path))
    data, first_build = timed(build, train)

    def answer(n_factors: int, epochs: int, settings: dict | None = None) -> dict:
        nonlocal data
        build_seconds = first_build
        if library == "lmf":  # cheap enough to be done again, warm
            data, build_seconds = timed(build, train)
        chosen = SETTINGS[name] if settings is None else settings
        predict, seconds = timed(fit, data, n_factors, epochs, chosen)
        return {
            "seconds": seconds, "build_seconds": build_seconds, "rmse": rmse(predict, test),
            "versions": versions(library, "numpy"),
        }  # fmt: skip

    serve(answer)


if __name__ == "__main__":
    main()

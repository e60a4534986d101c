"""One Gibbs sampler in one process, drawing a sample on request (started by `gibbs`).

    {"n_factors"}     ->  {"warmup_seconds", "versions"}
    {"do": "sample"}  ->  {"seconds", "cpu_seconds"}    (until the driver is gone)

A sample draws both sides' priors, every user and item, and the noise where that is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from benchmarks.places import real_data
from benchmarks.speed.contenders import restrict_to
from benchmarks.speed.worker import Conversation, Stopwatch

Tick = Callable[[], None]
MANY = 1000  # samples asked for: the driver stops earlier


def ratings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users and items of MovieLens 1M by number, and the ratings."""
    table = np.loadtxt(
        real_data("ml-1m", "ratings.csv.gz"), delimiter=",", skiprows=1, usecols=(0, 1, 2)
    )
    users, items = (np.unique(table[:, k], return_inverse=True)[1] for k in (0, 1))
    return users, items, table[:, 2]


def lmf_gibbs(n_factors: int, tick: Tick) -> None:
    import lmf

    data = lmf.Interactions.of(dict(zip(("user", "item", "rating"), ratings(), strict=True)))
    model = lmf.BayesianMF(n_factors=n_factors, samples=20, burn_in=MANY, n_threads=2)
    tick()
    model.fit(data, progress=False, callback=lambda _record: tick())


def smurff_bpmf(n_factors: int, tick: Tick) -> None:
    import scipy.sparse as sp
    import smurff

    users, items, values = ratings()
    matrix = sp.csr_matrix((values - values.mean(), (users, items)))
    session = smurff.TrainSession(
        priors=["normal", "normal"], num_latent=n_factors, num_threads=2, burnin=MANY, nsamples=1,
        seed=0, verbose=0,
    )  # fmt: skip
    session.setTrain(matrix, smurff.AdaptiveNoise(1.0, 10.0))
    session.init()
    tick()
    for _ in range(MANY):
        session.step()
        tick()


def myfm_regressor(n_factors: int, tick: Tick) -> None:
    import myfm
    import scipy.sparse as sp

    users, items, values = ratings()
    n, n_users, n_items = len(values), users.max() + 1, items.max() + 1
    columns = np.column_stack([users, n_users + items]).ravel()
    matrix = sp.csr_matrix(
        (np.ones(2 * n), columns, np.arange(0, 2 * n + 1, 2)), shape=(n, n_users + n_items)
    )
    model = myfm.MyFMRegressor(rank=n_factors, random_seed=0)

    def after(*_state: object) -> tuple[bool, None]:
        tick()
        return False, None

    tick()
    model.fit(matrix, values, n_iter=MANY, n_kept_samples=1, group_shapes=[n_users, n_items],
              callback=after)  # fmt: skip


#: Name: what runs, in whose environment.
RUNS: dict[str, tuple[Callable[[int, Tick], None], str | None]] = {
    "lmf": (lmf_gibbs, None),
    "smurff": (smurff_bpmf, "smurff"),
    "myfm": (myfm_regressor, "myfm"),
}


def main() -> None:
    name = sys.argv[1]
    restrict_to(2)
    conversation = Conversation()
    request = conversation.hear()
    try:
        known = version(name)
    except PackageNotFoundError:  # our own, run from the source tree
        known = "source tree"
    stopwatch = Stopwatch(conversation, {"versions": {name: known, "numpy": np.__version__}})
    RUNS[name][0](request["n_factors"], stopwatch.tick)


if __name__ == "__main__":
    main()

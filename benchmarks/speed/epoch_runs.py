"""Weighted factorization in each library's own words: what `contenders` measures.

A function `(matrix, problem, tick) -> factors` trains epoch by epoch. It calls `tick()` once when
training is about to begin and `tick(now)` after each epoch, `problem.epochs` times; the time
between two ticks is one epoch, both half sweeps and nothing else. `now()` gives the factors as they
are, in the scale of `objective`; it may be called before the next epoch only.

Where a library offers nothing but a whole fit, `(matrix, problem) -> fit` brings the data into its
form, and `fit(epochs)` begins anew, trains and returns such a `now`.

`contenders` says how the parameters translate. Only public calls are used, and the defaults of the
library wherever nothing is said here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.matrix import Matrix
from benchmarks.places import CACHE
from benchmarks.speed.problem import Factors, Now, Problem, Tick


def lmf_als(
    matrix: Matrix, problem: Problem, tick: Tick, *, cg_steps: int | None = None,
    relaxation: float = 1.0,
) -> Factors:  # fmt: skip
    import lmf
    from lmf.training.alternating import Alternation

    data = lmf.Interactions.of(matrix.scipy(np.int64), value=False)
    model = lmf.WeightedMF(
        n_factors=problem.n_factors,
        unobserved_weight=problem.unobserved_weight,
        regularization=problem.regularization,
        regularization_exponent=0.0,
        relaxation=relaxation,
        cg_steps=cg_steps,
        epochs=problem.epochs,
        tolerance=0.0,  # every epoch asked for is run
        seed=problem.seed,
        n_threads=problem.n_threads,
    )
    made: list[Alternation] = []

    def noted(*given: object) -> Alternation:
        made.append(Alternation(*given))
        return made[-1]

    tick()
    with patch("lmf.models.weighted.Alternation", noted):  # a fit shows no factors on its way
        model.fit(
            data,
            progress=False,
            callback=lambda _: tick(lambda: (made[0].user_factors, made[0].item_factors)),
        )
    return model.factors_.user_factors, model.factors_.item_factors


def implicit_als(matrix: Matrix, problem: Problem, tick: Tick, *, use_cg: bool) -> Factors:
    from implicit.als import AlternatingLeastSquares

    alpha, penalty = problem.over_unobserved
    model = AlternatingLeastSquares(
        factors=problem.n_factors,
        alpha=1.0 + alpha,  # its weight of the observed
        regularization=penalty,
        iterations=problem.epochs,
        num_threads=problem.n_threads,
        random_state=problem.seed,
        use_cg=use_cg,
        use_gpu=False,
    )

    def now() -> Factors:
        return model.user_factors, model.item_factors

    tick()
    model.fit(matrix.scipy(), show_progress=False, callback=lambda *_: tick(now))
    return now()


def irspack_ials(
    matrix: Matrix, problem: Problem, tick: Tick, *, solver: str, block: int = 64
) -> Factors:
    from irspack import IALSRecommender

    alpha0, scale = problem.over_all_pairs
    model = IALSRecommender(
        matrix.scipy(),
        n_components=problem.n_factors,
        alpha0=alpha0,
        reg=problem.regularization,
        nu=0.0,
        solver_type=solver,
        ialspp_subspace_dimension=block,
        random_seed=problem.seed,
        n_threads=problem.n_threads,
    )

    def now() -> Factors:
        users, items = model.get_user_embedding(), model.get_item_embedding()
        return users * np.float32(scale), items * np.float32(scale)

    model.start_learning()
    tick()
    for _ in range(problem.epochs):
        model.run_epoch()
        tick(now)
    return now()


def buffalo_als(matrix: Matrix, problem: Problem, tick: Tick, *, optimizer: str) -> Factors:
    from buffalo.algo.als import ALS
    from buffalo.algo.options import ALSOption
    from buffalo.misc import log

    log.set_log_level(log.WARN)

    class Watched(ALS):
        def _iterate(self, buf: object, group: str = "rowwise") -> tuple:  # its callback needs
            found = super()._iterate(buf, group)  # a validation set
            if group == "colwise":
                tick(lambda: (self.P, self.Q))
            return found

    alpha, penalty = problem.over_unobserved
    option = ALSOption().get_default_option()
    option.update(
        d=problem.n_factors,
        num_iters=problem.epochs,
        num_workers=problem.n_threads,
        reg_u=penalty,
        reg_i=penalty,
        alpha=alpha,
        optimizer=optimizer,
        compute_loss_on_training=False,
        random_seed=problem.seed + 1,  # it takes 0 for none
    )
    model = Watched(option, data_opt=_buffalo_data(matrix))
    model.initialize()
    tick()
    model.train()
    return model.P, model.Q


def _buffalo_data(matrix: Matrix) -> dict:
    """What buffalo is told of a matrix in its own file, made if it is not there: minutes for M."""
    import buffalo.data
    from buffalo.data.mm import MatrixMarketOptions

    folder = CACHE / "buffalo"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{matrix.describe()['sha256']}.h5py"
    told = MatrixMarketOptions().get_default_option()
    told.data.tmp_dir = str(folder)
    told.data.validation = {}
    if not path.exists():
        partial = path.with_suffix(".part")
        told.input.main = matrix.scipy()
        told.data.path = str(partial)
        made = buffalo.data.load(told)
        made.create()
        made.close()
        partial.replace(path)
    told.input.main = ""
    told.data.path = str(path)
    told.data.use_cache = True
    return told


def lenskit_als(matrix: Matrix, problem: Problem, tick: Tick) -> Factors:
    import pandas as pd
    from lenskit.als import ImplicitMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.training import TrainingOptions

    users, items = pairs(matrix)
    data = from_interactions_df(
        pd.DataFrame({"user_id": users, "item_id": items}),
        users=np.arange(matrix.n_users),
        items=np.arange(matrix.n_items),
    )
    alpha, penalty = problem.over_unobserved
    model = ImplicitMFScorer(
        embedding_size=problem.n_factors,
        epochs=problem.epochs,
        regularization=penalty,
        weight=alpha,
    )
    trainer = model.create_trainer(data, TrainingOptions(rng=problem.seed))
    user_rows = data.users.numbers(np.arange(matrix.n_users))
    item_rows = data.items.numbers(np.arange(matrix.n_items))

    def now() -> Factors:
        return model.user_embeddings[user_rows], model.item_embeddings[item_rows]

    tick()
    for _ in range(problem.epochs):
        trainer.train_epoch()
        tick(now)
    return now()


def cmfrec_fits(matrix: Matrix, problem: Problem, *, use_cg: bool) -> Callable[[int], Now]:
    from cmfrec import CMF_implicit

    alpha, penalty = problem.over_unobserved
    data = matrix.scipy().tocoo()

    def fit(epochs: int) -> Now:
        model = CMF_implicit(
            k=problem.n_factors,
            lambda_=penalty,
            alpha=alpha,
            use_cg=use_cg,
            niter=epochs,
            precompute_for_predictions=False,
            random_state=problem.seed,
            nthreads=problem.n_threads,
        ).fit(data)
        return lambda: (model.A_, model.B_)

    return fit


def spark_fits(matrix: Matrix, problem: Problem) -> Callable[[int], Now]:
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    folder = _folder("spark")
    session = (
        SparkSession.builder.master(f"local[{problem.n_threads}]")  # all in one Java machine
        .config("spark.driver.memory", "8g")
        .config("spark.local.dir", str(folder))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", str(problem.n_threads))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    session.sparkContext.setCheckpointDir(str(folder))  # else its plans outgrow the stack
    path = folder / "pairs.csv"
    np.savetxt(path, np.column_stack(pairs(matrix)), fmt="%d", delimiter=",")
    data = session.read.csv(str(path), schema="user INT, item INT")
    data = data.selectExpr("*", "1.0F AS rating").repartition(problem.n_threads).cache()
    data.count()
    # Its penalty is that of a row times its interactions: as much in sum as the one asked for.
    alpha, penalty = problem.over_unobserved
    mean = 2 * matrix.nnz / (matrix.n_users + matrix.n_items)

    def fit(epochs: int) -> Now:
        model = ALS(
            rank=problem.n_factors, maxIter=epochs, regParam=penalty / mean, implicitPrefs=True,
            alpha=alpha, seed=problem.seed,
            numUserBlocks=problem.n_threads, numItemBlocks=problem.n_threads,
        ).fit(data)  # fmt: skip
        return lambda: (
            _rows(model.userFactors, matrix.n_users, problem.n_factors),
            _rows(model.itemFactors, matrix.n_items, problem.n_factors),
        )

    return fit


def _folder(name: str) -> Path:
    """An empty folder for what a library writes; a process that was stopped leaves its behind."""
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _rows(frame, n: int, n_factors: int) -> np.ndarray:
    """Spark's factors by index; who has no interactions has none there, and zeros here."""
    rows = np.zeros((n, n_factors), np.float32)
    for row in frame.toLocalIterator():
        rows[row["id"]] = row["features"]
    return rows


def pairs(matrix: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """User and item of each interaction."""
    users = np.repeat(np.arange(matrix.n_users, dtype=np.int32), np.diff(matrix.indptr))
    return users, matrix.indices

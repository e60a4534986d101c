"""lmf: latent matrix factorization for recommendations.

>>> import polars as pl, lmf
>>> frame = pl.DataFrame({"user": ["ann", "ann", "bob"], "movie": ["Heat", "Ronin", "Heat"]})
>>> model = lmf.WeightedMF(n_factors=1).fit(frame, user="user", item="movie")
>>> model.recommend("bob")["movie"].to_list()
['Ronin']
"""

from lmf import errors
from lmf.data.interactions import Interactions
from lmf.data.splits import Split, UserSplit, split_by_time, split_last, split_random, split_users
from lmf.data.vocabulary import Vocabulary
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.report import Report
from lmf.factors import Factors
from lmf.models import (
    BayesianMF,
    BiasedMF,
    BiasOnly,
    Model,
    Popularity,
    PureSVD,
    SVDPlusPlus,
    WeightedMF,
)
from lmf.models.load import load
from lmf.training.history import History

__version__ = "0.1.0"

__all__ = [
    "BayesianMF",
    "BiasOnly",
    "BiasedMF",
    "Factors",
    "History",
    "Interactions",
    "Model",
    "Popularity",
    "PureSVD",
    "Report",
    "SVDPlusPlus",
    "Split",
    "UserSplit",
    "Vocabulary",
    "WeightedMF",
    "errors",
    "evaluate",
    "load",
    "split_by_time",
    "split_last",
    "split_random",
    "split_users",
]

"""lmf: latent matrix factorization for recommendations.

>>> import polars as pl, lmf
>>> frame = pl.DataFrame({"user": ["ann", "ann", "bob"], "movie": ["Heat", "Ronin", "Heat"]})
>>> model = lmf.WeightedMF(n_factors=1).fit(frame, user="user", item="movie")
>>> model.recommend("bob")["movie"].to_list()
['Ronin']
"""

from lmf import errors, plots
from lmf.data import protocols
from lmf.data.features import ItemFeatures
from lmf.data.interactions import Interactions
from lmf.data.split_files import load_split
from lmf.data.splits import (
    Split,
    UserSplit,
    split_by_time,
    split_folds,
    split_items,
    split_last,
    split_random,
    split_users,
)
from lmf.data.vocabulary import Vocabulary
from lmf.evaluation.compare import Comparison, compare
from lmf.evaluation.cross_validate import CrossValidation, cross_validate
from lmf.evaluation.evaluate import evaluate
from lmf.evaluation.leave_one_out import leave_one_out
from lmf.evaluation.metrics import metrics
from lmf.evaluation.rating_errors import RatingErrors, rating_errors
from lmf.evaluation.report import Report
from lmf.evaluation.slices import Slice
from lmf.factors import Factors
from lmf.models import (
    NMF,
    BayesianMF,
    BiasedMF,
    BiasOnly,
    ContentBased,
    Model,
    Popularity,
    PureSVD,
    SVDPlusPlus,
    WeightedMF,
)
from lmf.models.load import load
from lmf.training.history import History
from lmf.tuning.result import Tuning
from lmf.tuning.tune import tune

__version__ = "0.1.0"

__all__ = [
    "NMF",
    "BayesianMF",
    "BiasOnly",
    "BiasedMF",
    "Comparison",
    "ContentBased",
    "CrossValidation",
    "Factors",
    "History",
    "Interactions",
    "ItemFeatures",
    "Model",
    "Popularity",
    "PureSVD",
    "RatingErrors",
    "Report",
    "SVDPlusPlus",
    "Slice",
    "Split",
    "Tuning",
    "UserSplit",
    "Vocabulary",
    "WeightedMF",
    "compare",
    "cross_validate",
    "errors",
    "evaluate",
    "leave_one_out",
    "load",
    "load_split",
    "metrics",
    "plots",
    "protocols",
    "rating_errors",
    "split_by_time",
    "split_folds",
    "split_items",
    "split_last",
    "split_random",
    "split_users",
    "tune",
]

"""The models: one file each, saying which objective they minimise and by which trainer."""

from lmf.models.base import Model
from lmf.models.bayesian import BayesianMF
from lmf.models.bias import BiasOnly
from lmf.models.biased import BiasedMF
from lmf.models.content import ContentBased
from lmf.models.nmf import NMF
from lmf.models.popularity import Popularity
from lmf.models.puresvd import PureSVD
from lmf.models.svdpp import SVDPlusPlus
from lmf.models.weighted import WeightedMF

__all__ = [
    "NMF",
    "BayesianMF",
    "BiasOnly",
    "BiasedMF",
    "ContentBased",
    "Model",
    "Popularity",
    "PureSVD",
    "SVDPlusPlus",
    "WeightedMF",
]

"""The models: one file each, saying which objective they minimise and by which trainer."""

from lmf.models.base import Model
from lmf.models.popularity import Popularity
from lmf.models.weighted import WeightedMF

__all__ = ["Model", "Popularity", "WeightedMF"]

"""Popularity: everybody gets what most people had. The baseline every model must beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.factors import Factors
from lmf.models.asking import NewUsers
from lmf.models.base import Model
from lmf.retrieval import popularity_factors
from lmf.training.history import History
from lmf.training.trained import Trained
from lmf.training.trainer import Watch

__all__ = ["Popularity"]


class Popularity(Model):
    r"""Score items by how many interactions they have, the same for every user.

    .. math:: s_{ui} = |U_i|

    It has no parameters and no factors; what a user has seen is still left out of their list.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"user": ["a", "a", "b"], "item": ["Heat", "Up", "Heat"]})
    >>> Popularity().fit(frame).recommend("b")["item"].to_list()
    ['Up']
    """

    name: ClassVar[str] = "popularity"
    personalized: ClassVar[bool] = False

    def __init__(self) -> None:
        pass

    def _train(
        self,
        data: Interactions,
        watch: Watch,  # noqa: ARG002 - there are no epochs
    ) -> Trained:
        empty = Factors(
            data.users,
            data.items,
            np.zeros((data.n_users, 0), np.float32),
            np.zeros((data.n_items, 0), np.float32),
        )
        return Trained(popularity_factors(empty, data.by_user), History(stopped="epochs"))

    def _new_users(self, rows: CSR) -> NewUsers:
        return np.zeros((rows.n_rows, 0), np.float32), None

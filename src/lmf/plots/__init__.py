"""Pictures of a fitted model, by matplotlib: the extra ``plot``.

The history of a fit is drawn by :meth:`lmf.History.plot`.
"""

from lmf.plots.factorization import factorization
from lmf.plots.factors import factors

__all__ = ["factorization", "factors"]

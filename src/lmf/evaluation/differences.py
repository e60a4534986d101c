"""Two models on the same users: the difference, how sure it is, and for whom each is better."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Difference"]


@dataclass(frozen=True)
class Difference:
    """How one model stands to another on one metric, user by user.

    Attributes
    ----------
    metric : str
        Such as ``"NDCG@20"``.
    model, other : str
    difference : float
        The model's figure less the other's.
    low, high : float or None
        The interval of the difference over users; None for a single user.
    wins, ties, losses : int
        Users for whom the model is better, as good, worse.
    lower_is_better : bool
        Whether it is an error, such as RMSE.

    Examples
    --------
    >>> one = Difference("RMSE", "mine", "bias", -0.05, -0.06, -0.04, 80, 0, 20, True)
    >>> one.better, one.worse
    (True, False)
    """

    metric: str
    model: str
    other: str
    difference: float
    low: float | None
    high: float | None
    wins: int
    ties: int
    losses: int
    lower_is_better: bool = False

    @property
    def better(self) -> bool:
        """Whether the whole interval is on the model's side."""
        low, high = self._favour
        return low is not None and low > 0 and high is not None

    @property
    def worse(self) -> bool:
        """Whether the whole interval is on the other's side."""
        low, high = self._favour
        return high is not None and high < 0 and low is not None

    @property
    def _favour(self) -> tuple[float | None, float | None]:
        """The interval with the sign that makes more better."""
        if self.low is None or self.high is None:
            return None, None
        return (-self.high, -self.low) if self.lower_is_better else (self.low, self.high)

"""How long a search may go on: by the clock, by a number of trials, or both."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from lmf.errors import ParameterError
from lmf.validation import checked_float, checked_int

__all__ = ["Budget", "seconds_of"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


def seconds_of(budget: str | float) -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    budget : str or number
        Such as ``"90s"``, ``"5m"`` or ``"1h30m"``; a plain number is seconds.

    Raises
    ------
    ParameterError
        If it is not a duration above 0.

    Examples
    --------
    >>> seconds_of("1h30m"), seconds_of("2.5m"), seconds_of(10)
    (5400.0, 150.0, 10.0)
    """
    if not isinstance(budget, str):
        return checked_float("budget", budget, above=0, maximum=1e9)
    told = _DURATION.fullmatch(budget.strip().replace(" ", "").lower())
    given = zip(told.groups(), _UNITS.values(), strict=True) if told else ()
    seconds = sum(float(number) * unit for number, unit in given if number)
    if not 0 < seconds <= 1e9:
        raise ParameterError("budget", budget, "a duration such as '90s', '5m' or '1h30m'")
    return seconds


@dataclass
class Budget:
    """What may be spent, and what is left of it.

    Attributes
    ----------
    seconds : float or None
        By the clock, from when this value is made; None: no limit.
    trials : int or None
        By number; None: no limit.

    Examples
    --------
    >>> budget = Budget.of(None, trials=4)
    >>> budget.spend(), budget.spent
    (None, 0.25)
    """

    seconds: float | None
    trials: int | None
    _done: int = 0
    _began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, budget: str | float | None, trials: int | None) -> Budget:
        """Check what a caller gives; one of the two must be given."""
        if budget is None and trials is None:
            raise ParameterError("budget", None, "a duration such as '5m', or give trials")
        return cls(
            None if budget is None else seconds_of(budget),
            None if trials is None else checked_int("trials", trials, 1),
        )

    def spend(self) -> None:
        """Count a trial."""
        self._done += 1

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds left, infinite without a limit of time."""
        return float("inf") if self.seconds is None else self.seconds - self.elapsed

    @property
    def spent(self) -> float:
        """The share that is spent, of time or of trials, whichever is more."""
        by_time = 0.0 if self.seconds is None else self.elapsed / self.seconds
        by_count = 0.0 if self.trials is None else self._done / self.trials
        return max(by_time, by_count)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.spent >= 1

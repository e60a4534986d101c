r"""What is searched for each model, in ranges that suit the data.

Good values differ from data set to data set less in these terms than in the models' own:

* the **unobserved weight** by how much all unobserved entries weigh together against the observed,
  :math:`w_0 (mn - |S|) / |S|`: from one half to sixty times as much, and up to .3;
* the **regularization** at the model's usual exponent ν0. With another exponent ν it becomes
  :math:`\lambda \sum_r W_r^{\nu_0} / \sum_r W_r^{\nu}` over all rows r of both sides, so that the
  sum of all penalties stays what it was and λ and ν can be searched apart (Rendle, Krichene, Zhang
  & Koren 2021, section 3.3);
* of **ratings**, the regularization by their standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmf.data.interactions import Interactions
from lmf.errors import ParameterError
from lmf.models import Model
from lmf.tuning.family import are_counts
from lmf.validation import checked_float

__all__ = ["Range", "Space", "space_of"]

_LOGARITHMIC = ("unobserved_weight", "regularization", "alpha", "implicit_regularization")
_NOT_SEARCHED = ("epochs", "tolerance", "seed", "n_threads", "cg_steps")  # no real numbers
_FIRST_FACTORS = {"weighted": 32, "biased": 16, "svdpp": 16, "nmf": 8}
_LEADS: dict[str, tuple[dict[str, float], ...]] = {
    "weighted": (
        {"regularization_exponent": 0.5, "popularity_exponent": 0.0},
        {"regularization_exponent": 0.5, "popularity_exponent": 0.25},
    )
}
# Where many factors are best on Gowalla and MovieLens 1M, and few are not.
_OF_MANY = {"weighted": {"regularization_exponent": 1.375, "popularity_exponent": 0.125}}
_LAST_FACTORS = {"weighted": 4096, "biased": 1024, "svdpp": 256, "nmf": 128}


@dataclass(frozen=True)
class Range:
    """From where to where a parameter is searched.

    Examples
    --------
    >>> Range(0.01, 1.0, log=True).place(0.1)
    0.5
    """

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 at the low end and 1 at the high end."""
        if self.low == self.high:
            return 0.0
        if self.log:
            value, low, high = (math.log(x) for x in (max(value, 1e-300), self.low, self.high))
        else:
            low, high = self.low, self.high
        return (value - low) / (high - low)

    def clip(self, value: float) -> float:
        """Return the nearest value in the range."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Space:
    """Ranges by parameter, for one model and one set of data.

    Attributes
    ----------
    model : Model
        What is not searched is as this one has it.
    ranges : dict of str to Range
        Without ``n_factors``, which grows by doubling.
    n_factors : tuple of int
        The least and the most.
    """

    model: Model
    ranges: dict[str, Range]
    n_factors: tuple[int, int]
    _weights: tuple[np.ndarray[Any, np.dtype[np.float64]], ...]  # n observed and unobserved, by row
    _usual_exponent: float

    def usual(self) -> dict[str, float]:
        """Return the place where the model's own parameters are."""
        params = self.model.get_params()
        exponent = params["regularization_exponent"]
        found = {}
        for name, interval in self.ranges.items():
            value = params[name]
            if value is None:
                value = math.sqrt(interval.low * interval.high)
            elif name == "regularization":
                value = value / self._of_exponent(params.get("unobserved_weight", 0.0), exponent)
            found[name] = interval.clip(float(value))
        return found

    def leads(self) -> list[dict[str, float]]:
        """Return places worth a try on any data, where they are in the ranges.

        Of weighted models: penalties that grow with the root of a row's weight, without and with
        some weight by popularity. On MovieLens and MovieTweetings the best places lie near these.
        """
        found = []
        for lead in _LEADS.get(self.model.name, ()):
            inside = all(
                name in self.ranges and self.ranges[name].clip(value) == value
                for name, value in lead.items()
            )
            found += [self.usual() | lead] if inside else []
        return found

    def of_many(self, place: Mapping[str, float]) -> dict[str, float]:
        """Return a place like this one, but where many factors are often best."""
        wanted = _OF_MANY.get(self.model.name, {}).items()
        return {**place, **{n: self.ranges[n].clip(v) for n, v in wanted if n in self.ranges}}

    def params(self, place: Mapping[str, float], n_factors: int) -> dict[str, Any]:
        """Return the parameters of the model at a place of the search."""
        params = self.model.get_params() | dict(place) | {"n_factors": n_factors}
        if "regularization" in place and "regularization_exponent" in params:
            params["regularization"] = place["regularization"] * self._of_exponent(
                params.get("unobserved_weight", 0.0), params["regularization_exponent"]
            )
        return params

    def moved(self, place: Mapping[str, float], name: str, steps: float) -> dict[str, float]:
        """Return a place some steps along one parameter, no further than its range goes.

        A step is a factor of √2, or an eighth of a range that is not logarithmic.
        """
        interval, value = self.ranges[name], place[name]
        moved = value + steps * (interval.high - interval.low) / 8
        return {**place, name: interval.clip(value * 2 ** (steps / 2) if interval.log else moved)}

    def distance(self, one: Mapping[str, float], other: Mapping[str, float]) -> float:
        """Return how far apart two places are, each range counting as 1."""
        return math.sqrt(
            sum((r.place(one[n]) - r.place(other[n])) ** 2 for n, r in self.ranges.items())
        )

    def _of_exponent(self, unobserved_weight: float, exponent: float) -> float:
        if exponent == self._usual_exponent:
            return 1.0
        observed, unobserved = self._weights
        total = observed + unobserved_weight * unobserved
        total = total[total > 0]
        return float((total**self._usual_exponent).sum() / (total**exponent).sum())


def space_of(model: Model, data: Interactions, search: Mapping[str, object] | None) -> Space:
    """Return what to search for a model on these data.

    Parameters
    ----------
    model : Model
    data : Interactions
    search : mapping, optional
        By parameter a number, which it is held at, or a pair (low, high) that it is searched in.

    Raises
    ------
    ParameterError
        If there is nothing known about what to search for this model, or for a range that is none.
    """
    if model.name not in _FIRST_FACTORS or not _alternates(model):
        known = ", ".join(_FIRST_FACTORS)
        raise ParameterError("model", model, f"one of {known}, by least squares")
    ranges = _ranges(model, data)
    most = min(_LAST_FACTORS[model.name], max(data.n_users, data.n_items))
    factors = (min(_FIRST_FACTORS[model.name], most), most)
    fixed: dict[str, Any] = {}
    for name, wanted in (search or {}).items():
        if name not in model.get_params() or name in _NOT_SEARCHED:
            raise ParameterError("search", name, f"parameters of {type(model).__name__} to search")
        low, high = _bounds(name, wanted)
        if name == "n_factors":
            factors = (int(low), int(high))
        elif low == high:
            fixed[name] = int(low) if isinstance(model.get_params()[name], int) else low
            ranges.pop(name, None)
        else:
            ranges[name] = Range(low, high, log=name in _LOGARITHMIC and low > 0)
    twin = type(model)(**(model.get_params() | fixed))
    given = set(search or {})
    for name, interval in ranges.items():  # the usual place is in every range of our own choice
        value = twin.get_params()[name]
        if name not in given and value is not None:
            low, high = min(interval.low, value), max(interval.high, value)
            ranges[name] = replace(interval, low=low or interval.low, high=high)
    sides = ((data.by_user, data.n_items), (data.by_item, data.n_users))
    lengths = np.concatenate([rows.row_lengths().astype(np.float64) for rows, _ in sides])
    width = np.concatenate([np.full(rows.n_rows, float(n)) for rows, n in sides])
    usual = type(model)().get_params()["regularization_exponent"]
    return Space(twin, ranges, factors, (lengths, width - lengths), usual)


def _alternates(model: Model) -> bool:
    return bool(getattr(model, "solver", "als") == "als")


def _bounds(name: str, wanted: object) -> tuple[float, float]:
    pair = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    if len(pair) != 2:
        raise ParameterError(f"search[{name!r}]", wanted, "a number or a pair (low, high)")
    low, high = (checked_float(f"search[{name!r}]", one) for one in pair)
    if low > high or (name == "n_factors" and (low < 1 or low % 1 or high % 1)):
        raise ParameterError(f"search[{name!r}]", wanted, "a pair of low and high")
    return low, high


def _ranges(model: Model, data: Interactions) -> dict[str, Range]:
    name = model.name
    if name == "nmf":
        return {"regularization": Range(1e-3, 1.0, log=True)}
    if name in ("biased", "svdpp"):
        spread = 1.0 if data.values is None else max(float(data.values.std()), 1e-6)
        ranges = {
            # Its middle is the default, which is found by the ratings and is no number to look up.
            "regularization": Range(0.275 * spread, 4.4 * spread, log=True),
            "regularization_exponent": Range(0.0, 1.0),
        }
        if name == "svdpp":
            ranges["implicit_regularization"] = Range(10.0, 1000.0, log=True)
        return ranges
    cells = data.n_users * data.n_items
    ratio = data.nnz / max(1, cells - data.nnz)
    least, most = min(0.5 * ratio, 0.1), min(max(60 * ratio, 0.3), 1.0)
    ranges = {
        "unobserved_weight": Range(least, most, log=True),
        "regularization": Range(3e-4, 0.2, log=True),
        "regularization_exponent": Range(0.0, 1.5),
        "popularity_exponent": Range(0.0, 1.0),
    }
    if are_counts(data):
        ranges["alpha"] = Range(1e-2, 1e2, log=True)
    return ranges

"""Runs the checks, each a function of its own in the files beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmf.errors import ParameterError
from lmf.models import Model
from lmf.testing import answers, contract, malformed, persistence

__all__ = ["CheckReport", "check_model", "checks"]

Check = Callable[[Model], None]


@dataclass(frozen=True)
class CheckReport:
    """What was checked.

    Attributes
    ----------
    model : str
    passed : tuple of str
        The names of the checks.
    """

    model: str
    passed: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.model}: {len(self.passed)} checks passed"


def checks() -> dict[str, Check]:
    """Return every check by name: the functions called ``check_...`` of this package's files."""
    return {
        name: function
        for part in (contract, answers, persistence, malformed)
        for name, function in vars(part).items()
        if name.startswith("check_")
    }


def check_model(model: Model) -> CheckReport:
    """Check that a model keeps what the package promises of every model.

    Parameters
    ----------
    model : Model
        Not fitted; only its class and parameters are used. Small parameters make it quick.

    Returns
    -------
    CheckReport

    Raises
    ------
    AssertionError
        At the first check that fails, naming it.

    Examples
    --------
    >>> import lmf
    >>> print(check_model(lmf.Popularity()))  # doctest: +ELLIPSIS
    Popularity(): ... checks passed
    """
    if not isinstance(model, Model):
        raise ParameterError("model", model, "a Model that is not fitted")
    passed = []
    for name, check in checks().items():
        try:
            check(model)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
        passed.append(name)
    return CheckReport(repr(model), tuple(passed))

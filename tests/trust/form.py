"""Short or full: how much the long suites do; LMF_TRUST=full asks for all of it."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["FULL", "amount"]

FULL = os.environ.get("LMF_TRUST") == "full"

T = TypeVar("T")


def amount(short: T, full: T) -> T:
    """The one of the form that is run."""
    return full if FULL else short

"""A conformance suite for models: what every model of this package must do, checked one by one.

>>> import lmf
>>> from lmf.testing import check_model
>>> report = check_model(lmf.Popularity())
>>> len(report.passed) > 30
True
"""

from lmf.testing.check import CheckReport, check_model, checks

__all__ = ["CheckReport", "check_model", "checks"]

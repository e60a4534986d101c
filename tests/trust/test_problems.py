"""The list of models that the long suites go through leaves none out."""

from __future__ import annotations

import lmf
from tests.trust.problems import MODELS


def test_every_model_and_every_solver_is_in_it() -> None:
    ours = {one for one in lmf.Model.registry.values() if one.__module__.startswith("lmf.")}
    assert {type(model) for model in MODELS.values()} == ours
    solvers = {m.solver for m in MODELS.values() if isinstance(m, lmf.BiasedMF)}
    assert solvers == {"als", "sgd", "adagrad", "adam"}

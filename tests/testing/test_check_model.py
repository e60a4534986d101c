"""Every model passes the suite, found by walking; models that break a promise do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lmf
from lmf.data.csr import CSR
from lmf.models.asking import NewUsers
from lmf.testing import check_model, checks
from lmf.training.alternating import Alternation

SMALL = {"n_factors": 3, "samples": 5, "burn_in": 3, "epochs": 4}


def subclasses(kind: type[lmf.Model]) -> list[type[lmf.Model]]:
    return [one for sub in kind.__subclasses__() for one in (sub, *subclasses(sub))]


OURS = sorted({one for one in subclasses(lmf.Model) if one.__module__.startswith("lmf.")},
              key=lambda one: one.__name__)  # fmt: skip


def small(kind: type[lmf.Model], **more: Any) -> lmf.Model:
    known = kind().get_params()
    return kind(**{name: value for name, value in {**SMALL, **more}.items() if name in known})


def test_none_escapes() -> None:
    assert set(OURS) == {one for one in lmf.Model.registry.values() if one in OURS}
    assert len(OURS) >= 8
    assert len(checks()) >= 40


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_model_passes(kind: type[lmf.Model]) -> None:
    assert len(check_model(small(kind)).passed) == len(checks())


@pytest.mark.parametrize("solver", ["sgd", "adagrad", "adam"])
def test_every_stochastic_solver_passes(solver: str) -> None:
    check_model(small(lmf.BiasedMF, solver=solver))


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_every_objective_passes(weight: float) -> None:
    check_model(small(lmf.WeightedMF, unobserved_weight=weight))
    check_model(small(lmf.NMF, unobserved_weight=weight))


class _Noisy(lmf.Popularity):
    def _new_users(self, rows: CSR) -> NewUsers:
        return np.full((rows.n_rows, 0), np.nan, np.float32), None

    def recommend(self, *arguments: Any, **options: Any) -> Any:
        return super().recommend(*arguments, **{**options, "exclude_seen": False})


class _Forgetful(lmf.Popularity):
    def fit(self, *arguments: Any, **options: Any) -> Any:
        super().fit(*arguments, **options)


class _Meddling(lmf.Popularity):
    def predict(self, pairs: object, *, unknown: str = "raise") -> Any:
        told = super().predict(pairs, unknown=unknown)
        return told if isinstance(told, np.ndarray) else told.reverse()


class _Lenient(lmf.Popularity):
    def set_params(self, **params: Any) -> Any:
        return self


class _Moody(lmf.Popularity):
    def _train(self, data: lmf.Interactions, watch: Any) -> Any:
        trained = super()._train(data, watch)
        bias = trained.factors.item_bias
        assert bias is not None
        bias += np.random.default_rng().random(len(bias), dtype=np.float32)
        return trained


class _Absentminded(lmf.WeightedMF):
    """Its trainer draws an epoch from something that it does not keep."""

    def _train(self, data: lmf.Interactions, watch: Any) -> Any:
        kept = Alternation.arrays
        try:
            Alternation.arrays = lambda self: {}  # type: ignore[method-assign]
            return super()._train(data, watch)
        finally:
            Alternation.arrays = kept  # type: ignore[method-assign]


def test_a_trainer_that_keeps_too_little_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lmf.Model.registry, "weighted", _Absentminded)
    with pytest.raises(AssertionError, match="check_a_stopped_fit_goes_on"):
        check_model(_Absentminded(3, epochs=4, tolerance=0))


@pytest.mark.parametrize(
    ("broken", "named"),
    [(_Noisy, "check_seen_items"), (_Forgetful, "check_fit_returns_self"),
     (_Meddling, "check_predictions"), (_Lenient, "check_unknown_parameters"),
     (_Moody, "check_fitting_twice")],
)  # fmt: skip
def test_broken_models_do_not(
    broken: type[lmf.Model], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lmf.Model.registry, "popularity", broken)
    with pytest.raises(AssertionError, match=named):
        check_model(broken())

"""Whatever lmf offers is asked malformed questions: the list is read off the package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import lmf
from benchmarks.trust import malformed_surface
from lmf.cli.app import COMMANDS

pytestmark = pytest.mark.trust


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    malformed_surface.callables.cache_clear()
    yield
    malformed_surface.callables.cache_clear()


def test_every_argument_of_every_public_callable_has_values() -> None:
    assert malformed_surface.unasked() == set()


def test_it_knows_models_readers_verbs_and_commands() -> None:
    found = set(malformed_surface.callables())
    models = {model.__name__ for model in lmf.Model.registry.values()}
    for name in sorted(model for model in models if hasattr(lmf, model)):
        assert {name, *(f"{name}.{verb}" for verb in ("fit", "recommend", "save"))} - found <= {
            "Popularity"  # which has no parameter
        }
    assert {"Interactions.of", "ItemFeatures.of", "load", "load_split", "evaluate", "tune"} <= found
    assert {"split_items", "protocols.ncf", "plots.factors", "leave_one_out"} <= found
    assert "fit" in COMMANDS


def test_a_new_callable_is_asked_and_its_argument_must_be_given_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forecast(model: object, moon_phase: float) -> None: ...

    monkeypatch.setattr(lmf, "forecast", forecast, raising=False)
    monkeypatch.setattr(lmf, "__all__", [*lmf.__all__, "forecast"])
    assert "forecast" in malformed_surface.callables()
    assert malformed_surface.unasked() == {"forecast(moon_phase)"}

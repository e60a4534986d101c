"""The style of pictures, and what is said where matplotlib is missing."""

from __future__ import annotations

import sys

import matplotlib as mpl
import pytest

from lmf import drawing
from lmf.errors import LmfError
from tests.conftest import RunPython


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(LmfError, match=r'pip install "lmf\[plot\]"'):
        drawing.matplotlib()
    with pytest.raises(LmfError, match="matplotlib"), drawing.style():
        pass


def test_the_style_does_not_leak() -> None:
    before = dict(mpl.rcParams)
    with drawing.style():
        assert mpl.rcParams["svg.hashsalt"] == "lmf"
    assert dict(mpl.rcParams) == before


def test_zero_is_white_and_signs_differ_in_more_than_hue() -> None:
    colours = drawing.diverging()
    assert min(colours(0.5)) > 0.99
    low, high = colours(0.2), colours(0.8)
    assert low[0] > low[2] + 0.3  # more red than blue, and the other way round
    assert high[2] > high[0] + 0.3


def test_importing_lmf_does_not_import_matplotlib(run_python: RunPython) -> None:
    assert run_python("import lmf, sys; print('matplotlib' in sys.modules)").strip() == "False"

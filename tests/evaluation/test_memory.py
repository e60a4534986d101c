"""The peak of a block, and silence where the system does not tell."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lmf.evaluation import memory
from lmf.evaluation.memory import PeakMemory


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak, others do not")
def test_the_peak_is_that_of_the_block_and_not_of_what_was_before() -> None:
    np.ones(60_000_000).sum()  # 480 MB, given back
    with PeakMemory() as peak:
        np.ones(20_000_000).sum()  # 160 MB, given back before the end
    assert peak.megabytes is not None
    assert 140 < peak.megabytes < 250


def test_nothing_is_claimed_where_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_PROCESS", Path("/nowhere"))
    with PeakMemory() as peak:
        pass
    assert peak.megabytes is None

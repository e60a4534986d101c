"""Progress as a terminal shows it, as a log file keeps it, and where there is no place for it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from lmf.training.history import EpochRecord
from lmf.training.progress import Progress, wants_progress

FIT = """
import numpy as np, lmf
rng = np.random.default_rng(0)
data = lmf.Interactions.from_arrays(rng.integers(0, 30, 200), rng.integers(0, 20, 200))
lmf.WeightedMF(n_factors=2, epochs=3, tolerance=0).fit(data, progress={progress})
"""


def on_a_terminal(code: str) -> str:
    """Run code whose standard error is a terminal; return what the terminal got."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment |= {"TERM": "xterm", "COLUMNS": "100"}
    child = subprocess.Popen(
        [sys.executable, "-c", code], stderr=theirs, stdout=subprocess.DEVNULL, env=environment
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        output += part
    os.close(ours)
    assert child.wait(timeout=60) == 0, output.decode()
    return output.decode()


@pytest.mark.parametrize("progress", [None, True])
def test_a_terminal_gets_a_bar(progress: bool | None) -> None:
    shown = on_a_terminal(FIT.format(progress=progress))
    assert "fitting" in shown
    assert "3/3" in shown
    assert "objective" in shown


def test_a_terminal_gets_nothing_where_progress_is_off() -> None:
    assert on_a_terminal(FIT.format(progress=False)) == ""


def test_progress_is_wanted_on_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert wants_progress(None)
    assert not wants_progress(False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert not wants_progress(None)
    assert wants_progress(True)


def test_a_process_without_standard_error_can_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not wants_progress(None)


def test_a_log_gets_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(12) as shown:
        shown.update(EpochRecord(1, 1234.5678, None, 0.04))
        shown.update(EpochRecord(2, 1000.0, 0.19, 61.0))
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1/12  objective 1234.568            0.0 s",
        "epoch 2/12  objective 1000   -19.00%  61.0 s",
    ]

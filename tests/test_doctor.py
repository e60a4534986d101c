"""The doctor: true facts, and a self-test that notices what is wrong."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from lmf import _native, doctor
from lmf.cli import main
from tests.conftest import RunPython


def told(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capfd.readouterr()
    code = main(["doctor", *words])
    return code, capfd.readouterr().out


def test_a_healthy_machine(capfd: pytest.CaptureFixture[str]) -> None:
    code, out = told(capfd)
    assert code == 0
    assert out.endswith("all is well\n")
    for name in ("lmf", "python", "instructions", "threads", "memory", "parts", "fit", "files"):
        assert any(line.startswith(f"{name} ") for line in out.splitlines()), name
    assert f"{_native.isa()}," in out
    assert f"{_native.available_threads()} used by default" in out
    assert "numpy " in out


def test_it_can_be_read_by_programs(capfd: pytest.CaptureFixture[str]) -> None:
    code, out = told(capfd, "--json")
    found = json.loads(out)
    assert (code, found["good"]) == (0, True)
    assert {"name", "text", "good"} == found["findings"][0].keys()


def test_the_self_test_takes_no_time() -> None:
    doctor.self_test()  # the first one imports
    started = time.process_time()
    doctor.self_test()
    assert time.process_time() - started < 1.0


def test_lowered_instructions_are_shown(run_python: RunPython) -> None:
    code = "from lmf.doctor import facts; print(facts()[2].text)"
    out = run_python(code, LMF_ISA="baseline")
    assert out.startswith("baseline")
    if _native.cpu_isa() != "baseline":
        assert f"lowered by LMF_ISA=baseline; this CPU has {_native.cpu_isa()}" in out


def test_fewer_processors_are_shown(run_python: RunPython) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is only one processor")
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from lmf.doctor import facts; print(facts()[3].text)"
    )
    assert "1 used by default" in run_python(code)
    assert "1 by affinity" in run_python(code)


def test_wrong_numbers_are_noticed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sweep = _native.half_sweep

    def slightly_off(*arguments: Any, **named: Any) -> Any:
        result = sweep(*arguments, **named)
        arguments[7][:] *= 1.001
        return result

    monkeypatch.setattr(_native, "half_sweep", slightly_off)
    code, out = told(capfd)
    assert code == 1
    assert "FAILED: ArithmeticError: a row is" in out
    assert "something is wrong" in out


def test_a_disk_that_cannot_be_written_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", no_space)
    code, out = told(capfd)
    assert code == 1
    assert "No space left" in out

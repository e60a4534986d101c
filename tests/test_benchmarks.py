"""What decides in the benchmarks: when a rise of counts fails, which figures may share a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.speed import counts, epoch

MACHINE, SETTINGS = {"cpu": "this one"}, {"repeats": 5}


@pytest.mark.parametrize(
    ("now", "failed"),
    [
        ({"top": 1099, "sweep": 500}, []),
        ({"top": 1100, "sweep": 500}, ["top"]),
        ({"top": 900}, ["sweep"]),  # what is counted no more cannot be known to be as fast
    ],
)
def test_ten_percent_more_instructions_fail(now: dict[str, int], failed: list[str]) -> None:
    assert counts.rises({"top": 1000, "sweep": 500}, now) == failed


def test_every_kernel_of_the_program_is_counted() -> None:
    text = (counts.ROOT / "native" / "tests" / "kernel_runs.hpp").read_text()
    listed = text.split("kernels[] = {")[1]
    assert all(f'{{"{kernel}", ' in listed for kernel in counts.FUNCTIONS)
    assert listed.count('{"') == len(counts.FUNCTIONS)
    assert list(json.loads(counts.KEPT.read_text())["counts"]) == list(counts.FUNCTIONS)


def epoch_file(folder: Path) -> Path:
    cases = [{"data": "ml-1m", "n_factors": d, "rows": []} for d in (64, 128)]
    path = folder / "epoch.json"
    path.write_text(
        json.dumps({"machine": MACHINE, "settings": SETTINGS, "data": {}, "cases": cases})
    )
    return path


def test_a_part_measured_anew_replaces_that_part_only(tmp_path: Path) -> None:
    found = epoch.kept(epoch_file(tmp_path), MACHINE, SETTINGS, {("ml-1m", 64)})
    assert [case["n_factors"] for case in found["cases"]] == [128]


@pytest.mark.parametrize(
    ("machine", "settings"), [({"cpu": "another"}, SETTINGS), (MACHINE, {"repeats": 3})]
)
def test_two_machines_or_settings_never_share_a_file(
    tmp_path: Path, machine: dict, settings: dict
) -> None:
    with pytest.raises(SystemExit, match="another machine or other settings"):
        epoch.kept(epoch_file(tmp_path), machine, settings, set())

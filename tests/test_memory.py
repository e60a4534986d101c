"""What memory there is: true numbers, and a container's limit counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmf import memory as module
from lmf.memory import Memory, memory


def test_there_is_some_and_no_more_than_the_machine_has() -> None:
    found = memory()
    assert 1 << 28 < found.available <= found.whole


@pytest.mark.parametrize(
    ("limit", "used", "wanted"),
    [("4294967296\n", "1073741824\n", 3 << 30), ("max\n", "5\n", None), ("1e99", "5", None)],
)
def test_the_limit_of_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, wanted: int | None
) -> None:
    (tmp_path / "max").write_text(limit)
    (tmp_path / "current").write_text(used)
    places = (str(tmp_path / "max"), str(tmp_path / "current"))
    monkeypatch.setattr(module, "_CGROUPS", (("/nowhere/max", "/nowhere/current"), places))
    monkeypatch.setattr(module.os, "sysconf", lambda _: 1 << 18)  # pages of so many bytes: 64 GiB
    monkeypatch.setattr(module, "_MEMINFO", tmp_path / "missing")
    found = memory()
    assert found.whole == 64 << 30
    assert found.available == (wanted or found.whole)
    assert Memory(8, 4).available == 4

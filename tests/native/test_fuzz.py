"""The fuzzers find bugs put into kernels, and count for the kernels that they were built from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.trust import kernel_sources
from benchmarks.trust.seeded_bugs import BUGS, clang, found


@pytest.mark.skipif(clang() is None, reason="no clang++: on Debian, apt-get install clang")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_put_into_a_kernel_is_found(bug: str) -> None:
    try:
        told = found(bug, seconds=20)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    assert told is not None
    assert int(told["executions"]) > 0


def test_a_fuzzer_counts_for_all_files_that_it_is_made_of() -> None:
    names = {
        path.relative_to(kernel_sources.NATIVE).as_posix()
        for path in kernel_sources.sources("sweep")
    }
    assert {"fuzz/sweep_fuzz.cpp", "fuzz/problem.hpp", "sweep.cpp", "rows.cpp", "isa/rows.cpp",
            "isa/linear.hpp", "isa/eigen.cpp", "dispatch.cpp", "parallel.cpp"} <= names  # fmt: skip
    assert "topn.cpp" not in names


def test_a_changed_kernel_counts_anew_and_a_changed_comment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(kernel_sources.NATIVE, tmp_path / "native")
    monkeypatch.setattr(kernel_sources, "NATIVE", tmp_path / "native")
    before = {kernel: kernel_sources.digest(kernel) for kernel in kernel_sources.KERNELS}
    source = tmp_path / "native" / "isa" / "eigen.cpp"
    source.write_text("// A remark.\n" + source.read_text())
    assert {kernel: kernel_sources.digest(kernel) for kernel in kernel_sources.KERNELS} == before
    source.write_text(source.read_text() + "int one;\n")
    after = {kernel: kernel_sources.digest(kernel) for kernel in kernel_sources.KERNELS}
    assert {kernel for kernel in before if before[kernel] != after[kernel]} == {"eigen", "sweep"}

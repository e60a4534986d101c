"""A fuzzer is worth what it finds: a bug put into a kernel is found within seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "native"
CLANG = shutil.which("clang++") or shutil.which("clang++-14")
FLAGS = [
    "-std=c++20",
    "-O1",
    "-g",
    "-fsanitize=fuzzer,address,undefined",
    "-fno-sanitize-recover=all",
]

# Harness, kernel, what stands there, and a bug in its place: off by one each.
BUGS = {
    "a column written one too far": (
        "transpose", "csr.cpp", "next[indices[k]]++;", "++next[indices[k]];",
    ),
    "a metric cut one too late": (
        "metrics", "metrics.cpp", "std::min(cut, problem.width); rank", "cut; rank",
    ),
    "an index let pass one too far": (
        "checks", "checks.hpp", "largest < limit", "largest <= limit",
    ),
}  # fmt: skip


def fuzz(folder: Path, harness: str, kernel: str, seconds: int) -> subprocess.CompletedProcess[str]:
    sources = [*{kernel, "csr_build.cpp" if harness == "checks" else kernel, "parallel.cpp"}]
    inputs = [folder / name for name in sources if name.endswith(".cpp")]
    program = folder / harness
    assert CLANG
    built = subprocess.run(
        [CLANG, *FLAGS, "-I", folder, folder / "fuzz" / f"{harness}_fuzz.cpp", *inputs,
         "-o", program, "-lpthread"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "libclang_rt" in built.stderr:
        pytest.skip("no libFuzzer: on Debian, apt-get install libclang-rt-14-dev")
    assert built.returncode == 0, built.stderr
    return subprocess.run(
        [program, f"-max_total_time={seconds}", "-seed=1", "-max_len=256"],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ},
    )  # fmt: skip


@pytest.mark.skipif(CLANG is None, reason="no clang++: on Debian, apt-get install clang")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_put_into_a_kernel_is_found(tmp_path: Path, bug: str) -> None:
    harness, kernel, right, wrong = BUGS[bug]
    shutil.copytree(NATIVE, tmp_path / "native")
    source = tmp_path / "native" / kernel
    text = source.read_text()
    assert text.count(right) == 1, "the line has changed: choose another"
    source.write_text(text.replace(right, wrong))
    done = fuzz(tmp_path / "native", harness, kernel, 20)
    assert done.returncode != 0
    assert "BROKEN PROMISE" in done.stderr or "AddressSanitizer" in done.stderr, done.stderr[-2000:]

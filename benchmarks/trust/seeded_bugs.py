"""A fuzzer is worth what it finds: bugs put into copies of kernels, off by one each."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.trust.kernel_sources import NATIVE, sources

__all__ = ["BUGS", "NEEDED", "clang", "found"]

NEEDED = "on Debian, apt-get install clang libclang-rt-14-dev"
FLAGS = [
    "-std=c++20", "-O1", "-g", "-fsanitize=fuzzer,address,undefined",
    "-fno-sanitize-recover=all", "-DLMF_ISA=baseline",
]  # fmt: skip


@dataclass(frozen=True)
class Bug:
    """What stands in a file under native/, once, and what stands there instead."""

    harness: str
    file: str
    right: str
    wrong: str


BUGS = {
    "a column written one too far": Bug(
        "transpose", "csr.cpp", "next[indices[k]]++;", "++next[indices[k]];"
    ),
    "a metric cut one too late": Bug(
        "metrics", "metrics.cpp", "std::min(cut, problem.width); rank", "cut; rank"
    ),
    "an index let pass one too far": Bug(
        "checks", "checks.hpp", "largest < limit", "largest <= limit"
    ),
    "a vector of columns where fewer are left": Bug(
        "sparse", "isa/sparse.cpp", "column + W <= p.width", "column < p.width"
    ),
}


def clang() -> str | None:
    """The compiler, if there is one."""
    return shutil.which("clang++") or shutil.which("clang++-14")


def found(name: str, seconds: int) -> dict[str, int | str] | None:
    """How the fuzzer finds the bug `name` within so many seconds of fuzzing.

    Returns
    -------
    dict or None
        ``executions`` until it was found and the ``report``'s first line; None if it was not.

    Raises
    ------
    FileNotFoundError
        Where clang++ or its fuzzing library is missing.
    """
    bug = BUGS[name]
    with tempfile.TemporaryDirectory() as folder:
        native, program = Path(folder) / "native", Path(folder) / "fuzzer"
        shutil.copytree(NATIVE, native)
        text = (native / bug.file).read_text()
        if text.count(bug.right) != 1:
            raise ValueError(f"{bug.file} has changed: choose another bug than {bug.right!r}")
        (native / bug.file).write_text(text.replace(bug.right, bug.wrong))
        files = [path.relative_to(NATIVE) for path in sources(bug.harness)]
        inputs = [native / file for file in files if file.suffix == ".cpp"]
        if not (compiler := clang()):
            raise FileNotFoundError(f"no clang++: {NEEDED}")
        built = subprocess.run(
            [compiler, *FLAGS, "-I", native, *inputs, "-o", program, "-lpthread"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "libclang_rt" in built.stderr:
            raise FileNotFoundError(f"no libFuzzer: {NEEDED}")
        if built.returncode:
            raise ValueError(built.stderr[-3000:])
        done = subprocess.run(
            [program, f"-max_total_time={seconds}", "-seed=1", "-max_len=64",
             "-print_final_stats=1"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    report = re.search(
        r"BROKEN PROMISE.*|ERROR: AddressSanitizer: \S+|runtime error.*", done.stderr
    )
    count = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    if done.returncode == 0 or not report or not count:
        return None
    return {"executions": int(count[1]), "report": report[0]}

"""The native kernels under libFuzzer, ASan and UBSan, in each instruction set's build.

    python -m benchmarks.trust.fuzz_kernels [--kernels NAME ...] [--runs N] [--seconds S]

Builds native/fuzz with clang++ in build/fuzz and runs each harness once for each LMF_ISA that this
machine has. In full form 10 million executions a kernel, shared out over the builds; in short
form a
few seconds each. Whatever an input breaks is left in build/fuzz/findings.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.places import ROOT
from benchmarks.trust.record import record

BUILD = ROOT / "build" / "fuzz"
KERNELS = sorted(
    path.stem.removesuffix("_fuzz") for path in (ROOT / "native/fuzz").glob("*_fuzz.cpp")
)
FLAGS = (
    "-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all "
    "-fno-omit-frame-pointer"
)
FULL_RUNS = 10_000_000
NEEDED = "on Debian, apt-get install clang libclang-rt-14-dev"


def clang() -> str:
    """The compiler, or the end."""
    for name in ("clang++", "clang++-14"):
        if found := shutil.which(name):
            return found
    raise SystemExit(f"no clang++: {NEEDED}")


def build() -> None:
    """Make the fuzzers; an incremental build."""
    cmake = Path(sys.executable).with_name("cmake")
    configure = [
        cmake, "-S", ROOT, "-B", BUILD, "-DLMF_FUZZ=ON", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
        f"-DCMAKE_CXX_COMPILER={clang()}", "-DLMF_OPTIMIZATION=-O2", f"-DCMAKE_CXX_FLAGS={FLAGS}",
    ]  # fmt: skip
    for command in (configure, [cmake, "--build", BUILD, "-j", "2"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{done.stdout[-3000:]}{done.stderr[-3000:]}\nno fuzzers; {NEEDED}")


def instruction_sets() -> list[str]:
    """Those that run here, by the processor's flags."""
    flags = Path("/proc/cpuinfo").read_text()
    here = {"avx2": "avx2", "avx512": "avx512vl"}
    return ["baseline", *(name for name, flag in here.items() if flag in flags)]


def fuzz(kernel: str, isa: str, limits: list[str]) -> dict[str, Any]:
    """Run one harness on one build."""
    corpus, findings = BUILD / "corpus" / kernel, BUILD / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    command = [
        BUILD / f"{kernel}_fuzz", corpus, *limits, "-max_len=256", "-timeout=60",
            "-rss_limit_mb=2048",
        "-print_final_stats=1", "-seed=1", f"-artifact_prefix={findings}/{kernel}-{isa}-",
    ]  # fmt: skip
    asan = "quarantine_size_mb=8:malloc_context_size=4:allocator_may_return_null=0"
    started = perf_counter()
    done = subprocess.run(
        command, env=os.environ | {"LMF_ISA": isa, "ASAN_OPTIONS": asan}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    told = {
        "executions": int(runs[1]) if runs else 0,
        "seconds": round(perf_counter() - started, 1),
    }
    if done.returncode:
        wrong = [
            line
            for line in done.stderr.splitlines()
            if re.search("BROKEN|ERROR|runtime error", line)
        ]
        told["finding"] = wrong[0][:300] if wrong else f"exit code {done.returncode}"
    print(f"{kernel} {isa}: {told}", flush=True)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    full = os.environ.get("LMF_TRUST") == "full"
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=KERNELS)
    parser.add_argument("--runs", type=int, default=FULL_RUNS if full else 0, help="of a kernel")
    parser.add_argument(
        "--seconds", type=int, default=3, help="of a kernel's build, without --runs"
    )
    asked = parser.parse_args()
    build()
    builds = instruction_sets()
    limits = (
        [f"-runs={-(-asked.runs // len(builds))}"]
        if asked.runs
        else [f"-max_total_time={asked.seconds}"]
    )
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        going = {
            (kernel, isa): pool.submit(fuzz, kernel, isa, limits)
            for kernel in asked.kernels
            for isa in builds
        }
        told = {pair: run.result() for pair, run in going.items()}
    findings = 0
    for kernel in asked.kernels:
        mine = {isa: told[kernel, isa] for isa in builds}
        findings += sum("finding" in one for one in mine.values())
        total = sum(one["executions"] for one in mine.values())
        record("fuzz-kernels", {"kernels": {kernel: {"executions": total, "builds": mine}}})
    record("fuzz-kernels", {"findings": findings, "instruction_sets": builds})
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

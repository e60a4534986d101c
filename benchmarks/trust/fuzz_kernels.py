"""The native kernels under libFuzzer, ASan and UBSan, in each instruction set's build.

    python -m benchmarks.trust.fuzz_kernels [--kernels NAME ...] [--runs N] [--minutes M]

Builds native/fuzz with clang++ in build/fuzz and runs each harness on each LMF_ISA that this
machine has. In full form (LMF_TRUST=full) executions add up from one call to the next, until every
kernel has 10 million, shared out over the builds; a kernel that has changed since begins anew, and
bugs are put into copies of some kernels to see that they are found. In short form
50,000 executions a kernel.
Whatever an input breaks is left in build/fuzz/findings.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

from benchmarks.places import ROOT
from benchmarks.trust.kernel_sources import KERNELS, WANTED, digest
from benchmarks.trust.record import begin, end, read, record
from benchmarks.trust.seeded_bugs import BUGS, NEEDED, clang, found

ROW = "fuzz-kernels"
BUILD = ROOT / "build" / "fuzz"
# Coverage without comparisons: tracing those would cost half the speed.
FLAGS = (
    "-O2 -gline-tables-only -fsanitize=address,undefined "
    "-fsanitize-coverage=inline-8bit-counters,pc-table -fno-sanitize-recover=all "
    "-fno-omit-frame-pointer"
)
ASAN = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=2"
SHORT_RUNS = 50_000
SLICE = 60  # seconds of a process: what a stop costs


def build(kernels: list[str]) -> None:
    """Make the fuzzers; an incremental build."""
    cmake = Path(sys.executable).with_name("cmake")
    if not (compiler := clang()):
        raise SystemExit(f"no clang++: {NEEDED}")
    configure = [
        cmake, "-S", ROOT, "-B", BUILD, "-DLMF_FUZZ=ON", "-DCMAKE_BUILD_TYPE=Fuzz",
        f"-DCMAKE_CXX_COMPILER={compiler}", "-DLMF_OPTIMIZATION=-O2", f"-DCMAKE_CXX_FLAGS={FLAGS}",
    ]  # fmt: skip
    targets = [f"{kernel}_fuzz" for kernel in kernels]
    for command in (configure, [cmake, "--build", BUILD, "-j", "2", "--target", *targets]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{done.stdout[-3000:]}{done.stderr[-3000:]}\nno fuzzers; {NEEDED}")


def instruction_sets() -> list[str]:
    """Those that run here, by the processor's flags."""
    flags = Path("/proc/cpuinfo").read_text()
    here = {"avx2": "avx2", "avx512": "avx512vl"}
    return ["baseline", *(name for name, flag in here.items() if flag in flags)]


def fuzz(kernel: str, isa: str, *, seed: int, runs: int, seconds: float) -> dict[str, Any]:
    """Run one harness on one build: so many executions, or so many seconds."""
    corpus, findings = BUILD / "corpus" / kernel, BUILD / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    command = [
        BUILD / f"{kernel}_fuzz", corpus, f"-seed={seed}", f"-runs={runs}",
        f"-max_total_time={max(1, round(seconds))}", "-max_len=64", "-timeout=150",
        "-rss_limit_mb=2048", "-entropic=0", "-reload=0", "-reduce_inputs=0",
        "-print_final_stats=1", f"-artifact_prefix={findings}/{kernel}-{isa}-",
    ]  # fmt: skip
    started = perf_counter()
    done = subprocess.run(
        command, env=os.environ | {"LMF_ISA": isa, "ASAN_OPTIONS": ASAN}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    count = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    told = {
        "executions": int(count[1]) if count else 0,
        "seconds": round(perf_counter() - started, 1),
        "finding": None,
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


class Figures:
    """What has been counted, kept in the row's file slice by slice."""

    def __init__(self, form: str, sets: list[str]) -> None:
        if form == "short":
            begin(ROW, form)
        before = (read(ROW, form) or {}).get("figures", {}).get("kernels", {})
        self._lock, self._kernels = Lock(), dict[str, Any]()
        for kernel in KERNELS:  # as they were built just now
            now = digest(kernel)
            none = {isa: {"executions": 0, "seconds": 0, "finding": None} for isa in sets}
            mine = before.get(kernel, {})
            if mine.get("digest") != now:
                mine = {"digest": now, "executions": 0, "builds": {}}
            self._kernels[kernel] = {**mine, "builds": none | mine["builds"]}
        record(ROW, {"kernels": self._kernels})

    def count(self, kernel: str, isa: str) -> int:
        """Executions of a build so far."""
        with self._lock:
            executions: int = self._kernels[kernel]["builds"][isa]["executions"]
        return executions

    def add(self, kernel: str, isa: str, told: dict[str, Any]) -> None:
        """One more run of a build. A finding stays until the kernel is another."""
        with self._lock:
            mine = self._kernels[kernel]
            build = mine["builds"][isa]
            build["executions"] += told["executions"]
            build["seconds"] = round(build["seconds"] + told["seconds"], 1)
            build["finding"] = build["finding"] or told["finding"]
            mine["executions"] = sum(one["executions"] for one in mine["builds"].values())
            record(ROW, {"kernels": {kernel: mine}})

    def builds(self) -> list[dict[str, Any]]:
        """All builds of all kernels."""
        return [one for mine in self._kernels.values() for one in mine["builds"].values()]


def run(kernel: str, isa: str, figures: Figures, *, wanted: int, stop_at: float) -> None:
    """Slices of a build until it has had so many executions, or the time is over."""
    while (left := stop_at - perf_counter()) >= 1:
        count = figures.count(kernel, isa)
        if count >= wanted:
            return
        told = fuzz(kernel, isa, seed=1 + count, runs=wanted - count, seconds=min(left, SLICE))
        figures.add(kernel, isa, told)
        if told["finding"]:
            return


def see_bugs() -> bool:
    """Whether each seeded bug is found within 20 seconds, now or since its kernel last changed."""
    told = (read(ROW, "full") or {}).get("figures", {}).get("seeded_bugs", {})
    for name, bug in BUGS.items():
        now = digest(bug.harness)
        if (told.get(name) or {}).get("digest") != now:
            seen = found(name, seconds=20)
            told[name] = {"digest": now, **seen} if seen else None
            record(ROW, {"seeded_bugs": told})
    return None not in told.values()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    form = "full" if os.environ.get("LMF_TRUST") == "full" else "short"
    runs, cores = WANTED if form == "full" else SHORT_RUNS, len(os.sched_getaffinity(0))
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=KERNELS)
    parser.add_argument("--runs", type=int, default=runs, help=f"of a kernel ({runs:,})")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many")
    parser.add_argument("--jobs", type=int, default=cores, help=f"at a time ({cores})")
    asked = parser.parse_args()
    build(asked.kernels)
    sets = instruction_sets()
    figures = Figures(form, sets)
    wanted, stop_at = -(-asked.runs // len(sets)), perf_counter() + 60 * asked.minutes
    with ThreadPoolExecutor(asked.jobs) as pool:
        going = [
            pool.submit(run, kernel, isa, figures, wanted=wanted, stop_at=stop_at)
            for kernel in asked.kernels
            for isa in sets
        ]
        for one in going:
            one.result()
    findings = sum(one["finding"] is not None for one in figures.builds())
    record(ROW, {"findings": findings, "instruction_sets": sets})
    held = findings == 0 and (form == "short" or see_bugs())
    end(ROW, form, held=held, seconds=sum(one["seconds"] for one in figures.builds()))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the figures were measured on.

    python -m benchmarks.machine             describe this machine as JSON

Besides the description: the rate of a large sgemm (NumPy's BLAS) on one and two threads and the
bandwidth of a copy too large for the caches. They bound what any kernel can reach here, and tell
a reader with another machine what to scale by.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np

#: Flags that decide which kernels run.
FLAGS = {
    *("sse4_2", "avx", "f16c", "fma", "avx2"),
    *("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_bf16", "avx512_fp16", "avx512_vnni"),
    *("amx_tile", "amx_bf16"),
    *("asimd", "sve"),
}


def load_average() -> list[float]:
    """Processes that ran or waited, over the last 1, 5 and 15 minutes."""
    return [round(load, 2) for load in os.getloadavg()]


def describe(measure: bool = True) -> dict:
    """The machine as JSON-ready values; without `measure`, nothing is timed."""
    cpu = _cpu()
    flags = set(cpu.get("flags", cpu.get("Features", "")).split())
    described = {
        "cpu": cpu.get("model name", platform.processor() or platform.machine()),
        "cpu_family_model_stepping": [
            cpu.get(key) for key in ("cpu family", "model", "stepping") if key in cpu
        ],
        "flags": sorted(FLAGS & flags),
        "cores": len(os.sched_getaffinity(0)),
        "caches": _caches(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "load_average": load_average(),
    }
    if measure:
        described["sgemm_gflops"] = {str(n): sgemm_gflops(n) for n in (1, 2)}
        described["copy_gb_per_s"] = {str(n): copy_bandwidth(n) for n in (1, 2)}
    return described


def sgemm_gflops(n_threads: int) -> float:
    """Best of several 2048³ float32 products, in a fresh process: BLAS reads its threads once."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS")
    program = (
        "import numpy as np, time\n"
        "a = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)\n"
        "def once():\n"
        "    start = time.perf_counter(); a @ a; return time.perf_counter() - start\n"
        "print(2 * 2048**3 / min(once() for _ in range(12)) / 1e9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | dict.fromkeys(names, str(n_threads)),
        capture_output=True,
        text=True,
        check=True,
    )
    return round(float(done.stdout), 1)


def copy_bandwidth(n_threads: int, megabytes: int = 512) -> float:
    """GB/s of a copy, bytes read plus bytes written; NumPy copies without holding the GIL."""
    source = np.ones(megabytes * 2**20 // 8)
    target = np.zeros_like(source)
    parts = list(zip(np.array_split(source, n_threads), np.array_split(target, n_threads)))  # noqa: B905
    with ThreadPoolExecutor(n_threads) as pool:

        def once() -> float:
            start = perf_counter()
            list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))
            return perf_counter() - start

        best = min(once() for _ in range(8))
    return round(2 * source.nbytes / best / 1e9, 1)


def _cpu() -> dict[str, str]:
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _caches() -> dict[str, str]:
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = (
                (folder / f).read_text().strip() for f in ("level", "type", "size")
            )
        except OSError:
            continue
        found[f"L{level} {kind.lower()}"] = size
    return found


if __name__ == "__main__":
    print(json.dumps(describe(), indent=2))

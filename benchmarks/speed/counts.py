"""Instructions of every kernel, counted by callgrind: what noise cannot hide and luck cannot pass.

    python -m benchmarks.speed.counts               the working tree against HEAD's kernels
    python -m benchmarks.speed.counts --against main
    python -m benchmarks.speed.counts --kept        against counts.json, as CI does
    python -m benchmarks.speed.counts --renew       writes counts.json: after a rise that is wanted

Each kernel runs once on one thread on a seeded problem (native/tests/kernel_runs.hpp); a rise of
10 % or more in any fails. Valgrind knows no AVX-512, so the AVX2 build is counted. The counts
depend on the compiler: counts.json says which, and with another one nothing is compared. Without
valgrind (Debian's `valgrind`) nothing is counted. Both are said, and are no failure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.places import CACHE, ROOT

KEPT = Path(__file__).with_suffix(".json")
ALLOWED = 0.10
#: Kernel in native/tests/kernel_runs.hpp -> the functions whose instructions count, all they call
#: included.
FUNCTIONS = {
    "primal": ("solve_rows",),
    "dual": ("solve_rows",),
    "sweep": ("half_sweep",),
    "nonnegative": ("nonnegative_rows",),
    "gibbs": ("gibbs_sweep",),
    "sparse": ("multiply",),
    "dense": ("gram", "rotate", "cross", "subtract_product", "balance"),
    "stochastic": ("stochastic_epoch",),
    "eigen": ("eigen_symmetric",),
    "top": ("top_n",),
    "metrics": ("ranking_metrics",),
    "building": ("build_rows", "csr_transpose", "encode_integers<long>"),
}
SOURCES = ("CMakeLists.txt", "native")


def build(source: Path, folder: Path) -> Path:
    """The counted program of a source tree; SystemExit where it has none or does not compile."""
    if not (source / "native" / "tests" / "kernel_counts.cpp").exists():
        raise SystemExit("that commit is from before native/tests/kernel_counts.cpp: no counts")
    cmake = Path(sys.executable).with_name("cmake")
    start = [str(cmake if cmake.exists() else "cmake")]
    _run([*start, "-S", str(source), "-B", str(folder), "-DLMF_COUNTS=ON",
          "-DCMAKE_BUILD_TYPE=Release"])  # fmt: skip
    _run([*start, "--build", str(folder), "-j", "2", "--target", "kernel_counts"])
    return folder / "kernel_counts"


def of_commit(commit: str) -> dict[str, int]:
    """Counts of a commit's kernels, which are kept under .bench by its full name."""
    name = _run(["git", "-C", str(ROOT), "rev-parse", "--verify", f"{commit}^{{commit}}"]).strip()
    known = CACHE / "counts" / f"{name}.json"
    if known.exists():
        kept = json.loads(known.read_text())
        if kept["tools"] == tools():
            return kept["counts"]
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", name, *SOURCES], capture_output=True, check=True
    ).stdout
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        counts = count(build(Path(folder), Path(folder) / "build"))
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps({"tools": tools(), "counts": counts}))
    return counts


def count(program: Path) -> dict[str, int]:
    """Instructions by kernel."""
    with ThreadPoolExecutor(2) as pool:
        numbers = pool.map(lambda kernel: _count(program, kernel), FUNCTIONS)
        return dict(zip(FUNCTIONS, numbers, strict=True))


def _count(program: Path, kernel: str) -> int:
    toggles = [f"--toggle-collect={name}" for name in _patterns(kernel)]
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *toggles,
         str(program), kernel],
        env=os.environ | {"LMF_ISA": "avx2"}, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found or not int(found[1]):
        raise SystemExit(f"{kernel}: nothing was counted\n{done.stdout}{done.stderr}")
    if done.stdout.strip() != "avx2":
        raise SystemExit(f"{kernel}: ran as {done.stdout.strip()}, and only AVX2 is compared")
    return int(found[1])


def _patterns(kernel: str) -> list[str]:
    # The closing bracket keeps lambdas out, whose names begin alike and end in "const": each
    # entry of a function that is in the list turns the counting on or off.
    patterns = {name: f"lmf::{name}(*)" for name in FUNCTIONS[kernel]}
    if "encode_integers<long>" in patterns:  # a template's name begins with what it returns
        patterns["encode_integers<long>"] = "std::vector<long, *lmf::encode_integers<long>(*)"
    return list(patterns.values())


def tools() -> dict[str, str]:
    """What the counts depend on besides the source."""
    compiler = os.environ.get("CXX", "c++")
    return {
        "compiler": _run([compiler, "--version"]).splitlines()[0],
        "libc": " ".join(os.confstr("CS_GNU_LIBC_VERSION").split()),
        "valgrind": _run(["valgrind", "--version"]).strip(),
    }


def rises(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Prints both side by side; the kernels that need 10 % more, or are counted no more."""
    print(f"{'kernel':14}{'before':>14}{'now':>14}{'change':>9}")
    failed = []
    for kernel, old in before.items():
        new = after.get(kernel)
        if new is None:
            failed.append(kernel)
            continue
        print(f"{kernel:14}{old:14,}{new:14,}{100 * (new / old - 1):+8.1f}%")
        if new >= (1 + ALLOWED) * old:
            failed.append(kernel)
    return failed


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.counts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--against", default="HEAD", metavar="COMMIT")
    which.add_argument("--kept", action="store_true", help="compare with counts.json")
    which.add_argument("--renew", action="store_true", help="write counts.json")
    given = parser.parse_args()
    if not shutil.which("valgrind"):
        print("counts: skipped, no valgrind here (Debian's package of that name)")
        return
    if given.kept:
        kept = json.loads(KEPT.read_text())
        if kept["tools"] != tools():
            print(f"counts: skipped, they were taken with {kept['tools']} and here is {tools()}")
            return
        before = kept["counts"]
    elif not given.renew:
        before = of_commit(given.against)
    counts = count(build(ROOT, ROOT / "build" / "counts"))
    if given.renew:
        KEPT.write_text(json.dumps({"tools": tools(), "counts": counts}, indent=1) + "\n")
        print(f"written: {KEPT}")
        return
    failed = rises(before, counts)
    if failed:
        raise SystemExit(f"10 % more instructions than before, or no more counted: {failed}")


if __name__ == "__main__":
    main()

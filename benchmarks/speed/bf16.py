"""The rank-n update by bfloat16 parts beside float32 FMA: does it pay?

    python -m benchmarks.speed.bf16                  about a minute, writes speed/bf16.json
    python -m benchmarks.speed.bf16 --factors 64 --rounds 1 --out .bench/look.json

C += P'P of one row with n interactions, on one thread. `bf16.cpp` is compiled for this CPU with g++
and runs, in turns, lmf's own tile, other FMA tiles, and tiles of bf16x3: every float split into two
bfloat16, hi hi + hi lo + lo hi summed in float32, by vdpbf16ps where the CPU has avx512_bf16 and by
AMX where it has amx_bf16. `bf16x1` is hi hi alone: too coarse to use, it shows the rate of the
instruction. Seconds are those of the thread (what else runs does not count), medians of the rounds.

GFLOP/s are those of the problem, n d (d + 1), however many products a kernel makes of it. The
errors are measured against float64 on a row of a fitted model: of C in the Frobenius norm, and of
the solution of (w0 G + (1 - w0) P'P + λ I) x = P'1 in float64 with each C, for the weighted
problem and for the harder one of observed entries alone with hardly any λ.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

import lmf
from benchmarks import machine, results
from benchmarks.places import CACHE, ROOT
from benchmarks.powerlaw import powerlaw
from benchmarks.speed.turns import short

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-std=c++20", "-O3", "-march=native", "-Wall", "-Wextra", "-Wno-psabi",
         "-Wno-maybe-uninitialized", "-DLMF_ISA=avx512")  # fmt: skip
DATA = "powerlaw-s"
#: (unobserved weight, regularization) of the two problems whose solutions are compared.
PROBLEMS = {"weighted": (0.1, 1.0), "observed": (0.0, 0.01)}
#: It pays from this ratio on; so accurate must it be.
WANTED, ACCURATE = 1.1, 1e-5


def compiler() -> str | None:
    return shutil.which(os.environ.get("CXX", "g++"))


def why_not(flags: list[str]) -> str | None:
    """What is missing to measure anything here."""
    if "avx512f" not in flags or not {"avx512_bf16", "amx_bf16"} & set(flags):
        return "this CPU has neither avx512_bf16 nor amx_bf16"
    return None if compiler() else "no g++ here"


def build(folder: Path, *flags: str) -> Path:
    program = folder / "bf16"
    command = [compiler() or "g++", *FLAGS, *flags, f"-I{ROOT / 'native'}", "-o", str(program)]
    subprocess.run([*command, str(SOURCE)], check=True)
    return program


def typical(d: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The factors P of an item's users, about n of them, in a fitted model; and G of all users."""
    matrix = powerlaw(DATA)
    data = lmf.Interactions.of(matrix.scipy(np.int64), value=False)
    model = lmf.WeightedMF(n_factors=d, unobserved_weight=0.1, regularization=1.0,
                           regularization_exponent=0.0, epochs=4)  # fmt: skip
    users = model.fit(data, progress=False).factors_.user_factors
    by_item = data.by_item
    item = int(np.abs(np.diff(by_item.indptr) - n).argmin())
    row = by_item.indices[by_item.indptr[item] : by_item.indptr[item + 1]]
    return np.ascontiguousarray(users[row]), users.T.astype(np.float64) @ users


def run(program: Path, p: np.ndarray, rounds: int, folder: Path) -> dict[str, dict]:
    """By kernel: seconds of the whole and of the update alone, a figure a round, and C."""
    n, d = p.shape
    p.tofile(folder / "p.bin")
    command = [program, folder / "p.bin", n, d, rounds, folder]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, dict] = {
        path.stem: {"c": np.fromfile(path, np.float32).reshape(d, d), "whole": [], "update": []}
        for path in folder.glob("*-*.bin")
    }
    for line in done.stdout.splitlines():
        name, whole, update = line.split()
        found[name]["whole"].append(float(whole))
        found[name]["update"].append(float(update))
    return found


def symmetric(upper: np.ndarray) -> np.ndarray:
    upper = np.triu(upper.astype(np.float64))
    return upper + np.triu(upper, 1).T


def errors(c: np.ndarray, p: np.ndarray, gram: np.ndarray) -> dict[str, float]:
    """Relative errors of C and of the solutions, against float64 throughout."""
    p = p.astype(np.float64)
    true, given, right = p.T @ p, symmetric(c), p.sum(axis=0)
    found = {"gram": float(np.linalg.norm(given - true) / np.linalg.norm(true))}
    for name, (w0, regularization) in PROBLEMS.items():
        rest = w0 * gram + regularization * np.eye(len(c))
        exact = np.linalg.solve((1 - w0) * true + rest, right)
        x = np.linalg.solve((1 - w0) * given + rest, right)
        found[name] = float(np.linalg.norm(x - exact) / np.linalg.norm(exact))
    return {name: float(f"{error:.2g}") for name, error in found.items()}


def measure(program: Path, d: int, n: int, rounds: int) -> dict:
    p, gram = typical(d, n)
    with TemporaryDirectory() as folder:
        found = run(program, p, rounds, Path(folder))
    flop = len(p) * d * (d + 1)
    rows = [
        {
            "kernel": name,
            "gflops": short(1e-9 * flop / median(one["whole"])),
            "gflops_of_update": short(1e-9 * flop / median(one["update"])),
            "all_seconds": [short(seconds) for seconds in one["whole"]],
            "all_seconds_of_update": [short(seconds) for seconds in one["update"]],
            "errors": errors(one["c"], p, gram),
        }
        for name, one in found.items()
    ]
    return {"n_factors": d, "interactions": len(p), "rows": sorted(rows, key=lambda r: r["kernel"])}


def fastest(case: dict, kind: str) -> dict:
    """The best tile whose name begins so."""
    return max((row for row in case["rows"] if row["kernel"].startswith(kind)),
               key=lambda row: row["gflops"])  # fmt: skip


def claims(cases: list[dict]) -> list[dict]:
    """Whether bf16x3 pays and is accurate enough, each with what was measured."""
    found = []
    for case in cases:
        fma, split = fastest(case, "fma"), fastest(case, "bf16x3")
        d = case["n_factors"]
        ratio = short(split["gflops"] / fma["gflops"])
        text = f"d={d}: bf16x3 ({split['kernel']}) at least {WANTED} times as fast as float32 FMA"
        found.append({"claim": text, "measured": ratio, "holds": ratio >= WANTED})
        for name, error in split["errors"].items():
            text = f"d={d}: error of bf16x3 at most {ACCURATE:g}: {name}"
            found.append({"claim": text, "measured": error, "holds": error <= ACCURATE})
    return found


def verdict(promised: list[dict]) -> str:
    fast = [claim["holds"] for claim in promised if "as fast" in claim["claim"]]
    true = [claim["holds"] for claim in promised if "error" in claim["claim"]]
    if all(fast) and all(true):
        return "pays"
    missing = [text for text, held in (("not faster", fast), ("not accurate enough", true))
               if not all(held)]  # fmt: skip
    return f"does not pay: {' and '.join(missing)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.speed.bf16",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--factors", nargs="+", type=int, default=[64, 128, 256])
    parser.add_argument("--interactions", type=int, default=512, help="of the row, about")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    if given.rounds < 1 or any(d < 32 or d % 32 for d in given.factors):
        parser.error("--rounds must be at least 1, --factors multiples of 32")
    return given


def main() -> None:
    given = _arguments()
    described = machine.describe()
    if missing := why_not(described["flags"]):
        print(f"bf16: not measured, {missing}")
        return
    CACHE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as folder:
        program = build(Path(folder))
        cases = [measure(program, d, given.interactions, given.rounds) for d in given.factors]
    for case in cases:
        print(f"\nd = {case['n_factors']}, {case['interactions']} interactions")
        for row in case["rows"]:
            print(f"  {row['kernel']:12}{row['gflops']:8.1f} GFLOP/s"
                  f"{row['gflops_of_update']:8.1f} without packing   {row['errors']}")  # fmt: skip
    promised = claims(cases)
    results.tell(promised)
    said = verdict(promised)
    print(f"bf16x3 {said}")
    described["load_average_after"] = machine.load_average()
    version = subprocess.run(
        [str(compiler()), "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    results.write(
        given.out,
        command="python -m benchmarks.speed.bf16",
        machine=described,
        settings={"data": DATA, "rounds": given.rounds, "compiler": version, "flags": FLAGS,
                  "problems": PROBLEMS},
        verdict=said,
        cases=cases,
        claims=promised,
    )  # fmt: skip
    print(f"written: {os.path.relpath(given.out)}")


if __name__ == "__main__":
    main()

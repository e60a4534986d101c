"""What a kernel's fuzzer is made of, so that executions count for that kernel and no later one.

A harness includes headers, and a header ``x.hpp`` stands for ``x.cpp`` and ``isa/x.cpp`` beside it,
which include further ones: all of these files together.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from benchmarks.places import ROOT

__all__ = ["KERNELS", "WANTED", "digest", "sources"]

WANTED = 10_000_000  # executions of a kernel

NATIVE = ROOT / "native"
KERNELS = sorted(path.stem.removesuffix("_fuzz") for path in (NATIVE / "fuzz").glob("*_fuzz.cpp"))
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def sources(kernel: str) -> list[Path]:
    """The files of the project that the fuzzer of `kernel` is built from, sorted."""
    waiting, found = [NATIVE / "fuzz" / f"{kernel}_fuzz.cpp"], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for name in _INCLUDE.findall(path.read_text()):
            waiting += [path.parent / name, NATIVE / name]
        waiting += [NATIVE / f"{path.stem}.cpp", NATIVE / "isa" / f"{path.stem}.cpp"]
    return sorted(found)


def digest(kernel: str) -> str:
    """Of those files, their comments and blanks apart."""
    whole = hashlib.sha256()
    for path in sources(kernel):
        code = re.sub(r"//.*", "", path.read_text())
        whole.update(f"{path.relative_to(NATIVE)} {' '.join(code.split())}\n".encode())
    return whole.hexdigest()[:16]

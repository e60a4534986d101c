"""Where benchmarks find data and keep what they make: everything relative to the project's root."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".bench"
MATRICES = CACHE / "data"
VENVS = CACHE / "venvs"


def real_data(*parts: str) -> Path:
    """Path inside the folder of real data: `LMF_DATA`, or `../shared/data` beside the project."""
    folder = Path(os.environ.get("LMF_DATA") or ROOT.parent / "shared" / "data")
    path = folder.joinpath(*parts)
    if not path.exists():
        raise SystemExit(
            f"{'/'.join(parts)} not found: set LMF_DATA to the folder that holds it, "
            "or leave this data set out (--data)"
        )
    return path

"""The figures of a row: one JSON file each, so that rows never wait for one another.

Whoever measures calls `record` as often as they like; the figures are merged, dictionaries
key by key. The form is that of LMF_TRUST: ``full`` figures go to ``rows/`` and are kept in git,
others to ``.bench/trust``.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.places import CACHE, ROOT

__all__ = ["begin", "end", "read", "record", "undo"]

_PLACES = {"full": ROOT / "benchmarks" / "trust" / "rows", "short": CACHE / "trust"}


def record(row: str, figures: dict[str, Any]) -> None:
    """Add figures to a row.

    Parameters
    ----------
    row : str
        Its name.
    figures : dict
        JSON values. A dictionary in it is merged into the one of the same key, so each trainer,
        say, can leave its own; anything else replaces what was there.
    """
    form = "full" if os.environ.get("LMF_TRUST") == "full" else "short"
    found = read(row, form) or {"row": row, "form": form}
    found["figures"] = _merged(found.get("figures", {}), figures)
    _write(row, form, found)


def begin(row: str, form: str) -> None:
    """Put the figures of the last run aside."""
    _earlier(row, form).unlink(missing_ok=True)
    if (path := _path(row, form)).exists():
        path.replace(_earlier(row, form))


def undo(row: str, form: str) -> None:
    """Nothing could be measured: the figures of the last run stand."""
    _path(row, form).unlink(missing_ok=True)
    if (earlier := _earlier(row, form)).exists():
        earlier.replace(_path(row, form))


def end(row: str, form: str, *, held: bool, seconds: float) -> None:
    """Say how a run of the row went, and forget the one before."""
    _earlier(row, form).unlink(missing_ok=True)
    found = read(row, form) or {"row": row, "form": form, "figures": {}}
    _write(row, form, {**found, "held": held, "seconds": round(seconds, 1)})


def read(row: str, form: str) -> dict[str, Any] | None:
    """What is recorded of a row, or None."""
    try:
        found: dict[str, Any] = json.loads(_path(row, form).read_text())
    except FileNotFoundError:
        return None
    return found


def _path(row: str, form: str) -> Path:
    return _PLACES[form] / f"{row}.json"


def _earlier(row: str, form: str) -> Path:
    return _path(row, form).with_suffix(".json.earlier")


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _write(row: str, form: str, content: dict[str, Any]) -> None:
    path = _path(row, form)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        **content,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": describe(measure=False),
    }
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    partial.replace(path)

"""One shape for every result file: what ran, when, on what, and the rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path


def write(path: Path, *, command: str, machine: dict, **content: object) -> None:
    """Write a result as readable JSON, whole or not at all."""
    document = {
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine,
        **content,
    }
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    partial.replace(path)

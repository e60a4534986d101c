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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    partial.replace(path)


def tell(claims: list[dict]) -> None:
    """Print of each claim whether it holds, what was measured, and the claim."""
    for claim in claims:
        print(f"{'yes' if claim['holds'] else 'NO ':4}{claim['measured']:<9.4g}{claim['claim']}")

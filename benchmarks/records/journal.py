"""Settings tried on a validation part: a table in the result file, from which the best is taken.

A record is made in two steps. `--try` measures settings on a part of the training data and adds a
row each to the table `validation`; without it the best row of the table is fitted to all training
data, and the test is looked at for the first time. So the file tells what was searched.
"""

from __future__ import annotations

import json
from pathlib import Path

PARAMS = ("n_factors", "unobserved_weight", "regularization", "regularization_exponent",
          "popularity_exponent", "user_discount", "item_discount", "initial_scale",
          "epochs")  # fmt: skip


def kept(path: Path) -> dict:
    """The document as it is; an empty one where there is none."""
    return json.loads(path.read_text()) if path.exists() else {"validation": []}


def keep(path: Path, row: dict) -> None:
    """Add a row to the table, and leave the rest of the document as it is."""
    document = kept(path)
    document["validation"] = [*document["validation"], row]
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    partial.replace(path)


def chosen(rows: list[dict], metric: str) -> dict:
    """The parameters of the best row; what a row does not name had no name then: the default."""
    if not rows:
        raise SystemExit("no settings have been tried: give --try '{\"n_factors\": 512}' first")
    best = max(rows, key=lambda row: row[metric])
    return {name: best[name] for name in PARAMS if name in best}

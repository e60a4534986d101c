"""Hostile model files by the million: each is refused by name or is a model that answers.

    python -m benchmarks.trust.hostile_files [--cases N] [--first NUMBER]

Loading may take the file's size and 64 MB of memory, which RLIMIT_DATA holds it to, and a second.
A model that does come of it is asked what models are asked; only errors of lmf may come of that.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import lmf
from benchmarks.trust.record import record
from benchmarks.trust.workers import run
from lmf.errors import LmfError, ModelFileError
from tests.store.tampering import tampered

ROOM = 64 << 20
FULL, SHORT = 1_000_000, 5_000


def originals() -> list[bytes]:
    """Files of models of every kind, with ids of several types."""
    table = {"user": ["ann", "ann", "bob", "zoe"], "item": [7, 9, 7, 12], "rating": [1.0, 5, 2, 3]}
    small: list[lmf.models.Model] = [
        lmf.WeightedMF(n_factors=2, epochs=3), lmf.Popularity(), lmf.BiasedMF(n_factors=2,
            epochs=2),
        lmf.PureSVD(n_factors=2), lmf.NMF(n_factors=2, epochs=2),
        lmf.BayesianMF(n_factors=2, samples=2, burn_in=1), lmf.SVDPlusPlus(n_factors=2, epochs=2),
    ]  # fmt: skip
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for model in small:
            model.fit(table).save(Path(folder) / "model.lmf")
            contents.append((Path(folder) / "model.lmf").read_bytes())
    return contents


def make() -> Callable[[int], str]:
    """What tries one file."""
    contents = originals()
    folder = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    path = folder / f"lmf-hostile-{os.getpid()}.lmf"
    path.write_bytes(contents[0])
    for _ in range(3):  # imports and thread stacks are not the file's doing
        ask(lmf.load(path))
    limit = _data_bytes() + ROOM + max(map(len, contents))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def case(number: int) -> str:
        path.write_bytes(tampered(contents, number))
        try:
            model = lmf.load(path)
        except ModelFileError as error:
            told = str(error)
            if "bytes of memory" in told or "has no attribute" in told or "\n" in told:
                return f"WRONG: {told}"
            return "refused"
        finally:
            path.unlink()
        return ask(model)

    return case


def ask(model: lmf.models.Model) -> str:
    """Ask a model everything; only errors of lmf may come of it."""
    users, items = model.factors_.users, model.factors_.items
    refused = 0
    for question in (
        lambda: model.recommend(n=3, unknown="skip"),
        lambda: model.recommend(history=items.tolist([0])),
        lambda: model.predict((users.tolist([0]), items.tolist([0]))),
        lambda: model.similar_items(items.tolist([0])),
    ):
        try:
            answer = question()
        except LmfError:
            refused += 1
            continue
        if not finite(answer):
            return "WRONG: an answer that is not finite"
    return f"a model, {refused} of 4 questions refused"


def finite(answer: Any) -> bool:
    """Whether an answer, a frame or an array, holds finite numbers only."""
    scores = answer["score"].to_numpy() if hasattr(answer, "columns") else answer
    return bool(np.isfinite(scores).all())


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmData:")[1].split()[0]) << 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    full = os.environ.get("LMF_TRUST") == "full"
    parser.add_argument("--cases", type=int, default=FULL if full else SHORT)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    outcome = run(make, asked.first, asked.first + asked.cases, patience=1.0)
    record("hostile-files", {**outcome.figures(), "room_mb": ROOM >> 20})
    for number, told in outcome.findings.items():
        print(f"file {number}: {told}")
    print({key: value for key, value in outcome.figures().items() if key != "findings"})
    return 0 if outcome.held else 1


if __name__ == "__main__":
    sys.exit(main())

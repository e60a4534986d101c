"""One hostile file tried: what a model file or a checkpoint does to whoever opens it.

It is described, loaded, and asked what models are asked; a checkpoint is gone on from. Only errors
of lmf may come of that, within a second of processor time and the file's size and 64 MB of memory.
"""

from __future__ import annotations

import datetime
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import lmf
from lmf import store
from lmf.data.interactions import Interactions
from lmf.errors import LmfError, ModelFileError
from lmf.training.history import EpochRecord

__all__ = ["ROOM", "SECONDS", "Trial"]

ROOM = 64 << 20
SECONDS = 1.0

_TABLE = {"user": ["ann", "ann", "bob", "zoe"], "item": [7, 9, 7, 12], "rating": [1.0, 5, 2, 3]}
_FILMS = {"item": [7, 9, 12, 15], "genres": ["Crime|Drama", "Family", "Crime", "Drama|Music"]}


def _tables() -> list[pl.DataFrame]:
    """Ids of every kind that has a form of its own in the file."""
    noon = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    uuids = [f"0e8400{k}0-e29b-41d4-a716-446655440000" for k in (1, 1, 2)]
    wide = pl.Series([2**100, -(2**100), 5], dtype=pl.Int128)
    return [
        pl.DataFrame({"user": [noon, noon, noon.replace(day=1)], "item": [b"a", b"\xff", b"a"]}),
        pl.DataFrame({"user": [noon.date(), noon.date(), noon.date()], "item": wide}),
        pl.DataFrame({"user": uuids, "item": [noon.time(), noon.time(), noon.time()]}),
    ]


def _small() -> list[lmf.models.Model]:
    """A model of every kind, few numbers each."""
    small: list[lmf.models.Model] = [
        lmf.WeightedMF(n_factors=2, epochs=3, n_threads=1),
        lmf.BiasedMF(n_factors=2, epochs=3, n_threads=1),
        lmf.BiasedMF(n_factors=2, epochs=3, solver="sgd", n_threads=1),
        lmf.SVDPlusPlus(n_factors=2, epochs=3, n_threads=1),
        lmf.BayesianMF(n_factors=2, samples=2, burn_in=1, n_threads=1),
        lmf.NMF(n_factors=2, epochs=3, n_threads=1),
        lmf.PureSVD(n_factors=1, epochs=3, tolerance=0.0, n_threads=1),
        lmf.ContentBased(n_factors=1, epochs=3, tolerance=0.0, n_threads=1),
        lmf.Popularity(),
        lmf.BiasOnly(n_threads=1),
    ]
    missing = set(lmf.models.Model.registry) - {model.name for model in small}
    if missing:
        raise SystemExit(f"no hostile files are made of {', '.join(sorted(missing))}")
    return small


class Trial:
    """A path where files are put and tried, with the limits set for this process.

    Attributes
    ----------
    contents : list of bytes
        Good files, of every model and every trainer's checkpoint, to be made hostile.
    """

    def __init__(self) -> None:
        folder = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
        self.path = folder / f"lmf-hostile-{os.getpid()}.lmf"
        self.path.unlink(missing_ok=True)  # of a process that died, and had this number
        self.contents: list[bytes] = []
        self._fits: dict[str, tuple[lmf.models.Model, Interactions]] = {}
        for model in _small():
            data = Interactions.of(_TABLE)
            if model.needs_item_features:
                data = data.with_item_features(_FILMS)
            self._fits[_kind(model.name, model.get_params())] = model, data
            self._keep(model, data)
        for frame in _tables():
            lmf.WeightedMF(n_factors=1, epochs=1).fit(frame).save(self.path)
            self.contents.append(self.path.read_bytes())
        for content in self.contents * 3:  # imports and thread stacks are not the file's doing
            if (told := self(content)).startswith("WRONG"):
                raise SystemExit(f"a good file: {told}")

    def confine(self) -> None:
        """Hold this process to the memory that a file may take."""
        limit = _data_bytes() + ROOM + max(map(len, self.contents))
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def __call__(self, content: bytes) -> str:
        """Try a file; ``WRONG: ...`` says what was not as promised. After a death it is there."""
        self.path.write_bytes(content)
        told = self._tried()
        self.path.unlink()
        return told

    def _keep(self, model: lmf.models.Model, data: Interactions) -> None:
        """Keep the file of the model, and the checkpoint of its fit after an epoch."""
        unfinished: list[bytes] = []

        def look(_: EpochRecord) -> bool:
            if self.path.exists():
                unfinished.append(self.path.read_bytes())
            return False

        trained = model.name not in ("popularity", "bias")  # whose fits are one step
        keep: dict[str, Any] = {"checkpoint": self.path, "checkpoint_every": 0} if trained else {}
        model.fit(data, callback=look, **keep)
        if trained:  # a fit of one epoch has only its last checkpoint, which stays
            unfinished.append(self.path.read_bytes())
            self.path.unlink()
        model.save(self.path)
        self.contents += [self.path.read_bytes(), *unfinished[:1]]
        self.path.unlink()

    def _tried(self) -> str:
        described = None
        try:
            described = store.describe(self.path)
            store.history_of(self.path)
        except ModelFileError as error:
            if wrong := _badly_told(error):
                return wrong
        try:
            model = lmf.load(self.path)
        except ModelFileError as error:
            if wrong := _badly_told(error):
                return wrong
            kind = described and _kind(described.model, described.params)
            return self._gone_on_from(*self._fits[kind]) if kind in self._fits else "refused"
        return _asked(model)

    def _gone_on_from(self, model: lmf.models.Model, data: Interactions) -> str:
        """Take the file for a checkpoint."""
        try:
            model.fit(data, checkpoint=self.path, checkpoint_every=1e9, resume=True)
        except LmfError as error:
            return _badly_told(error) or "refused, as a checkpoint too"
        factors = model.factors_
        if not all(np.isfinite(one).all() for one in (factors.user_factors, factors.item_factors)):
            return "WRONG: gone on from to factors that are not finite"
        return "a checkpoint, gone on from"


def _kind(name: str, params: dict[str, Any]) -> str:
    return f"{name} {params.get('solver')}"


def _badly_told(error: LmfError) -> str:
    told = str(error)
    bad = "bytes of memory" in told or "has no attribute" in told or "\n" in told
    return f"WRONG: {told}" if bad or len(told) > 1500 else ""


def _asked(model: lmf.models.Model) -> str:
    """Ask a model everything; only errors of lmf may come of it."""
    users, items = model.factors_.users, model.factors_.items
    questions: list[Callable[[], Any]] = [
        lambda: model.recommend(n=3, unknown="skip"),
        lambda: model.recommend(history=items.tolist([0])),
        lambda: model.predict((users.tolist([0]), items.tolist([0]))),
        lambda: model.similar_items(items.tolist([0])),
    ]
    refused = 0
    for question in questions:
        try:
            answer = question()
        except LmfError:
            refused += 1
            continue
        if not _is_finite(answer):
            return "WRONG: an answer that is not finite"
    return f"a model, {refused} of 4 questions refused"


def _is_finite(answer: Any) -> bool:
    """Whether an answer, a frame or an array, holds finite numbers only."""
    scores = answer["score"].to_numpy() if hasattr(answer, "columns") else answer
    return bool(np.isfinite(scores).all())


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmData:")[1].split()[0]) << 10

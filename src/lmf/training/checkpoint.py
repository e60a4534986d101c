"""A fit kept on disk while it runs, so that one that was killed goes on from where it was.

A checkpoint is a file of the same container as a model (docs/model-file.md) with what the next
epoch starts from: the trainer's arrays, those of the best epoch so far where there is early
stopping, and the history. Since what an epoch does depends on them and on its number alone, the
fit that goes on ends with the same bits as one that never stopped; and so that this can be
promised, the file says which fit it is of, and no other takes it.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lmf import _native, store
from lmf.data.vocabulary import Vocabulary
from lmf.errors import CheckpointError, ModelFileError
from lmf.state import ModelState
from lmf.store.header import short
from lmf.training.history import History

__all__ = ["Arrays", "Checkpoint", "FitIdentity", "Kept"]

Arrays = dict[str, NDArray[Any]]

_LAYOUT = 1
_SHARE = 0.05  # of the time that writing may take, where nobody says how often to write
_MAY_DIFFER = ("epochs", "n_threads")  # parameters that no epoch's bits depend on
_STATE, _BEST = "state.", "best."  # how the names of the two kinds of arrays begin
_ANEW = "delete the file to start anew"
_LEVELS = ("baseline", "avx2", "avx512")


@dataclass(frozen=True)
class FitIdentity:
    """What a fit's bits depend on, besides the library.

    Attributes
    ----------
    model : str
        Its name in ``Model.registry``.
    params : mapping
        Its parameters, JSON values.
    data : str
        Fingerprint of the training interactions.
    validation : str or None
        Fingerprint of the held-out ones.
    patience : int
    shape : tuple of int
        Users and items.
    """

    model: str
    params: Mapping[str, Any]
    data: str
    validation: str | None
    patience: int
    shape: tuple[int, int]


@dataclass(frozen=True)
class Kept:
    """What a checkpoint holds: a trainer's arrays, those of the best epoch, and the history."""

    arrays: Arrays
    best: Arrays
    history: History


@dataclass(eq=False)
class Checkpoint:
    """Where a fit is kept while it runs.

    Attributes
    ----------
    path : Path
    fit : FitIdentity
        Which fit it is.
    resume : bool
        Go on from the file if there is one; else a file that is there is refused, not replaced.
    every : float or None
        Seconds from one writing to the next, 0: each epoch. None: as often as takes at most a
        twentieth of the time, which is each epoch unless epochs are very short.
    failure : ModelFileError or None
        Why it could not be written.
    """

    path: Path
    fit: FitIdentity
    resume: bool = False
    every: float | None = None
    failure: ModelFileError | None = None
    _written: float = field(default=-math.inf, repr=False)  # when the last writing ended
    _cost: float = field(default=0.0, repr=False)  # what it took

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        wait = self._cost / _SHARE if self.every is None else self.every
        return time.perf_counter() - self._written >= wait

    def write(self, arrays: Arrays, best: Arrays, history: History) -> None:
        """Replace the file in one step; a kill at any moment leaves the old one or the new one.

        Raises
        ------
        ModelFileError
            If it cannot be written; what was there is as it was.
        """
        started = time.perf_counter()
        fit = self.fit
        extra = {
            "checkpoint": _LAYOUT,
            "isa": _native.isa(),
            "data_fingerprint": fit.data,
            "validation": fit.validation,
            "patience": fit.patience,
            "history": json.loads(history.to_json()),
        }
        named = {_STATE + name: array for name, array in arrays.items()}
        named |= {_BEST + name: array for name, array in best.items()}
        users, items = (Vocabulary.range(n) for n in fit.shape)
        store.save(ModelState(fit.model, dict(fit.params), users, items, named, extra), self.path)
        self._written = time.perf_counter()
        self._cost = self._written - started

    def check(self) -> None:
        """Find out before any work is done whether it can be gone on from, and be written.

        Raises
        ------
        CheckpointError
            Naming what differs or what is wrong, and the way out.
        """
        target = Path(os.path.realpath(self.path))
        if not target.exists():
            if not target.parent.is_dir():
                raise CheckpointError(self.path, f"there is no directory {target.parent}")
            if not os.access(target.parent, os.W_OK | os.X_OK):
                raise CheckpointError(self.path, f"no permission to write in {target.parent}")
            return
        found = self._description()
        if "checkpoint" not in found.extra:
            raise CheckpointError(
                self.path, "is a model and no checkpoint; give the checkpoint a name of its own"
            )
        if not self.resume:
            raise CheckpointError(
                self.path,
                f"there is a checkpoint already; pass resume=True to go on from it, or {_ANEW}",
            )
        different = list(self._differences(found))
        if different:
            raise CheckpointError(
                self.path,
                f"is of another fit: {'; '.join(different[:9])}. Go on with what it was begun "
                f"with, or {_ANEW}",
            )

    def read(self) -> Kept | None:
        """Return what is there to go on from; None: nothing.

        Raises
        ------
        CheckpointError
            If the file is damaged.
        """
        if not self.resume or not self.path.exists():
            return None
        try:
            state = store.read(self.path)
        except ModelFileError as error:
            raise self.damaged(error.reason) from error
        try:
            history = History.from_json(json.dumps(state.extra["history"]))
            _check_history(history)
        except (KeyError, TypeError, ValueError) as error:
            raise self.damaged(f"its history is none: {error}") from error
        arrays, best = (
            {
                name.removeprefix(kind): array
                for name, array in state.arrays.items()
                if name.startswith(kind)
            }
            for kind in (_STATE, _BEST)
        )
        return Kept(arrays, best, history)

    def damaged(self, reason: object) -> CheckpointError:
        """Make an error that says so and what to do."""
        words = " ".join(str(reason).split())[:300]
        return CheckpointError(self.path, f"cannot be gone on from: {words}; {_ANEW}")

    def _description(self) -> store.Description:
        try:
            return store.describe(self.path)
        except ModelFileError as error:
            raise CheckpointError(
                self.path,
                f"is no checkpoint: {error.reason}; give another name, or {_ANEW}",
            ) from error

    def _differences(self, found: store.Description) -> Iterator[str]:
        """Go through what makes the fit of the file another one than this, in words."""
        fit, extra = self.fit, found.extra
        ours, theirs = store.library_version(), found.lmf_version
        if extra["checkpoint"] != _LAYOUT or ours != theirs:
            yield f"it was written by lmf {theirs[:40]}, this is {ours}"
        if found.model != fit.model:
            yield f"its model is {short(found.model)}, this is {fit.model!r}"
            return
        for name in sorted({*fit.params, *found.params} - set(_MAY_DIFFER)):
            before, now = found.params.get(name), fit.params.get(name)
            if before != now:
                yield f"{short(name)[1:-1]} was {short(before)} and is {short(now)}"
        if extra.get("data_fingerprint") != fit.data:
            yield "the training data are others"
        if extra.get("validation") != fit.validation:
            yield "the validation data are others"
        elif fit.validation is not None and extra.get("patience") != fit.patience:
            yield f"patience was {short(extra.get('patience'))} and is {fit.patience}"
        before, now = extra.get("isa"), _native.isa()
        if before != now:
            lower = before in _LEVELS and _LEVELS.index(before) < _LEVELS.index(now)
            way = f" (set LMF_ISA={before})" if lower else ""
            yield f"it was computed with {short(before)[1:-1]} instructions, these are {now}{way}"


def _check_history(history: History) -> None:
    numbers = [record.epoch for record in history]
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise ValueError("its epochs do not count")
    for record in history:
        told = [record.objective, record.seconds]
        more = (record.relative_change, record.validation, record.training)
        told += [one for one in more if one is not None]
        if not all(math.isfinite(one) for one in told):
            raise ValueError(f"epoch {record.epoch} has numbers that are not finite")

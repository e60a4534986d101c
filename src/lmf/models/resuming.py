"""From what ``fit`` is told about a checkpoint to the checkpoint of that fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmf.data.interactions import Interactions
from lmf.errors import ParameterError
from lmf.training.checkpoint import Checkpoint, FitIdentity
from lmf.training.trainer import Judge
from lmf.validation import checked_flag, checked_float

__all__ = ["checkpoint_of"]


def checkpoint_of(
    path: object,
    resume: bool,
    every: float | None,
    *,
    model: str,
    params: Mapping[str, Any],
    data: Interactions,
    judge: Judge | None,
    patience: int,
) -> Checkpoint | None:
    """Return where a fit is to be kept, checked before any work is done; None: nowhere.

    Parameters
    ----------
    path, resume, every
        As given to ``fit``: `checkpoint`, `resume` and `checkpoint_every`.
    model, params, data, judge, patience
        Which fit it is.

    Raises
    ------
    ParameterError
        A path that is none, `resume` without a path, or a seed that cannot be repeated.
    CheckpointError
        If there is a file that this fit cannot go on from, or none can be written there.
    """
    checked_flag("resume", resume)
    if path is None:
        if resume:
            raise ParameterError("resume", resume, "False where no checkpoint is given")
        if every is not None:
            raise ParameterError("checkpoint_every", every, "None where no checkpoint is given")
        return None
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ParameterError("checkpoint", path, "the name of a file")
    if "seed" in params and params["seed"] is None:
        raise ParameterError(
            "seed", None, "an integer where there is a checkpoint: others cannot be repeated"
        )
    if every is not None:
        every = checked_float("checkpoint_every", every, minimum=0)
    fit = FitIdentity(
        model,
        params,
        data.fingerprint(),
        None if judge is None else judge.fingerprint(),
        patience,
        data.by_user.shape,
    )
    checkpoint = Checkpoint(Path(os.fsdecode(path)), fit, resume, every)
    checkpoint.check()
    return checkpoint

"""The loop that every trainer shares: epochs, history, stopping, progress and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np

from lmf.errors import LmfError
from lmf.training.history import EpochRecord, History
from lmf.training.progress import Progress, wants_progress

__all__ = ["Callback", "run_epochs"]

Callback = Callable[[EpochRecord], bool | None]


def run_epochs(
    step: Callable[[], float],
    *,
    epochs: int,
    tolerance: float,
    callback: Callback | None = None,
    progress: bool | None = None,
    training: Callable[[], float | None] | None = None,
    validate: Callable[[], float] | None = None,
    improved: Callable[[], None] | None = None,
    converged: Callable[[], bool] | None = None,
    patience: int = 3,
    history: History | None = None,
    passed: Callable[[bool], None] | None = None,
) -> History:
    """Call `step` once an epoch until a rule says stop.

    Parameters
    ----------
    step : callable
        Trains one epoch and returns the objective after it.
    epochs : int
        The most epochs to run, at least 1.
    tolerance : float
        Stop when (before - after) / |before| falls below it; 0 runs all epochs.
    callback : callable, optional
        Gets each :class:`EpochRecord`; returning ``True`` stops the fit.
    progress : bool, optional
        Show a progress line; ``None`` shows it on a terminal only.
    training : callable, optional
        Tells the error on the training data after each epoch, where there is one to tell.
    validate : callable, optional
        Measures the validation error after each epoch, which the history has by then; it is kept in
        the record.
    improved : callable, optional
        Called after an epoch whose validation error is the lowest so far.
    converged : callable, optional
        Whether the trainer has reached its end, whatever the objective does.
    patience : int
        Stop after so many epochs in a row without a lower validation error.
    history : History, optional
        The epochs that were run before, to go on from; it is continued in place.
    passed : callable, optional
        Called in the end of each epoch, with whether it is the last one.

    Returns
    -------
    History
        With ``stopped`` telling why it ended. After Ctrl-C, be it in `step`, in the callback or
        between them, the history is returned with ``stopped="interrupted"``, so that the caller
        can put the model in order before it raises; if no epoch had finished, KeyboardInterrupt
        passes through.

    Raises
    ------
    LmfError
        If the objective is not finite: the data or the parameters are out of float32's reach.

    Examples
    --------
    >>> errors = iter([8.0, 4.0, 3.9999])
    >>> run_epochs(lambda: next(errors), epochs=10, tolerance=1e-3).stopped
    'converged'
    """
    history = History() if history is None else history
    done = history.records[-1].epoch if history.records else 0
    started = time.perf_counter() - (history.records[-1].seconds if done else 0.0)
    if done:
        history.stopped = _rule(history, tolerance, patience)
        if not history.stopped and converged is not None and converged():
            history.stopped = "converged"
        if history.stopped:
            return history
    display: AbstractContextManager[Progress | None] = (
        Progress(epochs) if wants_progress(progress) else nullcontext()
    )
    try:
        with display as shown:
            for epoch in range(done + 1, epochs + 1):
                objective = step()
                on_training = None if training is None else training()
                record = _record(epoch, objective, on_training, history, started)
                history.records.append(record)
                error = None if validate is None else validate()
                if error is not None:
                    seconds = time.perf_counter() - started
                    record = replace(record, validation=error, seconds=seconds)
                    history.records[-1] = record
                if improved is not None and error is not None and history.best_epoch == epoch:
                    improved()
                if shown is not None:
                    shown.update(record)
                told = callback is not None and callback(record)
                history.stopped = "callback" if told else _rule(history, tolerance, patience)
                if not history.stopped and converged is not None and converged():
                    history.stopped = "converged"
                if passed is not None:
                    passed(bool(history.stopped) or epoch == epochs)
                if history.stopped:
                    return history
    except KeyboardInterrupt:
        if not history.records:
            raise
        history.stopped = "interrupted"
        return history
    history.stopped = "epochs"
    return history


def _record(
    epoch: int, objective: float, on_training: float | None, history: History, started: float,
) -> EpochRecord:  # fmt: skip
    if not np.isfinite(objective):
        raise LmfError(
            f"the objective became {objective} in epoch {epoch}; values or weights are too "
            "large for float32 factors: rescale them or raise the regularization"
        )
    before = history.records[-1].objective if history.records else None
    change = (before - objective) / max(abs(before), 1e-300) if before is not None else None
    seconds = time.perf_counter() - started
    return EpochRecord(epoch, objective, change, seconds, training=on_training)


def _rule(history: History, tolerance: float, patience: int) -> str:
    """Say why the fit ends here, or nothing."""
    record = history.records[-1]
    best = history.best_epoch
    if best is not None:  # the held-out interactions decide, not the objective
        return "early" if record.epoch - best >= patience else ""
    # Rounding may raise the last digits of an objective: without a tolerance that stops nothing.
    change = record.relative_change
    return "converged" if tolerance > 0 and change is not None and change < tolerance else ""

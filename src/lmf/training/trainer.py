"""What every trainer is, and the one place that runs it: epochs, early stopping, the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lmf.data.vocabulary import Vocabulary
from lmf.errors import CheckpointError, InputError, LmfError, ModelFileError, ParameterError
from lmf.factors import Factors
from lmf.training.checkpoint import Arrays, Checkpoint
from lmf.training.history import History
from lmf.training.loop import Callback, run_epochs
from lmf.training.trained import Trained

__all__ = ["Judge", "Trainer", "Watch", "check_fits", "train"]


class Judge(Protocol):
    """What measures a fit after each epoch."""

    def error(self, trained: Trained) -> float:
        """Return how far it is from right: lower is better."""

    def fingerprint(self) -> str:
        """Tell it from others, for a checkpoint."""


@dataclass(frozen=True)
class Watch:
    """Who looks on while a model is fitted, and may end it.

    Attributes
    ----------
    callback : callable, optional
        Gets each :class:`EpochRecord`; returning ``True`` stops the fit.
    progress : bool, optional
        Show progress; ``None``: on a terminal only.
    judge : Judge, optional
        What is measured after each epoch, such as interactions that are never learned from.
    patience : int
        Epochs without a better validation error after which the fit stops.
    checkpoint : Checkpoint, optional
        Where the fit is kept while it runs, and goes on from.
    start : Factors, optional
        Where the fit begins, instead of at random.
    """

    callback: Callback | None = None
    progress: bool | None = None
    judge: Judge | None = None
    patience: int = 3
    checkpoint: Checkpoint | None = None
    start: Factors | None = None


class Trainer(ABC):
    """The state of a fit, improved epoch by epoch.

    What an epoch does depends on :meth:`arrays` and the epoch's number alone, so a fit can go on
    from any epoch whose arrays were kept.
    """

    keeps_best: ClassVar[bool] = True
    """Whether the epoch with the best validation error is the result (else the last one is)."""

    training_error: float | None = None
    """After the last epoch, the root mean squared error on the values it learns from; None where
    the values are no ratings."""

    @abstractmethod
    def epoch(self, number: int) -> float:
        """Train epoch `number`, counted from 1; return the objective after it."""

    @property
    def converged(self) -> bool:
        """Whether further epochs would change nothing; most trainers cannot tell."""
        return False

    def finish(self) -> float | None:
        """Do what is left after the last epoch; return the objective if that changed it."""
        return None

    @abstractmethod
    def arrays(self) -> Arrays:
        """Return the arrays that the next epoch starts from; not copies."""

    @abstractmethod
    def factors(self, users: Vocabulary, items: Vocabulary) -> Factors:
        """Return the present result."""

    def begin(self, start: Factors, users: Vocabulary, items: Vocabulary) -> None:  # noqa: ARG002
        """Begin with the given factors instead of random ones; :mod:`starts` says how.

        Raises
        ------
        ParameterError
            If this trainer cannot, or has fewer factors than there are given.
        """
        raise ParameterError("start", start, "nothing: this model always begins anew")

    def restore(self, arrays: Arrays) -> None:
        """Go back to kept copies of :meth:`arrays`.

        Raises
        ------
        InputError, KeyError
            If they are not those of such a trainer.
        """
        mine = self.arrays()
        for name, array in mine.items():
            check_fits(name, arrays[name], array.shape, array.dtype)
        for name, array in mine.items():
            np.copyto(array, arrays[name])


def check_fits(
    name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Refuse an array that is not of this shape and type.

    Raises
    ------
    InputError
        Naming it.
    """
    if array.shape != shape or array.dtype != dtype:
        raise InputError(
            f"{array.dtype} of shape {array.shape}, expected {dtype} of shape {shape}", column=name
        )


def train(
    trainer: Trainer,
    users: Vocabulary,
    items: Vocabulary,
    watch: Watch,
    *,
    epochs: int,
    tolerance: float,
    result: Callable[[Factors, History], Trained] = Trained,
) -> Trained:
    """Run a trainer to its end.

    With a judge the fit stops when its error has not fallen for
    ``watch.patience`` epochs, and the factors are those of the best epoch. With a checkpoint it
    goes on from there, if there is one, and ends as if it had never stopped.

    Parameters
    ----------
    trainer : Trainer
    users, items : Vocabulary
    watch : Watch
    epochs, tolerance
        As :func:`run_epochs` takes them.
    result : callable, optional
        Makes the result of the trainer's factors and the history, after an epoch as in the end,
        where a model keeps more than these.

    Returns
    -------
    Trained
        The history's ``stopped`` is ``"interrupted"`` after Ctrl-C, and ``"checkpoint"`` where it
        could not be written (``watch.checkpoint.failure`` says why); the factors are usable all
        the same.

    Raises
    ------
    CheckpointError
        If there is a checkpoint, but none to go on from.
    """
    if watch.start is not None:
        trainer.begin(watch.start, users, items)
    checkpoint = watch.checkpoint
    history, best = _resumed(trainer, checkpoint, epochs)
    numbers = count(history[-1].epoch + 1 if len(history) else 1)

    def keep() -> None:
        for name, array in trainer.arrays().items():
            if name in best:
                np.copyto(best[name], array)
            else:
                best[name] = array.copy()

    def passed(last: bool) -> None:
        if checkpoint is not None and (last or checkpoint.due):
            checkpoint.write(trainer.arrays(), best, history)

    # The trainer alone: what a callback raises, or a judge, is its caller's own.
    source = checkpoint if len(history) else None

    def step() -> float:
        with _blaming(source):
            return trainer.epoch(next(numbers))

    def present() -> Trained:
        with _blaming(source):
            factors = trainer.factors(users, items)
        return result(factors, history)

    def validation_error(judge: Judge) -> float:
        return judge.error(present())

    try:
        run_epochs(
            step,
            epochs=epochs,
            tolerance=tolerance,
            callback=watch.callback,
            progress=watch.progress,
            training=lambda: trainer.training_error,
            validate=None if watch.judge is None else partial(validation_error, watch.judge),
            improved=keep if trainer.keeps_best else None,
            converged=lambda: trainer.converged,
            patience=watch.patience if trainer.keeps_best else epochs,
            history=history,
            passed=passed,
        )
    except ModelFileError as error:
        if checkpoint is None:
            raise
        history.stopped, checkpoint.failure = "checkpoint", error
    try:
        with _blaming(source):
            if best:
                trainer.restore(best)
            if history.stopped != "interrupted":
                trainer.finish()
    except KeyboardInterrupt:  # every row is still a good one
        history.stopped = "interrupted"
    return present()


@contextmanager
def _blaming(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Turn what a kernel says of numbers it cannot use into an error of the file they are from."""
    try:
        yield
    except (ArithmeticError, ValueError) as error:
        if checkpoint is None or isinstance(error, LmfError):
            raise
        raise checkpoint.damaged(error) from error


def _resumed(
    trainer: Trainer, checkpoint: Checkpoint | None, epochs: int
) -> tuple[History, Arrays]:
    """Bring a trainer to where its checkpoint is; return the epochs so far and the best arrays."""
    kept = None if checkpoint is None else checkpoint.read()
    if checkpoint is None or kept is None:
        return History(), {}
    if kept.history[-1].epoch > epochs:
        raise CheckpointError(
            checkpoint.path,
            f"is of epoch {kept.history[-1].epoch}, past epochs={epochs}; raise that to go on, "
            "or delete the file to start anew",
        )
    try:
        trainer.restore(kept.arrays)
        if kept.history.best_epoch is not None and trainer.keeps_best:
            for name, array in trainer.arrays().items():
                check_fits(name, kept.best[name], array.shape, array.dtype)
    except (LookupError, TypeError, ValueError) as error:  # InputError is a ValueError
        raise checkpoint.damaged(error) from error
    return kept.history, kept.best

"""What every model has: parameters, fit, and its state as plain values."""

from __future__ import annotations

import hashlib
import inspect
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lmf import store
from lmf.data.alike import interactions_like
from lmf.data.columns import Columns
from lmf.data.csr import CSR
from lmf.data.interactions import Interactions
from lmf.errors import ColumnError, InputError, ParameterError
from lmf.factors import Factors
from lmf.models.asking import FittedModel
from lmf.models.resuming import checkpoint_of
from lmf.state import ModelState
from lmf.training.held_out import HeldOut, OwnError
from lmf.training.history import History
from lmf.training.loop import Callback
from lmf.training.trained import Trained
from lmf.training.trainer import Judge, Watch
from lmf.validation import checked_flag, checked_int, checked_threads

__all__ = ["Model"]

_OF_ANSWERS = ("score", "rank", "similar")  # columns of answers, beside the user's own


class Model(FittedModel):
    """Base of all models.

    A subclass gives a ``name``, a constructor that only stores its parameters, ``_train`` (from
    interactions to factors) and ``_new_users`` (from rows of interactions to user factors).
    Everything else is here and in :class:`FittedModel`, once.

    Attributes
    ----------
    history_ : History
        The objective of each epoch.
    data_fingerprint_ : str
        SHA-256 of the training interactions.
    """

    registry: ClassVar[dict[str, type[Model]]] = {}
    needs_values: ClassVar[bool] = False
    """Whether it learns from values such as ratings and refuses data without them."""
    needs_item_features: ClassVar[bool] = False
    """Whether it learns from what the items are and refuses data without that; others take none."""
    begins_from_factors: bool = False
    """Whether ``fit(start=...)`` can begin with given factors."""
    exact_fold_in: ClassVar[bool] = True
    """Whether folding in a training user gives the row that training gave."""
    kept_arrays: ClassVar[Mapping[str, type[np.generic]]] = {}
    """Fitted attributes, without their underscore, that a model file keeps besides the factors."""

    history_: History
    data_fingerprint_: str
    _fitted_params: dict[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            Model.registry[cls.name] = cls

    # ---- parameters -----------------------------------------------------------------------

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's)
        """Return the constructor's parameters and their values."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor; unknown names raise :class:`ParameterError`."""
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ParameterError(name, value, f"one of the parameters {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # ---- fitting ----------------------------------------------------------------------------

    @abstractmethod
    def _train(self, data: Interactions, watch: Watch) -> Trained:
        """Return what there is to keep; after Ctrl-C too, and say so in the history."""

    def _rating_range(self, data: Interactions) -> tuple[float, float] | None:  # noqa: ARG002
        """Return what predictions are clipped to; None: nothing."""
        return None

    def _prepare(self) -> None:
        """Make what answers need and a file does not keep, and check what it kept.

        Called after fit and after load.
        """

    def fit(
        self,
        data: object,
        *,
        user: str | None = None,
        item: str | None = None,
        value: str | bool | None = None,
        timestamp: str | bool | None = None,
        duplicates: str = "last",
        item_features: object = None,
        validation: object = None,
        patience: int = 3,
        callback: Callback | None = None,
        progress: bool | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: float | None = None,
        resume: bool = False,
        start: Factors | None = None,
    ) -> Self:
        """Learn from interactions.

        Parameters
        ----------
        data : Interactions, frame, path or sparse matrix
            Whatever :meth:`Interactions.of` takes.
        user, item, value, timestamp : str, optional
            Column names, guessed where they are not given; ``value=False`` ignores values.
        duplicates : str
            What becomes of repeated pairs: ``"last"``, ``"first"``, ``"sum"``, ``"mean"``,
            ``"max"`` or ``"error"``.
        item_features : ItemFeatures, frame or path, optional
            What the items are, a row an item: of the models only :class:`ContentBased` learns from
            it. :meth:`Interactions.with_item_features` says what it may hold.
        validation : Interactions, frame, path, sparse matrix or callable, optional
            Interactions to measure the model on after each epoch, never learned from: by RMSE
            where the model predicts values, else by 1 - NDCG@20. Or a function of the model as it
            is after an epoch, that returns an error of your own: lower is better. The fit stops
            when that has not fallen for `patience` epochs, and the best epoch is kept.
        patience : int
            At least 1.
        callback : callable, optional
            Called with an :class:`EpochRecord` after each epoch; returning ``True`` stops.
        progress : bool, optional
            Show progress on standard error; by default on a terminal only.
        checkpoint : str or path, optional
            A file that keeps the fit while it runs, replaced in one step after an epoch. It stays
            when the fit is over, so that a kill before the model is saved loses nothing: delete
            it then. It is no model: it keeps what the next epoch starts from.
        checkpoint_every : float, optional
            Seconds from one writing to the next, 0: each epoch. By default each epoch too, but
            where epochs are so short that this would take over a twentieth of the time.
        resume : bool
            Go on from the checkpoint if the file is there, with the same data and parameters
            (`epochs` and `n_threads` may be others): the result has the same bits as if the fit
            had never stopped. False: a checkpoint that is there already is an error.
        start : Factors, optional
            Begin with these instead of random ones: those of an earlier fit, of as many factors or
            fewer. Ids it does not know, and further factors, begin at random. WeightedMF and, by
            least squares, BiasedMF can.

        Returns
        -------
        self

        Raises
        ------
        InputError, ParameterError
            Before any work is done, naming column, row or parameter; and ParameterError where a
            function for `validation` tells no number, LmfError where that is not finite.
        CheckpointError
            Before any work is done: the file is of another fit or damaged, saying what differs
            and the way out.
        ModelFileError
            If a checkpoint cannot be written on the way, as on a full disk. The model is fitted
            and usable all the same, as after Ctrl-C, and the file is as it was.
        KeyboardInterrupt
            On Ctrl-C. If an epoch had finished, the model is fitted and usable all the same,
            and ``history_.stopped`` is ``"interrupted"``; if not, it is as it was before.
        """
        _check_conversation(callback, progress)
        if start is not None and not (isinstance(start, Factors) and self.begins_from_factors):
            expected = "the Factors of a fitted model" if self.begins_from_factors else "nothing"
            raise ParameterError("start", start, expected)
        interactions = Interactions.of(
            data, user=user, item=item, value=value, timestamp=timestamp, duplicates=duplicates
        )
        if item_features is not None:
            interactions = interactions.with_item_features(item_features)
        self._check_features(interactions, item_features)
        limits = self._rating_range(interactions)
        about: dict[str, Any] = {**_told_by(interactions), "rating_range_": limits}
        judge = None if validation is None else self._judge(validation, interactions, about)
        patience = checked_int("patience", patience, 1)
        kept_in = checkpoint_of(
            checkpoint, resume, checkpoint_every, model=self.name,
            params={} if checkpoint is None else {**self._plain_params(), **_named(start)},
            data=interactions, judge=judge, patience=patience,
        )  # fmt: skip
        watch = Watch(callback, progress, judge, patience, kept_in, start)
        trained = self._train(interactions, watch)
        history = trained.history
        fitted = self._fitted_with(trained, about)
        self.__dict__.update(fitted)  # one step: Ctrl-C leaves all of it or nothing
        try:
            self._prepare()
        except KeyboardInterrupt:
            history.stopped = "interrupted"
            self._prepare()
        if history.stopped == "interrupted":
            raise KeyboardInterrupt
        if kept_in is not None and kept_in.failure is not None:
            raise kept_in.failure
        return self

    def _check_features(self, data: Interactions, given: object) -> None:
        if given is not None and not self.needs_item_features:
            raise InputError(
                f"the model {self.name} learns nothing from features of items",
                column="item_features", hint="fit a ContentBased, or leave them out",
            )  # fmt: skip
        if self.needs_item_features and data.item_features is None:
            raise InputError(
                f"the model {self.name} compares items by their features, and there are none",
                hint='pass item_features="movies.csv", a table with a row an item',
            )

    def _plain_params(self) -> dict[str, Any]:
        return {name: _plain(name, value) for name, value in self.get_params().items()}

    def _fitted_with(self, trained: Trained, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of a model that was trained so far, on data that `about` tells."""
        return {
            **about,
            "factors_": trained.factors.checked(),
            "history_": trained.history,
            **{name + "_": array for name, array in trained.kept.items()},
            "_fitted_params": self.get_params(),
        }

    def _judge(self, validation: object, data: Interactions, about: Mapping[str, Any]) -> Judge:
        """Make what measures each epoch of a caller's interactions or function."""
        if not callable(validation):
            return self._held_out(validation, data, about["rating_range_"])

        def so_far(trained: Trained) -> Model:
            model = type(self)(**self.get_params())
            model.__dict__.update(self._fitted_with(trained.copied(), about))
            model._prepare()
            return model

        return OwnError(validation, so_far)

    def _held_out(
        self, validation: object, data: Interactions, limits: tuple[float, float] | None
    ) -> HeldOut:
        columns = data.columns if data.values is not None else replace(data.columns, value=None)
        kept = interactions_like(validation, columns, values=True)
        seen = None if self.predicts_values else data.by_user
        threads = checked_threads(getattr(self, "n_threads", 0))
        return HeldOut.of(kept, data.users, data.items, seen=seen, n_threads=threads, limits=limits)

    # ---- as plain values --------------------------------------------------------------------

    def state(self) -> ModelState:
        """Return the fitted model as names, numbers, arrays and ids."""
        factors = self._fitted()
        arrays: dict[str, NDArray[Any]] = {
            "user_factors": factors.user_factors,
            "item_factors": factors.item_factors,
            "seen_indptr": self.seen_.indptr,
            "seen_indices": self.seen_.indices,
        }
        for bias in ("user_bias", "item_bias"):
            if getattr(factors, bias) is not None:
                arrays[bias] = getattr(factors, bias)
        for name in self.kept_arrays:
            arrays[name] = getattr(self, name + "_")
        columns = self.columns_
        extra = {
            "offset": factors.offset,
            "typical_value": self.typical_value_,
            "rating_range": None if self.rating_range_ is None else list(self.rating_range_),
            "history": json.loads(self.history_.to_json()),
            "columns": [columns.user, columns.item, columns.value, columns.timestamp],
            "frame_type": self.frame_type_,
            "data_fingerprint": self.data_fingerprint_,
        }
        # Those of the fit, which may have been set to others since.
        params = {name: _plain(name, value) for name, value in self._fitted_params.items()}
        return ModelState(self.name, params, factors.users, factors.items, arrays, extra)

    @classmethod
    def from_state(cls, state: ModelState) -> Model:
        """Make the model that :meth:`state` described.

        Raises
        ------
        InputError, KeyError, TypeError, ValueError
            If the parts do not fit together; :func:`lmf.load` turns them into ModelFileError.
        """
        kind = Model.registry.get(state.name)
        if kind is None:
            raise InputError(f"unknown model {state.name!r}", column="name")
        model = kind(**state.params)
        model.factors_ = Factors(
            state.users,
            state.items,
            state.array("user_factors", np.float32),
            state.array("item_factors", np.float32),
            state.array("user_bias", np.float32) if "user_bias" in state.arrays else None,
            state.array("item_bias", np.float32) if "item_bias" in state.arrays else None,
            float(state.extra["offset"]),
        ).checked()
        model.seen_ = CSR(
            state.array("seen_indptr", np.int64),
            state.array("seen_indices", np.int32),
            None,
            len(state.items),
        ).checked()
        if model.seen_.n_rows != len(state.users):
            raise InputError("one row a user expected", column="seen_indptr")
        model.columns_ = Columns(*state.extra["columns"])
        model.frame_type_ = str(state.extra["frame_type"])
        model.data_fingerprint_ = str(state.extra["data_fingerprint"])
        model.typical_value_ = float(state.extra["typical_value"])
        limits = state.extra["rating_range"]
        model.rating_range_ = None if limits is None else (float(limits[0]), float(limits[1]))
        model.history_ = History.from_json(json.dumps(state.extra["history"]))
        for name, dtype in model.kept_arrays.items():
            setattr(model, name + "_", state.array(name, dtype))
        model._fitted_params = model.get_params()
        model._prepare()
        return model

    def save(self, path: str | Path) -> None:
        """Write the model to one file, atomically; :func:`lmf.load` reads it back."""
        store.save(self.state(), path)


def _check_conversation(callback: object, progress: object) -> None:
    if callback is not None and not callable(callback):
        raise ParameterError("callback", callback, "a function of an EpochRecord")
    if progress is not None:
        checked_flag("progress", progress)


def _told_by(data: Interactions) -> dict[str, Any]:
    """Return the fitted attributes that the data alone decide."""
    rows, values, columns = data.by_user, data.values, data.columns
    if rows.nnz == 0:
        raise InputError("there are no interactions to learn from")
    for name in (columns.user, columns.item):
        if name in _OF_ANSWERS:
            raise ColumnError(
                "answers have a column of this name", column=name, hint="rename yours"
            )
    return {
        "seen_": CSR(rows.indptr, rows.indices, None, rows.n_cols),
        "columns_": columns if values is not None else replace(columns, value=None),
        "frame_type_": data.frame_type,
        "data_fingerprint_": data.fingerprint(),
        "typical_value_": 1.0 if values is None else float(values.mean(dtype=np.float64)),
    }


def _named(start: Factors | None) -> dict[str, Any]:
    """Say in a checkpoint where the fit began, if not at random."""
    if start is None:
        return {}
    whole = hashlib.sha256()
    for array in (start.user_factors, start.item_factors, start.user_bias, start.item_bias):
        whole.update(b"" if array is None else array.tobytes())
    return {"start": whole.hexdigest()}


def _plain(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.integer | np.floating | np.bool_):
        return value.item()
    if name == "seed":  # a generator has moved on: there is nothing to repeat
        return None
    raise ParameterError(name, value, "a number, a string, a boolean or None")

"""Parameters, fit and history: what an estimator owes its caller."""

from __future__ import annotations

import inspect
from functools import partial

import numpy as np

from lmf.data.interactions import Interactions
from lmf.errors import InputError, NotFittedError, ParameterError
from lmf.models import Model
from lmf.testing.expect import expect, raises
from lmf.testing.samples import films, fit, fitted, fresh, ratings, same_answers
from lmf.training.history import EpochRecord


def check_it_is_registered_by_name(model: Model) -> None:
    """Loading a file finds the class by it."""
    expect(Model.registry.get(model.name) is type(model), "its name leads to another class")


def check_every_parameter_has_a_default(model: Model) -> None:
    """``Model()`` works."""
    for parameter in inspect.signature(type(model)).parameters.values():
        expect(parameter.default is not parameter.empty, f"{parameter.name} has no default")
    type(model)()


def check_the_constructor_only_stores(model: Model) -> None:
    """Nothing is checked or changed before fit, as scikit-learn's clone needs."""
    for name, value in model.get_params().items():
        made = type(model)(**{name: value})
        expect(getattr(made, name) is value or getattr(made, name) == value, f"{name} is changed")


def check_get_params_gives_what_the_constructor_takes(model: Model) -> None:
    """A twin can be made of them."""
    expect(fresh(model).get_params() == model.get_params(), "a twin has other parameters")


def check_set_params_returns_self(model: Model) -> None:
    """And sets."""
    twin = fresh(model)
    expect(twin.set_params(**model.get_params()) is twin, "set_params does not return self")


def check_unknown_parameters_are_refused(model: Model) -> None:
    """By name."""
    raises(ParameterError, "bogus", lambda: fresh(model).set_params(bogus=1))


def check_repr_can_be_read(model: Model) -> None:
    """The class and what differs from the defaults."""
    expect(repr(model).startswith(type(model).__name__ + "("), "no constructor call")


def check_it_is_not_fitted_before_fit(model: Model) -> None:
    """And says so."""
    twin = fresh(model)
    expect(not twin.is_fitted, "is_fitted is True before fit")
    for ask in (
        lambda: twin.recommend(),
        lambda: twin.predict((["person 0"], [100])),
        lambda: twin.fold_in([100]),
        lambda: twin.similar_items(100),
        lambda: twin.state(),
    ):
        raises(NotFittedError, "fit", ask)


def check_fit_returns_self(model: Model) -> None:
    """So that calls can be chained."""
    twin = fresh(model)
    expect(fit(twin, ratings()) is twin, "fit does not return self")
    expect(twin.is_fitted, "is_fitted is False after fit")


def check_fit_does_not_change_the_data(model: Model) -> None:
    """Whatever it does inside."""
    frame = ratings()
    data = Interactions.of(frame, user="who", item="film")
    before = data.fingerprint()
    fitted(model, data)
    expect(Interactions.of(frame, user="who", item="film").fingerprint() == before, "frame changed")
    expect(data.keep(np.ones(data.nnz, bool)).fingerprint() == before, "interactions changed")


def check_fit_does_not_change_the_parameters(model: Model) -> None:
    """What was found out goes into attributes with an underscore."""
    expect(fitted(model).get_params() == model.get_params(), "fit changes parameters")


def check_fitting_twice_is_fitting_once(model: Model) -> None:
    """Nothing of the first fit is left."""
    twin = fit(fitted(model, ratings(1)), ratings())
    expect(same_answers(twin, fitted(model)), "the second fit depends on the first")


def check_same_seed_same_bits(model: Model) -> None:
    """From fit to fit."""
    expect(same_answers(fitted(model, seed=3), fitted(model, seed=3)), "two fits differ")


def check_same_bits_for_any_number_of_threads(model: Model) -> None:
    """1, 2, 3 and 8."""
    one = fitted(model, n_threads=1)
    for threads in (2, 3, 8):
        expect(same_answers(one, fitted(model, n_threads=threads)), f"{threads} threads differ")


def check_the_order_of_rows_does_not_matter(model: Model) -> None:
    """A table is a set of rows."""
    frame = ratings()
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    expect(same_answers(fitted(model, frame), fitted(model, shuffled)), "the row order matters")


def check_everything_fitted_is_finite(model: Model) -> None:
    """No NaN, no infinity."""
    fitted(model).factors_.checked()


def check_history_is_kept(model: Model) -> None:
    """Epochs count from 1, objectives are finite, and there is a reason why it stopped."""
    history = fitted(model).history_
    expect(bool(history.stopped), "history_.stopped is empty")
    expect([r.epoch for r in history] == list(range(1, len(history) + 1)), "epochs do not count")
    expect(bool(np.isfinite([r.objective for r in history]).all()), "an objective is not finite")


def check_the_callback_sees_every_epoch(model: Model) -> None:
    """And stops the fit by returning True."""
    seen: list[EpochRecord] = []
    twin = fresh(model)
    fit(twin, ratings(), callback=seen.append)
    expect(seen == twin.history_.records, "the callback saw other epochs than the history")
    fit(twin, ratings(), callback=lambda _: True)
    expect(len(twin.history_) <= 1, "the callback does not stop the fit")


def check_ctrl_c_leaves_a_usable_model(model: Model) -> None:
    """After the first epoch."""
    if len(fitted(model).history_) == 0:
        return

    def interrupt(_: EpochRecord) -> None:
        raise KeyboardInterrupt

    twin = fresh(model)
    raises(KeyboardInterrupt, "", lambda: fit(twin, ratings(), callback=interrupt))
    expect(twin.history_.stopped == "interrupted", "history_.stopped is not 'interrupted'")
    twin.factors_.checked()
    expect(len(twin.recommend(n=2)) > 0, "an interrupted model recommends nothing")


def check_validation_is_measured(model: Model) -> None:
    """A finite error for each epoch."""
    held_out = ratings().sample(30, seed=0)
    twin = fit(fresh(model), ratings(), validation=held_out)
    errors = [record.validation for record in twin.history_]
    expect(all(error is not None and np.isfinite(error) for error in errors), "no error measured")


def check_item_features_are_learned_from_or_refused(model: Model) -> None:
    """Never taken and ignored, never missed in silence."""
    twin = fresh(model)
    without = partial(twin.fit, ratings(), user="who", item="film")
    given = partial(without, item_features=films())
    if model.needs_item_features:
        raises(InputError, "item_features", without)
        given()
    else:
        raises(InputError, "item_features", given)

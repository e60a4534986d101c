"""Tuning: never worse than the defaults, repeatable, resumable, and good for something."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lmf
from lmf.data.interactions import Interactions
from lmf.data.splits import Split, split_random
from lmf.errors import InputError, LmfError, ParameterError
from lmf.memory import Memory
from lmf.models import BayesianMF, BiasedMF, Model, WeightedMF
from lmf.training.history import EpochRecord
from lmf.tuning import tune as module
from lmf.tuning.fits import Fits
from lmf.tuning.spaces import space_of
from lmf.tuning.trials import Finished, Trials
from lmf.tuning.tune import tune
from lmf.tuning.validation import Validation, validation_of

optuna = pytest.importorskip("optuna")


def tastes(n_users: int = 150, n_items: int = 60, seed: int = 0) -> Interactions:
    """Ratings of people of three tastes: there is something to learn and much noise."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, n_users, n_users * 14)
    items = rng.integers(0, n_items, len(users))
    liked = users % 3 == items % 3
    keep = liked | (rng.random(len(users)) < 0.25)
    values = np.clip(np.where(liked, 4, 2) + rng.integers(-1, 2, len(users)), 1, 5)
    return Interactions.from_arrays(users[keep], items[keep], values[keep].astype(float))


DATA = tastes()
QUICK = {"budget": None, "trials": 10, "search": {"n_factors": (2, 8)}}


@pytest.fixture(scope="module")
def found() -> lmf.Tuning:
    return tune(DATA, metric="ndcg@20", **QUICK)


def test_the_result_is_the_best_trial_and_no_worse_than_the_defaults(found: lmf.Tuning) -> None:
    assert found.metric == "ndcg@20"
    assert found.stopped == "budget"
    assert found.refitted
    assert found.trials.height == 10
    assert found.usual_value is not None
    assert found.value >= found.usual_value
    first = found.trials.row(0, named=True)
    for name, value in WeightedMF().get_params().items():
        if name in found.trials.columns and name not in ("n_factors", "epochs"):
            assert first[name] == pytest.approx(value), "the first trial is that of the defaults"


def test_the_value_is_that_of_a_fit_from_a_random_start(found: lmf.Tuning) -> None:
    """Whatever trial it was: the line that is printed gives it, to the last bit.

    On other interactions than the search held out, which chose the best of many by them.
    """
    split = split_random(DATA.binarize(), 0.1, seed=1)
    again = WeightedMF(**found.params).fit(split.train, validation=split.test, patience=99)
    assert again.history_[-1].validation == pytest.approx(1 - found.value, abs=1e-12)


def test_the_model_knows_everything(found: lmf.Tuning) -> None:
    assert isinstance(found.model, WeightedMF)
    assert found.model.seen_.nnz == DATA.nnz
    assert found.model.get_params() == dict(found.params)
    scope = {"lmf": lmf, "data": DATA.to_frame()}
    twin = eval(found.python_line, scope)
    assert twin.factors_.user_factors.tobytes() == found.model.factors_.user_factors.tobytes()


def test_the_same_seed_finds_the_same(found: lmf.Tuning) -> None:
    again = tune(DATA, metric="ndcg@20", **QUICK)
    assert again.params == found.params
    assert again.trials.drop("seconds").equals(found.trials.drop("seconds"))
    other = tune(DATA, metric="ndcg@20", seed=1, **QUICK)
    assert not other.trials.drop("seconds").equals(found.trials.drop("seconds"))


def test_later_trials_begin_with_the_factors_of_finished_ones() -> None:
    """Where a fit takes many epochs, so that there is something to be saved."""
    trials = tune(DATA, "biased", **QUICK).trials
    assert trials["start"][0] is None
    begun = trials.filter(pl.col("start").is_not_null())
    assert begun.height > 0
    assert (begun["start"] < begun["trial"]).all()


def test_trials_begin_at_random_where_the_first_epochs_are_the_best(found: lmf.Tuning) -> None:
    """Then a start saves nothing, and what it begins with has learned too much already."""
    assert found.trials["epochs"][0] <= 8
    assert found.trials["start"][5:].count() == 0, "half of the trials made, it was decided"
    assert found.trials["n_factors"].n_unique() > 1, "the number of factors grew"


def test_the_best_place_is_polished_and_taken_along_to_twice_the_factors() -> None:
    """With a budget of which a trial is a small share."""
    trials = tune(DATA, "nmf", budget=None, trials=60, search={"n_factors": (2, 8)}).trials
    wider = trials.filter((pl.col("n_factors") == 4) & (pl.col("trial") > 0))
    assert wider["regularization"][0] in trials.filter(pl.col("n_factors") == 2)["regularization"]
    steps = trials["regularization"].to_numpy()
    ratios = steps[:, None] / steps[None, :]
    assert np.isclose(ratios, 2**0.5, rtol=1e-12).any(), "a step along the regularization"


def test_a_parameter_that_is_held_is_not_polished() -> None:
    held = {"n_factors": (2, 8), "regularization": 0.1}
    trials = tune(DATA, "weighted", "ndcg@20", budget=None, trials=60, search=held).trials
    assert "regularization" not in trials.columns
    assert trials["n_factors"].n_unique() > 1


@pytest.mark.parametrize("trials", [37, 38, 39, 40, 41])
def test_there_are_as_many_trials_as_were_asked_for(trials: int) -> None:
    """Also where the last one falls between a step along a parameter and twice the factors."""
    wide = {"n_factors": (2, 10**6)}
    result = tune(DATA, "weighted", "ndcg@20", budget=None, trials=trials, search=wide)
    assert result.trials.height == trials


def test_factors_do_not_double_beyond_what_there_is_memory_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lmf.tuning.search.memory", lambda: Memory(whole=4 * 4 * 3 * 210))
    trials = tune(DATA, metric="ndcg@20", **QUICK).trials
    assert set(trials["n_factors"]) == {8, 2}, "the model's own and the fewest, and not 4"


def test_few_models_are_kept_and_the_best_always(monkeypatch: pytest.MonkeyPatch) -> None:
    validation = validation_of(DATA, "rmse", direction=None, split=None, seed=0)
    fitted = BiasedMF(2, epochs=1).fit(DATA, progress=False)
    for room, kept in ((1 << 30, 6), (0, 1)):
        monkeypatch.setattr("lmf.tuning.trials._MOST_BYTES", room)
        trials = Trials(space_of(BiasedMF(), DATA, None), validation)
        for number, value in enumerate([0.9, 0.7, 0.8, 0.95, 0.85, 0.71, 0.72, 0.99]):
            trials.add(Finished(number, {}, 2, {}, value, 1, 1, 0.1), fitted)
        held = [t.number for t in trials.finished if trials.model_of(t) is not None]
        assert len(held) == kept
        assert 1 in held


def test_ratings_are_tuned_by_rmse() -> None:
    result = tune(DATA, "biased", **QUICK)
    assert isinstance(result.model, BiasedMF)
    assert result.metric == "rmse"
    assert result.usual_value is not None
    assert result.value <= result.usual_value
    assert "value=False" not in result.python_line


def test_the_epochs_of_a_plateau_are_kept_and_not_its_lowest_point() -> None:
    """Which epoch of a plateau is the best is chance: more data need more epochs."""
    model = BiasedMF(2, epochs=1).fit(DATA, progress=False)
    errors = [0.9, 0.8500, 0.8502, 0.8503, 0.86]
    model.history_.records = [EpochRecord(k, 0.0, None, 0.0, e) for k, e in enumerate(errors, 1)]
    validation = validation_of(DATA, "rmse", direction=None, split=None, seed=0)
    assert model.history_.best_epoch == 2
    assert validation.lasting_epoch(model) == 4


def test_what_decides_was_not_held_out_by_the_search() -> None:
    at_random = validation_of(DATA, "ndcg@20", direction=None, split=None, seed=0)
    second = at_random.second(DATA, 0)
    assert second.split.test.fingerprint() != at_random.split.test.fingerprint()
    rng = np.random.default_rng(0)
    timed = Interactions.from_arrays(
        rng.integers(0, 50, 600), rng.integers(0, 40, 600), timestamps=np.arange(600)
    )
    last = validation_of(timed, "ndcg@20", direction=None, split=None, seed=0)
    before = last.second(timed, 0)
    assert before.split.method == "the last but one of each user"
    assert before.split.test.timestamps.max() < last.split.test.timestamps.max()
    given = validation_of(DATA, "ndcg@20", direction=None, split=at_random.split, seed=0)
    assert given.second(DATA, 0) is given


def test_ratings_may_need_no_tuning() -> None:
    """A mean over the posterior wins where it predicts better, and only where it may."""
    lines: list[str] = []
    result = tune(DATA, budget=None, trials=2, announce=lines.append)
    told = [float(line.split()[-1]) for line in lines if "BayesianMF" in line]
    assert len(told) == 1
    assert result.usual_value is not None
    assert isinstance(result.model, BayesianMF) == (told[0] == round(result.value, 5))
    assert result.value <= min(told[0] + 1e-5, result.usual_value)
    assert result.model.get_params() == dict(result.params)
    assert result.model.seen_.nnz == DATA.nnz


def test_models_that_always_begin_at_random() -> None:
    result = tune(DATA, "nmf", budget=None, trials=3, search={"n_factors": (2, 4)})
    assert result.trials["start"].count() == 0
    assert result.model.name == "nmf"


def test_any_function_of_model_and_split_is_a_metric() -> None:
    seen = []

    def popular_first(model: Model, split: Split) -> float:
        seen.append((model.is_fitted, split.train.nnz + split.test.nnz))
        return -float(model.get_params()["regularization"])

    result = tune(DATA, "weighted", popular_first, budget=None, trials=6,
                  search={"n_factors": 2, "regularization": (0.01, 0.5)})  # fmt: skip
    assert result.metric == "popular_first"
    assert set(seen) == {(True, DATA.nnz)}
    best = result.trials.filter(pl.col("state") == "complete")["regularization"].min()
    assert result.params["regularization"] == pytest.approx(best)
    least = tune(DATA, "weighted", popular_first, budget=None, trials=6, direction="minimize",
                 search={"n_factors": 2, "regularization": (0.01, 0.5)})  # fmt: skip
    assert least.params["regularization"] > result.params["regularization"]


def test_a_function_says_itself_how_many_epochs_are_best() -> None:
    seen = []

    def likes_three(model: Model, split: Split) -> float:
        seen.append((len(model.history_), split.test.fingerprint()))
        return -abs(len(model.history_) - 3.0)

    search = {"n_factors": 2, "regularization": 1.0}
    watched = tune(DATA, "biased", budget=None, trials=1, search=search)
    assert watched.params["epochs"] > 4
    result = tune(DATA, "biased", likes_three, budget=None, trials=1, search=search)
    assert result.params["epochs"] == len(result.model.history_) == 3
    assert (result.value, result.usual_value) == (0, 0)
    # Asked after each epoch, until it was no better for three; first on one part, then on another.
    assert [epoch for epoch, _ in seen] == [*range(1, 7)] * 2
    assert [part for _, part in seen] == [seen[0][1]] * 6 + [seen[-1][1]] * 6
    assert seen[0][1] != seen[-1][1]


def test_a_trial_that_lags_behind_by_a_function_is_given_up() -> None:
    result = tune(DATA, "weighted", worse_with_penalty, budget=None, trials=20,
                  search={"n_factors": 2, "regularization": (0.01, 5.0)})  # fmt: skip
    states = result.trials["state"].to_list()
    assert "pruned" in states
    assert states.count("complete") >= 5


def worse_with_penalty(model: Model, _split: Split) -> float:
    return len(model.history_) - 9 * float(model.get_params()["regularization"])


def test_what_an_epoch_says_goes_the_way_of_the_metric() -> None:
    record = EpochRecord(3, 1.0, None, 0.1, 0.8)
    ways = {"ndcg@20": "maximize", "rmse": "minimize"}
    by_name = {name: Validation(split_random(DATA, 0.2), name, way) for name, way in ways.items()}
    assert by_name["rmse"].told(record) == 0.8
    assert by_name["ndcg@20"].told(record) == pytest.approx(0.2)
    up, down = (
        Validation(by_name["rmse"].split, "worse_with_penalty", way, worse_with_penalty)
        for way in ("maximize", "minimize")
    )
    assert (up.told(record), down.told(record)) == (-0.8, 0.8)
    assert up.told(EpochRecord(3, 1.0, None, 0.1)) is None


@pytest.mark.parametrize("told", [None, "much", [1, 2]])
def test_a_function_that_tells_no_number_is_refused_by_name(told: object) -> None:
    def vague(_model: Model, _split: Split) -> object:
        return told

    with pytest.raises(ParameterError, match=r"vague.*returns a number"):
        tune(DATA, "weighted", vague, budget=None, trials=1, search={"n_factors": 2})


def test_an_error_of_the_function_is_its_callers() -> None:
    def fails(model: Model, _split: Split) -> float:
        raise ZeroDivisionError(len(model.history_))

    with pytest.raises(ZeroDivisionError, match="1"):
        tune(DATA, "biased", fails, budget=None, trials=1, search={"n_factors": 2})


def test_a_function_that_tells_nan_costs_that_trial() -> None:
    lines = []

    def nan_for_some(model: Model, _split: Split) -> float:
        penalty = float(model.get_params()["regularization"])
        return math.nan if penalty > 0.02 else -penalty

    result = tune(DATA, "weighted", nan_for_some, budget=None, trials=8, announce=lines.append,
                  search={"n_factors": 2, "regularization": (0.01, 0.05)})  # fmt: skip
    assert any("nan_for_some is nan" in line for line in lines)
    assert result.params["regularization"] <= 0.02


def test_a_given_split_is_used() -> None:
    split = split_random(DATA.binarize(), 0.4, seed=5)
    result = tune(DATA, metric="recall@5", split=split, **QUICK)
    assert result.method == split.method
    assert result.metric == "recall@5"


def test_times_hold_out_the_last_one_of_each() -> None:
    rng = np.random.default_rng(0)
    timed = Interactions.from_arrays(
        rng.integers(0, 50, 600), rng.integers(0, 40, 600), timestamps=np.arange(600)
    )
    result = tune(timed, budget=None, trials=2, search={"n_factors": 2})
    assert result.method == "the last one of each user"


def test_a_search_that_was_stopped_goes_on(tmp_path: Path) -> None:
    journal = tmp_path / "study.journal"
    first = tune(DATA, metric="ndcg@20", study=journal, **{**QUICK, "trials": 4})
    second = tune(DATA, metric="ndcg@20", study=journal, **{**QUICK, "trials": 4})
    assert first.trials.height == 4
    assert second.trials.height == 8
    assert second.trials[:4].equals(first.trials)
    assert second.value >= first.value
    with pytest.raises(ParameterError, match="another metric"):
        tune(DATA, metric="recall@20", study=journal, **QUICK)
    with pytest.raises(ParameterError, match="another data"):
        tune(tastes(seed=1), metric="ndcg@20", study=journal, **QUICK)
    (tmp_path / "junk").write_text("not a journal\n")
    with pytest.raises(InputError, match="no study"):
        tune(DATA, metric="ndcg@20", study=tmp_path / "junk", **QUICK)


def test_ctrl_c_leaves_the_best_so_far() -> None:
    lines = []

    def interrupt(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            raise KeyboardInterrupt

    result = tune(DATA, metric="ndcg@20", announce=interrupt, **QUICK)
    assert result.stopped == "interrupted"
    assert not result.refitted
    assert result.model.seen_.nnz < DATA.nnz
    assert result.trials.height == 3
    assert "training part only" in str(result)
    assert len(result.model.recommend_indices([0], 3)[0][0]) == 3


def test_ctrl_c_before_anything_is_finished_passes_through() -> None:
    def interrupt(_model: Model, _split: Split) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(DATA, "weighted", interrupt, **QUICK)


def test_a_budget_of_time_is_kept() -> None:
    result = tune(tastes(1500, 300), metric="ndcg@20", budget=6)
    assert result.seconds < 60, "seconds, whatever else the machine does"
    assert result.refitted


def test_a_machine_that_slept_does_not_spoil_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """All time has passed when the best place is to be checked: it keeps the epochs that it had."""
    check = Fits.again

    def slept(self: Fits, trial: Finished, validation: Validation) -> Finished | None:
        self.budget._began -= 1000
        return check(self, trial, validation)

    monkeypatch.setattr(Fits, "again", slept)
    result = tune(DATA, metric="ndcg@20", **QUICK | {"budget": 60})
    assert result.value == result.trials["ndcg@20"].max()
    assert result.refitted
    assert result.params["epochs"] > 1


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ({"model": "best"}, ParameterError, "model"),
        ({"model": 3}, ParameterError, "model"),
        ({"model": "popularity"}, ParameterError, "weighted, biased"),
        ({"metric": "accuracy"}, ParameterError, "metric"),
        ({"metric": "rmse", "direction": "maximize"}, ParameterError, "direction"),
        ({"metric": "ndcg@0"}, ParameterError, "metric"),
        ({"budget": "soon"}, ParameterError, "budget"),
        ({"budget": None}, ParameterError, "budget"),
        ({"trials": 0}, ParameterError, "trials"),
        ({"seed": -1}, ParameterError, "seed"),
        ({"n_threads": -1}, ParameterError, "n_threads"),
        ({"search": {"bogus": 1}}, ParameterError, "search"),
        ({"metric": "rmse", "model": "weighted"}, ParameterError, "predicts no ratings"),
    ],
)
def test_slips_are_refused(words: dict[str, object], error: type[LmfError], told: str) -> None:
    with pytest.raises(error, match=told):
        tune(DATA, **words)  # type: ignore[arg-type]


def test_data_that_nothing_can_be_held_out_of() -> None:
    with pytest.raises(InputError, match="nothing can be held out"):
        tune({"user": ["a"], "item": ["x"]}, budget="1s")
    with pytest.raises(InputError, match="ratings"):
        tune({"user": ["a", "b"], "item": ["x", "y"]}, metric="rmse", budget="1s")


def test_without_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(LmfError, match=r"lmf\[tune\]"):
        module.tune(DATA)


def test_the_picture(found: lmf.Tuning) -> None:
    pytest.importorskip("matplotlib")
    figure = found.plot()
    labels = [axis.get_xlabel() for axis in figure.axes]
    assert labels == ["unobserved_weight", "regularization"]
    points = sum(len(line.get_xdata()) for line in figure.axes[0].lines) - 2  # the upright line
    assert points == found.trials["ndcg@20"].count()
    with pytest.raises(ParameterError, match="parameters"):
        found.plot(("bogus",))


def test_what_is_printed(found: lmf.Tuning) -> None:
    text = str(found)
    assert text.startswith(f"ndcg@20 {found.value:.5f} (defaults: {found.usual_value:.5f})")
    assert found.python_line in text
    assert "10 trials" in text
    assert found.to_frame("pandas").shape == found.trials.shape

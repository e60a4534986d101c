"""Reports: the figures in them, their words, and the forms they are given in."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from lmf.errors import ParameterError
from lmf.evaluation.exposure import Catalogue
from lmf.evaluation.metrics import Metric, metrics, select_metrics
from lmf.evaluation.report import Report
from lmf.evaluation.scores import Counts, Scores

K = 3
ALL = select_metrics(k=K)
NDCG = select_metrics("ndcg", k=K)[0]
RECALL = select_metrics("recall", k=K)[0]


def scores(name: str, mean: float, n_users: int = 50, spread: float = 0.1) -> Scores:
    """Every metric of every user within `spread` of `mean`."""
    values = mean + spread * np.linspace(-1, 1, n_users)
    shifted = {m: np.roll(values, i) for i, m in enumerate(ALL) if m.per_user}
    catalogue = Catalogue(np.array([3, 2, 1, 1]), 50)
    return Scores(name, shifted, {K: np.array([4, 0, 1, 0])}, catalogue)


def report(*models: Scores, chosen: tuple[Metric, ...] = ALL, **rest: object) -> Report:
    counts = Counts(users=50, items=4, interactions=70)
    options: dict[str, object] = {"baseline": "popularity", "counts": counts} | rest
    return Report(metrics=chosen, scores=models, **options)  # type: ignore[arg-type]


def test_value_and_standard_error() -> None:
    values = np.array([0.0, 0.25, 0.5, 1.0])
    one = Scores("m", {NDCG: values}, {K: np.array([2, 0, 1, 0, 0])})
    coverage = select_metrics("coverage", k=K)[0]
    assert one.value(NDCG) == 0.4375
    assert one.standard_error(NDCG) == pytest.approx(np.std(values, ddof=1) / 2)
    assert one.value(coverage) == 2 / 5
    assert one.standard_error(coverage) is None
    assert Scores("m", {NDCG: values[:1]}, {}).standard_error(NDCG) is None


def test_a_row_per_model_and_metric() -> None:
    frame = report(scores("mine", 0.4), scores("popularity", 0.2)).to_frame()
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == ["model", "metric", "k", "value", "standard_error", "low", "high"]
    assert frame["model"].to_list() == ["mine"] * len(ALL) + ["popularity"] * len(ALL)
    assert frame["metric"].to_list() == [metric.name for metric in ALL] * 2
    assert frame["k"].unique().to_list() == [K]
    by_hand = frame.filter(model="popularity", metric="ndcg")
    assert by_hand["value"].item() == pytest.approx(0.2)
    assert frame.filter(metric="coverage")["standard_error"].to_list() == [None, None]


def test_the_frame_is_of_the_callers_library() -> None:
    mine = report(scores("mine", 0.4), frame_type="pandas")
    assert isinstance(mine.to_frame(), pd.DataFrame)
    assert isinstance(mine.to_frame("polars"), pl.DataFrame)


def test_json_says_everything_and_no_nan() -> None:
    mine = report(
        scores("mine", 0.4), scores("popularity", 0.2), counts=Counts(1, 4, 2, unknown_users=3)
    )
    content = json.loads(mine.to_json())
    assert content["rows"] == mine.to_frame().to_dicts()
    assert content["counts"]["unknown_users"] == 3
    assert content["verdict"] == mine.verdict
    assert content["definitions"]["ndcg"] == NDCG.definition
    assert len(mine.to_json(indent=None).splitlines()) == 1


def test_one_figure_by_name() -> None:
    both = report(scores("mine", 0.4), scores("popularity", 0.2))
    assert both.value("NDCG@3") == pytest.approx(0.4)
    assert both.value(RECALL, "popularity") == pytest.approx(0.2)
    for wrong in ("ndcg", "ndcg@4"):
        with pytest.raises(ParameterError, match="recall@3"):
            both.value(wrong)
    with pytest.raises(ParameterError, match="popularity"):
        both.value("ndcg@3", "nobody")


def test_the_text_has_every_figure_and_every_definition() -> None:
    text = str(report(scores("mine", 0.4), scores("popularity", 0.2)))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 88
    assert lines[0] == "mine beside popularity"
    both = report(scores("mine", 0.4), scores("popularity", 0.2))
    for metric in ALL:
        (line,) = [line for line in lines if line.startswith(f"{metric} ")]
        told = [str(metric)]
        for model in ("mine", "popularity"):
            found = both.figure(metric, model)
            told.append(f"{found.value:.4f}")
            if metric.per_user:
                assert found.low < found.value < found.high
                told += [f"({found.low:.4f}", "to", f"{found.high:.4f})"]
        assert line.split() == told
    flat = " ".join(text.split())
    for metric in metrics():
        assert f"{metric} {metric.definition}" in flat


def test_each_definition_is_printed_once_for_all_cuts() -> None:
    two = select_metrics("ndcg", k=(1, 2))
    one = Scores("mine", {metric: np.array([0.5, 1.0]) for metric in two}, {})
    text = str(report(one, chosen=two, baseline=None))
    assert text.count("log2") == 1
    assert "NDCG@1 " in text
    assert "NDCG@2 " in text


def test_the_verdict_when_the_model_wins() -> None:
    verdict = report(scores("mine", 0.4), scores("popularity", 0.2)).verdict
    assert verdict.startswith("mine beats popularity: NDCG@3 0.4000 against 0.2000")
    assert "(2.0 times)" in verdict
    assert verdict in " ".join(str(report(scores("mine", 0.4), scores("popularity", 0.2))).split())


def test_the_verdict_when_the_model_loses() -> None:
    lost = report(scores("mine", 0.2), scores("popularity", 0.4))
    assert lost.verdict.startswith("mine does NOT beat popularity: NDCG@3 0.2000 against 0.4000")
    assert "-0.2000" in lost.verdict


def test_the_verdict_when_nobody_can_tell() -> None:
    model, noisy = scores("mine", 0.5), scores("popularity", 0.5)
    reverse = {metric: values[::-1] + 0.01 for metric, values in noisy.per_user.items()}
    equal = report(model, Scores("popularity", reverse, noisy.exposure))
    assert equal.verdict.startswith("mine does NOT clearly beat popularity")
    same = report(model, Scores("popularity", model.per_user, {}), chosen=(NDCG,))
    assert same.verdict.startswith("mine does NOT clearly beat popularity")
    alone = report(scores("mine", 0.5, 1), scores("popularity", 0.3, 1))
    assert "one user decides nothing" in alone.verdict


def test_the_verdict_compares_user_by_user() -> None:
    """A small but steady gain is seen through a large spread between users."""
    model = scores("mine", 0.51, spread=0.4)
    popular = scores("popularity", 0.50, spread=0.4)
    steady = np.where(np.arange(50) % 2, 0.009, 0.011)
    paired = {metric: popular.per_user[metric] + steady for metric in popular.per_user}
    verdict = report(Scores("mine", paired, model.exposure), popular).verdict
    assert verdict.startswith("mine beats popularity")


def test_the_verdict_owns_up_to_metrics_that_are_worse() -> None:
    model, popular = scores("mine", 0.4), scores("popularity", 0.2)
    worse = dict(model.per_user) | {RECALL: popular.per_user[RECALL] - 0.1}
    verdict = report(Scores("mine", worse, model.exposure), popular).verdict
    assert verdict.endswith("But it is below on Recall@3.")


def test_the_verdict_without_something_to_compare() -> None:
    assert report(scores("mine", 0.4), baseline=None).verdict == ""
    assert "popularity itself" in report(scores("popularity", 0.2)).verdict
    coverage = select_metrics("coverage", k=K)
    only = report(scores("mine", 0.4), scores("popularity", 0.2), chosen=coverage)
    assert only.verdict == ""
    assert "Coverage@3" in str(only)


def test_the_verdict_goes_by_the_largest_cut_or_the_first_metric() -> None:
    chosen = select_metrics(["recall@9", "ndcg@2", "ndcg@5"])
    values = {metric: np.linspace(0, 1, 9) for metric in chosen}
    for metrics_, decides in ((chosen, "NDCG@5"), (chosen[:1], "Recall@9")):
        said = report(Scores("a", values, {}), Scores("popularity", values, {}), chosen=metrics_)
        assert f": {decides} " in said.verdict


def test_what_was_left_out_is_said() -> None:
    counts = Counts(
        users=2,
        items=4,
        interactions=3,
        users_without_test=1_234,
        unknown_users=1,
        unknown_items=5,
        unknown_interactions=6,
        users_without_history=2,
        seen_interactions=3,
    )
    text = " ".join(str(report(scores("mine", 0.4), counts=counts, notes=("A note.",))).split())
    assert "1,234 users left out" in text
    assert "6 test interactions skipped: 1 user and 5 items" in text
    assert "2 users evaluated without any interaction" in text
    assert "3 test interactions of 3 also in the training data" in text
    assert "A note." in text
    quiet = " ".join(str(report(scores("mine", 0.4))).split())
    for word in ("left out", "skipped", "without any", "also in"):
        assert word not in quiet


@pytest.mark.parametrize(("exclude_seen", "word"), [(True, "excluded"), (False, "included")])
def test_whether_seen_items_compete_is_said(exclude_seen: bool, word: str) -> None:
    text = str(report(scores("mine", 0.4), exclude_seen=exclude_seen))
    assert f"items seen in training {word}" in text

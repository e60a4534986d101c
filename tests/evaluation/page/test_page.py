"""The page: what it says, that hostile names stay text, and how a real browser shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import lmf
from lmf.evaluation.metrics import select_metrics
from lmf.evaluation.report import Report
from lmf.evaluation.scores import Counts, Scores
from lmf.evaluation.slices import Slice
from tests.browser import showing

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&|`[a](http://b)"
CHARTS = {"ndcg-by-k", "recall-by-k", "wins", "slices-users", "slices-items", "long-tail",
          "epochs", "calibration", "intervals"}  # fmt: skip


class Page(HTMLParser):
    """Tags in the order they open, with their attributes; whether all are closed again."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "path", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def split(film_data: lmf.Interactions) -> lmf.Split:
    return lmf.split_random(film_data, 0.3, seed=2)


@pytest.fixture(scope="module")
def report(split: lmf.Split) -> Report:
    """A report with everything there is in one."""
    models = {
        "ours": lmf.WeightedMF(n_factors=4, epochs=4).fit(split.train),
        "sure": lmf.BayesianMF(n_factors=2, samples=10).fit(split.train),
    }
    return lmf.evaluate(models, split, k=[3, 10])


def test_the_answer_comes_first_and_everything_is_there(report: Report) -> None:
    text = report.to_html()
    page = Page(text)
    assert page.open == []
    words = " ".join(" ".join(page.words).split())
    for told in (report.headline, report.verdict.split(". ")[0], "NDCG@10", "SHA-256", "seed 0"):
        assert told in words
    assert words.index(report.headline) < words.index("Figures") < words.index("Definitions")
    for metric in report.metrics:
        assert metric.definition in words
        assert f"{report.value(metric):.4f}" in words or report.value(metric) >= 1000
    assert {one["id"] for tag, one in page.tags if "data-chart" in one} == CHARTS
    assert text.count("<summary>The numbers</summary>") == len(CHARTS)


def test_nothing_runs_and_nothing_is_fetched(report: Report) -> None:
    page = Page(report.to_html())
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"}
    for _, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on")} & set(attributes)
        assert not {"src", "href", "style", "action"} & set(attributes)
    assert "url(" not in report.to_html()
    assert "default-src 'none'" in report.to_html()


def test_every_drawing_has_a_name_and_every_scrolling_table_can_be_reached(report: Report) -> None:
    page = Page(report.to_html())
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]
    assert not re.search(r'"[^"]*\bnan\b', report.to_html())


def test_hostile_names_stay_text(split: lmf.Split) -> None:
    model = lmf.WeightedMF(n_factors=3, epochs=3).fit(split.train)
    hostile = replace(split, method=HOSTILE)
    slices = [Slice(HOSTILE, users=["p01", "p02"])]
    found = lmf.evaluate({HOSTILE: model, f"{HOSTILE} 2": model}, hostile, k=5, slices=slices)
    for text in (found.to_html(), found.to_html(title=HOSTILE)):
        page = Page(text)
        assert not {"script", "img"} & {tag for tag, _ in page.tags}
        assert HOSTILE in "".join(page.words)
    marked = found.to_markdown()
    assert "<script" not in marked
    assert "<img" not in marked
    assert not re.search(r"(?<!\\)\[a(?<!\\)\]\(", marked)
    figures = [line for line in marked.splitlines() if line.startswith("|")][
        : 2 + len(found.metrics)
    ]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in figures} == {6}  # 5 columns


def test_little_to_show() -> None:
    """A report made by hand, of one user and one model, without any of the extras."""
    recall = select_metrics("recall", k=2)[0]
    bare = Report(
        metrics=(recall,), scores=(Scores("m", {recall: np.array([0.5])}, {}),),
        counts=Counts(users=1, items=2, interactions=2),
    )  # fmt: skip
    page = Page(bare.to_html())
    assert page.open == []
    assert not [one for _, one in page.tags if "data-chart" in one]
    assert "## Figures" in bare.to_markdown()


def test_newcomers_ratings_only_and_one_k(film_data: lmf.Interactions) -> None:
    people = lmf.split_users(film_data, 10, test_fraction=0.4)
    for model, k in ((lmf.BiasedMF(n_factors=2), 1), (lmf.Popularity(), 2), (lmf.BiasOnly(), 3)):
        report = lmf.evaluate(model.fit(people.train), people, k=k)
        assert Page(report.to_html()).open == []
        assert report.to_markdown()
        assert str(report)


@pytest.mark.parametrize("ending", [".html", ".md", ".json", ".txt"])
def test_reports_are_saved_by_their_ending(report: Report, tmp_path: Path, ending: str) -> None:
    report.save(tmp_path / f"report{ending}")
    text = (tmp_path / f"report{ending}").read_text()
    starts = {".html": "<!doctype html>", ".md": "# ours", ".json": "{", ".txt": "ours, sure"}
    assert text.startswith(starts[ending])
    with pytest.raises(lmf.errors.ParameterError, match=r"\.html"):
        report.save(tmp_path / "report.pdf")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_a_complaint(report: Report, tmp_path: Path, width: int) -> None:
    report.save(tmp_path / "page.html")
    with showing(tmp_path / "page.html", tmp_path / "profile", width) as window:
        assert window.run("return window.innerWidth") == width
        assert window.run("return document.documentElement.scrollWidth") <= width
        charts = window.run(
            "return [...document.querySelectorAll('[data-chart]')].map(one => [one.id, "
            "one.querySelector(':scope > svg').getBoundingClientRect().height])"
        )
        assert {name for name, _ in charts} == CHARTS
        assert all(height > 60 for _, height in charts)
        smallest = window.run(
            "return Math.min(...[...document.querySelectorAll('figure > svg')].map("
            "one => one.getBoundingClientRect().width / 400 * 12))"
        )
        assert smallest > 9  # pixels of the text in drawings
        outside = window.run(
            "return [...document.querySelectorAll('figure > svg')].flatMap(svg => {"
            "const box = svg.getBoundingClientRect();"
            "return [...svg.querySelectorAll('text')].filter(t => {"
            "const b = t.getBoundingClientRect();"
            "return b.left < box.left - 1 || b.right > box.right + 1 || "
            "b.bottom > box.bottom + 1;"
            "}).map(t => t.textContent)})"
        )
        assert outside == []
        assert window.messages() == []
        assert window.requested() == [(tmp_path / "page.html").as_uri()]

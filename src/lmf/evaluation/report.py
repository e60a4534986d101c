"""Report: figures of models beside baselines, as text, frames, JSON, Markdown and a page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from lmf.data import frames
from lmf.errors import ParameterError
from lmf.evaluation import tables, wording
from lmf.evaluation.differences import Difference
from lmf.evaluation.inference import Figure, Inference
from lmf.evaluation.metrics import Metric, charted, deciding, select_metrics
from lmf.evaluation.rating_errors import RATING_METRICS, RatingErrors
from lmf.evaluation.scores import Counts, Scores
from lmf.evaluation.slices import Part
from lmf.store.atomic import replacing
from lmf.validation import checked_choice, checked_int, checked_path

__all__ = ["REPORT_ENDINGS", "Report"]

REPORT_ENDINGS = (".html", ".md", ".json", ".txt")
_BASELINES = ("popularity", "bias")
_MOST_SPACES = 64  # of indented JSON
_SCHEMA: dict[str, Any] = {
    "model": pl.String,
    "metric": pl.String,
    "k": pl.Int64,
    "value": pl.Float64,
    "standard_error": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
_SLICES: dict[str, Any] = {"slice": pl.String, "of": pl.String, "size": pl.Int64, **_SCHEMA}
_CONTENT = ("metrics", "slices", "differences")


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """Figures of models and baselines on the same users, with what they mean.

    Printed, it is a table with a verdict in words and the definition of every metric beneath.

    Attributes
    ----------
    metrics : tuple of Metric
        In the order of the table.
    scores : tuple of Scores
        The models first, then the baselines if there are any.
    counts : Counts
        What the figures rest on, and what was left out.
    baseline : str or None
        The one among `scores` that the others are held against: popularity.
    exclude_seen : bool
        Whether items that a user interacted with in training were kept out of the lists.
    notes : tuple of str
        Whatever else a reader must know about this evaluation.
    frame_type : str
        The type of frame that :meth:`to_frame` gives.
    parts : tuple of Part
        The slices.
    resamples, level, seed
        Of the intervals.
    sampled : int or None
        How many items competed for each user, where it was not the whole catalogue.
    settings : mapping of str to str
        What it takes to get the same figures again.

    Examples
    --------
    >>> import numpy as np
    >>> recall = select_metrics(["recall"], k=2)[0]
    >>> report = Report(
    ...     metrics=(recall,),
    ...     scores=(
    ...         Scores("mine", {recall: np.array([0.5, 1.0, 1.0])}, {}),
    ...         Scores("popularity", {recall: np.array([0.0, 0.0, 0.5])}, {}),
    ...     ),
    ...     counts=Counts(users=3, items=9, interactions=6, users_without_test=1),
    ...     baseline="popularity",
    ... )
    >>> print(str(report)[:54])
    mine beside popularity
    3 users with 6 test interaction
    >>> print(report.headline)
    Yes: mine serves people better than showing everybody what is popular.
    >>> report.value("recall@2", "popularity")
    0.16666666666666666
    """

    metrics: tuple[Metric, ...]
    scores: tuple[Scores, ...]
    counts: Counts
    baseline: str | None = None
    exclude_seen: bool = True
    notes: tuple[str, ...] = ()
    frame_type: str = "polars"
    parts: tuple[Part, ...] = ()
    resamples: int = 1000
    level: float = 0.95
    seed: int = 0
    sampled: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    # ---- figures --------------------------------------------------------------------------

    @cached_property
    def _inference(self) -> Inference:
        return Inference(
            self.scores,
            self.metrics,
            self.parts,
            resamples=self.resamples,
            seed=self.seed,
            level=self.level,
        )

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines among the scores: popularity, and biases alone."""
        return tuple(one.model for one in self.scores if one.model in _BASELINES)

    @property
    def best(self) -> str:
        """The model that is best on the metric that decides, baselines aside where others are."""
        metric = deciding(self.metrics)
        models = [one for one in self.scores if one.model not in _BASELINES] or self.scores
        if metric is None:
            return models[0].model
        return max(models, key=lambda one: one.value(metric)).model

    @property
    def ratings(self) -> RatingErrors | None:
        """The errors of predicted values of the first model, where it has any."""
        return self.scores[0].ratings

    def has(self, metric: Metric | str, model: str) -> bool:
        """Whether there is such a figure of this model."""
        return self._has(metric, model, None)

    def _has(self, metric: Metric | str, model: str, part: str | None) -> bool:
        named = isinstance(model, str) and isinstance(metric, str | Metric)
        return named and (model, metric, part) in self._inference

    def value(self, metric: str | Metric, model: str | None = None) -> float:
        """Return one figure, such as ``report.value("ndcg@20")``.

        Parameters
        ----------
        metric : str or Metric
            With its cut; or ``"rmse"``, ``"mae"`` of a model that predicts values.
        model : str, optional
            One of the models in this report; the first where None.

        Raises
        ------
        ParameterError
            If the report has no such metric or no such model.
        """
        one, asked = self._scores_of(model), self._asked(metric)
        if isinstance(asked, Metric):
            return one.value(asked)
        if one.ratings is None:
            raise ParameterError(
                "metric", asked, f"a ranking metric: {one.model} predicts no values"
            )
        return float(getattr(one.ratings, asked))

    def figure(self, metric: str | Metric, model: str | None = None) -> Figure:
        """Return one figure with its interval over users.

        Raises
        ------
        ParameterError
            As :meth:`value`.
        """
        one, asked = self._scores_of(model), self._asked(metric)
        value = self.value(asked, one.model)
        if isinstance(asked, Metric) and not asked.per_user:
            return Figure(value, None, None, self.counts.users)
        if not self.has(asked, one.model):
            return Figure(value, None, None, self.counts.users)
        return self._inference.figure(one.model, asked)

    def figure_of(self, metric: Metric | str, model: str, part: Part) -> Figure | None:
        """Return a figure of a slice; None where it has none."""
        if not isinstance(part, Part):
            raise ParameterError("part", part, "one of the report's parts")
        if not self._has(metric, model, part.name):
            return None
        return self._inference.figure(model, metric, part.name)

    def difference(self, model: str, other: str, metric: str | Metric | None = None) -> Difference:
        """Compare two models user by user.

        Parameters
        ----------
        model, other : str
            Names of models in this report.
        metric : str or Metric, optional
            One that is a mean over users, or ``"rmse"``, ``"mae"``; by default the one that
            decides.

        Raises
        ------
        ParameterError
            If one of the models has no such figure.
        """
        asked = deciding(self.metrics) if metric is None else self._asked(metric)
        if asked is None:
            raise ParameterError("metric", metric, "a mean over users: this report has none")
        pair = [self._scores_of(one).model for one in (model, other)]
        for name in pair:
            if not self.has(asked, name):
                raise ParameterError("metric", str(asked), f"a mean over users that {name} has")
        return self._inference.difference(asked, *pair)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Every pair of models: on the metric that decides, and on RMSE where both predict."""
        names = [one.model for one in self.scores]
        pairs = [(one, two) for at, one in enumerate(names) for two in names[at + 1 :]]
        metric = deciding(self.metrics)
        ranking = [] if metric is None else [self.difference(*pair, metric) for pair in pairs]
        errors = [
            self.difference(*pair, "rmse")
            for pair in pairs
            if all(self.has("rmse", name) for name in pair)
        ]
        return (*ranking, *errors)

    @property
    def _of_slices(self) -> tuple[Metric | str, ...]:
        return (*self.charted, *RATING_METRICS)

    @property
    def charted(self) -> tuple[Metric, ...]:
        """The metrics of slices and charts."""
        return charted(self.metrics)

    def _scores_of(self, model: str | None) -> Scores:
        if isinstance(model, str | None):
            for one in self.scores:
                if model is None or one.model == model:
                    return one
        raise ParameterError("model", model, f"one of {', '.join(s.model for s in self.scores)}")

    def _asked(self, metric: str | Metric) -> Metric | str:
        """Find a metric of this report."""
        if str(metric).lower() in RATING_METRICS:
            return str(metric).lower()
        if not isinstance(metric, str | Metric):
            raise ParameterError("metric", metric, "the name of a metric of this report")
        (asked,) = [metric] if isinstance(metric, Metric) else select_metrics(metric, k=[1])
        if asked not in self.metrics or (isinstance(metric, str) and "@" not in metric):
            names = (f"{one.name}@{one.k}" for one in self.metrics)
            raise ParameterError("metric", str(metric), f"one of {', '.join(names)}")
        return asked

    # ---- words ----------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        """Whether the models beat the baselines, in sentences; empty without a baseline."""
        return " ".join(wording.verdicts(self))

    @property
    def headline(self) -> str:
        """The answer for somebody who knows no metric; empty without a baseline."""
        return wording.headline(self)

    def remarks(self) -> list[str]:
        """Return what was left out and whatever else a reader must know."""
        return [*wording.omissions(self.counts), *self.notes]

    # ---- forms ----------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per model and metric: model, metric, k, value, its error and interval."""
        found = []
        for one in self.scores:
            for name in RATING_METRICS if one.ratings is not None else ():
                error = getattr(one.ratings, f"{name}_error")
                row = self._row(one, name, self.figure(name, one.model))
                found.append({**row, "standard_error": error})
            for metric in self.metrics:
                row = self._row(one, metric, self.figure(metric, one.model))
                found.append({**row, "standard_error": one.standard_error(metric)})
        return found

    def slice_rows(self) -> list[dict[str, Any]]:
        """Return a row per slice, model and metric."""
        return [
            {"slice": part.name, "of": part.of, "size": part.size,
             **self._row(one, metric, found)}
            for part in self.parts
            for one in self.scores
            for metric in self._of_slices
            if (found := self.figure_of(metric, one.model, part)) is not None
        ]  # fmt: skip

    @staticmethod
    def _row(one: Scores, metric: Metric | str, found: Figure) -> dict[str, Any]:
        name, k = (metric.name, metric.k) if isinstance(metric, Metric) else (metric, None)
        return {
            "model": one.model,
            "metric": name,
            "k": k,
            "value": found.value,
            "standard_error": None,
            "low": found.low,
            "high": found.high,
        }

    def to_frame(self, frame_type: str | None = None, *, of: str = "metrics") -> Any:
        """Return figures as a frame of the type the training data came in, or of `frame_type`.

        Parameters
        ----------
        frame_type : str, optional
        of : {"metrics", "slices", "differences"}
            Which figures.
        """
        checked_choice("of", of, _CONTENT)
        if of == "metrics":
            frame = pl.DataFrame(self.rows(), _SCHEMA)
        elif of == "slices":
            frame = pl.DataFrame(self.slice_rows(), _SLICES)
        else:
            frame = pl.DataFrame([asdict(one) for one in self.differences])
        return frames.to_native(frame, frame_type, self.frame_type)

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return everything this report says as JSON text; what there is not is null."""
        spaces = None if indent is None else checked_int("indent", indent, 0, _MOST_SPACES)
        return json.dumps(
            {
                "rows": self.rows(),
                "baseline": self.baseline,
                "headline": self.headline,
                "verdict": self.verdict,
                "differences": [asdict(one) for one in self.differences],
                "slices": self.slice_rows(),
                "calibration": {
                    one.model: asdict(one.calibration)
                    for one in self.scores
                    if one.calibration is not None
                },
                "exclude_seen": self.exclude_seen,
                "sampled": self.sampled,
                "counts": asdict(self.counts),
                "notes": self.remarks(),
                "settings": dict(self.settings),
                "intervals": {"level": self.level, "resamples": self.resamples, "seed": self.seed,
                              "method": "percentile bootstrap over users"},
                "notation": wording.notation(self.sampled),
                "definitions": {one.name: one.definition for one in self.metrics},
            },
            indent=spaces,
            ensure_ascii=False,
            allow_nan=False,
        )  # fmt: skip

    def to_markdown(self) -> str:
        """Return the report in Markdown."""
        from lmf.evaluation.markdown import markdown

        return markdown(self)

    def to_html(self, *, title: str | None = None) -> str:
        """Return the report as one self-contained page: no script, nothing fetched.

        Parameters
        ----------
        title : str, optional
            By default what was compared.
        """
        from lmf.evaluation.page import page

        return page(self, title=title)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report in the form that the file's ending asks for.

        Parameters
        ----------
        path : path
            Ends in ``.html``, ``.md``, ``.json`` or ``.txt``.

        Raises
        ------
        ParameterError
            For another ending.
        OSError
            If it cannot be written; a file that was there is as it was.
        """
        ending = checked_path("path", path).suffix.lower()
        if ending not in REPORT_ENDINGS:
            raise ParameterError(
                "path", str(path), f"a file that ends in {', '.join(REPORT_ENDINGS)}"
            )
        forms = (self.to_html, self.to_markdown, self.to_json, self.__str__)
        text = forms[REPORT_ENDINGS.index(ending)]()
        with replacing(path) as file:
            file.write(f"{text}\n".encode())

    def __str__(self) -> str:
        return "\n\n".join(filter(None, self._texts()))

    __repr__ = __str__

    @property
    def title(self) -> str:
        """What was compared with what."""
        others = [one.model for one in self.scores if one.model not in self.baselines]
        beside = list(self.baselines) if self.baseline is not None else []
        if not others or not beside:
            return ", ".join(one.model for one in self.scores)
        return f"{', '.join(others)} beside {' and '.join(beside)}"

    def _texts(self) -> Iterable[str]:
        basis = wording.basis(self.counts, self.exclude_seen, self.sampled)
        yield f"{self.title}\n{wording.paragraph(basis)}"
        figures = tables.figures(self).text()
        yield f"{figures}\n(in parentheses the {self.level:.0%} interval over users)"
        grid = tables.ratings(self)
        if grid is not None:
            yield grid.text()
            told = f"{self.scores[0].model}: {self.ratings}"
            yield wording.paragraph(told) if self.ratings is not None else ""
        yield wording.paragraph(self.headline)
        yield wording.paragraph(self.verdict)
        if len(self.scores) > 2 and (pairs := tables.comparisons(self)) is not None:
            yield pairs.text()
        for metric in self.charted[:1]:
            if (grid := tables.slices(self, metric)) is not None:
                yield grid.text()
        yield "\n".join(wording.paragraph(one) for one in self.remarks())
        told = wording.paragraph(f"Definitions. {wording.notation(self.sampled)}")
        yield f"{told}\n{wording.definitions(self.metrics)}"

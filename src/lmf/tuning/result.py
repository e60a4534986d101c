"""Tuning: what a search found, how to repeat it, and how the metric depends on the parameters."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lmf.data import frames
from lmf.errors import LmfError, ParameterError
from lmf.models import Model

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["Tuning"]

_SHOWN = 5


@dataclass(frozen=True, eq=False, repr=False)
class Tuning:
    """The result of :func:`lmf.tune`.

    Attributes
    ----------
    model : Model
        The best, fitted to all of the data (where `refitted`), ready to recommend.
    params : mapping
        Its parameters.
    metric, direction : str
        What was measured, and whether more or less of it is better.
    value : float
        What the parameters gave from a random start, on interactions that the search had not held
        out (but on a caller's own split). It is the best of a few there, and so a trifle too good.
    usual_value : float or None
        What the model's default parameters gave there, or the nearest to them in the ranges
        that were asked for; None where there was no time.
    trials : polars.DataFrame
        A row a trial: trial, state, the metric, the parameters, epochs, seconds, start (the trial
        whose factors it began with).
    method : str
        How the held-out part was made.
    stopped : str
        ``"budget"`` or ``"interrupted"`` (Ctrl-C).
    refitted : bool
        False after Ctrl-C: the model knows the training part only.
    seconds : float
        What it all took.
    binarized : bool
        Whether values were left aside, every interaction counting the same.
    frame_type : str
        The type of frame that :meth:`to_frame` gives.
    """

    model: Model
    params: Mapping[str, Any]
    metric: str
    direction: str
    value: float
    usual_value: float | None
    trials: pl.DataFrame
    method: str
    stopped: str
    refitted: bool
    seconds: float
    binarized: bool = False
    frame_type: str = "polars"

    def to_frame(self, frame_type: str | None = None) -> Any:
        """Return the trials as a frame of the type the data came in, or of `frame_type`."""
        return frames.to_native(self.trials, frame_type, self.frame_type)

    @property
    def given(self) -> dict[str, Any]:
        """The parameters that are not the model's defaults."""
        usual = type(self.model)().get_params()
        return {name: value for name, value in self.params.items() if value != usual[name]}

    @property
    def python_line(self) -> str:
        """The line of Python that fits the same model."""
        words = ", ".join(f"{name}={value!r}" for name, value in self.given.items())
        values = ", value=False" if self.binarized else ""
        return f"lmf.{type(self.model).__name__}({words}).fit(data{values})"

    def command_line(self, data: str = "ratings.csv", output: str = "model.lmf") -> str:
        """Return the command that fits the same model to a file."""
        for name, file in (("data", data), ("output", output)):
            if not isinstance(file, str):
                raise ParameterError(name, file, "the name of a file, as text")
        words = [
            f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
            for name, value in self.given.items()
            if value is not None
        ]
        values = ["--ignore-values"] if self.binarized else []
        model = ["--model", self.model.name]
        return " ".join(
            ["lmf fit", shlex.quote(data), *model, *words, *values, "-o", shlex.quote(output)]
        )

    def plot(self, parameters: tuple[str, ...] | None = None) -> matplotlib.figure.Figure:
        """Draw the metric of each finished trial against its parameters.

        Parameters
        ----------
        parameters : tuple of str, optional
            By default ``("unobserved_weight", "regularization")``, as far as they were searched.

        Returns
        -------
        matplotlib.figure.Figure
            Of which no window knows; ``figure.savefig("tuning.png")`` writes it.

        Raises
        ------
        LmfError
            Without matplotlib (``pip install "lmf[plot]"``).
        """
        if not isinstance(parameters, tuple | list | None):
            raise ParameterError("parameters", parameters, "a tuple of names")
        figure_of = _figure()
        done = self.trials.filter(pl.col("state") == "complete")
        searched = [n for n in done.columns if n in self.params and done[n].n_unique() > 1]
        wanted = (
            parameters
            or tuple(n for n in ("unobserved_weight", "regularization") if n in searched)
            or tuple(searched[:2])
            or ("n_factors",)
        )
        for name in wanted:
            if name not in done.columns or name not in self.params:
                raise ParameterError("parameters", name, f"names among {', '.join(searched)}")
        figure: matplotlib.figure.Figure = figure_of(
            figsize=(4.5 * len(wanted), 3.6), layout="constrained"
        )
        axes = figure.subplots(1, len(wanted), squeeze=False)[0]
        for axis, name in zip(axes, wanted, strict=True):
            for (factors,), part in sorted(done.group_by("n_factors"), key=lambda one: one[0]):
                axis.plot(part[name], part[self.metric], "o", alpha=0.7, label=str(factors))
            if name != "n_factors" and float(done[name].min() or 0) > 0:  # type: ignore[arg-type]
                axis.set_xscale("log")
            axis.axvline(self.params[name], color="grey", linewidth=0.8)
            axis.set_xlabel(name)
        axes[0].set_ylabel(self.metric)
        axes[-1].legend(title="n_factors")
        return figure

    def __str__(self) -> str:
        best_first = self.trials.filter(pl.col("state") == "complete").sort(
            self.metric, descending=self.direction == "maximize"
        )
        usual = "" if self.usual_value is None else f" (defaults: {self.usual_value:.5f})"
        counts = ", ".join(
            f"{n} {state}" for state, n in self.trials["state"].value_counts(sort=True).iter_rows()
        )
        ending = "fitted to everything" if self.refitted else "fitted to the training part only"
        names = [n for n in best_first.columns if n not in ("state", "start")]
        rows = [names, *([_cell(v) for v in row] for row in best_first[names][:_SHOWN].iter_rows())]
        widths = [max(len(row[k]) for row in rows) for k in range(len(names))]
        table = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join([
            f"{self.metric} {self.value:.5f}{usual}, held out: {self.method}",
            f"{self.trials.height} trials ({counts}) in {self.seconds:.0f} s; the best is {ending}",
            "", *table, "", self.python_line,
        ])  # fmt: skip

    __repr__ = __str__


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise LmfError(
            'pictures need matplotlib; install it with pip install "lmf[plot]"'
        ) from None
    return Figure

"""What happened in each epoch of a fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lmf.training import curves

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EpochRecord", "History"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: its number from 1, the objective after it, and what it took.

    ``relative_change`` is (before - after) / |before|, ``None`` in the first epoch;
    ``seconds`` is the time since the fit began; ``validation`` the error on held-out interactions
    or a caller's own, ``None`` where there is none; ``training`` the root mean
    squared error on the ratings learned from, ``None`` where they are no ratings.
    """

    epoch: int
    objective: float
    relative_change: float | None
    seconds: float
    validation: float | None = None
    training: float | None = None


@dataclass
class History:
    """The epochs of one fit, in order; reads like a list of :class:`EpochRecord`.

    Attributes
    ----------
    stopped : str
        Why the fit ended: ``"epochs"`` (all were run), ``"converged"`` (the objective fell by less
        than the tolerance), ``"early"`` (the validation error no longer fell), ``"callback"``,
        ``"interrupted"`` (Ctrl-C) or ``"checkpoint"`` (it could not be written).

    Examples
    --------
    >>> history = History([EpochRecord(1, 10.0, None, 0.1), EpochRecord(2, 9.0, 0.1, 0.2)])
    >>> [record.objective for record in history]
    [10.0, 9.0]
    >>> print(history)
    epoch      objective     change  seconds
        1             10                 0.1
        2              9    1.0e-01      0.2
    """

    records: list[EpochRecord] = field(default_factory=list)
    stopped: str = ""

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> EpochRecord:
        return self.records[index]

    def __iter__(self) -> Iterator[EpochRecord]:
        return iter(self.records)

    @property
    def best_epoch(self) -> int | None:
        """The number of the epoch with the lowest validation error; None without validation."""
        measured = [(r.validation, r.epoch) for r in self.records if r.validation is not None]
        return min(measured)[1] if measured else None

    def __str__(self) -> str:
        errors = [name for name in ("training", "validation") if self._tells(name)]
        header = "".join(f"  {name:>10}" for name in errors)
        lines = [f"epoch      objective     change  seconds{header}"]
        for record in self.records:
            change = "" if record.relative_change is None else f"{record.relative_change:.1e}"
            values = [getattr(record, name) for name in errors]
            told = "".join(" " * 12 if one is None else f"  {one:10.5f}" for one in values)
            lines.append(
                f"{record.epoch:5d} {record.objective:14.7g} {change:>10} {record.seconds:8.1f}"
                f"{told}"
            )
        return "\n".join(lines)

    def _tells(self, name: str) -> bool:
        return any(getattr(record, name) is not None for record in self.records)

    def to_frame(self) -> pl.DataFrame:
        """Return the epochs as a Polars frame: one column a field of a record."""
        import polars as pl

        schema = {
            "epoch": pl.Int64,
            "objective": pl.Float64,
            "relative_change": pl.Float64,
            "seconds": pl.Float64,
            "validation": pl.Float64,
            "training": pl.Float64,
        }
        return pl.DataFrame([asdict(record) for record in self.records], schema=schema)

    def plot(self, ax: Any = None) -> Any:
        """Draw the objective by epoch and, on a second axis, the validation error if there is one.

        The best epoch is marked, and the training error of ratings is drawn beside. Needs the extra
        ``plot`` (``pip install "lmf[plot]"``).

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if absent.

        Returns
        -------
        matplotlib Axes
            That of the objective; ``.figure.savefig("history.png")`` writes the picture.

        Raises
        ------
        InputError
            If there are no epochs.
        ParameterError
            If `ax` is something else.
        LmfError
            If matplotlib is not installed.
        """
        return curves.draw(self, ax)

    def sketch(self, width: int = 32) -> str:
        """Sketch the curves as bars of text: objective, and validation error if there is one.

        Parameters
        ----------
        width : int
            Bars a line, at most.

        Examples
        --------
        >>> falling = [EpochRecord(n, 8.0 / n, None, 0.1 * n) for n in range(1, 7)]
        >>> print(History(falling).sketch())
        objective   █▄▂▁▁▁  8 → 1.33333
        """
        return curves.sketch(self, width)

    def to_json(self) -> str:
        """Return the history as JSON, as it is kept in a saved model."""
        return json.dumps({"stopped": self.stopped, "records": [asdict(r) for r in self.records]})

    @classmethod
    def from_json(cls, text: str) -> History:
        """Make the history that :meth:`to_json` wrote."""
        content = json.loads(text)
        records = [EpochRecord(**record) for record in content["records"]]
        return cls(records, content["stopped"])

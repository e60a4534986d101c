"""The line that shows a fit is moving: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from lmf.training.curves import sparkline
from lmf.training.history import EpochRecord

if TYPE_CHECKING:
    import rich.progress

__all__ = ["Progress", "wants_progress"]

_CURVE = 8  # the last epochs that the bar shows as a curve


def wants_progress(progress: bool | None) -> bool:
    """Resolve ``progress=None``: yes on a terminal, no where nobody watches."""
    return _on_terminal() if progress is None else progress


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()  # None under pythonw and some services


class Progress:
    """Shows epochs on standard error; a context manager.

    Parameters
    ----------
    epochs : int
        How many epochs there will be at most.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._bar = _bar() if _on_terminal() else None
        self._objectives: list[float] = []

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("fitting", total=self.epochs, told="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, record: EpochRecord) -> None:
        """Show one more epoch."""
        change = "" if record.relative_change is None else f"{-record.relative_change:+.2%}"
        error = "" if record.training is None else f"  training {record.training:.4g}"
        error += "" if record.validation is None else f"  validation {record.validation:.4g}"
        if self._bar is not None:
            self._objectives.append(record.objective)
            curve = sparkline(self._objectives[-_CURVE:])
            told = f"objective {record.objective:,.6g} {change}{error} {curve}"
            self._bar.update(self._task, completed=record.epoch, told=told)
            return
        print(
            f"epoch {record.epoch}/{self.epochs}  objective {record.objective:.7g}"
            f"  {change:>8}  {record.seconds:.1f} s{error}",
            file=sys.stderr,
            flush=True,
        )


def _bar() -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("epochs · {task.fields[told]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

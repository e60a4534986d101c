"""Where the picture of a fit goes."""

from __future__ import annotations

from pathlib import Path

from lmf import drawing
from lmf.cli.failures import CommandError
from lmf.cli.output import check_writable
from lmf.store.atomic import replacing
from lmf.training.history import History

__all__ = ["HistoryPlot"]

_ENDINGS = (".png", ".svg", ".pdf")


class HistoryPlot:
    """A file for the picture of a history, refused early where it cannot be written.

    Raises
    ------
    CommandError
        Unknown ending, or a place that cannot be written.
    LmfError
        If matplotlib is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in _ENDINGS:
            known = ", ".join(_ENDINGS)
            raise CommandError(f"{path}: no picture ends in {self.path.suffix!r} ({known})")
        check_writable(self.path, devices=False)
        drawing.matplotlib()

    def write(self, history: History) -> None:
        """Draw; the old file stands until the new one is complete.

        Raises
        ------
        CommandError
            If the model learned without epochs.
        """
        from matplotlib.figure import Figure  # not pyplot, which looks for a screen

        if not len(history):
            raise CommandError(
                "--plot has nothing to draw: this model is found without epochs; it is saved"
            )
        with drawing.style():
            figure = Figure(figsize=(6, 3.4), layout="constrained")
        history.plot(ax=figure.subplots())
        form = self.path.suffix.lower().removeprefix(".")
        with drawing.style(), replacing(self.path) as file:
            figure.savefig(file, format=form, dpi=150)

"""What a row of the table is, and how one is run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from benchmarks.places import ROOT
from benchmarks.trust import record

Figures = dict[str, Any]
NOT_MEASURED = 77  # what a command exits with that cannot run here and has said why


@dataclass(frozen=True)
class Row:
    """A promise and how it is measured.

    Attributes
    ----------
    name : str
        Of the row and of its file of figures, such as ``"kill-fit"``.
    promise : str
        One sentence.
    how : str
        What is done to the promise, in a sentence.
    command : str
        What measures it, from the project's root; ``python`` stands for this interpreter. It
        leaves figures by ``record(name, {...})`` and exits with 0 where the promise held.
    figure : callable
        From the recorded figures to the text of the table.
    resumes : bool
        Whether a run in full form adds to the figures of earlier ones; such a command ends its
        record by itself (`record.end`), also when it is called without this row.
    """

    name: str
    promise: str
    how: str
    command: str
    figure: Callable[[Figures], str]
    resumes: bool = False

    def run(self, *, full: bool) -> bool:
        """Measure; whether the promise held. Figures of an earlier run are gone, but where they are
        added to, or where the command could not run at all (`NOT_MEASURED`): then they stand, and
        nothing was broken.
        """
        form, resumes = "full" if full else "short", full and self.resumes
        if not resumes:
            record.begin(self.name, form)
        words = [sys.executable if one == "python" else one for one in shlex.split(self.command)]
        started = perf_counter()
        done = subprocess.run(words, cwd=ROOT, env=os.environ | {"LMF_TRUST": form}, check=False)
        if done.returncode == NOT_MEASURED:
            if not resumes:
                record.undo(self.name, form)
            return True
        held = done.returncode == 0
        if not resumes:
            record.end(self.name, form, held=held, seconds=perf_counter() - started)
        return held

    def told(self, *, full: bool) -> dict[str, Any] | None:
        """The row of the table from its last run in this form, or None."""
        found = record.read(self.name, "full" if full else "short")
        if found is None or "held" not in found:
            return None
        try:
            figure = self.figure(found["figures"])
        except (KeyError, TypeError, ValueError):
            figure = "no figures"
        return {
            "row": self.name,
            "promise": self.promise,
            "figure": figure if found["held"] else f"NOT HELD: {figure}",
            "how": self.how,
            "command": f"LMF_TRUST={found['form']} {self.command}",
            "held": found["held"],
            "seconds": found["seconds"],
            "date": found["date"],
        }

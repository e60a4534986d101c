"""How much memory a piece of work took at its peak, as the kernel counted it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from lmf import _native

__all__ = ["PeakMemory"]

_PROCESS = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5), clear_refs: the peak becomes the present size


class PeakMemory:
    """Measures its block; of the whole process, so nothing else should run in it meanwhile.

    Attributes
    ----------
    megabytes : float or None
        The peak of resident memory less what was resident before, in MB (10^6 bytes). What earlier
        work had freed is given back to the system first, as far as it can be, so that it does not
        serve unseen. None where the system does not tell: it takes Linux.

    Examples
    --------
    >>> import numpy as np
    >>> with PeakMemory() as peak:
    ...     total = np.ones(10_000_000).sum()
    >>> peak.megabytes is None or 70 < peak.megabytes < 200
    True
    """

    megabytes: float | None = None

    def __enter__(self) -> Self:
        _native.release_free_memory()
        try:
            (_PROCESS / "clear_refs").write_text(_RESET_PEAK)
            self._before: float | None = _status("VmRSS")
        except OSError:
            self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        peak = None if self._before is None else _status("VmHWM")
        if peak is not None and self._before is not None:
            self.megabytes = max(0.0, peak - self._before)


def _status(name: str) -> float | None:
    """Return a size of this process, in MB."""
    try:
        lines = (_PROCESS / "status").read_text().splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith(name + ":")), None)
    return None if kib is None else int(kib) * 1024 / 1e6

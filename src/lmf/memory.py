"""How much memory the machine has, and how much of it this process may still take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Memory", "memory"]

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


@dataclass(frozen=True)
class Memory:
    """What there is, in bytes.

    Attributes
    ----------
    whole : int
        Of the machine.
    free : int or None
        What new work may take without swapping, as the kernel sees it; None where it does not tell.
    limit, used : int or None
        Of the control group (a container's limit), and what it has taken; None without a limit.
    """

    whole: int
    free: int | None = None
    limit: int | None = None
    used: int | None = None

    @property
    def available(self) -> int:
        """What may still be taken, by all of these.

        Examples
        --------
        >>> Memory(16 << 30, 8 << 30, limit=4 << 30, used=1 << 30).available == 3 << 30
        True
        """
        most = self.whole if self.free is None else self.free
        return most if self.limit is None else min(most, self.limit - (self.used or 0))


def memory() -> Memory:
    """Look at what there is now.

    Examples
    --------
    >>> 0 < memory().available <= memory().whole
    True
    """
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, used = _of_group()
    if limit is not None and limit >= whole:
        limit = used = None
    return Memory(whole, _free(), limit, used)


def _free() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration, ValueError):
        return None


def _of_group() -> tuple[int | None, int | None]:
    for limit, used in _CGROUPS:
        try:
            texts = [Path(place).read_text().strip() for place in (limit, used)]
        except OSError:
            continue
        if all(text.isdigit() for text in texts):
            return int(texts[0]), int(texts[1])
        return None, None  # "max"
    return None, None

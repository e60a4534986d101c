"""Cases run in a process of their own, watched from outside: one that dies or hangs is a finding.

A case has a number and nothing else, so a finding can be run again: `run(task, [number])`. The
worker leaves the number at hand in shared memory; when it dies, or stays at one number too
long, the watcher notes it and starts another behind it. What it takes to get ready (imports, fits)
is no case, and counts for none.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time
from typing import Any

__all__ = ["Outcome", "run"]

Case = Callable[[int], str]

GETTING_READY = 120.0  # processor seconds until the first case
ASLEEP = 20.0  # seconds without a thread that would run: whoever sleeps so long waits for ever


@dataclass
class Outcome:
    """What came of the cases.

    Attributes
    ----------
    cases : int
        How many were run.
    answers : dict
        What a case said to how many said it, such as ``"refused"``.
    findings : dict
        Number of a case to what was wrong; those beyond the first hundred are only counted.
    deaths, hangs, wrong : int
        Cases that ended their process, that took too long, and that said ``"WRONG: ..."``.
    slowest : float
        Processor seconds of the slowest case.
    """

    cases: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    findings: dict[int, str] = field(default_factory=dict)
    deaths: int = 0
    hangs: int = 0
    wrong: int = 0
    slowest: float = 0.0

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "cases": self.cases,
            "deaths": self.deaths,
            "hangs": self.hangs,
            "wrong": self.wrong,
            "slowest_s": round(self.slowest, 3),
            "answers": dict(sorted(self.answers.items(), key=lambda pair: -pair[1])[:30]),
            "findings": {str(number): told for number, told in self.findings.items()},
        }

    @property
    def held(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.deaths or self.hangs or self.wrong)

    def note(self, number: int, told: str) -> None:
        """Keep a finding."""
        if len(self.findings) < 100:
            self.findings[number] = told[:2000]


def run(
    make: Callable[[], Case],
    first: int,
    last: int,
    *,
    patience: float,
    n_workers: int = 0,
    at_a_time: int = 2000,
    after: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Run cases first..last-1 in worker processes.

    Parameters
    ----------
    make : callable
        Called once in each worker; what it returns is called with the number of each case and
        says in a word or two what came of it. ``WRONG: ...`` is a finding, and so is an exception.
    first, last : int
        The numbers.
    patience : float
        Processor seconds that a case may take.
    n_workers : int
        At a time; 0: as many as there are processors.
    at_a_time : int
        Cases of one process, at most: what a case leaves behind, the next ones find.
    after : callable
        Given the outcome so far whenever a process is at its end.
    """
    outcome = Outcome()
    n_workers = n_workers or len(os.sched_getaffinity(0))
    size = max(1, min(at_a_time, -(-(last - first) // n_workers)))
    chunks = [(at, min(at + size, last)) for at in range(first, last, size)][::-1]
    going: list[_Worker] = []
    while chunks or going:
        while chunks and len(going) < n_workers:
            going.append(_Worker(make, *chunks.pop()))
        ready = multiprocessing.connection.wait([worker.inbox for worker in going], 0.2)
        for worker in list(going):
            if worker.inbox in ready:
                ended = worker.take(outcome)
            else:
                ended = worker.hangs(patience)
                if ended:
                    worker.end(signal.SIGKILL)
                    outcome.hangs += 1
                    outcome.note(worker.at.value, f"over {patience} s of processor time")
            if ended:
                if worker.at.value < worker.first:
                    raise SystemExit(f"the cases cannot even be begun: {outcome.findings}")
                going.remove(worker)
                outcome.cases += worker.at.value - worker.first + (1 if not worker.done else 0)
                if not worker.done and worker.at.value + 1 < worker.last:
                    chunks.append((worker.at.value + 1, worker.last))
                after(outcome)
    return outcome


class _Worker:
    def __init__(self, make: Callable[[], Case], first: int, last: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork inherits locks of busy threads
        self.first, self.last, self.done = first, last, False
        self.at = context.Value("q", first - 1, lock=False)
        self.inbox, outbox = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(make, first, last, self.at, outbox))
        self.process.start()
        outbox.close()
        self._seen = (first - 1, self._seconds())
        self._awake = (monotonic(), self._seconds())

    def take(self, outcome: Outcome) -> bool:
        """Read one message; whether the worker is at its end."""
        try:
            kind, number, told = self.inbox.recv()
        except (EOFError, OSError):
            self.end()
            outcome.deaths += 1
            outcome.note(self.at.value, f"ended with {self.process.exitcode}")
            return True
        if kind == "broken":
            raise SystemExit(f"the cases cannot even be begun: {told}")
        if kind == "wrong":
            outcome.wrong += 1
            outcome.note(number, told)
            return False
        self.done = True
        self.at.value = self.last
        outcome.slowest = max(outcome.slowest, told.pop("slowest"))
        for answer, count in told.items():
            outcome.answers[answer] = outcome.answers.get(answer, 0) + count
        self.end()
        return True

    def hangs(self, patience: float) -> bool:
        """Whether it has been at the same case for too long, in processor time, or asleep."""
        number, used = self._seen
        seconds = self._seconds()
        if self.at.value != number:
            self._seen = (self.at.value, seconds)
        # Somebody who waits for a processor that others have is no more asleep than one at work.
        if self.at.value != number or seconds > self._awake[1] or self._is_awake():
            self._awake = (monotonic(), seconds)
        if self.at.value != number:
            return False
        allowed = patience if number >= self.first else GETTING_READY
        return seconds - used > allowed or monotonic() - self._awake[0] > ASLEEP

    def end(self, signal_number: int | None = None) -> None:
        """Reap the process, killed first if a signal is given."""
        if signal_number and self.process.pid:
            os.kill(self.process.pid, signal_number)
        self.process.join()
        self.inbox.close()

    def _fields(self) -> list[str]:
        try:
            with open(f"/proc/{self.process.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()
        except OSError:
            return ["Z", *["0"] * 20]

    def _seconds(self) -> float:
        fields = self._fields()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _is_awake(self) -> bool:
        """Whether a thread runs, waits for a processor or a disk, or was stopped from outside."""
        for stat in Path(f"/proc/{self.process.pid}/task").glob("*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rpartition(")")[2].split()[0] in "RDT":
                    return True
        return False


def _work(make: Callable[[], Case], first: int, last: int, at: Any, outbox: Any) -> None:
    try:
        case = make()
    except BaseException as error:
        outbox.send(("broken", first, f"{type(error).__name__}: {error}"))
        raise
    answers: dict[str, Any] = {}
    slowest = 0.0
    for number in range(first, last):
        at.value = number
        started = process_time()
        try:
            told = case(number)
        except BaseException as error:
            told = f"WRONG: {type(error).__name__}: {error}"
        slowest = max(slowest, process_time() - started)
        if told.startswith("WRONG"):
            outbox.send(("wrong", number, told))
            told = "wrong"
        answers[told] = answers.get(told, 0) + 1
    outbox.send(("done", last, {**answers, "slowest": slowest}))

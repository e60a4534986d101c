"""One library in one process, training one epoch on request.

    python -m benchmarks.speed.worker        (started by `epoch`, under the library's interpreter)

Line-based JSON, one answer a request:

    {"contender", "matrix", "problem"}  ->  {"ready", "versions", "warmup_seconds"}
    {"do": "epoch"}                     ->  {"seconds", "cpu_seconds"}   (problem.epochs − 1 times)
    {"do": "finish"}                    ->  {"objective", "peak_memory_mib"}

Libraries that only offer a whole `fit` are held inside their per-epoch callback until the next
request comes, so that the epochs of all libraries can alternate.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import TextIO

from benchmarks.matrix import Matrix
from benchmarks.speed.contenders import CONTENDERS, Problem, restrict_to, version
from benchmarks.speed.objective import objective


class Conversation:
    """Requests from stdin, answers to what was stdout; anything a library prints goes to stderr."""

    def __init__(self) -> None:
        self._out: TextIO = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def hear(self) -> dict:
        line = sys.stdin.readline()
        if not line:
            sys.exit(1)  # the driver is gone
        return json.loads(line)

    def say(self, answer: dict) -> None:
        self._out.write(json.dumps(answer) + "\n")


class Stopwatch:
    """`tick()` ends an epoch, answers with its time and waits for the request for the next."""

    def __init__(self, conversation: Conversation, first_answer: dict) -> None:
        self._conversation = conversation
        self._first_answer = first_answer
        self._ticks = 0
        self._start = self._cpu_start = 0.0

    def tick(self) -> None:
        seconds = perf_counter() - self._start
        cpu_seconds = process_time() - self._cpu_start
        if self._ticks == 1:
            self._conversation.say(self._first_answer | {"warmup_seconds": seconds})
        elif self._ticks > 1:
            self._conversation.say({"seconds": seconds, "cpu_seconds": cpu_seconds})
        if self._ticks:
            self._conversation.hear()
        self._ticks += 1
        self._cpu_start = process_time()
        self._start = perf_counter()


def peak_memory_mib() -> int | None:
    """Of this process alone: `getrusage` would count the driver's memory at the fork too."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return round(int(kib) / 2**10) if kib else None


def main() -> None:
    conversation = Conversation()
    request = conversation.hear()
    contender, problem = CONTENDERS[request["contender"]], Problem(**request["problem"])
    restrict_to(problem.n_threads)
    matrix = Matrix.load(Path(request["matrix"]))
    stopwatch = Stopwatch(conversation, {"ready": True, "versions": version(contender)})

    # The request after the last epoch is "finish": train() returns, and the answer is below.
    users, items = contender.train(matrix, problem, stopwatch.tick)
    peak = peak_memory_mib()
    reached = objective(matrix, users, items, problem.unobserved_weight, problem.regularization)
    conversation.say({"objective": reached, "peak_memory_mib": peak})


if __name__ == "__main__":
    main()

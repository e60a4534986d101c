"""One library in one process, training on request.

    python -m benchmarks.speed.worker        (started by `runners`, under the library's interpreter)

Line-based JSON, one answer a request. The first says whom, on what, and whether the objective is
wanted after each epoch (`curve`); it is evaluated while the clock stands still.

    {"contender", "matrix", "problem", "curve"}  ->  {"versions", "warmup_seconds"}
    {"do": "epoch"}                              ->  {"seconds", "cpu_seconds"}
    {"do": "finish"}                             ->  {"objective", "residual", "peak_memory_mib"}

The first answer comes after the first epoch; there are `problem.epochs` in all. Libraries that only
offer a whole `fit` are held inside their per-epoch callback until the next request comes, so that
the epochs of all libraries can alternate. Those without a callback make whole fits instead:

    {"contender", ...}             ->  {"versions"}
    {"do": "fit", "epochs": n}     ->  {"seconds", "cpu_seconds"}
    {"do": "finish"}               ->  {"objective", "residual", "peak_memory_mib"}

With a curve each of these has "objective" too. {"failed": why} is the answer of a library that
cannot do it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import TextIO

from benchmarks.matrix import Matrix
from benchmarks.speed.contenders import CONTENDERS, Contender, restrict_to, version
from benchmarks.speed.objective import objective, residual
from benchmarks.speed.problem import Now, Problem

Judge = Callable[[Now | None], dict]  # what is said of factors: their objective, or nothing


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


class Clock:
    """Seconds since it was started, by the wall and of the processors."""

    def __init__(self) -> None:
        self._cpu = cpu_seconds()
        self._start = perf_counter()

    def read(self) -> dict:
        seconds = perf_counter() - self._start
        return {"seconds": seconds, "cpu_seconds": cpu_seconds() - self._cpu}


class Stopwatch:
    """`tick()` ends an epoch, answers with its time and waits for the request for the next."""

    def __init__(
        self, conversation: Conversation, first_answer: dict, judge: Judge = lambda _: {}
    ) -> None:
        self._conversation = conversation
        self._first_answer = first_answer
        self._judge = judge
        self._clock: Clock | None = None

    def tick(self, now: Now | None = None) -> None:
        if self._clock is not None:
            answer = self._clock.read()
            if self._first_answer:
                answer = self._first_answer | {"warmup_seconds": answer["seconds"]}
                self._first_answer = {}
            self._conversation.say(answer | self._judge(now))
            self._conversation.hear()
        self._clock = Clock()


def whole_fits(
    conversation: Conversation, judge: Judge, fit: Callable[[int], Now], epochs: int
) -> Now:
    """Answer requests for fits until "finish"; the factors are then those of `epochs`."""
    made: tuple[int, Now] | None = None
    while (request := conversation.hear())["do"] == "fit":
        clock = Clock()
        made = request["epochs"], fit(request["epochs"])
        conversation.say(clock.read() | judge(made[1]))
    return made[1] if made is not None and made[0] == epochs else fit(epochs)


def family() -> list[str]:
    """This process and those below it: Spark computes in a Java machine of its own."""
    found = [str(os.getpid())]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += task.read_text().split()
    return found


def cpu_seconds() -> float:
    """Processor seconds of the family so far."""
    ticks = 0
    for child in family()[1:]:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # utime, stime
    return process_time() + ticks / os.sysconf("SC_CLK_TCK")


def peak_memory_mib() -> int | None:
    """Of the family alone: `getrusage` would count the driver's memory at the fork too."""
    kib = 0
    for one in family():
        lines = Path(f"/proc/{one}/status").read_text().splitlines()
        kib += next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    return round(kib / 2**10) or None


def train(
    contender: Contender, matrix: Matrix, problem: Problem, judge: Judge, conversation: Conversation
) -> Now:
    """Train on request; returns when there is nothing more to be trained."""
    about = {"versions": version(contender)}
    if contender.fits is not None:
        fit = contender.fits(matrix, problem)
        conversation.say(about)
        return whole_fits(conversation, judge, fit, problem.epochs)
    # The request after the last epoch is "finish": train() returns.
    factors = contender.train(matrix, problem, Stopwatch(conversation, about, judge).tick)
    return lambda: factors


def main() -> None:
    conversation = Conversation()
    request = conversation.hear()
    contender, problem = CONTENDERS[request["contender"]], Problem(**request["problem"])
    restrict_to(problem.n_threads)
    matrix = Matrix.load(Path(request["matrix"]))

    weights = problem.unobserved_weight, problem.regularization

    def judged(now: Now | None) -> dict:
        return {} if now is None else {"objective": objective(matrix, *now(), *weights)}

    judge = judged if request["curve"] else lambda _: {}
    try:
        now = train(contender, matrix, problem, judge, conversation)
    except Exception as error:  # whatever it is, it belongs into the result
        conversation.say({"failed": f"{type(error).__name__}: {error}"})
        raise
    peak = peak_memory_mib()
    factors = now()
    told = {
        "objective": objective(matrix, *factors, *weights),
        "residual": residual(matrix, *factors, *weights),
    }
    conversation.say({"peak_memory_mib": peak, **told})


if __name__ == "__main__":
    main()

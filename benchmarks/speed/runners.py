"""Contenders as the driver sees them: processes that train an epoch on request (see `worker`).

A `Steps` trains epoch by epoch. A `Fits` has whole fits only: an epoch of it is the difference of
two fits by the difference of their epochs, so that what a fit costs before its first epoch does not
count.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from math import inf
from pathlib import Path
from statistics import linear_regression

from benchmarks.speed.contenders import CONTENDERS, OUR_NAME, Problem
from benchmarks.speed.turns import PAUSE, Player, short

#: Epochs by which the longer of the two fits of a `Fits` exceeds the shorter.
STEPS = 2
#: Seconds that a contender has for its imports, its form of the data and its starting factors.
SETUP = 240.0


class Runner(Player):
    """A contender, and `first`: what it answered when it was begun."""

    #: what `begin` measured
    probe = "its first epoch"

    def __init__(self, name: str, matrix: Path, problem: Problem, curve: bool) -> None:
        self.contender = CONTENDERS[name]
        peer, environment = self.contender.peer, self.contender.environment
        super().__init__(name, "benchmarks.speed.worker", peer, environment=environment)
        self._request = {
            "contender": name, "matrix": str(matrix), "problem": asdict(problem), "curve": curve
        }  # fmt: skip

    def begin(self, enough: float = inf) -> float:
        """Train a first epoch; return its seconds, of which more than `enough` are too many."""
        raise NotImplementedError

    def epoch(self) -> dict:
        """Return seconds and processor seconds of one epoch."""
        raise NotImplementedError

    def advance(self, epochs: int) -> None:
        """Bring the curve to so many epochs, if it has a point there."""
        raise NotImplementedError

    def curve(self) -> list[tuple[int, float, float]]:
        """Epochs, seconds of training and objective, from the first epoch on."""
        raise NotImplementedError

    def finish(self) -> dict:
        answer = self.ask(do="finish")
        self._process.wait(timeout=60)
        return answer

    def describe(self) -> dict:
        """What a result says of it."""
        described = {"contender": self.name, **self.contender.describe()}
        return described | {"versions": self.first["versions"]}


class Steps(Runner):
    def begin(self, enough: float = inf) -> float:  # noqa: ARG002
        self.first = self.ask(**self._request)
        self._points = [(self.first["warmup_seconds"], self.first.get("objective"))]
        return self.first["warmup_seconds"]

    def epoch(self) -> dict:
        return self.ask(do="epoch")

    def advance(self, epochs: int) -> None:
        while len(self._points) < epochs:
            answer = self.ask(do="epoch")
            self._points.append((answer["seconds"], answer["objective"]))

    def curve(self) -> list[tuple[int, float, float]]:
        points, seconds = [], 0.0
        for epochs, (more, reached) in enumerate(self._points, 1):
            seconds += more
            points.append((epochs, short(seconds), reached))
        return points


class Fits(Runner):
    #: Its curve has no others: each is a fit from the start.
    points = (1, 2, 4, 8, 16, 32, 64)

    def begin(self, enough: float = inf) -> float:
        self.first = self.ask(**self._request)
        self._fits: dict[int, dict] = {}
        whole = self.ask(do="fit", epochs=1)["seconds"]  # a warm-up too
        if whole > 2 * enough:
            self.probe = "a whole fit of one epoch"
            return whole
        return self.epoch()["seconds"]

    def epoch(self) -> dict:
        few, many = (self.ask(do="fit", epochs=epochs) for epochs in (1, 1 + STEPS))
        return {key: (many[key] - few[key]) / STEPS for key in ("seconds", "cpu_seconds")}

    def advance(self, epochs: int) -> None:
        if epochs in self.points:
            self._fits[epochs] = self.ask(do="fit", epochs=epochs)

    def curve(self) -> list[tuple[int, float, float]]:
        seconds = {epochs: fit["seconds"] for epochs, fit in self._fits.items()}
        before = setup_seconds(seconds)
        return [
            (epochs, short(max(fit["seconds"] - before, 0.0)), fit["objective"])
            for epochs, fit in self._fits.items()
        ]


def setup_seconds(fits: dict[int, float]) -> float:
    """What a fit of no epochs would take, by a straight line through fits of some: {epochs: s}."""
    if len(fits) < 2:
        return 0.0
    return max(linear_regression(list(fits), list(fits.values())).intercept, 0.0)


def begun(
    names: list[str], matrix: Path, problem: Problem, patience: float, curve: bool = False
) -> tuple[list[Runner], list[dict]]:
    """Start all contenders, ours first: those that are ready, and why the others are left out.

    Who takes more than `patience` times our seconds for its first epoch is not asked for more; that
    one measurement is kept. So is the reason of who cannot be installed or fails.
    """
    runners: list[Runner] = []
    left_out: list[dict] = []
    enough = inf
    try:
        for name in sorted(names, key=lambda name: name != OUR_NAME):
            kind = Fits if CONTENDERS[name].in_whole_fits else Steps
            absent = None
            try:
                runners.append(kind(name, matrix, problem, curve))
                runners[-1].limit = SETUP + (2 * enough if enough < inf else SETUP)
                time.sleep(PAUSE)
                seconds = runners[-1].begin(enough)
                runners[-1].limit = None
                if name == OUR_NAME:
                    enough = patience * seconds
                elif seconds > enough:
                    absent = _too_slow(runners[-1], seconds, seconds / enough, patience)
            except SystemExit as error:  # of an environment that cannot be made, or a lost player
                if name == OUR_NAME:
                    raise
                absent = _absent(name, str(error))
            if absent is not None:
                left_out.append(absent)
                stop_all([runner for runner in runners if runner.name == name])
                runners = [runner for runner in runners if runner.name != name]
    except BaseException:
        stop_all(runners)
        raise
    return runners, left_out


def stop_all(runners: list[Runner]) -> None:
    for runner in runners:
        runner.stop()


def _absent(name: str, why: str) -> dict:
    lines = why.strip().splitlines() or ["it did not start"]
    reason = [line for line in lines if "rror" in line or line == lines[-1]][-1].strip()
    return {"contender": name, **CONTENDERS[name].describe(), "reason": reason}


def _too_slow(runner: Runner, seconds: float, times: float, patience: float) -> dict:
    ratio = times * patience
    return runner.describe() | {
        "seconds": short(seconds),
        "by_ours": short(ratio),
        "reason": f"{runner.probe} took {ratio:.3g} times our first, more than {patience:g}: "
        "measured once",
    }

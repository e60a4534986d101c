"""Processes that take turns: each library lives in one of its own and answers request by request.

The driver asks A, B, C, A, B, C, ..., so that whatever disturbs the machine disturbs all alike. A
process is started once and keeps its imports and its data; between two turns there is a pause,
since idle thread pools spin for a while before they sleep.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from statistics import median
from types import MappingProxyType

from benchmarks.peers import python_of
from benchmarks.places import ROOT
from benchmarks.speed.contenders import restrict_to
from benchmarks.speed.worker import Conversation

PAUSE = 0.2
#: What an OpenBLAS is told about the processor it runs on; nobody is to be slowed down by it.
HINTS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
NOTHING: Mapping[str, str] = MappingProxyType({})


class PlayerLost(SystemExit):
    """A player that cannot go on, with the reason; who does not catch it ends with it."""


class Player:
    """A process that runs `python -m module name ...` in a peer's environment (None: our own)."""

    #: seconds that an answer may take
    limit: float | None = None

    def __init__(
        self, name: str, module: str, peer: str | None, *arguments: str,
        environment: Mapping[str, str] = NOTHING,
    ) -> None:  # fmt: skip
        self.name = name
        python = python_of(peer) if peer else sys.executable
        self._process = subprocess.Popen(
            [str(python), "-m", module, name, *arguments],
            cwd=ROOT,
            env={key: os.environ[key] for key in os.environ if key not in HINTS}
            | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def ask(self, **request: object) -> dict:
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            if not select.select([self._process.stdout], [], [], self.limit)[0]:
                self.stop()
                raise PlayerLost(f"{self.name}: no answer within {self.limit:.0f} seconds")
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PlayerLost(f"{self.name}: its process ended with {self._process.wait(60)}")
        answer = json.loads(line)
        if "failed" in answer:
            self.stop()
            raise PlayerLost(f"{self.name}: {answer['failed']}")
        return answer

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # a request that nobody read
                pipe.close()


def in_turns(
    players: list[Player], repeats: int, warm: bool = True, **request: object
) -> dict[str, list[dict]]:
    """Answers of each by name; with `warm`, a round before the first is not counted."""
    answers: dict[str, list[dict]] = {player.name: [] for player in players}
    for turn in range(0 if warm else 1, repeats + 1):
        for player in players:
            if len(players) > 1:
                time.sleep(PAUSE)
            answer = player.ask(**request)
            if turn:
                answers[player.name].append(answer)
    return answers


def serve(answer: Callable[..., dict], n_threads: int = 2) -> None:
    """Answer requests until the driver is gone (the child's side)."""
    restrict_to(n_threads)
    conversation = Conversation()
    while True:
        conversation.say(answer(**conversation.hear()))


def middle(answers: list[dict], key: str = "seconds") -> dict:
    """Median and all figures of one key, as a row of a result."""
    figures = [short(answer[key]) for answer in answers]
    return {key: short(median(figures)), f"all_{key}": figures}


def short(number: float) -> float:
    return float(f"{number:.4g}")


def ratio_of(ours: list[dict], theirs: list[dict], key: str = "seconds") -> float:
    """Median over the turns of theirs by ours."""
    pairs = zip(ours, theirs, strict=True)
    return short(median(their[key] / our[key] for our, their in pairs))

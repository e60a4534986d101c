"""Workers find the case that dies, that never ends and that sleeps for ever, and no other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import process_time, sleep

import pytest

from benchmarks.trust import malformed_calls, workers

pytestmark = pytest.mark.trust


def make() -> Callable[[int], str]:
    """Cases of which the third dies, the fifth works for ever and the seventh waits for ever."""

    def case(number: int) -> str:
        if number == 3:
            os.abort()
        while number == 5:
            pass
        if number == 7:
            threading.Event().wait()
        if number == 8:
            sleep(0.5)  # less than for ever
        return "well"

    return case


def test_deaths_and_hangs_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ASLEEP", 5.0)
    outcome = workers.run(make, 0, 10, patience=3.0, n_workers=1)
    assert (outcome.cases, outcome.deaths, outcome.hangs, outcome.wrong) == (10, 1, 2, 0)
    assert set(outcome.findings) == {3, 5, 7}
    assert outcome.answers == {"well": 2}  # of the one that came to its end
    assert not outcome.held


def make_slowly() -> Callable[[int], str]:
    """As long as many a case may take, and longer: imports, where others have the processor."""
    end = process_time() + 2
    while process_time() < end:
        pass
    return lambda number: "well"


def test_getting_ready_is_no_case() -> None:
    outcome = workers.run(make_slowly, 0, 3, patience=1.0, n_workers=1)
    assert outcome.held
    assert outcome.answers == {"well": 3}


def dead_at_once() -> Callable[[int], str]:
    os.abort()


def test_whoever_dies_while_getting_ready_ends_the_run() -> None:
    with pytest.raises(SystemExit, match="cannot even be begun"):
        workers.run(dead_at_once, 0, 3, patience=1.0, n_workers=1)


def test_a_question_of_more_than_two_seconds_is_told_by_processor_time() -> None:
    def busy() -> int:
        end = process_time() + 1.1 * malformed_calls.SECONDS
        while process_time() < end:
            pass
        return 0

    assert "of processor time" in malformed_calls.verdict(busy)
    assert malformed_calls.verdict(lambda: sleep(0.3)) == "answered"


def test_an_error_without_a_type_and_an_answer_that_is_not_finite_are_told() -> None:
    def bare() -> None:
        raise KeyError("x")

    assert "bare KeyError" in malformed_calls.verdict(bare)
    assert "not finite" in malformed_calls.verdict(lambda: float("nan"))

"""The loop of epochs: its stopping rules, its history, Ctrl-C at every place, progress."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from lmf.errors import LmfError
from lmf.training.history import EpochRecord
from lmf.training.loop import run_epochs


def steps(*objectives: float) -> Callable[[], float]:
    values: Iterator[float] = iter(objectives)
    return lambda: next(values)


def test_all_epochs_are_run() -> None:
    history = run_epochs(steps(8.0, 4.0, 3.0), epochs=3, tolerance=1e-3)
    assert [record.epoch for record in history] == [1, 2, 3]
    assert [record.objective for record in history] == [8.0, 4.0, 3.0]
    assert [record.relative_change for record in history] == [None, 0.5, 0.25]
    assert history.stopped == "epochs"


def test_seconds_rise() -> None:
    history = run_epochs(steps(3.0, 2.0, 1.0), epochs=3, tolerance=0)
    seconds = [record.seconds for record in history]
    assert seconds == sorted(seconds)
    assert 0 <= seconds[0] <= seconds[-1] < 10


@pytest.mark.parametrize(("tolerance", "epochs"), [(0.6, 2), (0.4, 3), (0.2, 4), (1e-9, 5)])
def test_too_little_progress_stops(tolerance: float, epochs: int) -> None:
    """Changes: one half, a third, a sixth, nothing."""
    history = run_epochs(steps(6.0, 3.0, 2.0, 5 / 3, 5 / 3), epochs=9, tolerance=tolerance)
    assert (len(history), history.stopped) == (epochs, "converged")


def test_a_tolerance_of_0_runs_all_epochs_though_rounding_raises_the_objective() -> None:
    history = run_epochs(steps(1.0, 1.0, 1.0000001, 1.0), epochs=4, tolerance=0)
    assert (len(history), history.stopped) == (4, "epochs")


def test_negative_objectives_converge_too() -> None:
    history = run_epochs(steps(-1.0, -2.0, -2.0), epochs=9, tolerance=1e-3)
    assert [record.relative_change for record in history] == [None, 1.0, 0.0]
    assert history.stopped == "converged"


def test_the_callback_sees_every_record_and_stops_the_fit() -> None:
    seen: list[EpochRecord] = []

    def callback(record: EpochRecord) -> bool:
        seen.append(record)
        return record.epoch == 3

    history = run_epochs(steps(*range(9, 0, -1)), epochs=9, tolerance=0, callback=callback)
    assert seen == list(history)
    assert (len(history), history.stopped) == (3, "callback")


def test_a_callback_that_returns_nothing_stops_nothing() -> None:
    history = run_epochs(steps(3.0, 2.0), epochs=2, tolerance=0, callback=lambda _: None)
    assert history.stopped == "epochs"


def test_errors_of_the_callback_pass_through() -> None:
    def callback(_: EpochRecord) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_epochs(steps(3.0, 2.0), epochs=2, tolerance=0, callback=callback)


@pytest.mark.parametrize("objective", [float("nan"), float("inf"), float("-inf")])
def test_an_objective_that_is_not_finite_is_an_error(objective: float) -> None:
    with pytest.raises(LmfError, match=r"epoch 2.*rescale"):
        run_epochs(steps(3.0, objective), epochs=2, tolerance=0)


def test_ctrl_c_in_the_first_epoch_passes_through() -> None:
    def step() -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_epochs(step, epochs=2, tolerance=0)


def test_ctrl_c_in_a_later_epoch_keeps_what_there_is() -> None:
    values = iter([3.0, 2.0])

    def step() -> float:
        try:
            return next(values)
        except StopIteration:
            raise KeyboardInterrupt from None

    history = run_epochs(step, epochs=9, tolerance=0)
    assert [record.objective for record in history] == [3.0, 2.0]
    assert history.stopped == "interrupted"


@pytest.mark.parametrize("epoch", [1, 2])
def test_ctrl_c_in_the_callback_keeps_what_there_is(epoch: int) -> None:
    def callback(record: EpochRecord) -> None:
        if record.epoch == epoch:
            signal.raise_signal(signal.SIGINT)

    history = run_epochs(steps(3.0, 2.0, 1.0), epochs=3, tolerance=0, callback=callback)
    assert (len(history), history.stopped) == (epoch, "interrupted")


def test_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    run_epochs(steps(8.0, 6.0), epochs=5, tolerance=0.5, progress=True)
    output = capsys.readouterr()
    assert output.out == ""
    first, second = output.err.splitlines()
    assert first.startswith("epoch 1/5  objective 8 ")
    assert second.startswith("epoch 2/5  objective 6 ")
    assert "-25.00%" in second


@pytest.mark.parametrize("progress", [None, False])
def test_nobody_is_shown_progress_unasked(
    progress: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    run_epochs(steps(8.0, 6.0), epochs=2, tolerance=0, progress=progress)
    assert capsys.readouterr() == ("", "")

"""Threads, fork, exit and Ctrl-C: no crash, no hang, no wrong bit.

LMF_TRUST=full interrupts every model 100 times, and measures how long the answer takes on ML-1M
with d = 128 where the data are.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import lmf
from benchmarks.trust.record import record
from tests.conftest import RunPython
from tests.trust.form import FULL, amount
from tests.trust.problems import MODELS, digest, fresh, small_data

pytestmark = pytest.mark.trust

INTERRUPTS = amount(2, 100)
TRAINED = [name for name in MODELS if name != "popularity"]
AT_ONCE = 16


def test_sixteen_fits_at_once() -> None:
    names = (TRAINED * 2)[:AT_ONCE]
    data = small_data()
    wanted = {name: digest(fresh(name).fit(data)) for name in names}
    rounds = amount(1, 25)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(rounds):
            found = list(pool.map(lambda name: digest(fresh(name).fit(data)), names))
            assert found == [wanted[name] for name in names]
    record("threads", {"fits_at_once": AT_ONCE, "rounds_of_fits": rounds})


def test_sixteen_threads_ask_one_model() -> None:
    model = fresh("weighted").fit(small_data())
    wanted = model.recommend(n=20)
    newcomer = model.recommend(history=[1, 2, 3])
    rounds = amount(2, 50)

    def ask(k: int) -> bool:
        if k % 2:
            return bool(model.recommend(n=20).equals(wanted))
        return bool(model.recommend(history=[1, 2, 3]).equals(newcomer))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(ask, range(AT_ONCE * rounds)))
    record("threads", {"questions_at_once": AT_ONCE, "questions": AT_ONCE * rounds})


def test_a_forked_child_fits_the_same(run_python: RunPython) -> None:
    """In a process without other threads, as a web server forks its workers."""
    forks = amount(3, 100)
    program = f"""
import os, warnings
from tests.trust.problems import digest, fresh, small_data
warnings.simplefilter("ignore")
data = small_data()
wanted = {{name: digest(fresh(name).fit(data)) for name in ("weighted", "biased, sgd", "bayesian")}}
for turn in range({forks}):
    child = os.fork()
    if not child:
        same = all(digest(fresh(name).fit(data)) == one for name, one in wanted.items())
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0, turn
    assert digest(fresh("weighted").fit(data)) == wanted["weighted"]
print("same")
"""
    assert run_python(program, timeout=600) == "same\n"
    record("threads", {"forks": forks})


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("dev", [False, True] if FULL else [False], ids=lambda dev: "dev" * dev)
def test_the_interpreter_exits_during_a_fit(name: str, dev: bool) -> None:
    """Daemon threads in the middle of native work neither hold up the end nor crash it."""
    exits = amount(1, 5)
    program = f"""
import threading, time
from tests.trust.problems import fresh, small_data
def fit():
    while True:
        fresh({name!r}, n_threads=2).fit(small_data(), progress=False)
small_data()
for _ in range(2):
    threading.Thread(target=fit, daemon=True).start()
time.sleep({{after}})
print(time.time(), flush=True)
"""
    worst = 0.0
    for turn in range(exits):
        done = _run(program.format(after=0.1 + 0.013 * turn), *(["-X", "dev"] if dev else []))
        over = time.time()
        assert (done.returncode, done.stderr) == (0, "")
        worst = max(worst, over - float(done.stdout))
    assert worst < 2
    figures = {"exits": exits, "worst_seconds": round(worst, 2)}
    record("threads", {"exits": {f"{name}, dev mode" if dev else name: figures}})


def test_the_interpreter_exits_during_questions() -> None:
    """Top-n and scores of pairs leave the GIL alone as fits do."""
    done = _run("""
import threading, time
from tests.trust.problems import fresh, small_data
model = fresh("weighted").fit(small_data())
def ask():
    while True:
        model.recommend(n=20)
        model.recommend(history=[1, 2, 3])
        model.predict(([1, 2, 3], [3, 2, 1]))
for _ in range(4):
    threading.Thread(target=ask, daemon=True).start()
time.sleep(0.3)
""")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_signal_handler_exits_during_a_kernel() -> None:
    """What the handler raises comes out of the kernel: SystemExit ends it with its code."""
    done = _run("""
import os, signal, sys, threading
import numpy as np
from lmf import _native
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
rows = np.random.default_rng(0).standard_normal((100_000, 128), dtype=np.float32)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
_native.topn(rows, rows, 10, n_threads=2)
print("the kernel was over first")
""")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_a_fork_while_another_thread_fits() -> None:
    """The child has no such thread, none of its locks, and fits and exits as ever."""
    done = _run(
        f"""
import os, sys, threading
from tests.trust.problems import digest, fresh, small_data
data = small_data()
wanted = {{name: digest(fresh(name).fit(data)) for name in ("weighted", "biased, sgd", "bayesian")}}
def fit():
    while True:
        fresh("weighted, d over most rows").fit(data)
threading.Thread(target=fit, daemon=True).start()
for turn in range({amount(5, 100)}):
    child = os.fork()
    if not child:
        sys.exit(any(digest(fresh(name).fit(data)) != one for name, one in wanted.items()))
    assert os.waitpid(child, 0)[1] == 0, turn
""",
        "-Wignore",  # Python 3.12 warns of a fork beside threads
    )
    assert (done.returncode, done.stderr) == (0, "")


def _run(program: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def ctrl_c(after: float) -> Iterator[dict[str, float]]:
    """Press Ctrl-C `after` seconds from now; when it was pressed comes in ``pressed``."""
    told: dict[str, float] = {}
    over = threading.Event()

    def press() -> None:
        if not over.wait(after):
            told["pressed"] = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()


def interrupted(model: lmf.Model, data: lmf.Interactions, after: float) -> float | None:
    """How long the fit took to answer; None where it was over before."""
    try:
        with ctrl_c(after) as told:
            try:
                model.fit(data)
            except KeyboardInterrupt:
                return time.perf_counter() - told["pressed"]
    except KeyboardInterrupt:  # pressed in the moment after the fit
        pass
    return None


@pytest.mark.parametrize("name", TRAINED)
def test_ctrl_c_at_any_moment(name: str) -> None:
    data, moments = small_data(), random.Random(name)
    started = time.perf_counter()
    wanted = digest(fresh(name).fit(data))
    seconds = time.perf_counter() - started
    hits = 0
    for _ in range(INTERRUPTS):
        model = fresh(name)
        hits += interrupted(model, data, moments.uniform(0, seconds)) is not None
        if model.is_fitted:
            model.factors_.checked()
            assert len(model.recommend(n=3)) > 0
        assert digest(fresh(name).fit(data)) == wanted, "the next fit has other bits"
    record("threads", {"interrupts": {name: {"pressed": INTERRUPTS, "in_a_fit": hits}}})


BIG: dict[str, lmf.Model] = {
    "weighted": lmf.WeightedMF(128, tolerance=0, epochs=999),
    "weighted, observed only": lmf.WeightedMF(128, unobserved_weight=0, tolerance=0, epochs=999),
    "biased, als": lmf.BiasedMF(128, tolerance=0, epochs=999),
    "biased, sgd": lmf.BiasedMF(128, solver="sgd", tolerance=0, epochs=999),
    "biased, adagrad": lmf.BiasedMF(128, solver="adagrad", tolerance=0, epochs=999),
    "biased, adam": lmf.BiasedMF(128, solver="adam", tolerance=0, epochs=999),
    "svd++": lmf.SVDPlusPlus(128, tolerance=0, epochs=999),
    "nmf": lmf.NMF(128, unobserved_weight=0.1, tolerance=0, epochs=999),
    "bayesian": lmf.BayesianMF(128, samples=3, burn_in=999),
    "pure svd": lmf.PureSVD(128, tolerance=1e-9),
    "bias only": lmf.BiasOnly(),
}


@pytest.mark.skipif(not FULL, reason="minutes long: LMF_TRUST=full")
@pytest.mark.parametrize("name", BIG)
def test_ctrl_c_is_answered_within_a_second(name: str, ml_1m: lmf.Interactions) -> None:
    """After an epoch has begun, so that there is something to put in order."""
    moments, worst, hits = random.Random(name), 0.0, 0
    _ = ml_1m.by_item
    for _turn in range(20):
        model = type(BIG[name])(**BIG[name].get_params())
        took = interrupted(model, ml_1m, moments.uniform(0.05, 4.0))
        hits += took is not None
        worst = max(worst, took or 0.0)
    record("threads", {"answer": {name: {"hits": hits, "worst_seconds": round(worst, 3)}}})
    assert worst < 1.0

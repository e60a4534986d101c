"""``kill -9`` at random moments of a fit: it goes on to the same bits, one epoch lost at most.

Each process goes on from what the one killed before it left, until the fit is over and another
begins; so fits that were resumed are killed, too. LMF_TRUST=full kills 200 times a model.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lmf
from benchmarks.trust.record import record
from lmf.store import describe
from tests.trust.form import amount
from tests.trust.problems import MODELS, digest, fresh, small_data

pytestmark = pytest.mark.trust

KILLS = amount(3, 200)
TRAINED = [name for name in MODELS if name != "popularity"]  # which has no epochs

# A process that forks a fitter for each line it is given: importing anew takes too long. The
# fitter writes a byte an epoch, unbuffered, before the checkpoint is written.
FITTERS = """
import os, signal, sys
from tests.trust.problems import fresh, small_data
name, checkpoint, epochs = sys.argv[1:]
data = small_data()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if not child:
        seen = os.open(epochs, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        fresh(name).fit(data, checkpoint=checkpoint, checkpoint_every=0, resume=True,
                        callback=lambda record: os.write(seen, b"e") != 1)
        os._exit(0)
    print(child, flush=True)
"""


@pytest.fixture
def fitters(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    name = request.param
    process = subprocess.Popen(
        [sys.executable, "-c", FITTERS, name, str(tmp_path / "fit"), str(tmp_path / "epochs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    yield name, process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("fitters", TRAINED, indirect=True)
def test_a_killed_fit_goes_on_to_the_same_bits(
    tmp_path: Path, fitters: tuple[str, subprocess.Popen[str]]
) -> None:
    name, process = fitters
    data, checkpoint, epochs = small_data(), tmp_path / "fit", tmp_path / "epochs"
    wanted = digest(fresh(name).fit(data))
    started = time.perf_counter()
    fresh(name).fit(data, checkpoint=tmp_path / "whole", checkpoint_every=0)
    seconds = time.perf_counter() - started
    last = _epoch(tmp_path / "whole")
    moments = random.Random(name)
    before, lost, cut_short = 0, 0, 0
    for _ in range(KILLS):
        epochs.unlink(missing_ok=True)
        _kill(process, moments.uniform(0, 1.2 * seconds))
        now = _epoch(checkpoint)
        passed = before + (epochs.stat().st_size if epochs.exists() else 0)
        assert before <= now, "the checkpoint went back"
        assert 0 <= passed - now <= 1, f"{passed} epochs were done, {now} are kept"
        lost = max(lost, passed - now)
        cut_short += now < last
        if checkpoint.exists():
            shutil.copy(checkpoint, tmp_path / "copy")
        resumed = fresh(name).fit(data, checkpoint=tmp_path / "copy", resume=True)
        assert digest(resumed) == wanted
        (tmp_path / "copy").unlink()
        before = now
        if now == last:  # the next one begins from nothing
            checkpoint.unlink()
            before = 0
    assert cut_short >= KILLS // 5, "hardly any kill hit a fit: nothing was tested"
    record("kill-fit", {name: {"kills": KILLS, "cut_short": cut_short, "epochs_lost": lost}})


def _kill(process: subprocess.Popen[str], after: float) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    child = int(process.stdout.readline())
    time.sleep(after)
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:  # it was done
        return
    while True:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.001)


def _epoch(checkpoint: Path) -> int:
    """The last epoch of a checkpoint; 0 where there is none."""
    if not checkpoint.exists():
        return 0
    return int(describe(checkpoint).arrays["history.epoch"][1][0])


def test_a_checkpoint_is_no_model(tmp_path: Path) -> None:
    fresh("bias only").fit(small_data(), checkpoint=tmp_path / "fit")
    with pytest.raises(lmf.errors.ModelFileError, match="checkpoint of an unfinished fit"):
        lmf.load(tmp_path / "fit")

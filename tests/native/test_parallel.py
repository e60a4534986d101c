"""Teams of threads (native/parallel.hpp, native/team.hpp) where the system gives none."""

from __future__ import annotations

import pytest

from tests.conftest import RunPython

# A thread's stack is given 256 MiB of addresses, and the process 128 MiB beyond what it has: room
# for small fits and for no thread. glibc reads the size of stacks when a program starts.
PROGRAM = """
import os, resource, sys, threading
stack, room = 256 << 20, 128 << 20
now, most = resource.getrlimit(resource.RLIMIT_STACK)
if now != stack:
    try:
        resource.setrlimit(resource.RLIMIT_STACK, (stack, most))
    except ValueError:
        print("no such stacks here")
        sys.exit()
    os.execv(sys.executable, sys.orig_argv)

import numpy as np
from lmf import _native
from tests.trust.problems import MODELS, digest, fresh, small_data

data = small_data()
_ = data.by_item
matrix = np.random.default_rng(0).standard_normal((300, 300))
matrix += matrix.T

def found():
    fits = [digest(fresh(name, n_threads=4).fit(data)) for name in MODELS]
    return fits, [array.tobytes() for array in _native.eigen_symmetric(matrix, 4)]

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + room, limits[1]))
try:
    threading.Thread(target=print).start()
    sys.exit("a thread was to be had")
except RuntimeError:
    pass
alone = found()
resource.setrlimit(resource.RLIMIT_AS, limits)
threading.Thread(target=int).start()
assert found() == alone
print("the same")
"""


def test_without_threads_the_caller_does_the_work(run_python: RunPython) -> None:
    """Every fit, and the team that stays together, with the bits of four threads."""
    told = run_python(PROGRAM, timeout=300, OPENBLAS_NUM_THREADS="1")
    if told == "no such stacks here\n":
        pytest.skip("the hard limit of stacks is below 256 MiB")
    assert told == "the same\n"

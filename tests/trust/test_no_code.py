"""No code in data: nothing in the package makes code of data, and loading hears of none.

LMF_TRUST=full listens while 20,000 files are loaded that were mutated by somebody who knows the
format, beside good ones of every model and of every trainer's checkpoint.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.trust.record import record
from tests import test_house
from tests.conftest import RunPython
from tests.trust.form import amount

pytestmark = pytest.mark.trust

MUTATED = amount(200, 20_000)

# Everything is done once before the hook is there: what is imported late is not the file's doing.
LISTENER = """
import sys
from benchmarks.trust.file_trial import Trial
from tests.store.tampering import tampered, with_length
trial = Trial()
good = trial.contents
for content in [*good, *(tampered(good, number) for number in range(200))]:
    trial(content)
watched = ("import", "exec", "compile", "code.", "marshal.", "pickle.", "ctypes.", "subprocess.",
           "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.", "socket.")
heard = []
def hear(event, arguments):
    if event.startswith(watched):
        heard.append((event, repr(arguments)[:200]))
sys.addaudithook(hear)
models = refused = 0
def spelled(content, spell):  # so that json, were it to guess the encoding, imported a codec
    size = int.from_bytes(content[:8], "little")
    return with_length(spell(content[8 : 8 + size]), content[8 + size :])
spells = [lambda t: b"\\xef\\xbb\\xbf" + t, lambda t: bytes(c for b in t for c in (b, 0)),
          lambda t: bytes(c for b in t for c in (0, 0, 0, b))]
files = [*good, *(spelled(good[0], spell) for spell in spells)]
for content in [*files, *(tampered(good, number) for number in range({mutated}))]:
    told = trial(content)
    assert not heard, (told, heard)
    assert not told.startswith("WRONG"), told
    models += told.startswith(("a model", "a checkpoint"))
    refused += told.startswith("refused")
compile("1", "x", "eval")
assert heard, "the hook hears nothing"
print(len(files), models, refused)
"""


def test_no_file_of_the_package_makes_code_of_data() -> None:
    for path in test_house.MODULES:
        test_house.test_no_code_in_data(path)
    record("no-code", {"files_searched": len(test_house.MODULES), "found": 0})


@pytest.mark.parametrize(
    "bad",
    [
        *("import pickle", "import joblib", "from pickle import loads", "import os, marshal"),
        *("def f(x): return eval(x)", "exec('1')", "compile('1', '', 'eval')", "__import__('os')"),
        *("np.load(path, allow_pickle=True)", "f(path, allow_pickle=False)", "os.system('true')"),
    ],
)
def test_the_search_finds_what_it_is_for(bad: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(bad)
    with pytest.raises(AssertionError):
        test_house.test_no_code_in_data(tmp_path / "bad.py")


def test_loading_is_silent_under_an_audit_hook(run_python: RunPython) -> None:
    """Loading, and what follows it: answers of the model, a fit that goes on from the file."""
    told = run_python(LISTENER.replace("{mutated}", str(MUTATED)), timeout=3600)
    files, models, refused = map(int, told.split())
    assert models >= files - 3 > 0  # all but those whose header is spelled otherwise
    assert refused > MUTATED / 10
    record(
        "no-code",
        {"loads": files + MUTATED, "loaded": models, "refused": refused, "events": 0},
    )  # fmt: skip

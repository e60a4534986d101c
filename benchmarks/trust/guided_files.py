"""Hostile model files made by atheris: a mutation that reached something new is mutated further.

    python -m benchmarks.trust.guided_files FOLDER RUNS SEED     what `run` starts, and watches

Half the mutations are libFuzzer's own, which know bytes; half are those of
tests/store/tampering.py, which keep the checksums right. Everything between the file and the
model's answer is instrumented: the functions of the store, the models, the ids, the checkpoint.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.places import CACHE, ROOT
from benchmarks.trust.file_trial import SECONDS, Trial
from tests.store.tampering import tampered

GUIDED = ("lmf.store", "lmf.models", "lmf.data.vocabulary", "lmf.data.csr", "lmf.factors",
          "lmf.training", "lmf.validation", "lmf.state")  # fmt: skip
_MOST_BYTES = 1 << 15
_MOST_STARTS = 20
_PROGRESS = re.compile(r"#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)/")
_DEATHS = {-signal.SIGPROF: f"over {SECONDS} s of processor time"}


def run(runs: int) -> dict[str, Any]:
    """Try `runs` files; the figures, with the findings and where their files are.

    A process that ends before its time leaves the file that it died of; another goes on.
    """
    figures: dict[str, Any] = {"cases": 0, "answers": {}, "findings": {}, "starts": 0}
    kept = CACHE / "trust" / "hostile-files"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus").mkdir()
        while (left := runs - figures["cases"]) > 0 and figures["starts"] < _MOST_STARTS:
            figures["starts"] += 1
            words = ["-W", "ignore", "-m", "benchmarks.trust.guided_files"]
            command = [sys.executable, *words, name, str(left), str(figures["starts"])]
            with open(folder / "log", "w") as log:
                process = subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log)
                code = process.wait()
            told = json.loads((folder / "told").read_text()) if (folder / "told").exists() else {}
            (folder / "told").unlink(missing_ok=True)
            _add(figures, told, (folder / "log").read_text(errors="replace"))
            for path in (folder / "wrong").glob("*"):
                kept.mkdir(parents=True, exist_ok=True)
                figures["findings"][path.name] = (folder / "words" / path.name).read_text()
                path.rename(kept / path.name)
            fatal = Path("/dev/shm", f"lmf-hostile-{process.pid}.lmf")
            if code:
                name_of_it = f"start-{figures['starts']}"
                figures["findings"][name_of_it] = _DEATHS.get(code, f"ended with {code}")
                if fatal.exists():
                    kept.mkdir(parents=True, exist_ok=True)
                    (kept / name_of_it).write_bytes(fatal.read_bytes())
            fatal.unlink(missing_ok=True)
    return figures


def _add(figures: dict[str, Any], told: dict[str, int], log: str) -> None:
    for answer, count in told.items():
        figures["answers"][answer] = figures["answers"].get(answer, 0) + count
    lines = [[int(one) for one in match.groups()] for match in _PROGRESS.finditer(log)]
    if not lines:
        raise SystemExit(f"atheris did not begin:\n{log[-2000:]}")
    figures["cases"] += sum(told.values()) or lines[-1][0]
    figures.setdefault("coverage_of_good_files", lines[0][1])
    figures["coverage"] = max(lines[-1][1], figures.get("coverage", 0))
    figures["features"] = max(lines[-1][2], figures.get("features", 0))
    figures["corpus"] = lines[-1][3]


def fuzz(folder: Path, runs: int, seed: int) -> None:
    """Be the process that atheris runs in; it does not return."""
    import atheris

    trial = Trial()
    for number, content in enumerate(trial.contents):
        (folder / "corpus" / f"good-{number}").write_bytes(content)
    _instrument(atheris)
    trial.confine()
    answers: dict[str, int] = {}
    for name in ("wrong", "words"):
        (folder / name).mkdir(exist_ok=True)

    def one(content: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # whose signal ends the process
        try:
            told = trial(content)
        except Exception as error:
            told = f"WRONG: {type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        if told.startswith("WRONG"):
            name = f"{seed}-{sum(answers.values())}"
            (folder / "wrong" / name).write_bytes(content)
            (folder / "words" / name).write_text(told)
            told = "wrong"
        answers[told] = answers.get(told, 0) + 1
        if sum(answers.values()) % 1000 == 0 or sum(answers.values()) >= runs:
            (folder / "told").write_text(json.dumps(answers))

    def mutated(content: bytes, most: int, number: int) -> bytes:
        if number % 2:
            with contextlib.suppress(Exception):  # nothing that this hand knows any more
                return tampered([content], number)[:most]
        return bytes(atheris.Mutate(content, most))

    flags = [f"-runs={runs}", f"-seed={seed}", f"-max_len={_MOST_BYTES}", "-timeout=0",
             "-rss_limit_mb=0", "-reduce_inputs=0", f"-artifact_prefix={folder}/",
             str(folder / "corpus")]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags], one, custom_mutator=mutated)
    atheris.Fuzz()


def _instrument(atheris: Any) -> None:
    """Have the functions count where they go; an import hook would not see an editable install."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(GUIDED):
            continue
        for thing in list(vars(module).values()):
            if getattr(thing, "__module__", None) != name:
                continue
            inner = vars(thing).values() if inspect.isclass(thing) else [thing]
            for one in list(inner):
                function = inspect.unwrap(getattr(one, "__func__", one))
                if inspect.isfunction(function) and function.__module__ == name:
                    atheris.instrument_func(function)


if __name__ == "__main__":
    fuzz(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""The command as a process of its own: pipes, a terminal, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lmf as library
from tests.cli.conftest import COLUMNS, start

PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def on_a_terminal(*words: object) -> tuple[int, str]:
    """Run the command on a pseudo-terminal; its exit code and what was seen."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    process = start(*words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody is left
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    return process.wait(), seen.decode()


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_shows_progress(ratings: Path, tmp_path: Path) -> None:
    words = ("fit", ratings, "-o", tmp_path / "a.lmf", *COLUMNS, "--epochs", 50, "--tolerance", 0)
    code, seen = on_a_terminal(*words)
    assert code == 0
    text = without_colours(seen)
    assert "\x1b[" in seen, "a bar that moves"
    assert "50/50 epochs" in text
    assert "objective" in text
    assert "saved in" in text


def test_a_terminal_shows_a_table(model: Path) -> None:
    code, seen = on_a_terminal("recommend", model, "--user", "user01", "-n", 2)
    text = without_colours(seen)
    assert code == 0
    assert "─" in text
    assert re.search(r"user01 +\S+.* +1 ", text)


def test_a_terminal_is_spared_long_tables_and_parquet(tmp_path: Path) -> None:
    data = {"user": list(range(300)), "item": [k % 2 for k in range(300)]}
    library.Popularity().fit(data).save(tmp_path / "a.lmf")
    _, seen = on_a_terminal("recommend", tmp_path / "a.lmf", "--all-users")
    assert "… and 100 more rows" in without_colours(seen)
    words = ("recommend", tmp_path / "a.lmf", "--all-users", "--format", "parquet")
    code, seen = on_a_terminal(*words)
    assert code == 2
    assert "lmf: error: Parquet on a terminal is unreadable" in without_colours(seen)


def test_parquet_goes_through_a_pipe(model: Path, tmp_path: Path) -> None:
    words = ("recommend", model, "--all-users", "--format", "parquet")
    process = start(*words, stdout=subprocess.PIPE)
    (tmp_path / "a.parquet").write_bytes(process.communicate()[0])
    assert process.returncode == 0
    assert pl.read_parquet(tmp_path / "a.parquet").columns == ["person", "film", "score", "rank"]


def test_the_reader_of_a_pipe_may_go_away(tmp_path: Path) -> None:
    users = np.repeat(np.arange(200_000), 2)
    items = np.tile([0, 1], 200_000)
    library.Popularity().fit({"user": users, "item": items}).save(tmp_path / "a.lmf")
    words = ("recommend", tmp_path / "a.lmf", "--all-users", "--include-seen")
    process = start(*words, **PIPES)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "user,item,score,rank\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141
    process.stderr.close()


def test_ctrl_c_keeps_the_finished_epochs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = pl.DataFrame({"user": random.integers(3000, size=60_000),
                          "item": random.integers(1000, size=60_000)})  # fmt: skip
    table.write_parquet(tmp_path / "r.parquet")
    path = tmp_path / "a.lmf"
    words = ("--n-factors", 64, "--epochs", 100_000, "--tolerance", 0)
    process = start("fit", tmp_path / "r.parquet", "-o", path, *words, **PIPES)
    assert process.stderr is not None
    while "epoch 2/" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    started = time.perf_counter()
    _, errors = process.communicate()
    assert process.returncode == 130
    assert time.perf_counter() - started < 10
    told = re.search(rf"lmf: interrupted: .* (\d+) epochs is saved in {path}", errors)
    assert told, errors
    assert "Traceback" not in errors
    model = library.load(path)
    assert len(model.history_) == int(told[1]) >= 2
    assert model.history_.stopped == "interrupted"
    assert len(model.recommend(0)) == 10


def test_ctrl_c_before_the_first_epoch(ratings: Path, tmp_path: Path) -> None:
    code = f"""
import sys, lmf.models.weighted as weighted
def interrupted(*arguments, **options): raise KeyboardInterrupt
weighted.train = interrupted
from lmf.cli import main
sys.exit(main(["fit", {str(ratings)!r}, "-o", {str(tmp_path / "a.lmf")!r}, "-q",
               *{list(COLUMNS)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "lmf: interrupted: no epoch was finished, nothing is saved\n"
    assert not list(tmp_path.iterdir())


def test_ctrl_c_elsewhere(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"""
import sys, lmf.cli.models as models
def interrupted(path): raise KeyboardInterrupt
models.load = interrupted
from lmf.cli import main
sys.exit(main(["recommend", {str(model)!r}, "--all-users"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "lmf: interrupted\n")


def test_the_library_does_not_import_the_command() -> None:
    code = "import sys, lmf; print([m for m in ('typer', 'rich', 'lmf.cli') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

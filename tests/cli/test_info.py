"""``lmf info``, the help, and what ``lmf`` says about itself."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import lmf as library
from lmf.cli import app
from tests.cli.conftest import Result
from tests.cli.test_fit import assert_refused

Run = Callable[..., Result]


def test_info(lmf: Run, model: Path) -> None:
    result = lmf("info", model)
    assert result.code == 0
    for words in ["weighted", "n_factors=2", "20 (person: text)", "10 (film: text)", "100", "5 ep"]:
        assert words in result.out
    found = json.loads(lmf("info", model, "--json").out)
    assert (found["n_users"], found["n_items"]) == (20, 10)
    assert found["arrays"]["user_factors"] == ["float32", [20, 2]]


def test_info_of_popularity(lmf: Run, tmp_path: Path) -> None:
    library.Popularity().fit({"user": [1], "item": [2]}).save(tmp_path / "a.lmf")
    assert "closed form" in lmf("info", tmp_path / "a.lmf").out


def test_info_of_what_is_no_model(lmf: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.lmf").write_bytes(model.read_bytes()[:500])
    assert_refused(lmf("info", tmp_path / "cut.lmf"), 1, "cut.lmf: truncated")
    assert_refused(lmf("info", tmp_path), 1, "is a directory")
    assert_refused(lmf("info", tmp_path / "none.lmf"), 2, "no such model file")


def test_version(lmf: Run) -> None:
    assert lmf("--version") == Result(0, f"lmf {library.__version__}\n", "")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help(lmf: Run, words: list[str]) -> None:
    result = lmf(*words)
    assert (result.code, result.err) == (0, "")
    for name, summary in app.COMMANDS.items():
        assert name in result.out
        assert summary[:30] in result.out
    for example in app.EXAMPLES:
        assert example in result.out


@pytest.mark.parametrize("name", app.COMMANDS)
def test_help_of_each_command(lmf: Run, name: str) -> None:
    result = lmf(name, "--help")
    assert (result.code, result.err) == (0, "")
    assert app.COMMANDS[name].rstrip(".") in result.out, "the summary is the first line"
    examples = importlib.import_module(f"lmf.cli.{name}").EXAMPLES
    for example in examples:
        assert example in result.out
        assert shlex.split(example)[:2] == ["lmf", name]
        for option in re.findall(r" (--?[a-z-]+)", example):
            assert re.search(rf"[ │]{option} ", result.out), option


def test_words_that_are_no_command(lmf: Run) -> None:
    assert_refused(lmf("recomend"), 2, "'recomend'")
    assert_refused(lmf("--bogus"), 2, "--bogus")

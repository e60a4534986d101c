"""``lmf info``: what a model file holds."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError
from lmf.errors import ModelFileError
from lmf.store import Description, describe, history_of
from lmf.training.history import History

__all__ = ["EXAMPLES", "command"]

EXAMPLES = ("lmf info movies.lmf", "lmf info movies.lmf --json")


def command(
    model_file: options.ModelFile,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show what a model file holds, or a checkpoint.

    Only its header and its history are read, so the answer is as quick for a model of gigabytes.
    """
    if not Path(model_file).exists():
        raise CommandError(f"{model_file}: no such model file; 'lmf fit' writes one")
    found = describe(model_file)
    history = history_of(model_file)
    if as_json:
        found = replace(found, extra={**found.extra, "history": history})
        print(json.dumps(asdict(found), default=str, indent=2, ensure_ascii=False))
        return
    lines = _lines(found)
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        print(f"{name:<{width}}  {text}")
    curves = _curves(model_file, history)
    if curves:
        print("\n" + textwrap.indent(curves, " " * (width + 2)))


def _lines(found: Description) -> list[tuple[str, str]]:
    extra = found.extra
    unfinished = "checkpoint" in extra
    user, item = (extra.get("columns") or ["user", "item"])[:2]
    params = ", ".join(f"{name}={value!r}" for name, value in found.params.items())
    return [
        ("file", f"{found.path} ({found.n_bytes / 1e6:,.1f} MB)"),
        ("checkpoint of" if unfinished else "model", found.model),
        ("parameters", params or "none"),
        ("users", f"{found.n_users:,} ({user}: {found.user_ids})"),
        ("items", f"{found.n_items:,} ({item}: {found.item_ids})"),
        ("interactions", _interactions(found)),
        ("training", _training(found)),
        ("data", f"SHA-256 {str(extra.get('data_fingerprint'))[:16]}…"),
        ("arrays", ", ".join(f"{n} {t}{list(s)}" for n, (t, s) in found.arrays.items())),
        ("written by", f"lmf {found.lmf_version}, format {found.format_version}"),
    ]


def _curves(path: str, history: dict[str, Any]) -> str:
    if not history.get("records"):
        return ""
    try:
        return History.from_json(json.dumps(history)).sketch()
    except (KeyError, TypeError, ValueError):
        raise ModelFileError(path, "damaged: its history is not one of epochs") from None


def _interactions(found: Description) -> str:
    shape: Any = found.arrays.get("seen_indices", ("", ()))[1]
    return f"{shape[0]:,}" if shape else "unknown"


def _training(found: Description) -> str:
    history = found.extra.get("history")
    if "checkpoint" in found.extra:
        epochs = found.arrays.get("history.epoch", ("", (0,)))[1][0]
        return f"{epochs} epochs so far; 'lmf fit' goes on with --checkpoint and --resume"
    stopped = history.get("stopped", "") if isinstance(history, dict) else ""
    shape = found.arrays.get("history.epoch", ("", ()))[1]
    if not shape:
        return "in closed form"
    return f"{shape[0]} epochs, ended by: {stopped}"

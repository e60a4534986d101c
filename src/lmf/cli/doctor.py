"""``lmf doctor``: what lmf runs on, and whether it works there."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from lmf.cli.failures import FAILED
from lmf.doctor import facts, self_test

__all__ = ["EXAMPLES", "command"]

EXAMPLES = ("lmf doctor", "lmf doctor --json")


def command(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show what lmf runs on, and test whether it works there.

    Version, instruction set, threads, memory and optional parts are listed. A tiny model is fitted
    and checked against NumPy in float64, with one thread and with several, saved and loaded. The
    exit code is 1 if anything of that is wrong.
    """
    findings = [*facts(), *self_test()]
    good = all(one.good for one in findings)
    if as_json:
        told = {"good": good, "findings": [asdict(one) for one in findings]}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        width = max(len(one.name) for one in findings)
        for one in findings:
            print(f"{one.name:<{width}}  {one.text}")
        print("all is well" if good else "something is wrong: see FAILED above")
    if not good:
        raise typer.Exit(FAILED)

"""Run rows and print the table: ``python -m benchmarks.trust [--only ROW ...] [--short]``."""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from importlib import import_module
from typing import Any

import benchmarks.trust
from benchmarks.places import ROOT
from benchmarks.trust.row import Row

RESULT = ROOT / "benchmarks" / "trust" / "trust.json"
PAGE = ROOT / "docs" / "trust.md"
_BEGIN, _END = "<!-- table: python -m benchmarks.trust --draw -->", "<!-- end of table -->"


def rows() -> dict[str, Row]:
    """All rows by name, in the order of their files."""
    found: dict[str, Row] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(benchmarks.trust.__path__)):
        if module.startswith("rows_"):
            for row in import_module(f"benchmarks.trust.{module}").ROWS:
                if row.name in found:
                    raise SystemExit(f"two rows are called {row.name}")
                found[row.name] = row
    return found


def table(told: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = ["| promise | measured | how |", "|---|---|---|"]
    for one in told:
        lines.append(f"| {one['promise']} | {one['figure']} | {one['how']} `{one['command']}` |")
    return "\n".join(lines)


def draw() -> None:
    """Write trust.json from the rows' files, and the table of the page from trust.json."""
    told = [found for row in rows().values() if (found := row.told(full=True))]
    RESULT.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    text = PAGE.read_text()
    if _BEGIN not in text or _END not in text:
        raise SystemExit(f"{PAGE} has no place for the table: {_BEGIN} ... {_END}")
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    PAGE.write_text(f"{before}{_BEGIN}\n{table(told)}\n{_END}{after}")


def main() -> int:
    known = rows()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", choices=list(known), default=list(known)
    )
    parser.add_argument("--short", action="store_true", help="minutes instead of hours")
    parser.add_argument("--draw", action="store_true", help="run nothing, draw the table anew")
    asked = parser.parse_args()
    if asked.draw:
        draw()
        return 0
    failed = []
    for name in asked.only:
        print(f"== {name}: {known[name].promise}", flush=True)
        if not known[name].run(full=not asked.short):
            failed.append(name)
    told = [found for name in asked.only if (found := known[name].told(full=not asked.short))]
    print(table(told))
    if not asked.short:
        draw()
    if failed:
        print(f"not held: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

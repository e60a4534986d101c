"""Hostile model files by the million: each is refused by name or is a model that answers.

    python -m benchmarks.trust.hostile_files [--cases N] [--first NUMBER] [--guided N]

`file_trial.py` says what is done with a file. Files of a number are mutated by somebody who knows
the format (tests/store/tampering.py); guided ones by the same hand, and by atheris, from those that
reached new lines (`guided_files.py`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from benchmarks.trust import guided_files
from benchmarks.trust.file_trial import ROOM, SECONDS, Trial
from benchmarks.trust.record import record
from benchmarks.trust.workers import Outcome, run
from tests.store.tampering import tampered

FULL, SHORT = (1_000_000, 200_000), (4_000, 1_000)


def make() -> Callable[[int], str]:
    """What tries the file of a number."""
    trial = Trial()
    trial.confine()
    return lambda number: trial(tampered(trial.contents, number))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    cases, guided = FULL if os.environ.get("LMF_TRUST") == "full" else SHORT
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--guided", type=int, default=guided)
    asked = parser.parse_args()
    found = guided_files.run(asked.guided)
    record("hostile-files", {"guided": found})

    def keep(outcome: Outcome) -> None:  # as it goes: a run of hours may be cut short
        record("hostile-files", {**outcome.figures(), "room_mb": ROOM >> 20})

    last = asked.first + asked.cases
    outcome = run(make, asked.first, last, patience=SECONDS, at_a_time=5_000, after=keep)
    for number, told in outcome.findings.items():
        print(f"file {number}: {told}")
    for name, told in found["findings"].items():
        print(f"guided file {name}: {told}")
    print({key: value for key, value in outcome.figures().items() if key != "findings"}, found)
    return 0 if outcome.held and not found["findings"] else 1


if __name__ == "__main__":
    sys.exit(main())

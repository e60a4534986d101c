"""A save with a fault at each of its system calls, by strace: a kill, a full disk, an I/O error.

    python -m benchmarks.trust.faults kill      SIGKILL after each system call of one save
    python -m benchmarks.trust.faults error     ENOSPC, EIO and EROFS at each call that can fail so

One process saves a new model over an old one, between two calls of its own that the trace shows, so
that only the save's system calls are counted. Afterwards the file has to be the old model or the
new one, byte for byte, and the next save has to leave nothing but the model in the folder. A fault
that is not a kill has to be told by ModelFileError, unless the save did without the call. A full
disk is made in earnest too: a tmpfs that ends at every size up to the file's.
"""

from __future__ import annotations

import collections
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.trust.record import record

SAVER = """
import os, sys
import lmf
from lmf.errors import ModelFileError
from lmf.store import read, save
old, new, target = sys.argv[1:4]
save(read(old), target)
state = read(new)
try:
    lmf.load("nowhere")
except ModelFileError:
    pass
sys.stdout.flush()
os.access("/lmf-begin", os.F_OK)
try:
    save(state, target)
    told = "saved"
except ModelFileError as error:
    told = f"refused: {error}"
except BaseException as error:
    told = f"bare {type(error).__name__}: {error}"
os.access("/lmf-end", os.F_OK)
print(told, flush=True)
"""
# Calls of the save that take something that may not be there: room, permission, a disk.
FAILING = {
    "ENOSPC": ("openat", "write", "fsync", "rename", "ftruncate"),
    "EIO": ("openat", "write", "fsync", "rename", "fstat", "newfstatat", "close", "unlink",
        "getdents64",
            "flock", "lseek", "fchmod"),
    "EROFS": ("openat", "rename", "unlink"),
}  # fmt: skip


class Stage:
    """Two models, and the folder in which one is saved over the other."""

    def __init__(self, folder: Path) -> None:
        import lmf

        table = {"user": [f"u{k % 97}" for k in range(600)], "item": [k % 53 for k in range(600)]}
        self.models = [folder / "old.lmf", folder / "new.lmf"]
        for seed, path in enumerate(self.models):
            lmf.WeightedMF(n_factors=16, epochs=2, seed=seed).fit(table).save(path)
        self.whole = {path.read_bytes(): path.stem for path in self.models}
        self.folder = folder / "there"
        self.folder.mkdir()
        self.target = self.folder / "model.lmf"
        self.wrong: list[str] = []

    def save(self, *inject: str) -> tuple[str, str]:
        """Run the saver with these faults; what it said, and its trace."""
        shutil.copy(self.models[0], self.target)
        trace = self.folder.parent / "trace"
        command = ["strace", "-f", "-o", str(trace), *inject, sys.executable, "-c", SAVER,
                   *map(str, self.models), str(self.target)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() or f"ended with {done.returncode}", trace.read_text(
            errors="replace"
        )

    def check(self, what: str, told: str) -> str:
        """Look at what is left, and save once more."""
        from lmf.store import read, save

        found = self.whole.get(self.target.read_bytes() if self.target.exists() else b"", "neither")
        if found == "neither" or told.startswith("bare"):
            self.wrong.append(f"{what}: {found} model, {told}")
        save(read(self.models[1]), self.target)
        left = [path.name for path in self.folder.iterdir() if path != self.target]
        if left or self.target.read_bytes() not in self.whole:
            self.wrong.append(f"{what}: left {left}")
        return found


def calls(trace: str) -> list[tuple[str, int]]:
    """The save's system calls: name, and the how-manieth of that name, which strace counts by
    thread."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    found, inside = [], False
    for line in trace.splitlines():
        match = re.match(r"(\d+)\s+(\w+)\(", line)
        if not match:
            continue
        thread, name = match.groups()
        counts[thread, name] += 1
        if "/lmf-begin" in line or "/lmf-end" in line:
            inside = "/lmf-begin" in line
        elif inside:
            found.append((name, counts[thread, name]))
    return found


def kills(stage: Stage, step: int) -> dict[str, object]:
    """Kill after each call."""
    _, trace = stage.save()
    points = calls(trace)[::step]
    found: collections.Counter[str] = collections.Counter()
    for name, when in points:
        told, _ = stage.save("-e", f"inject={name}:signal=KILL:when={when}")
        found[stage.check(f"killed at {name} {when}", told)] += 1
        if told != f"ended with {-signal.SIGKILL}":
            stage.wrong.append(f"{name} {when}: not killed: {told}")
    return {"system_calls": len(points), "old": found["old"], "new": found["new"]}


def errors(stage: Stage, step: int) -> dict[str, object]:
    """Fail at each call."""
    _, trace = stage.save()
    told_by: collections.Counter[str] = collections.Counter()
    faults = 0
    for code, names in FAILING.items():
        for name, when in [one for one in calls(trace) if one[0] in names][::step]:
            told, _ = stage.save("-e", f"inject={name}:error={code}:when={when}")
            found = stage.check(f"{code} at {name} {when}", told)
            faults += 1
            told_by[told.split(":")[0]] += 1
            if told == "saved" and found != "new":
                stage.wrong.append(f"{code} at {name} {when}: said to be saved, but is {found}")
    return {"faults": faults, "told": dict(told_by), "full_disks": full_disks(stage, step)}


def full_disks(stage: Stage, step: int) -> int:
    """Save on a tmpfs with room for the old model and less than another; how many sizes."""
    if os.geteuid():
        return 0
    disk = stage.folder.parent / "disk"
    disk.mkdir()
    size = max(map(len, stage.whole))
    tried = 0
    for room in range(size, 2 * size + 8192, 4096 * step):
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            return tried
        try:
            target = disk / "model.lmf"
            shutil.copy(stage.models[0], target)
            done = subprocess.run(
                [sys.executable, "-c", SAVER, *map(str, stage.models), str(target)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            found = stage.whole.get(target.read_bytes(), "neither")
            stray = [path.name for path in disk.iterdir() if path != target]
            right = (done.stdout.startswith("saved") and found == "new") or (
                "ModelFileError" in done.stdout + done.stderr or done.stdout.startswith("refused")
            )
            if found == "neither" or stray or not right:
                stage.wrong.append(
                    f"tmpfs of {room}: {found}, {stray}, {done.stdout}{done.stderr[-300:]}"
                )
            tried += 1
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    return tried


def main() -> int:
    what = sys.argv[1]
    if not shutil.which("strace"):
        raise SystemExit("no strace: on Debian, apt-get install strace")
    step = 1 if os.environ.get("LMF_TRUST") == "full" else 7
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        figures = kills(stage, step) if what == "kill" else errors(stage, step)
    row = "kill-save-calls" if what == "kill" else "disk-faults"
    record(row, {**figures, "wrong": len(stage.wrong), "findings": stage.wrong[:50]})
    print(figures, *stage.wrong, sep="\n")
    return 1 if stage.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

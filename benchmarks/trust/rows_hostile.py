"""Rows about hostile input: calls, kernels, files, kills, faults, installs."""

from __future__ import annotations

from benchmarks.trust.kernel_sources import WANTED, digest
from benchmarks.trust.row import Figures, Row


def _cases(figures: Figures) -> str:
    return (
        f"{figures['deaths']} deaths, {figures['hangs']} hangs and {figures['wrong']} wrong "
        f"answers in {figures.get('questions', figures['cases']):,}"
    )


def _sanitizers(figures: Figures) -> str:
    return "; ".join(
        f"{one['failed']} of {one['programs']} test programs failed under {name}"
        for name, one in figures["sanitizers"].items()
    )


def _kernels(figures: Figures) -> str:
    kernels, bugs = figures["kernels"], figures.get("seeded_bugs", {})
    counts = {name: one["executions"] for name, one in kernels.items()}
    most = [count for count in counts.values() if count >= WANTED]
    fewer = [f"{name} {count:,}" for name, count in counts.items() if count < WANTED]
    changed = [name for name, one in kernels.items() if one["digest"] != digest(name)]
    sets = ", ".join(figures["instruction_sets"])
    told = [f"{figures['findings']} findings in {len(counts)} kernels on {sets}"]
    if most:
        told.append(f"{min(most):,} executions or more each of {len(most)}")
    if fewer:
        told.append(f"fewer of {', '.join(fewer)}")
    if changed:
        told.append(f"changed since: {', '.join(changed)}")
    if bugs:
        told.append(f"{len(bugs) - [*bugs.values()].count(None)} of {len(bugs)} seeded bugs found")
    return "; ".join(told)


ROWS = [
    Row(
        name="malformed-calls",
        promise="Whatever a public call is given, it answers by finite numbers or a typed error.",
        how="Questions made by hypothesis to every model, reader and verb, in other processes.",
        command="python -W ignore -m benchmarks.trust.malformed_calls",
        figure=_cases,
    ),
    Row(
        name="fuzz-kernels",
        promise="No input that the bindings let pass makes a native kernel misbehave.",
        how="libFuzzer under ASan and UBSan, against brute force where there is one.",
        command="python -m benchmarks.trust.fuzz_kernels",
        figure=_kernels,
        resumes=True,
    ),
    Row(
        name="sanitizers",
        promise="The native kernels race for nothing and touch no memory that is not theirs.",
        how="Their tests under ASan and UBSan, and under TSan.",
        command="python -m benchmarks.trust.sanitizers",
        figure=_sanitizers,
    ),
    Row(
        name="hostile-files",
        promise="A hostile model file is refused by name, within a second and its size + 64 MB.",
        how="Files mutated by somebody who knows the format, under a limit of memory.",
        command="python -W ignore -m benchmarks.trust.hostile_files",
        figure=_cases,
    ),
    Row(
        name="no-code",
        promise="A model file is data: loading one runs no code, and nothing here unpickles.",
        how="The syntax trees of src/ searched; an audit hook listens while files are loaded.",
        command="python -m pytest -q -p no:cacheprovider tests/trust/test_no_code.py",
        figure=lambda f: (
            f"{f['found']} found in {f['files_searched']} files; {f['events']} imports, runs of "
            f"code, processes or sockets in {f['loads']:,} loads, {f['refused']:,} of them refused"
        ),
    ),
    Row(
        name="kill-save-calls",
        promise="kill -9 at any system call of a save leaves the old model or the new one.",
        how="strace kills one save after each of its system calls.",
        command="python -W ignore -m benchmarks.trust.faults kill",
        figure=lambda f: f"{f['wrong']} wrong in {f['system_calls']} kills",
    ),
    Row(
        name="kill-saves",
        promise="kill -9 at any moment of a save leaves the old model or the new one.",
        how="Kills at random moments of saves over a model of 6 MB.",
        command="python -m benchmarks.trust.kill_saves",
        figure=lambda f: f"{f['unloadable']} unloadable files in {f['kills']} kills",
    ),
    Row(
        name="disk-faults",
        promise="A full disk, an I/O error or a read-only disk is told, and costs no model.",
        how="strace fails each call of a save; a tmpfs ends at every size.",
        command="python -W ignore -m benchmarks.trust.faults error",
        figure=lambda f: (
            f"{f['wrong']} wrong in {f['faults']} faults and {f['full_disks']} full disks"
        ),
    ),
]


def _peers(figures: Figures) -> str:
    return "; ".join(
        f"{peer}: {one['deaths']} deaths and {one['silent_not_finite']} silent NaN in "
        f"{len(one['malformed'])} matrices, {one['save']['unloadable']} of "
        f"{one['save']['kills']} saves unloadable, {one['results_of_all']} results of 6 fits"
        for peer, one in figures["peers"].items()
    )


ROWS.append(
    Row(
        name="peers-hostile",
        promise="(None: what peers do with broken matrices, kills while saving, the same seed.)",
        how="The same hostilities to implicit, irspack, Surprise and scikit-learn's NMF.",
        command="python -m benchmarks.trust.peers_hostile",
        figure=_peers,
    )
)

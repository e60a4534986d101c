"""What decides in the benchmarks: what is compared with what, what holds, what shares a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import pictures, tables
from benchmarks.matrix import Matrix
from benchmarks.speed import counts, epoch, pieces, race
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.objective import objective, residual
from benchmarks.speed.problem import Problem
from benchmarks.speed.runners import Fits, Steps, begun, setup_seconds
from benchmarks.speed.turns import PlayerLost

MACHINE, SETTINGS = {"cpu": "this one"}, {"repeats": 5}


@pytest.mark.parametrize(
    ("now", "failed"),
    [
        ({"top": 1099, "sweep": 500}, []),
        ({"top": 1100, "sweep": 500}, ["top"]),
        ({"top": 900}, ["sweep"]),  # what is counted no more cannot be known to be as fast
    ],
)
def test_ten_percent_more_instructions_fail(now: dict[str, int], failed: list[str]) -> None:
    assert counts.rises({"top": 1000, "sweep": 500}, now) == failed


def test_every_kernel_of_the_program_is_counted() -> None:
    text = (counts.ROOT / "native" / "tests" / "kernel_runs.hpp").read_text()
    listed = text.split("kernels[] = {")[1]
    assert all(f'{{"{kernel}", ' in listed for kernel in counts.FUNCTIONS)
    assert listed.count('{"') == len(counts.FUNCTIONS)
    assert list(json.loads(counts.KEPT.read_text())["counts"]) == list(counts.FUNCTIONS)


def epoch_file(folder: Path) -> Path:
    cases = [{"data": "ml-1m", "n_factors": d, "rows": []} for d in (64, 128)]
    path = folder / "epoch.json"
    path.write_text(
        json.dumps({"machine": MACHINE, "settings": SETTINGS, "data": {}, "cases": cases})
    )
    return path


def test_a_part_measured_anew_replaces_that_part_only(tmp_path: Path) -> None:
    found = pieces.kept(epoch_file(tmp_path), MACHINE, SETTINGS, {("ml-1m", 64)})
    assert [case["n_factors"] for case in found["cases"]] == [128]


@pytest.mark.parametrize(
    ("machine", "settings"), [({"cpu": "another"}, SETTINGS), (MACHINE, {"repeats": 3})]
)
def test_two_machines_or_settings_never_share_a_file(
    tmp_path: Path, machine: dict, settings: dict
) -> None:
    with pytest.raises(SystemExit, match="another machine or other settings"):
        pieces.kept(epoch_file(tmp_path), machine, settings, set())


PROBLEM = Problem(n_factors=3, epochs=3, n_threads=1, unobserved_weight=0.2, regularization=0.7)


@pytest.fixture
def matrix() -> Matrix:
    random = np.random.default_rng(0)
    return Matrix.from_pairs(random.integers(0, 30, 200), random.integers(0, 20, 200), 30, 20)


@pytest.fixture
def factors() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.normal(size=(30, 3)), random.normal(size=(20, 3))


def dense(matrix: Matrix) -> np.ndarray:
    return matrix.scipy().toarray().astype(np.float64)


def judged(matrix: Matrix, factors: tuple[np.ndarray, np.ndarray]) -> float:
    return objective(matrix, *factors, PROBLEM.unobserved_weight, PROBLEM.regularization)


def test_the_evaluator_sums_over_all_pairs(matrix: Matrix, factors: tuple) -> None:
    users, items = factors
    seen = dense(matrix)
    weights = np.where(seen > 0, 1.0, PROBLEM.unobserved_weight)
    penalty = PROBLEM.regularization * ((users**2).sum() + (items**2).sum())
    expected = (weights * (seen - users @ items.T) ** 2).sum() + penalty
    assert judged(matrix, factors) == pytest.approx(expected, rel=1e-12)


def test_the_residual_is_of_the_same_objective(matrix: Matrix, factors: tuple) -> None:
    """Users solved in dense float64 leave none; with another weight or penalty they leave much."""
    items = factors[1]
    weights = PROBLEM.unobserved_weight, PROBLEM.regularization
    seen = dense(matrix)

    def solved(weight: float, penalty: float) -> np.ndarray:
        return np.array([
            np.linalg.solve((items.T * np.where(row > 0, 1.0, weight)) @ items
                            + penalty * np.eye(3), items.T @ row)
            for row in seen
        ])  # fmt: skip

    assert residual(matrix, solved(*weights), items, *weights) < 1e-12
    assert residual(matrix, solved(weights[0], 1.1 * weights[1]), items, *weights) > 1e-3
    assert residual(matrix, solved(1.1 * weights[0], weights[1]), items, *weights) > 1e-3


def test_a_peer_that_weighs_unobserved_pairs_by_one_has_the_same_problem(
    matrix: Matrix, factors: tuple
) -> None:
    """implicit, buffalo, LensKit, cmfrec: confidence 1 + alpha of the observed."""
    users, items = factors
    alpha, penalty = PROBLEM.over_unobserved
    seen = dense(matrix)
    theirs = ((1 + alpha * seen) * (seen - users @ items.T) ** 2).sum()
    theirs += penalty * ((users**2).sum() + (items**2).sum())
    assert theirs * PROBLEM.unobserved_weight == pytest.approx(judged(matrix, factors), rel=1e-12)


def test_a_peer_that_weighs_all_pairs_has_the_same_problem(matrix: Matrix, factors: tuple) -> None:
    """irspack: the difference of two objectives is ours, whatever constant each has."""
    alpha0, scale = PROBLEM.over_all_pairs
    seen = dense(matrix)

    def theirs(users: np.ndarray, items: np.ndarray) -> float:
        scores = users @ items.T
        fit = (seen * (1 - scores) ** 2).sum() + alpha0 * (scores**2).sum()
        return fit + PROBLEM.regularization * ((users**2).sum() + (items**2).sum())

    other = (factors[0] + 0.3, factors[1])
    ours = judged(matrix, other) - judged(matrix, factors)
    difference = theirs(other[0] / scale, other[1] / scale)
    difference -= theirs(factors[0] / scale, factors[1] / scale)
    assert (1 + alpha0) * difference == pytest.approx(ours, rel=1e-10)


def row(name: str, exact: bool, by_ours: float, **more: object) -> dict:
    return {"contender": name, "exact": exact, "by_ours": by_ours, "seconds": by_ours, **more}


def test_who_is_said_to_be_exact_has_to_be() -> None:
    assert epoch.is_exact(True, 5e-7, False)
    assert not epoch.is_exact(True, 0.09, False)  # buffalo's Cholesky from d = 128 on
    assert epoch.is_exact(True, 0.3, True)  # Spark, which has another objective
    assert not epoch.is_exact(False, 5e-7, False)


@pytest.mark.parametrize(
    ("data", "n_factors", "least"),
    [("ml-1m", 64, 2), ("gowalla", 64, 2), ("powerlaw-s", 128, 2.5), ("powerlaw-m", 128, 4),
     ("gowalla", 128, 4), ("ml-1m", 256, 4), ("gowalla", 512, 4)],
)  # fmt: skip
def test_the_fastest_exact_peer_decides(data: str, n_factors: int, least: float) -> None:
    rows = [row("lmf", True, 1.0), row("slow", True, 9.0), row("fast", True, least)]
    case = {"data": data, "n_factors": n_factors, "rows": rows, "left_out": []}
    (claim,) = epoch.claims([case])
    assert claim["holds"]
    assert "(fast)" in claim["claim"]
    assert f"at least {least:g} times" in claim["claim"]
    rows[-1]["by_ours"] = least - 0.1
    assert not epoch.claims([case])[0]["holds"]


def test_who_was_left_out_as_too_slow_still_counts_and_who_failed_does_not() -> None:
    left_out = [row("probed", True, 30.0, reason="slow"),
                {"contender": "broken", "exact": False, "reason": "no compiler"}]  # fmt: skip
    case = {"data": "ml-1m", "n_factors": 64, "rows": [row("lmf", True, 1.0)]}
    (claim,) = epoch.claims([case | {"left_out": left_out}])
    assert claim["measured"] == 30.0
    assert "(probed)" in claim["claim"]


def test_an_approximate_peer_may_not_be_faster() -> None:
    rows = [row("lmf", True, 1.0), row("cg", False, 0.99)]
    case = {"data": "ml-1m", "n_factors": 64, "rows": rows, "left_out": []}
    assert [claim["holds"] for claim in epoch.claims([case])] == [False]


#: Ours is at 90 after its third epoch; "fast" ends at 90 after 8 seconds, "good" at 70 after 40.
CURVES = {
    "lmf": [(1, 1.0, 120.0), (2, 2.0, 95.0), (3, 3.0, 90.0), (4, 4.0, 80.0)],
    "fast": [(1, 2.0, 200.0), (4, 8.0, 90.0)],
    "good": [(1, 10.0, 100.0), (4, 40.0, 70.0)],
}


def raced() -> dict:
    rows = [{"contender": name, "exact": True, "curve": curve} for name, curve in CURVES.items()]
    goal = race.compare(rows, 4)
    return {"data": "ml-1m", "n_factors": 64, **goal, "rows": rows, "left_out": []}


def test_the_goal_is_where_the_fastest_peer_ends() -> None:
    case = raced()
    assert case["goal"] == {"peer": "fast", "epochs": 4, "objective": 90.0}
    found = {one["contender"]: one for one in case["rows"]}
    assert found["lmf"]["seconds_to_goal"] == 3.0
    assert found["fast"]["by_ours"] == pytest.approx(8 / 3, rel=1e-3)
    assert found["good"]["seconds_to_goal"] == 40.0
    assert found["good"]["its_own"]["ours"] is None
    assert found["good"]["its_own"]["by_ours"] is None


def test_a_race_that_ours_never_ends_is_lost() -> None:
    case = raced()
    assert race.claims([case])[0]["holds"]
    goal = case["rows"][1]["its_own"]
    goal["ours"] = goal["by_ours"] = None
    (claim,) = race.claims([case])
    assert (claim["measured"], claim["holds"]) == (0.0, False)


def test_large_d_is_to_be_five_times_as_soon() -> None:
    assert [race.wanted(d) for d in (64, 128, 256, 1024)] == [2, 2, 5, 5]


def test_what_a_fit_costs_before_its_first_epoch_is_taken_off() -> None:
    assert setup_seconds({1: 3.5, 2: 4.0, 4: 5.0, 8: 7.0}) == pytest.approx(3.0)
    assert setup_seconds({1: 3.5}) == 0.0


def test_ours_runs_in_a_process_and_tells_its_curve(tmp_path: Path, matrix: Matrix) -> None:
    path = tmp_path / "matrix.npz"
    matrix.save(path)
    case = race.measure(["lmf"], path, PROBLEM, 3, patience=10)
    reached = [point[2] for point in case["rows"][0]["curve"]]
    assert len(reached) == 3
    assert reached == sorted(reached, reverse=True)
    assert case["goal"] is None


def test_what_a_contender_cannot_do_is_said(tmp_path: Path, matrix: Matrix) -> None:
    path = tmp_path / "matrix.npz"
    matrix.save(path)
    wrong = Problem(0, 3, 1, 0.2, 0.7)
    with pytest.raises(PlayerLost, match="lmf: ParameterError: n_factors"):
        Steps("lmf", path, wrong, curve=False).begin()


def test_a_peer_that_cannot_be_installed_is_left_out_with_the_reason(
    tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_environment(peer: str) -> Path:
        if peer == "spark":
            raise SystemExit("pip failed:\nno Java here")
        return Path(sys.executable)  # without the peer: its import fails

    monkeypatch.setattr("benchmarks.speed.turns.python_of", no_environment)
    monkeypatch.setitem(CONTENDERS, "spark", CONTENDERS["spark"].__class__("x", True, peer="spark"))
    path = tmp_path / "matrix.npz"
    matrix.save(path)
    runners, left_out = begun(["cmfrec-cg", "spark", "lmf"], path, PROBLEM, patience=10)
    for runner in runners:
        runner.stop()
    assert [runner.name for runner in runners] == ["lmf"]
    reasons = {one["contender"]: one["reason"] for one in left_out}
    assert reasons["spark"] == "no Java here"
    assert "No module named 'cmfrec'" in reasons["cmfrec-cg"]


@pytest.mark.parametrize(
    ("whole", "few", "many", "seconds"),
    [(7.0, 7.0, 9.0, 1.0), (8.5, 8.5, 10.5, 8.5)],  # less, and more, than twice what is enough
)
def test_a_slow_whole_fit_is_probe_enough(
    monkeypatch: pytest.MonkeyPatch, whole: float, few: float, many: float, seconds: float
) -> None:
    fits = iter([{}, {"seconds": whole}, {"seconds": few}, {"seconds": many}])
    fit = object.__new__(Fits)
    fit._request = {}
    monkeypatch.setattr(fit, "ask", lambda **_: next(fits) | {"cpu_seconds": 0.0}, raising=False)
    assert fit.begin(enough=4.0) == pytest.approx(seconds)
    assert (fit.probe == "a whole fit of one epoch") == (seconds > 8)


def test_who_takes_too_long_is_stopped(tmp_path: Path, matrix: Matrix) -> None:
    path = tmp_path / "matrix.npz"
    matrix.save(path)
    ours = Steps("lmf", path, PROBLEM, curve=False)
    ours.limit = 0.01
    with pytest.raises(PlayerLost, match="no answer within 0 seconds"):
        ours.begin()


def test_pieces_gather_in_one_file_and_nobody_disappears(
    tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "matrix.npz"
    matrix.save(path)
    monkeypatch.setattr(pieces, "prepared", lambda _: path)
    monkeypatch.setattr(pieces.machine, "describe", lambda: dict(MACHINE))

    def piece(*told: str) -> dict:
        out = tmp_path / "epoch.json"
        monkeypatch.setattr(sys, "argv", ["epoch", "--out", str(out), *told])
        given = pieces.arguments(epoch.MODULE, "", list(CONTENDERS), "repeats", 5, "")

        def measure(_: Path, problem: Problem) -> dict:
            rows = [row(name, True, float(problem.epochs)) for name in given.only]
            return {"rows": rows, "left_out": []}

        settings = {"repeats": given.count}
        pieces.run(epoch.MODULE, given, settings, 6, measure, epoch.claims, lambda _: None)
        return json.loads(out.read_text())

    piece("--data", "gowalla", "--factors", "128", "--only", "lmf", "lenskit")
    found = piece("--data", "ml-1m", "--factors", "64", "--without", "spark", "--add")
    assert [(case["data"], case["n_factors"]) for case in found["cases"]] == [
        ("ml-1m", 64), ("gowalla", 128)
    ]  # fmt: skip
    assert len(found["claims"]) == 2
    for case in found["cases"]:
        assert {one["contender"] for one in case["rows"] + case["left_out"]} == set(CONTENDERS)
    assert found["cases"][0]["left_out"][0]["reason"] == "not asked for"
    again = piece("--data", "ml-1m", "--factors", "64")
    assert len(again["cases"]) == 1


def test_a_table_says_who_was_left_out_and_what_nobody_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "benchmarks" / "speed"
    folder.mkdir(parents=True)
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    assert tables.table("epoch").startswith("Not measured yet")
    left_out = [row("probed", True, 30.0, reason="slow"),
                {"contender": "broken", "exact": True, "reason": "no compiler"}]  # fmt: skip
    rows = [row("lmf", True, 1.0), row("peer", True, 4.0)]
    case = {"data": "ml-1m", "n_factors": 64, "rows": rows, "left_out": left_out}
    about = {"machine": {"cpu": "c", "cores": 2}, "date": "2026-11-25 12:00 UTC"}
    (folder / "epoch.json").write_text(json.dumps(about | {"cases": [case]}))
    (folder / "race.json").write_text(json.dumps(about | {"cases": [raced()]}))
    text = tables.table("epoch")
    assert "| ml-1m, lmf | 1 s |" in text
    assert "| ml-1m, peer | 4 s, 4 |" in text
    assert "| ml-1m, probed | (30 s, 30) |" in text
    assert "* no figure of broken on ml-1m, d = 64: no compiler" in text
    assert "| ml-1m, d = 64 | fast | 8 s | 3 s | 2.67 | good | 40 s | never |  |" in tables.race()
    assert "| ml-1m, lmf | 3 s |" in tables.race_goal()
    assert "| ml-1m, fast | 8 s, 2.67 |" in tables.race_goal()


def test_the_picture_has_a_panel_a_case_and_a_line_a_contender() -> None:
    figure = pictures.race({"cases": [raced(), raced() | {"n_factors": 128}]})
    assert [len(axes.get_lines()) for axes in figure.axes] == [3, 3]


def test_every_name_of_make_bench_is_a_benchmark() -> None:
    makefile = (bench.ROOT / "Makefile").read_text()
    names = makefile.split("BENCHMARKS := ")[1].splitlines()[0].split()
    assert bench.module_of("intake") == "benchmarks.intake"
    for name in names:
        path = bench.ROOT.joinpath(*bench.module_of(name).split(".")).with_suffix(".py")
        assert "results.write(" in path.read_text() or "pieces.run(" in path.read_text(), name
    with pytest.raises(SystemExit, match="no benchmark 'epochs'"):
        bench.module_of("epochs")

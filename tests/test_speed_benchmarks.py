"""What the benchmarks of scaling, of things around a sweep, and of bfloat16 say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lmf
from benchmarks import intake, machine, tables
from benchmarks.matrix import Matrix
from benchmarks.powerlaw import Law, Recipe, generate
from benchmarks.speed import (
    around,
    bf16,
    phases,
    scaling,
    scaling_data,
    scaling_law,
    scaling_pictures,
    scaling_runs,
)
from benchmarks.speed.objective import objective
from benchmarks.speed.scaling_data import Shape

# ---- sets of any shape ------------------------------------------------------------------------


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Shape:
    monkeypatch.setattr(scaling_data, "BLOCK", 2_000)
    return Shape(users=400, items=100, interactions=5_000)


def test_blocks_share_out_users_and_interactions(small_blocks: Shape) -> None:
    blocks = small_blocks.blocks
    assert [block.interactions for block in blocks] == [1666, 1667, 1667]
    assert sum(block.users.n for block in blocks) == 400
    assert {block.items.n for block in blocks} == {100}


def test_a_set_has_what_its_shape_says(small_blocks: Shape, tmp_path: Path) -> None:
    files = scaling_data.written(small_blocks, tmp_path)
    data = lmf.Interactions.of(files)
    assert (data.nnz, data.duplicates.merged) == (5_000, 0)
    assert 300 < data.n_users <= 400
    assert 90 < data.n_items <= 100
    before = [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*.parquet"))]
    scaling_data.written(small_blocks, tmp_path)
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*.parquet"))] == before


def test_popular_items_are_so_in_every_block(small_blocks: Shape, tmp_path: Path) -> None:
    scaling_data.written(small_blocks, tmp_path)
    counts = [
        np.bincount(pl.read_parquet(path)["item"].to_numpy(), minlength=101)
        for path in sorted(tmp_path.rglob("*.parquet"))
    ]
    assert np.corrcoef(counts).min() > 0.5
    other = generate(small_blocks.blocks[0])  # with an order of its own
    alone = np.bincount(other.indices + 1, minlength=101)
    assert np.corrcoef(alone, counts[0])[0, 1] < 0.3


def test_ranks_of_items_may_be_given() -> None:
    recipe = Recipe(Law(500, 0.85, 1.0), Law(50, 1.7, 1.0), 3_000)
    counts = np.bincount(generate(recipe, np.arange(50)).indices, minlength=50)
    assert counts[:10].min() > counts[-10:].max()


# ---- a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["parquet", "npz"])
def test_a_run_counts_its_epochs_and_its_memory(kind: str, tmp_path: Path) -> None:
    shape = Shape(users=300, items=80, interactions=3_000)
    files = scaling_data.written(shape, tmp_path)
    if kind == "npz":
        read = pl.read_parquet(files)
        pairs = (read["user"].to_numpy() - 1, read["item"].to_numpy() - 1)
        files = str(tmp_path / "matrix.npz")
        Matrix.from_pairs(*pairs, 300, 80).save(Path(files))
    run = scaling_runs.Run(files, n_factors=4, n_threads=1, repeats=3, seconds=60)
    found = scaling_runs.measure(run)
    assert found["interactions"] == 3_000
    assert len(found["all_seconds"]) == 3
    assert min(found["all_seconds"]) > 0
    assert found["whole_peak_bytes"] >= found["read_peak_bytes"]
    short = scaling_runs.measure(scaling_runs.Run(files, 4, 1, repeats=3, seconds=0))
    assert len(short["all_seconds"]) == 1


def test_memory_is_measured_above_what_was_there() -> None:
    memory = scaling_runs.Memory()
    taken = np.ones(8 << 20)
    assert 0.9 * taken.nbytes < memory.peak() < 1.5 * taken.nbytes
    del taken
    assert scaling_runs.Memory().peak() < 8 << 20


# ---- the law -----------------------------------------------------------------------------------


def made_cases() -> list[dict]:
    """Cases of every part, as a machine would give them that keeps the law exactly."""
    cases = []
    for part, points in scaling.PARTS.items():
        for data, d, threads in points:
            shape = data if isinstance(data, Shape) else Shape(6_000, 4_000, 1_000_000)
            sizes = (shape.users, shape.items, shape.interactions)
            rows = shape.users + shape.items
            seconds = (3e-8 * shape.interactions + 2e-7 * rows) * d / 64 * 1.8 ** (2 - threads)
            limit = scaling_law.fit_limit(*sizes, d, threads)
            cases.append({
                "part": part, "data": scaling.name_of(data), "n_factors": d, "n_threads": threads,
                "load_average": [0, 0, 0], "users": shape.users, "items": shape.items,
                "interactions": shape.interactions, "seconds": seconds, "all_seconds": [seconds],
                "cpu_seconds": threads * seconds,
                "read_seconds": 4e-8 * shape.interactions, "fit_seconds": 2 * seconds,
                "read_peak_bytes": 20 * shape.interactions, "fit_peak_bytes": 0.8 * limit,
                "whole_peak_bytes": 2 * limit, "fit_limit_bytes": limit, "objective": 1.0,
            })  # fmt: skip
    return cases


def test_the_exponent_of_a_power() -> None:
    x = [1.0, 10.0, 100.0]
    assert scaling_law.exponent(x, [5 * v**1.5 for v in x]) == 1.5


def test_the_law_is_found_again() -> None:
    found = scaling_law.law([case for case in made_cases() if case["part"] == "users"])
    assert found["seconds_an_interaction"] == pytest.approx(3e-8)
    assert found["seconds_a_row"] == pytest.approx(2e-7)
    assert found["largest_relative_error"] < 1e-9


def test_the_law_tells_how_far_off_it_is() -> None:
    cases = [case for case in made_cases() if case["part"] == "users"]
    cases[0]["seconds"] *= 2
    assert scaling_law.law(cases)["largest_relative_error"] > 0.2


def test_the_bound_is_that_of_the_page() -> None:
    from tests.trust.test_memory import FITS

    told = {"users": 1_000, "items": 300, "entries": 20_000, "epochs": 2, "terms": 0, "features": 0}
    page = FITS["WeightedMF"].limit(told, 64)
    assert scaling_law.fit_limit(1_000, 300, 20_000, 64, n_threads=2) == page


def test_one_machine_ends_where_its_memory_does() -> None:
    law = {"seconds_an_interaction": 1e-8, "seconds_a_row": 1e-6}
    for row in scaling_law.ends(law, 64, 2, read_bytes=20):
        room = 0.9 * row["memory_gib"] * 2**30
        taken = scaling_law.memory(row["interactions"], 64, 2, 20)["whole"]
        assert 0.9 * room < taken < 1.05 * room  # the figure told has two digits


def test_what_follows_from_the_points() -> None:
    found = scaling.conclusions(made_cases())
    exponents = {(one["name"], one["y"]): one["exponent"] for one in found["series"]}
    assert 0.5 < exponents["interactions", "seconds"] < 1
    assert exponents["gowalla", "seconds"] == pytest.approx(1)
    assert found["speedup_of_two_threads"] == {"64": 1.8, "128": 1.8}
    billion = found["extrapolated"][1]
    users, items = scaling_law.grown(1e9)
    assert billion["sweep_seconds"] == pytest.approx(30 + 2e-7 * (users + items), rel=1e-3)
    assert billion["hours"] == pytest.approx((16 * billion["sweep_seconds"] + 40) / 3600, rel=1e-3)
    assert billion["hours_of_many_threads"] == pytest.approx(billion["hours"] / 1.8**5, rel=1e-3)
    assert billion["gigabytes"]["whole"] == max(20.0, billion["gigabytes"]["fit"])


def test_few_points_make_no_law() -> None:
    few = [case for case in made_cases() if case["part"] == "threads"]
    assert "law" not in scaling.conclusions(few)
    assert scaling.conclusions([])["series"] == []


def test_a_fit_beyond_its_bound_is_told() -> None:
    cases = made_cases()
    assert all(claim["holds"] for claim in scaling.claims(cases))
    assert any("100,000,000" in claim["claim"] for claim in scaling.claims(cases))
    cases[3]["fit_peak_bytes"] = 1.01 * cases[3]["fit_limit_bytes"]
    assert not scaling.claims(cases)[0]["holds"]


@pytest.mark.parametrize(
    ("cpu", "settings"), [("another", {"repeats": 5}), ("this one", {"repeats": 3})]
)
def test_two_machines_or_settings_never_share_a_file(
    tmp_path: Path, cpu: str, settings: dict
) -> None:
    path = tmp_path / "scaling.json"
    document = {"machine": {"cpu": "this one"}, "settings": {"repeats": 5}, "cases": [1]}
    path.write_text(json.dumps(document))
    assert scaling.kept(path, {"cpu": "this one"}, {"repeats": 5}) == [1]
    with pytest.raises(SystemExit, match="another machine or other settings"):
        scaling.kept(path, {"cpu": cpu}, settings)


# ---- pictures and tables -----------------------------------------------------------------------


def document() -> dict:
    cases = made_cases()
    described = {"cpu": "this one", "cores": 2}
    return {"machine": described, "date": "2026-11-25 17:00 UTC", "cases": cases,
            **scaling.conclusions(cases)}  # fmt: skip


def test_plots_show_every_series_and_the_peers() -> None:
    peers = {"cases": [{"data": "gowalla", "n_factors": d, "rows": [
        {"contender": "lmf", "seconds": 1.0}, {"contender": "peer", "seconds": 2.0 * d},
    ]} for d in (128, 64)]}  # fmt: skip
    assert scaling_pictures.peers_on(peers, "gowalla") == {"peer": [(64, 128.0), (128, 256.0)]}
    drawn = scaling_pictures.factors(document(), peers)
    ml_1m, gowalla = drawn.axes
    assert [line.get_label() for line in ml_1m.lines] == ["lmf, exponent 1.00"]
    assert [line.get_label() for line in gowalla.lines] == ["lmf, exponent 1.00", "peer"]
    assert list(ml_1m.lines[0].get_xdata()) == [2**k for k in range(4, 12)]
    assert len(scaling_pictures.sizes(document()).axes) == 6


def test_peers_of_another_cpu_stay_out(tmp_path: Path) -> None:
    path = tmp_path / "epoch.json"
    assert scaling_pictures.of_same_cpu(document(), path) is None
    for cpu, same in (("this one", True), ("another", False)):
        path.write_text(json.dumps({"machine": {"cpu": cpu}}))
        assert (scaling_pictures.of_same_cpu(document(), path) is not None) == same


def test_tables_of_scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_result", lambda _: document())
    assert tables.scaling().count("\n| ") == len(made_cases()) + 1
    assert "10,000,000,000" in tables.scaling_far()
    assert "1.80 times as fast" in tables.scaling_exponents()


def test_what_is_not_measured_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    told = "Not measured yet: there is no `benchmarks/speed/around.json`.\n"
    assert tables.table("around") == told


def test_pages_say_what_the_files_say() -> None:
    for page in tables.PAGES:
        assert tables.fresh(page.read_text()) == page.read_text()


def test_a_machine_where_few_were_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [{"contender": "lmf", "exact": True, "seconds": 2.0, "by_ours": 1.0},
            {"contender": "slow", "exact": True, "seconds": 9.0, "by_ours": 4.5}]  # fmt: skip
    kept = {
        "date": "2026-11-26 12:00 UTC", "claims": [{"claim": "a", "measured": 1.5, "holds": False}],
        "machine": {"cpu": "Some", "cores": 2, "sgemm_gflops": {"1": 100.4, "2": 200.0}},
        "cases": [{"data": "made", "n_factors": 8, "rows": rows},
                  {"data": "made", "n_factors": 9, "rows": rows[:1]}],
    }  # fmt: skip
    place = tmp_path / "benchmarks" / "elsewhere" / "some-machine" / "speed"
    place.mkdir(parents=True)
    (place / "epoch.json").write_text(json.dumps(kept))
    busy = {**kept["machine"], "sgemm_gflops": {"1": 99.6, "2": 150.0}}
    phase = {"data": "made", "n_factors": 8, "seconds": 2.0, "shares": {"Gram": 0.25},
             "seconds_by_operations": 1.0, "seconds_by_bytes": 0.5, "primal_gflops": 80.0,
             "primal_by_sgemm": 0.4}  # fmt: skip
    measured_busy = {**kept, "machine": busy, "cases": [phase]}
    (place / "phases.json").write_text(json.dumps(measured_busy))
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    told = tables.elsewhere()
    assert "**some-machine**: Some, 2 cores, sgemm 100 GFLOP/s on one thread and 150 to 200" in told
    assert "| made, d = 8 | 2 s | 0% | 0% | 0% | 0% | 0% | 25% |" in told
    assert "| `speed/epoch.json` | 0 of 1 | a: 1.5 |" in told
    assert "| made, d = 8 | 2 s | slow: 9 s, 4.5 |  | not asked |" in told
    assert "| made, d = 9 | 2 s | not asked |  | not asked |" in told


# ---- around a sweep -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[around.Things, dict]:
    folder = tmp_path_factory.mktemp("around")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "CACHE", folder)
        patch.setattr(
            intake, "recipe", lambda rows: Recipe(Law(900, 0.8, 3.0), Law(200, 0.9, 2.0), rows)
        )
        return around.things(intake.prepared(20_000)["shuffled"], folder, 1)


def test_everything_around_is_timed_beside_the_sweep(parts: tuple[around.Things, dict]) -> None:
    named = [line.split()[0].rstrip(",") for line in around.__doc__.splitlines()
             if line.startswith("    ") and not line.startswith("    python")]  # fmt: skip
    assert [*named, "load"] == list(parts[0])
    turns = around.timed(parts[0], repeats=1)
    assert all(len(found) == 1 and found[0]["seconds"] > 0 for found in turns.values())
    assert parts[1]["interactions"] == 20_000


def test_a_thing_that_takes_longer_has_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"sweep": [1, 2, 1], "load": [0.5, 2, 0.5], "save": [3, 3, 3]}
    rows = around.table(
        {name: [{"seconds": s, "cpu_seconds": s} for s in all_] for name, all_ in seconds.items()}
    )
    assert [row["by_sweep"] for row in rows] == [1.0, 0.5, 3.0]
    monkeypatch.setitem(around.CAUSES, "save", "the disk")
    load, save = around.claims(rows)
    assert load["holds"]
    assert "cause" not in load
    assert (save["holds"], save["cause"]) == (False, "the disk")


def test_people_have_all_or_so_many() -> None:
    data = lmf.Interactions.from_arrays([1, 1, 1, 2, 3], [1, 2, 3, 2, 1])
    assert around.people(data, 2).by_user.row_lengths().tolist() == [3, 1]
    assert around.people(data, 9, most=2).by_user.row_lengths().tolist() == [2, 1, 1]


def test_the_objective_anew_is_the_one_evaluators() -> None:
    matrix = generate(Recipe(Law(200, 0.8, 3.0), Law(80, 0.9, 2.0), 2_000))
    data = lmf.Interactions.of(matrix.scipy(np.int64), value=False)
    model = lmf.WeightedMF(5, epochs=2, **around.SETTINGS).fit(data, progress=False)
    factors = model.factors_
    found = around.objective_anew(model, data.by_user, 1)
    true = objective(matrix, factors.user_factors, factors.item_factors, 0.1, 1.0)
    assert found == pytest.approx(true, rel=1e-5)
    last = model.history_[-1].objective  # before the users were solved once more
    assert 0.95 * last < found < last


# ---- where a sweep's time goes ----------------------------------------------------------------

PERF = """
# Overhead  Symbol
    50.00%  [.] _ZN3lmf6avx51211rank_updateIfLNS0_4SignE0EEEvPT_lPKS3_lll
     5.00%  [.] _ZN3lmf6avx51212_GLOBAL__N_111rank_updateEPdPKdS4_llll
     5.00%  [.] _ZN3lmf6avx51212_GLOBAL__N_16rotateEPdlPKdll
    10.00%  [.] _ZN3lmf6avx51212_GLOBAL__N_16rotateEPfliPKfPv
    20.00%  [.] _ZN3lmf6avx51212_GLOBAL__N_19Conjugate4passEl
     5.00%  [.] _ZN3lmf6avx51212_GLOBAL__N_14dualIfEENS1_7VerdictERKNS1_3RowERNS1_9WorkspaceE
     5.00%  [k] clear_page_erms
"""


def test_samples_count_for_their_phases() -> None:
    found = phases.shares(PERF)
    assert found == {"rank-n update": 0.5263, "eigen": 0.1053, "rotation": 0.1053,
                     "conjugate gradients": 0.2105, "gathering": 0.0526}  # fmt: skip


def test_sweeps_of_many_factors_are_claimed_at_the_rate_of_sgemm() -> None:
    """2 s where sgemm gives twice the rate are 4 s of the 3 that were wanted."""
    case = {"data": "gowalla", "n_factors": 1024, "seconds": 2.0, "primal_gflops": 0.0}
    fast, slow = (phases.claims([case], phases.RATE_WANTED * by)[0] for by in (2, 1))
    assert (fast["measured"], fast["holds"]) == (4.0, False)
    assert (slow["measured"], slow["holds"]) == (2.0, True)
    assert phases.claims([{**case, "n_factors": 512}], phases.RATE_WANTED) == []


def test_the_least_operations_of_a_sweep() -> None:
    """Three users of 2, 1 and 0 items, and two items of 2 and 1 users."""
    matrix = Matrix.from_pairs(np.array([0, 0, 1]), np.array([0, 1, 0]), 3, 2)

    def row(n: int, d: int) -> float:
        if n < 0.85 * d:
            return n * n * d + n**3 / 3 + 4 * n * d
        return n * d * (d + 1) + d**3 / 3 + 2 * d * d

    for d in (1, 2, 8):
        dense = 5 * (d * (d + 1) + 2 * d * d)
        expected = 2 * (row(2, d) + row(1, d)) + dense
        assert phases.least_operations(matrix, d) == pytest.approx(expected)


# ---- bfloat16 ----------------------------------------------------------------------------------


def flags() -> list[str]:
    return machine.describe(measure=False)["flags"]


@pytest.mark.skipif("avx512f" not in flags(), reason="no AVX-512 here")
@pytest.mark.skipif(bf16.compiler() is None, reason="no g++ here")
@pytest.mark.parametrize("kernels", ["of this CPU", "AMX emulated"])
def test_kernels_of_bf16_are_right(kernels: str, tmp_path: Path) -> None:
    emulated = kernels == "AMX emulated"
    if not emulated and (missing := bf16.why_not(flags())):
        pytest.skip(missing)
    program = bf16.build(tmp_path, "-O1", *(["-DEMULATE_AMX"] if emulated else []))
    p = np.random.default_rng(0).standard_normal((301, 96)).astype(np.float32)  # no whole panel
    found = bf16.run(program, p, 1, tmp_path)
    for name, one in found.items():
        error = bf16.errors(one["c"], p, np.eye(96))["gram"]
        wanted = {"fma": (0, 3e-7), "bf16x3": (0, 1e-5), "bf16x1": (1e-4, 1e-2)}
        low, high = wanted[name.split("-")[0]]
        assert low <= error < high, name
        assert one["whole"][0] > 0
    assert ("bf16x3-amx" in found) == (emulated or "amx_bf16" in flags())


def test_errors_of_the_exact_gram_are_none() -> None:
    p = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    exact = p.T.astype(np.float64) @ p
    assert max(bf16.errors(exact, p, np.eye(8)).values()) < 1e-12
    off = bf16.errors(exact * (1 + 1e-3), p, np.eye(8))
    assert off["gram"] == pytest.approx(1e-3)
    assert off["observed"] == pytest.approx(1e-3, rel=0.1)


@pytest.mark.parametrize(
    ("speed", "error", "said"),
    [(3.0, 1e-6, "pays"), (0.6, 1e-6, "does not pay: not faster"),
     (0.6, 1e-4, "does not pay: not faster and not accurate enough")],
)  # fmt: skip
def test_what_the_figures_of_bf16_say(speed: float, error: float, said: str) -> None:
    rows = [{"kernel": "fma-lmf", "gflops": 100.0, "errors": {"gram": 1e-8}},
            {"kernel": "bf16x1-8x3", "gflops": 900.0, "errors": {"gram": 1.0}},
            {"kernel": "bf16x3-8x3", "gflops": 100 * speed, "errors": {"gram": error}}]  # fmt: skip
    assert bf16.verdict(bf16.claims([{"n_factors": 64, "rows": rows}])) == said


@pytest.mark.parametrize(
    ("found", "missing"),
    [(["avx2"], "neither"), (["avx512f"], "neither"), (["amx_bf16"], "neither")],
)
def test_a_cpu_without_bfloat16_is_told(found: list[str], missing: str) -> None:
    assert missing in str(bf16.why_not(found))

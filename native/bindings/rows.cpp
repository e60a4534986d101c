#include "arrays.hpp"
#include "nonnegative.hpp"
#include "sweep.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

Form form_of(const std::string& name) {
  if (name == "primal") return Form::primal;
  if (name == "dual") return Form::dual;
  if (name == "conjugate") return Form::conjugate;
  require(name == "cheapest", "form must be cheapest, primal, dual or conjugate");
  return Form::cheapest;
}

// What both functions take; checked here, kept alive by the caller.
struct Arguments {
  In1<std::int64_t> indptr;
  In1<std::int32_t> indices;
  std::optional<In1<float>> targets, weights;
  double unobserved_weight;
  In1<double> regularization;
  InOut2<float> out;
  std::optional<In1<float>> row_share, fixed_share;
  double weight_base = 0, weight_slope = 1;

  RowProblem problem(std::size_t n_fixed, std::size_t d) const {
    const std::size_t rows = out.shape(0), nnz = indices.size();
    require(d >= 1 && out.shape(1) == d, "fixed and out must have the same d >= 1 columns");
    require(indptr.size() == rows + 1, "indptr must have one element more than out has rows");
    require(!targets || targets->size() == nnz, "targets must be as long as indices");
    require(!weights || weights->size() == nnz, "weights must be as long as indices");
    require(unobserved_weight >= 0 && unobserved_weight < 1e300,
            "unobserved_weight must be finite and not negative");
    require(regularization.size() == rows, "regularization must have an element for each row");
    require(!row_share || row_share->size() == rows, "row_share must have an element for each row");
    require(!fixed_share || fixed_share->size() == n_fixed,
            "fixed_share must have an element for each row of fixed");
    require(weight_base >= 0 && weight_base < 1e300 && weight_slope >= 0 && weight_slope < 1e300,
            "weight_base and weight_slope must be finite and not negative");
    require_csr(indptr.data(), rows, indices.data(), nnz, n_fixed);
    RowProblem problem;
    problem.d = static_cast<int>(d);
    problem.n_rows = static_cast<std::int64_t>(rows);
    problem.indptr = indptr.data();
    problem.indices = indices.data();
    problem.targets = data_or_null<float>(targets);
    problem.weights = data_or_null<float>(weights);
    problem.weight_base = weight_base;
    problem.weight_slope = weight_slope;
    problem.unobserved_weight = unobserved_weight;
    problem.row_share = data_or_null<float>(row_share);
    problem.fixed_share = data_or_null<float>(fixed_share);
    problem.regularization = regularization.data();
    problem.out = out.data();
    return problem;
  }
};

nb::dict as_dict(const RowCounts& counts) {
  nb::dict result;
  result["diagonal"] = counts.diagonal;
  result["primal"] = counts.primal;
  result["dual"] = counts.dual;
  result["conjugate"] = counts.conjugate;
  result["given_up"] = counts.given_up;
  result["refined"] = counts.refined;
  result["in_double"] = counts.in_double;
  return result;
}

nb::dict solve(In1<std::int64_t> indptr, In1<std::int32_t> indices,
               std::optional<In1<float>> targets, std::optional<In1<float>> weights,
               double unobserved_weight, In1<double> regularization, In2<float> fixed,
               InOut2<float> out, std::optional<In1<double>> gram,
               std::optional<InOut1<double>> objective, std::optional<In2<float>> prior,
               std::optional<In1<float>> row_share, std::optional<In1<float>> fixed_share,
               const std::string& form, int n_threads, double weight_base, double weight_slope) {
  const Arguments arguments{indptr,         indices, targets,   weights,     unobserved_weight,
                            regularization, out,     row_share, fixed_share, weight_base,
                            weight_slope};
  RowProblem problem = arguments.problem(fixed.shape(0), fixed.shape(1));
  require(unobserved_weight == 0 || gram, "gram is needed where unobserved_weight > 0");
  require(!gram || gram->size() == fixed.shape(1), "gram must have d elements");
  require(!objective || objective->size() == out.shape(0),
          "objective must have an element for each row");
  require(!prior || (prior->shape(0) == out.shape(0) && prior->shape(1) == out.shape(1)),
          "prior must have the shape of out");
  problem.fixed = fixed.data();
  problem.gram = data_or_null<double>(gram);
  problem.prior = data_or_null<float>(prior);
  problem.form = form_of(form);
  problem.objective = objective ? objective->data() : nullptr;
  RowCounts counts;
  bool finished;
  {
    WithoutGil free;
    finished = solve_rows(problem, n_threads, free.interrupt(), &counts);
  }
  raise_if_interrupted(finished);
  return as_dict(counts);
}

nb::tuple sweep_side(In1<std::int64_t> indptr, In1<std::int32_t> indices,
                     std::optional<In1<float>> targets, std::optional<In1<float>> weights,
                     double unobserved_weight, In1<double> regularization, InOut2<float> fixed,
                     InOut2<float> out, int n_threads, std::optional<In1<float>> row_share,
                     std::optional<In1<float>> fixed_share, double weight_base,
                     double weight_slope, double relaxation, int steps, bool warm) {
  const Arguments arguments{indptr,         indices, targets,   weights,     unobserved_weight,
                            regularization, out,     row_share, fixed_share, weight_base,
                            weight_slope};
  require(relaxation > 0 && relaxation < 2, "relaxation must lie between 0 and 2");
  require(steps >= 0, "steps must not be negative");
  RowProblem problem = arguments.problem(fixed.shape(0), fixed.shape(1));
  problem.relaxation = relaxation;
  problem.steps = steps;
  problem.warm = warm;
  Sweep sweep;
  bool finished;
  {
    WithoutGil free;
    finished = half_sweep(problem, fixed.data(), static_cast<std::int64_t>(fixed.shape(0)), n_threads, free.interrupt(), sweep);
  }
  raise_if_interrupted(finished);
  return nb::make_tuple(sweep.objective, as_dict(sweep.counts));
}

void improve_nonnegative(In1<std::int64_t> indptr, In1<std::int32_t> indices,
                         std::optional<In1<float>> targets, std::optional<In1<float>> weights,
                         double unobserved_weight, In1<double> regularization, In2<float> fixed,
                         InOut2<float> out, std::optional<In2<double>> gram,
                         InOut1<double> objective, int passes, double tolerance, int n_threads) {
  const Arguments arguments{indptr,         indices, targets, weights, unobserved_weight,
                            regularization, out,     {},      {}};
  const std::size_t d = fixed.shape(1);
  NonnegativeProblem problem;
  problem.rows = arguments.problem(fixed.shape(0), d);
  require(unobserved_weight == 0 || gram, "gram is needed where unobserved_weight > 0");
  require(!gram || (gram->shape(0) == d && gram->shape(1) == d), "gram must be d x d");
  require(objective.size() == out.shape(0), "objective must have an element for each row");
  require(passes >= 0, "passes must not be negative");
  problem.rows.fixed = fixed.data();
  problem.rows.objective = objective.data();
  problem.gram = gram ? gram->data() : nullptr;
  problem.passes = passes;
  problem.tolerance = tolerance;
  bool finished;
  {
    WithoutGil free;
    finished = nonnegative_rows(problem, n_threads, free.interrupt());
  }
  raise_if_interrupted(finished);
}

}  // namespace

void bind_rows(nb::module_& m) {
  m.def("solve_rows", &solve, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "targets"_a.noconvert().none(), "weights"_a.noconvert().none(), "unobserved_weight"_a,
        "regularization"_a.noconvert(), "fixed"_a.noconvert(), "out"_a.noconvert(),
        "gram"_a.noconvert().none() = nb::none(), "objective"_a.noconvert().none() = nb::none(),
        "prior"_a.noconvert().none() = nb::none(), "row_share"_a.noconvert().none() = nb::none(),
        "fixed_share"_a.noconvert().none() = nb::none(), "form"_a = "cheapest", "n_threads"_a = 0,
        "weight_base"_a = 0.0, "weight_slope"_a = 1.0,
        nb::sig("def solve_rows(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "targets: numpy.ndarray | None, weights: numpy.ndarray | None, "
                "unobserved_weight: float, regularization: numpy.ndarray, fixed: numpy.ndarray, "
                "out: numpy.ndarray, gram: numpy.ndarray | None = None, "
                "objective: numpy.ndarray | None = None, prior: numpy.ndarray | None = None, "
                "row_share: numpy.ndarray | None = None, fixed_share: numpy.ndarray | None = None, "
                "form: str = 'cheapest', n_threads: int = 0, weight_base: float = 0.0, "
                "weight_slope: float = 1.0) -> dict[str, int]"),
        "Solves each row of out float32[n_rows, d] exactly, given fixed float32[n, d] whose Gram "
        "matrix (weighed by fixed_share) is diag(gram); native/rows.hpp has the equation. An entry "
        "weighs weight_base + weight_slope times its element of weights (None: 1). Returns "
        "how many rows were solved in which way.");
  m.def("half_sweep", &sweep_side, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "targets"_a.noconvert().none(), "weights"_a.noconvert().none(), "unobserved_weight"_a,
        "regularization"_a.noconvert(), "fixed"_a.noconvert(), "out"_a.noconvert(),
        "n_threads"_a = 0, "row_share"_a.noconvert().none() = nb::none(),
        "fixed_share"_a.noconvert().none() = nb::none(), "weight_base"_a = 0.0,
        "weight_slope"_a = 1.0, "relaxation"_a = 1.0, "steps"_a = 0,
        "warm"_a = false,
        nb::sig("def half_sweep(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "targets: numpy.ndarray | None, weights: numpy.ndarray | None, "
                "unobserved_weight: float, regularization: numpy.ndarray, fixed: numpy.ndarray, "
                "out: numpy.ndarray, n_threads: int = 0, row_share: numpy.ndarray | None = None, "
                "fixed_share: numpy.ndarray | None = None, weight_base: float = 0.0, "
                "weight_slope: float = 1.0, relaxation: float = 1.0, steps: int = 0, warm: bool = False) "
                "-> tuple[float, dict[str, int]]"),
        "Rotates fixed into the eigenbasis of its Gram matrix, in place, and solves every row of "
        "out there; with a relaxation it goes so many times as far from where it was, and with steps "
        "makes so many of conjugate gradients from there where that is cheaper; if warm, those that "
        "solve a row begin there. Returns the sum of the rows' minima, without relaxation, and how they were solved.");
  m.def("nonnegative_rows", &improve_nonnegative, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "targets"_a.noconvert().none(), "weights"_a.noconvert().none(), "unobserved_weight"_a,
        "regularization"_a.noconvert(), "fixed"_a.noconvert(), "out"_a.noconvert(),
        "gram"_a.noconvert().none(), "objective"_a.noconvert(), "passes"_a, "tolerance"_a,
        "n_threads"_a = 0,
        nb::sig("def nonnegative_rows(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "targets: numpy.ndarray | None, weights: numpy.ndarray | None, "
                "unobserved_weight: float, regularization: numpy.ndarray, fixed: numpy.ndarray, "
                "out: numpy.ndarray, gram: numpy.ndarray | None, objective: numpy.ndarray, "
                "passes: int, tolerance: float, n_threads: int = 0) -> None"),
        "Improves each row of out float32[n_rows, d], which stays >= 0, by coordinate descent; "
        "native/nonnegative.hpp has the equations. gram is the full V'V, float64[d, d].");
}

}  // namespace lmf::bindings

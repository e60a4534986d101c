#include "gibbs.hpp"

#include <algorithm>

#include "arrays.hpp"

namespace lmf::bindings {
namespace {

using namespace nb::literals;

nb::tuple as_tuple(const RowPrior& prior) {
  const auto d = static_cast<std::size_t>(prior.d);
  Owned<double> map(d * d), mean(d);
  std::copy(prior.map.begin(), prior.map.end(), map.data());
  std::copy(prior.mean.begin(), prior.mean.end(), mean.data());
  return nb::make_tuple(map.matrix(d, d), mean.vector());
}

nb::tuple sweep(In1<std::int64_t> indptr, In1<std::int32_t> indices, In1<float> targets,
                In2<float> fixed, InOut2<float> out, double precision, std::uint64_t seed,
                int n_threads, std::optional<In1<float>> bias, bool check) {
  const std::size_t rows = out.shape(0), d = out.shape(1), nnz = indices.size();
  require(d >= 1 && fixed.shape(1) == d, "fixed and out must have the same d >= 1 columns");
  require(indptr.size() == rows + 1, "indptr must have one element more than out has rows");
  require(targets.size() == nnz, "targets must be as long as indices");
  require(!bias || bias->size() == fixed.shape(0), "bias must have one element for each row of fixed");
  require(precision > 0 && precision < 1e300, "precision must be positive and finite");
  if (check) require_csr(indptr.data(), rows, indices.data(), nnz, fixed.shape(0));
  RowProblem problem;
  problem.d = static_cast<int>(d);
  problem.n_rows = static_cast<std::int64_t>(rows);
  problem.indptr = indptr.data();
  problem.indices = indices.data();
  problem.targets = targets.data();
  problem.out = out.data();
  RowPrior prior{};
  double error = 0;
  bool finished;
  {
    WithoutGil free;
    finished = gibbs_sweep(problem, fixed.data(), data_or_null<float>(bias),
                           static_cast<std::int64_t>(fixed.shape(0)), precision, seed, n_threads,
                           free.interrupt(), prior, error);
  }
  raise_if_interrupted(finished);
  const nb::tuple drawn = as_tuple(prior);
  return nb::make_tuple(drawn[0], drawn[1], error);
}

nb::tuple prior_of(std::int64_t n, In1<double> sums, In2<double> gram, std::uint64_t seed) {
  require(n >= 0, "n must not be negative");
  require(gram.shape(0) == sums.size() && gram.shape(1) == sums.size(), "gram must be d x d");
  return as_tuple(draw_prior(n, static_cast<int>(sums.size()), sums.data(), gram.data(), seed));
}

}  // namespace

void bind_gibbs(nb::module_& m) {
  m.def("gibbs_sweep", &sweep, "indptr"_a.noconvert(), "indices"_a.noconvert(),
        "targets"_a.noconvert(), "fixed"_a.noconvert(), "out"_a.noconvert(), "precision"_a, "seed"_a,
        "n_threads"_a = 0, "bias"_a.noconvert().none() = nb::none(), "check"_a = true,
        nb::sig("def gibbs_sweep(indptr: numpy.ndarray, indices: numpy.ndarray, "
                "targets: numpy.ndarray, fixed: numpy.ndarray, out: numpy.ndarray, "
                "precision: float, seed: int, n_threads: int = 0, "
                "bias: numpy.ndarray | None = None, check: bool = True) "
                "-> tuple[numpy.ndarray, numpy.ndarray, float]"),
        "Draws the Gauss-Wishart prior of the rows of out float32[n_rows, d] and then the rows, given "
        "fixed float32[n, d], whose bias[n] is taken from the targets; native/gibbs.hpp has the "
        "model. Returns T float64[d, d] and m "
        "float64[d], a row is x = T z, z ~ N(m, I) a priori, and the squared error of the targets "
        "under the new rows. `check` looks at every index first: needed once for rows that do not "
        "change.");
  m.def("draw_prior", &prior_of, "n"_a, "sums"_a.noconvert(), "gram"_a.noconvert(), "seed"_a,
        nb::sig("def draw_prior(n: int, sums: numpy.ndarray, gram: numpy.ndarray, seed: int) "
                "-> tuple[numpy.ndarray, numpy.ndarray]"),
        "Draws the Gauss-Wishart prior given the sums and the Gram matrix of n rows, as T and m.");
}

}  // namespace lmf::bindings

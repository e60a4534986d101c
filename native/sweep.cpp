#include "sweep.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "dense.hpp"
#include "eigen.hpp"
#include "spread.hpp"

namespace lmf {
namespace {

// V with each row times the root of its share, so that the Gram matrix is V' diag(share) V.
std::vector<float> weighed(const float* factors, std::int64_t n, int d, const float* share) {
  std::vector<float> scaled(static_cast<std::size_t>(n) * d);
  for (std::int64_t row = 0; row < n; ++row) {
    const float root = std::sqrt(share[row]);
    for (std::int64_t k = row * d; k < (row + 1) * d; ++k) scaled[k] = root * factors[k];
  }
  return scaled;
}

// The eigenvectors (a row each) and eigenvalues of V'V, in falling order.
struct Basis {
  std::vector<double> vectors, values;

  Basis(const float* factors, std::int64_t n, int d, int n_threads)
      : vectors(static_cast<std::size_t>(d) * d), values(d) {
    std::vector<double> matrix(vectors.size());
    gram(factors, n, d, matrix.data(), n_threads, {});
    if (!eigen_symmetric(matrix.data(), d, values.data(), vectors.data(), n_threads))
      throw std::domain_error("factors are not finite");
    for (int low = 0, high = d - 1; low < high; ++low, --high) {
      std::swap(values[low], values[high]);
      std::swap_ranges(&vectors[static_cast<std::size_t>(low) * d],
                       &vectors[static_cast<std::size_t>(low) * d] + d,
                       &vectors[static_cast<std::size_t>(high) * d]);
    }
    for (double& value : values) value = std::max(value, 0.0);
  }
};

// No more threads than have something to do.
int useful_threads(const RowProblem& problem, int n_threads) {
  constexpr double worth_a_thread = 1 << 18;  // multiply-adds
  const double interactions = problem.n_rows ? static_cast<double>(problem.indptr[problem.n_rows]) : 0.0;
  return static_cast<int>(std::min<double>(resolve_threads(n_threads),
                                           1 + interactions * problem.d / worth_a_thread));
}

}  // namespace

bool half_sweep(RowProblem problem, float* fixed, std::int64_t n_fixed, int n_threads,
                const Interrupt& interrupt, Sweep& sweep) {
  std::vector<double> minima(problem.n_rows);
  std::vector<std::uint8_t> done(problem.n_rows, 0);
  problem.fixed = fixed;
  problem.n_fixed = n_fixed;
  problem.objective = minima.data();
  problem.done = done.data();
  n_threads = useful_threads(problem, n_threads);
  Crew crew(n_threads);  // for all the parts below
  spread(crew, n_threads);
  const bool from_before = problem.relaxation != 1 || problem.steps > 0;
  bool finished;
  if (problem.unobserved_weight > 0) {
    std::vector<float> scaled;
    if (problem.fixed_share) scaled = weighed(fixed, n_fixed, problem.d, problem.fixed_share);
    const Basis basis(problem.fixed_share ? scaled.data() : fixed, n_fixed, problem.d, n_threads);
    scaled = {};
    problem.gram = basis.values.data();
    rotate(fixed, n_fixed, problem.d, basis.vectors.data(), nullptr, n_threads, {});
    // Rows that begin where they are must be turned before; the others are replaced.
    std::vector<std::uint8_t> replaced(problem.n_rows, !from_before);
    if (!from_before && problem.warm) replaced = cold_rows(problem);
    if (from_before || problem.warm)
      rotate(problem.out, problem.n_rows, problem.d, basis.vectors.data(), replaced.data(), n_threads, {});
    problem.usual_passes = usual_passes(problem);
    finished = solve_rows(problem, n_threads, interrupt, &sweep.counts);
    if (!finished) {
      for (std::int64_t row = 0; row < problem.n_rows; ++row) replaced[row] = done[row] || !replaced[row];
      rotate(problem.out, problem.n_rows, problem.d, basis.vectors.data(), replaced.data(), n_threads, {});
    }
  } else {
    finished = solve_rows(problem, n_threads, interrupt, &sweep.counts);
  }
  for (const double minimum : minima) sweep.objective += minimum;
  return finished;
}

}  // namespace lmf

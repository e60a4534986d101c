// The row solver without Python: its forms agree, bits do not depend on the threads, an
// interrupted half-sweep leaves a consistent pair. Returns the number of failures.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "sweep.hpp"

namespace lmf {
const RowKernels& row_kernels();
}

namespace {

int failures = 0;

void expect(bool good, const char* what, int d, std::int64_t n) {
  if (good) return;
  std::printf("FAILED: %s (d = %d, n = %lld)\n", what, d, static_cast<long long>(n));
  ++failures;
}

struct Data {
  int d;
  std::int64_t n_rows, n_fixed;
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> indices;
  std::vector<float> fixed, weights, targets;
  std::vector<double> regularization;

  Data(int d, std::int64_t n_rows, std::int64_t n_fixed, std::int64_t longest, unsigned seed)
      : d(d), n_rows(n_rows), n_fixed(n_fixed), regularization(n_rows, 0.5) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    fixed.resize(n_fixed * d);
    for (float& value : fixed) value = normal(random);
    for (std::int64_t row = 0; row < n_rows; ++row) {
      const auto length = static_cast<std::int64_t>(random() % (longest + 1));
      for (std::int64_t k = 0; k < length; ++k) {
        indices.push_back(static_cast<std::int32_t>(random() % n_fixed));
        weights.push_back(1.0f + std::fabs(normal(random)));
        targets.push_back(normal(random));
      }
      indptr.push_back(static_cast<std::int64_t>(indices.size()));
    }
  }

  lmf::RowProblem problem(float* out) const {
    lmf::RowProblem problem;
    problem.d = d;
    problem.fixed = fixed.data();
    problem.n_rows = n_rows;
    problem.indptr = indptr.data();
    problem.indices = indices.data();
    problem.weights = weights.data();
    problem.targets = targets.data();
    problem.regularization = regularization.data();
    problem.out = out;
    return problem;
  }
};

std::vector<float> solved(const Data& data, lmf::Form form, int n_threads) {
  std::vector<float> out(data.n_rows * data.d, NAN);
  lmf::RowProblem problem = data.problem(out.data());
  problem.form = form;
  lmf::solve_rows(problem, n_threads, {});
  return out;
}

void forms_agree(int d) {
  const Data data(d, 40, 60, d, 1);
  const auto primal = solved(data, lmf::Form::primal, 1);
  for (const lmf::Form form : {lmf::Form::dual, lmf::Form::conjugate}) {
    const auto other = solved(data, form, 1);
    double difference = 0, size = 0;
    for (std::size_t k = 0; k < primal.size(); ++k) {
      difference += std::pow(primal[k] - other[k], 2);
      size += std::pow(primal[k], 2);
    }
    expect(std::sqrt(difference) <= 1e-5 * std::sqrt(size), "forms agree", d, 40);
  }
}

void threads_agree(int d) {
  const Data data(d, 500, 200, 3 * d, 2);
  const auto one = solved(data, lmf::Form::cheapest, 1);
  for (int n_threads : {2, 3, 8})
    expect(one == solved(data, lmf::Form::cheapest, n_threads), "bits are those of one thread", d, 500);
}

// Products u.v of rows that an interrupted sweep did not reach must be what they were.
void interruption_is_consistent(double relaxation, bool warm) {
  Data data(16, 60000, 500, 40, 3);
  std::vector<float> out(data.n_rows * data.d);
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (float& value : out) value = normal(random);
  const auto before = out;
  const auto fixed_before = data.fixed;
  lmf::RowProblem problem = data.problem(out.data());
  problem.unobserved_weight = 0.2;
  problem.relaxation = relaxation;
  problem.warm = warm;
  if (warm) problem.form = lmf::Form::conjugate;  // else no row is so long that it begins where it is
  int polls = 0;
  lmf::Sweep sweep;
  const bool finished =
      lmf::half_sweep(problem, data.fixed.data(), data.n_fixed, 2, [&] { return ++polls > 0; }, sweep);
  if (finished) return;  // a machine so fast that nobody asked
  const std::int64_t last = data.n_rows - 1;
  double old_product = 0, product = 0;
  for (int k = 0; k < data.d; ++k) {
    old_product += before[last * data.d + k] * fixed_before[k];
    product += out[last * data.d + k] * data.fixed[k];
  }
  expect(std::fabs(old_product - product) < 1e-3, "an unsolved row was turned along", data.d, last);
}

// A row must not read what it has not written, not even to multiply it by zero.
void workspace_may_hold_anything(int d) {
  const Data data(d, 20, 60, d, 5);
  const std::vector<float> prior(data.n_rows * d, 0.25f);
  const std::size_t bytes = (lmf::row_kernels().workspace_bytes(d) + 63) / 64 * 64;
  for (const bool draw : {false, true})
    for (const lmf::Form form : {lmf::Form::primal, lmf::Form::dual, lmf::Form::conjugate}) {
      std::vector<float> clean(data.n_rows * d), poisoned(data.n_rows * d);
      std::vector<double> minima(data.n_rows), poisoned_minima(data.n_rows);
      for (const int fill : {0, 0xff}) {
        lmf::RowProblem problem = data.problem(fill ? poisoned.data() : clean.data());
        problem.form = form;
        problem.draw = draw;
        if (form != lmf::Form::conjugate) problem.prior = prior.data();  // else it would not be used
        problem.objective = fill ? poisoned_minima.data() : minima.data();
        void* memory = std::aligned_alloc(64, bytes);
        std::memset(memory, fill, bytes);
        lmf::RowCounts counts;
        lmf::row_kernels().solve(problem, 0, data.n_rows, memory, counts);
        std::free(memory);
      }
      expect(clean == poisoned && minima == poisoned_minima, "what was in the workspace does not matter", d,
             data.n_rows);
    }
}

// Rows whose passes are made together have the bits that each has alone, whoever is beside it.
void together_as_alone(int d) {
  Data data(d, 24, 300, 2 * d, 6);
  std::fill(data.regularization.begin(), data.regularization.end(), 3.0 * d);  // else it would take many steps
  const lmf::RowKernels& kernels = lmf::row_kernels();
  std::vector<std::int64_t> rows;
  for (std::int64_t row = data.n_rows - 1; row >= 0; --row) rows.push_back(row);
  std::vector<float> alone(data.n_rows * d), together(data.n_rows * d);
  std::vector<double> minima(data.n_rows), minima_together(data.n_rows);
  for (const int steps : {0, 3}) {
    for (const bool side_by_side : {false, true}) {
      std::vector<float>& out = side_by_side ? together : alone;
      std::fill(out.begin(), out.end(), 0.25f);
      lmf::RowProblem problem = data.problem(out.data());
      problem.form = lmf::Form::conjugate;
      problem.steps = steps;
      problem.objective = (side_by_side ? minima_together : minima).data();
      const std::size_t bytes =
          side_by_side ? kernels.together_bytes(d, data.n_rows) : kernels.workspace_bytes(d);
      void* memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
      std::memset(memory, 0xff, bytes);
      lmf::RowCounts counts;
      if (side_by_side) kernels.solve_together(problem, rows.data(), data.n_rows, memory, counts);
      else kernels.solve(problem, 0, data.n_rows, memory, counts);
      std::free(memory);
      expect(counts.conjugate > 0, "some are solved by conjugate gradients", d, data.n_rows);
    }
    expect(alone == together && minima == minima_together, "bits are those of a row alone", d, data.n_rows);
  }
}

}  // namespace

int main() {
  for (int d : {1, 7, 16, 33, 64, 130}) {
    forms_agree(d);
    threads_agree(d);
    workspace_may_hold_anything(d);
    together_as_alone(d);
  }
  interruption_is_consistent(1.5, false);
  interruption_is_consistent(1, true);
  interruption_is_consistent(1, false);
  std::printf(failures ? "%d failures\n" : "rows: all good\n", failures);
  return failures;
}

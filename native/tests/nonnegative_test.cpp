// Non-negative rows without Python: both forms against the plain definition of a coordinate's step
// in float64, the objective that they report, and bits that depend neither on the threads nor on
// the neighbours in a block. Returns the number of failures.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "nonnegative.hpp"

namespace {

int failures = 0;

void expect(bool good, const char* what, int d, double w0) {
  if (good) return;
  std::printf("FAILED: %s (d = %d, w0 = %g)\n", what, d, w0);
  ++failures;
}

struct Data {
  int d;
  std::int64_t n_rows, n_fixed;
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> indices;
  std::vector<float> fixed, start, targets;
  std::vector<double> gram, lambda;

  Data(int d, std::int64_t n_rows, std::int64_t n_fixed, unsigned seed)
      : d(d), n_rows(n_rows), n_fixed(n_fixed), gram(d * d) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform;
    for (std::int64_t k = 0; k < n_fixed * d; ++k) fixed.push_back(uniform(random));
    for (std::int64_t k = 0; k < n_rows * d; ++k) start.push_back(uniform(random));
    for (std::int64_t row = 0; row < n_rows; ++row) {
      for (std::int64_t j = 0; j < n_fixed; ++j)
        if (random() % 3 < row % 3) {  // every third row is empty
          indices.push_back(static_cast<std::int32_t>(j));
          targets.push_back(5 * uniform(random));
        }
      indptr.push_back(static_cast<std::int64_t>(indices.size()));
      lambda.push_back(row % 5 * 0.5);  // one lane's curvature differs from the next one's
    }
    for (std::int64_t j = 0; j < n_fixed; ++j)
      for (int k = 0; k < d; ++k)
        for (int l = 0; l < d; ++l)
          gram[k * d + l] += double(fixed[j * d + k]) * fixed[j * d + l];
  }

  std::vector<float> improved(double w0, int passes, int n_threads, std::vector<double>& objective,
                              std::int64_t first = 0) const {
    std::vector<float> out(start.begin() + first * d, start.end());
    objective.assign(n_rows - first, NAN);
    lmf::NonnegativeProblem problem;
    problem.rows.d = d;
    problem.rows.fixed = fixed.data();
    problem.rows.n_rows = n_rows - first;
    problem.rows.indptr = indptr.data() + first;
    problem.rows.indices = indices.data();
    problem.rows.targets = targets.data();
    problem.rows.unobserved_weight = w0;
    problem.rows.regularization = lambda.data() + first;
    problem.rows.out = out.data();
    problem.rows.objective = objective.data();
    problem.gram = gram.data();
    problem.passes = passes;
    lmf::nonnegative_rows(problem, n_threads, {});
    return out;
  }

  // The same passes as they are defined, and the objective.
  double plain(std::int64_t row, double w0, int passes, std::vector<double>& x) const {
    std::vector<double> weight(n_fixed, w0), target(n_fixed);
    for (std::int64_t e = indptr[row]; e < indptr[row + 1]; ++e) {
      weight[indices[e]] = 1;
      target[indices[e]] = targets[e];
    }
    const auto score = [&](std::int64_t j) {
      double sum = 0;
      for (int k = 0; k < d; ++k) sum += x[k] * fixed[j * d + k];
      return sum;
    };
    x.assign(start.begin() + row * d, start.begin() + (row + 1) * d);
    for (int pass = 0; pass < passes; ++pass)
      for (int k = 0; k < d; ++k) {
        double gradient = lambda[row] * x[k], curvature = lambda[row];
        for (std::int64_t j = 0; j < n_fixed; ++j) {
          gradient += weight[j] * (score(j) - target[j]) * fixed[j * d + k];
          curvature += weight[j] * fixed[j * d + k] * fixed[j * d + k];
        }
        if (curvature > 0) x[k] = std::fmax(0, x[k] - gradient / curvature);
      }
    double objective = 0;
    for (std::int64_t j = 0; j < n_fixed; ++j)
      objective += weight[j] * std::pow(target[j] - score(j), 2);
    for (int k = 0; k < d; ++k) objective += lambda[row] * x[k] * x[k];
    return objective;
  }
};

void agrees_with_the_definition(int d, double w0) {
  const Data data(d, 71, 40, 1);
  std::vector<double> objective, x;
  const auto out = data.improved(w0, 3, 2, objective);
  for (std::int64_t row = 0; row < data.n_rows; ++row) {
    const double value = data.plain(row, w0, 3, x);
    double difference = 0, size = 0;
    for (int k = 0; k < d; ++k) {
      difference += std::pow(out[row * d + k] - x[k], 2);
      size += x[k] * x[k];
    }
    expect(std::sqrt(difference) <= 1e-4 * std::sqrt(size) + 1e-6, "rows as defined", d, w0);
    double energy = 1e-3;
    for (std::int64_t e = data.indptr[row]; e < data.indptr[row + 1]; ++e)
      energy += std::pow(data.targets[e], 2);
    expect(std::fabs(objective[row] - value) <= 2e-5 * energy, "objective as defined", d, w0);
  }
}

void bits_depend_on_the_row_alone(int d, double w0) {
  const Data data(d, 301, 40, 2);
  std::vector<double> objective, others;
  const auto one = data.improved(w0, 4, 1, objective);
  for (int n_threads : {2, 3, 8}) {
    expect(one == data.improved(w0, 4, n_threads, others), "bits are those of one thread", d, w0);
    expect(objective == others, "objectives are those of one thread", d, w0);
  }
  const std::int64_t first = 5;  // every row in another lane, beside others
  const auto moved = data.improved(w0, 4, 2, others, first);
  expect(std::vector<float>(one.begin() + first * d, one.end()) == moved, "lanes are alike", d, w0);
}

}  // namespace

int main() {
  for (int d : {1, 3, 8, 16, 17, 33, 64, 130})
    for (double w0 : {0.0, 0.3, 1.0, 2.0}) {
      agrees_with_the_definition(d, w0);
      bits_depend_on_the_row_alone(d, w0);
    }
  std::printf(failures ? "%d failures\n" : "nonnegative: all good\n", failures);
  return failures;
}

// half_sweep with unobserved weight: every row solves its equations in the basis that it came to, with a
// relaxation goes past its solution by as much as was asked for, and with steps never makes its part of
// the objective worse than it was and knows it.
#include "sweep.hpp"

#include <stdexcept>

#include "normwise.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

constexpr float begun_at = 0.5f;

double dot(const float* x, const float* y, std::int64_t d) {
  double total = 0;
  for (std::int64_t i = 0; i < d; ++i) total += static_cast<double>(x[i]) * y[i];
  return total;
}

// Products u.v do not depend on the basis, so they tell where a row went: from u0.v0 to w times as far
// as to u.v.
void expect_relaxed(const Problem& given, const std::vector<float>& at_first, const std::vector<float>& solved,
                    const std::vector<float>& turned, double relaxation) {
  const std::vector<float> begun(solved.size(), begun_at);
  std::vector<float> out = begun, fixed = at_first;
  Sweep sweep;
  RowProblem problem = given.problem(out.data());
  problem.relaxation = relaxation;
  expect(half_sweep(problem, fixed.data(), given.n_fixed, 1, {}, sweep),
         "a relaxed run that nobody stops finishes");
  expect(fixed == turned, "relaxation turns the fixed factors no other way");
  const std::int64_t d = given.d, n_rows = given.rows.n_rows;
  for (std::int64_t row = 0; row < n_rows; ++row)
    for (std::int64_t k = 0; k < given.n_fixed; k += 7) {
      const float *v0 = &at_first[k * d], *v = &turned[k * d];
      const double from = dot(&begun[row * d], v0, d), to = dot(&solved[row * d], v, d);
      const double wanted = from + relaxation * (to - from), found = dot(&out[row * d], v, d);
      const double size = std::sqrt(dot(v0, v0, d)) * (std::sqrt(dot(&begun[row * d], &begun[row * d], d)) +
                                                       std::sqrt(dot(&solved[row * d], &solved[row * d], d)));
      expect(std::fabs(found - wanted) <= 1e-5 * size, "a relaxed row goes as far as was asked for");
    }
}

// A row's part of the objective, and the lengths of the terms it is made of.
struct Value {
  double value = 0, size = 0;
};
Value value_of(const Problem& given, std::int64_t row, const float* x, const std::vector<float>& fixed) {
  const std::int64_t d = given.d;
  const double unobserved =
      given.unobserved_weight * (given.row_share.empty() ? 1 : given.row_share[row]);
  Value found;
  const auto add = [&](double term) {
    found.value += term;
    found.size += std::fabs(term);
  };
  for (std::int64_t j = 0; j < given.n_fixed; ++j) {
    const double s = dot(x, &fixed[j * d], d);
    add(unobserved * given.share_of(j) * s * s);
  }
  add(given.regularization[row] * dot(x, x, d));
  for (std::int64_t k = given.rows.indptr[row]; k < given.rows.indptr[row + 1]; ++k) {
    const std::int64_t j = given.rows.indices[k];
    const double s = dot(x, &fixed[j * d], d), weight = given.has_weights ? given.weights[k] : 1;
    const double target = given.has_targets ? given.targets[k] : 1;
    add(weight * (target - s) * (target - s));
    add(-unobserved * given.share_of(j) * s * s);
  }
  return found;
}

// What the minimum of a row that was solved is the rest of.
double squared_targets(const Problem& given, std::int64_t row) {
  double total = 0;
  for (std::int64_t k = given.rows.indptr[row]; k < given.rows.indptr[row + 1]; ++k) {
    const double target = given.has_targets ? given.targets[k] : 1;
    total += (given.has_weights ? given.weights[k] : 1) * target * target;
  }
  return total;
}

// By some steps, which begin where the row is, and then a relaxation.
void expect_steps(const Problem& given, const std::vector<float>& at_first, int steps, double relaxation) {
  const std::vector<float> begun(given.rows.n_rows * given.d, begun_at);
  std::vector<float> out = begun, fixed = at_first;
  Sweep sweep;
  RowProblem problem = given.problem(out.data());
  problem.relaxation = relaxation;
  problem.steps = steps;
  problem.form = Form::conjugate;
  expect(half_sweep(problem, fixed.data(), given.n_fixed, 1, {}, sweep), "steps that nobody stops are made");
  expect(all_finite(out) && std::isfinite(sweep.objective), "steps lead to finite factors");
  double before = 0, after = 0, size = 0;
  for (std::int64_t row = 0; row < given.rows.n_rows; ++row) {
    const Value was = value_of(given, row, &begun[row * given.d], at_first);
    const Value is = value_of(given, row, &out[row * given.d], fixed);
    expect(is.value <= was.value + 1e-5 * (was.size + is.size), "a row is no worse after its steps");
    before += was.value;
    after += is.value;
    size += was.size + is.size + squared_targets(given, row);
  }
  const double past = (relaxation - 1) * (relaxation - 1);
  expect(std::fabs(sweep.objective + past * (before - sweep.objective) - after) <= 1e-5 * size,
         "the objective after steps is known");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Problem given(bytes, 40, true);
  const auto share = [&] { return static_cast<float>(bytes.in(0, 64)) / 32; };
  if (given.unobserved_weight > 0 && bytes.coin()) {
    given.row_share = bytes.floats(given.rows.n_rows, share);
    given.fixed_share = bytes.floats(given.n_fixed, share);
  }
  const double relaxation = bytes.coin() ? 1 : bytes.in(1, 31) / 16.0;
  const int steps = bytes.coin() ? 0 : static_cast<int>(bytes.in(1, 12));
  const Form form = bytes.coin() ? Form::cheapest : Form::conjugate;
  const std::vector<float> at_first = given.fixed;
  std::vector<float> out(given.rows.n_rows * given.d, begun_at);
  const bool warm = bytes.coin();
  if (warm && bytes.coin())
    out = bytes.floats(out.size(), [&] { return given.wild || bytes.rarely(8) ? bytes.wild() : bytes.small(); });
  Sweep sweep;
  try {
    RowProblem problem = given.problem(out.data());
    problem.form = form;
    problem.warm = warm;
    const bool finished = half_sweep(problem, given.fixed.data(), given.n_fixed, 1, {}, sweep);
    expect(finished, "a run that nobody stops finishes");
  } catch (const std::domain_error&) {  // how factors that are not finite are refused
    expect(given.wild, "finite factors are not refused");
  }
  if (given.wild) return 0;
  const bool full = given.unobserved_weight > 0;
  const auto gram = full ? given.gram() : std::vector<double>();  // of the turned factors
  expect(all_finite(out) && all_finite(given.fixed) && std::isfinite(sweep.objective), "finite factors");
  for (std::int64_t row = 0; row < given.rows.n_rows; ++row)
    expect(normwise_error(given, row, &out[row * given.d], gram) < 1e-5, "rows solve their equations");
  // Relaxation is of solutions that are the same, so by the same form.
  if (relaxation != 1 && form == Form::cheapest) expect_relaxed(given, at_first, out, given.fixed, relaxation);
  if (steps > 0) expect_steps(given, at_first, steps, relaxation);
  return 0;
}

// solve_rows: every form, and whatever is cheapest, solves the normal equations; a draw is finite and
// the same again.
#include <numeric>

#include "normwise.hpp"

namespace lmf {
const RowKernels& row_kernels();
}

using namespace lmf;
using namespace lmf::fuzz;

namespace {

enum class Way { one_by_one, together, whole };

// By the kernel's own two ways, or now and then by all of solve_rows.
void solve(const RowProblem& problem, Way way) {
  const RowKernels& kernels = row_kernels();
  RowCounts counts;
  if (way == Way::whole) {
    expect(solve_rows(problem, 1, {}), "a run that nobody stops finishes");
  } else if (way == Way::one_by_one) {
    kernels.solve(problem, 0, problem.n_rows, poisoned(kernels.workspace_bytes(problem.d)), counts);
  } else {
    std::vector<std::int64_t> rows(problem.n_rows);
    std::iota(rows.begin(), rows.end(), 0);
    void* memory = poisoned(kernels.together_bytes(problem.d, problem.n_rows));
    kernels.solve_together(problem, rows.data(), problem.n_rows, memory, counts);
  }
}

void solutions_are_right(Bytes& bytes, Problem& given) {
  given.unobserved_weight = 0;  // else V'V has to be diagonal: see sweep_fuzz.cpp
  std::vector<float> out(given.rows.n_rows * given.d);
  std::vector<double> minima(given.rows.n_rows);
  std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
  RowProblem problem = given.problem(out.data());
  problem.form = static_cast<Form>(bytes.in(0, 3));
  problem.objective = minima.data();
  solve(problem, bytes.rarely(16) ? Way::whole : Way::one_by_one);
  if (bytes.rarely(4)) {
    std::vector<float> again(out.size(), std::numeric_limits<float>::quiet_NaN());
    problem.out = again.data();
    solve(problem, Way::together);
    expect(given.wild || out == again, "together the same bits");
  }
  if (given.wild) return;
  expect(all_finite(out) && all_finite(minima), "finite rows and objectives");
  for (std::int64_t row = 0; row < given.rows.n_rows; ++row) {
    const float* x = &out[row * given.d];
    // Or by norms, and then closer: of the dual form's sum of interactions little may be left.
    expect(given.backward_error(row, x, nullptr) < 1e-5 || normwise_error(given, row, x, {}) < 2e-6,
           "rows solve their equations");
  }
}

void draws_are_finite(Bytes& bytes, const Problem& given) {
  std::vector<float> prior = bytes.floats(given.rows.n_rows * given.d, [&] { return bytes.small(); });
  std::vector<double> ones(given.d, 1.0);
  std::vector<float> out(prior.size()), again(prior.size());
  std::vector<double> errors(given.rows.n_rows);
  RowProblem problem = given.problem(out.data());
  problem.unobserved_weight = 0;
  problem.draw = true;
  problem.seed = bytes.word();
  problem.prior = prior.data();
  problem.shared_prior = given.rows.n_rows > 0 && bytes.coin();
  problem.objective = errors.data();
  problem.form = bytes.coin() ? Form::primal : Form::dual;
  solve(problem, Way::one_by_one);
  if (given.wild) return;
  expect(all_finite(out) && all_finite(errors), "finite draws and errors");
  if (!bytes.rarely(4)) return;
  problem.out = again.data();
  solve(problem, bytes.coin() ? Way::whole : Way::together);
  expect(out == again, "the same draw again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const bool draw = bytes.in(0, 3) == 0;
  Problem given(bytes, 70, true);
  if (draw) draws_are_finite(bytes, given);
  else solutions_are_right(bytes, given);
  return 0;
}

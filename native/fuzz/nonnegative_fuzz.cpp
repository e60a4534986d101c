// nonnegative_rows: what comes out is finite and >= 0, and another pass does not raise the objective.
#include "nonnegative.hpp"

#include "problem.hpp"

namespace lmf {
const NonnegativeKernels& nonnegative_kernels();
}

using namespace lmf;
using namespace lmf::fuzz;

namespace {

// The kernel itself, or now and then all of nonnegative_rows.
void improve(const NonnegativeProblem& problem, bool whole) {
  const NonnegativeKernels& kernels = nonnegative_kernels();
  if (whole) expect(nonnegative_rows(problem, 1, {}), "a run that nobody stops finishes");
  else kernels.solve(problem, 0, problem.rows.n_rows, poisoned(kernels.workspace_bytes(problem.rows.d)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Problem given(bytes, 40, true);
  const auto positive = [&] { return given.wild ? bytes.wild() : std::fabs(bytes.small()); };
  given.fixed = bytes.floats(given.n_fixed * given.d, positive);
  std::vector<float> out = bytes.floats(given.rows.n_rows * given.d, [&] { return std::fabs(bytes.small()); });
  const bool full = given.unobserved_weight > 0;
  const auto gram = full ? given.gram() : std::vector<double>();
  std::vector<double> first(given.rows.n_rows), second(given.rows.n_rows);
  NonnegativeProblem problem;
  problem.rows = given.problem(out.data());
  problem.rows.objective = first.data();
  problem.gram = full ? gram.data() : nullptr;
  problem.passes = static_cast<int>(bytes.in(1, 5));
  problem.tolerance = bytes.coin() ? 0 : 1e-3;
  improve(problem, bytes.rarely(16));
  problem.rows.objective = second.data();
  problem.passes = 1;
  improve(problem, false);
  if (given.wild) return 0;
  expect(all_finite(out) && all_finite(first), "finite rows and objectives");
  expect(std::all_of(out.begin(), out.end(), [](float x) { return x >= 0; }), "no negative factor");
  for (std::size_t row = 0; row < first.size(); ++row)
    expect(second[row] <= first[row] + 1e-3 * (1 + std::fabs(first[row])), "no pass raises the objective");
  return 0;
}

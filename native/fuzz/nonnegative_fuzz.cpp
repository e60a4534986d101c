// nonnegative_rows: what comes out is finite and >= 0, and another pass does not raise the objective.
#include "nonnegative.hpp"

#include "problem.hpp"

using namespace lmf;
using namespace lmf::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Problem given(bytes, 40, true);
  const auto positive = [&] { return given.wild ? bytes.wild() : std::fabs(bytes.small()); };
  given.fixed = bytes.floats(given.n_fixed * given.d, positive);
  std::vector<float> out = bytes.floats(given.rows.n_rows * given.d, [&] { return std::fabs(bytes.small()); });
  const auto gram = given.gram();
  std::vector<double> first(given.rows.n_rows), second(given.rows.n_rows);
  NonnegativeProblem problem;
  problem.rows = given.problem(out.data());
  problem.rows.objective = first.data();
  problem.gram = given.unobserved_weight > 0 ? gram.data() : nullptr;
  problem.passes = static_cast<int>(bytes.in(1, 5));
  problem.tolerance = bytes.coin() ? 0 : 1e-3;
  expect(nonnegative_rows(problem, 1, {}), "a run that nobody stops finishes");
  problem.rows.objective = second.data();
  problem.passes = 1;
  nonnegative_rows(problem, 1, {});
  if (given.wild) return 0;
  expect(all_finite(out) && all_finite(first), "finite rows and objectives");
  expect(std::all_of(out.begin(), out.end(), [](float x) { return x >= 0; }), "no negative factor");
  for (std::size_t row = 0; row < first.size(); ++row)
    expect(second[row] <= first[row] + 1e-3 * (1 + std::fabs(first[row])), "no pass raises the objective");
  return 0;
}

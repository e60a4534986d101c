// half_sweep with unobserved weight: every row solves its equations in the basis that it came to.
#include "sweep.hpp"

#include <stdexcept>

#include "problem.hpp"

using namespace lmf;
using namespace lmf::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Problem given(bytes, 40, true);
  const auto share = [&] { return static_cast<float>(bytes.in(0, 64)) / 32; };
  if (given.unobserved_weight > 0 && bytes.coin()) {
    given.row_share = bytes.floats(given.rows.n_rows, share);
    given.fixed_share = bytes.floats(given.n_fixed, share);
  }
  std::vector<float> out(given.rows.n_rows * given.d, 0.5f);
  Sweep sweep;
  try {
    const auto problem = given.problem(out.data());
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
    expect(given.backward_error(row, &out[row * given.d], full ? gram.data() : nullptr) < 1e-5,
           "rows solve their equations");
  return 0;
}

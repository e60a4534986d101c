// half_sweep with unobserved weight: every row solves its equations in the basis that it came to.
#include "sweep.hpp"

#include <stdexcept>

#include "problem.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

// V'V of the turned factors, without what their rounding to float32 leaves beside the diagonal: the
// rows were solved for the factors as they were before that rounding, which is relative to their
// length and may be much of a weak direction.
std::vector<double> diagonal_gram(const Problem& given) {
  auto gram = given.gram();
  double trace = 0;
  for (std::int64_t i = 0; i < given.d; ++i) trace += gram[i * given.d + i];
  for (std::int64_t i = 0; i < given.d; ++i)
    for (std::int64_t j = 0; j < given.d; ++j) {
      if (i == j) continue;
      expect(std::fabs(gram[i * given.d + j]) <= 1e-6 * trace, "turned factors are in principal axes");
      gram[i * given.d + j] = 0;
    }
  return gram;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Problem given(bytes, 40, true);
  // Roots of these are exact. Else the Gram matrix is of factors weighed in float32, and off by what
  // that rounds off the strongest direction, which may be much of a weak one.
  const auto share = [&] { return bytes.rarely(8) ? 0.0f : std::ldexp(0.25f, static_cast<int>(2 * bytes.in(0, 2))); };
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
  const auto gram = full ? diagonal_gram(given) : std::vector<double>();
  expect(all_finite(out) && all_finite(given.fixed) && std::isfinite(sweep.objective), "finite factors");
  for (std::int64_t row = 0; row < given.rows.n_rows; ++row)
    expect(given.backward_error(row, &out[row * given.d], full ? gram.data() : nullptr) < 1e-5,
           "rows solve their equations");
  return 0;
}

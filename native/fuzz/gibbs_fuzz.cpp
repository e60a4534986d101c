// gibbs_sweep and draw_prior: finite draws, the same ones again; factors that are not finite are
// refused.
#include "gibbs.hpp"

#include <cmath>
#include <stdexcept>

#include "problem.hpp"

using namespace lmf;
using namespace lmf::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  Problem given(bytes, 40, true);
  given.targets.resize(given.rows.nnz(), 1.0f);
  given.has_targets = true;
  given.has_weights = false;
  given.unobserved_weight = 0;
  const auto start =
      bytes.floats(given.rows.n_rows * given.d, [&] { return given.wild ? bytes.wild() : bytes.small(); });
  const double precision = static_cast<double>(bytes.in(1, 255)) / 32;
  const std::uint64_t seed = bytes.word();
  std::vector<float> out = start, again = start;
  std::vector<float> bias;
  if (bytes.coin()) bias = bytes.floats(given.n_fixed, [&] { return bytes.small(); });
  RowPrior prior{};
  double error = -1;
  const auto sweep = [&](std::vector<float>& rows) {
    gibbs_sweep(given.problem(rows.data()), given.fixed.data(), bias.empty() ? nullptr : bias.data(),
                given.n_fixed, precision, seed, 1, {}, prior, error);
  };
  try {
    sweep(out);
  } catch (const std::domain_error&) {
    expect(given.wild, "finite factors are not refused");
    return 0;
  }
  if (given.wild) return 0;
  expect(all_finite(out) && all_finite(prior.map) && all_finite(prior.mean), "finite draws");
  expect(error >= 0 && std::isfinite(error), "a squared error");
  if (!bytes.rarely(4)) return 0;
  sweep(again);
  expect(out == again, "the same draw again");
  return 0;
}

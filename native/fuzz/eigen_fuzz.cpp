// eigen_symmetric (with tridiagonal.hpp and ql.hpp below it): values ascend, vectors are orthonormal,
// A v = value v; what is not finite is refused.
#include "eigen.hpp"

#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

// Elements of all sizes, many of them zero or equal, so that the matrix falls into blocks.
double element(Bytes& bytes, std::int64_t kind) {
  const double value = bytes.small();
  switch (kind) {
    case 0: return value;
    case 1: return bytes.in(0, 3) ? 0 : value;
    case 2: return std::ldexp(value, static_cast<int>(bytes.in(-60, 60)));
    case 3: return bytes.whole();
    case 4: return std::ldexp(value, 900);
    case 5: return std::ldexp(value, -900);
    default: return bytes.wild();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::int64_t d = bytes.in(1, bytes.rarely(32) ? 40 : 9), kind = bytes.in(0, 7);
  std::vector<double> a(d * d), values(d), vectors(d * d);
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = i; j < d; ++j) a[i * d + j] = a[j * d + i] = element(bytes, kind);
  const bool found = eigen_symmetric(a.data(), static_cast<int>(d), values.data(), vectors.data(), 1);
  expect(found == all_finite(a), "exactly finite matrices are decomposed");
  if (!found) return 0;
  expect(std::is_sorted(values.begin(), values.end()), "values ascend");
  double largest = 0;
  for (const double one : a) largest = std::max(largest, std::fabs(one));
  if (largest == 0) largest = 1;
  const double bound = 1e-15 * static_cast<double>(10 + d), norm = static_cast<double>(d);
  for (std::int64_t k = 0; k < d; ++k)
    for (std::int64_t i = 0; i < d; ++i) {
      double product = 0, inner = 0;
      for (std::int64_t j = 0; j < d; ++j) {
        product += a[i * d + j] / largest * vectors[k * d + j];
        inner += vectors[k * d + j] * vectors[i * d + j];
      }
      expect(std::fabs(product - values[k] / largest * vectors[k * d + i]) <= bound * norm, "A v = value v");
      expect(std::fabs(inner - (i == k)) <= bound, "vectors are orthonormal");
    }
  return 0;
}

// The last door before the kernels: require_csr lets pass exactly what its words say.
#include "checks.hpp"

#include "csr_build.hpp"
#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

template <class Check>
bool passes(Check&& check) {
  try {
    check();
  } catch (const std::invalid_argument&) {
    return false;
  }
  return true;
}

template <class T>
T odd(Bytes& bytes, std::int64_t usual) {
  if (bytes.in(0, 15)) return static_cast<T>(bytes.in(0, usual));
  constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  const T odds[] = {-1, least, most, static_cast<T>(most - 1), static_cast<T>(bytes.word())};
  return odds[bytes.in(0, 4)];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::int64_t n_rows = bytes.in(0, 8), nnz = bytes.in(0, 12), n_cols = odd<std::int64_t>(bytes, 12);
  std::vector<std::int64_t> indptr;
  for (std::int64_t row = 0; row <= n_rows; ++row) indptr.push_back(odd<std::int64_t>(bytes, nnz));
  if (bytes.in(0, 3)) std::sort(indptr.begin(), indptr.end());
  if (bytes.in(0, 7)) indptr.front() = 0;
  if (bytes.in(0, 7)) indptr.back() = nnz;
  std::vector<std::int32_t> indices;
  for (std::int64_t k = 0; k < nnz; ++k)
    indices.push_back(odd<std::int32_t>(bytes, std::clamp<std::int64_t>(n_cols, 1, 40) - 1));
  const auto in_range = [&](std::int64_t limit) {
    return std::all_of(indices.begin(), indices.end(), [&](std::int32_t one) { return one >= 0 && one < limit; });
  };
  const bool good = n_cols >= 0 && indptr.front() == 0 && indptr.back() == nnz &&
                    std::is_sorted(indptr.begin(), indptr.end()) && in_range(n_cols);
  expect(passes([&] { require_csr(indptr.data(), n_rows, indices.data(), nnz, n_cols); }) == good,
         "exactly valid rows pass");
  if (n_cols >= 0)
    expect(all_below(indices.data(), nnz, n_cols, 1) == in_range(n_cols), "exactly indices in range pass");
  if (!good) return 0;
  bool rise = true;
  for (std::int64_t row = 0; row < n_rows; ++row)
    for (std::int64_t k = indptr[row] + 1; k < indptr[row + 1]; ++k) rise = rise && indices[k - 1] < indices[k];
  expect(passes([&] { require_increasing_rows(indptr.data(), n_rows, indices.data()); }) == rise,
         "exactly rising rows pass");
  return 0;
}

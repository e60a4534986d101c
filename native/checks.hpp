// What a kernel must never be given, refused before it runs. The Python layer has said it better
// before; these are the last door, without Python, so that they can be fuzzed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace lmf {

// Throws std::invalid_argument unless `good`.
inline void require(bool good, const char* message) {
  if (!good) throw std::invalid_argument(message);
}

// indptr starts at 0, never falls and ends at nnz; every index lies in [0, n_cols), which is none
// for a negative n_cols.
inline void require_csr(const std::int64_t* indptr, std::int64_t n_rows, const std::int32_t* indices,
                        std::int64_t nnz, std::int64_t n_cols) {
  require(n_cols >= 0, "the number of columns must not be negative");
  require(indptr[0] == 0 && indptr[n_rows] == nnz, "indptr must start at 0 and end at len(indices)");
  for (std::int64_t row = 0; row < n_rows; ++row)
    require(indptr[row] <= indptr[row + 1], "indptr must not fall");
  std::uint32_t largest = 0;  // a negative index is one of 2^31 or more
  for (std::int64_t k = 0; k < nnz; ++k) {
    const auto index = static_cast<std::uint32_t>(indices[k]);
    largest = index > largest ? index : largest;
  }
  const auto limit = static_cast<std::uint64_t>(std::min(n_cols, std::int64_t{1} << 31));
  require(nnz == 0 || largest < limit, "column index out of range");
}

// Of rows that require_csr let pass: the indices of each rise, none twice.
inline void require_increasing_rows(const std::int64_t* indptr, std::int64_t n_rows,
                                    const std::int32_t* indices) {
  for (std::int64_t row = 0; row < n_rows; ++row)
    for (std::int64_t k = indptr[row] + 1; k < indptr[row + 1]; ++k)
      require(indices[k - 1] < indices[k], "test_indices must increase within each row");
}

}  // namespace lmf

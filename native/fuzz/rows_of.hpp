// Compressed rows for the fuzzers: valid by construction, of a length that bytes decide.
#pragma once

#include <algorithm>
#include <cmath>

#include "bytes.hpp"

namespace lmf::fuzz {

struct Rows {
  std::int64_t n_rows, n_cols;
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> indices;

  // `sorted`: columns rise within a row, none twice; else any, in any order.
  Rows(Bytes& bytes, std::int64_t n_rows, std::int64_t n_cols, std::int64_t longest, bool sorted)
      : n_rows(n_rows), n_cols(n_cols) {
    for (std::int64_t row = 0; row < n_rows; ++row) {
      const std::int64_t length = n_cols == 0 ? 0 : bytes.in(0, longest);
      const auto begin = static_cast<std::ptrdiff_t>(indices.size());
      for (std::int64_t k = 0; k < length; ++k)
        indices.push_back(static_cast<std::int32_t>(bytes.in(0, n_cols - 1)));
      if (sorted) {
        std::sort(indices.begin() + begin, indices.end());
        indices.erase(std::unique(indices.begin() + begin, indices.end()), indices.end());
      }
      indptr.push_back(static_cast<std::int64_t>(indices.size()));
    }
  }
  std::int64_t nnz() const { return indptr.back(); }
};

template <class Values>
bool all_finite(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

}  // namespace lmf::fuzz

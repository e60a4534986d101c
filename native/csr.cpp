#include "csr.hpp"

#include <algorithm>
#include <vector>

#include "ranges.hpp"

namespace lmf {

void csr_transpose(const std::int64_t* indptr, const std::int32_t* indices, const float* values,
                   std::int64_t n_rows, std::int64_t n_cols, std::int64_t* out_indptr,
                   std::int32_t* out_indices, float* out_values, int n_threads) {
  const std::int64_t nnz = indptr[n_rows];
  const int parts = parts_for(nnz, n_cols, n_threads);
  // A part is a range of whole rows with about nnz / parts entries.
  std::vector<std::int64_t> bounds(parts + 1, n_rows);
  for (int part = 0; part < parts; ++part)
    bounds[part] = std::lower_bound(indptr, indptr + n_rows + 1, nnz / parts * part) - indptr;
  StableBuckets buckets(parts, n_cols);
  parallel_for(parts, n_threads, {}, [&](std::int64_t part, int) {
    std::int64_t* count = buckets.of(part);
    for (std::int64_t k = indptr[bounds[part]]; k < indptr[bounds[part + 1]]; ++k) ++count[indices[k]];
  });
  buckets.place(out_indptr);
  parallel_for(parts, n_threads, {}, [&](std::int64_t part, int) {
    std::int64_t* next = buckets.of(part);
    for (std::int64_t row = bounds[part]; row < bounds[part + 1]; ++row) {
      for (std::int64_t k = indptr[row]; k < indptr[row + 1]; ++k) {
        const std::int64_t to = next[indices[k]]++;
        out_indices[to] = static_cast<std::int32_t>(row);
        if (values) out_values[to] = values[k];
      }
    }
  });
}

}  // namespace lmf

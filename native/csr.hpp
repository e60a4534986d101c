// Compressed sparse rows turned into those of the transpose.
#pragma once

#include <cstdint>

namespace lmf {

// Rows become columns; `values` and `out_values` are both null or both not.
// The entries of each new row are sorted, because they are met in that order.
void csr_transpose(const std::int64_t* indptr, const std::int32_t* indices, const float* values,
                   std::int64_t n_rows, std::int64_t n_cols, std::int64_t* out_indptr,
                   std::int32_t* out_indices, float* out_values, int n_threads);

}  // namespace lmf

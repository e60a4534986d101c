#include "sparse.hpp"

#include <vector>

#include "dispatch.hpp"

LMF_DISPATCH(SparseKernels, sparse_kernels)

namespace lmf {
namespace {

// Chunks of neighbouring rows with about as many entries.
std::vector<std::int64_t> chunks(const SparseProduct& product) {
  constexpr std::int64_t entries_of_chunk = 16384;
  std::vector<std::int64_t> bounds{0};
  std::int64_t entries = 0;
  for (std::int64_t row = 0; row < product.n_rows; ++row) {
    entries += product.indptr[row + 1] - product.indptr[row] + 8;
    if (entries >= entries_of_chunk || row + 1 == product.n_rows) {
      bounds.push_back(row + 1);
      entries = 0;
    }
  }
  return bounds;
}

}  // namespace

bool multiply(const SparseProduct& product, int n_threads, const Interrupt& interrupt) {
  const auto bounds = chunks(product);
  return parallel_for(static_cast<std::int64_t>(bounds.size()) - 1, n_threads, interrupt,
                      [&](std::int64_t chunk, int) {
                        sparse_kernels().multiply(product, bounds[chunk], bounds[chunk + 1]);
                      });
}

}  // namespace lmf

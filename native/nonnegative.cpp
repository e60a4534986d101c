#include "nonnegative.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "dispatch.hpp"

LMF_DISPATCH(NonnegativeKernels, nonnegative_kernels)

namespace lmf {

namespace {

// Chunks of neighbouring rows with about as much work, of whole blocks where all rows share H.
std::vector<std::int64_t> chunks(const RowProblem& rows, std::int64_t block_rows) {
  constexpr std::int64_t entries_of_chunk = 4096;
  const std::int64_t whole = !rows.weights && rows.unobserved_weight == 1 ? block_rows : 1;
  std::vector<std::int64_t> bounds{0};
  std::int64_t entries = 0;
  for (std::int64_t row = 0; row < rows.n_rows; ++row) {
    entries += rows.indptr[row + 1] - rows.indptr[row] + rows.d;
    const bool full = entries >= entries_of_chunk && (row + 1 - bounds.back()) % whole == 0;
    if (full || row + 1 == rows.n_rows) {
      bounds.push_back(row + 1);
      entries = 0;
    }
  }
  return bounds;
}

}  // namespace

bool nonnegative_rows(const NonnegativeProblem& problem, int n_threads, const Interrupt& interrupt) {
  const NonnegativeKernels& kernels = nonnegative_kernels();
  const auto bounds = chunks(problem.rows, kernels.block_rows);
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  const int threads = resolve_threads(n_threads);
  std::vector<std::unique_ptr<void, Free>> workspaces(threads);
  return parallel_for(static_cast<std::int64_t>(bounds.size()) - 1, threads, interrupt,
                      [&](std::int64_t chunk, int worker) {
                        auto& memory = workspaces[worker];
                        if (!memory) {
                          const std::size_t bytes = kernels.workspace_bytes(problem.rows.d);
                          memory.reset(std::aligned_alloc(64, (bytes + 127) / 64 * 64));
                          if (!memory) throw std::bad_alloc();
                        }
                        kernels.solve(problem, bounds[chunk], bounds[chunk + 1], memory.get());
                      });
}

}  // namespace lmf

#include "nonnegative.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "dispatch.hpp"

LMF_DISPATCH(NonnegativeKernels, nonnegative_kernels)

namespace lmf {

bool nonnegative_rows(const NonnegativeProblem& problem, int n_threads, const Interrupt& interrupt) {
  const NonnegativeKernels& kernels = nonnegative_kernels();
  constexpr std::int64_t entries_of_chunk = 4096;
  std::vector<std::int64_t> bounds{0};
  std::int64_t entries = 0;
  for (std::int64_t row = 0; row < problem.rows.n_rows; ++row) {
    entries += problem.rows.indptr[row + 1] - problem.rows.indptr[row] + problem.rows.d;
    if (entries >= entries_of_chunk || row + 1 == problem.rows.n_rows) {
      bounds.push_back(row + 1);
      entries = 0;
    }
  }
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

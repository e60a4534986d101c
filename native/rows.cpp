#include "rows.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "dispatch.hpp"

LMF_DISPATCH(RowKernels, row_kernels)

namespace lmf {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, Free>;

Memory aligned_memory(std::size_t bytes) {
  Memory memory(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  if (!memory) throw std::bad_alloc();
  return memory;
}

// Operations of the cheaper exact form, which is what a row costs up to a constant.
double cost(double n, double d) {
  return n < d ? n * n * d + n * n * n / 3 : n * d * d + d * d * d / 3;
}

// Chunks of neighbouring rows with about equal work: small enough to share out evenly, large
// enough that claiming one costs nothing.
std::vector<std::int64_t> chunks(const RowProblem& problem) {
  constexpr double work_of_chunk = 2e6;
  std::vector<std::int64_t> bounds{0};
  double work = 0;
  for (std::int64_t row = 0; row < problem.n_rows; ++row) {
    work += cost(static_cast<double>(problem.indptr[row + 1] - problem.indptr[row]), problem.d) + 1e3;
    if (work >= work_of_chunk || row + 1 == problem.n_rows) {
      bounds.push_back(row + 1);
      work = 0;
    }
  }
  return bounds;
}

}  // namespace

bool solve_rows(const RowProblem& problem, int n_threads, const Interrupt& interrupt,
                RowCounts* counts) {
  const RowKernels& kernels = row_kernels();
  const auto bounds = chunks(problem);
  const int threads = resolve_threads(n_threads);
  std::vector<Memory> workspaces(threads);
  std::vector<RowCounts> counted(threads);
  const bool finished = parallel_for(
      static_cast<std::int64_t>(bounds.size()) - 1, threads, interrupt,
      [&](std::int64_t chunk, int worker) {
        if (!workspaces[worker])
          workspaces[worker] = aligned_memory(kernels.workspace_bytes(problem.d));
        kernels.solve(problem, bounds[chunk], bounds[chunk + 1], workspaces[worker].get(),
                      counted[worker]);
      });
  if (counts)
    for (const RowCounts& part : counted) counts->add(part);
  return finished;
}

int usual_passes(const RowProblem& problem) {
  constexpr std::int64_t tried = 16;
  if (problem.steps > 0 || problem.form != Form::cheapest || problem.n_rows == 0) return 0;
  const RowKernels& kernels = row_kernels();
  const Memory workspace = aligned_memory(kernels.workspace_bytes(problem.d));
  std::vector<int> passes;
  const std::int64_t *begin = problem.indptr, *end = begin + problem.n_rows + 1;
  for (std::int64_t k = 0; k < tried; ++k) {
    const std::int64_t interaction = begin[0] + (2 * k + 1) * (end[-1] - begin[0]) / (2 * tried);
    const std::int64_t row = std::upper_bound(begin, end, interaction) - begin - 1;
    if (row >= problem.n_rows) break;  // there are no interactions
    if (const int taken = kernels.passes(problem, row, workspace.get())) passes.push_back(taken);
  }
  if (passes.empty()) return 0;
  const auto most = passes.begin() + static_cast<std::ptrdiff_t>(passes.size() * 3 / 4);
  std::nth_element(passes.begin(), most, passes.end());
  return *most;
}

}  // namespace lmf

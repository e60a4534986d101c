#include "rows.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
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

// What one thread takes at a time: long rows whose passes are made together, or neighbours.
struct Plan {
  std::vector<std::int64_t> long_rows;                        // from the longest on
  std::vector<std::pair<std::int64_t, std::int64_t>> groups;  // of them: [begin, end)
  std::vector<std::pair<std::int64_t, std::int64_t>> chunks;  // of all rows but these
  std::int64_t largest_group = 0;

  Plan(const RowProblem& problem, const RowKernels& kernels, int threads) {
    part(problem, kernels);
    group(problem, threads);
  }

 private:
  static std::int64_t length(const RowProblem& problem, std::int64_t row) {
    return problem.indptr[row + 1] - problem.indptr[row];
  }

  // Chunks have about equal work: small enough to share out evenly, large enough that claiming one costs
  // nothing.
  void part(const RowProblem& problem, const RowKernels& kernels) {
    constexpr double work_of_chunk = 2e6;
    double work = 0;
    std::int64_t begin = 0;
    const auto close = [&](std::int64_t end) {
      if (begin < end) chunks.emplace_back(begin, end);
      begin = end;
      work = 0;
    };
    for (std::int64_t row = 0; row < problem.n_rows; ++row) {
      if (kernels.is_long(problem, row)) {
        close(row);
        long_rows.push_back(row);
        begin = row + 1;
        continue;
      }
      work += cost(static_cast<double>(length(problem, row)), problem.d) + 1e3;
      if (work >= work_of_chunk) close(row + 1);
    }
    close(problem.n_rows);
  }

  // Many rows in a group meet more often in what they read; several groups a thread end at about the same
  // time.
  void group(const RowProblem& problem, int threads) {
    constexpr double numbers_of_group = 1e8;
    constexpr std::int64_t most = 64;
    const auto count = static_cast<std::int64_t>(long_rows.size());
    std::stable_sort(long_rows.begin(), long_rows.end(), [&](std::int64_t a, std::int64_t b) {
      return length(problem, a) > length(problem, b);
    });
    const std::int64_t rows = std::clamp<std::int64_t>(count / (2 * threads), 1, most);
    for (std::int64_t begin = 0, end; begin < count; begin = end) {
      double numbers = 0;
      for (end = begin; end < count && end - begin < rows && numbers < numbers_of_group; ++end)
        numbers += static_cast<double>(length(problem, long_rows[end])) * problem.d;
      groups.emplace_back(begin, end);
      largest_group = std::max(largest_group, end - begin);
    }
  }
};

}  // namespace

bool solve_rows(const RowProblem& problem, int n_threads, const Interrupt& interrupt,
                RowCounts* counts) {
  const RowKernels& kernels = row_kernels();
  const int threads = resolve_threads(n_threads);
  const Plan plan(problem, kernels, threads);
  const std::size_t bytes =
      std::max(kernels.workspace_bytes(problem.d), kernels.together_bytes(problem.d, plan.largest_group));
  std::vector<Memory> workspaces(threads);
  std::vector<RowCounts> counted(threads);
  const auto groups = static_cast<std::int64_t>(plan.groups.size());
  const bool finished = parallel_for(
      groups + static_cast<std::int64_t>(plan.chunks.size()), threads, interrupt,
      [&](std::int64_t part, int worker) {
        if (!workspaces[worker]) workspaces[worker] = aligned_memory(bytes);
        void* memory = workspaces[worker].get();
        if (part < groups) {
          const auto [begin, end] = plan.groups[part];
          kernels.solve_together(problem, &plan.long_rows[begin], end - begin, memory, counted[worker]);
        } else {
          const auto [begin, end] = plan.chunks[part - groups];
          kernels.solve(problem, begin, end, memory, counted[worker]);
        }
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

std::vector<std::uint8_t> cold_rows(const RowProblem& problem) {
  const RowKernels& kernels = row_kernels();
  std::vector<std::uint8_t> cold(problem.n_rows);
  for (std::int64_t row = 0; row < problem.n_rows; ++row) cold[row] = !kernels.is_warm(problem, row);
  return cold;
}

}  // namespace lmf

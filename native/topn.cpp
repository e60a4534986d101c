#include "topn.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "dispatch.hpp"
#include "spread.hpp"
#include "topn_index.hpp"
#include "topn_items.hpp"
#include "topn_kernels.hpp"
#include "topn_queries.hpp"

LMF_DISPATCH(TopnKernels, topn_kernels)

namespace lmf {
namespace {

using Batches = std::vector<std::unique_ptr<QueryBatch>>;  // one a thread, made when first needed

// Few queries: the threads share out the items. Each packs a panel, offers it to all queries and
// forgets it, and has shortlists of its own, which are joined at the end.
bool few_queries(const TopnProblem& problem, Candidates& candidates, int threads,
                 const Interrupt& interrupt) {
  constexpr std::int64_t elements_of_chunk = 1 << 17;
  const std::int64_t columns = topn_kernels().columns, n_panels = candidates.n_panels();
  const std::int64_t panels_of_chunk =
      std::max<std::int64_t>(1, elements_of_chunk / (columns * (problem.d + 4)));
  const std::int64_t n_chunks = (n_panels + panels_of_chunk - 1) / panels_of_chunk;
  threads = static_cast<int>(std::min<std::int64_t>(threads, n_chunks));
  if (problem.exclude_indptr) candidates.locate();

  Batches batches(threads);
  const bool finished = parallel_for(n_chunks, threads, interrupt, [&](std::int64_t chunk, int worker) {
    auto& batch = batches[worker];
    if (!batch) {
      batch = std::make_unique<QueryBatch>(problem, candidates, problem.n_queries);
      batch->begin(0, problem.n_queries, false);
    }
    const Floats vectors = aligned_floats(columns * problem.d), bias = aligned_floats(columns);
    std::vector<std::int32_t> ids(columns);
    const std::int64_t end = std::min((chunk + 1) * panels_of_chunk, n_panels);
    for (std::int64_t p = chunk * panels_of_chunk; p < end; ++p) {
      candidates.pack(p, vectors.get(), bias.get(), ids.data());
      batch->scan(p, {vectors.get(), bias.get(), ids.data(), false, 0, 0});
    }
  });
  if (!finished) return false;
  std::vector<std::uint64_t> keys;
  for (std::int64_t query = 0; query < problem.n_queries; ++query) {
    keys.clear();
    for (const auto& batch : batches)
      if (batch) keys.insert(keys.end(), batch->keys(query).begin(), batch->keys(query).end());
    write_best(problem, query, keys);
  }
  return true;
}

// Asks `interrupt` from time to time, on the calling thread only, and tells all.
class Watch {
 public:
  explicit Watch(const Interrupt& interrupt) : interrupt_(interrupt) {}
  bool stopped(int worker) {
    if (worker == 0 && interrupt_ && !stopped()) {
      const auto now = std::chrono::steady_clock::now();
      if (now - asked_ > std::chrono::milliseconds(50)) {
        asked_ = now;
        if (interrupt_()) stop_.store(true, std::memory_order_relaxed);
      }
    }
    return stopped();
  }
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

 private:
  const Interrupt& interrupt_;
  std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
  std::atomic<bool> stop_{false};
};

// Queries of a block: their vectors and shortlists stay in the second cache while panels pass.
std::int64_t block_size(const TopnProblem& problem, std::int64_t capacity, int threads) {
  constexpr std::int64_t bytes_of_lists = 4 << 20;
  const std::int64_t share = problem.n_queries / (8 * std::int64_t{threads});
  const std::int64_t by_lists = bytes_of_lists / (8 * capacity);
  const std::int64_t size = std::min<std::int64_t>({256, std::max<std::int64_t>(share, 64), by_lists});
  return std::max<std::int64_t>(size / max_group, 1) * max_group;
}

// Many queries: the items are packed once, the threads share out blocks of queries.
bool many_queries(const TopnProblem& problem, Candidates& candidates, int threads,
                  const Interrupt& interrupt) {
  Crew crew(threads);  // for the parts below
  spread(crew, threads);
  PackedItems items;
  if (!items.pack(problem, candidates, threads, interrupt)) return false;
  if (problem.exclude_indptr) candidates.locate();
  const std::int64_t n_panels = candidates.n_panels();
  CodedItems coded;
  const CoarseKernels& coarse = coarse_kernels();
  const bool wanted = problem.codes == Codes::where_they_pay ? coarse.many_pay : problem.codes == Codes::always;
  const bool codes = wanted && coarse.has_many() && n_panels > 0 && CodedItems::can_code(problem, items);
  if (codes && !coded.code(problem, items, n_panels, threads, interrupt)) return false;
  const std::int64_t size =
      block_size(problem, list_capacity(problem.n, candidates.size()), threads);
  const std::int64_t n_blocks = (problem.n_queries + size - 1) / size;
  threads = static_cast<int>(std::min<std::int64_t>(threads, n_blocks));

  Batches batches(threads);
  Watch watch(interrupt);  // a block may take seconds where items are many
  parallel_for(n_blocks, threads, {}, [&](std::int64_t block, int worker) {
    if (watch.stopped(worker)) return;
    auto& batch = batches[worker];
    if (!batch) batch = std::make_unique<QueryBatch>(problem, candidates, size);
    const std::int64_t first = block * size, last = std::min(first + size, problem.n_queries);
    batch->begin(first, last, true);
    if (codes) batch->code();
    std::int64_t check = 2;  // floors rise fast at first, so look often at first
    for (std::int64_t p = 0; p < n_panels; ++p) {
      if (p == check) {
        if (watch.stopped(worker)) return;
        if (batch->retire(items, p) == 0) break;
        check += std::min<std::int64_t>(p, 32);
      }
      const CodedPanel codes_of_panel = codes ? coded.panel(p) : CodedPanel{};
      batch->scan(p, items.panel(p), codes ? &codes_of_panel : nullptr);
    }
    batch->settle();
    for (std::int64_t query = first; query < last; ++query)
      write_best(problem, query, batch->keys(query));
  });
  return !watch.stopped();
}

}  // namespace

bool top_n(const TopnProblem& problem, int n_threads, const Interrupt& interrupt) {
  if (problem.n_queries == 0 || problem.n == 0) return true;
  if (problem.index && TopnIndex::pays(problem.n_queries, problem.n, problem.n_items) &&
      problem.index->answers(problem))
    return problem.index->top_n(problem, n_threads, interrupt);
  Candidates candidates(problem);
  const int threads = resolve_threads(n_threads);
  // Ordering all items and keeping them packed costs what scoring them for some hundred queries
  // does. Below that it is not worth while, provided that shortlists of all queries on each thread
  // are small.
  constexpr std::int64_t few = 256;
  constexpr double most_keys = 4 << 20;
  const double keys = static_cast<double>(list_capacity(problem.n, candidates.size())) *
                      static_cast<double>(problem.n_queries) * threads;
  if (problem.codes != Codes::always &&
      (problem.n_queries == 1 || (problem.n_queries <= few && keys <= most_keys)))
    return few_queries(problem, candidates, threads, interrupt);
  return many_queries(problem, candidates, threads, interrupt);
}

bool score_pairs(const PairProblem& problem, int n_threads, const Interrupt& interrupt) {
  const std::int64_t pairs_of_chunk = 8 * std::max<std::int64_t>(1, (1 << 14) / (problem.d + 8));
  return parallel_for((problem.n_pairs + pairs_of_chunk - 1) / pairs_of_chunk, n_threads, interrupt,
                      [&](std::int64_t chunk, int) {
                        const std::int64_t first = chunk * pairs_of_chunk;
                        topn_kernels().pairs(problem, first,
                                             std::min(first + pairs_of_chunk, problem.n_pairs));
                      });
}

}  // namespace lmf

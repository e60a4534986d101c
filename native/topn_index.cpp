#include "topn_index.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <limits>
#include <span>

#include "dispatch.hpp"
#include "topn_items.hpp"
#include "topn_kernels.hpp"
#include "topn_queries.hpp"

LMF_DISPATCH(CoarseKernels, coarse_kernels)

namespace lmf {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr double largest_norm = 1e15;  // beyond, products might leave float32
constexpr std::int64_t most_queries = 16;  // from more on, packing the items anew for each call is cheaper
constexpr int batch = 16;  // candidates scored at a time

float rounded_up(double value) {
  return std::nextafter(static_cast<float>(value), infinity);
}

// How a vector is cut: the step of its codes and the length of what they leave over.
struct Cut {
  float step;
  double left;
};

// Calls put(k, code) with the codes of a vector, whole numbers in [-most, most].
template <class Put>
Cut quantize(const float* vector, std::int64_t d, double most, const Put& put) {
  float largest = 0;
  for (std::int64_t k = 0; k < d; ++k) largest = std::max(largest, std::fabs(vector[k]));
  const auto step = static_cast<float>(largest / most);
  double left = 0;
  for (std::int64_t k = 0; k < d; ++k) {
    const double steps = step > 0 ? static_cast<double>(vector[k]) / step : 0;
    const double code = std::clamp(std::nearbyint(steps), -most, most);
    put(k, static_cast<std::int32_t>(code));
    const double rest = vector[k] - step * code;
    left += rest * rest;
  }
  return {step, std::sqrt(left) * (1 + 1e-9)};
}

}  // namespace

// One query on its way through the panels, on one thread.
struct TopnIndex::Search {
  const TopnProblem& problem;
  std::int64_t query;
  std::span<const std::int32_t> excluded;  // rising
  std::vector<std::int32_t> codes;
  double reach = 0, left = 0;  // |x| rounded up, |p|
  float step = 0;
  std::atomic<std::uint64_t>& floor;  // the best that any thread has: keys below are nobody's
  std::vector<std::uint64_t> keys = {};
  Shortlist list = {};
  std::int32_t waiting[batch] = {};
  int n_waiting = 0;

  void offer(std::int32_t item) {
    if (problem.allowed && !problem.allowed[item]) return;
    if (std::binary_search(excluded.begin(), excluded.end(), item)) return;
    waiting[n_waiting++] = item;
    if (n_waiting == batch) score();
  }
  // Scores those that wait, in one call: each in a lane of its own.
  void score() {
    if (n_waiting == 0) return;
    float scores[batch];
    constexpr std::int32_t users[batch] = {};
    topn_kernels().pairs({problem.queries + query * problem.d, problem.items, problem.d, users,
                          waiting, n_waiting, problem.item_bias, scores}, 0, n_waiting);
    for (int k = 0; k < n_waiting; ++k) {
      const std::uint64_t key = key_of(scores[k], waiting[k]);
      if (std::isnan(scores[k]) || key < list.floor) continue;
      list.keys[list.size++] = key;
      if (list.size < list.capacity) continue;
      cut(list);
      raise_floor();
    }
    n_waiting = 0;
  }
  void raise_floor() {
    std::uint64_t seen = floor.load(std::memory_order_relaxed);
    while (seen < list.floor && !floor.compare_exchange_weak(seen, list.floor, std::memory_order_relaxed)) {}
  }
  float least() const {
    const std::uint64_t key = std::max(list.floor, floor.load(std::memory_order_relaxed));
    return key ? score_of(key) : -infinity;
  }
};

std::unique_ptr<TopnIndex> TopnIndex::make(const TopnProblem& problem, int n_threads,
                                           const Interrupt& interrupt) {
  const std::int64_t n = problem.n_items, d = problem.d, columns = coarse_kernels().columns;
  const int threads = resolve_threads(n_threads);
  auto index = std::make_unique<TopnIndex>();
  index->items_ = problem.items;
  index->item_bias_ = problem.item_bias;
  index->n_items_ = n;
  index->d_ = d;
  index->n_pairs_ = (d + 1) / 2;
  index->n_panels_ = (n + columns - 1) / columns;

  std::vector<float> norm(n);
  std::atomic<bool> bounded{true};
  constexpr std::int64_t of_chunk = 4096;
  const auto chunks = [&](std::int64_t size, const auto& body) {
    return parallel_for((size + of_chunk - 1) / of_chunk, threads, interrupt, [&](std::int64_t chunk, int) {
      const std::int64_t end = std::min((chunk + 1) * of_chunk, size);
      for (std::int64_t k = chunk * of_chunk; k < end; ++k) body(k);
    });
  };
  if (!chunks(n, [&](std::int64_t item) {
        norm[item] = item_reach(norm_of(problem.items + item * d, d));
        const bool fine = norm[item] < largest_norm &&
                          (!problem.item_bias || std::fabs(problem.item_bias[item]) < largest_norm);
        if (!fine) bounded.store(false, std::memory_order_relaxed);
      }))
    return nullptr;
  index->bounded_ = bounded;
  if (!bounded) return index;

  TopnProblem everything = problem;
  everything.allowed = nullptr;
  Candidates candidates(everything);
  candidates.sort_by_promise(norm);
  const std::int64_t padded = index->n_panels_ * columns;
  index->codes_.assign(padded * 2 * index->n_pairs_, 0);
  index->scale_.assign(padded, 0);
  if (problem.item_bias) index->bias_.assign(padded, 0);
  index->ids_.assign(padded, -1);
  index->limits_.resize(index->n_panels_);
  const auto pack = [&](std::int64_t p) {
    Limits& limits = index->limits_[p];
    limits.bias = problem.item_bias ? -infinity : 0;
    for (std::int64_t c = 0; c < columns && p * columns + c < n; ++c) {
      const std::int64_t at = p * columns + c;
      const std::int32_t item = candidates[at];
      const Cut cut = quantize(problem.items + item * d, d, coarse_most, [&](std::int64_t k, std::int32_t code) {
        index->codes_[((p * index->n_pairs_ + k / 2) * columns + c) * 2 + k % 2] = static_cast<std::int8_t>(code);
      });
      index->ids_[at] = item;
      index->scale_[at] = cut.step;
      limits.error = std::max(limits.error, rounded_up(cut.left));
      limits.norm = std::max(limits.norm, norm[item]);
      if (!problem.item_bias) continue;
      const float bias = index->bias_[at] = problem.item_bias[item];
      limits.bias = std::max(limits.bias, bias);
      limits.largest_bias = std::max(limits.largest_bias, std::fabs(bias));
    }
  };
  if (!parallel_for(index->n_panels_, threads, interrupt, [&](std::int64_t p, int) { pack(p); }))
    return nullptr;
  for (std::int64_t p = index->n_panels_ - 2; p >= 0; --p) {
    Limits &here = index->limits_[p], &next = index->limits_[p + 1];
    here.norm = std::max(here.norm, next.norm);
    here.bias = std::max(here.bias, next.bias);
  }
  return index;
}

bool TopnIndex::answers(const TopnProblem& problem) const {
  if (!bounded_ || problem.items != items_ || problem.item_bias != item_bias_ ||
      problem.n_items != n_items_ || problem.d != d_)
    return false;
  for (std::int64_t query = 0; query < problem.n_queries; ++query)
    if (!(norm_of(problem.queries + query * d_, d_) < largest_norm)) return false;
  return true;
}

bool TopnIndex::pays(std::int64_t n_queries, std::int64_t n, std::int64_t n_items) {
  return n_queries <= most_queries && n <= n_items / 16;
}

std::int64_t TopnIndex::bytes() const {
  return static_cast<std::int64_t>(codes_.size() + 4 * (scale_.size() + bias_.size() + ids_.size()) +
                                   sizeof(Limits) * limits_.size());
}

CoarsePanel TopnIndex::panel(std::int64_t p) const {
  const std::int64_t columns = coarse_kernels().columns;
  return {codes_.data() + p * 2 * n_pairs_ * columns, scale_.data() + p * columns,
          bias_.empty() ? nullptr : bias_.data() + p * columns};
}

// How far the exact score, as float32 sums it, can be above the coarse one. The last term pays for
// the roundings of both sums.
float TopnIndex::margin(const Search& search, const Limits& limits) const {
  const double norm = limits.norm, size = (search.reach + search.left) * (norm + limits.error);
  return rounded_up((search.reach + search.left) * limits.error + search.left * norm +
                    size * static_cast<double>(d_ + 32) / (1 << 22) + limits.largest_bias * 1e-6 + 1e-30);
}

void TopnIndex::scan(Search& search, std::int64_t begin, std::int64_t end) const {
  const CoarseKernels& kernels = coarse_kernels();
  const std::int64_t columns = kernels.columns;
  const CoarseQuery query{search.codes.data(), n_pairs_, search.step};
  const auto reach = static_cast<float>(search.reach);
  for (std::int64_t p = begin; p < end; ++p) {
    const float floor = search.least();
    if (!can_reach(reach, limits_[p].norm, limits_[p].bias, floor)) break;
    std::uint64_t bits = kernels.reach(panel(p), query, floor - margin(search, limits_[p]));
    const std::int64_t rest = n_items_ - p * columns;
    if (rest < 64) bits &= (std::uint64_t{1} << rest) - 1;
    for (; bits; bits &= bits - 1) search.offer(ids_[p * columns + __builtin_ctzll(bits)]);
  }
  search.score();
}

// The end of the panels that can still reach the floor: what they can reach falls.
std::int64_t TopnIndex::end_of_reach(const Search& search, std::int64_t from) const {
  const auto reach = static_cast<float>(search.reach);
  const float floor = search.least();
  const auto within = [&](const Limits& limits) { return can_reach(reach, limits.norm, limits.bias, floor); };
  return std::partition_point(limits_.begin() + from, limits_.end(), within) - limits_.begin();
}

bool TopnIndex::top_n(const TopnProblem& problem, int n_threads, const Interrupt& interrupt) const {
  constexpr std::int64_t bytes_of_chunk = 1 << 21;
  const std::int64_t of_chunk =
      std::max<std::int64_t>(1, bytes_of_chunk / (2 * (n_pairs_ + 1) * coarse_kernels().columns));
  const std::int64_t capacity = problem.n + 8 + problem.n / 4;
  // 128 q d must stay in 32 bits.
  const double most = std::min<double>(32767, std::floor(2147483647.0 / (128.0 * 2 * n_pairs_)));
  for (std::int64_t query = 0; query < problem.n_queries; ++query) {
    const float* x = problem.queries + query * d_;
    std::vector<std::int32_t> sorted;
    std::span<const std::int32_t> excluded = exclusions(problem, query);
    if (!std::is_sorted(excluded.begin(), excluded.end())) {
      sorted.assign(excluded.begin(), excluded.end());
      std::sort(sorted.begin(), sorted.end());
      excluded = sorted;
    }
    std::atomic<std::uint64_t> floor{0};
    Search first{problem, query, excluded, std::vector<std::int32_t>(n_pairs_), 0, 0, 0, floor};
    const Cut cut = quantize(x, d_, most, [&](std::int64_t k, std::int32_t code) {
      const std::uint32_t half = static_cast<std::uint16_t>(code);
      first.codes[k / 2] |= static_cast<std::int32_t>(k % 2 ? half << 16 : half);
    });
    first.step = cut.step;
    first.left = cut.left;
    first.reach = query_reach(norm_of(x, d_), d_);
    std::deque<Search> searches;  // where a search stays when others join
    const auto join = [&]() -> Search& {
      Search& search = searches.emplace_back(first);
      search.keys.resize(capacity);
      search.list = {search.keys.data(), 0, capacity, problem.n, 0, 0};
      return search;
    };
    // The longest items first, on this thread: often nothing after them can reach the floor.
    const std::int64_t alone = std::min(of_chunk, n_panels_);
    scan(join(), 0, alone);
    const std::int64_t end = end_of_reach(searches[0], alone);
    const std::int64_t n_chunks = (end - alone + of_chunk - 1) / of_chunk;
    // To know how many threads there are takes as long as a chunk, so it is asked only where it matters.
    const int threads =
        n_chunks > 1 ? static_cast<int>(std::min<std::int64_t>(resolve_threads(n_threads), n_chunks)) : 1;
    for (int worker = 0; worker < threads && n_chunks > 0; ++worker) join();
    if (n_chunks > 0 && !parallel_for(n_chunks, threads, interrupt, [&](std::int64_t chunk, int worker) {
          const std::int64_t begin = alone + chunk * of_chunk;
          scan(searches[worker + 1], begin, std::min(begin + of_chunk, end));
        }))
      return false;
    std::vector<std::uint64_t> keys;
    for (const Search& search : searches)
      keys.insert(keys.end(), search.list.keys, search.list.keys + search.list.size);
    write_best(problem, query, keys);
  }
  return true;
}

}  // namespace lmf

#include "topn_index.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <span>

#include "dispatch.hpp"
#include "quantize.hpp"
#include "topn_items.hpp"
#include "topn_kernels.hpp"
#include "topn_queries.hpp"

LMF_DISPATCH(CoarseKernels, coarse_kernels)

namespace lmf {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t most_queries = 16;  // from more on, packing the items anew for each call is cheaper
constexpr int batch = 32;  // candidates scored at a time

// What the roundings of two sums can come to, for a query of `length` with `left` beyond its codes and
// items of `norm` with `error` beyond theirs.
double rounding(double length, double left, double norm, double error, double largest_bias, std::int64_t d) {
  return (length + left) * (norm + error) * static_cast<double>(d + 32) / (1 << 22) + largest_bias * 1e-6 + 1e-30;
}

}  // namespace

// One query on its way through the panels, on one thread.
struct TopnIndex::Search {
  const TopnProblem& problem;
  std::int64_t query;
  std::span<const std::int32_t> excluded;  // rising
  std::atomic<std::uint64_t>& floor;       // the best that any thread has: keys below are nobody's
  std::vector<std::int32_t> codes = {};
  std::vector<std::uint32_t> byte_codes = {};  // to multiply halves with
  std::int32_t total = 0;                      // of them
  double length = 0;                           // |x| rounded up
  Cut by_pairs = {}, by_bytes = {};            // t and |p|
  bool by_half = false;  // whether halves are read first, as long as few pass
  std::vector<std::uint64_t> keys = {};
  Shortlist list = {};
  const std::int32_t* offered[batch] = {};
  int n_offered = 0;
  std::int64_t n_panels = 0, n_passed = 0;  // by half

  void offer(const std::int32_t* id) {
    __builtin_prefetch(id);
    offered[n_offered++] = id;
    if (n_offered == batch) settle();
  }
  // Scores what is offered, in one call: each item in a lane of its own.
  void settle() {
    std::int32_t items[batch];
    constexpr std::int32_t users[batch] = {};
    int count = 0;
    for (int k = 0; k < n_offered; ++k) {
      const std::int32_t item = *offered[k];
      if (problem.allowed && !problem.allowed[item]) continue;
      if (std::binary_search(excluded.begin(), excluded.end(), item)) continue;
      const float* row = problem.items + item * problem.d;
      for (std::int64_t i = 0; i < problem.d; i += 16) __builtin_prefetch(row + i);
      items[count++] = item;
    }
    n_offered = 0;
    float scores[batch];
    topn_kernels().pairs({problem.queries + query * problem.d, problem.items, problem.d, users, items, count,
                          problem.item_bias, scores}, 0, count);
    for (int k = 0; k < count; ++k)
      if (lmf::offer(list, scores[k], items[k])) raise_floor();
  }
  // To score an item takes as long as to read the other half of a panel.
  void count(std::uint64_t passed) {
    ++n_panels;
    if (passed == 0) return;
    n_passed += std::popcount(passed);
    by_half = n_passed <= n_panels + 256;
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
                                           const Interrupt& interrupt,
                                           std::int64_t most_bytes) {
  const std::int64_t n = problem.n_items, d = problem.d, columns = coarse_kernels().columns;
  const int threads = resolve_threads(n_threads);
  auto index = std::make_unique<TopnIndex>();
  index->items_ = problem.items;
  index->item_bias_ = problem.item_bias;
  index->n_items_ = n;
  index->d_ = d;
  index->n_pairs_ = (d + 1) / 2;
  index->n_eights_ = (d + 7) / 8;
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
  const std::int64_t of_panel = 2 * index->n_pairs_ * columns;
  index->codes_ = Buffer<std::int8_t>(index->n_panels_ * of_panel);
  index->scale_.assign(padded, 0);
  const bool halves = padded * 2 * index->n_pairs_ > most_bytes && d <= 1 << 16;
  if (halves) {
    index->halves_ = Buffer<std::uint32_t>(padded * index->n_eights_);
    index->half_scale_.assign(padded, 0);
    index->half_error_.assign(padded, 0);
  }
  if (problem.item_bias) index->bias_.assign(padded, 0);
  index->ids_.assign(padded, -1);
  index->limits_.resize(index->n_panels_);
  const auto pack = [&](std::int64_t p) {
    Limits& limits = index->limits_[p];
    std::int8_t* codes = index->codes_.data() + p * of_panel;
    std::fill_n(codes, of_panel, std::int8_t{0});
    limits.bias = problem.item_bias ? -infinity : 0;
    for (std::int64_t c = 0; c < columns && p * columns + c < n; ++c) {
      const std::int64_t at = p * columns + c;
      const std::int32_t item = candidates[at];
      const Cut cut = quantize(problem.items + item * d, d, coarse_most, [&](std::int64_t k, std::int32_t code) {
        codes[(k / 2 * columns + c) * 2 + k % 2] = static_cast<std::int8_t>(code);
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
    if (halves) index->pack_halves(problem, p);
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

void TopnIndex::pack_halves(const TopnProblem& problem, std::int64_t p) {
  const std::int64_t columns = coarse_kernels().columns, first = p * columns;
  const std::int64_t count = std::min(columns, n_items_ - first);
  std::uint32_t* codes = halves_.data() + first * n_eights_;
  std::fill_n(codes, columns * n_eights_, 0u);
  double numbers[64];
  for (std::int64_t c = 0; c < count; ++c) numbers[c] = step_by_half(problem.items + ids_[first + c] * d_, d_);
  Limits& limits = limits_[p];
  limits.scale_step = in_bytes({numbers, static_cast<std::size_t>(count)}, &half_scale_[first]);
  for (std::int64_t c = 0; c < count; ++c) {
    const float* vector = problem.items + ids_[first + c] * d_;
    const double step = static_cast<double>(limits.scale_step) * half_scale_[first + c];
    for (std::int64_t k = 0; k < d_; ++k)
      codes[k / 8 * columns + c] |= static_cast<std::uint32_t>(code_by_half(vector[k], 0.5 / step))
                                    << (8 * (k % 4) + (k % 8 < 4 ? 0 : 4));
    numbers[c] = std::sqrt(left_by_half(vector, d_, step)) * (1 + 1e-9);
    limits.half_error = std::max(limits.half_error, rounded_up(numbers[c]));
  }
  limits.error_step = in_bytes({numbers, static_cast<std::size_t>(count)}, &half_error_[first]);
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
  const std::size_t of_one = codes_.size() + half_scale_.size() + half_error_.size(),
                    of_four = halves_.size() + scale_.size() + bias_.size() + ids_.size();
  return static_cast<std::int64_t>(of_one + 4 * of_four + sizeof(Limits) * limits_.size());
}

std::uint64_t TopnIndex::reach(const Search& search, std::int64_t p, float floor) const {
  const std::int64_t columns = coarse_kernels().columns;
  const Limits& of = limits_[p];
  const double left = search.by_pairs.left;
  return coarse_kernels().reach(
      {codes_.data() + p * 2 * n_pairs_ * columns, &scale_[p * columns], bias_.empty() ? nullptr : &bias_[p * columns]},
      {search.codes.data(), n_pairs_, search.by_pairs.step},
      floor - rounded_up((search.length + left) * of.error + left * of.norm +
                         rounding(search.length, left, of.norm, of.error, of.largest_bias, d_)));
}

std::uint64_t TopnIndex::reach_by_half(const Search& search, std::int64_t p, float floor) const {
  const std::int64_t columns = coarse_kernels().columns;
  const Limits& of = limits_[p];
  const double left = search.by_bytes.left;
  return coarse_kernels().reach_by_half(
      {halves_.data() + p * n_eights_ * columns, &half_scale_[p * columns], &half_error_[p * columns],
       of.scale_step, of.error_step, bias_.empty() ? nullptr : &bias_[p * columns]},
      {search.byte_codes.data(), n_eights_, search.total, search.by_bytes.step,
       rounded_up(search.length + left)},
      floor - rounded_up(left * of.norm +
                         rounding(search.length, left, of.norm, of.half_error, of.largest_bias, d_)));
}

void TopnIndex::scan(Search& search, std::int64_t begin, std::int64_t end) const {
  const std::int64_t columns = coarse_kernels().columns;
  const auto length = static_cast<float>(search.length);
  for (std::int64_t p = begin; p < end; ++p) {
    const float floor = search.least();
    if (!can_reach(length, limits_[p].norm, limits_[p].bias, floor)) break;
    const bool by_half = search.by_half && floor > -infinity;  // before there is a floor, everything passes
    std::uint64_t bits = by_half ? reach_by_half(search, p, floor) : reach(search, p, floor);
    const std::int64_t rest = n_items_ - p * columns;
    if (rest < 64) bits &= (std::uint64_t{1} << rest) - 1;
    if (by_half) search.count(bits);
    for (; bits; bits &= bits - 1) search.offer(&ids_[p * columns + std::countr_zero(bits)]);
  }
  search.settle();
}

// The end of the panels that can still reach the floor: what they can reach falls.
std::int64_t TopnIndex::end_of_reach(const Search& search, std::int64_t from) const {
  const auto length = static_cast<float>(search.length);
  const float floor = search.least();
  const auto within = [&](const Limits& limits) { return can_reach(length, limits.norm, limits.bias, floor); };
  return std::partition_point(limits_.begin() + from, limits_.end(), within) - limits_.begin();
}

void TopnIndex::code_by_bytes(Search& search, const float* x) const {
  search.byte_codes.assign(2 * n_eights_, 0);
  search.by_bytes = quantize(x, d_, coarse_most, [&](std::int64_t k, std::int32_t code) {
    search.byte_codes[k / 4] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(code)) << 8 * (k % 4);
    search.total += code;
  });
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
    Search first{problem, query, excluded, floor};
    first.codes.resize(n_pairs_);
    const Cut cut = quantize(x, d_, most, [&](std::int64_t k, std::int32_t code) {
      const std::uint32_t half = static_cast<std::uint16_t>(code);
      first.codes[k / 2] |= static_cast<std::int32_t>(k % 2 ? half << 16 : half);
    });
    first.by_pairs = cut;
    first.length = query_reach(norm_of(x, d_), d_);
    if (halves_.size() > 0) code_by_bytes(first, x);
    std::deque<Search> searches;  // where a search stays when others join
    const auto join = [&]() -> Search& {
      Search& search = searches.emplace_back(first);
      search.keys.resize(capacity);
      search.list = {search.keys.data(), 0, capacity, problem.n, 0, 0};
      search.by_half = halves_.size() > 0;
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

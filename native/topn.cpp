#include "topn.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "dispatch.hpp"

LMF_DISPATCH(TopnKernels, topn_kernels)

namespace lmf {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

struct AlignedDelete {
  void operator()(float* memory) const { ::operator delete(memory, std::align_val_t{64}); }
};
using Floats = std::unique_ptr<float[], AlignedDelete>;

Floats aligned_floats(std::int64_t size) {
  const std::size_t bytes = static_cast<std::size_t>(std::max<std::int64_t>(size, 1)) * sizeof(float);
  return Floats(static_cast<float*>(::operator new(bytes, std::align_val_t{64})));
}

// ---- shortlists ----

float score_of(std::uint64_t key) {
  const auto bits = static_cast<std::uint32_t>(key >> 32);
  return std::bit_cast<float>(bits >> 31 ? bits ^ 0x80000000u : ~bits);
}

float floor_of(const Shortlist& list) { return list.floor ? score_of(list.floor) : -infinity; }

// Keeps the best n; from now on only what beats the last of them gets in.
void cut(Shortlist& list) {
  std::nth_element(list.keys, list.keys + list.n - 1, list.keys + list.size, std::greater<>());
  list.size = list.n;
  list.floor = list.keys[list.n - 1];
}

// Room beyond n makes cuts rare. A list that may hold every candidate never fills.
std::int64_t list_capacity(std::int64_t n, std::int64_t n_candidates) {
  return std::min(std::max(2 * n, n + 22), n_candidates + 1);
}

void start(Shortlist& list, const TopnProblem& problem, std::int64_t query, std::uint64_t* keys,
           std::int64_t capacity) {
  list = {keys, 0, capacity, problem.n, 0, nullptr, nullptr};
  if (!problem.exclude_indptr) return;
  const std::int64_t row = problem.exclude_rows ? problem.exclude_rows[query] : query;
  if (row < 0) return;
  list.seen = problem.exclude_indices + problem.exclude_indptr[row];
  list.seen_end = problem.exclude_indices + problem.exclude_indptr[row + 1];
}

// Writes the best n of the keys, best first, and the padding.
void finish(const TopnProblem& problem, std::int64_t query, std::span<std::uint64_t> keys) {
  const std::int64_t found = std::min(problem.n, std::ssize(keys));
  std::partial_sort(keys.begin(), keys.begin() + found, keys.end(), std::greater<>());
  std::int32_t* items = problem.out_items + query * problem.n;
  float* scores = problem.out_scores + query * problem.n;
  for (std::int64_t k = 0; k < found; ++k) {
    items[k] = static_cast<std::int32_t>(~static_cast<std::uint32_t>(keys[k]));
    scores[k] = score_of(keys[k]);
  }
  std::fill(items + found, items + problem.n, -1);
  std::fill(scores + found, scores + problem.n, nan);
}

// ---- bounds ----

double norm_of(const float* row, std::int64_t d) {
  double sum[4] = {};
  std::int64_t k = 0;
  for (; k + 4 <= d; k += 4)
    for (int s = 0; s < 4; ++s) sum[s] += static_cast<double>(row[k + s]) * row[k + s];
  for (; k < d; ++k) sum[0] += static_cast<double>(row[k]) * row[k];
  return std::sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// The product of the two is at least the computed x.v: the margin pays for d roundings of 2^-24
// in the sum, the addend for numbers so small that rounding is no longer relative.
float query_reach(double norm, std::int64_t d) {
  return static_cast<float>(norm * (1 + static_cast<double>(d + 16) / (1 << 22)) + 1e-18);
}
float item_reach(double norm) { return static_cast<float>(norm * (1 + 1e-6) + 1e-18); }

// ---- candidates ----

// The items that may be listed at all.
class Candidates {
 public:
  explicit Candidates(const TopnProblem& problem) : size_(problem.n_items) {
    if (!problem.allowed) return;
    size_ = 0;
    for (std::int64_t i = 0; i < problem.n_items; ++i) size_ += problem.allowed[i] != 0;
    ids_.reserve(size_);
    for (std::int64_t i = 0; i < problem.n_items; ++i)
      if (problem.allowed[i]) ids_.push_back(static_cast<std::int32_t>(i));
  }
  std::int64_t size() const { return size_; }
  std::int32_t operator[](std::int64_t k) const {
    return ids_.empty() ? static_cast<std::int32_t>(k) : ids_[k];
  }
  void reorder(std::vector<std::int32_t> ids) { ids_ = std::move(ids); }

 private:
  std::int64_t size_;
  std::vector<std::int32_t> ids_;  // empty: all items in their order
};

// Packs one panel: its vectors, biases and ids.
void fill_panel(const TopnProblem& problem, const Candidates& candidates, std::int64_t panel,
                float* vectors, float* bias, std::int32_t* ids) {
  const TopnKernels& kernels = topn_kernels();
  const std::int64_t first = panel * kernels.columns;
  const std::int64_t count = std::min<std::int64_t>(kernels.columns, candidates.size() - first);
  for (std::int64_t c = 0; c < kernels.columns; ++c) {
    ids[c] = c < count ? candidates[first + c] : -1;
    // Adding 0 turns -0 into 0, so that no score is -0 and equal scores have equal bits.
    bias[c] = c >= count ? nan : problem.item_bias ? problem.item_bias[ids[c]] + 0.0f : 0.0f;
  }
  kernels.pack(problem.items, problem.d, ids, count, vectors);
}

// ---- queries ----

// Some queries on one thread: their shortlists, and their vectors packed in groups for the tile.
class Batch {
 public:
  Batch(const TopnProblem& problem, std::int64_t most, std::int64_t capacity)
      : problem_(problem),
        capacity_(capacity),
        keys_(std::make_unique_for_overwrite<std::uint64_t[]>(most * capacity)),
        vectors_(aligned_floats((most + max_group) * problem.d)) {
    lists_.resize(most);
  }

  void begin(std::int64_t first, std::int64_t last, bool bounded) {
    members_.clear();
    for (std::int64_t query = first; query < last; ++query) {
      const std::int64_t k = query - first;
      start(lists_[k], problem_, query, &keys_[k * capacity_], capacity_);
      const float* row = problem_.queries + query * problem_.d;
      members_.push_back({query, bounded ? query_reach(norm_of(row, problem_.d), problem_.d) : nan,
                          &lists_[k]});
    }
    pack();
  }

  void scan(const ItemPanels& items, std::int64_t begin, std::int64_t end) {
    topn_kernels().scan(items, begin, end, groups_.data(), std::ssize(groups_), cut);
  }

  // Drops the queries that no item from `panel` on can reach, if they are worth the packing.
  void drop_finished(const ItemPanels& items, std::int64_t panel, std::int64_t n_panels) {
    const auto last_of = [&](const Member& member) {
      const float floor = floor_of(*member.list);
      std::int64_t from = panel, to = n_panels;
      while (from < to) {
        const std::int64_t middle = (from + to) / 2;
        if (can_reach(member.reach, items.norm_reach[middle], items.bias_reach[middle], floor))
          from = middle + 1;
        else
          to = middle;
      }
      return from;
    };
    for (Member& member : members_) member.end = last_of(member);
    const auto going = [&](const Member& member) { return member.end > panel; };
    const std::int64_t left = std::count_if(members_.begin(), members_.end(), going);
    if (left == std::ssize(members_)) return;
    std::erase_if(members_, [&](const Member& member) { return !going(member); });
    // Queries that will stop at about the same panel share a group.
    std::stable_sort(members_.begin(), members_.end(),
                     [](const Member& a, const Member& b) { return a.end > b.end; });
    pack();
  }

  bool done() const { return members_.empty(); }
  std::span<std::uint64_t> keys(std::int64_t k) const {
    return {lists_[k].keys, static_cast<std::size_t>(lists_[k].size)};
  }

 private:
  struct Member {
    std::int64_t query;
    float reach;
    Shortlist* list;
    std::int64_t end = 0;  // the first panel that cannot reach the floor
  };

  void pack() {
    const std::int64_t rows = topn_kernels().rows;
    groups_.resize((members_.size() + rows - 1) / rows);
    float* to = vectors_.get();
    std::span<const Member> rest = members_;
    for (QueryGroup& group : groups_) {
      group.vectors = to;
      group.count = static_cast<int>(std::min(rows, std::ssize(rest)));
      for (std::int64_t r = 0; r < rows; ++r) {
        const bool used = r < group.count;
        const Member& member = rest[used ? r : 0];
        const float* from = problem_.queries + member.query * problem_.d;
        for (std::int64_t k = 0; k < problem_.d; ++k) to[k * rows + r] = from[k];
        group.lists[r] = member.list;
        group.reach[r] = used ? member.reach : nan;
        group.floor[r] = used ? floor_of(*member.list) : nan;
      }
      to += rows * problem_.d;
      rest = rest.subspan(group.count);
    }
  }

  const TopnProblem& problem_;
  std::int64_t capacity_;
  std::unique_ptr<std::uint64_t[]> keys_;
  std::vector<Shortlist> lists_;
  std::vector<Member> members_;
  Floats vectors_;
  std::vector<QueryGroup> groups_;
};

// ---- few queries: the threads share out the items, each packs a panel and forgets it ----

bool few_queries(const TopnProblem& problem, const Candidates& candidates, int threads,
                 const Interrupt& interrupt) {
  const std::int64_t columns = topn_kernels().columns;
  const std::int64_t n_panels = (candidates.size() + columns - 1) / columns;
  const std::int64_t capacity = list_capacity(problem.n, candidates.size());
  constexpr std::int64_t work_of_chunk = 1 << 17;  // elements packed
  const std::int64_t panels_of_chunk =
      std::max<std::int64_t>(1, work_of_chunk / (columns * (problem.d + 4)));

  std::vector<std::unique_ptr<Batch>> parts(threads);
  const bool finished = parallel_for(
      (n_panels + panels_of_chunk - 1) / panels_of_chunk, threads, interrupt,
      [&](std::int64_t chunk, int worker) {
        auto& part = parts[worker];
        if (!part) {
          part = std::make_unique<Batch>(problem, problem.n_queries, capacity);
          part->begin(0, problem.n_queries, false);
        }
        const Floats vectors = aligned_floats(columns * problem.d), bias = aligned_floats(columns);
        std::vector<std::int32_t> ids(columns);
        const ItemPanels one{problem.d, vectors.get(), bias.get(), ids.data(), nullptr, nullptr};
        const std::int64_t first = chunk * panels_of_chunk;
        for (std::int64_t p = first; p < std::min(first + panels_of_chunk, n_panels); ++p) {
          fill_panel(problem, candidates, p, vectors.get(), bias.get(), ids.data());
          part->scan(one, 0, 1);
        }
      });
  if (!finished) return false;
  std::vector<std::uint64_t> keys;
  for (std::int64_t query = 0; query < problem.n_queries; ++query) {
    keys.clear();
    for (const auto& part : parts)
      if (part) keys.insert(keys.end(), part->keys(query).begin(), part->keys(query).end());
    finish(problem, query, keys);
  }
  return true;
}

// ---- many queries: the items are packed once, the threads share out blocks of queries ----

// All candidates in panels, those that can score highest first.
struct Packed {
  std::int64_t n_panels;
  Floats vectors, bias;
  std::vector<std::int32_t> ids;
  std::vector<float> norm_reach, bias_reach;
  ItemPanels view(std::int64_t d) const {
    return {d, vectors.get(), bias.get(), ids.data(), norm_reach.data(), bias_reach.data()};
  }
};

double typical_norm(const TopnProblem& problem) {
  const std::int64_t step = std::max<std::int64_t>(1, problem.n_queries / 256);
  double total = 0;
  std::int64_t count = 0;
  for (std::int64_t query = 0; query < problem.n_queries; query += step) {
    const double norm = norm_of(problem.queries + query * problem.d, problem.d);
    if (std::isfinite(norm)) total += norm, ++count;
  }
  return count ? total / static_cast<double>(count) : 0;
}

// Sorts candidates by falling promise: a counting sort on the upper half of the float, which is
// as fine as needed, and stable, so that equals keep their order.
void sort_by_promise(const TopnProblem& problem, const std::vector<float>& norm,
                     Candidates& candidates) {
  const auto scale = static_cast<float>(typical_norm(problem));
  const auto bucket_of = [&](std::int32_t item) {
    const float promise = norm[item] * scale + (problem.item_bias ? problem.item_bias[item] : 0.0f);
    const auto bits = std::bit_cast<std::uint32_t>(promise);
    const std::uint32_t rising = bits >> 31 ? ~bits : bits | 0x80000000u;
    return std::isnan(promise) ? 0u : 0xffffu - (rising >> 16);
  };
  std::vector<std::int64_t> next(0x10001);
  for (std::int64_t k = 0; k < candidates.size(); ++k) ++next[bucket_of(candidates[k]) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<std::int32_t> order(candidates.size());
  for (std::int64_t k = 0; k < candidates.size(); ++k)
    order[next[bucket_of(candidates[k])]++] = candidates[k];
  candidates.reorder(std::move(order));
}

bool pack_all(const TopnProblem& problem, Candidates& candidates, int threads,
              const Interrupt& interrupt, Packed& packed) {
  const std::int64_t columns = topn_kernels().columns, d = problem.d;
  constexpr std::int64_t rows_of_chunk = 4096;
  std::vector<float> norm(problem.n_items);
  if (!parallel_for((problem.n_items + rows_of_chunk - 1) / rows_of_chunk, threads, interrupt,
                    [&](std::int64_t chunk, int) {
                      const std::int64_t first = chunk * rows_of_chunk;
                      for (std::int64_t i = first;
                           i < std::min(first + rows_of_chunk, problem.n_items); ++i)
                        norm[i] = item_reach(norm_of(problem.items + i * d, d));
                    }))
    return false;
  sort_by_promise(problem, norm, candidates);

  packed.n_panels = (candidates.size() + columns - 1) / columns;
  packed.vectors = aligned_floats(packed.n_panels * columns * d);
  packed.bias = aligned_floats(packed.n_panels * columns);
  packed.ids.resize(packed.n_panels * columns);
  packed.norm_reach.resize(packed.n_panels);
  packed.bias_reach.resize(packed.n_panels);
  const std::int64_t panels_of_chunk = 64;
  if (!parallel_for((packed.n_panels + panels_of_chunk - 1) / panels_of_chunk, threads, interrupt,
                    [&](std::int64_t chunk, int) {
                      const std::int64_t first = chunk * panels_of_chunk;
                      for (std::int64_t p = first;
                           p < std::min(first + panels_of_chunk, packed.n_panels); ++p)
                        fill_panel(problem, candidates, p, packed.vectors.get() + p * columns * d,
                                   packed.bias.get() + p * columns, &packed.ids[p * columns]);
                    }))
    return false;
  // The largest norm and bias of each panel and all that follow; NaN, which fails every
  // comparison, would be lost in a maximum and stands for "unknown", so it becomes infinite.
  float largest_norm = 0, largest_bias = -infinity;
  for (std::int64_t p = packed.n_panels - 1; p >= 0; --p) {
    for (std::int64_t c = p * columns; c < (p + 1) * columns && packed.ids[c] >= 0; ++c) {
      const float item_norm = norm[packed.ids[c]], item_bias = packed.bias[c];
      largest_norm = std::isnan(item_norm) ? infinity : std::max(largest_norm, item_norm);
      largest_bias = std::isnan(item_bias) ? largest_bias : std::max(largest_bias, item_bias);
    }
    packed.norm_reach[p] = largest_norm;
    packed.bias_reach[p] = largest_bias;
  }
  return true;
}

// Queries of a block: their vectors stay in the second cache while a panel passes.
std::int64_t block_size(const TopnProblem& problem, std::int64_t capacity, int threads) {
  const std::int64_t by_vectors = getenv("TQ") ? atoi(getenv("TQ")) : 256;
  const std::int64_t by_lists = (8 << 20) / (8 * capacity);
  const std::int64_t by_share = std::max<std::int64_t>(64, problem.n_queries / (8 * threads));
  const std::int64_t size = std::min({std::max<std::int64_t>(by_vectors, 64), by_lists, by_share,
                                      std::int64_t{1024}});
  return std::max<std::int64_t>(size / max_group, 1) * max_group;
}

bool many_queries(const TopnProblem& problem, Candidates& candidates, int threads,
                  const Interrupt& interrupt) {
  Packed packed;
  if (!pack_all(problem, candidates, threads, interrupt, packed)) return false;
  const ItemPanels items = packed.view(problem.d);
  const std::int64_t capacity = list_capacity(problem.n, candidates.size());
  const std::int64_t size = block_size(problem, capacity, threads);
  std::vector<std::unique_ptr<Batch>> batches(threads);
  std::atomic<bool> stop{false};
  auto polled = std::chrono::steady_clock::now();
  // One block may take seconds where items are many, so the calling thread asks between panels.
  const auto interrupted = [&](int worker) {
    if (worker == 0 && interrupt) {
      const auto now = std::chrono::steady_clock::now();
      if (now - polled > std::chrono::milliseconds(50)) {
        polled = now;
        if (interrupt()) stop = true;
      }
    }
    return stop.load();
  };
  const bool finished = parallel_for(
      (problem.n_queries + size - 1) / size, threads, {}, [&](std::int64_t block, int worker) {
        auto& batch = batches[worker];
        if (!batch) batch = std::make_unique<Batch>(problem, size, capacity);
        const std::int64_t first = block * size, last = std::min(first + size, problem.n_queries);
        batch->begin(first, last, true);
        std::int64_t step = 2;
        for (std::int64_t p = 0; p < packed.n_panels && !batch->done(); step = std::min<std::int64_t>(2 * step, 32)) {
          if (interrupted(worker)) return;
          const std::int64_t end = std::min(p + step, packed.n_panels);
          batch->scan(items, p, end);
          p = end;
          if (p < packed.n_panels) batch->drop_finished(items, p, packed.n_panels);
        }
        for (std::int64_t query = first; query < last; ++query)
          finish(problem, query, batch->keys(query - first));
      });
  return finished && !stop;
}

}  // namespace

bool top_n(const TopnProblem& problem, int n_threads, const Interrupt& interrupt) {
  if (problem.n_queries == 0 || problem.n == 0) return true;
  Candidates candidates(problem);
  const int threads = resolve_threads(n_threads);
  // Packing an item costs what scoring it for a few dozen queries does; below that, and where the
  // threads' shortlists of all queries are small, nothing is kept of it.
  constexpr std::int64_t few = 64, most_keys = 8 << 20;
  const std::int64_t keys = problem.n_queries * list_capacity(problem.n, candidates.size()) * threads;
  if (problem.n_queries == 1 || (problem.n_queries <= few && keys <= most_keys))
    return few_queries(problem, candidates, threads, interrupt);
  return many_queries(problem, candidates, threads, interrupt);
}

bool score_pairs(const PairProblem& problem, int n_threads, const Interrupt& interrupt) {
  const std::int64_t pairs_of_chunk = 8 * std::max<std::int64_t>(1, (1 << 17) / (8 * (problem.d + 8)));
  return parallel_for((problem.n_pairs + pairs_of_chunk - 1) / pairs_of_chunk, n_threads, interrupt,
                      [&](std::int64_t chunk, int) {
                        const std::int64_t first = chunk * pairs_of_chunk;
                        topn_kernels().pairs(problem, first,
                                             std::min(first + pairs_of_chunk, problem.n_pairs));
                      });
}

}  // namespace lmf

// How long inputs are shared out: in ranges of one size, or in one part a thread with its own
// counters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "parallel.hpp"

namespace lmf {

constexpr std::int64_t range_size = 1 << 17;

// body(begin, end) for consecutive ranges of [0, n).
template <class Body>
void for_ranges(std::int64_t n, int n_threads, Body&& body) {
  parallel_for((n + range_size - 1) / range_size, n_threads, {}, [&](std::int64_t range, int) {
    body(range * range_size, std::min(n, (range + 1) * range_size));
  });
}

// As many parts as threads, unless their counters would outweigh the entries.
inline int parts_for(std::int64_t n, std::int64_t n_counters, int n_threads) {
  const std::int64_t affordable = std::max<std::int64_t>(1, n / std::max<std::int64_t>(n_counters, 1));
  return static_cast<int>(std::min<std::int64_t>(resolve_threads(n_threads), affordable));
}

// Where part `part` of `parts` about equal ones begins in [0, n).
inline std::int64_t part_begin(std::int64_t n, std::int64_t parts, std::int64_t part) {
  return n / parts * part + std::min(part, n % parts);
}

// Where each of `parts` consecutive shares of the input puts its entries of each bucket, so that
// the order of the input is kept within a bucket whatever the number of parts.
class StableBuckets {
 public:
  StableBuckets(int parts, std::int64_t n_buckets)
      : parts_(parts), n_buckets_(n_buckets), next_(static_cast<std::size_t>(parts) * n_buckets) {}
  std::int64_t* of(std::int64_t part) { return next_.data() + part * n_buckets_; }
  // Counts become first places; `starts` gets n_buckets + 1 elements.
  void place(std::int64_t* starts) {
    std::int64_t total = 0;
    for (std::int64_t bucket = 0; bucket < n_buckets_; ++bucket) {
      starts[bucket] = total;
      for (int part = 0; part < parts_; ++part) {
        std::int64_t& cell = next_[part * n_buckets_ + bucket];
        const std::int64_t count = cell;
        cell = total;
        total += count;
      }
    }
    starts[n_buckets_] = total;
  }

 private:
  int parts_;
  std::int64_t n_buckets_;
  std::vector<std::int64_t> next_;
};

}  // namespace lmf

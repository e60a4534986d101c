#include "csr_build.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "ranges.hpp"

namespace lmf {
namespace {

// A bucket and what it is sorted with stay in a second-level cache of 1 or 2 MiB.
constexpr std::int64_t bucket_size = 1 << 14;
// For more buckets than this, what waits to be dealt would not stay in the cache.
constexpr std::int64_t most_buckets = 4096;
constexpr int digit_bits = 12;  // counters of a digit stay in the first-level cache
constexpr int line = 16;        // entries that are dealt together: 64 bytes of int32

int bits_for(std::int64_t largest) { return std::bit_width(static_cast<std::uint64_t>(largest)); }

// An entry in one word that sorts as it should: its row within the bucket, its column, and its slot,
// which is its place in the bucket in the order of the input.
struct Packing {
  int slot_bits;
  int col_bits;
  std::uint64_t pack(std::int64_t row, std::int32_t col, std::int64_t slot) const {
    return (static_cast<std::uint64_t>(row) << col_bits | static_cast<std::uint32_t>(col))
               << slot_bits | static_cast<std::uint64_t>(slot);
  }
  std::int64_t slot(std::uint64_t word) const {
    return static_cast<std::int64_t>(word & ((std::uint64_t{1} << slot_bits) - 1));
  }
  std::uint64_t place(std::uint64_t word) const { return word >> slot_bits; }
  std::int32_t col(std::uint64_t word) const {
    return static_cast<std::int32_t>(place(word) & ((std::uint64_t{1} << col_bits) - 1));
  }
  std::int64_t row(std::uint64_t word) const {
    return static_cast<std::int64_t>(place(word) >> col_bits);
  }
};

// Cuts rows into buckets of about equal numbers of entries, each of which `Packing` can hold: a row
// of many entries is alone in its bucket. A row within its bucket is counted in 16 bits.
std::vector<std::int64_t> bucket_bounds(const std::vector<std::int64_t>& start, int col_bits) {
  const std::int64_t n_rows = std::ssize(start) - 1;
  const std::int64_t enough = std::max(bucket_size, start[n_rows] / most_buckets);
  const int row_bits = std::clamp(64 - col_bits - bits_for(2 * enough), 0, 16);
  const std::int64_t most_rows = std::int64_t{1} << row_bits;
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t row = 0; row < n_rows; ++row) {
    if (start[row + 1] - start[row] >= enough && bounds.back() < row) bounds.push_back(row);
    if (start[row + 1] - start[bounds.back()] >= enough || row + 1 - bounds.back() >= most_rows ||
        row + 1 == n_rows)
      bounds.push_back(row + 1);
  }
  return bounds;
}

// Sorts words by the bits from `begin` to `end`, keeping the order of equals: counting sorts by one
// digit after the other, the lowest first, to and fro between two arrays. Returns the sorted one.
std::uint64_t* sort_by_bits(std::uint64_t* words, std::uint64_t* spare, std::int64_t n, int begin,
                            int end) {
  const int digits = (end - begin + digit_bits - 1) / digit_bits;
  for (int digit = 0; digit < digits; ++digit) {
    const int shift = begin + (end - begin) * digit / digits;
    const int width = begin + (end - begin) * (digit + 1) / digits - shift;
    const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
    std::uint32_t place[1 << digit_bits];
    std::fill_n(place, mask + 1, 0u);
    for (std::int64_t k = 0; k < n; ++k) ++place[words[k] >> shift & mask];
    std::uint32_t total = 0;
    for (std::uint64_t value = 0; value <= mask; ++value) {
      const std::uint32_t count = place[value];
      place[value] = total;
      total += count;
    }
    for (std::int64_t k = 0; k < n; ++k) spare[place[words[k] >> shift & mask]++] = words[k];
    std::swap(words, spare);
  }
  return words;
}

// The entries of one bucket in the order of the input; without values each is 1.
struct Bucket {
  const float* values;
  const std::int64_t* times;
  float value(std::int64_t slot) const { return values ? values[slot] : 1.0f; }
};

// What entries with the same place are merged into; they are added in the order of the input.
class Merged {
 public:
  Merged(const Bucket& bucket, std::int64_t slot)
      : bucket_(bucket), oldest_(slot), newest_(slot), total_(value(slot)), largest_(value(slot)) {}
  void add(std::int64_t slot) {
    // Slots rise: "not earlier" keeps the last of equals, "earlier" the first.
    if (!bucket_.times || bucket_.times[slot] >= bucket_.times[newest_]) newest_ = slot;
    if (bucket_.times && bucket_.times[slot] < bucket_.times[oldest_]) oldest_ = slot;
    total_ += value(slot);
    largest_ = std::max(largest_, value(slot));
    ++count_;
  }
  float result(Duplicates policy) const {
    switch (policy) {
      case Duplicates::sum: return static_cast<float>(total_);
      case Duplicates::mean: return static_cast<float>(total_ / static_cast<double>(count_));
      case Duplicates::last: return value(newest_);
      case Duplicates::first: return value(oldest_);
      case Duplicates::max: break;
    }
    return largest_;
  }
  std::int64_t time(Duplicates policy) const {
    return bucket_.times[policy == Duplicates::first ? oldest_ : newest_];
  }

 private:
  float value(std::int64_t slot) const { return bucket_.value(slot); }
  const Bucket& bucket_;
  std::int64_t oldest_, newest_, count_ = 1;
  double total_;
  float largest_;
};

// Elements [begin, end) of `to` become those of a full line that waited, or of a part of one. A full
// one goes past the caches: it would be fetched only to be overwritten, and is not needed soon.
template <class T>
void put_line(const T* from, std::int64_t begin, std::int64_t end, Buffer<T>& to) {
#ifdef __SSE2__
  if (end - begin == line) {
    const auto* source = reinterpret_cast<const __m128i*>(from);
    auto* target = reinterpret_cast<__m128i*>(to.data() + begin);
    for (std::size_t k = 0; k < line * sizeof(T) / sizeof(__m128i); ++k)
      _mm_stream_si128(target + k, _mm_load_si128(source + k));
    return;
  }
#endif
  std::copy(from + begin % line, from + begin % line + (end - begin), to.data() + begin);
}

// What a thread needs beside a bucket, as large as the largest.
struct Scratch {
  Buffer<std::uint64_t> words, spare;
  Buffer<float> values;
  Buffer<std::int64_t> times;
};

class Builder {
 public:
  Builder(const Entries& entries, std::int64_t n_rows, std::int64_t n_cols, Duplicates policy,
          int n_threads)
      : entries_(entries), n_rows_(n_rows), col_bits_(bits_for(n_cols)), policy_(policy),
        n_threads_(n_threads) {}

  BuiltRows run() {
    deal();
    built_.indptr = Buffer<std::int64_t>(n_rows_ + 1);
    std::fill_n(built_.indptr.data(), n_rows_ + 1, 0);
    sort();
    std::int64_t nnz = 0;
    for (std::int64_t row = 1; row <= n_rows_; ++row) built_.indptr[row] = nnz += built_.indptr[row];
    built_.merged = entries_.size - nnz;
    built_.has_values = entries_.values.given() || (with_values() && built_.merged > 0);
    if (!built_.has_values) built_.values = Buffer<float>(0);
    if (built_.merged > 0) {
      close_gaps(built_.indices);
      if (built_.has_values) close_gaps(built_.values);
      if (entries_.times.given()) close_gaps(built_.times);
    }
    return std::move(built_);
  }

 private:
  std::int64_t n_buckets() const { return std::ssize(bounds_) - 1; }
  bool with_values() const { return entries_.values.given() || policy_ == Duplicates::sum; }

  // Where each row and each bucket begins, and each entry in the bucket of its row.
  void deal() {
    const std::int64_t n = entries_.size;
    built_.indices = Buffer<std::int32_t>(n);
    built_.values = Buffer<float>(with_values() ? n : 0);
    built_.times = Buffer<std::int64_t>(entries_.times.given() ? n : 0);

    const int parts = parts_for(n, n_rows_, n_threads_);
    std::vector<std::vector<std::int64_t>> lengths(parts);  // of each row, within each part
    std::atomic<bool> rising{true};
    parallel_for(parts, n_threads_, {}, [&](std::int64_t part, int) {
      const std::int64_t begin = part_begin(n, parts, part), end = part_begin(n, parts, part + 1);
      lengths[part].resize(n_rows_);
      if (!count_rows(begin, end, lengths[part].data()))
        rising.store(false, std::memory_order_relaxed);
    });
    start_.assign(n_rows_ + 1, 0);
    for (std::int64_t row = 0; row < n_rows_; ++row) {
      start_[row + 1] = start_[row];
      for (const auto& length : lengths) start_[row + 1] += length[row];
    }
    bounds_ = bucket_bounds(start_, col_bits_);
    dealt_ = !rising.load();
    if (!dealt_) return;

    StableBuckets buckets(parts, n_buckets());
    std::vector<std::int32_t> bucket_of(n_rows_);
    for (std::int64_t bucket = 0; bucket < n_buckets(); ++bucket) {
      for (std::int64_t row = bounds_[bucket]; row < bounds_[bucket + 1]; ++row) {
        bucket_of[row] = static_cast<std::int32_t>(bucket);
        for (int part = 0; part < parts; ++part) buckets.of(part)[bucket] += lengths[part][row];
      }
    }
    std::vector<std::vector<std::int64_t>>().swap(lengths);
    std::vector<std::int64_t> starts(n_buckets() + 1);
    buckets.place(starts.data());
    rows_ = Buffer<std::uint16_t>(n);
    parallel_for(parts, n_threads_, {}, [&](std::int64_t part, int) {
      deal_part(part_begin(n, parts, part), part_begin(n, parts, part + 1), bucket_of,
                buckets.of(part));
    });
  }

  // False if somewhere in the part, or from the part before, the row falls.
  bool count_rows(std::int64_t begin, std::int64_t end, std::int64_t* length) const {
    std::int32_t before = begin > 0 ? entries_.rows[begin - 1] : 0;
    bool rising = true;
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int32_t row = entries_.rows[k];
      rising &= before <= row;
      before = row;
      ++length[row];
    }
    return rising;
  }

  // Entries wait in the cache until a line of their bucket is full: thousands of places that are
  // written to in turn would keep neither their lines nor their pages at hand.
  struct Waiting {
    alignas(64) std::uint16_t rows[line];
    std::int32_t cols[line];
    float values[line];
    std::int64_t times[line];
    std::int64_t first_row;  // of the bucket
  };

  void deal_part(std::int64_t begin, std::int64_t end, const std::vector<std::int32_t>& bucket_of,
                 std::int64_t* next) {
    std::vector<Waiting> waiting(n_buckets());
    for (std::int64_t bucket = 0; bucket < n_buckets(); ++bucket)
      waiting[bucket].first_row = bounds_[bucket];
    std::vector<std::int64_t> gone(next, next + n_buckets());  // up to here they wait no more
    while (begin < end) {
      std::int64_t n = end - begin;
      Run<float> values{};
      Run<std::int64_t> times{};
      if (entries_.values.given()) n = std::min(n, (values = entries_.values.from(begin)).size);
      if (entries_.times.given()) n = std::min(n, (times = entries_.times.from(begin)).size);
      for (std::int64_t k = 0; k < n; ++k) {
        const std::int32_t row = entries_.rows[begin + k], bucket = bucket_of[row];
        Waiting& mine = waiting[bucket];
        const std::int64_t to = next[bucket]++, at = to % line;
        mine.rows[at] = static_cast<std::uint16_t>(row - mine.first_row);
        mine.cols[at] = entries_.cols[begin + k];
        if (values.values) mine.values[at] = values.values[k];
        if (times.values) mine.times[at] = times.values[k];
        if (at == line - 1) {
          put(mine, gone[bucket], to + 1);
          gone[bucket] = to + 1;
        }
      }
      begin += n;
    }
    for (std::int64_t bucket = 0; bucket < n_buckets(); ++bucket)
      put(waiting[bucket], gone[bucket], next[bucket]);
#ifdef __SSE2__
    _mm_sfence();  // such stores are ordered by nothing else, the end of a thread included
#endif
  }

  void put(const Waiting& from, std::int64_t begin, std::int64_t end) {
    put_line(from.rows, begin, end, rows_);
    put_line(from.cols, begin, end, built_.indices);
    if (entries_.values.given()) put_line(from.values, begin, end, built_.values);
    if (entries_.times.given()) put_line(from.times, begin, end, built_.times);
  }

  // Each bucket sorted and merged in its own place; built_.indptr[row + 1] gets the length of row.
  void sort() {
    std::int64_t largest = 0;
    for (std::int64_t bucket = 0; bucket < n_buckets(); ++bucket)
      largest = std::max(largest, start_[bounds_[bucket + 1]] - start_[bounds_[bucket]]);
    if (largest > 0xffffffffll) throw std::length_error("2^32 entries or more in one row");
    std::vector<Scratch> scratch(resolve_threads(n_threads_));
    parallel_for(n_buckets(), n_threads_, {}, [&](std::int64_t bucket, int worker) {
      Scratch& own = scratch[worker];
      if (own.words.size() == 0) {
        own.words = Buffer<std::uint64_t>(largest);
        own.spare = Buffer<std::uint64_t>(largest);
        own.values = Buffer<float>(largest);
        own.times = Buffer<std::int64_t>(largest);
      }
      sort_bucket(bounds_[bucket], bounds_[bucket + 1], own);
    });
    rows_ = Buffer<std::uint16_t>();
  }

  void sort_bucket(std::int64_t first, std::int64_t last, Scratch& own) {
    const std::int64_t base = start_[first], n = start_[last] - base;
    const Packing packing{bits_for(n), col_bits_};
    const std::int32_t* cols = dealt_ ? built_.indices.data() + base : entries_.cols + base;
    std::uint64_t before = 0;
    bool rising = true;
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int64_t row = dealt_ ? rows_[base + k] : entries_.rows[base + k] - first;
      const std::uint64_t word = packing.pack(row, cols[k], k);
      rising &= before <= word;
      before = word;
      own.words[k] = word;
    }
    const std::uint64_t* sorted = own.words.data();
    if (!rising)
      sorted = sort_by_bits(own.words.data(), own.spare.data(), n, packing.slot_bits,
                            packing.slot_bits + col_bits_ + bits_for(last - first - 1));
    fetch(entries_.values, built_.values, base, n, own.values);
    fetch(entries_.times, built_.times, base, n, own.times);
    merge_bucket(sorted, n, packing, first,
                 {entries_.values.given() ? own.values.data() : nullptr,
                  entries_.times.given() ? own.times.data() : nullptr});
  }

  // A bucket's values or times, in the order of the input, from where they lie.
  template <class T>
  void fetch(const Runs<T>& given, const Buffer<T>& dealt, std::int64_t base, std::int64_t n,
             Buffer<T>& to) const {
    if (!given.given()) return;
    if (dealt_) {
      std::copy_n(dealt.data() + base, n, to.data());
      return;
    }
    for (std::int64_t done = 0; done < n;) {
      const Run<T> run = given.from(base + done);
      const std::int64_t some = std::min(run.size, n - done);
      std::copy_n(run.values, some, to.data() + done);
      done += some;
    }
  }

  void merge_bucket(const std::uint64_t* sorted, std::int64_t n, const Packing& packing,
                    std::int64_t first, const Bucket& bucket) {
    std::int64_t* const length = built_.indptr.data() + 1 + first;
    std::int32_t* const indices = built_.indices.data() + start_[first];
    float* const values = with_values() ? built_.values.data() + start_[first] : nullptr;
    std::int64_t* const times = bucket.times ? built_.times.data() + start_[first] : nullptr;
    std::int64_t out = 0;
    for (std::int64_t k = 0; k < n; ++out) {
      const std::uint64_t word = sorted[k++];
      const std::int64_t slot = packing.slot(word);
      ++length[packing.row(word)];
      indices[out] = packing.col(word);
      if (k == n || packing.place(sorted[k]) != packing.place(word)) {
        if (values) values[out] = bucket.value(slot);
        if (times) times[out] = bucket.times[slot];
        continue;
      }
      Merged merged(bucket, slot);
      for (; k < n && packing.place(sorted[k]) == packing.place(word); ++k)
        merged.add(packing.slot(sorted[k]));
      if (values) values[out] = merged.result(policy_);
      if (times) times[out] = merged.time(policy_);
    }
  }

  // Where entries were merged, buckets are shorter than the places they were dealt.
  template <class T>
  void close_gaps(Buffer<T>& array) {
    Buffer<T> closed(built_.indptr[n_rows_]);
    parallel_for(n_buckets(), n_threads_, {}, [&](std::int64_t bucket, int) {
      const std::int64_t to = built_.indptr[bounds_[bucket]];
      std::copy_n(array.data() + start_[bounds_[bucket]],
                  built_.indptr[bounds_[bucket + 1]] - to, closed.data() + to);
    });
    array = std::move(closed);
  }

  const Entries& entries_;
  std::int64_t n_rows_;
  int col_bits_;
  Duplicates policy_;
  int n_threads_;
  std::vector<std::int64_t> start_;   // where each row begins before duplicates are merged
  std::vector<std::int64_t> bounds_;  // the first row of each bucket, and n_rows
  bool dealt_ = true;                 // or the entries came in the order of their rows
  Buffer<std::uint16_t> rows_;        // of the dealt entries, counted from the bucket's first
  BuiltRows built_;
};

}  // namespace

bool all_below(const std::int32_t* indices, std::int64_t n, std::int64_t limit, int n_threads) {
  std::atomic<bool> good{true};
  limit = std::min(limit, std::int64_t{1} << 31);
  for_ranges(n, n_threads, [&](std::int64_t begin, std::int64_t end) {
    std::uint32_t largest = 0;  // a negative index is one of 2^31 or more
    for (std::int64_t k = begin; k < end; ++k)
      largest = std::max(largest, static_cast<std::uint32_t>(indices[k]));
    if (static_cast<std::int64_t>(largest) >= limit) good.store(false, std::memory_order_relaxed);
  });
  return good.load();
}

BuiltRows build_rows(const Entries& entries, std::int64_t n_rows, std::int64_t n_cols,
                     Duplicates policy, int n_threads) {
  return Builder(entries, n_rows, n_cols, policy, n_threads).run();
}

std::int64_t first_repeated(const Entries& entries, const BuiltRows& built) {
  std::vector<bool> taken(built.indices.size());
  for (std::int64_t k = 0; k < entries.size; ++k) {
    const std::int32_t* begin = built.indices.data() + built.indptr[entries.rows[k]];
    const std::int32_t* end = built.indices.data() + built.indptr[entries.rows[k] + 1];
    const auto place = std::lower_bound(begin, end, entries.cols[k]) - built.indices.data();
    if (taken[place]) return k;
    taken[place] = true;
  }
  return -1;
}

}  // namespace lmf

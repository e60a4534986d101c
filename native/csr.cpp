#include "csr.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace lmf {
namespace {

constexpr std::int64_t chunk_size = 1 << 17;

std::int64_t chunks_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

template <class Body>
void for_ranges(std::int64_t n, int n_threads, Body&& body) {
  parallel_for(chunks_of(n, chunk_size), n_threads, {}, [&](std::int64_t chunk, int) {
    body(chunk * chunk_size, std::min(n, (chunk + 1) * chunk_size));
  });
}

// A set of integers by open addressing; also a map once each has its code.
class IntegerTable {
 public:
  explicit IntegerTable(std::size_t expected = 0) { grow(expected); }
  void insert(std::int64_t value) {
    if (2 * (size_ + 1) > slots_.size()) rehash();
    Slot& slot = find(value);
    if (slot.code >= 0) return;
    slot = {value, 0};
    ++size_;
  }
  void set(std::int64_t value, std::int32_t code) { find(value) = {value, code}; }
  std::int32_t code(std::int64_t value) const {
    return const_cast<IntegerTable*>(this)->find(value).code;
  }
  void append_to(std::vector<std::int64_t>& values) const {
    for (const Slot& slot : slots_)
      if (slot.code >= 0) values.push_back(slot.value);
  }

 private:
  struct Slot {
    std::int64_t value;
    std::int32_t code;  // -1: empty
  };
  void grow(std::size_t expected) {
    std::size_t capacity = 1024;
    while (capacity < 2 * expected + 2) capacity *= 2;
    slots_.assign(capacity, Slot{0, -1});
  }
  Slot& find(std::int64_t value) {
    const std::size_t mask = slots_.size() - 1;
    std::uint64_t hash = static_cast<std::uint64_t>(value) * 0x9e3779b97f4a7c15ull;
    std::size_t at = (hash ^ (hash >> 32)) & mask;
    while (slots_[at].code >= 0 && slots_[at].value != value) at = (at + 1) & mask;
    return slots_[at];
  }
  void rehash() {
    std::vector<Slot> old;
    old.swap(slots_);
    grow(2 * size_);
    for (const Slot& slot : old)
      if (slot.code >= 0) find(slot.value) = slot;
  }
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

void require_countable(std::size_t distinct) {
  if (distinct > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw std::length_error("more than 2^31 - 1 distinct ids");
}

// Few possible values: a table with a place for each.
std::vector<std::int64_t> encode_dense(const std::int64_t* values, std::int64_t n, std::int64_t low,
                                       std::int64_t span, std::int32_t* codes, int n_threads) {
  std::vector<std::int32_t> table(static_cast<std::size_t>(span), 0);
  for_ranges(n, n_threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k)
      __atomic_store_n(&table[values[k] - low], 1, __ATOMIC_RELAXED);
  });
  std::vector<std::int64_t> distinct;
  for (std::int64_t v = 0; v < span; ++v) {
    if (!table[v]) continue;
    table[v] = static_cast<std::int32_t>(distinct.size());
    distinct.push_back(low + v);
  }
  for_ranges(n, n_threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) codes[k] = table[values[k] - low];
  });
  return distinct;
}

std::vector<std::int64_t> encode_hashed(const std::int64_t* values, std::int64_t n,
                                        std::int32_t* codes, int n_threads) {
  const int parts = resolve_threads(n_threads);
  std::vector<std::vector<std::int64_t>> found(parts);
  parallel_for(parts, n_threads, {}, [&](std::int64_t part, int) {
    IntegerTable seen;
    for (std::int64_t k = n * part / parts; k < n * (part + 1) / parts; ++k) seen.insert(values[k]);
    seen.append_to(found[part]);
    std::sort(found[part].begin(), found[part].end());
  });
  std::vector<std::int64_t> distinct;
  for (auto& part : found) {
    std::vector<std::int64_t> merged;
    merged.reserve(distinct.size() + part.size());
    std::set_union(distinct.begin(), distinct.end(), part.begin(), part.end(),
                   std::back_inserter(merged));
    distinct.swap(merged);
    std::vector<std::int64_t>().swap(part);
  }
  require_countable(distinct.size());
  IntegerTable table(distinct.size());
  for (std::size_t code = 0; code < distinct.size(); ++code)
    table.set(distinct[code], static_cast<std::int32_t>(code));
  for_ranges(n, n_threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) codes[k] = table.code(values[k]);
  });
  return distinct;
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

// As many parts as threads, unless their counters would outweigh the entries.
int parts_for(std::int64_t n, std::int64_t n_buckets, int n_threads) {
  const std::int64_t affordable = std::max<std::int64_t>(1, n / std::max<std::int64_t>(n_buckets, 1));
  return static_cast<int>(std::min<std::int64_t>(resolve_threads(n_threads), affordable));
}

// Cuts rows into chunks of about equal numbers of entries.
std::vector<std::int64_t> row_chunks(const std::int64_t* indptr, std::int64_t n_rows) {
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t row = 0; row < n_rows; ++row)
    if (indptr[row + 1] - indptr[bounds.back()] >= chunk_size || row + 1 == n_rows ||
        row + 1 - bounds.back() >= chunk_size)
      bounds.push_back(row + 1);
  return bounds;
}

template <class Body>
void for_row_chunks(const std::int64_t* indptr, std::int64_t n_rows, int n_threads, Body&& body) {
  const auto bounds = row_chunks(indptr, n_rows);
  parallel_for(static_cast<std::int64_t>(bounds.size()) - 1, n_threads, {},
               [&](std::int64_t chunk, int) { body(bounds[chunk], bounds[chunk + 1]); });
}

}  // namespace

std::vector<std::int64_t> encode_integers(const std::int64_t* values, std::int64_t n,
                                          std::int32_t* codes, int n_threads) {
  if (n == 0) return {};
  const std::int64_t n_chunks = chunks_of(n, chunk_size);
  std::vector<std::int64_t> lows(n_chunks), highs(n_chunks);
  for_ranges(n, n_threads, [&](std::int64_t begin, std::int64_t end) {
    const auto [low, high] = std::minmax_element(values + begin, values + end);
    lows[begin / chunk_size] = *low;
    highs[begin / chunk_size] = *high;
  });
  const std::int64_t low = *std::min_element(lows.begin(), lows.end());
  const std::int64_t high = *std::max_element(highs.begin(), highs.end());
  const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const auto affordable = static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1 << 16));
  if (range < affordable && range < 0x7fffffffull)
    return encode_dense(values, n, low, static_cast<std::int64_t>(range) + 1, codes, n_threads);
  return encode_hashed(values, n, codes, n_threads);
}

CsrBuilder::CsrBuilder(const Entries& entries, std::int64_t n_rows, Duplicates policy,
                       std::int64_t* indptr, int n_threads)
    : entries_(entries), n_rows_(n_rows), policy_(policy), indptr_(indptr), n_threads_(n_threads) {
  if (wide()) sort_rows(wide_);
  else sort_rows(narrow_);
}

template <class Position>
void CsrBuilder::sort_rows(std::vector<Entry<Position>>& sorted) {
  const std::int64_t n = entries_.size;
  const int parts = parts_for(n, n_rows_, n_threads_);
  const auto begin_of = [&](std::int64_t part) { return n / parts * part + std::min<std::int64_t>(part, n % parts); };
  sorted.resize(n);
  start_.resize(n_rows_ + 1);
  {
    StableBuckets buckets(parts, n_rows_);
    parallel_for(parts, n_threads_, {}, [&](std::int64_t part, int) {
      std::int64_t* count = buckets.of(part);
      for (std::int64_t k = begin_of(part); k < begin_of(part + 1); ++k) ++count[entries_.rows[k]];
    });
    buckets.place(start_.data());
    parallel_for(parts, n_threads_, {}, [&](std::int64_t part, int) {
      std::int64_t* next = buckets.of(part);
      for (std::int64_t k = begin_of(part); k < begin_of(part + 1); ++k)
        sorted[next[entries_.rows[k]]++] = {entries_.cols[k], static_cast<Position>(k)};
    });
  }
  std::mutex lock;
  for_row_chunks(start_.data(), n_rows_, n_threads_, [&](std::int64_t first, std::int64_t last) {
    DuplicateCount found;
    for (std::int64_t row = first; row < last; ++row) {
      Entry<Position>* begin = sorted.data() + start_[row];
      Entry<Position>* end = sorted.data() + start_[row + 1];
      const auto before = [](const Entry<Position>& a, const Entry<Position>& b) {
        return a.col != b.col ? a.col < b.col : a.position < b.position;
      };
      if (!std::is_sorted(begin, end, before)) std::sort(begin, end, before);
      std::int64_t distinct = end > begin;
      for (Entry<Position>* entry = begin + 1; entry < end; ++entry) {
        if (entry->col != entry[-1].col) {
          ++distinct;
          continue;
        }
        ++found.merged;
        const auto position = static_cast<std::int64_t>(entry->position);
        if (found.first_position < 0 || position < found.first_position)
          found.first_position = position;
      }
      indptr_[row + 1] = distinct;
    }
    std::lock_guard<std::mutex> hold(lock);
    duplicates_.merged += found.merged;
    if (found.first_position >= 0 &&
        (duplicates_.first_position < 0 || found.first_position < duplicates_.first_position))
      duplicates_.first_position = found.first_position;
  });
  indptr_[0] = 0;
  for (std::int64_t row = 0; row < n_rows_; ++row) indptr_[row + 1] += indptr_[row];
  nnz_ = indptr_[n_rows_];
}

void CsrBuilder::write(std::int32_t* indices, float* values, std::int64_t* times) {
  if (wide()) write_rows(wide_, indices, values, times);
  else write_rows(narrow_, indices, values, times);
}

template <class Position>
void CsrBuilder::write_rows(const std::vector<Entry<Position>>& sorted, std::int32_t* indices,
                            float* values, std::int64_t* times) const {
  const auto value_at = [&](std::int64_t k) { return entries_.values ? entries_.values[k] : 1.0f; };
  const auto later = [&](std::int64_t a, std::int64_t b) {  // is a not earlier than b?
    return !entries_.times || entries_.times[a] >= entries_.times[b];
  };
  for_row_chunks(start_.data(), n_rows_, n_threads_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      std::int64_t out = indptr_[row];
      for (std::int64_t k = start_[row]; k < start_[row + 1];) {
        std::int64_t end = k + 1;
        while (end < start_[row + 1] && sorted[end].col == sorted[k].col) ++end;
        // Positions rise within a group: "not earlier" keeps the last of equals, "earlier" the first.
        std::int64_t oldest = sorted[k].position, newest = oldest;
        double total = value_at(oldest);
        float largest = value_at(oldest);
        for (std::int64_t g = k + 1; g < end; ++g) {
          const std::int64_t position = sorted[g].position;
          if (later(position, newest)) newest = position;
          if (!later(position, oldest)) oldest = position;
          total += value_at(position);
          largest = std::max(largest, value_at(position));
        }
        indices[out] = sorted[k].col;
        if (values) {
          switch (policy_) {
            case Duplicates::sum: values[out] = static_cast<float>(total); break;
            case Duplicates::mean: values[out] = static_cast<float>(total / (end - k)); break;
            case Duplicates::last: values[out] = value_at(newest); break;
            case Duplicates::first: values[out] = value_at(oldest); break;
            case Duplicates::max: values[out] = largest; break;
          }
        }
        if (times)
          times[out] = entries_.times[policy_ == Duplicates::first ? oldest : newest];
        ++out;
        k = end;
      }
    }
  });
}

void csr_transpose(const std::int64_t* indptr, const std::int32_t* indices, const float* values,
                   std::int64_t n_rows, std::int64_t n_cols, std::int64_t* out_indptr,
                   std::int32_t* out_indices, float* out_values, int n_threads) {
  const std::int64_t nnz = indptr[n_rows];
  const int parts = parts_for(nnz, n_cols, n_threads);
  // A part is a range of whole rows with about nnz / parts entries.
  std::vector<std::int64_t> bounds(parts + 1, n_rows);
  for (int part = 0; part < parts; ++part)
    bounds[part] = std::lower_bound(indptr, indptr + n_rows + 1, nnz / parts * part) - indptr;
  StableBuckets buckets(parts, n_cols);
  parallel_for(parts, n_threads, {}, [&](std::int64_t part, int) {
    std::int64_t* count = buckets.of(part);
    for (std::int64_t k = indptr[bounds[part]]; k < indptr[bounds[part + 1]]; ++k) ++count[indices[k]];
  });
  buckets.place(out_indptr);
  parallel_for(parts, n_threads, {}, [&](std::int64_t part, int) {
    std::int64_t* next = buckets.of(part);
    for (std::int64_t row = bounds[part]; row < bounds[part + 1]; ++row) {
      for (std::int64_t k = indptr[row]; k < indptr[row + 1]; ++k) {
        const std::int64_t to = next[indices[k]]++;
        out_indices[to] = static_cast<std::int32_t>(row);
        if (values) out_values[to] = values[k];
      }
    }
  });
}

}  // namespace lmf

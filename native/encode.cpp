#include "encode.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>

#include "ranges.hpp"

namespace lmf {
namespace {

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

// A stretch of a run short enough to be one thread's turn, and where its codes go.
template <class T>
struct Piece {
  const T* values;
  std::int64_t size;
  std::int32_t* codes;
};

template <class T>
std::vector<Piece<T>> pieces_of(const std::vector<Run<T>>& runs, std::int32_t* codes) {
  std::vector<Piece<T>> pieces;
  for (const Run<T>& run : runs) {
    for (std::int64_t begin = 0; begin < run.size; begin += range_size)
      pieces.push_back({run.values + begin, std::min(range_size, run.size - begin), codes + begin});
    codes += run.size;
  }
  return pieces;
}

template <class T, class Body>
void for_pieces(const std::vector<Piece<T>>& pieces, int n_threads, Body&& body) {
  parallel_for(std::ssize(pieces), n_threads, {},
               [&](std::int64_t piece, int) { body(pieces[piece], piece); });
}

void require_countable(std::size_t distinct) {
  if (distinct > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw std::length_error("more than 2^31 - 1 distinct ids");
}

// Few possible values: a table with a place for each.
template <class T>
std::vector<std::int64_t> encode_dense(const std::vector<Piece<T>>& pieces, std::int64_t low,
                                       std::int64_t span, int n_threads) {
  std::vector<std::int32_t> table(static_cast<std::size_t>(span), 0);
  for_pieces(pieces, n_threads, [&](const Piece<T>& piece, std::int64_t) {
    for (std::int64_t k = 0; k < piece.size; ++k) {
      // Asked before it is set: a line that is only read can stay in the caches of all cores.
      std::int32_t& seen = table[piece.values[k] - low];
      if (!__atomic_load_n(&seen, __ATOMIC_RELAXED)) __atomic_store_n(&seen, 1, __ATOMIC_RELAXED);
    }
  });
  std::vector<std::int64_t> distinct;
  for (std::int64_t v = 0; v < span; ++v) {
    if (!table[v]) continue;
    table[v] = static_cast<std::int32_t>(distinct.size());
    distinct.push_back(low + v);
  }
  for_pieces(pieces, n_threads, [&](const Piece<T>& piece, std::int64_t) {
    for (std::int64_t k = 0; k < piece.size; ++k) piece.codes[k] = table[piece.values[k] - low];
  });
  return distinct;
}

template <class T>
std::vector<std::int64_t> encode_hashed(const std::vector<Piece<T>>& pieces, int n_threads) {
  const std::int64_t parts =
      std::min<std::int64_t>(resolve_threads(n_threads), std::ssize(pieces));
  std::vector<std::vector<std::int64_t>> found(parts);
  parallel_for(parts, n_threads, {}, [&](std::int64_t part, int) {
    IntegerTable seen;
    const std::int64_t end = part_begin(std::ssize(pieces), parts, part + 1);
    for (std::int64_t piece = part_begin(std::ssize(pieces), parts, part); piece < end; ++piece)
      for (std::int64_t k = 0; k < pieces[piece].size; ++k) seen.insert(pieces[piece].values[k]);
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
  for_pieces(pieces, n_threads, [&](const Piece<T>& piece, std::int64_t) {
    for (std::int64_t k = 0; k < piece.size; ++k) piece.codes[k] = table.code(piece.values[k]);
  });
  return distinct;
}

}  // namespace

template <class T>
std::vector<std::int64_t> encode_integers(const std::vector<Run<T>>& runs, std::int32_t* codes,
                                          int n_threads) {
  const std::vector<Piece<T>> pieces = pieces_of(runs, codes);
  if (pieces.empty()) return {};
  std::int64_t n = 0;
  for (const Run<T>& run : runs) n += run.size;
  std::vector<T> lows(pieces.size()), highs(pieces.size());
  for_pieces(pieces, n_threads, [&](const Piece<T>& piece, std::int64_t at) {
    T low = piece.values[0], high = low;
    for (std::int64_t k = 1; k < piece.size; ++k) {
      low = std::min(low, piece.values[k]);
      high = std::max(high, piece.values[k]);
    }
    lows[at] = low;
    highs[at] = high;
  });
  const std::int64_t low = *std::min_element(lows.begin(), lows.end());
  const std::int64_t high = *std::max_element(highs.begin(), highs.end());
  const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const auto affordable = static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1 << 16));
  if (range < affordable && range < 0x7fffffffull)
    return encode_dense(pieces, low, static_cast<std::int64_t>(range) + 1, n_threads);
  return encode_hashed(pieces, n_threads);
}

template std::vector<std::int64_t> encode_integers(const std::vector<Run<std::int32_t>>&,
                                                   std::int32_t*, int);
template std::vector<std::int64_t> encode_integers(const std::vector<Run<std::int64_t>>&,
                                                   std::int32_t*, int);

}  // namespace lmf

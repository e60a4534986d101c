// From unordered (row, column, value, time) entries to compressed sparse rows.
//
// The entries are dealt into buckets of neighbouring rows that fit into a core's cache, keeping the
// order of the input, and right into the memory of the result; entries that come in the order of
// their rows are left where they are. Each bucket is then sorted by row and column on its own, by
// counting, and written to its place.
#pragma once

#include <cstdint>

#include "memory.hpp"
#include "runs.hpp"

namespace lmf {

// What becomes of entries that share row and column. "last" and "first" go by time where there are
// times, by input position otherwise (and at ties).
enum class Duplicates { sum, mean, last, first, max };

struct Entries {
  const std::int32_t* rows;
  const std::int32_t* cols;
  std::int64_t size;
  Runs<float> values;        // not given: every value is 1
  Runs<std::int64_t> times;  // may not be given
};

// Rows sorted by column.
struct BuiltRows {
  Buffer<std::int64_t> indptr;
  Buffer<std::int32_t> indices;
  Buffer<float> values;        // empty where every value is 1
  Buffer<std::int64_t> times;  // empty where the entries have none
  bool has_values;             // a sum of entries without values is a count, and has some
  std::int64_t merged;         // entries that disappeared into another
};

// Whether all of n indices lie in [0, limit).
bool all_below(const std::int32_t* indices, std::int64_t n, std::int64_t limit, int n_threads);

// Throws std::length_error for a row of 2^32 entries or more.
BuiltRows build_rows(const Entries& entries, std::int64_t n_rows, std::int64_t n_cols,
                     Duplicates policy, int n_threads);

// The smallest input position that repeats the place of an earlier entry, -1 where none does.
std::int64_t first_repeated(const Entries& entries, const BuiltRows& built);

}  // namespace lmf

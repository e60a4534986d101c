// From unordered (row, column, value, time) entries to compressed sparse rows, and their transpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "parallel.hpp"

namespace lmf {

// Distinct integers in rising order, and for each input value its place among them.
// `codes` has room for n. Throws std::length_error beyond 2^31 - 1 distinct values.
std::vector<std::int64_t> encode_integers(const std::int64_t* values, std::int64_t n,
                                          std::int32_t* codes, int n_threads);

// What becomes of entries that share row and column.
enum class Duplicates { sum, mean, last, first, max };

struct Entries {
  const std::int32_t* rows;
  const std::int32_t* cols;
  const float* values;        // may be null: every value is 1
  const std::int64_t* times;  // may be null
  std::int64_t size;
};

struct DuplicateCount {
  std::int64_t merged = 0;          // entries that disappeared into another
  std::int64_t first_position = -1; // smallest input position that repeats an earlier entry
};

// Builds rows sorted by column. Two calls, because the caller owns the results:
// `CsrBuilder builder(entries, ...)` sorts and counts; `write` fills arrays of `nnz()` elements.
// "last" and "first" go by time where there are times, by input position otherwise (and at ties).
class CsrBuilder {
 public:
  CsrBuilder(const Entries& entries, std::int64_t n_rows, Duplicates policy, std::int64_t* indptr,
             int n_threads);
  std::int64_t nnz() const { return nnz_; }
  const DuplicateCount& duplicates() const { return duplicates_; }
  // A sum of entries without values is a count, and needs a place to stand.
  bool has_values() const {
    return entries_.values != nullptr || (policy_ == Duplicates::sum && duplicates_.merged > 0);
  }
  void write(std::int32_t* indices, float* values, std::int64_t* times);

 private:
  template <class Position>
  struct Entry {
    std::int32_t col;
    Position position;
  };
  template <class Position>
  void sort_rows(std::vector<Entry<Position>>& sorted);
  template <class Position>
  void write_rows(const std::vector<Entry<Position>>& sorted, std::int32_t* indices, float* values,
                  std::int64_t* times) const;
  bool wide() const { return entries_.size > 0xffffffffll; }

  Entries entries_;
  std::int64_t n_rows_;
  Duplicates policy_;
  std::int64_t* indptr_;
  int n_threads_;
  std::vector<std::int64_t> start_;  // where each row begins before duplicates are merged
  std::vector<Entry<std::uint32_t>> narrow_;
  std::vector<Entry<std::uint64_t>> wide_;
  std::int64_t nnz_ = 0;
  DuplicateCount duplicates_;
};

// Rows become columns; `values` and `out_values` are both null or both not.
// The entries of each new row are sorted, because they are met in that order.
void csr_transpose(const std::int64_t* indptr, const std::int32_t* indices, const float* values,
                   std::int64_t n_rows, std::int64_t n_cols, std::int64_t* out_indptr,
                   std::int32_t* out_indices, float* out_values, int n_threads);

}  // namespace lmf

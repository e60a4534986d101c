// Exact top-n by dot product: for each query x the n items with the highest x.v_i + bias_i.
//
// Items are packed into panels, k-major, so that a register tile of a few queries by a few vectors
// of items computes their scores; a score is looked at while still in its register and dropped
// unless it reaches the query's floor, the n-th best seen so far. No matrix of scores exists.
//
// Every score is one accumulator summed over k = 0..d-1 in order, then the bias, whatever the tile,
// the batch or the thread: the same pair has the same bits in every call (and in score_pairs).
// Candidates are ordered by (score, lowest item first) packed into one integer, a total order, so
// neither the order in which items are visited nor the threads can be seen in the result. That
// leaves us free to visit items by falling norm and to stop a query at the first panel where
// |x| |v| + bias cannot reach the floor any more (Teflioudi, Gemulla & Mykytiuk 2015, "LEMP").
#pragma once

#include <cstdint>

#include "parallel.hpp"

namespace lmf {

class TopnIndex;

// Whether many queries take a first pass over bytes (native/coarse.hpp), which no answer shows.
enum class Codes { where_they_pay, always, never };

struct TopnProblem {
  const float* queries = nullptr;  // n_queries x d
  std::int64_t n_queries = 0;
  const float* items = nullptr;  // n_items x d
  std::int64_t n_items = 0;
  std::int64_t d = 0;                            // may be 0
  std::int64_t n = 0;                            // wanted for each query
  const float* item_bias = nullptr;              // n_items; null: 0
  const std::int64_t* exclude_indptr = nullptr;  // null: nothing is excluded
  const std::int32_t* exclude_indices = nullptr;  // in any order
  const std::int64_t* exclude_rows = nullptr;     // the row of each query, -1: none; null: its own
  const std::uint8_t* allowed = nullptr;          // n_items; null: all
  std::int32_t* out_items = nullptr;              // n_queries x n; -1 where items ran out
  float* out_scores = nullptr;                    // n_queries x n; NaN where items ran out
  const TopnIndex* index = nullptr;               // of the items; null: none
  Codes codes = Codes::where_they_pay;            // `always`, if the processor can, for tests: it makes few queries many
};

// A NaN score never counts as an item. Returns false if interrupted (out is then not all written).
bool top_n(const TopnProblem& problem, int n_threads, const Interrupt& interrupt);

struct PairProblem {
  const float* users = nullptr;  // rows of d
  const float* items = nullptr;  // rows of d
  std::int64_t d = 0;
  const std::int32_t* user_index = nullptr;
  const std::int32_t* item_index = nullptr;
  std::int64_t n_pairs = 0;
  const float* item_bias = nullptr;  // null: 0
  float* out = nullptr;              // n_pairs
};

// The score of each pair, with the bits that top_n gives it. Returns false if interrupted.
bool score_pairs(const PairProblem& problem, int n_threads, const Interrupt& interrupt);

}  // namespace lmf

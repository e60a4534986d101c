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

struct TopnProblem {
  const float* queries = nullptr;  // n_queries x d
  std::int64_t n_queries = 0;
  const float* items = nullptr;  // n_items x d
  std::int64_t n_items = 0;
  std::int64_t d = 0;                            // may be 0
  std::int64_t n = 0;                            // wanted for each query
  const float* item_bias = nullptr;              // n_items; null: 0
  const std::int64_t* exclude_indptr = nullptr;  // null: nothing is excluded
  const std::int32_t* exclude_indices = nullptr;  // do not fall within a row
  const std::int64_t* exclude_rows = nullptr;     // the row of each query, -1: none; null: its own
  const std::uint8_t* allowed = nullptr;          // n_items; null: all
  std::int32_t* out_items = nullptr;              // n_queries x n; -1 where items ran out
  float* out_scores = nullptr;                    // n_queries x n; NaN where items ran out
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

// ---- what native/topn.cpp and native/isa/topn.cpp share ----

// The best candidates of one query so far, each a key: score in the high half, mapped so that
// integers compare as the scores do, and ~item in the low half, so that lower items win ties.
struct Shortlist {
  std::uint64_t* keys;
  std::int64_t size;
  std::int64_t capacity;  // when full, the list is cut back to the best n
  std::int64_t n;
  std::uint64_t floor;       // keys below this one cannot be among the best n
  const std::int32_t* seen;  // items never to be listed, not falling
  const std::int32_t* seen_end;
};

inline constexpr int max_group = 8;  // queries of a register tile, at most

struct QueryGroup {
  const float* vectors;          // d x tile_rows, k-major
  int count;                     // rows in use
  float floor[max_group];        // the score of the list's floor; NaN in rows not in use
  float reach[max_group];        // |x|, rounded up; NaN in rows not in use
  Shortlist* lists[max_group];
};

// Items packed for the tile: panels of `columns` items each.
struct ItemPanels {
  std::int64_t d;
  const float* vectors;       // panel, k, column
  const float* bias;          // panel, column; NaN in columns not in use
  const std::int32_t* ids;    // panel, column
  const float* norm_reach;    // per panel: no |v| from here on is larger; null: unknown
  const float* bias_reach;    // per panel: no bias from here on is larger
};

// One build of the kernels (native/isa/topn.cpp).
struct TopnKernels {
  int rows;     // queries of a tile
  int columns;  // items of a panel
  // Packs the vectors of the 1 <= count <= columns items `ids` into a panel.
  void (*pack)(const float* items, std::int64_t d, const std::int32_t* ids, std::int64_t count,
               float* panel);
  // Offers panels [begin, end) to every group. `cut` shortens a full list and raises its floor.
  void (*scan)(const ItemPanels& items, std::int64_t begin, std::int64_t end, QueryGroup* groups,
               std::int64_t n_groups, void (*cut)(Shortlist&));
  void (*pairs)(const PairProblem& problem, std::int64_t begin, std::int64_t end);
};

// Whether an item of norm and bias up to these can still reach the floor. `reach` carries the
// rounding of the sum, so an item whose score is exactly the floor is never lost; a NaN says yes.
// Inlined always: a copy compiled for one instruction set must not serve another.
static inline __attribute__((always_inline)) bool can_reach(float reach, float norm, float bias,
                                                            float floor) {
  return !(reach * norm + bias < floor);
}

}  // namespace lmf

// What native/topn*.cpp and native/isa/topn.cpp share: shortlists, groups of queries, panels of items.
#pragma once

#include <cstdint>
#include <cstring>

#include "topn.hpp"

namespace lmf {

// The best candidates of one query so far, each a key: score in the high half, mapped so that
// integers compare as the scores do, and ~item in the low half, so that lower items win ties.
struct Shortlist {
  std::uint64_t* keys;
  std::int64_t size;
  std::int64_t capacity;  // when full, the list is cut back to the best n
  std::int64_t n;
  std::uint64_t floor;     // keys below this one cannot be among the best n
  std::uint64_t excluded;  // one bit a column of the panel at hand, set: not to be listed
};

inline constexpr int max_group = 8;     // queries of a register tile, at most
inline constexpr int max_columns = 64;  // items of a panel, at most

struct QueryGroup {
  const float* vectors;     // d x tile_rows, k-major
  int count;                // rows in use
  float floor[max_group];   // the score of the list's floor; NaN in rows not in use
  float reach[max_group];   // |x|, rounded up
  Shortlist* lists[max_group];
};

// Some items packed for the tile.
struct Panel {
  const float* vectors;     // d x columns, k-major
  const float* bias;        // NaN in columns not in use
  const std::int32_t* ids;
  bool bounded;             // whether the next two are known
  float norm_reach;         // |v|, rounded up, of this panel and all still to come
  float bias_reach;         // their largest bias
};

// One build of the kernels (native/isa/topn.cpp).
struct TopnKernels {
  int rows;     // queries of a tile
  int columns;  // items of a panel
  // Packs the vectors of the 1 <= count <= columns items `ids` into a panel.
  void (*pack)(const float* items, std::int64_t d, const std::int32_t* ids, std::int64_t count,
               float* vectors);
  // Offers a panel to every group. `cut` shortens a full list and raises its floor.
  void (*scan)(const Panel& panel, std::int64_t d, QueryGroup* groups, std::int64_t n_groups,
               void (*cut)(Shortlist&));
  void (*pairs)(const PairProblem& problem, std::int64_t begin, std::int64_t end);
};

// The three below are inlined always: a copy compiled for one instruction set must not serve another.
#define LMF_TOPN_INLINE static inline __attribute__((always_inline))

LMF_TOPN_INLINE std::uint64_t key_of(float score, std::int32_t item) {
  std::uint32_t bits;
  std::memcpy(&bits, &score, sizeof(bits));
  bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
  return static_cast<std::uint64_t>(bits) << 32 | ~static_cast<std::uint32_t>(item);
}

LMF_TOPN_INLINE float score_of(std::uint64_t key) {
  auto bits = static_cast<std::uint32_t>(key >> 32);
  bits ^= bits >> 31 ? 0x80000000u : 0xffffffffu;
  float score;
  std::memcpy(&score, &bits, sizeof(score));
  return score;
}

// Whether an item of norm and bias up to these can still reach the floor. `reach` carries the
// rounding of the sum, so an item whose score is exactly the floor is never lost; a NaN says yes.
LMF_TOPN_INLINE bool can_reach(float reach, float norm, float bias,
                                                            float floor) {
  return !(reach * norm + bias < floor);
}

#undef LMF_TOPN_INLINE

const TopnKernels& topn_kernels();

}  // namespace lmf

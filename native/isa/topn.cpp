// Scores of items for queries, and the few of them worth keeping (see native/topn.hpp).
#include "topn.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "isa/simd.hpp"
#ifndef PF
#define PF 8
#endif

namespace lmf::LMF_ISA {
namespace {

constexpr int W = width<float>;
constexpr int columns = tile_vectors * W;
static_assert(tile_rows <= max_group && columns <= 64);

// One bit a lane, set where score >= floor; NaN on either side gives 0.
LMF_INLINE std::uint64_t at_least(Vector<float> score, Vector<float> floor) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(score, floor, _CMP_GE_OQ);
#elif defined(__AVX2__)
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(score, floor, _CMP_GE_OQ)));
#elif defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmpge_ps(score, floor)));
#else
  const auto reached = score >= floor;
  std::uint64_t bits = 0;
  for (int lane = 0; lane < W; ++lane) bits |= static_cast<std::uint64_t>(reached[lane] & 1) << lane;
  return bits;
#endif
}

LMF_INLINE std::uint64_t key_of(float score, std::int32_t item) {
  std::uint32_t bits;
  std::memcpy(&bits, &score, sizeof(bits));
  bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
  return static_cast<std::uint64_t>(bits) << 32 | ~static_cast<std::uint32_t>(item);
}

LMF_INLINE float score_of(std::uint64_t key) {
  auto bits = static_cast<std::uint32_t>(key >> 32);
  bits ^= bits >> 31 ? 0x80000000u : 0xffffffffu;
  float score;
  std::memcpy(&score, &bits, sizeof(score));
  return score;
}

LMF_INLINE bool contains(const std::int32_t* begin, const std::int32_t* end, std::int32_t item) {
  std::int64_t size = end - begin;
  if (size == 0) return false;
  while (size > 1) {
    const std::int64_t half = size / 2;
    begin += begin[half] <= item ? half : 0;
    size -= half;
  }
  return *begin == item;
}

// Lists the items of one row whose bit is set, unless excluded or below the floor after all.
__attribute__((noinline)) void offer(Shortlist& list, float& floor, const float* scores,
                                     std::uint64_t bits, const std::int32_t* ids,
                                     void (*cut)(Shortlist&)) {
  for (; bits; bits &= bits - 1) {
    const int lane = __builtin_ctzll(bits);
    const std::uint64_t key = key_of(scores[lane], ids[lane]);
    if (key < list.floor || contains(list.seen, list.seen_end, ids[lane])) continue;
    list.keys[list.size++] = key;
    if (list.size == list.capacity) {
      cut(list);
      floor = score_of(list.floor);
    }
  }
}

// The scores of one panel for the first Rows queries of a group, and what becomes of them.
template <int Rows>
LMF_INLINE void scan_tile(const float* panel, const float* bias, const std::int32_t* ids,
                          std::int64_t d, QueryGroup& group, void (*cut)(Shortlist&)) {
  Vector<float> score[Rows][tile_vectors] = {};
  const float* query = group.vectors;
  for (std::int64_t k = 0; k < d; ++k, panel += columns, query += tile_rows) {
    Vector<float> item[tile_vectors];
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) {
      item[v] = load(panel + v * W);
      if constexpr (PF > 0) __builtin_prefetch(panel + PF * columns + v * W);
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const Vector<float> factor = broadcast(query[r]);
#pragma GCC unroll 8
      for (int v = 0; v < tile_vectors; ++v) score[r][v] += factor * item[v];
    }
  }
  std::uint64_t bits[Rows] = {}, any = 0;
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
    const Vector<float> floor = broadcast(group.floor[r]);
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) {
      score[r][v] += load(bias + v * W);
      bits[r] |= at_least(score[r][v], floor) << (v * W);
    }
    any |= bits[r];
  }
  if (!any) return;
  alignas(64) float scores[Rows][columns];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) store(scores[r] + v * W, score[r][v]);
  for (int r = 0; r < Rows; ++r)
    if (bits[r]) offer(*group.lists[r], group.floor[r], scores[r], bits[r], ids, cut);
}

LMF_INLINE bool group_can_reach(const QueryGroup& group, float norm, float bias) {
  bool any = false;
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r)
    any |= r < group.count && can_reach(group.reach[r], norm, bias, group.floor[r]);
  return any;
}

void scan(const ItemPanels& items, std::int64_t begin, std::int64_t end, QueryGroup* groups,
          std::int64_t n_groups, void (*cut)(Shortlist&)) {
  for (std::int64_t p = begin; p < end; ++p) {
    const float* panel = items.vectors + p * items.d * columns;
    const float* bias = items.bias + p * columns;
    const std::int32_t* ids = items.ids + p * columns;
    for (std::int64_t g = 0; g < n_groups; ++g) {
      QueryGroup& group = groups[g];
      if (items.norm_reach && !group_can_reach(group, items.norm_reach[p], items.bias_reach[p]))
        continue;
      if (group.count == 1) scan_tile<1>(panel, bias, ids, items.d, group, cut);
      else scan_tile<tile_rows>(panel, bias, ids, items.d, group, cut);
    }
  }
}

// Lane l of the result is lane Index[l] of `a` and `b` put one after the other.
template <int... Index>
LMF_INLINE Vector<float> shuffle(Vector<float> a, Vector<float> b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, Index...);
#else
  typedef std::int32_t Indices __attribute__((vector_size(vector_bytes)));
  return __builtin_shuffle(a, b, Indices{Index...});
#endif
}

template <int... Lane>
struct Lanes {
  // Lanes whose number has the bit `half` trade places with the other vector's.
  template <int half>
  LMF_INLINE static void trade(Vector<float>& upper, Vector<float>& lower) {
    const Vector<float> a = upper, b = lower;
    upper = shuffle<(Lane & half ? W + Lane - half : Lane)...>(a, b);
    lower = shuffle<(Lane & half ? W + Lane : Lane + half)...>(a, b);
  }
};
template <int Count, int... Lane>
struct LanesUpTo : LanesUpTo<Count - 1, Count - 1, Lane...> {};
template <int... Lane>
struct LanesUpTo<0, Lane...> : Lanes<Lane...> {};

template <int half>
LMF_INLINE void transpose(Vector<float> (&row)[W]) {
  if constexpr (half > 0) {
#pragma GCC unroll 16
    for (int r = 0; r < W; ++r)
      if (!(r & half)) LanesUpTo<W>::template trade<half>(row[r], row[r + half]);
    transpose<half / 2>(row);
  }
}

// Writes elements [k, k + count) of W rows as vectors of the panel's column v.
LMF_INLINE void pack_block(const float* const (&from)[W], std::int64_t k, int count, float* to) {
  Vector<float> block[W];
  if (count == W) {
#pragma GCC unroll 16
    for (int r = 0; r < W; ++r) block[r] = load(from[r] + k);
  } else {
    for (int r = 0; r < W; ++r) block[r] = load_part(from[r] + k, count);
  }
  transpose<W / 2>(block);
  for (int c = 0; c < count; ++c) store(to + (k + c) * columns, block[c]);
}

void pack(const float* items, std::int64_t d, const std::int32_t* ids, std::int64_t count,
          float* panel) {
  for (int v = 0; v < tile_vectors; ++v) {
    // Columns beyond the last item repeat it; their bias is NaN, so nobody sees them.
    const float* from[W];
    for (int r = 0; r < W; ++r) {
      const std::int64_t column = v * W + r < count ? v * W + r : count - 1;
      from[r] = items + ids[column] * d;
    }
    std::int64_t k = 0;
    for (; k + W <= d; k += W) pack_block(from, k, W, panel + v * W);
    if (k < d && d >= W) pack_block(from, d - W, W, panel + v * W);  // overlaps, same values
    else if (k < d) pack_block(from, k, static_cast<int>(d - k), panel + v * W);
  }
}

// Several pairs side by side: one alone would wait for each sum before the next.
template <int Pairs>
LMF_INLINE void score_some(const PairProblem& problem, std::int64_t first) {
  const float *user[Pairs], *item[Pairs];
  float score[Pairs] = {};
  for (int p = 0; p < Pairs; ++p) {
    user[p] = problem.users + problem.user_index[first + p] * problem.d;
    item[p] = problem.items + problem.item_index[first + p] * problem.d;
  }
  for (std::int64_t k = 0; k < problem.d; ++k) {
#pragma GCC unroll 8
    for (int p = 0; p < Pairs; ++p) score[p] = multiply_add(user[p][k], item[p][k], score[p]);
  }
  for (int p = 0; p < Pairs; ++p) {
    const float bias = problem.item_bias ? problem.item_bias[problem.item_index[first + p]] : 0.0f;
    problem.out[first + p] = score[p] + (bias + 0.0f);  // + 0 makes -0 a 0, as in the panels
  }
}

void pairs(const PairProblem& problem, std::int64_t begin, std::int64_t end) {
  std::int64_t p = begin;
  for (; p + 8 <= end; p += 8) score_some<8>(problem, p);
  for (; p < end; ++p) score_some<1>(problem, p);
}

}  // namespace

extern const TopnKernels topn_kernels;
const TopnKernels topn_kernels{tile_rows, columns, pack, scan, pairs};

}  // namespace lmf::LMF_ISA

// Scores of items for queries, and the few of them worth keeping (see native/topn.hpp).
#include "topn_kernels.hpp"

#include "isa/compare.hpp"
#include "isa/simd.hpp"
#include "isa/transpose.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr int W = width<float>;
constexpr int columns = tile_vectors * W;
static_assert(tile_rows <= max_group && columns <= max_columns);

// Lists the items of one row whose bit is set, unless they are below the floor after all.
__attribute__((noinline)) void offer(Shortlist& list, float& floor, const float* scores,
                                     std::uint64_t bits, const std::int32_t* ids,
                                     void (*cut)(Shortlist&)) {
  for (; bits; bits &= bits - 1) {
    const int column = __builtin_ctzll(bits);
    const std::uint64_t key = key_of(scores[column], ids[column]);
    if (key < list.floor) continue;
    list.keys[list.size++] = key;
    if (list.size == list.capacity) {
      cut(list);
      floor = score_of(list.floor);
    }
  }
}

// The scores of one panel for the first Rows queries of a group, and what becomes of them.
template <int Rows>
LMF_INLINE void scan_tile(const Panel& panel, std::int64_t d, QueryGroup& group,
                          void (*cut)(Shortlist&)) {
  Vector<float> score[Rows][tile_vectors] = {};
  const float *query = group.vectors, *items = panel.vectors;
  for (std::int64_t k = 0; k < d; ++k, items += columns, query += tile_rows) {
    Vector<float> item[tile_vectors];
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) {
      item[v] = load(items + v * W);
      __builtin_prefetch(items + 8 * columns + v * W);  // panels may be larger than the first cache
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const Vector<float> factor = broadcast(query[r]);
#pragma GCC unroll 8
      for (int v = 0; v < tile_vectors; ++v) score[r][v] = multiply_add(factor, item[v], score[r][v]);
    }
  }
  std::uint64_t bits[Rows] = {}, any = 0;
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
    const Vector<float> floor = broadcast(group.floor[r]);
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) {
      score[r][v] += load(panel.bias + v * W);
      bits[r] |= at_least(score[r][v], floor) << (v * W);
    }
    any |= bits[r];
  }
  if (!any) return;
  any = 0;
  for (int r = 0; r < Rows; ++r) any |= bits[r] &= ~group.lists[r]->excluded;
  if (!any) return;
  alignas(64) float scores[Rows][columns];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < tile_vectors; ++v) store(scores[r] + v * W, score[r][v]);
  for (int r = 0; r < Rows; ++r)
    if (bits[r]) offer(*group.lists[r], group.floor[r], scores[r], bits[r], panel.ids, cut);
}

LMF_INLINE bool any_can_reach(const QueryGroup& group, const Panel& panel) {
  bool any = false;
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r)
    any |= r < group.count &&
           can_reach(group.reach[r], panel.norm_reach, panel.bias_reach, group.floor[r]);
  return any;
}

void scan(const Panel& panel, std::int64_t d, QueryGroup* groups, std::int64_t n_groups,
          void (*cut)(Shortlist&)) {
  for (std::int64_t g = 0; g < n_groups; ++g) {
    if (panel.bounded && !any_can_reach(groups[g], panel)) continue;
    if (groups[g].count == 1) scan_tile<1>(panel, d, groups[g], cut);
    else scan_tile<tile_rows>(panel, d, groups[g], cut);
  }
}

// Elements [k, k + count) of W rows, so that block[c] holds element k + c of each row.
LMF_INLINE void load_block(const float* const (&from)[W], std::int64_t k, int count,
                           Vector<float> (&block)[W]) {
  if (count == W) {
#pragma GCC unroll 16
    for (int r = 0; r < W; ++r) block[r] = load(from[r] + k);
  } else {
    for (int r = 0; r < W; ++r) block[r] = load_part(from[r] + k, count);
  }
  transpose<float>(block);
}

LMF_INLINE void pack_block(const float* const (&from)[W], std::int64_t k, int count, float* to) {
  Vector<float> block[W];
  load_block(from, k, count, block);
  for (int c = 0; c < count; ++c) store(to + (k + c) * columns, block[c]);
}

void pack(const float* items, std::int64_t d, const std::int32_t* ids, std::int64_t count,
          float* vectors) {
  for (int v = 0; v < tile_vectors; ++v) {
    // Columns beyond the last item repeat it; their bias is NaN, so nobody sees them.
    const float* from[W];
    for (int r = 0; r < W; ++r) {
      const std::int64_t column = v * W + r < count ? v * W + r : count - 1;
      from[r] = items + ids[column] * d;
    }
    std::int64_t k = 0;
    for (; k + W <= d; k += W) pack_block(from, k, W, vectors + v * W);
    if (k < d && d >= W) pack_block(from, d - W, W, vectors + v * W);  // overlaps, same values
    else if (k < d) pack_block(from, k, static_cast<int>(d - k), vectors + v * W);
  }
}

LMF_INLINE void prefetch_row(const float* row, std::int64_t d) {
  for (std::int64_t k = 0; k < d; k += 16) __builtin_prefetch(row + k);
}

// Scores `count` <= W pairs, one a lane: each has its own sum, in the order of k, as in a tile.
LMF_INLINE void score_some(const PairProblem& problem, std::int64_t first, int count) {
  const float *user[W], *item[W];
  float bias[W];
  for (int r = 0; r < W; ++r) {
    const std::int64_t p = first + (r < count ? r : 0);
    user[r] = problem.users + problem.user_index[p] * problem.d;
    item[r] = problem.items + problem.item_index[p] * problem.d;
    bias[r] = problem.item_bias ? problem.item_bias[problem.item_index[p]] + 0.0f : 0.0f;
    const std::int64_t next = first + W + r < problem.n_pairs ? first + W + r : p;
    prefetch_row(problem.users + problem.user_index[next] * problem.d, problem.d);
    prefetch_row(problem.items + problem.item_index[next] * problem.d, problem.d);
  }
  Vector<float> score{};
  for (std::int64_t k = 0; k < problem.d; k += W) {
    const int depth = static_cast<int>(problem.d - k < W ? problem.d - k : W);
    Vector<float> users[W], items[W];
    load_block(user, k, depth, users);
    load_block(item, k, depth, items);
    if (depth == W) {
#pragma GCC unroll 16
      for (int c = 0; c < W; ++c) score = multiply_add(users[c], items[c], score);
    } else {
      for (int c = 0; c < depth; ++c) score = multiply_add(users[c], items[c], score);
    }
  }
  store_part(problem.out + first, score + load(bias), count);
}

void pairs(const PairProblem& problem, std::int64_t begin, std::int64_t end) {
  for (std::int64_t p = begin; p < end; p += W)
    score_some(problem, p, static_cast<int>(end - p < W ? end - p : W));
}

}  // namespace

extern const TopnKernels topn_kernels;
const TopnKernels topn_kernels{tile_rows, columns, pack, scan, pairs};

}  // namespace lmf::LMF_ISA

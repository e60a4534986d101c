// A pass over a row's interactions: sum += sum_e t_e v_e, where t_e is made of v_e.u. It goes over as many
// interactions as a vector has lanes at once, and can be made in parts: what it holds between two is a
// `Pass`, so that passes of several rows can be under way at the same place of V.
#pragma once

#include "isa/row.hpp"
#include "isa/transpose.hpp"

namespace lmf::LMF_ISA {
namespace {

constexpr std::int64_t summed_alone = 256;  // rows whose sum is float32 before it goes to float64

LMF_INLINE Vector<float> part_of(const float* v, std::int64_t k, std::int64_t d) {
  return k + width<float> <= d ? load(v + k) : load_part(v + k, static_cast<int>(d - k));
}

// The products of some rows with u, in parts: a vector of sums each. Two sums of a row are under way at
// once, for one would wait for itself.
template <int Rows>
LMF_INLINE void multiply(const float* const* rows, const float* u, std::int64_t d, Vector<float>* products) {
  constexpr int W = width<float>;
  const float* v[Rows];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) v[r] = rows[r];
  Vector<float> even[Rows] = {}, odd[Rows] = {};
  std::int64_t k = 0;
  for (; k + 2 * W <= d; k += 2 * W) {
    const Vector<float> first = load(u + k), second = load(u + k + W);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) even[r] += load(v[r] + k) * first;
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) odd[r] += load(v[r] + k + W) * second;
  }
  for (; k < d; k += W) {
    const Vector<float> along = load(u + k);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) even[r] += part_of(v[r], k, d) * along;
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) products[r] = even[r] + odd[r];
}

// part += sum of t_r v_r, for so many vectors of numbers, whose sums stay in registers.
template <int Rows, int Vectors>
LMF_INLINE void add_some(const float* const* rows, std::int64_t from, const float* t, float* part) {
  constexpr int W = width<float>;
  Vector<float> total[Vectors];
#pragma GCC unroll 16
  for (int k = 0; k < Vectors; ++k) total[k] = load(part + k * W);
#pragma GCC unroll 1
  for (int r = 0; r < Rows; ++r) {
    const Vector<float> scale = broadcast(t[r]);
    const float* v = rows[r] + from;
#pragma GCC unroll 16
    for (int k = 0; k < Vectors; ++k) total[k] += scale * load(v + k * W);
  }
#pragma GCC unroll 16
  for (int k = 0; k < Vectors; ++k) store(part + k * W, total[k]);
}
template <int Rows>
LMF_INLINE void add(const float* const* rows, const float* t, std::int64_t d, float* part) {
  constexpr int W = width<float>, many = W == 16 ? 16 : 8;
  std::int64_t k = 0;
  for (; k + many * W <= d; k += many * W) add_some<Rows, many>(rows, k, t, part + k);
  for (; k + 4 * W <= d; k += 4 * W) add_some<Rows, 4>(rows, k, t, part + k);
  for (; k + W <= d; k += W) add_some<Rows, 1>(rows, k, t, part + k);
  if (k < d) {
    Vector<float> total = load(part + k);
    for (int r = 0; r < Rows; ++r) total += broadcast(t[r]) * part_of(rows[r], k, d);
    store(part + k, total);
  }
}

// A vector of the sums of as many vectors as it has lanes: each round adds two halves of two vectors and
// leaves half as many, so that it takes half the shuffles of a transpose.
template <int Half>
LMF_INLINE Vector<float> sums_of(Vector<float>* parts) {
  constexpr int W = width<float>;
  if constexpr (Half == 0) {
    return parts[0];
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < Half; ++r) {
      Vector<float> lower = parts[r], upper = parts[r + Half];
      exchange<float, Half>(lower, upper, std::make_index_sequence<W>{});
      parts[r] = lower + upper;
    }
    return sums_of<Half / 2>(parts);
  }
}

// A number of each of the interactions from e on, a lane each; the lanes after them are 0.
template <class Number>
LMF_INLINE Vector<float> lanes(std::int64_t e, int live, Number&& number) {
  float values[width<float>] = {};
  for (int r = 0; r < live; ++r) values[r] = static_cast<float>(number(e + r));
  return load(values);
}

// `u`, `part` and `sum` have d elements, padded to whole vectors; those of u with zeros.
struct Pass {
  const Row& row;
  const float* u;
  float* part;
  double* sum;
  bool prefetched = false;  // whether the factors of interactions are asked for ahead
  std::int64_t at = 0;      // the next interaction
  std::int64_t alone = 0;   // interactions in `part`

  void begin() {
    const std::int64_t padded = round_up(row.problem.d, width<float>);
    for (std::int64_t k = 0; k < padded; ++k) part[k] = 0;
    for (std::int64_t k = 0; k < padded; ++k) sum[k] = 0;
    at = alone = 0;
  }
  void flush() {
    const std::int64_t padded = round_up(row.problem.d, width<float>);
    for (std::int64_t k = 0; k < padded; ++k) sum[k] += part[k];
    for (std::int64_t k = 0; k < padded; ++k) part[k] = 0;
    alone = 0;
  }

  // Goes on while interactions are of columns before `until`, where t = coefficient(e, s, live) of so many of
  // them from e on and s = v_e.u of each, or 0 where u is. Where it stops does not change a bit.
  template <bool multiplied = true, class Coefficient>
  LMF_INLINE void go(std::int64_t until, Coefficient&& coefficient) {
    constexpr int W = width<float>;
    constexpr int together = W == 16 ? 8 : 4;  // there are registers for two sums of each
    const std::int64_t d = row.problem.d;
    const std::int64_t following = row.following();
    for (; at < row.n && row.indices[at] < until; at += W) {
      const int live = static_cast<int>(row.n - at < W ? row.n - at : W);
      const float* v[W];
      for (int r = 0; r < W; ++r) v[r] = row.factors(r < live ? at + r : at);
      if (prefetched)
        for (int r = 0; r < W; ++r)
          if (at + W + r < following) row.prefetch(at + W + r);
      Vector<float> s{};  // lane r: the product of row r
      if constexpr (multiplied) {
        Vector<float> products[W];
#pragma GCC unroll 4
        for (int first = 0; first < W; first += together)
          multiply<together>(v + first, u, d, products + first);
        s = sums_of<W / 2>(products);
      }
      float t[W];
      store(t, coefficient(at, s, live));
      for (int r = live; r < W; ++r) t[r] = 0;
      add<W>(v, t, d, part);
      alone += W;
      if (alone >= summed_alone) flush();
    }
  }
};

}  // namespace
}  // namespace lmf::LMF_ISA

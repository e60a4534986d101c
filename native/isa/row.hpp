// One row of the problem as the solvers read it: its interactions, the workspace, and the sum of
// their outer products.
#pragma once

#include "isa/linear.hpp"
#include "isa/normals.hpp"
#include "rows.hpp"

namespace lmf::LMF_ISA {
namespace {

// ---- memory -----------------------------------------------------------------------------------

// A stride that is no multiple of 2 KB, so that a column's elements do not compete for one cache set.
LMF_INLINE std::int64_t stride_of(std::int64_t size) {
  const std::int64_t stride = round_up(size, width<float>);
  return stride % 512 == 0 ? stride + width<float> : stride;
}

// Numbers of a packed panel, 24 KB: with what passes it, it should stay in a first-level cache of 32.
constexpr std::int64_t panel_numbers = 6144;

// Rows of a packed panel, which should amortize a pass over C.
LMF_INLINE std::int64_t panel_depth(std::int64_t stride) {
  const std::int64_t depth = panel_numbers / stride / width<float> * width<float>;
  return depth < 32 ? 32 : depth > 256 ? 256 : depth;
}

// Everything one row needs. `wide` parts are used as float or as double.
struct Workspace {
  void *matrix, *panel, *x, *scratch, *inverse, *scale;
  double *diagonal, *right, *solution, *residual, *weight, *target, *noise;

  static constexpr std::size_t padded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

  static std::size_t bytes(std::int64_t d) {
    Workspace none;
    return none.lay_out(nullptr, d);
  }
  std::size_t lay_out(void* memory, std::int64_t d) {
    const std::int64_t stride = stride_of(d + tile_rows);
    auto* next = static_cast<unsigned char*>(memory);
    std::size_t used = 0;
    const auto take = [&](std::size_t elements) {
      void* at = memory ? next + used : nullptr;
      used += padded(elements * sizeof(double)) + 64;
      return at;
    };
    // A panel is depth x stride of a matrix of at most this stride; a narrower one may be deeper,
    // but never holds more than this.
    const std::int64_t panel_elements = panel_numbers > 32 * stride ? panel_numbers : 32 * stride;
    matrix = take(stride * (d + 2 * tile_rows));
    panel = take(panel_elements + 256 * width<float>);
    x = take(stride);
    scratch = take(stride);
    inverse = take(stride);
    scale = take(stride);
    for (double** vector : {&diagonal, &right, &solution, &residual, &weight, &target})
      *vector = static_cast<double*>(take(stride));
    noise = static_cast<double*>(take(2 * stride + 4 * width<float>));
    return used;
  }
};

// ---- reading a row ------------------------------------------------------------------------------

struct Row {
  const RowProblem& problem;
  const std::int32_t* indices;
  const float* targets;
  const float* weights;
  double base, slope;  // c = base + slope w
  std::int64_t n;
  std::int64_t stride;  // of V
  double lambda;
  double unobserved;  // w0 a of this row
  const float* prior;
  std::uint64_t stream;  // of its random numbers

  Row(const RowProblem& p, std::int64_t row)
      : problem(p),
        indices(p.indices + p.indptr[row]),
        targets(p.targets ? p.targets + p.indptr[row] : nullptr),
        weights(p.weights ? p.weights + p.indptr[row] : nullptr),
        base(p.weight_base),
        slope(p.weight_slope),
        n(p.indptr[row + 1] - p.indptr[row]),
        stride(p.fixed_stride ? p.fixed_stride : p.d),
        lambda(p.regularization[row]),
        unobserved(p.row_share ? p.unobserved_weight * p.row_share[row] : p.unobserved_weight),
        prior(p.prior ? p.prior + (p.shared_prior ? 0 : row * p.d) : nullptr),
        stream(p.draw ? mixed(p.seed ^ mixed(static_cast<std::uint64_t>(row) + golden)) : 0) {}

  const float* factors(std::int64_t k) const {
    return problem.fixed + static_cast<std::int64_t>(indices[k]) * stride;
  }
  double target(std::int64_t k) const { return targets ? targets[k] : 1.0; }
  double weight(std::int64_t k) const { return base + slope * (weights ? weights[k] : 1.0); }
  double excess(std::int64_t k) const {
    return weight(k) -
           (problem.fixed_share ? unobserved * problem.fixed_share[indices[k]] : unobserved);
  }
  // Whether every c is 1, and every c - w0.
  bool unweighted() const { return !weights && base + slope == 1; }
  bool plain() const { return unweighted() && unobserved == 0; }
  void prefetch(std::int64_t k) const {
    // Every line the row lies on, also where rows do not begin on a line.
    const char* at = reinterpret_cast<const char*>(factors(k));
    const char* end = at + (problem.d - problem.constant) * 4;
    for (at -= reinterpret_cast<std::uintptr_t>(at) & 63; at < end; at += 64) __builtin_prefetch(at);
  }
  // How many interactions ahead to prefetch, and how many follow in memory, be they of later rows.
  std::int64_t ahead() const {
    const std::int64_t rows = 4096 / problem.d;
    return rows < 2 ? 2 : rows > 48 ? 48 : rows;
  }
  std::int64_t following() const { return problem.indices + problem.indptr[problem.n_rows] - indices; }
};

template <class T>
struct Widen;
template <>
struct Widen<float> {
  static LMF_INLINE Vector<float> load_full(const float* v) { return load(v); }
  static LMF_INLINE Vector<float> load_some(const float* v, int count) { return load_part(v, count); }
};
template <>
struct Widen<double> {
  typedef float half __attribute__((vector_size(vector_bytes / 2)));
#if defined(__AVX512F__)
  // In one instruction, where a compiler makes four of a conversion.
  static LMF_INLINE Vector<double> wide(half narrow) {
    return _mm512_cvtps_pd(reinterpret_cast<__m256>(narrow));
  }
#else
  static LMF_INLINE Vector<double> wide(half narrow) {
    return __builtin_convertvector(narrow, Vector<double>);
  }
#endif
  static LMF_INLINE Vector<double> load_full(const float* v) {
    half narrow;
    std::memcpy(&narrow, v, sizeof(narrow));
    return wide(narrow);
  }
  static LMF_INLINE Vector<double> load_some(const float* v, int count) {
#if defined(__AVX512VL__)
    const half narrow =
        reinterpret_cast<half>(_mm256_maskz_loadu_ps(static_cast<__mmask8>((1u << count) - 1), v));
#else
    half narrow{};
    std::memcpy(&narrow, v, sizeof(float) * count);
#endif
    return wide(narrow);
  }
};

// Calls body(column, vector of v) for the factors of one interaction, zero padded.
template <class T, class Body>
LMF_INLINE void for_vectors(const float* v, std::int64_t d, Body&& body) {
  std::int64_t k = 0;
  for (; k + width<T> <= d; k += width<T>) body(k, Widen<T>::load_full(v + k));
  if (k < d) body(k, Widen<T>::load_some(v + k, static_cast<int>(d - k)));
}

LMF_INLINE double dot(const float* v, const double* x, std::int64_t d) {
  Vector<double> total{};
  for_vectors<double>(v, d, [&](std::int64_t k, Vector<double> part) { total += part * load(x + k); });
  return sum<double>(total);
}

LMF_INLINE void add_scaled(double a, const float* v, double* y, std::int64_t d) {
  const Vector<double> scale = broadcast(a);
  for_vectors<double>(v, d, [&](std::int64_t k, Vector<double> part) {
    store(y + k, load(y + k) + scale * part);
  });
}

// y += sum_e t_e v_e over a row's interactions, four at a time: y is read and written a quarter as
// often.
LMF_INLINE void add_all(const Row& row, const double* t, double* y) {
  constexpr int together = 4;
  const std::int64_t d = row.problem.d;
  std::int64_t e = 0;
  for (; e + together <= row.n; e += together) {
    const float* v[together];
    Vector<double> scale[together];
    for (int r = 0; r < together; ++r) {
      v[r] = row.factors(e + r);
      scale[r] = broadcast(t[e + r]);
    }
    for_vectors<double>(v[0], d, [&](std::int64_t k, Vector<double> part) {
      Vector<double> sum = load(y + k) + scale[0] * part;
#pragma GCC unroll 4
      for (int r = 1; r < together; ++r)
        sum += scale[r] * (k + width<double> <= d
                               ? Widen<double>::load_full(v[r] + k)
                               : Widen<double>::load_some(v[r] + k, static_cast<int>(d - k)));
      store(y + k, sum);
    });
  }
  for (; e < row.n; ++e) add_scaled(t[e], row.factors(e), y, d);
}

// sum_j c_j y_j^2, in the same order whatever the instruction set.
LMF_INLINE double energy(const Row& row) {
  double part[4] = {};
  std::int64_t e = 0;
  const auto term = [&](std::int64_t at) { return row.weight(at) * row.target(at) * row.target(at); };
  if (!row.targets && row.unweighted()) return static_cast<double>(row.n);
  for (; e + 4 <= row.n; e += 4)
    for (int k = 0; k < 4; ++k) part[k] += term(e + k);
  for (; e < row.n; ++e) part[0] += term(e);
  return (part[0] + part[1]) + (part[2] + part[3]);
}

constexpr std::int64_t longest_sum = 8192;  // outer products that are added up in float32 alone

// Packs interactions into panels and adds their outer products to the matrix.
// Entries whose c < w0 come with a minus sign and have a pass of their own.
template <class T, Sign sign>
void accumulate(const Row& row, Workspace& work, std::int64_t stride, std::int64_t size,
                bool with_right) {
  const std::int64_t d = row.problem.d;
  const std::int64_t depth = panel_depth(stride);
  T* panel = static_cast<T*>(work.panel);
  T* right = static_cast<T*>(work.x);  // of one panel
  const std::int64_t ahead = row.ahead(), following = row.following();
  std::int64_t filled = 0;
  // A long row is summed in parts, which lose fewer digits than one sum of all. They have the second
  // half of the matrix's memory, where doubles would be.
  const bool in_parts = sizeof(T) == sizeof(float) && row.n > longest_sum;
  T* matrix = static_cast<T*>(work.matrix);
  T* sums = in_parts ? matrix + stride * size : matrix;
  std::int64_t summed = 0;
  const auto fold = [&] {
    for (std::int64_t k = 0; k < size; ++k)
      for (std::int64_t j = k / width<T> * width<T>; j < stride; j += width<T>) {
        store(matrix + k * stride + j, load(matrix + k * stride + j) + load(sums + k * stride + j));
        store(sums + k * stride + j, Vector<T>{});
      }
    summed = 0;
  };
  if (in_parts) std::memset(sums, 0, sizeof(T) * stride * size);
  const auto flush = [&] {
    rank_update<T, sign>(sums, stride, panel, stride, filled, size);
    summed += filled;
    if (in_parts && summed >= longest_sum) fold();
    if (with_right)
      for (std::int64_t k = 0; k < d; ++k) work.right[k] += right[k];
    for (std::int64_t k = 0; k < stride; ++k) right[k] = 0;
    filled = 0;
  };
  for (std::int64_t k = 0; k < stride; ++k) right[k] = 0;
  for (std::int64_t e = 0; e < row.n; ++e) {
    if (e + ahead < following) row.prefetch(e + ahead);
    const double excess = row.excess(e);
    const bool mine = sign == Sign::plus ? excess >= 0 : excess < 0;
    if (!mine && !with_right) continue;
    const Vector<T> cy = broadcast(static_cast<T>(row.weight(e) * row.target(e)));
    const Vector<T> s =
        broadcast(mine ? static_cast<T>(__builtin_sqrt(sign == Sign::plus ? excess : -excess)) : T(0));
    T* to = panel + filled * stride;
    std::int64_t last = 0;
    for_vectors<T>(row.factors(e), d, [&](std::int64_t k, Vector<T> v) {
      store(to + k, s * v);
      if (with_right) store(right + k, load(right + k) + cy * v);
      last = k + width<T>;
    });
    for (; last < stride; last += width<T>) store(to + last, Vector<T>{});
    if (++filled == depth) flush();
  }
  if (filled > 0) flush();
  if (in_parts && summed > 0) fold();
}

// The same with the right side where every c - w0 is 1. The right side is then one more row of the
// tile, and what a last column of one number adds to the matrix is a sum of rows: the rank update
// goes without that column, which would fill a vector of its own.
template <class T>
void accumulate_plain(const Row& row, Workspace& work, std::int64_t stride, bool with_right) {
  const std::int64_t inner = row.problem.d - row.problem.constant;
  const std::int64_t size = round_up(inner, tile_rows), panel_stride = stride_of(size);
  const std::int64_t depth = panel_depth(panel_stride);
  const std::int64_t ahead = row.ahead(), following = row.following();
  T* matrix = static_cast<T*>(work.matrix);
  T* panel = static_cast<T*>(work.panel);
  T* pairs = panel + depth * panel_stride;  // (y, 1) of each interaction
  T* sums = reinterpret_cast<T*>(work.noise);  // sum y v and sum v of one panel
  const T last = row.problem.constant && row.n > 0 ? row.factors(0)[inner] : 0;
  std::int64_t filled = 0;
  const auto flush = [&] {
    rank_update<T, Sign::plus>(matrix, stride, panel, panel_stride, filled, size);
    for (std::int64_t k = 0; k < 2 * panel_stride; ++k) sums[k] = 0;
    for (std::int64_t k = 0; k < panel_stride; k += tile_vectors * width<T>) {
      const std::int64_t left = (panel_stride - k) / width<T>;
      tile_of<T, Sign::plus, 2>(static_cast<int>(left < tile_vectors ? left : tile_vectors), sums + k,
                                panel_stride, pairs, 2, panel + k, panel_stride, filled);
    }
    if (with_right)
      for (std::int64_t k = 0; k < inner; ++k) work.right[k] += sums[k];
    if (row.problem.constant)
      for (std::int64_t k = 0; k < inner; ++k) matrix[k * stride + inner] += last * sums[panel_stride + k];
    filled = 0;
  };
  double total = 0;
  for (std::int64_t e = 0; e < row.n; ++e) {
    if (e + ahead < following) row.prefetch(e + ahead);
    T* to = panel + filled * panel_stride;
    std::int64_t end = 0;
    for_vectors<T>(row.factors(e), inner, [&](std::int64_t k, Vector<T> v) {
      store(to + k, v);
      end = k + width<T>;
    });
    for (; end < panel_stride; end += width<T>) store(to + end, Vector<T>{});
    pairs[2 * filled] = static_cast<T>(row.target(e));
    pairs[2 * filled + 1] = 1;
    total += row.target(e);
    if (++filled == depth) flush();
  }
  if (filled > 0) flush();
  if (!row.problem.constant) return;
  if (with_right) work.right[inner] += last * total;
  matrix[inner * stride + inner] += last * last * static_cast<T>(row.n);
}

}  // namespace
}  // namespace lmf::LMF_ISA

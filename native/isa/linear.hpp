// Dense kernels on symmetric positive definite matrices: rank-k update, Cholesky, solve.
//
// One register tile does all the arithmetic: C[i..i+R)[j..j+V) +-= sum_k A[k][i..] B[k][j..],
// rows of A broadcast, rows of B as vectors. Matrices are row-major and hold the upper triangle
// (A = U'U); entries below the diagonal that share a vector with it are scratch.
// Every matrix has `stride` columns, a multiple of the vector width, and rows padded to
// tile_rows; the padding is zero with ones on the diagonal.
#pragma once

#include "isa/simd.hpp"

namespace lmf::LMF_ISA {

enum class Sign { plus, minus };

template <class T, int Rows, int Vectors, Sign sign>
LMF_INLINE void tile(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, const T* b,
                     std::int64_t b_stride, std::int64_t depth) {
  Vector<T> sum[Rows][Vectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector<T> right[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) right[v] = load(b + k * b_stride + v * width<T>);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const Vector<T> left = broadcast(a[k * a_stride + r]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sum[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      T* at = c + r * c_stride + v * width<T>;
      store(at, sign == Sign::plus ? load(at) + sum[r][v] : load(at) - sum[r][v]);
    }
  }
}

// A tile with the number of vectors known only at run time (1..tile_vectors).
template <class T, Sign sign, int R = tile_rows>
LMF_INLINE void tile_of(int vectors, T* c, std::int64_t c_stride, const T* a,
                        std::int64_t a_stride, const T* b, std::int64_t b_stride,
                        std::int64_t depth) {
  if constexpr (tile_vectors >= 3)
    if (vectors == 3) return tile<T, R, 3, sign>(c, c_stride, a, a_stride, b, b_stride, depth);
  if (vectors == 2) return tile<T, R, 2, sign>(c, c_stride, a, a_stride, b, b_stride, depth);
  tile<T, R, 1, sign>(c, c_stride, a, a_stride, b, b_stride, depth);
}

// C += P'P (or C -= P'P), upper triangle; P is depth x size, its rows `stride` apart.
template <class T, Sign sign>
void rank_update(T* c, std::int64_t c_stride, const T* p, std::int64_t stride, std::int64_t depth,
                 std::int64_t size) {
  const std::int64_t vectors = round_up(size, width<T>) / width<T>;
  const std::int64_t strips = round_up(vectors, tile_vectors) / tile_vectors;
  // Strips of equal width rather than full ones and a rest. A strip of P stays in the first cache
  // while the row panels pass.
  for (std::int64_t strip = 0; strip < strips; ++strip) {
    const std::int64_t first = vectors * strip / strips, last = vectors * (strip + 1) / strips;
    for (std::int64_t i = 0; i < size && i < last * width<T>; i += tile_rows) {
      const std::int64_t v = i / width<T> > first ? i / width<T> : first;
      const std::int64_t j = v * width<T>;
      tile_of<T, sign>(static_cast<int>(last - v), c + i * c_stride + j, c_stride, p + i, stride,
                       p + j, stride, depth);
    }
  }
}

LMF_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
LMF_INLINE double square_root(double x) { return __builtin_sqrt(x); }

// A = U'U in place, and the reciprocals of the diagonal of U. `size` is a multiple of tile_rows.
//
// Returns an estimate of the condition number: the largest ratio of a diagonal element to its pivot
// U[k][k]^2. It ignores the scaling of the axes, as the error of Cholesky does (van der Sluis 1969;
// Demmel 1989). Infinite or NaN if the matrix is not positive definite to working precision.
template <class T>
T cholesky(T* a, std::int64_t stride, std::int64_t size, T* inverse) {
  constexpr int R = tile_rows, W = width<T>;
  T worst = 1;
  for (std::int64_t i = 0; i < size; i += R) {
    T before[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) before[r] = a[(i + r) * stride + i + r];
    // Rows i..i+R minus what the rows above contribute.
    for (std::int64_t v = i / W; v * W < size;) {
      const std::int64_t rest = (size - v * W + W - 1) / W;
      const int vectors = static_cast<int>(rest < tile_vectors ? rest : tile_vectors);
      if (i > 0)
        tile_of<T, Sign::minus>(vectors, a + i * stride + v * W, stride, a + i, stride, a + v * W,
                                stride, i);
      v += vectors;
    }
    // The R x R corner by scalars.
    T u[R][R];
    for (int r = 0; r < R; ++r)
      for (int s = r; s < R; ++s) u[r][s] = a[(i + r) * stride + i + s];
    // From pivot to pivot there is only a division to wait for; the roots come after, all at once.
    T pivots[R], reciprocal[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      pivots[r] = u[r][r];
      if (!(pivots[r] > 0)) return static_cast<T>(__builtin_inf());
      const T inverted = T(1) / pivots[r];
      const T ratio = before[r] * inverted;
      worst = ratio <= worst ? worst : ratio;  // a NaN stays
      for (int q = r + 1; q < R; ++q) {
        const T factor = u[r][q] * inverted;
        for (int s = q; s < R; ++s) u[q][s] -= factor * u[r][s];
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      reciprocal[r] = inverse[i + r] = T(1) / square_root(pivots[r]);
      for (int s = r; s < R; ++s) u[r][s] *= reciprocal[r];
    }
    // The rest of the panel, a vector of columns at a time.
    for (std::int64_t j = i / W * W; j < size; j += W) {
      Vector<T> row[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) row[r] = load(a + (i + r) * stride + j);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        row[r] *= broadcast(reciprocal[r]);
#pragma GCC unroll 8
        for (int q = r + 1; q < R; ++q) row[q] -= broadcast(u[r][q]) * row[r];
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) store(a + (i + r) * stride + j, row[r]);
    }
  }
  return worst;
}

// Solves U'U x = b + U' noise. `x` holds b at entry; it and `scratch` have `stride` elements, zero
// padded. With standard normal noise x is a draw from N((U'U)^-1 b, (U'U)^-1); null is none.
template <class T>
void solve_factored(const T* u, std::int64_t stride, std::int64_t size, const T* inverse, T* x,
                    T* scratch, const double* noise = nullptr) {
  constexpr int R = tile_rows, W = width<T>;
  for (std::int64_t i = 0; i < size; i += R) {  // U' y = b
    T y[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      T value = x[i + r];
      for (int q = 0; q < r; ++q) value -= y[q] * u[(i + q) * stride + i + r];
      y[r] = value * inverse[i + r];
    }
    for (std::int64_t j = i / W * W; j < size; j += W) {
      Vector<T> rest = load(x + j);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) rest -= broadcast(y[r]) * load(u + (i + r) * stride + j);
      store(x + j, rest);
    }
    for (int r = 0; r < R; ++r) scratch[i + r] = noise ? y[r] + static_cast<T>(noise[i + r]) : y[r];
  }
  // U x = y. What is not solved yet counts as zero, so a vector that straddles the corner is fine.
  for (std::int64_t j = 0; j < stride; j += W) store(x + j, Vector<T>{});
  for (std::int64_t i = size - R; i >= 0; i -= R) {
    Vector<T> part[R] = {};
    for (std::int64_t j = i / W * W; j < size; j += W) {
      const Vector<T> known = load(x + j);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) part[r] += known * load(u + (i + r) * stride + j);
    }
#pragma GCC unroll 8
    for (int r = R - 1; r >= 0; --r) {
      T value = scratch[i + r] - sum<T>(part[r]);
      for (int q = r + 1; q < R; ++q) value -= u[(i + r) * stride + i + q] * x[i + q];
      x[i + r] = value * inverse[i + r];
    }
  }
}

}  // namespace lmf::LMF_ISA

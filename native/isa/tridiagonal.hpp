// Inner loops of the reduction to tridiagonal form. What each does stands in
// native/eigen_kernels.hpp; only native/isa/eigen.cpp includes this.
#pragma once

#include "eigen_kernels.hpp"
#include "isa/simd.hpp"
#include "isa/transpose.hpp"

namespace lmf::LMF_ISA {
namespace {

using Index = std::int64_t;
using Doubles = Vector<double>;
constexpr int W = width<double>;
constexpr int block = eigen_block;

double dot(const double* x, const double* y, Index from, Index to) {
  Doubles sums[2] = {};
  Index i = from;
  for (; i + 2 * W <= to; i += 2 * W) {
    sums[0] += load(x + i) * load(y + i);
    sums[1] += load(x + i + W) * load(y + i + W);
  }
  for (; i < to; i += W) sums[0] += load(x + i) * load(y + i);
  return sum<double>(sums[0] + sums[1]);
}

// The lanes of sums[0] become the sums over the lanes of sums[0], sums[1], ... sums[W-1].
template <int Half = W / 2>
LMF_INLINE Doubles fold(Doubles* sums) {
#pragma GCC unroll 8
  for (int k = 0; k < Half; ++k) {
    exchange<double, Half>(sums[k], sums[k + Half], std::make_index_sequence<W>{});
    sums[k] += sums[k + Half];
  }
  if constexpr (Half > 1) return fold<Half / 2>(sums);
  return sums[0];
}

double reflector(double* x, Index first, Index to, double* image) {
  const Index from = first / block * block;
  const double head = x[first];
  x[first] = 0;
  const double rest = dot(x, x, from, to);
  *image = head;
  double tau = 0, scale = 0;
  if (rest > 1e-290) {  // below, x is zero for a matrix whose elements reach up to 1
    const double length = __builtin_sqrt(head * head + rest);
    *image = head > 0 ? -length : length;
    tau = (*image - head) / *image;
    scale = 1 / (head - *image);
  }
  const Doubles factor = broadcast(scale);
  for (Index i = from; i < to; i += W) store(x + i, load(x + i) * factor);
  x[first] = 1;
  return tau;
}

// The part of y = A v that columns column..column+Columns contribute below the diagonal block:
// each element is used for its own place and for the one mirrored.
template <int Columns>
LMF_INLINE void symmetric_columns(const double* a, Index stride, const double* v, double* y,
                                  Index column, Index from, Index to) {
  Doubles mirrored[Columns] = {}, factor[Columns];
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) factor[c] = broadcast(v[column + c]);
  for (Index i = from; i < to; i += W) {
    const Doubles x = load(v + i);
    Doubles even = load(y + i), odd{};
#pragma GCC unroll 8
    for (int c = 0; c < Columns; c += 2) {
      const Doubles left = load(a + (column + c) * stride + i);
      const Doubles right = load(a + (column + c + 1) * stride + i);
      even += left * factor[c];
      odd += right * factor[c + 1];
      mirrored[c] += left * x;
      mirrored[c + 1] += right * x;
    }
    store(y + i, even + odd);
  }
#pragma GCC unroll 8
  for (int c = 0; c < Columns; c += W)
    store(y + column + c, load(y + column + c) + fold(mirrored + c));
}

void symmetric_product(const double* a, Index stride, const double* v, double* y, Index from,
                       Index to, Index part, Index parts) {
  constexpr int columns = W > 4 ? W : 4;
  for (Index i = from; i < to; i += W) store(y + i, Doubles{});
  for (Index column = from + part * block; column < to; column += parts * block) {
    for (int c = 0; c < block; c += columns)
      symmetric_columns<columns>(a, stride, v, y, column + c, column + block, to);
    for (int i = 0; i < block; i += W) {
      Doubles sums = load(y + column + i);
#pragma GCC unroll 8
      for (int c = 0; c < block; ++c)
        sums += load(a + (column + c) * stride + column + i) * broadcast(v[column + c]);
      store(y + column + i, sums);
    }
  }
}

void products(const double* m, Index stride, Index depth, const double* x, double* to_x, Index from,
              Index to) {
  constexpr int columns = W > 4 ? W : 4;
  for (Index k = 0; k < depth; k += columns) {
    Doubles sums[columns] = {};
    for (Index i = from; i < to; i += W) {
      const Doubles right = load(x + i);
#pragma GCC unroll 8
      for (int c = 0; c < columns; ++c) sums[c] += load(m + (k + c) * stride + i) * right;
    }
#pragma GCC unroll 8
    for (int c = 0; c < columns; c += W) store(to_x + k + c, fold(sums + c));
  }
}

template <int Vectors>
LMF_INLINE void subtract_rows(double* y, const double* v, const double* w, Index stride,
                              const double* a, const double* b, Index depth) {
  Doubles sums[Vectors] = {}, more[Vectors] = {};
  for (Index k = 0; k < depth; ++k) {
    const Doubles left = broadcast(a[k]), right = broadcast(b[k]);
#pragma GCC unroll 8
    for (int r = 0; r < Vectors; ++r) {
      sums[r] += load(v + k * stride + r * W) * left;
      more[r] += load(w + k * stride + r * W) * right;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Vectors; ++r)
    store(y + r * W, load(y + r * W) - (sums[r] + more[r]));
}

void subtract(double* y, const double* v, const double* w, Index stride, const double* a,
              const double* b, Index depth, Index from, Index to) {
  Index i = from;
  for (; i + 4 * W <= to; i += 4 * W)
    subtract_rows<4>(y + i, v + i, w + i, stride, a, b, depth);
  for (; i < to; i += W) subtract_rows<1>(y + i, v + i, w + i, stride, a, b, depth);
}

void add_parts(double* w, const double* parts, Index stride, Index n, Index from, Index to) {
  for (Index i = from; i < to; i += W) {
    Doubles total = load(w + i);
    for (Index part = 0; part < n; ++part) total += load(parts + part * stride + i);
    store(w + i, total);
  }
}

void complete(double* w, const double* v, double tau, Index from, Index to) {
  const Doubles scale = broadcast(tau);
  const Doubles along = broadcast(tau * tau / 2 * dot(w, v, from, to));
  for (Index i = from; i < to; i += W)
    store(w + i, load(w + i) * scale - load(v + i) * along);
}

// Rows of the tile are vectors v + i, w + i; its columns are broadcast from rows at v + j, w + j.
template <int Vectors>
LMF_INLINE void rank_tile(double* a, const double* v_rows, const double* w_rows,
                          const double* v_columns, const double* w_columns, Index stride,
                          Index depth) {
  Doubles sums[tile_rows][Vectors] = {};
  for (Index k = 0; k < depth; ++k) {
    const auto add = [&](const double* rows, const double* columns) __attribute__((always_inline)) {
      Doubles left[Vectors];
#pragma GCC unroll 8
      for (int r = 0; r < Vectors; ++r) left[r] = load(rows + k * stride + r * W);
#pragma GCC unroll 8
      for (int c = 0; c < tile_rows; ++c) {
        const Doubles right = broadcast(columns[k * stride + c]);
#pragma GCC unroll 8
        for (int r = 0; r < Vectors; ++r) sums[c][r] += left[r] * right;
      }
    };
    add(v_rows, w_columns);
    add(w_rows, v_columns);
  }
#pragma GCC unroll 8
  for (int c = 0; c < tile_rows; ++c)
#pragma GCC unroll 8
    for (int r = 0; r < Vectors; ++r) {
      double* at = a + c * stride + r * W;
      store(at, load(at) - sums[c][r]);
    }
}

void rank_update(double* a, const double* v, const double* w, Index stride, Index depth,
                 Index column, Index to) {
  for (Index i = column; i < to; i += tile_vectors * W) {
    const Index vectors = (to - i) / W;
    for (Index j = column; j < column + block; j += tile_rows) {
      double* tile = a + j * stride + i;
      if (vectors >= tile_vectors)
        rank_tile<tile_vectors>(tile, v + i, w + i, v + j, w + j, stride, depth);
      else if (vectors == 2)
        rank_tile<2>(tile, v + i, w + i, v + j, w + j, stride, depth);
      else
        rank_tile<1>(tile, v + i, w + i, v + j, w + j, stride, depth);
    }
  }
}

}  // namespace
}  // namespace lmf::LMF_ISA

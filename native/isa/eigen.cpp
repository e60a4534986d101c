// Inner loops of the eigendecomposition. What each does stands in native/eigen_kernels.hpp.
#include "eigen_kernels.hpp"

#include "isa/simd.hpp"
#include "isa/tridiagonal.hpp"

namespace lmf::LMF_ISA {
extern const EigenKernels eigen_kernels;

namespace {

constexpr int wave = eigen_wave;

// Registers: a wave of rotations keeps wave * slab_vectors vectors, and a step in flight or two.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int slab_vectors = 4;
#else
constexpr int slab_vectors = 2;
#endif
constexpr int slab = slab_vectors * W;

// ---- the tridiagonal problem --------------------------------------------------------------------

// The classical sweep (Bowdler, Martin, Reinsch and Wilkinson, 1968) with its recurrence multiplied
// out, so that from one rotation to the next there are one division and two products to wait for;
// the square root and all else run beside them. Every rotation has cos(t) >= 0, so that tan(t/2)
// is at most 1.
void sweep(double* diagonal, double* off_diagonal, Index step, Index n, double shift,
           double* rotations) {
  double below = diagonal[0];      // the diagonal element of the row before, as it stands
  double corner = below - shift;   // what the rotation shall absorb ...
  double bulge = off_diagonal[0];  // ... and what it shall bring to zero
  double bulge2 = bulge * bulge;
  double coupling = bulge;         // of the row and the one before, as it stands
  for (Index i = 0;; rotations += 2 * wave) {
    const double corner2 = corner * corner, square = corner2 + bulge2;
    if (!(square > 1e-280)) {  // nothing to absorb: the matrix falls apart here
      if (i > 0) off_diagonal[-step] = 0;
      diagonal[0] = below;
      off_diagonal[0] = coupling;
      return;
    }
    const double inverse = 1 / square;
    const double length = __builtin_copysign(__builtin_sqrt(square), corner);
    const double unit = length * inverse;
    rotations[0] = bulge / (corner + length);
    rotations[1] = bulge * unit;
    const double product = corner * bulge, difference = diagonal[step] - below;
    const double moved = (difference * bulge2 + 2 * product * coupling) * inverse;
    const double absorbed = (difference * product + coupling * (corner2 - bulge2)) * inverse;
    if (i > 0) off_diagonal[-step] = length;
    diagonal[0] = below + moved;
    below = diagonal[step] - moved;
    diagonal += step;
    if (++i == n) {
      diagonal[0] = below;
      off_diagonal[0] = absorbed;
      return;
    }
    off_diagonal += step;
    const double next = off_diagonal[0], reach = bulge * next;
    bulge = reach * unit;
    bulge2 = reach * reach * inverse;  // not the square of the line above, which comes later
    coupling = corner * next * unit;
    corner = absorbed;
  }
}

// ---- eigenvectors -------------------------------------------------------------------------------

LMF_INLINE void load_row(Doubles* to, const double* row) {
#pragma GCC unroll 8
  for (int r = 0; r < slab_vectors; ++r) to[r] = load(row + r * W);
}
LMF_INLINE void store_row(double* row, const Doubles* from) {
#pragma GCC unroll 8
  for (int r = 0; r < slab_vectors; ++r) store(row + r * W, from[r]);
}
template <int Rows>
LMF_INLINE void load_tile(Doubles (&to)[Rows][slab_vectors], const double* rows) {
#pragma GCC unroll 8
  for (int k = 0; k < Rows; ++k) load_row(to[k], rows + k * slab);
}
template <int Rows>
LMF_INLINE void store_tile(double* rows, const Doubles (&from)[Rows][slab_vectors]) {
#pragma GCC unroll 8
  for (int k = 0; k < Rows; ++k) store_row(rows + k * slab, from[k]);
}

void reflect(double* rows, const double* v, Index stride, const double* gram, Index gram_stride,
             const double* tau, Index depth, Index from, Index to) {
  constexpr int columns = 4;
  constexpr Index rows_at_once = 64;  // stay in the first-level cache while all of V passes
  alignas(64) double image[64 * slab] = {};  // slab V, then slab V (triangular factor)
  for (Index begin = from; begin < to; begin += rows_at_once) {
    const Index end = begin + rows_at_once < to ? begin + rows_at_once : to;
    for (Index k = 0; k < depth; k += columns) {
      Doubles sums[columns][slab_vectors];
      load_tile(sums, image + k * slab);
      for (Index i = begin; i < end; ++i) {
        Doubles left[slab_vectors];
        load_row(left, rows + i * slab);
#pragma GCC unroll 8
        for (int c = 0; c < columns; ++c) {
          const Doubles right = broadcast(v[(k + c) * stride + i]);
#pragma GCC unroll 8
          for (int r = 0; r < slab_vectors; ++r) sums[c][r] += left[r] * right;
        }
      }
      store_tile(image + k * slab, sums);
    }
  }
  // (slab H_0...H_k-1) v_k = slab v_k - sum_j image_j (v_j . v_k)
  for (Index k = 0; k < depth; ++k) {
    Doubles total[slab_vectors];
    load_row(total, image + k * slab);
    for (Index j = 0; j < k; ++j) {
      const Doubles factor = broadcast(gram[k * gram_stride + j]);
#pragma GCC unroll 8
      for (int r = 0; r < slab_vectors; ++r) total[r] -= load(image + j * slab + r * W) * factor;
    }
    const Doubles scale = broadcast(tau[k]);
#pragma GCC unroll 8
    for (int r = 0; r < slab_vectors; ++r) total[r] *= scale;
    store_row(image + k * slab, total);
  }
  for (Index i = from; i < to; i += columns) {
    Doubles sums[columns][slab_vectors];
    load_tile(sums, rows + i * slab);
    for (Index k = 0; k < depth; ++k) {
      Doubles left[slab_vectors];
      load_row(left, image + k * slab);
#pragma GCC unroll 8
      for (int c = 0; c < columns; ++c) {
        const Doubles right = broadcast(v[k * stride + i + c]);
#pragma GCC unroll 8
        for (int r = 0; r < slab_vectors; ++r) sums[c][r] -= left[r] * right;
      }
    }
    store_tile(rows + i * slab, sums);
  }
}

// A rotation of rows x and y as three shears: x -= t y, y += s x, x -= t y with t = tan(angle/2).
LMF_INLINE void shear(Doubles* x, Doubles* y, const double* rotation) {
  const Doubles t = broadcast(rotation[0]), s = broadcast(rotation[1]);
#pragma GCC unroll 8
  for (int r = 0; r < slab_vectors; ++r) {
    const Doubles half = x[r] - t * y[r];
    const Doubles low = y[r] + s * half;
    y[r] = half - t * low;  // the upper row stays for the next step of this sweep
    x[r] = low;             // the lower row goes on to the next sweep
  }
}

// Rows live in registers while `wave` sweeps pass over them; each step takes one row in and lets
// one go. Two steps are interleaved, because the rotations of one wait for each other.
void rotate(double* row_0, Index stride, const double* rotations, Index top, Index steps) {
  Doubles held[wave][slab_vectors];
  double* row = row_0 + top * stride;
#pragma GCC unroll 8
  for (int k = 0; k < wave; ++k) load_row(held[k], row + (k + 1) * stride);
  Index step = 0;
  for (; step + 2 <= steps; step += 2, row -= 2 * stride, rotations += 4 * wave) {
    Doubles lead[slab_vectors], follow[slab_vectors];
    load_row(lead, row);
    load_row(follow, row - stride);
    shear(lead, held[0], rotations);
#pragma GCC unroll 8
    for (int k = 1; k < wave; ++k) {
      shear(lead, held[k], rotations + 2 * k);
      shear(follow, held[k - 1], rotations + 2 * (wave + k - 1));
    }
    shear(follow, held[wave - 1], rotations + 2 * (2 * wave - 1));
    store_row(row + wave * stride, lead);
    store_row(row + (wave - 1) * stride, follow);
  }
  if (step < steps) {
    Doubles lead[slab_vectors];
    load_row(lead, row);
#pragma GCC unroll 8
    for (int k = 0; k < wave; ++k) shear(lead, held[k], rotations + 2 * k);
    store_row(row + wave * stride, lead);
    row -= stride;
  }
#pragma GCC unroll 8
  for (int k = 0; k < wave; ++k) store_row(row + (k + 1) * stride, held[k]);
}

}  // namespace

const EigenKernels eigen_kernels = {slab,      reflector, symmetric_product, products, subtract,
                                    add_parts, complete,  rank_update,       sweep,    reflect,
                                    rotate};

}  // namespace lmf::LMF_ISA

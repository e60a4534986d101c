// The inner loops of the eigendecomposition, one build per instruction set (native/isa/eigen.cpp).
//
// A symmetric matrix lies by columns, `stride` apart and 64-byte aligned, padded with zeros to a
// multiple of eigen_block. Its lower triangle counts, but the blocks on the diagonal are kept
// whole, so that no loop has to stop inside a block. Ranges [from, to) are multiples of
// eigen_block; entries of a range that lie before the column at hand are scratch.
#pragma once

#include <cstdint>

namespace lmf {

inline constexpr int eigen_block = 8;  // a multiple of the vector width of every instruction set
inline constexpr int eigen_wave = 4;   // sweeps of rotations that are applied in one pass

struct EigenKernels {
  int slab;  // components of the eigenvectors that one pass of rotations works on

  // ---- A = Q T Q': reduction to tridiagonal form --------------------------------------------

  // The Householder reflector I - tau v v' that maps x[first..to) onto its first axis. x becomes
  // v, with v[first] = 1; `image` is what x[first] becomes. Returns tau. What stands before
  // x[first] in its block must be 0.
  double (*reflector)(double* x, std::int64_t first, std::int64_t to, double* image);

  // y = A v over column blocks from + part*eigen_block, and every parts-th block after it.
  void (*symmetric_product)(const double* a, std::int64_t stride, const double* v, double* y,
                            std::int64_t from, std::int64_t to, std::int64_t part,
                            std::int64_t parts);

  // to_x[k] = (column k of M) . x for k < depth rounded up to eigen_block.
  void (*products)(const double* m, std::int64_t stride, std::int64_t depth, const double* x,
                   double* to_x, std::int64_t from, std::int64_t to);

  // y -= V a + W b.
  void (*subtract)(double* y, const double* v, const double* w, std::int64_t stride,
                   const double* a, const double* b, std::int64_t depth, std::int64_t from,
                   std::int64_t to);

  // w += the sum of n parts, `stride` apart.
  void (*add_parts)(double* w, const double* parts, std::int64_t stride, std::int64_t n,
                    std::int64_t from, std::int64_t to);

  // w = tau w - (tau^2/2 w.v) v, so that (I - tau v v') A (I - tau v v') = A - v w' - w v'.
  void (*complete)(double* w, const double* v, double tau, std::int64_t from, std::int64_t to);

  // A -= V W' + W V', in the column block at `column`.
  void (*rank_update)(double* a, const double* v, const double* w, std::int64_t stride,
                      std::int64_t depth, std::int64_t column, std::int64_t to);

  // ---- T = S diag(values) S': the tridiagonal problem ---------------------------------------

  // One implicit QL sweep of n rotations over n+1 rows. diagonal[0] is the row where it starts, the
  // next stands `step` (1 or -1) further on; off_diagonal[0] couples these two, and so on. The
  // coupling at the far end becomes small if `shift` is near an eigenvalue. The first rotation, by
  // the angle t, goes to rotations[0..1] = tan(t/2), sin(t), the next 2*eigen_wave further on.
  void (*sweep)(double* diagonal, double* off_diagonal, std::int64_t step, std::int64_t n,
                double shift, double* rotations);

  // ---- vectors = Q S, kept by slabs: row k of a slab holds `slab` components of vector k -----

  // slab = slab (I - tau_0 v_0 v_0')...(I - tau_n v_n v_n'); gram[k*gram_stride + j] = v_j . v_k.
  void (*reflect)(double* slab, const double* v, std::int64_t stride, const double* gram,
                  std::int64_t gram_stride, const double* tau, std::int64_t depth,
                  std::int64_t from, std::int64_t to);

  // One wave: in step s = 0, 1, ... sweep k rotates rows top-s+k and top-s+k+1 of the slab.
  // Row i lies at row_0 + i*stride; stride is `slab` or -slab.
  void (*rotate)(double* row_0, std::int64_t stride, const double* rotations, std::int64_t top,
                 std::int64_t steps);
};

const EigenKernels& eigen_kernels();

}  // namespace lmf

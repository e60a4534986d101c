// Products of a tall factor matrix: its Gram matrix V'V and its rotation V Q.
#pragma once

#include <cstddef>
#include <cstdint>

#include "parallel.hpp"

namespace lmf {

// out = V'V in float64, d x d, both triangles. V is n x d. Rows are summed in fixed groups joined
// in order, so the bits do not depend on the threads.
bool gram(const float* factors, std::int64_t n, int d, double* out, int n_threads,
          const Interrupt& interrupt);

// Each row v of the n x d matrix becomes (basis v): basis is d x d, one new axis a row.
// In place; rows for which skip[row] is not 0 keep their coordinates (skip may be null).
bool rotate(float* factors, std::int64_t n, int d, const double* basis, const std::uint8_t* skip,
            int n_threads, const Interrupt& interrupt);

// A tall matrix Q of q columns that grows: blocks of n x width, a multiple of 16, one after the other.
struct Blocks {
  const float* data = nullptr;
  int count = 0, width = 0;
  std::int64_t n = 0;

  int q() const { return count * width; }
  const float* row(int block, std::int64_t at) const { return data + (block * n + at) * width; }
};

// out = Q'W in float64, q x w, for W n x w, w a multiple of 16. Summed in fixed groups joined in order.
bool cross(const Blocks& left, const float* right, int w, double* out, int n_threads,
           const Interrupt& interrupt);

// W -= Q C in place, C q x w; widths as for cross.
bool subtract_product(float* from, int w, const Blocks& left, const double* coefficients, int n_threads,
                      const Interrupt& interrupt);

// out[k] = sum over rows of weight * factor_k^2, d elements. Summed in fixed groups joined in order.
void column_energies(const float* factors, const double* weights, std::int64_t n, int d, double* out,
                     int n_threads);

// Scales column k of U by t_k and of V by 1/t_k, which changes no product u.v, so that
// sum_u weight_u u_k^2 = sum_i weight_i v_k^2: of all such scalings the one with the least sum of both.
void balance(float* users, const double* user_weights, std::int64_t n_users, float* items,
             const double* item_weights, std::int64_t n_items, int d, int n_threads);

// One build (native/isa/dense.cpp).
struct DenseKernels {
  int strip;  // columns of the basis that lie together
  std::size_t (*workspace_bytes)(int d);
  // sum += V'V, upper triangle, d x d.
  void (*gram)(const float* factors, std::int64_t n, int d, double* sum, void* workspace);
  // columns of `basis` are the new axes. It lies by strips of columns, each d x strip, one old axis
  // a row, the last one padded with zeros.
  void (*rotate)(float* factors, std::int64_t n, int d, const float* basis, void* workspace);
  // sum += Q'W, q x w.
  void (*cross)(const float* left, int q, const float* right, int w, std::int64_t n, float* sum);
  // W -= Q C, with a panel of q x 8 floats for Q's transpose.
  void (*subtract_product)(float* from, int w, const float* left, int q, const float* coefficients,
                           std::int64_t n, float* panel);
};

}  // namespace lmf

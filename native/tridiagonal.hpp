// Reduction of a symmetric matrix to tridiagonal form by Householder reflectors: A = Q T Q',
// Q = H_0 H_1 ..., H_j = I - tau_j v_j v_j'. Blocked (Dongarra, Sorensen and Hammarling, 1989):
// the reflectors of a panel are applied to the columns after it in one go.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "parallel.hpp"
#include "team.hpp"

namespace lmf {

struct FreeMemory {
  void operator()(double* memory) const { std::free(memory); }
};
using AlignedDoubles = std::unique_ptr<double[], FreeMemory>;

// 64-byte aligned, not initialized.
inline AlignedDoubles aligned_doubles(std::size_t size) {
  AlignedDoubles memory(
      static_cast<double*>(std::aligned_alloc(64, (size * sizeof(double) + 63) / 64 * 64)));
  if (!memory) throw std::bad_alloc();
  return memory;
}

struct Tridiagonal {
  std::int64_t d = 0;
  std::int64_t padded = 0;            // d rounded up to eigen_block
  std::int64_t stride = 0;            // of the columns
  std::int64_t panel = 0;             // reflectors that are applied together
  AlignedDoubles columns;             // in: the matrix (see eigen_kernels.hpp). out: v_0, v_1, ...
  std::vector<double> diagonal;       // of T, d
  std::vector<double> off_diagonal;   // of T, d; the last is 0
  std::vector<double> tau;            // d
  std::vector<double> gram;           // d x panel: row j holds v_k . v_j for k < j of the panel

  explicit Tridiagonal(std::int64_t size);
  std::int64_t reflectors() const { return d > 2 ? d - 2 : 0; }
};

// `t.columns` holds the matrix, of elements up to about 1; the rest of `t` is filled in.
// Returns false if interrupted.
bool reduce(Tridiagonal& t, Team& team, Polled& interrupted);

}  // namespace lmf

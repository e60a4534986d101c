// The row problem of native/rows.hpp with x >= 0, by coordinate descent (HALS):
//
//   H = w0 G + sum_j (c_j - w0) v_j v_j' + lambda I,  b = sum_j c_j y_j v_j
//   x_k <- max(0, x_k - (H x - b)_k / H_kk),  k = 1..d, again and again
//
// No step raises the objective x'Hx - 2 b'x + sum c y^2, whatever x it starts from: each coordinate
// goes to its minimum. G = V'V is a full matrix here: its eigenbasis would lose the signs.
#pragma once

#include "rows.hpp"

namespace lmf {

struct NonnegativeProblem {
  RowProblem rows;               // fixed, out, ... ; `gram`, `prior` and `form` are not used
  const double* gram = nullptr;  // G: d x d; may be null where unobserved_weight is 0
  int passes = 1;                // over the coordinates, at most
  double tolerance = 0;          // stop when a pass moves x by less, relative to its length
};

// A coordinate with less of H_kk stays where it is: its minimum would be no number.
inline constexpr double smallest_curvature = 1e-290;

// Improves every row of rows.out in place. Returns false if interrupted.
bool nonnegative_rows(const NonnegativeProblem& problem, int n_threads, const Interrupt& interrupt);

// One build (native/isa/nonnegative.cpp).
struct NonnegativeKernels {
  int block_rows;  // so many neighbouring rows with the same H are solved at a time
  std::size_t (*workspace_bytes)(int d);
  void (*solve)(const NonnegativeProblem& problem, std::int64_t begin, std::int64_t end,
                void* workspace);
};

}  // namespace lmf

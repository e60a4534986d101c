// Sparse times dense: Y = A X, A an m x n matrix in CSR, X n x b.
#pragma once

#include <cstdint>

#include "parallel.hpp"

namespace lmf {

struct SparseProduct {
  std::int64_t n_rows = 0;
  const std::int64_t* indptr = nullptr;
  const std::int32_t* indices = nullptr;
  const float* values = nullptr;  // null: all 1
  const float* dense = nullptr;   // X: n x width
  int width = 0;
  float* out = nullptr;           // Y: n_rows x width
};

// One thread sums a row of Y, in an order that its entries alone decide. Returns false if interrupted.
bool multiply(const SparseProduct& product, int n_threads, const Interrupt& interrupt);

// One build (native/isa/sparse.cpp).
struct SparseKernels {
  void (*multiply)(const SparseProduct& product, std::int64_t begin, std::int64_t end);
};

}  // namespace lmf

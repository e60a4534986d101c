// Eigenvalues of a symmetric tridiagonal matrix by implicit QL sweeps with Wilkinson's shift, and
// the rotations that turn eigenvectors along with them.
//
// Rotations are not applied where they are found. They are handed out in batches, and `eigen_wave`
// sweeps together form a wave (Van Zee, van de Geijn and Quintana-Orti, 2014): sweep k+1 follows
// one row behind sweep k, so that a row is loaded once for all of them.
#pragma once

#include <cstdint>
#include <vector>

#include "tridiagonal.hpp"

namespace lmf {

struct Wave {
  std::int64_t offset;  // in the batch, of steps x eigen_wave pairs (tan(t/2), sin(t))
  std::int64_t top;     // row of the first rotation of the first sweep
  std::int64_t steps;   // see EigenKernels::rotate
  bool reversed;        // rows are counted from the last one
};

struct RotationBatch {
  explicit RotationBatch(std::int64_t d);
  std::int64_t capacity;  // doubles
  AlignedDoubles rotations;
  std::vector<Wave> waves;
};

class QlIteration {
 public:
  // d elements each; off_diagonal[i] couples i and i+1, the last is ignored.
  QlIteration(std::vector<double> diagonal, std::vector<double> off_diagonal);

  // Replaces what the batch holds by the next rotations; none are left when it stays empty.
  void next(RotationBatch& batch);
  bool converged() const { return found_ >= d_; }
  const std::vector<double>& values() const { return diagonal_; }  // not sorted

 private:
  // Rows first..last that hang together, and from which end the sweeps go (see ql.cpp).
  struct Block {
    std::int64_t first = 0, last = -1;
    bool reversed = false;
    bool holds(const Block& other) const { return first <= other.first && other.last <= last; }
  };
  bool find_block();
  bool negligible(std::int64_t row) const;
  bool heavy_above(const Block& block) const;
  double shift(std::int64_t row, std::int64_t inner, double coupling) const;
  void sweep(double* rotations);

  std::int64_t d_;
  std::vector<double> diagonal_, off_diagonal_;
  std::int64_t found_ = 0;   // values of the rows before are found
  Block block_, whole_;      // what is swept, and the block that it is what is left of
  std::int64_t sweeps_ = 0;  // of this block, since it last became smaller
  double largest_ = 0;       // element
  double negligible_ = 0;    // coupling, wherever it stands
};

}  // namespace lmf

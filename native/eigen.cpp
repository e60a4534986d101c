#include "eigen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dispatch.hpp"
#include "eigen_kernels.hpp"
#include "parallel.hpp"
#include "ql.hpp"
#include "team.hpp"
#include "tridiagonal.hpp"

LMF_DISPATCH(EigenKernels, eigen_kernels)

namespace lmf {
namespace {

constexpr int alone_below = 128;  // starting a thread costs more than it saves

// The power of two that brings the largest element into [1/2, 1); false if some are not finite.
bool exponent_of(const double* matrix, std::int64_t elements, int* exponent) {
  double largest = 0, zero = 0;
  for (std::int64_t k = 0; k < elements; ++k) {
    largest = std::max(largest, std::abs(matrix[k]));
    zero += matrix[k] * 0;  // not a number if any element is not finite
  }
  *exponent = 0;
  if (largest > 0) std::frexp(largest, exponent);
  return zero == 0;
}

// The columns of the lower triangle, whole blocks on the diagonal, times 2^-exponent.
void fill(Tridiagonal& t, const double* matrix, int exponent) {
  // In two steps, since 2^-exponent itself may be out of range.
  const double once = std::ldexp(1.0, -(exponent / 2));
  const double twice = std::ldexp(1.0, -(exponent - exponent / 2));
  for (std::int64_t j = 0; j < t.padded; ++j) {
    double* column = t.columns.get() + j * t.stride;
    const std::int64_t from = j / eigen_block * eigen_block;
    std::fill(column + from, column + t.padded, 0.0);
    if (j >= t.d) continue;
    for (std::int64_t i = from; i < j; ++i) column[i] = matrix[i * t.d + j] * once * twice;
    for (std::int64_t i = j; i < t.d; ++i) column[i] = matrix[j * t.d + i] * once * twice;
  }
}

// Slabs of eigenvectors: row k of slab s holds components s*width .. (s+1)*width of vector k.
// Rows before the first and after the last take part in waves that reach beyond the ends.
class Slabs {
 public:
  explicit Slabs(const Tridiagonal& t)
      : t_(t),
        width_(eigen_kernels().slab),
        count_((t.d + width_ - 1) / width_),
        size_((t.padded + 2 * eigen_wave) * width_),
        memory_(aligned_doubles(count_ * size_)) {}

  std::uint32_t count() const { return static_cast<std::uint32_t>(count_); }
  double* rows(std::int64_t slab) { return memory_.get() + slab * size_ + eigen_wave * width_; }

  // Components of Q: the reflectors, applied from the right to rows of the identity.
  void form(std::int64_t slab) {
    std::fill_n(memory_.get() + slab * size_, size_, 0.0);
    for (std::int64_t k = 0; k < width_; ++k)
      if (slab * width_ + k < t_.d) rows(slab)[(slab * width_ + k) * width_ + k] = 1;
    for (std::int64_t j = 0; j < t_.reflectors(); j += t_.panel)
      eigen_kernels().reflect(rows(slab), t_.columns.get() + j * t_.stride, t_.stride,
                              t_.gram.data() + j * t_.panel, t_.panel, t_.tau.data() + j,
                              std::min(t_.panel, t_.reflectors() - j),
                              (j + 1) / eigen_block * eigen_block, t_.padded);
  }

  void rotate(std::int64_t slab, const RotationBatch& batch) {
    for (const Wave& wave : batch.waves)
      eigen_kernels().rotate(rows(slab) + (wave.reversed ? (t_.d - 1) * width_ : 0),
                             wave.reversed ? -width_ : width_,
                             batch.rotations.get() + wave.offset, wave.top, wave.steps);
  }

  void write(std::int64_t slab, const std::vector<int>& order, double* vectors) {
    const std::int64_t first = slab * width_, n = std::min<std::int64_t>(width_, t_.d - first);
    for (std::int64_t k = 0; k < t_.d; ++k)
      std::copy_n(rows(slab) + order[k] * width_, n, vectors + k * t_.d + first);
  }

 private:
  const Tridiagonal& t_;
  std::int64_t width_, count_, size_;
  AlignedDoubles memory_;
};

// Turns the slabs by all rotations of the iteration. While one batch is applied, the next is found.
bool iterate(QlIteration& ql, Slabs& slabs, std::int64_t d, Team& team, Polled& interrupted) {
  RotationBatch batches[2] = {RotationBatch(d), RotationBatch(d)};
  team.run(1 + slabs.count(), [&](std::uint32_t chunk) {
    if (chunk == 0) ql.next(batches[0]);
    else slabs.form(chunk - 1);
  });
  for (int turn = 0; !batches[turn].waves.empty(); turn = 1 - turn) {
    if (interrupted()) return false;
    team.run(1 + slabs.count(), [&](std::uint32_t chunk) {
      if (chunk == 0) ql.next(batches[1 - turn]);
      else slabs.rotate(chunk - 1, batches[turn]);
    });
  }
  return ql.converged();
}

}  // namespace

bool eigen_symmetric(const double* matrix, int d, double* values, double* vectors, int n_threads,
                     const Interrupt& interrupt) {
  int exponent;
  if (!exponent_of(matrix, static_cast<std::int64_t>(d) * d, &exponent)) return false;
  const int useful = d < alone_below ? 1 : 1 + d / eigen_kernels().slab;
  Team team(useful == 1 ? 1 : std::min(resolve_threads(n_threads), useful));
  Tridiagonal t(d);
  fill(t, matrix, exponent);
  Polled interrupted(interrupt);
  if (!reduce(t, team, interrupted)) return false;
  QlIteration ql(t.diagonal, t.off_diagonal);
  Slabs slabs(t);
  if (!iterate(ql, slabs, d, team, interrupted)) return false;
  std::vector<int> order(d);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return ql.values()[a] < ql.values()[b]; });
  for (int k = 0; k < d; ++k) values[k] = std::ldexp(ql.values()[order[k]], exponent);
  team.run(slabs.count(), [&](std::uint32_t slab) { slabs.write(slab, order, vectors); });
  return true;
}

}  // namespace lmf

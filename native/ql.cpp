#include "ql.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "eigen_kernels.hpp"

namespace lmf {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon() / 2;
constexpr std::int64_t most_sweeps = 60;  // for one value; two are usual
constexpr std::int64_t patience = 12;     // sweeps, then couplings of rounding size are dropped

// Doubles that a wave takes whose sweeps have so many rotations.
std::int64_t wave_size(std::int64_t rotations) {
  return (rotations + eigen_wave - 1) * eigen_wave * 2;
}

}  // namespace

// Two megabytes, or the whole of what a small matrix needs.
RotationBatch::RotationBatch(std::int64_t d)
    : capacity(std::max(wave_size(d), std::min<std::int64_t>(1 << 18, d * d * 4 + 8 * d))),
      rotations(aligned_doubles(capacity)) {
  waves.reserve(capacity / wave_size(1));  // next() must not throw in a thread of a team
}

QlIteration::QlIteration(std::vector<double> diagonal, std::vector<double> off_diagonal)
    : d_(static_cast<std::int64_t>(diagonal.size())),
      diagonal_(std::move(diagonal)),
      off_diagonal_(std::move(off_diagonal)) {
  for (const double x : diagonal_) largest_ = std::max(largest_, std::abs(x));
  for (const double x : off_diagonal_) largest_ = std::max(largest_, std::abs(x));
  negligible_ = largest_ * 0x1p-60;
}

bool QlIteration::negligible(std::int64_t row) const {
  return std::abs(off_diagonal_[row]) <=
         epsilon * (std::abs(diagonal_[row]) + std::abs(diagonal_[row + 1])) + negligible_;
}

// A sweep starts at one end of the block and makes the coupling at the other end small. It must
// start where the large elements are: what it carries would be lost among small ones first, such
// as a matrix of low rank leaves behind.
bool QlIteration::heavy_above(const Block& block) const {
  const auto weight = [&](std::int64_t from, std::int64_t to) {
    double sum = 0;
    for (std::int64_t i = from; i < to; ++i) sum += std::abs(diagonal_[i]);
    return sum;
  };
  const std::int64_t rows = block.last + 1 - block.first, half = rows / 2;
  return weight(block.first, block.first + half) > weight(block.last + 1 - half, block.last + 1);
}

// Finds the first block of two rows or more; false if there is none.
bool QlIteration::find_block() {
  for (; found_ < d_; ++found_) {
    Block block{found_, found_, false};
    while (block.last + 1 < d_ && !negligible(block.last)) ++block.last;
    if (block.last + 1 < d_) off_diagonal_[block.last] = 0;
    if (block.first == block.last) continue;
    if (block.first != block_.first || block.last != block_.last) sweeps_ = 0;
    if (!whole_.holds(block)) {
      whole_ = block;
      whole_.reversed = heavy_above(block);
    }
    block_ = {block.first, block.last, whole_.reversed};
    return true;
  }
  return false;
}

// Wilkinson's shift: of the two eigenvalues of rows `row` and `inner`, the one nearer to the
// diagonal element of `row`.
double QlIteration::shift(std::int64_t row, std::int64_t inner, double coupling) const {
  const double half = (diagonal_[inner] - diagonal_[row]) / 2;
  const double root = std::sqrt(half * half + coupling * coupling);
  return diagonal_[row] - coupling * (coupling / (half + std::copysign(root, half)));
}

void QlIteration::sweep(double* rotations) {
  const auto [first, last, reversed] = block_;
  double *x = diagonal_.data(), *e = off_diagonal_.data();
  if (reversed)
    eigen_kernels().sweep(x + first, e + first, 1, last - first,
                          shift(last, last - 1, e[last - 1]), rotations);
  else
    eigen_kernels().sweep(x + last, e + last - 1, -1, last - first,
                          shift(first, first + 1, e[first]), rotations);
}

void QlIteration::next(RotationBatch& batch) {
  batch.waves.clear();
  std::int64_t used = 0, filled = eigen_wave;  // doubles; sweeps in the last wave
  Block range;                                 // of the last wave
  while (sweeps_ <= most_sweeps && find_block()) {
    if (filled == eigen_wave || !range.holds(block_) || range.reversed != block_.reversed) {
      const std::int64_t rotations = block_.last - block_.first, size = wave_size(rotations);
      if (used + size > batch.capacity) return;
      range = block_;
      filled = 0;
      const std::int64_t start = block_.reversed ? d_ - 1 - block_.first : block_.last;
      batch.waves.push_back({used, start - 1, rotations + eigen_wave - 1, block_.reversed});
      std::fill_n(batch.rotations.get() + used, size, 0.0);  // no rotation
      used += size;
    }
    if (++sweeps_ > patience)
      negligible_ = std::max(negligible_, epsilon * largest_ * double(sweeps_ - patience));
    // Sweep k of a wave begins in step k, and later if its block is smaller than the wave's range.
    const std::int64_t late =
        block_.reversed ? block_.first - range.first : range.last - block_.last;
    sweep(batch.rotations.get() + batch.waves.back().offset +
          ((filled + late) * eigen_wave + filled) * 2);
    ++filled;
  }
}

}  // namespace lmf

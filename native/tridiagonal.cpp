#include "tridiagonal.hpp"

#include <algorithm>

#include "eigen_kernels.hpp"

namespace lmf {
namespace {

constexpr std::int64_t block_of(std::int64_t row) { return row / eigen_block * eigen_block; }

// In how many parts, each with a sum of its own, a product with n columns is cut: a function of n
// alone, few enough that joining the sums costs little.
std::int64_t parts_of(std::int64_t n) { return n < 192 ? 1 : std::min<std::int64_t>(n / 64, 16); }

class Reduction {
 public:
  Reduction(Tridiagonal& t, Team& team)
      : t_(t),
        team_(team),
        kernels_(eigen_kernels()),
        w_(aligned_doubles(t.panel * t.stride)),
        parts_(aligned_doubles((parts_of(t.padded) - 1) * t.stride + 1)),
        v_row_(t.panel + eigen_block),
        w_row_(t.panel + eigen_block) {
    std::fill_n(w_.get(), t.panel * t.stride, 0.0);
  }

  bool run(Polled& interrupted) {
    for (first_ = 0; first_ < t_.d; first_ += t_.panel) {
      if (interrupted()) return false;
      const std::int64_t last = std::min(first_ + t_.panel, t_.d);
      for (std::int64_t j = first_; j < last; ++j) column(j);
      if (last < t_.d) update_after(last);
    }
    return true;
  }

 private:
  double* v(std::int64_t j) { return t_.columns.get() + j * t_.stride; }
  double* w(std::int64_t j) { return w_.get() + (j - first_) * t_.stride; }
  // Reflectors of this panel that come before column j.
  std::int64_t depth(std::int64_t j) { return std::min(j, t_.reflectors()) - first_; }

  // Brings column j up to date, reduces it, and finds w_j.
  void column(std::int64_t j) {
    double* x = v(j);
    for (std::int64_t k = 0; k < depth(j); ++k) {
      v_row_[k] = v(first_ + k)[j];
      w_row_[k] = w(first_ + k)[j];
    }
    kernels_.subtract(x, v(first_), w(first_), t_.stride, w_row_.data(), v_row_.data(), depth(j),
                      block_of(j), t_.padded);
    t_.diagonal[j] = x[j];
    if (j >= t_.reflectors()) {
      if (j + 1 < t_.d) t_.off_diagonal[j] = x[j + 1];
      return;
    }
    std::fill(x + first_, x + j + 1, 0.0);
    t_.tau[j] = kernels_.reflector(x, j + 1, t_.padded, &t_.off_diagonal[j]);
    direction(j);
  }

  // w_j = tau A v - (tau^2/2 v.Av) v, where A is the matrix that the panel found, less V W' + W V'.
  void direction(std::int64_t j) {
    const std::int64_t from = block_of(j + 1), to = t_.padded, stride = t_.stride;
    multiply(v(j), w(j), from);
    double* with_v = t_.gram.data() + j * t_.panel;
    kernels_.products(v(first_), stride, depth(j), v(j), with_v, from, to);
    kernels_.products(w(first_), stride, depth(j), v(j), w_row_.data(), from, to);
    kernels_.subtract(w(j), v(first_), w(first_), stride, w_row_.data(), with_v, depth(j), from,
                      to);
    kernels_.complete(w(j), v(j), t_.tau[j], from, to);
  }

  void multiply(const double* x, double* y, std::int64_t from) {
    const std::int64_t to = t_.padded, stride = t_.stride, parts = parts_of(to - from);
    team_.run(static_cast<std::uint32_t>(parts), [&](std::uint32_t part) {
      double* sum = part == 0 ? y : parts_.get() + (part - 1) * stride;
      kernels_.symmetric_product(t_.columns.get(), stride, x, sum, from, to, part, parts);
    });
    if (parts > 1) kernels_.add_parts(y, parts_.get(), stride, parts - 1, from, to);
  }

  void update_after(std::int64_t last) {
    const std::int64_t blocks = (t_.padded - last) / eigen_block;
    const std::int64_t group = std::max<std::int64_t>(1, std::min<std::int64_t>(8, blocks / 16));
    team_.run(static_cast<std::uint32_t>((blocks + group - 1) / group), [&](std::uint32_t chunk) {
      const std::int64_t stop = std::min(blocks, (chunk + 1) * group);
      for (std::int64_t block = chunk * group; block < stop; ++block)
        kernels_.rank_update(t_.columns.get(), v(first_), w(first_), t_.stride, depth(last),
                             last + block * eigen_block, t_.padded);
    });
  }

  Tridiagonal& t_;
  Team& team_;
  const EigenKernels& kernels_;
  std::int64_t first_ = 0;  // column of the panel
  AlignedDoubles w_, parts_;
  std::vector<double> v_row_, w_row_;
};

}  // namespace

Tridiagonal::Tridiagonal(std::int64_t size)
    : d(size),
      padded((size + eigen_block - 1) / eigen_block * eigen_block),
      // An odd number of cache lines: columns do not compete for the same cache sets.
      stride(padded / eigen_block % 2 ? padded : padded + eigen_block),
      panel(size < 192 ? 16 : 32),
      columns(aligned_doubles((padded + eigen_block) * stride)),
      diagonal(size),
      off_diagonal(size),
      tau(size),
      gram(size * panel + eigen_block) {
  std::fill_n(columns.get() + padded * stride, eigen_block * stride, 0.0);
}

bool reduce(Tridiagonal& t, Team& team, Polled& interrupted) {
  return Reduction(t, team).run(interrupted);
}

}  // namespace lmf

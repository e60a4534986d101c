// A row problem (rows.hpp) made of bytes, and how far a row is from its solution.
#pragma once

#include <cstring>
#include <map>
#include <memory>

#include "rows.hpp"
#include "rows_of.hpp"

namespace lmf::fuzz {

struct Problem {
  std::int64_t d, n_fixed;
  Rows rows;
  bool wild, has_targets, has_weights;
  double unobserved_weight;
  std::vector<float> fixed, targets, weights;
  std::vector<float> row_share, fixed_share;  // none: all 1
  std::vector<double> regularization;

  // `wild`: factors, targets and weights may be any float; nothing but survival is promised then.
  Problem(Bytes& bytes, std::int64_t widest, bool may_be_wild)
      : d(bytes.in(1, bytes.rarely(16) ? widest : 18)),
        n_fixed(bytes.in(1, bytes.rarely(16) ? 100 : 16)),
        rows(bytes, bytes.in(0, bytes.rarely(32) ? 40 : 2), n_fixed, bytes.rarely(16) ? 2 * d : 12, true),
        wild(may_be_wild && bytes.in(0, 7) == 0),
        has_targets(bytes.coin()),
        has_weights(bytes.coin()),
        unobserved_weight(bytes.coin() ? 0 : static_cast<double>(bytes.in(1, 255)) / 255) {
    const auto number = [&] { return wild ? bytes.wild() : bytes.small(); };
    fixed = bytes.floats(n_fixed * d, number);
    if (has_targets) targets = bytes.floats(rows.nnz(), number);
    if (has_weights)
      weights = bytes.floats(rows.nnz(), [&] { return wild ? bytes.wild() : std::fabs(bytes.small()); });
    for (std::int64_t row = 0; row < rows.n_rows; ++row)
      regularization.push_back(static_cast<double>(bytes.in(1, 255)) / 64);
  }

  double share_of(std::int64_t j) const { return fixed_share.empty() ? 1 : fixed_share[j]; }

  RowProblem problem(float* out) const {
    RowProblem problem;
    problem.d = static_cast<int>(d);
    problem.fixed = fixed.data();
    problem.n_rows = rows.n_rows;
    problem.indptr = rows.indptr.data();
    problem.indices = rows.indices.data();
    problem.targets = has_targets ? targets.data() : nullptr;
    problem.weights = has_weights ? weights.data() : nullptr;
    problem.unobserved_weight = unobserved_weight;
    problem.row_share = row_share.empty() ? nullptr : row_share.data();
    problem.fixed_share = fixed_share.empty() ? nullptr : fixed_share.data();
    problem.regularization = regularization.data();
    problem.out = out;
    return problem;
  }

  // |H x - b| over |H| |x| + |b|, in the sum norm, H and b the normal equations of a row for
  // these fixed factors; `gram` is V'V with its shares, d x d, or null where w0 = 0. A right side
  // whose terms cancel counts as a ten-thousandth of them at least: the exact 0 has no digits.
  double backward_error(std::int64_t row, const float* x, const double* gram) const {
    const double unobserved = unobserved_weight * (row_share.empty() ? 1 : row_share[row]);
    double residual = 0, size = 0, whole = 0, terms = 0;
    std::vector<double> left(d), right(d), length(d);
    for (std::int64_t i = 0; i < d; ++i) {
      left[i] = regularization[row] * x[i];
      length[i] = std::fabs(left[i]);
      for (std::int64_t j = 0; gram && j < d; ++j) {
        const double part = unobserved * gram[i * d + j] * x[j];
        left[i] += part;
        length[i] += std::fabs(part);
      }
    }
    for (std::int64_t k = rows.indptr[row]; k < rows.indptr[row + 1]; ++k) {
      const float* v = &fixed[rows.indices[k] * d];
      const double weight = has_weights ? weights[k] : 1, target = has_targets ? targets[k] : 1;
      const double base = unobserved * share_of(rows.indices[k]);
      double product = 0, absolute = 0;
      for (std::int64_t j = 0; j < d; ++j) {
        product += static_cast<double>(v[j]) * x[j];
        absolute += std::fabs(static_cast<double>(v[j]) * x[j]);
      }
      for (std::int64_t i = 0; i < d; ++i) {
        left[i] += (weight - base) * product * v[i];
        length[i] += (weight + base) * absolute * std::fabs(v[i]);
        right[i] += weight * target * v[i];
        terms += std::fabs(weight * target * v[i]);
      }
    }
    for (std::int64_t i = 0; i < d; ++i) {
      residual += std::fabs(left[i] - right[i]);
      size += length[i];
      whole += std::fabs(right[i]);
    }
    size += std::max(whole, 1e-4 * terms);
    return size > 0 ? residual / size : residual;
  }

  std::vector<double> gram() const {
    std::vector<double> sum(d * d);
    for (std::int64_t row = 0; row < n_fixed; ++row)
      for (std::int64_t i = 0; i < d; ++i)
        for (std::int64_t j = 0; j < d; ++j)
          sum[i * d + j] += share_of(row) * fixed[row * d + i] * fixed[row * d + j];
    return sum;
  }
};

// A workspace of exactly so many bytes, full of NaN: what a kernel reads it must have written. It is
// kept, since ASan maps and unmaps one of that size for longer than most rows take.
inline void* poisoned(std::size_t bytes) {
  static std::map<std::size_t, std::unique_ptr<void, void (*)(void*)>> kept;
  const std::size_t whole = (bytes + 63) / 64 * 64;
  auto& memory = kept.try_emplace(whole, nullptr, std::free).first->second;
  if (!memory) memory.reset(std::aligned_alloc(64, whole));
  return std::memset(memory.get(), 0xff, whole);
}

}  // namespace lmf::fuzz

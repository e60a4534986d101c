// How well a row solves its equations, by norms: for rows whose parts differ much in size.
#pragma once

#include <cmath>
#include <vector>

#include "problem.hpp"

namespace lmf::fuzz {

inline double length(const double* x, std::int64_t d) {
  double total = 0;
  for (std::int64_t i = 0; i < d; ++i) total += x[i] * x[i];
  return std::sqrt(total);
}

// |H x - b| over |H| |x| and the lengths of b's terms, as tests/oracles.py has it: the axes of the
// factors differ in strength here by any factor, and a solution is as exact as its largest part.
inline double normwise_error(const Problem& given, std::int64_t row, const float* x,
                             const std::vector<double>& gram) {
  const std::int64_t d = given.d;
  const double unobserved =
      given.unobserved_weight * (given.row_share.empty() ? 1 : given.row_share[row]);
  std::vector<double> matrix(d * d), left(d), solution(x, x + d);
  double terms = 0, trace = 0;
  for (std::size_t k = 0; k < gram.size(); ++k) matrix[k] = unobserved * gram[k];
  for (std::int64_t i = 0; i < d; ++i) trace += matrix[i * d + i] += given.regularization[row];
  for (std::int64_t k = given.rows.indptr[row]; k < given.rows.indptr[row + 1]; ++k) {
    const std::vector<double> v(&given.fixed[given.rows.indices[k] * d],
                                &given.fixed[given.rows.indices[k] * d] + d);
    const double weight = given.has_weights ? given.weights[k] : 1;
    const double target = given.has_targets ? given.targets[k] : 1;
    const double excess = weight - unobserved * given.share_of(given.rows.indices[k]);
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < d; ++j) matrix[i * d + j] += excess * v[i] * v[j];
      left[i] -= weight * target * v[i];
    }
    terms += std::fabs(weight * target) * length(v.data(), d);
    trace += weight * length(v.data(), d) * length(v.data(), d);
  }
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = 0; j < d; ++j) left[i] += matrix[i * d + j] * solution[j];
  const double size = trace * length(solution.data(), d) + terms;
  return size > 0 ? length(left.data(), d) / size : length(left.data(), d);
}

}  // namespace lmf::fuzz

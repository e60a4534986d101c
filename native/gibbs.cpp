#include "gibbs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>

#include "dense.hpp"
#include "memory.hpp"

namespace lmf {
namespace {

using Matrix = std::vector<double>;  // d x d, row-major

constexpr std::int64_t entries_of_chunk = 32768;

// Calls body(chunk, begin, end) for chunks of n entries.
template <class Body>
void for_chunks(std::int64_t n, int n_threads, const Body& body) {
  parallel_for((n + entries_of_chunk - 1) / entries_of_chunk, n_threads, {}, [&](std::int64_t at, int) {
    body(at, at * entries_of_chunk, std::min(n, (at + 1) * entries_of_chunk));
  });
}

// A = C C' in place, C lower; what is above the diagonal becomes 0.
void cholesky(Matrix& a, int d) {
  for (int j = 0; j < d; ++j) {
    double* row_j = &a[static_cast<std::size_t>(j) * d];
    for (int i = j; i < d; ++i) {
      double* row_i = &a[static_cast<std::size_t>(i) * d];
      double rest = row_i[j];
      for (int k = 0; k < j; ++k) rest -= row_i[k] * row_j[k];
      if (i == j) {
        if (!(rest > 0)) throw std::domain_error("factors are not finite");
        row_j[j] = std::sqrt(rest);
      } else {
        row_i[j] = rest / row_j[j];
      }
    }
    std::fill(row_j + j + 1, row_j + d, 0.0);
  }
}

// The lower triangular matrix whose square B B' is W(I, degrees) (Bartlett 1933).
Matrix bartlett(int d, double degrees, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Matrix b(static_cast<std::size_t>(d) * d, 0.0);
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j < i; ++j) b[static_cast<std::size_t>(i) * d + j] = normal(random);
    b[static_cast<std::size_t>(i) * d + i] =
        std::sqrt(std::chi_squared_distribution<double>(degrees - i)(random));
  }
  return b;
}

// C B^-T for lower triangular C and B: row i of the result solves B t = c_i, forwards.
Matrix times_inverse_transpose(const Matrix& c, const Matrix& b, int d) {
  Matrix t(c.size());
  for (int i = 0; i < d; ++i) {
    const double* from = &c[static_cast<std::size_t>(i) * d];
    double* to = &t[static_cast<std::size_t>(i) * d];
    for (int j = 0; j < d; ++j) {
      const double* row = &b[static_cast<std::size_t>(j) * d];
      double rest = from[j];
      for (int k = 0; k < j; ++k) rest -= row[k] * to[k];
      to[j] = rest / row[j];
    }
  }
  return t;
}

std::vector<double> column_sums(const float* rows, std::int64_t n, int d) {
  std::vector<double> sums(d, 0.0);
  for (std::int64_t row = 0; row < n; ++row)
    for (int k = 0; k < d; ++k) sums[k] += rows[row * d + k];
  return sums;
}

}  // namespace

RowPrior draw_prior(std::int64_t n, int d, const double* sums, const double* gram,
                    std::uint64_t seed) {
  constexpr double beta0 = 1;
  const double beta = beta0 + static_cast<double>(n), degrees = d + static_cast<double>(n);
  std::vector<double> mean(d);  // of mu: (beta0 mu0 + n x) / beta, mu0 = 0
  for (int k = 0; k < d; ++k) mean[k] = sums[k] / beta;
  // W0^-1 + sum (x - mean)(x - mean)' + (beta0 n / beta) mean mean', in one: I + X'X - beta mean mean'
  Matrix scale(static_cast<std::size_t>(d) * d);
  for (int i = 0; i < d; ++i)
    for (int j = 0; j < d; ++j)
      scale[static_cast<std::size_t>(i) * d + j] =
          (i == j ? 1.0 : 0.0) + gram[static_cast<std::size_t>(i) * d + j] - beta * mean[i] * mean[j];
  cholesky(scale, d);  // C
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  std::mt19937_64 random(words);
  const Matrix b = bartlett(d, degrees, random);
  RowPrior prior{d, times_inverse_transpose(scale, b, d), std::vector<double>(d)};
  // mu = mean + T noise / sqrt(beta), so T^-1 mu = B' C^-1 mean + noise / sqrt(beta).
  std::vector<double> solved(d);
  for (int i = 0; i < d; ++i) {
    double rest = mean[i];
    for (int k = 0; k < i; ++k) rest -= scale[static_cast<std::size_t>(i) * d + k] * solved[k];
    solved[i] = rest / scale[static_cast<std::size_t>(i) * d + i];
  }
  std::normal_distribution<double> normal;
  for (int k = 0; k < d; ++k) {
    double total = normal(random) / std::sqrt(beta);
    for (int i = k; i < d; ++i) total += b[static_cast<std::size_t>(i) * d + k] * solved[i];
    prior.mean[k] = total;
  }
  return prior;
}

double squared_error(const float* targets, const float* scores, const float* bias,
                     const std::int32_t* row, std::int64_t n, int n_threads) {
  const std::int64_t groups = (n + entries_of_chunk - 1) / entries_of_chunk;
  std::vector<double> sums(groups, 0.0);
  for_chunks(n, n_threads, [&](std::int64_t group, std::int64_t begin, std::int64_t end) {
    double even = 0, odd = 0;  // two sums, so that one addition need not wait for the other
    for (std::int64_t k = begin; k < end; ++k) {
      const double error = targets[k] - scores[k] - bias[row[k]];
      (k % 2 ? odd : even) += error * error;
    }
    sums[group] = even + odd;
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

bool gibbs_sweep(RowProblem problem, const float* fixed, const float* bias, std::int64_t n_fixed,
                 double precision, std::uint64_t seed, int n_threads, const Interrupt& interrupt,
                 RowPrior& prior) {
  const int d = problem.d;
  const std::size_t square = static_cast<std::size_t>(d) * d;
  std::vector<double> squares(square);
  gram(problem.out, problem.n_rows, d, squares.data(), n_threads, {});
  const auto sums = column_sums(problem.out, problem.n_rows, d);
  prior = draw_prior(problem.n_rows, d, sums.data(), squares.data(), seed);

  // Features and targets times sqrt(alpha), so that every c is 1.
  const double root = std::sqrt(precision);
  std::vector<double> transposed(square);
  for (int i = 0; i < d; ++i)
    for (int j = 0; j < d; ++j)
      transposed[static_cast<std::size_t>(j) * d + i] = prior.map[static_cast<std::size_t>(i) * d + j] * root;
  std::vector<float> features(fixed, fixed + n_fixed * d);
  if (!rotate(features.data(), n_fixed, d, transposed.data(), nullptr, n_threads, interrupt))
    return false;
  const std::int64_t nnz = problem.indptr[problem.n_rows];
  Buffer<float> targets(nnz);
  const float scale = static_cast<float>(root);
  for_chunks(nnz, n_threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k)
      targets[k] = (problem.targets[k] - (bias ? bias[problem.indices[k]] : 0.0f)) * scale;
  });

  const std::vector<double> ones(problem.n_rows, 1.0);
  const std::vector<float> mean(prior.mean.begin(), prior.mean.end());
  std::vector<float> drawn(static_cast<std::size_t>(problem.n_rows) * d);
  problem.fixed = features.data();
  problem.targets = targets.data();
  problem.regularization = ones.data();
  problem.prior = mean.data();
  problem.shared_prior = true;
  problem.draw = true;
  problem.seed = seed;
  float* out = problem.out;
  problem.out = drawn.data();
  if (!solve_rows(problem, n_threads, interrupt)) return false;
  rotate(drawn.data(), problem.n_rows, d, prior.map.data(), nullptr, n_threads, {});
  std::copy(drawn.begin(), drawn.end(), out);
  return true;
}

}  // namespace lmf

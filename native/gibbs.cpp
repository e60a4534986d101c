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

// The upper triangular matrix whose square A A' is W(I, degrees): Bartlett's (1933), with the axes in
// the opposite order.
Matrix bartlett(int d, double degrees, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Matrix a(static_cast<std::size_t>(d) * d, 0.0);
  for (int i = d - 1; i >= 0; --i) {
    for (int j = d - 1; j > i; --j) a[static_cast<std::size_t>(i) * d + j] = normal(random);
    a[static_cast<std::size_t>(i) * d + i] =
        std::sqrt(std::chi_squared_distribution<double>(degrees - (d - 1 - i))(random));
  }
  return a;
}

// C A^-T for lower triangular C and upper triangular A, lower triangular: row i of the result solves
// A t = c_i, backwards, a column of A at a time.
Matrix times_inverse_transpose(Matrix c, const Matrix& a, int d) {
  Matrix transposed(a.size());
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j)
      transposed[static_cast<std::size_t>(j) * d + i] = a[static_cast<std::size_t>(i) * d + j];
  for (int i = 0; i < d; ++i) {
    double* t = &c[static_cast<std::size_t>(i) * d];
    for (int j = i; j >= 0; --j) {
      const double* column = &transposed[static_cast<std::size_t>(j) * d];
      t[j] /= column[j];
      for (int k = 0; k < j; ++k) t[k] -= t[j] * column[k];
    }
  }
  return c;
}

std::vector<double> column_sums(const float* rows, std::int64_t n, int d) {
  std::vector<double> sums(d, 0.0);
  for (std::int64_t row = 0; row < n; ++row)
    for (int k = 0; k < d; ++k) sums[k] += rows[row * d + k];
  return sums;
}

// Rows begin on a cache line.
std::int64_t line_multiple(int d) { return (d + 15) / 16 * 16; }

Buffer<float> on_lines(const std::vector<float>& rows, std::int64_t n, int d, int n_threads) {
  const std::int64_t stride = line_multiple(d);
  Buffer<float> out(n * stride);
  for_chunks(n * stride, n_threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = (begin + stride - 1) / stride; row * stride < end; ++row)
      std::copy_n(&rows[row * d], d, out.data() + row * stride);
  });
  return out;
}

// Whether all rows have the same last element.
bool ends_alike(const float* rows, std::int64_t n, int d) {
  for (std::int64_t row = 1; row < n; ++row)
    if (rows[row * d + d - 1] != rows[d - 1]) return false;
  return true;
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
  const Matrix a = bartlett(d, degrees, random);
  RowPrior prior{d, times_inverse_transpose(scale, a, d), std::vector<double>(d)};
  // mu = mean + T noise / sqrt(beta), so T^-1 mu = A' C^-1 mean + noise / sqrt(beta).
  std::vector<double> solved(d);
  for (int i = 0; i < d; ++i) {
    double rest = mean[i];
    for (int k = 0; k < i; ++k) rest -= scale[static_cast<std::size_t>(i) * d + k] * solved[k];
    solved[i] = rest / scale[static_cast<std::size_t>(i) * d + i];
  }
  std::normal_distribution<double> normal;
  for (int k = 0; k < d; ++k) {
    double total = normal(random) / std::sqrt(beta);
    for (int i = 0; i <= k; ++i) total += a[static_cast<std::size_t>(i) * d + k] * solved[i];
    prior.mean[k] = total;
  }
  return prior;
}

bool gibbs_sweep(RowProblem problem, const float* fixed, const float* bias, std::int64_t n_fixed,
                 double precision, std::uint64_t seed, int n_threads, const Interrupt& interrupt,
                 RowPrior& prior, double& squared_error) {
  const int d = problem.d;
  const std::int64_t nnz = problem.indptr[problem.n_rows];
  const Crew crew(static_cast<int>(std::min<std::int64_t>(resolve_threads(n_threads), 1 + nnz / 4096)));
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
  std::vector<float> turned(fixed, fixed + n_fixed * d);
  if (!rotate(turned.data(), n_fixed, d, transposed.data(), nullptr, n_threads, interrupt))
    return false;
  const Buffer<float> features = on_lines(turned, n_fixed, d, n_threads);
  Buffer<float> targets(nnz);
  const float scale = static_cast<float>(root);
  for_chunks(nnz, n_threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k)
      targets[k] = (problem.targets[k] - (bias ? bias[problem.indices[k]] : 0.0f)) * scale;
  });

  const std::vector<double> ones(problem.n_rows, 1.0);
  const std::vector<float> mean(prior.mean.begin(), prior.mean.end());
  std::vector<float> drawn(static_cast<std::size_t>(problem.n_rows) * d);
  std::vector<double> errors(problem.n_rows);
  problem.fixed = features.data();
  problem.fixed_stride = line_multiple(d);
  problem.constant = d > 1 && ends_alike(fixed, n_fixed, d);
  problem.targets = targets.data();
  problem.regularization = ones.data();
  problem.prior = mean.data();
  problem.shared_prior = true;
  problem.draw = true;
  problem.seed = seed;
  float* out = problem.out;
  problem.out = drawn.data();
  problem.objective = errors.data();
  if (!solve_rows(problem, n_threads, interrupt)) return false;
  rotate(drawn.data(), problem.n_rows, d, prior.map.data(), nullptr, n_threads, {});
  std::copy(drawn.begin(), drawn.end(), out);
  squared_error = std::accumulate(errors.begin(), errors.end(), 0.0) / precision;
  return true;
}

}  // namespace lmf
